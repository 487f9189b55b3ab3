"""Runs that differ in nothing but how the kernel dealt the connections raise no alarm: 20 real ones.

With nothing changed their medians lie between 4.5 and 9.0 s; beside what theory says of each split they hardly differ.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmark.config import make_plan, read_config
from benchmark.judge.history import judged
from benchmark.pipeline import endpoint_result
from benchmark.record import Columns, Record
from benchmark.theory.bounds import limit
from tests.support.records import some_record, some_round


@pytest.fixture
def rounds(repository: Path) -> list[dict[str, Any]]:
    """What was measured, see the file itself."""
    found: list[dict[str, Any]] = json.loads((repository / "tests/data/quick-sync-baseline.json").read_text())["rounds"]
    return found


def as_runs(repository: Path, rounds: list[dict[str, Any]]) -> list[Record]:
    """One run a day of each round."""
    wishes = {"endpoints": ("sync_baseline",)}
    plan = make_plan(read_config(repository / "benchmark.toml"), "quick", wishes)
    records = []
    for day, one in enumerate(rounds, start=1):
        measured = some_round(
            **one["measured"],
            connections_per_worker=tuple(one["connections_per_worker"]),
            prediction=Columns(**one["predicted"]),
            users_started=500,
        )
        moment = f"2026-01-{day:02d}T00:00:00Z"
        result = endpoint_result("sync_baseline", 500, limit(plan.endpoints[0], plan), (measured,))
        changes = {"id": f"day-{day:02d}", "started_at": moment, "finished_at": moment, "reference": None}
        records.append(some_record(plan=plan, endpoints=(result,), **changes))
    return records


def test_a_series_in_which_only_the_split_of_connections_varies_raises_no_alarm(
    repository: Path, rounds: list[dict[str, Any]]
) -> None:
    assert len(rounds) == 20
    medians_ms = [one["measured"]["median_ms"] for one in rounds]
    assert max(medians_ms) > 1.5 * min(medians_ms)
    found = judged(as_runs(repository, rounds), None)
    assert {trend.form for trend in found.trends} == {"predicted", "waiting"}
    said = [item for lines in found.verdicts.values() for item in lines]
    assert {item.stage for item in said} == {"too few runs", "steady"}
    assert not any(trend.changes for trend in found.trends)


def test_a_regression_of_ten_percent_among_them_raises_exactly_one_alarm(
    repository: Path, rounds: list[dict[str, Any]]
) -> None:
    for one in rounds[10:]:
        one["measured"]["throughput_rps"] *= 0.9
    found = judged(as_runs(repository, rounds), None)
    alarms = [
        (run, item.metric) for run, lines in found.verdicts.items() for item in lines if item.verdict == "regressed"
    ]
    assert alarms == [("day-12", "req/s")]


def test_theory_says_what_each_of_them_measured(rounds: list[dict[str, Any]]) -> None:
    for one in rounds:
        for column, most in {"throughput_rps": 0.01, "median_ms": 0.02, "p95_ms": 0.01, "avg_ms": 0.02}.items():
            assert one["measured"][column] == pytest.approx(one["predicted"][column], rel=most)
