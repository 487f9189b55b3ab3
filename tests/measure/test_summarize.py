"""From what a round wrote to its figures."""

import math
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.measure.load_test import Window
from benchmark.measure.round import RawRound
from benchmark.measure.summarize import cpu_us_per_request, on_time, steady_start, summarize
from benchmark.plan import Endpoint
from benchmark.streams import FirstByte
from tests.support.records import some_plan

START_S = 1_700_000_000.0
ENDPOINT = Endpoint(name="awaiting", path="/", served="event loop", work_tasks=1)
PROFILE = some_plan(users=2, task_seconds=1).profile


def window(**changes: Any) -> Window:
    """Two users who begin at 0 s and are stopped at 10 s, each a second into a request."""
    values: dict[str, Any] = {
        "start_s": START_S,
        "spawned_s": START_S + 0.5,
        "all_answered_s": START_S + 2.0,
        "stop_s": START_S + 10.0,
        "users_spawned": 2,
        "users_answered": 2,
        "waiting_since_s": [START_S + 9.0, START_S + 9.0],
        "requests": 18,
        "garbage_collection_on": False,
    }
    return Window(**(values | changes))


def requests() -> pd.DataFrame:
    """Two users answered at every full second from 1 to 9."""
    return rows_of([float(n) for n in range(1, 10) for _ in range(2)])


def rows_of(ends: list[float], took_s: float = 1.0) -> pd.DataFrame:
    """Right responses that all took the same time."""
    return pd.DataFrame({"sent_s": [end - took_s for end in ends], "end_s": ends, "error": ""})


def samples(connections: tuple[int, int] = (1, 1)) -> pd.DataFrame:
    """One sample a second; the last one finds the connections already closed."""
    rows = []
    for second in range(1, 12):
        row: dict[str, float] = {"time_s": START_S + second, "generator_cpu_percent": 10.0}
        row |= {"machine_cpu_percent": 20.0, "steal_percent": 0.5}
        for worker, count in enumerate(connections):
            row |= {f"worker{worker}_cpu_percent": 30.0 + worker, f"worker{worker}_rss_bytes": 1000}
            row |= {f"worker{worker}_threads": 4, f"worker{worker}_connections": count if second < 11 else 0}
        rows.append(row)
    return pd.DataFrame(rows)


def generator(cpu_percent: tuple[float, ...] = (10.0,), rss_bytes: int = 2000, lag_ms: float = 1.0) -> pd.DataFrame:
    """What a process of the generator says of itself each second."""
    seconds = [START_S + number for number, _ in enumerate(cpu_percent, start=1)]
    return pd.DataFrame({"time_s": seconds, "cpu_percent": cpu_percent}).assign(
        users=2, requests=2, failures=0, lag_ms=lag_ms, rss_bytes=rss_bytes
    )


def raw(**changes: Any) -> RawRound:
    """A quiet round."""
    values: dict[str, Any] = {"round": 1, "started_at": "2026-01-02T03:04:05Z", "window": window()}
    values |= {"rows": requests(), "samples": samples(), "generator": generator()}
    values |= {"cores": 4, "children_cpu_percent": 0.0, "processes": (generator(),)}
    return RawRound(**(values | changes))


def test_cpu_per_request_is_of_what_ended_between_two_samples_also_where_a_worker_was_replaced() -> None:
    used = samples().assign(
        worker0_cpu_s=[0.1 * n for n in range(11)], worker1_cpu_s=[5.0, *(0.1 * n for n in range(10))]
    )
    # 9 seconds with two responses each lie behind the first sample; worker 1 was replaced in the first of them
    assert cpu_us_per_request(used[:10], raw()) == pytest.approx(1e6 * (0.9 + 0.8) / 16, abs=0.1)
    assert cpu_us_per_request(used[:1], raw()) is None
    assert cpu_us_per_request(samples(), raw()) is None, "older samples have no such clock"


def test_the_whole_load_and_its_steady_part_are_summed_up_by_the_same_code() -> None:
    made = summarize(raw(), ENDPOINT, PROFILE)
    assert (made.requests, made.throughput_rps) == (18, 2.0)  # the last answer came after 9 s
    assert made.steady is not None
    assert (made.steady_start_s, made.steady.requests, made.steady.throughput_rps) == (2.0, 14, 1.75)
    assert (made.excess_mean_ms, made.in_flight) == (0.0, 2)


