"""Lengths of time and numbers, as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.fields import parse_number, parse_seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5m", 300.0), ("30s", 30.0), ("1m30s", 90.0), ("250ms", 0.25), ("1h", 3600.0), ("90", 90.0), ("1.5s", 1.5)],
)
def test_a_duration_is_read_with_its_unit(text: str, seconds: float) -> None:
    assert parse_seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["5 parsecs", "", "m5", "5m 3", "1e3s", "nan", "inf", "--5", "5s; ls", "٣s"[1:] + "x"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_seconds(text)


@given(hours=st.integers(0, 99), minutes=st.integers(0, 59), seconds=st.integers(0, 59))
def test_parts_of_a_duration_add_up(hours: int, minutes: int, seconds: int) -> None:
    assert parse_seconds(f"{hours}h{minutes}m{seconds}s") == hours * 3600 + minutes * 60 + seconds


@given(st.integers(-(10**15), 10**15))
def test_a_whole_number_survives_being_written_with_a_decimal_point(number: int) -> None:
    assert parse_number(f"{number}.0") == number
    assert isinstance(parse_number(f"{number}.0"), int)


@given(st.text().filter(lambda text: not any(char.isdigit() for char in text)))
def test_text_without_a_digit_is_never_a_number(text: str) -> None:
    with pytest.raises(ValueError, match="expected a number such as"):
        parse_number(text)
