"""Request rows become columns: exact, and the same for measured and predicted rows."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.summary import (
    GRID_PERCENT,
    WORST_OF_FAILED,
    Span,
    bins,
    columns,
    failed_columns,
    failure_kinds,
    load_columns,
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
    ends_s = np.array(end_s or [float(n + 1) for n in range(count)])
    sent_s = ends_s - np.array(latencies_ms, dtype=float) / 1000
    return pd.DataFrame({"sent_s": sent_s, "end_s": ends_s, "error": errors or [""] * count})


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


@given(st.lists(st.tuples(st.floats(0.01, 1e6), st.sampled_from(["", "refused", "wrong"])), min_size=1, max_size=100))
def test_failed_requests_are_counted_and_in_no_latency_but_their_own(requests: list[tuple[float, str]]) -> None:
    latencies_ms, errors = [latency for latency, _ in requests], [error for _, error in requests]
    rows = rows_of(latencies_ms, errors=errors)
    made, grid = columns(rows, 10.0, 1.0), quantile_grid(rows)
    right, failed = rows[rows["error"] == ""], rows[rows["error"] != ""].assign(error="")
    counted: dict[str, float] = {"requests": len(rows), "failures": len(failed)}
    counted |= {"throughput_rps": len(rows) / 10, "failures_rps": len(failed) / 10}
    assert made == columns(right, 10.0, 1.0).model_copy(update=counted)
    assert grid == quantile_grid(right)
    its_own = columns(failed, 10.0, None).model_copy(update={"failures": len(failed), "failures_rps": len(failed) / 10})
    assert failed_columns(rows, made.failures_rps) == (None if failed.empty else its_own)


def test_where_all_failed_there_is_no_latency() -> None:
    made = columns(rows_of([1.0, 2.0], errors=["refused"] * 2), 1.0, 1.0)
    assert (made.requests, made.failures, made.avg_ms, made.p99_ms, made.excess_mean_ms) == (2, 2, None, None, None)


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


@given(
    users=st.integers(1, 20),
    latency_s=st.floats(0.01, 5),
    wait_s=st.floats(0.1, 5),
    spread=st.booleans(),
    begin_s=st.floats(10, 20),
    window_s=st.floats(0.5, 50),
)
def test_users_who_wait_or_think_are_all_accounted_for_in_any_window(
    users: int, latency_s: float, wait_s: float, begin_s: float, window_s: float, *, spread: bool
) -> None:
    end_s = begin_s + window_s
    apart_s = (latency_s + wait_s) / users if spread else 0.0
    rows, load = thinking(users, latency_s, wait_s, end_s, apart_s)
    assert mean_waiting(rows, load.waiting_since_s or (), begin_s, end_s, wait_s=wait_s) == pytest.approx(users)


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


def test_of_failed_requests_the_worst_round_counts_in_all_columns_that_count() -> None:
    rounds = [columns(rows_of([1.0] * count), 1.0, None) for count in (5, 9, 2)]
    assert over_rounds(rounds).requests == 5
    assert (over_rounds(rounds, WORST_OF_FAILED).requests, over_rounds(rounds, WORST_OF_FAILED).throughput_rps) == (
        9,
        9,
    )


def thinking(users: int, latency_s: float, wait_s: float, load_s: float, apart_s: float) -> tuple[pd.DataFrame, Span]:
    """Rows of users who begin `apart_s` after each other, and the load with what still waits at its end."""
    cycle_s = latency_s + wait_s
    sent = [user * apart_s + n * cycle_s for user in range(users) for n in range(math.ceil(load_s / cycle_s))]
    ends = [sent_s + latency_s for sent_s in sent if sent_s + latency_s <= load_s]
    waiting = [sent_s for sent_s in sent if sent_s < load_s < sent_s + latency_s]
    return rows_of([latency_s * 1000] * len(ends), end_s=ends), Span(load_s, wait_s, waiting)


def test_twenty_users_who_think_three_seconds_ask_as_often_as_they_can() -> None:
    rows, load = thinking(20, 0.05, 3.0, 20.0, 0.0)
    made = load_columns(rows, load, None)
    assert made.requests == 140  # 7.63 per second by the time of the last response, 7 by the length of the load
    assert made.throughput_rps == pytest.approx(20 / 3.05, abs=0.001)


@given(
    users=st.integers(1, 30),
    latency_s=st.floats(0.01, 5),
    wait_s=st.floats(0.1, 10),
    load_s=st.floats(5.5, 100),
    spread=st.booleans(),
)
def test_users_who_think_are_counted_by_their_cycles_wherever_the_load_cuts_them(
    users: int, latency_s: float, wait_s: float, load_s: float, *, spread: bool
) -> None:
    cycle_s = latency_s + wait_s
    apart_s = cycle_s / users if spread else 0.0
    rows, load = thinking(users, latency_s, wait_s, load_s, apart_s)
    made = load_columns(rows, load, None)
    if rows.empty:
        assert made.throughput_rps is None or made.throughput_rps == 0
        return
    counted_rps = len(rows) / load_s
    assert abs((made.throughput_rps or 0.0) - counted_rps) <= users / load_s + 0.001
    began_s = [min(user * apart_s, load_s) for user in range(users)]
    expected_rps = sum(load_s - begin_s for begin_s in began_s) / cycle_s / load_s
    assert made.throughput_rps == pytest.approx(expected_rps, rel=0.001, abs=0.001)


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0.001, 10)), min_size=1, max_size=30), st.floats(0.01, 5))
def test_counting_by_cycles_moves_the_count_by_less_than_one_request_of_each_user(
    requests: list[tuple[float, float]], wait_s: float
) -> None:
    """One request of each user, of any length: answered, or still waiting at the end."""
    ended = [(sent, took) for sent, took in requests if sent + took <= 10]
    waiting = [sent for sent, took in requests if sent + took > 10]
    rows = rows_of([1000 * took for _, took in ended], end_s=[sent + took for sent, took in ended])
    made = load_columns(rows, Span(10.0, wait_s, waiting), None)
    assert abs((made.throughput_rps or 0.0) * 10 - len(ended)) <= len(requests) + 0.01


def test_without_think_time_the_rate_is_locusts_and_at_a_rate_it_is_that_of_the_whole_load() -> None:
    rows = rows_of([10.0] * 4, end_s=[1.0, 2.0, 3.0, 4.0])
    assert load_columns(rows, Span(10.0, 0.0, []), None).throughput_rps == 1.0
    assert load_columns(rows, Span(10.0, 1.0, None), None).throughput_rps == 1.0  # of one's own locustfile
    assert load_columns(rows, Span(10.0, is_open=True), None).throughput_rps == 0.4