def test_users_that_always_wait_are_accounted_for_whatever_the_window_cuts() -> None:
    assert summarize(raw(), ENDPOINT, PROFILE).users_waiting_ratio == pytest.approx(1.0)


def test_rest_that_the_profile_asks_for_is_accounted_for_too() -> None:
    ends = [float(n) for n in range(1, 10, 2) for _ in range(2)]
    rows = rows_of(ends)
    resting = PROFILE.model_copy(update={"wait_s": 1.0})
    nobody_waits = window(waiting_since_s=[], all_answered_s=START_S + 1.0, stop_s=START_S + 9.0)
    made = summarize(raw(rows=rows, window=nobody_waits), ENDPOINT, resting)
    assert made.users_waiting_ratio == pytest.approx(1.0)


def test_what_is_neither_response_nor_think_time_is_a_pause_between_two_requests() -> None:
    """Users who wait for a second, think for one, and are held up for half a second in each cycle."""
    ends = [1.0 + 2.5 * n for n in range(8) for _ in range(2)]
    rows = rows_of(ends)
    thinking = PROFILE.model_copy(update={"wait_s": 1.0, "duration_s": 20.0})
    late = window(waiting_since_s=[], spawned_s=START_S, all_answered_s=START_S + 2.5, stop_s=START_S + 20.0)
    made = summarize(raw(rows=rows, window=late), ENDPOINT, thinking)
    assert made.users_waiting_ratio == pytest.approx(0.8)
    assert made.pause_ms == pytest.approx(500.0)


def test_users_who_are_never_held_up_do_not_pause() -> None:
    assert summarize(raw(), ENDPOINT, PROFILE).pause_ms == pytest.approx(0.0)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"spawned_s": None}, id="the ramp never ended"),
        pytest.param({"all_answered_s": None}, id="somebody was never answered, or nobody knows"),
        pytest.param({"all_answered_s": START_S + 9.5}, id="less than one answer time is left"),
    ],
)
def test_there_is_no_steady_part_when(changes: dict[str, Any]) -> None:
    assert steady_start(window(**changes), requests()) is None
    made = summarize(raw(window=window(**changes)), ENDPOINT, PROFILE)
    assert made.steady is None
    assert made.users_waiting_ratio is None


def test_connections_are_those_of_the_load_not_of_its_end() -> None:
    assert summarize(raw(samples=samples((290, 210))), ENDPOINT, PROFILE).connections_per_worker == (290, 210)


def test_connections_are_all_of_one_moment() -> None:
    """The last sample of a short load may be taken while users leave; a mean of it and the one before never was."""
    short = samples((4, 6)).iloc[:3].copy()
    short["time_s"] = [START_S + 1.0, START_S + 2.0, START_S + 3.0]
    short["worker0_connections"], short["worker1_connections"] = [0, 4, 0], [0, 6, 1]
    ended = window(spawned_s=START_S + 1.5, stop_s=START_S + 3.2)
    assert summarize(raw(samples=short, window=ended), ENDPOINT, PROFILE).connections_per_worker == (4, 6)


def test_seconds_in_which_connections_were_not_counted_say_nothing_of_them() -> None:
    seen = samples((290, 210))
    seen["worker0_connections"] = [math.nan, 10, math.nan, math.nan, *seen["worker0_connections"][4:]]
    assert summarize(raw(samples=seen), ENDPOINT, PROFILE).connections_per_worker == (290, 210)
    assert all(sum(item.connections_per_worker) > 0 for item in summarize(raw(samples=seen), ENDPOINT, PROFILE).dealt)
    seen["worker0_connections"] = math.nan
    made = summarize(raw(samples=seen), ENDPOINT, PROFILE)
    assert (made.connections_per_worker, made.dealt) == (None, ())


