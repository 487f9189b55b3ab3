"""Runs that were not measured, as large and as irregular as real ones: for benchmarks of what a long history costs."""

import json
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from benchmark.record import Record
from benchmark.store import FILE_NAME, run_files, to_json

REPOSITORY = Path(__file__).resolve().parents[1]
NOISE = 0.01
EXACT = {"limit", "percent", "step_s", "round", "users", "users_started", "users_answered", "connections_per_worker"}
"""What no noise changes from run to run."""


def newest_run() -> dict[str, Any]:
    """The newest committed run, four endpoints, as what its file holds."""
    run: dict[str, Any] = json.loads(run_files(REPOSITORY / "reports")[0].read_text(encoding="utf-8"))
    return run


def runs(number: int, first: datetime, apart: timedelta, seed: int = 1) -> Iterator[dict[str, Any]]:
    """So many runs, `apart` from each other. Every measured number has noise, or they would shrink when packed."""
    template, draw = newest_run(), random.Random(seed)  # noqa: S311 - nothing secret is drawn
    for place in range(number):
        began = first + place * apart
        moment = began.strftime("%Y-%m-%dT%H:%M:%SZ")
        noisy = {key: _noisy(template[key], draw) for key in ("endpoints", "reference")}
        yield {
            **template,
            **noisy,
            "id": f"{began:%Y%m%dT%H%M%S}-{place:05}",
            "started_at": moment,
            "finished_at": moment,
        }


def _noisy(value: Any, draw: random.Random) -> Any:
    if isinstance(value, float):
        return round(value * draw.gauss(1, NOISE), 3)
    if isinstance(value, int) and not isinstance(value, bool):
        return round(value * draw.gauss(1, NOISE))
    if isinstance(value, list):
        return [_noisy(item, draw) for item in value]
    if isinstance(value, dict):
        return {key: item if key in EXACT else _noisy(item, draw) for key, item in value.items()}
    return value


def write(run: dict[str, Any], directory: Path) -> Path:
    """Write one run, as `bench run` does, into a directory of its own; gives that."""
    record = Record.model_validate_json(json.dumps(run))
    target = directory / record.id
    target.mkdir(parents=True)
    (target / FILE_NAME).write_text(to_json(record), encoding="utf-8")
    return target
