"""`bench run`: measure endpoints under load, write the record and its report."""

import json
import sys
from pathlib import Path
from typing import Annotated

from rich.console import Console
from typer import Option

from benchmark.config import DEFAULT_FILE
from benchmark.errors import InvalidRunError
from benchmark.show.console import print_results
from scripts.measuring import Wishes, measure_all


def run(
    profile: Annotated[str, Option(help="The load: a profile of benchmark.toml.")] = "quick",
    endpoint: Annotated[list[str], Option(help="Only this endpoint; may be given several times.")] = [],
    users: Annotated[list[str], Option(help="Concurrent users; given several times, or as 20,50: a sweep.")] = [],
    spawn_rate: Annotated[str | None, Option(help="Users started at each full second.")] = None,
    duration: Annotated[str | None, Option(help='How long each round loads: "30s", "5m".')] = None,
    task_seconds: Annotated[str | None, Option(help="Length of one of the app's three tasks (s).")] = None,
    workers: Annotated[str | None, Option(help="uvicorn worker processes.")] = None,
    threads: Annotated[str | None, Option(help="Seats of the thread pool in each worker.")] = None,
    rounds: Annotated[str | None, Option(help="How often each endpoint is measured; tables show medians.")] = None,
    port: Annotated[str | None, Option(help="Port of the app; a free one by default.")] = None,
    loop: Annotated[str | None, Option(help="uvloop, or asyncio where it can not be installed.")] = None,
    out: Annotated[Path, Option(help="Where the run's own directory is made.")] = Path("results"),
    config: Annotated[Path, Option(help="The configuration to read.")] = DEFAULT_FILE,
    as_json: Annotated[bool, Option("--json", help="Print the records as JSON instead of tables.")] = False,
) -> None:
    """Measure endpoints under load and write what was found to results/ID/.

    Without flags: the profile `quick`, the published experiment ten times faster. Every flag changes one
    value of the profile for this run only; such a run is marked as changed and compared with its like alone.

    Examples: bench run --profile blog; bench run --users 20 --users 50 --duration 5s --task-seconds 0.1
    """
    wishes = Wishes(
        profile=profile,
        users=tuple(part for text in users for part in text.split(",")),
        values={
            "endpoints": tuple(endpoint),
            "spawn_rate_per_s": spawn_rate,
            "duration_s": duration,
            "task_seconds": task_seconds,
            "workers": workers,
            "threads": threads,
            "rounds": rounds,
            "port": port,
            "loop": loop,
        },
    )
    runs = measure_all(wishes, config, out, Console(stderr=True))
    if as_json:
        sys.stdout.write(json.dumps([run.record.model_dump(mode="json") for run in runs], indent=1) + "\n")
    for run in () if as_json else runs:
        print_results(Console(), run.record)
        sys.stdout.write(f"Report: {run.report}\n")
    lost = [f"{item.endpoint}: {item.reason}" for run in runs for item in run.record.missing]
    if lost:
        message = f"the run is incomplete and must not be compared. {lost[0]}"
        raise InvalidRunError(message)