def test_an_app_elsewhere_has_no_server_figures() -> None:
    bare = samples()[["time_s", "generator_cpu_percent", "machine_cpu_percent", "steal_percent"]]
    made = summarize(raw(samples=bare), ENDPOINT, PROFILE)
    assert made.connections_per_worker is None
    assert made.resources.worker_cpu_mean_percent is None
    assert made.resources.others_cpu_mean_percent is None
    assert made.resources.generator_cpu_mean_percent == 10.0
    assert set(made.timeline.server_cpu_percent) == {None}


@pytest.mark.parametrize(("children_percent", "others_percent"), [(0.0, 7.0), (2.5, 4.5), (8.0, 0.0)])
def test_other_programs_used_what_is_neither_the_servers_nor_the_generators_nor_the_hosts(
    children_percent: float, others_percent: float
) -> None:
    """Of 4 x 20 % of busy processors 4 x 0.5 % were the host's, 30 and 31 % the workers', 10 % the generator's."""
    made = summarize(raw(children_cpu_percent=children_percent), ENDPOINT, PROFILE)
    assert made.resources.others_cpu_mean_percent == others_percent


def test_of_several_load_processes_the_busiest_is_judged_and_the_cost_is_that_of_all() -> None:
    processes = (generator((50.0, 70.0), 2000, 1.0), generator((90.0, 95.0), 3000, 9.0))
    used = summarize(raw(processes=processes), ENDPOINT, PROFILE).resources
    assert (used.generator_cpu_peak_percent, used.generator_cpu_mean_percent) == (95.0, 152.5)
    assert used.generator_cpu_p90_percent == 94.5
    assert used.generator_rss_peak_bytes == 5000
    assert used.generator_lag_p99_ms == 9.0
    timeline = summarize(raw(processes=processes), ENDPOINT, PROFILE).timeline
    assert timeline.generator_cpu_percent[:3] == (140.0, 165.0, None)


def test_who_was_not_heard_for_a_while_is_kept() -> None:
    silent = {"load worker 2 on b": 4.5}
    assert summarize(raw(window=window(silences=silent)), ENDPOINT, PROFILE).silences == silent


def test_nothing_answered_is_summed_up_too() -> None:
    nothing = pd.DataFrame({"sent_s": [], "end_s": [], "error": []}, dtype=object)
    made = summarize(raw(rows=nothing), ENDPOINT, PROFILE)
    assert (made.requests, made.avg_ms, made.quantiles, made.steady) == (0, None, None, None)
    assert sum(made.timeline.requests) == 0


def test_the_timeline_has_one_step_a_second_and_the_state_sampled_in_it() -> None:
    line = summarize(raw(), ENDPOINT, PROFILE).timeline
    assert (line.step_s, len(line.requests)) == (1.0, 10)
    assert line.requests == (2, 2, 2, 2, 2, 2, 2, 2, 2, 0)
    assert line.server_cpu_percent[0] == 61.0
    assert line.server_threads[0] == 8
    assert line.users[0] == 2


def test_who_came_to_which_worker_is_kept_while_connections_grow() -> None:
    seen = samples()
    seen["worker1_connections"] = [0, 0, 3, 3, 3, 2, 3, 3, 5, 5, 0]
    found = summarize(raw(samples=seen), ENDPOINT, PROFILE).dealt
    assert [(item.at_s, item.connections_per_worker) for item in found] == [(1, (1, 0)), (3, (1, 3)), (9, (1, 5))]


def test_a_wave_that_is_answered_while_the_load_is_being_stopped_counts_as_still_waiting() -> None:
    """Seen on 2026-11-24: stopped after 300.05 s, with 4 answers of the 20th wave of 15 s: 5.08, not 5.31 req/s."""
    rows = pd.concat([requests(), rows_of([10.02], 1.02)])
    late = window(stop_s=START_S + 10.05, waiting_since_s=[START_S + 9.0, START_S + 10.02], requests=19)
    profile = PROFILE.model_copy(update={"duration_s": 10.0})
    made = summarize(raw(rows=rows, window=late), ENDPOINT, profile)
    assert (made.requests, made.in_flight, made.load_end_s) == (18, 2, 10.0)
    assert made.throughput_rps == pytest.approx(18 / 9)
    assert made.users_waiting_ratio == pytest.approx(1.0)


def test_a_load_that_was_stopped_early_keeps_all_its_answers() -> None:
    early = raw(window=window(stop_s=START_S + 9.5))
    assert on_time(early, 10.0) is early


