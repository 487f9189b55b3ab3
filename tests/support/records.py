"""Small valid records that were not measured, for tests of what is done with records."""

from typing import Any

from benchmark.pipeline import endpoint_result
from benchmark.plan import Endpoint, Plan, Profile, Target
from benchmark.record import (
    METHOD_VERSION,
    Alternative,
    Columns,
    Cpu,
    EndpointResult,
    Environment,
    Limit,
    Method,
    Record,
    Reference,
    Resources,
    Round,
    Timeline,
)

RISING = ("min_ms", "avg_ms", "median_ms", "p66_ms", "p75_ms", "p80_ms", "p90_ms", "p95_ms", "p98_ms", "p99_ms")


def some_columns(**changes: Any) -> dict[str, Any]:
    """Columns of 1,000 answers of 150 ms or a little more."""
    values: dict[str, Any] = {name: 150.0 + position for position, name in enumerate((*RISING, "p999_ms", "max_ms"))}
    values |= {"requests": 1000, "failures": 0, "throughput_rps": 33.33, "failures_rps": 0.0}
    values |= {"excess_mean_ms": 2.0, "excess_p50_ms": 1.0, "excess_p99_ms": 12.0}
    return values | changes


def quiet_resources() -> Resources:
    """A machine with nothing else to do."""
    return Resources(
        worker_cpu_peak_percent=(20.0, 21.0),
        worker_cpu_mean_percent=(10.0, 11.0),
        busiest_worker_p90_percent=15.0,
        server_rss_peak_bytes=100 * 2**20,
        server_threads_peak=84,
        generator_cpu_peak_percent=30.0,
        generator_cpu_mean_percent=12.0,
        generator_cpu_p90_percent=20.0,
        generator_rss_peak_bytes=60 * 2**20,
        generator_lag_p99_ms=1.5,
        generator_collects_garbage=False,
        machine_cpu_mean_percent=20.0,
        steal_percent=0.1,
        others_cpu_mean_percent=7.0,
    )


def short_timeline() -> Timeline:
    """Two seconds."""
    return Timeline(
        step_s=1.0,
        requests=(500, 500),
        failures=(0, 0),
        median_ms=(150.0, 150.0),
        max_ms=(160.0, 160.0),
        users=(10, 10),
        server_cpu_percent=(20.0, 20.0),
        server_threads=(84, 84),
        server_rss_bytes=(1, 1),
        generator_cpu_percent=(12.0, 12.0),
    )


def some_round(**changes: Any) -> Round:
    """One quiet round in which nothing speaks against the numbers."""
    resources = quiet_resources().model_copy(update=changes.pop("resources", {}))
    values: dict[str, Any] = {
        "round": 1,
        "started_at": "2026-01-02T03:04:05Z",
        "ramp_end_s": 1.0,
        "steady_start_s": 1.2,
        "load_end_s": 30.0,
        "users_started": 10,
        "users_answered": 10,
        "in_flight": 0,
        "users_waiting_ratio": 0.999,
        "connections_per_worker": (5, 5),
        "steady": Columns(**some_columns()),
        "failures_by_kind": (),
        "quantiles": None,
        "timeline": short_timeline(),
        "resources": resources,
    }
    columns = {name: changes.pop(name) for name in Columns.model_fields if name in changes}
    return Round(**some_columns(**columns), **(values | changes))


def some_prediction(throughput_rps: float) -> Columns:
    """What theory says of `some_round`, but for the throughput."""
    return Columns(**some_columns(throughput_rps=throughput_rps))


def some_plan(**profile: Any) -> Plan:
    """A pooled and an awaiting endpoint under 10 users."""
    values: dict[str, Any] = {"name": "quick", "users": 10, "spawn_rate_per_s": 10, "duration_s": 30}
    values |= {"task_seconds": 0.05, "endpoints": ("pooled", "awaiting")}
    return Plan(
        target=Target(import_path="app.main:app"),
        profile=Profile(**(values | profile)),
        endpoints=(
            Endpoint(name="pooled", path="/pooled", served="thread pool", work_tasks=3),
            Endpoint(name="awaiting", path="/awaiting", served="event loop", work_tasks=3),
        ),
    )


def some_result(name: str, *rounds: Round) -> EndpointResult:
    """Rounds of one endpoint, summed up as a run does."""
    limit = Limit(
        seats=80 if name == "pooled" else None,
        own_work_s=0.15,
        users_rps=66.7,
        seats_rps=533.3 if name == "pooled" else None,
        alternatives=(Alternative(change="gather", to=None, throughput_rps=200.0, answer_time_s=0.05),),
    )
    return endpoint_result(name, 10, limit, rounds)


def some_environment() -> Environment:
    """A machine and what was installed on it."""
    return Environment(
        cpu=Cpu(model="Example CPU 3000", count=2),
        memory_bytes=8 * 2**30,
        kernel="Linux 6.1",
        os_image="Example Linux 12",
        python="CPython 3.13.0",
        packages={"fastapi": "0.165.0"},
        requirements_sha256="0" * 64,
        commit="1" * 40,
        commit_dirty=False,
        trigger="by hand",
        run_url=None,
    )


def some_record(**changes: Any) -> Record:
    """A complete run of two endpoints."""
    method = Method(
        version=METHOD_VERSION,
        server_command="python -m uvicorn app.main:app",
        generator_command="python -m locust",
        start="all started at once",
        latency="Latency runs from sending to the complete response.",
        garbage_collection="Garbage collection is off.",
    )
    values: dict[str, Any] = {
        "id": "20260102T030405-quick-10-abcd",
        "sweep": None,
        "started_at": "2026-01-02T03:04:05Z",
        "finished_at": "2026-01-02T03:05:05Z",
        "state": "complete",
        "reason": None,
        "command": "bench run",
        "customised": (),
        "plan": some_plan(),
        "environment": some_environment(),
        "method": method,
        "endpoints": (
            some_result("pooled", some_round(throughput_rps=20.0, prediction=some_prediction(20.1))),
            some_result("awaiting", some_round(throughput_rps=60.0, prediction=some_prediction(66.0))),
        ),
        "reference": Reference(users=20, raw=(some_prediction(5000.0),), cpu_ms=(10.0,)),
        "missing": (),
    }
    return Record(**(values | changes))
