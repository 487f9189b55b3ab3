"""Weekly runs that were simulated, not measured, in which everything happens that reports tell of."""

import random
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.judge.findings import warnings
from benchmark.pipeline import endpoint_result
from benchmark.plan import Endpoint, Plan, Profile, Target
from benchmark.record import PERCENTILES, Cpu, EndpointResult, Missing, Quantiles, Record, Round, Timeline
from benchmark.store import Failure, save
from benchmark.summary import Span, bins, load_columns, per_bin, quantile_grid, since_due_ms
from benchmark.theory.bounds import limit
from benchmark.theory.computing import service
from benchmark.theory.connections import assigned
from benchmark.theory.predict import predict_round
from benchmark.theory.simulation import OVERHEAD, Load, simulate
from tests.support.histories import write_history
from tests.support.records import quiet_resources, some_environment, some_record, some_round

BEGIN = datetime(2026, 4, 5, 4, 47, tzinfo=UTC)
WEEKS = 34
ENDPOINTS = (
    Endpoint(name="sync_baseline", path="/sync_baseline", served="thread pool", work_tasks=3),
    Endpoint(name="async_independent", path="/async_independent", served="event loop", work_tasks=3),
    Endpoint(name="async_dependent", path="/async_dependent", served="event loop", work_tasks=3),
    Endpoint(name="async_concurrent", path="/async_concurrent", served="event loop", work_tasks=1),
)
BUSY, REPLACED, BROKEN, UPDATED = 9, range(17, 19), 20, 24
"""Weeks in which other programs had the machine, it was another one, a round was lost, and FastAPI was updated."""
SLOWER = (
    ("async_independent", range(12, 16), 1.12),
    ("async_concurrent", range(UPDATED, WEEKS), 1.14),
    ("async_dependent", range(WEEKS - 1, WEEKS), 1.116),
)
"""Which endpoint took longer, in which weeks, by which factor: one recovers, one stays, one is new in the last run."""
TIMES = ("avg_ms", "min_ms", "max_ms", *PERCENTILES)


def write_year(folder: Path) -> tuple[Path, Path]:
    """Write the runs, a sweep, a failed attempt and a README with a place for the block; gives reports and README."""
    reports, readme = folder / "reports", folder / "README.md"
    write_history(reports, [*weekly_runs(), *sweep(100, 500, 1000)])
    failed_at = moment(WEEKS)
    failure = Failure(
        id=f"{failed_at[:10]}-failed",
        at=failed_at,
        reason="the app did not start: ImportError: cannot import name 'Annotated' from 'fastapi.params'",
        trigger="schedule",
        run_url="https://github.com/example/benchmark/actions/runs/1",
        commit="3" * 40,
    )
    (reports / "failures").mkdir()
    save(failure, reports / "failures" / f"{failure.id}.json")
    readme.write_text("# Benchmark\n\n<!-- benchmark:begin -->\n<!-- benchmark:end -->\n", encoding="utf-8")
    return reports, readme


