"""Numbers as people read them; names from outside are inert."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.formatting import code_block, inert, ms, rate, seconds


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "n/a"), (79082.4, "79082"), (100, "100"), (99.94, "99.9"), (5.0, "5.0"), (0.123, "0.12"), (-3.21, "-3.2")],
)
def test_a_latency_has_as_many_digits_as_it_deserves(value: float | None, shown: str) -> None:
    assert ms(value) == shown


def test_rates_have_two_decimals_as_in_the_published_table() -> None:
    assert (rate(5.2931), rate(0), rate(None)) == ("5.29", "0.00", "n/a")


@pytest.mark.parametrize(("value", "shown"), [(300.0, "5 min"), (30.0, "30 s"), (0.5, "0.5 s"), (90.0, "90 s")])
def test_a_length_of_time_is_said_as_people_say_it(value: float, shown: str) -> None:
    assert seconds(value) == shown


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("a|b", "a\\|b"),
        ("`code`", "\\`code\\`"),
        ("<script>alert(1)</script>", "\\<script\\>alert(1)\\</script\\>"),
        ("[x](javascript:alert(1))", "\\[x\\](javascript:alert(1))"),
        ("line\nbreak\r\nand\ttab", "line break  and tab"),
        ("right\u202eleft", "rightleft"),
        ("https://evil.example", "https\\://evil.example"),
        ("@somebody", "@<!-- -->somebody"),
        ("snake_case_name", "snake_case_name"),
        ("_emphasis_", "\\_emphasis\\_"),
        ("&lt;b&gt;", "\\&lt;b\\&gt;"),
        ("$x$", "\\$x\\$"),
        ("😀", "😀"),
    ],
)
def test_markdown_in_a_name_shows_and_does_nothing(hostile: str, shown: str) -> None:
    assert inert(hostile) == shown


def test_a_name_of_ten_thousand_characters_is_cut() -> None:
    assert len(inert("x" * 10_000)) == 200
    assert inert("x" * 10_000).endswith("…")


@given(st.text())
def test_a_name_never_breaks_out_of_its_table_cell(name: str) -> None:
    shown = inert(name)
    assert "\n" not in shown
    assert "\r" not in shown
    bare = shown.replace("\\\\", "").replace("@<!-- -->", "")
    for position, char in enumerate(bare):
        if char in "|`<>[]":
            assert bare[position - 1] == "\\"


@given(st.text())
def test_a_code_block_can_not_be_left_from_inside(text: str) -> None:
    lines = code_block(text).split("\n")
    fence = lines[0].removesuffix("text")
    assert lines[-1] == fence
    assert not [line for line in lines[1:-1] if fence in line]
