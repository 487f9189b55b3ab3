"""Answers of other machines lose nothing on their way but what is said of them."""

import csv
import io
import time
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from load import results
from load.http_client import Response
from load.results import REQUEST_COLUMNS, Answer, Answers, quoted

LATENCIES_MS = st.floats(min_value=0.001, max_value=10_000_000.0)
ONE = st.tuples(st.floats(min_value=0.0, max_value=4000.0), LATENCIES_MS, st.sampled_from(["", "", "status 500"]))
MANY = st.lists(ONE, max_size=40)
STARTS_S = st.floats(min_value=1.7e9, max_value=2.1e9)


def counted(came: Sequence[tuple[float, float, str]], tell_after: int) -> list[Answer]:
    """What a process tells that got these answers, (s since it began, ms, error), and told twice."""
    told: list[Answer] = []
    with pytest.MonkeyPatch.context() as patch:
        mine = Answers()
        for number, (at_s, latency_ms, error) in enumerate(came):
            moment = mine.start_s + at_s
            patch.setattr(time, "monotonic", lambda moment=moment: moment)
            mine.add(response_time=latency_ms, response=Response(), exception=error or None, name="an endpoint")
            if number == tell_after:
                told += mine.told()["answers"]
        told += mine.told()["answers"]
        assert mine.told()["answers"] == []
    return told


def written(told: list[Answer], start_s: float) -> list[dict[str, float | str]]:
    """The rows that the one that leads writes."""
    return [dict(zip(REQUEST_COLUMNS, row, strict=True)) for answer in told for row in results.rows(start_s, answer)]


@given(MANY, st.integers(min_value=0, max_value=39), STARTS_S)
def test_every_answer_is_counted_once_with_what_was_wrong_with_it(
    came: list[tuple[float, float, str]], tell_after: int, start_s: float
) -> None:
    rows = written(counted(came, tell_after), start_s)
    assert Counter(row["exception"] for row in rows) == Counter(error for _, _, error in came)


@given(MANY, STARTS_S)
def test_a_latency_is_off_by_half_a_thousandth_at_most(came: list[tuple[float, float, str]], start_s: float) -> None:
    rows = written(counted(came, -1), start_s)
    found = sorted((float(row["end_s"]) - float(row["sent_s"])) * 1000 for row in rows)
    for latency_ms, expected_ms in zip(found, sorted(latency_ms for _, latency_ms, _ in came), strict=True):
        assert latency_ms == pytest.approx(expected_ms, rel=0.0005, abs=0.002), "two moments of a microsecond"


@given(MANY, STARTS_S)
def test_an_answer_ends_within_its_millisecond_on_the_clock_of_who_leads(
    came: list[tuple[float, float, str]], start_s: float
) -> None:
    rows = written(counted(came, -1), start_s)
    ends_s = sorted(float(row["end_s"]) - start_s for row in rows)
    for end_s, expected_s in zip(ends_s, sorted(at_s for at_s, _, _ in came), strict=True):
        assert end_s == pytest.approx(expected_s, abs=0.001 + 3e-6), "and the resolution of a clock since 1970"


def test_secrets_are_struck_out_before_anything_leaves_the_machine() -> None:
    mine = Answers()
    mine.secrets = ["s3cret"]
    late = Response()
    late.due_s, late.sent_s = 1.0, 1.0123456
    mine.add(name="an endpoint", response_time=1.0, response=late, exception=RuntimeError("who is s3cret?"))
    ((_, _, late_ms, error, name, count),) = mine.told()["answers"]
    assert (late_ms, error, name, count) == (12.35, "who is [redacted]?", "an endpoint", 1)


def test_seconds_are_counted_from_the_start_and_told_once() -> None:
    mine = Answers()
    mine.seconds.append((mine.start_s + 1.5, 8, 100))
    ((after_s, *rest),) = mine.told()["seconds"]
    assert after_s == pytest.approx(1.5)
    assert rest == [8, 100]
    assert mine.told()["seconds"] == []


@pytest.mark.parametrize("text", ["", "a, b", 'say "no"', "two\nlines", "a\r\nb", "\n", "plain"])
def test_a_text_is_one_field_of_a_row_whatever_it_holds(text: str) -> None:
    ((before, field, after),) = csv.reader(io.StringIO(f"1,{quoted(text)},2\n", newline=""))
    assert (before, field, after) == ("1", text, "2")
