"""An endpoint that one lone user measured is predicted for others, beginning with that user."""

import math
from typing import Any

import numpy as np
import pytest

from benchmark.plan import Endpoint, Plan, Target
from benchmark.record import Columns
from benchmark.service import MeasuredService
from benchmark.theory.computing import bounds, held_s, machine, resampled, service
from benchmark.theory.predict import Prediction, predict, predict_open, predict_round
from benchmark.theory.processors import Machine
from benchmark.theory.simulation import OVERHEAD, Service
from tests.support.records import some_plan, some_round

PERCENT = (0.0, 10.0, 50.0, 90.0, 99.0, 100.0)
LONE = MeasuredService(
    endpoint="e",
    date="2026-11-28",
    responses=400,
    percent=PERCENT,
    latency_ms=(9.0, 9.6, 10.6, 12.0, 16.0, 30.0),
    server_cpu_us=5800.0,
    generator_cpu_us=120.0,
    most_users=64,
    workers=1,
)
SHAPES = {
    "constant": (5.0, 5.0, 5.0, 5.0, 5.0, 5.1),
    "mixed": LONE.latency_ms,
    "two kinds": (1.0, 1.1, 1.2, 40.0, 41.0, 42.0),
    "short": (0.15, 0.18, 0.21, 0.3, 0.5, 2.0),
}
SERVED = ("thread pool", "event loop", "blocked event loop", "pool", "cpu")


def loaded(users: int, *, workers: int = 1, duration_s: int = 30) -> Plan:
    plan = some_plan()
    load = {"users": users, "spawn_rate_per_s": users, "duration_s": duration_s, "wait_s": 0.0, "rate_per_s": None}
    profile = plan.profile.model_copy(update=load)
    return Plan(target=Target(import_path="a:app", workers=workers), profile=profile, endpoints=plan.endpoints)


def endpoint(lone: MeasuredService = LONE, served: str = "thread pool", **more: Any) -> Endpoint:
    return Endpoint.model_validate({"name": "e", "path": "/", "served": served, "measured": lone, **more})


def predicted(one: Endpoint, plan: Plan, on: Machine | None = None) -> Prediction:
    served = service(one, plan)
    assert served is not None
    return predict(plan, served, split=None, draws=1, on=on, seed=5)


@pytest.mark.parametrize("served", SERVED)
@pytest.mark.parametrize("shape", SHAPES)
def test_one_simulated_user_gets_the_latencies_that_one_user_measured(shape: str, served: str) -> None:
    """To what a quantile of so many draws can be off; at a steep place of the distribution that is more."""
    latency_ms = SHAPES[shape]
    computing_us = 0.6 * 1000 * float(np.interp(50, PERCENT, latency_ms))
    lone = LONE.model_copy(update={"latency_ms": latency_ms, "server_cpu_us": computing_us})
    plan = loaded(1, duration_s=math.ceil(2 * np.mean(latency_ms)))
    found = predicted(endpoint(lone, served, seats=3 if served == "pool" else None), plan, Machine(2))
    off = 3 * (2500 / found.requests) ** 0.5  # three standard errors of a median's percentage
    for column, percent in (("median_ms", 50.0), ("p95_ms", 95.0)):
        least, most = (float(np.interp(percent + sign * off, PERCENT, latency_ms)) for sign in (-1, 1))
        assert least * 0.99 <= getattr(found, column) <= most * 1.01


@pytest.mark.parametrize(
    ("served", "workers", "on", "by", "most_rps"),
    [
        ("event loop", 1, None, "workers", 1 / 0.0058),
        ("event loop", 2, Machine(2), "cores", 2 / (0.0058 + 0.00012)),
        ("cpu", 4, Machine(2, apart=True), "cores", 2 / 0.0058),
        ("pool", 1, Machine(4), "slots", 0.0),
    ],
)
def test_many_users_are_limited_by_what_binds(
    served: str, workers: int, on: Machine | None, by: str, most_rps: float
) -> None:
    one = endpoint(served=served, seats=1 if served == "pool" else None)
    plan = loaded(100, workers=workers, duration_s=20)
    how = service(one, plan)
    assert isinstance(how, Service)
    binding = bounds(how, on, OVERHEAD["fast"])[0]
    assert binding.by == by
    assert binding.rps == pytest.approx(most_rps or 1 / held_s(how))
    assert predicted(one, plan, on).throughput_rps == pytest.approx(binding.rps, rel=0.03)


def test_a_lone_user_whose_worker_was_not_seen_waits_for_all_of_it() -> None:
    lone = LONE.model_copy(update={"server_cpu_us": None})
    how = service(endpoint(lone, "event loop"), loaded(1))
    assert isinstance(how, Service)
    assert not how.computing_s
    assert predicted(endpoint(lone, "event loop"), loaded(50)).median_ms == pytest.approx(10.6, rel=0.02)


def test_a_declared_computing_part_limits_as_its_bound_says() -> None:
    one = Endpoint(name="e", path="/", served="mixed", work_s=0.0106, cpu_s=0.0058)
    assert predicted(one, loaded(50)).throughput_rps == pytest.approx(1 / 0.0058, rel=0.02)


def test_another_measurement_would_have_found_nearly_the_same() -> None:
    random = np.random.default_rng(0)
    medians = [
        float(np.interp(50, PERCENT, again.latency_ms))
        for _ in range(50)
        if (again := resampled(endpoint(), random).measured) is not None
    ]
    assert np.mean(medians) == pytest.approx(10.6, rel=0.01)
    assert 0.01 < np.std(medians) < 0.3


def test_cores_of_a_machine_are_those_that_the_load_leaves() -> None:
    plan = some_plan()
    assert machine(plan, 2) == Machine(2)
    auto = plan.model_copy(update={"profile": plan.profile.model_copy(update={"processes": 0})})
    assert machine(auto, 8) == Machine(8, generators=8 - plan.target.workers)
    elsewhere = plan.model_copy(update={"profile": plan.profile.model_copy(update={"load_workers": 3})})
    assert machine(elsewhere, 4) == Machine(4, apart=True, generators=3)


def test_a_round_of_a_measured_endpoint_is_predicted_for_its_cores() -> None:
    plan = loaded(20, workers=2, duration_s=10)
    measured = some_round(users_started=20, connections_per_worker=(10, 10), dealt=())
    few, many = (predict_round(plan, endpoint(served="mixed", cpu_s=0.0058), measured, Machine(n)) for n in (1, 4))
    assert isinstance(few, Columns)
    assert isinstance(many, Columns)
    assert (many.throughput_rps or 0) > 1.5 * (few.throughput_rps or 0)
    unseen = measured.model_copy(update={"connections_per_worker": None})
    assert predict_round(plan, endpoint(served="mixed", cpu_s=0.0058), unseen) is None


def test_arrivals_beyond_what_the_workers_can_compute_never_settle() -> None:
    how = service(endpoint(served="event loop"), loaded(1))
    assert how is not None
    below, above = (predict_open(rate, 5.0, how, split=None, overhead=OVERHEAD["fast"]) for rate in (100.0, 200.0))
    assert below.settles
    assert below.mean_wait_ms is None
    assert not above.settles
    assert above.limited_by == "processors"
    assert above.capacity_rps == pytest.approx(1 / 0.0058)