def test_what_is_answered_while_a_load_that_was_stopped_early_is_being_stopped_counts_as_still_waiting() -> None:
    """Seen on 2026-11-24: processes that were told to stop 0.2 ms early went on for 33 ms, and got six answers."""
    rows = pd.concat([requests(), rows_of([10.02], 1.02)])
    early = on_time(raw(rows=rows, window=window(stop_s=START_S + 9.9998, waiting_since_s=[START_S + 9.0])), 10.0)
    assert len(early.rows) == 18
    assert early.window.stop_s == START_S + 9.9998
    assert early.window.waiting_since_s == pytest.approx([START_S + 9.0, START_S + 9.0])


def test_who_is_answered_for_the_first_time_while_the_load_is_being_stopped_was_not_answered() -> None:
    rows = pd.DataFrame({"sent_s": [0.0, 0.0], "end_s": [9.0, 10.02], "error": ["", ""]})
    firsts = [START_S + 9.0, START_S + 10.02]
    late = window(
        stop_s=START_S + 10.05, all_answered_s=firsts[1], first_answers_s=firsts, waiting_since_s=[START_S + 9.0]
    )
    profile = PROFILE.model_copy(update={"duration_s": 10.0})
    made = summarize(raw(rows=rows, window=late), ENDPOINT, profile)
    assert (made.users_started, made.users_answered, made.requests, made.in_flight) == (2, 1, 1, 2)
    assert made.steady is None


@settings(deadline=None)
@given(
    requests=st.lists(st.tuples(st.floats(0, 12), st.floats(0.001, 12), st.booleans()), max_size=60),
    stopped_s=st.floats(9.0, 10.5),
)
def test_each_request_that_was_sent_is_answered_or_waiting_or_was_begun_after_the_end(
    requests: list[tuple[float, float, bool]], stopped_s: float
) -> None:
    """Users go on for a moment after the end, until 10.5 s; what has no response by then waits."""
    sent = [(at_s, took_s, wrong) for at_s, took_s, wrong in requests if at_s <= 10.5]
    ended = [(at_s, at_s + took_s, "wrong" * wrong) for at_s, took_s, wrong in sent if at_s + took_s <= 10.5]
    rows = pd.DataFrame(ended, columns=["sent_s", "end_s", "error"]).astype(
        {"sent_s": float, "end_s": float, "error": str}
    )
    waiting = [START_S + at_s for at_s, took_s, _ in sent if at_s + took_s > 10.5]
    seen = window(stop_s=START_S + stopped_s, waiting_since_s=waiting, requests=len(rows), begun=len(sent))
    made = summarize(raw(rows=rows, window=seen), ENDPOINT, PROFILE.model_copy(update={"duration_s": 10.0}))
    assert made.in_flight is not None
    assert made.after_end is not None
    assert made.requests + made.in_flight + made.after_end == made.sent == len(sent)


def test_first_bytes_and_what_sending_cost_are_kept() -> None:
    after_s = [0.1] * 8 + [math.nan] + [0.3] * 8 + [9.0]
    rows = requests().assign(error=[""] * 17 + ["wrong"])
    rows["first_byte_s"] = rows["sent_s"] + after_s
    seen = window(generator_cpu_s=0.0018, reconnected=3, closed=4, withheld=5, repeated=1, cut_off=2, begun=20)
    made = summarize(raw(rows=rows, window=seen), ENDPOINT, PROFILE)
    assert made.first_byte == FirstByte(median_ms=100.0, p95_ms=300.0, p99_ms=300.0)
    assert made.resources.generator_cpu_us_per_request == 100.0
    assert (made.sent, made.reconnected, made.repeated, made.cut_off) == (20, 3, 1, 2)
    assert (made.closed, made.withheld) == (4, 5)


def test_what_is_not_known_of_a_load_is_not_claimed() -> None:
    made = summarize(raw(window=window(waiting_since_s=None)), ENDPOINT, PROFILE)
    assert (made.sent, made.in_flight, made.after_end, made.first_byte) == (None, None, None, None)
    assert made.resources.generator_cpu_us_per_request is None
