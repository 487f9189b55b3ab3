"""Where measurement and theory are apart, the report says so and names what the evidence speaks for."""

from typing import Any

import pytest

from benchmark.judge.findings import warnings
from benchmark.plan import Endpoint
from benchmark.record import Columns, Finding, Round
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
        ({"resources": {"busiest_worker_p90_percent": 99.0}}, "a worker's processor was saturated"),
        ({"resources": {"machine_cpu_mean_percent": 99.0}}, "the machine's processors were saturated"),
        (
            {"resources": {"machine_cpu_mean_percent": 99.0, "others_cpu_mean_percent": 120.0}},
            "other programs kept the processors busy",
        ),
        ({"resources": {"steal_percent": 20.0}}, "the machine was taken away"),
        ({"connections_per_worker": (1, 2)}, "3 connections were seen for 10 users"),
        ({"min_ms": 200.0}, "even the fastest answer took 200 ms, with 150 ms of own work declared"),
        ({"load_end_s": 0.5}, "too short"),
        ({}, "nothing that was recorded explains it"),
    ],
)
def test_the_likeliest_cause_is_named_from_the_evidence(changes: dict[str, Any], cause: str) -> None:
    finding = found({"throughput_rps": 1000.0}, **changes)
    assert finding is not None
    assert cause in finding.message
    assert "req/s -" in finding.message
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
    assert "does not answer in the order of asking" in finding.message
