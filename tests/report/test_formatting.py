"""Numbers as people read them; names from outside are inert."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.formatting import code_block, inert, latency, ms, rate, seconds, signed_percent


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "n/a"), (79082.4, "79,082"), (100, "100"), (99.94, "99.9"), (5.0, "5.0"), (0.123, "0.12"), (-3.21, "−3.2")],
)
def test_a_latency_has_as_many_digits_as_it_deserves(value: float | None, shown: str) -> None:
    assert ms(value) == shown


@pytest.mark.parametrize(
    ("value_ms", "shown"),
    [
        *[(None, "n/a"), (0.52, "0.52 ms"), (51.41, "51.4 ms"), (999.4, "999 ms"), (999.6, "1.00 s"), (5004, "5.00 s")],
        *[(9994.9, "9.99 s"), (9996, "10.0 s"), (15003, "15.0 s"), (120069, "120 s"), (1.5e7, "15,000 s")],
    ],
)
def test_a_latency_is_shown_with_the_unit_that_suits_it(value_ms: float | None, shown: str) -> None:
    assert latency(value_ms) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(0.004, "0.0%"), (-0.04, "0.0%"), (1.25, "+1.2%"), (-11.7, "−12%"), (1234.0, "+1,234%")]
)
def test_a_difference_has_its_sign_unless_it_is_shown_as_nothing(value: float, shown: str) -> None:
    assert signed_percent(value) == shown


def test_rates_have_two_decimals_as_in_the_published_table() -> None:
    assert (rate(5.2931), rate(0), rate(None), rate(1234.5)) == ("5.29", "0.00", "n/a", "1,234.50")


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
