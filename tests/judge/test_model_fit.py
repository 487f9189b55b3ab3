"""Where measurement and theory are apart, the report says so and names what the evidence speaks for.

What the load generator costs anyway is no delay; what is beyond it is found, however few or many the users are.
"""

from typing import Any

import pytest

from benchmark.judge.findings import warnings
from benchmark.judge.model_fit import allowed_ms, held_up, lost_in_round, lost_ratio
from benchmark.plan import Endpoint
from benchmark.record import Columns, Finding, Round
from benchmark.service import MeasuredService
from tests.support.records import some_columns, some_plan, some_round

POOLED = Endpoint(name="pooled", path="/", served="thread pool", work_tasks=3)


def found(predicted: dict[str, float], **changes: Any) -> Finding | None:
    """What is said about a round for which these columns were predicted otherwise."""
    measured = some_round(prediction=Columns(**some_columns(**predicted)), **changes)
    return told(measured, POOLED)


def told(measured: Round, endpoint: Endpoint) -> Finding | None:
    """What the rule about theory says of a round."""
    return next((one for one in warnings(measured, endpoint, some_plan()) if one.kind == "theory"), None)


def test_agreement_within_three_percent_is_not_worth_a_word() -> None:
    expected = some_columns()
    assert found({"avg_ms": expected["avg_ms"] * 1.029}) is None
    assert found({"avg_ms": expected["avg_ms"] * 1.04}) is not None


def test_without_a_prediction_nothing_is_said() -> None:
    assert told(some_round(), POOLED) is None


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"failures": 7}, "7 failed requests"),
        ({"users_waiting_ratio": 0.5}, "the load generator was saturated"),
        ({"resources": {"generator_cpu_p90_percent": 99.0}}, "the load generator was saturated"),
        ({"resources": {"busiest_worker_p90_percent": 99.0}}, "a worker's core was saturated"),
        ({"resources": {"machine_cpu_mean_percent": 99.0}}, "the CPU was saturated"),
        (
            {"resources": {"machine_cpu_mean_percent": 99.0, "others_cpu_mean_percent": 120.0}},
            "other programs kept the CPU busy",
        ),
        ({"resources": {"steal_percent": 20.0}}, "the machine had pauses"),
        ({"connections_per_worker": (1, 2)}, "3 connections were seen for 10 users"),
        ({"min_ms": 200.0}, "even the fastest response took 200 ms, with a declared work of 150 ms"),
        ({"load_end_s": 0.5}, "too short"),
        ({}, "nothing in the record explains it"),
    ],
)
def test_the_likeliest_cause_is_named_from_the_evidence(changes: dict[str, Any], cause: str) -> None:
    finding = found({"throughput_rps": 1000.0}, **changes)
    assert finding is not None
    assert cause in finding.message
    assert "req/s −97%" in finding.message
    assert finding.severity == "warning"


def test_the_strongest_evidence_comes_first() -> None:
    finding = found({"throughput_rps": 1000.0}, failures=7, resources={"steal_percent": 20.0})
    assert finding is not None
    assert "failed requests" in finding.message


def test_a_blocked_event_loop_is_known_to_answer_out_of_order() -> None:
    blocked = Endpoint(name="blocked", path="/", served="blocked event loop", work_tasks=3)
    measured = some_round(prediction=Columns(**some_columns(median_ms=10.0)))
    finding = told(measured, blocked)
    assert finding is not None
    assert "does not respond in the order of requests" in finding.message


def test_a_saturated_core_is_no_cause_where_computing_is_declared() -> None:
    computing = Endpoint(name="computing", path="/", served="cpu", work_tasks=3)
    measured = some_round(
        prediction=Columns(**some_columns(throughput_rps=1000.0)), resources={"busiest_worker_p90_percent": 99.0}
    )
    finding = told(measured, computing)
    assert finding is not None
    assert "cpu" not in finding.remedy


