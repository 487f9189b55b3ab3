"""Histories of runs that were not measured, for tests of what is said of runs beside the runs before them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmark.plan import Endpoint
from benchmark.record import Cpu, Record
from benchmark.store import save
from tests.support.records import some_environment, some_plan, some_record, some_result, some_round

COMPUTING = Endpoint(name="computing", path="/computing", served="cpu")
SLOWER = (*[100.0] * 10, 80.0, 80.0)
"""Levels of a run a week, the last two of which are a confirmed regression."""
BEGIN = datetime(2026, 1, 5, 4, 47, tzinfo=UTC)


def run_of_week(week: int, throughput_rps: float, **changes: Any) -> Record:
    """One weekly run of an endpoint that computes: its machine-bound numbers follow its throughput."""
    started = (BEGIN + timedelta(weeks=week)).strftime("%Y-%m-%dT%H:%M:%SZ")
    latency_ms = 10_000 / throughput_rps
    columns = {"throughput_rps": throughput_rps, "median_ms": latency_ms, "p95_ms": 2 * latency_ms}
    plan = some_plan(endpoints=("computing",)).model_copy(update={"endpoints": (COMPUTING,)})
    measured = some_round(**columns, excess_mean_ms=None, excess_p50_ms=None, excess_p99_ms=None)
    values: dict[str, Any] = {
        "id": f"{started[:10]}-weekly",
        "started_at": started,
        "finished_at": started,
        "plan": plan,
        "endpoints": (some_result("computing", measured).model_copy(update={"limit": None}),),
        "reference": None,
    }
    return some_record(**(values | changes))


def on_cpu(model: str) -> dict[str, Any]:
    """What is different about a run on another machine."""
    return {"environment": some_environment().model_copy(update={"cpu": Cpu(model=model, count=2)})}


def write_history(reports: Path, records: Sequence[Record]) -> None:
    """Write runs where `bench publish` puts them."""
    for record in records:
        directory = reports / "runs" / record.id
        directory.mkdir(parents=True)
        save(record, directory / "run.json")
