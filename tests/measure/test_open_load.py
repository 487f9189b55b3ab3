"""A round of an open load: from when it counts."""

import pandas as pd
import pytest

from benchmark.measure.round import RawRound
from benchmark.measure.summarize import summarize
from tests.measure.test_summarize import ENDPOINT, PROFILE, START_S, raw, window

RATE = PROFILE.model_copy(update={"rate_per_s": 2.0, "duration_s": 10.0})


def open_raw() -> RawRound:
    """Requests are due from 1 s on, two a second; one is sent half a second late, as all users waited."""
    rows = pd.DataFrame({"due_s": [1.0, 1.5, 2.5], "sent_s": [1.0, 1.5, 3.0], "end_s": [2.0, 2.5, 4.0], "error": ""})
    seen = window(
        opened_s=START_S + 1.0, due=18, sent=17, first_answers_s=[START_S + 2.0], users_answered=1, all_answered_s=None
    )
    return raw(window=seen, rows=rows)


def test_latencies_count_from_when_requests_were_due() -> None:
    made = summarize(open_raw(), ENDPOINT, RATE)
    assert (made.median_ms, made.max_ms) == (1000.0, 1500.0)
    assert made.open_load is not None
    assert made.open_load.from_sent.max_ms == 1000.0
    assert (made.open_load.late_p99_ms, made.open_load.late_max_ms) == (500.0, 500.0)


def test_the_clock_starts_when_requests_began_to_be_due() -> None:
    made = summarize(open_raw(), ENDPOINT, RATE)
    assert made.load_end_s == 9.0
    assert made.throughput_rps == pytest.approx(3 / 9.0, abs=0.001)  # and not by the 3 s until the last response
    assert made.open_load is not None
    assert made.open_load.from_sent.throughput_rps == made.throughput_rps
    assert made.open_load is not None
    assert (made.open_load.due, made.open_load.offered_rps) == (18, 2.0)
    assert made.open_load.achieved_rps == pytest.approx(17 / 9, abs=0.001)


def test_users_need_not_all_be_asked_and_littles_law_says_nothing() -> None:
    made = summarize(open_raw(), ENDPOINT, RATE)
    assert made.users_answered is None
    assert made.users_waiting_ratio is None
    assert made.steady is not None


def test_a_closed_load_has_none() -> None:
    assert summarize(raw(), ENDPOINT, PROFILE).open_load is None
