"""Request rows become columns: exact, and the same for measured and predicted rows."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.summary import (
    GRID_PERCENT,
    bins,
    columns,
    failure_kinds,
    locust_elapsed_s,
    mean_waiting,
    over_rounds,
    per_bin,
    quantile_grid,
    quantiles_ms,
    within,
)

latencies = st.lists(st.floats(0.01, 1e6, allow_nan=False), min_size=1, max_size=200)


def rows_of(
    latencies_ms: list[float], *, errors: list[str] | None = None, end_s: list[float] | None = None
) -> pd.DataFrame:
    """Request rows with these latencies, answered one second after the other unless said otherwise."""
    count = len(latencies_ms)
    return pd.DataFrame(
        {
            "end_s": end_s or [float(n + 1) for n in range(count)],
            "latency_ms": [float(value) for value in latencies_ms],
            "error": errors or [""] * count,
        }
    )


def test_percentiles_are_those_of_the_nearest_rank_textbook_example() -> None:
    # https://en.wikipedia.org/wiki/Percentile#The_nearest-rank_method, second worked example
    values = np.array([3.0, 6, 7, 8, 8, 10, 13, 15, 16, 20])
    assert quantiles_ms(values, [25, 50, 75, 100]).tolist() == [7, 8, 15, 20]


@given(latencies)
def test_every_percentile_is_a_latency_that_occurred_and_covers_its_share(values: list[float]) -> None:
    exact = np.array(values)
    for percent in (50.0, 66.0, 90.0, 99.0, 99.9):
        (found,) = quantiles_ms(exact, [percent])
        assert found in exact
        assert (exact <= found).mean() >= percent / 100 - 1e-9
        assert (exact < found).mean() < percent / 100 + 1e-9


@given(latencies)
def test_percentiles_never_fall_from_one_to_the_next(values: list[float]) -> None:
    made = columns(rows_of(values), 10.0, None)
    ladder = [made.min_ms, made.median_ms, made.p66_ms, made.p75_ms, made.p80_ms, made.p90_ms, made.p95_ms]
    ladder += [made.p98_ms, made.p99_ms, made.p999_ms, made.max_ms]
    known = [step for step in ladder if step is not None]
    assert len(known) == len(ladder)
    assert known == sorted(known)


def test_rates_divide_by_the_elapsed_time_and_count_failures_as_requests_like_locust() -> None:
    made = columns(rows_of([10, 20, 30, 40], errors=["", "bad", "", ""]), 2.0, None)
    assert (made.requests, made.failures, made.throughput_rps, made.failures_rps) == (4, 1, 2.0, 0.5)


def test_excess_is_latency_beyond_the_own_work_and_absent_when_none_is_declared() -> None:
    rows = rows_of([1010, 1020, 1030])
    assert columns(rows, 3.0, 1.0).excess_mean_ms == pytest.approx(20)
    assert columns(rows, 3.0, 1.0).excess_p99_ms == pytest.approx(30)
    assert columns(rows, 3.0, None).excess_mean_ms is None


def test_nothing_answered_gives_no_latency_instead_of_zero() -> None:
    made = columns(rows_of([]), 0.0, 1.0)
    assert (made.requests, made.avg_ms, made.throughput_rps, made.excess_mean_ms) == (0, None, None, None)
    assert quantile_grid(rows_of([])) is None
    assert locust_elapsed_s(rows_of([])) == 0


def test_the_published_rate_follows_from_the_time_of_the_last_answer() -> None:
    # 9,500 requests, the last one answered 294.7 s after the start: 32.24 req/s, as published on 2025-01-18.
    rows = rows_of([15_000.0] * 9500, end_s=np.linspace(15, 294.7, 9500).tolist())
    rate = columns(rows, locust_elapsed_s(rows), None).throughput_rps
    assert rate == pytest.approx(32.24, abs=0.005)


@given(users=st.integers(1, 20), answer_s=st.floats(0.1, 5), window_s=st.floats(1, 50), begin_s=st.floats(0, 20))
def test_users_that_always_wait_are_all_accounted_for_in_any_window(
    users: int, answer_s: float, window_s: float, begin_s: float
) -> None:
    end_s = begin_s + window_s
    count = math.floor(end_s / answer_s)
    ends = [answer_s * (n + 1) for n in range(count)] * users
    rows = rows_of([answer_s * 1000] * len(ends), end_s=ends)
    still_waiting = [answer_s * count] * users
    assert mean_waiting(rows, still_waiting, begin_s, end_s) == pytest.approx(users)


def test_time_that_users_spend_outside_requests_is_missing_from_the_mean() -> None:
    # One user: half a second waiting for an answer, half a second held up in the generator.
    ends = [n + 0.5 for n in range(10)]
    assert mean_waiting(rows_of([500.0] * 10, end_s=ends), [], 0.0, 10.0) == pytest.approx(0.5)


def test_a_window_takes_what_was_answered_after_its_begin_and_not_after_its_end() -> None:
    rows = rows_of([1, 1, 1], end_s=[1.0, 2.0, 3.0])
    assert within(rows, 1.0, 2.0)["end_s"].tolist() == [2.0]


@given(st.lists(st.floats(0.001, 300), max_size=50), st.integers(1, 50))
def test_every_answer_falls_into_exactly_one_step_of_the_timeline(ends: list[float], most: int) -> None:
    rows = rows_of([1.0] * len(ends), end_s=ends)
    borders = bins(300.0, most)
    assert len(borders) <= most + 1
    assert sum(len(part) for part in per_bin(rows, borders)) == len(ends)


@given(latencies)
def test_the_quantile_grid_holds_the_whole_distribution_from_least_to_most(values: list[float]) -> None:
    grid = quantile_grid(rows_of(values))
    assert grid is not None
    assert len(grid.latency_ms) == len(GRID_PERCENT)
    assert grid.latency_ms[0] == pytest.approx(min(values), abs=0.001)
    assert grid.latency_ms[-1] == pytest.approx(max(values), abs=0.001)


def test_failures_are_counted_by_what_they_say_and_the_rare_ones_together() -> None:
    errors = ["refused"] * 5 + [f"odd {n}" for n in range(30)] + [""] * 3
    kinds = failure_kinds(rows_of([1.0] * len(errors), errors=errors))
    assert (kinds[0].message, kinds[0].count) == ("refused", 5)
    assert kinds[-1].message == "other failures"
    assert sum(kind.count for kind in kinds) == 35


def test_a_summary_over_rounds_gives_medians_and_how_far_rounds_were_apart() -> None:
    rounds = [columns(rows_of([value]), 1.0, None) for value in (10.0, 30.0, 20.0)]
    summary = over_rounds(rounds)
    assert summary.avg_ms == 20
    assert (summary.spread["avg_ms"].low, summary.spread["avg_ms"].high) == (10, 30)