def test_where_the_cpu_is_the_limit_a_response_that_costs_more_than_diagnosed_explains_it() -> None:
    lone = MeasuredService(
        endpoint="awaiting",
        date="2026-11-29",
        responses=100,
        percent=(0, 100),
        latency_ms=(17, 18),
        server_cpu_us=115,
        generator_cpu_us=30,
        most_users=256,
        workers=1,
    )
    diagnosed = AWAITING.model_copy(update={"measured": lone})
    columns = Columns(**some_columns(throughput_rps=1000.0))
    used = {"busiest_worker_p90_percent": 99.0, "server_cpu_us_per_request": 136.0}
    finding = told(some_round(prediction=columns, resources=used), diagnosed)
    assert finding is not None
    assert "136 µs of CPU, and 115 µs when it was diagnosed with up to 256 users" in finding.message
    others = {"machine_cpu_mean_percent": 99.0, "others_cpu_mean_percent": 120.0}
    for spare in (
        used | {"busiest_worker_p90_percent": 50.0},
        used | {"server_cpu_us_per_request": 116.0},
        used | others,
    ):
        other = told(some_round(prediction=columns, resources=spare), diagnosed)
        assert other is not None
        assert "of CPU" not in other.message


AWAITING = Endpoint(name="awaiting", path="/", served="event loop", work_tasks=3)


def paused(ratio: float, pause_ms: float | None, cost_us: float | None, busy_percent: float = 12.0) -> Round:
    """A round in which users paused."""
    used: dict[str, Any] = {"generator_cpu_us_per_request": cost_us, "generator_cpu_mean_percent": busy_percent}
    return some_round(users_waiting_ratio=ratio, pause_ms=pause_ms, resources=used)


@pytest.mark.parametrize(
    ("measured", "users", "processes", "is_held_up"),
    [
        pytest.param(paused(0.93, 0.04, 40.0, 7.0), 1, 1, False, id="one user on a response of 0.5 ms"),
        pytest.param(paused(0.90, 0.25, 40.0, 99.0), 50, 1, False, id="fifty users on a bare response, generator full"),
        pytest.param(paused(0.36, 1800.0, 300.0, 100.0), 10_000, 1, True, id="ten thousand users of stock clients"),
        pytest.param(paused(0.90, 5.0, 40.0, 20.0), 10, 1, True, id="a listener that blocks for 5 ms"),
        pytest.param(paused(0.90, 0.25, 40.0, 99.0), 50, 4, True, id="four processes, of which each is a quarter busy"),
        pytest.param(paused(0.93, 0.04, None), 1, 1, True, id="cost not known, as in older records"),
        pytest.param(paused(0.93, None, 40.0), 1, 1, True, id="pause not known"),
        pytest.param(paused(0.97, None, None), 1, 1, False, id="three percent"),
    ],
)
def test_users_were_held_up_when_they_paused_for_longer_than_sending_explains(
    measured: Round, users: int, processes: int, *, is_held_up: bool
) -> None:
    plan = some_plan(users=users, processes=processes)
    assert held_up(measured, plan.profile) is is_held_up
    kinds = [found.kind for found in warnings(measured.model_copy(update={"users_started": users}), AWAITING, plan)]
    assert ("littles-law" in kinds) is is_held_up


def test_a_busy_generator_may_take_as_long_as_its_queue_and_no_longer_than_a_tenth_of_the_time_is_free() -> None:
    assert allowed_ms(100.0, 0.0) == pytest.approx(0.1)
    assert allowed_ms(100.0, 0.5) == pytest.approx(0.2)
    assert allowed_ms(100.0, 0.9) == allowed_ms(100.0, 1.5) == pytest.approx(1.0)


def test_only_what_is_beyond_the_cost_counts_as_lost() -> None:
    assert lost_ratio(0.8, 2.0, 0.5) == pytest.approx(0.2 * 0.75)
    assert lost_ratio(0.8, 0.5, 0.5) == lost_ratio(1.0, 0.0, 0.5) == 0.0
    assert lost_in_round(paused(0.8, 2.0, None), some_plan().profile) == pytest.approx(0.2)
    assert lost_in_round(some_round(users_waiting_ratio=None), some_plan().profile) is None


def test_the_alarm_names_the_pause_and_what_explains_it() -> None:
    (found,) = warnings(paused(0.5, 100.0, 300.0, 50.0), AWAITING, some_plan())
    assert found.message == (
        "Users paused for 100 ms between a response and the next request (Little's law); sending explains 0.60 ms of "
        "it. The rest, 50% of their time, was lost inside the load generator, so real latencies are longer than shown."
    )