def moment(week: int, hours: int = 0) -> str:
    return (BEGIN + timedelta(weeks=week, hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def blog(name: str = "blog", **profile: Any) -> Plan:
    """500 users for five minutes, of tasks of five seconds."""
    values: dict[str, Any] = {"name": name, "users": 500, "spawn_rate_per_s": 50, "duration_s": 300, "task_seconds": 5}
    names = tuple(endpoint.name for endpoint in ENDPOINTS)
    return Plan(
        target=Target(import_path="app.main:app"),
        profile=Profile(**(values | {"headline": name == "blog", "endpoints": names, "timeout_s": 900} | profile)),
        endpoints=ENDPOINTS,
    )


def weekly_runs() -> Iterator[Record]:
    noise = random.Random(18)  # noqa: S311 - no secret
    plan = blog()
    rounds = {endpoint.name: simulated(plan, endpoint) for endpoint in ENDPOINTS}
    for week in range(WEEKS):
        factors = {endpoint.name: 1 + noise.gauss(0, 0.0001) for endpoint in ENDPOINTS}
        for name, weeks, factor in SLOWER:
            factors[name] *= factor if week in weeks else 1
        measured = {name: longer(one, factors[name], 1 + noise.gauss(0, 0.003)) for name, one in rounds.items()}
        if week == BUSY:
            measured = {name: disturbed(one) for name, one in measured.items()}
        changes: dict[str, Any] = {"environment": environment(week)}
        if week == BROKEN:
            lost = measured.pop("async_concurrent")
            why = "the app ended with exit code 137 (SIGKILL)"
            changes |= {"state": "incomplete"}
            changes |= {"missing": (Missing(endpoint="async_concurrent", round=lost.round, reason=why),)}
        yield run(plan, moment(week), measured, **changes)


def environment(week: int) -> Any:
    packages = {"fastapi": "0.166.0" if week >= UPDATED else "0.165.0", "starlette": "1.10.0", "uvicorn": "0.54.0"}
    cpu = Cpu(model="Intel(R) Xeon(R) Platinum 8370C CPU" if week in REPLACED else "AMD EPYC 7763 Processor", count=4)
    return some_environment().model_copy(update={"packages": packages, "cpu": cpu, "trigger": "schedule"})


def sweep(*users: int) -> Iterator[Record]:
    """The same endpoints with tasks of half a second, by number of users."""
    for hour, number in enumerate(users):
        plan = blog("quick", users=number, spawn_rate_per_s=number, duration_s=30, task_seconds=0.5, timeout_s=90)
        changes = {"sweep": "sweep-1", "customised": ("users",), "environment": environment(WEEKS)}
        measured = {endpoint.name: simulated(plan, endpoint) for endpoint in ENDPOINTS}
        yield run(plan, moment(WEEKS - 2, 30 + hour), measured, **changes)


def run(plan: Plan, began: str, measured: Mapping[str, Round], **changes: Any) -> Record:
    results = tuple(
        result(plan, endpoint, measured[endpoint.name]) for endpoint in plan.endpoints if endpoint.name in measured
    )
    profile = plan.profile
    values: dict[str, Any] = {
        "id": f"{began[:10]}-{profile.name}-{profile.users}",
        "started_at": began,
        "finished_at": began,
    }
    values |= {"plan": plan, "endpoints": results, "reference": None, "command": f"bench run --profile {profile.name}"}
    return some_record(**(values | changes))


def result(plan: Plan, endpoint: Endpoint, measured: Round) -> EndpointResult:
    measured = measured.model_copy(update={"warnings": warnings(measured, endpoint, plan)})
    return endpoint_result(endpoint.name, plan.profile.users, limit(endpoint, plan), (measured,))


def disturbed(measured: Round) -> Round:
    """The same round while other programs had the machine."""
    others = {"machine_cpu_mean_percent": 96.0, "others_cpu_mean_percent": 340.0}
    return measured.model_copy(update={"resources": measured.resources.model_copy(update=others)})


def simulated(plan: Plan, endpoint: Endpoint) -> Round:
    """A round as the simulation has it, with its own prediction."""
    profile, served = plan.profile, service(endpoint, plan)
    assert served is not None
    load = Load(profile.users, profile.spawn_rate_per_s, profile.duration_s)
    split = (profile.users * 2 // 5, profile.users - profile.users * 2 // 5)
    found = simulate(load, served, assigned(split, np.random.default_rng(1)), OVERHEAD[profile.client])
    parts = per_bin(found.rows, bins(profile.duration_s, 300))
    latencies = [since_due_ms(part) for part in parts]
    nothing = (None,) * len(parts)
    quantiles = quantile_grid(found.rows)
    measured = some_round(
        **load_columns(found.rows, Span(profile.duration_s), served.work_s).model_dump(),
        ramp_end_s=profile.users / profile.spawn_rate_per_s - 1,
        load_end_s=profile.duration_s,
        users_started=profile.users,
        users_answered=profile.users,
        in_flight=found.in_flight,
        connections_per_worker=split,
        steady=None,
        quantiles=quantiles,
        resources=quiet_resources().model_dump(),
        timeline=Timeline(
            step_s=1.0,
            requests=tuple(len(part) for part in parts),
            failures=(0,) * len(parts),
            median_ms=tuple(round(float(np.median(one)), 3) if len(one) else None for one in latencies),
            max_ms=tuple(round(float(one.max()), 3) if len(one) else None for one in latencies),
            users=nothing,
            server_cpu_percent=nothing,
            server_threads=nothing,
            server_rss_bytes=nothing,
            generator_cpu_percent=nothing,
        ),
    )
    return measured.model_copy(update={"prediction": predict_round(plan, endpoint, measured)})


def longer(measured: Round, factor: float, luck: float = 1.0) -> Round:
    """The same round with all latencies `factor` times as long, and as many fewer requests, give or take `luck`."""
    times: dict[str, Any] = {name: round(getattr(measured, name) * factor, 3) for name in TIMES}
    work_ms = measured.avg_ms - measured.excess_mean_ms if measured.avg_ms and measured.excess_mean_ms else 0.0
    pairs = (("excess_mean_ms", "avg_ms"), ("excess_p50_ms", "median_ms"), ("excess_p99_ms", "p99_ms"))
    times |= {excess: round(times[of] - work_ms, 3) for excess, of in pairs}
    times["throughput_rps"] = round((measured.throughput_rps or 0.0) / factor * luck, 3)
    times["requests"] = round(measured.requests / factor * luck)
    grid, course = measured.quantiles, measured.timeline
    if grid is not None:
        times["quantiles"] = Quantiles(
            percent=grid.percent, latency_ms=tuple(round(value * factor, 3) for value in grid.latency_ms)
        )
    times["timeline"] = course.model_copy(
        update={
            name: tuple(None if value is None else round(value * factor, 3) for value in getattr(course, name))
            for name in ("median_ms", "max_ms")
        }
    )
    return measured.model_copy(update=times)
