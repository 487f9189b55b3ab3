"""`bench run`: measure endpoints under load, write the record and its report."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from rich.console import Console
from typer import Context, Option

from benchmark.config import DEFAULT_FILE, headline_profile, read_config
from benchmark.errors import InvalidRunError, UsageError
from benchmark.show.console import print_results
from scripts.measuring import Wishes, measure_all

DEFAULT_PROFILE = "quick"


def run(
    context: Context,
    profile: Annotated[
        str | None,
        Option(envvar="BENCH_PROFILE", help="The load: a profile of benchmark.toml.", show_default=DEFAULT_PROFILE),
    ] = None,
    headline: Annotated[
        bool, Option("--headline", help="Where no --profile is named: the one that the README shows.")
    ] = False,
    endpoint: Annotated[
        list[str], Option(envvar="BENCH_ENDPOINTS", help="Only this endpoint; several times, or as a,b.")
    ] = [],
    users: Annotated[
        list[str],
        Option(envvar="BENCH_USERS", help="Concurrent users; given several times, or as 20,50: a sweep."),
    ] = [],
    spawn_rate: Annotated[
        str | None, Option(envvar="BENCH_SPAWN_RATE", help="Users started at each full second.")
    ] = None,
    duration: Annotated[
        str | None, Option(envvar="BENCH_DURATION", help='How long each round loads: "30s", "5m".')
    ] = None,
    task_seconds: Annotated[
        str | None, Option(envvar="BENCH_TASK_SECONDS", help="Length of one of the app's three tasks (s).")
    ] = None,
    workers: Annotated[str | None, Option(envvar="BENCH_WORKERS", help="uvicorn worker processes.")] = None,
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
    Where a variable is named, it says the same as the flag; an empty one says nothing.

    Examples: bench run --profile blog; bench run --users 20 --users 50 --duration 5s --task-seconds 0.1
    """
    wishes = Wishes(
        profile=profile or (headline_profile(read_config(config)) if headline else DEFAULT_PROFILE),
        users=_items(context, "users", users),
        values={
            "endpoints": _items(context, "endpoint", endpoint),
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


def _items(context: Context, name: str, given: Sequence[str]) -> tuple[str, ...]:
    """Split "100, 500" at its commas. UsageError when something was given that names nothing."""
    source = context.get_parameter_source(name)
    if source is not None and source.name == "ENVIRONMENT":
        given = [" ".join(given)]  # typer split it at its spaces, but a name may hold one
    items = tuple(part.strip() for text in given for part in text.split(",") if part.strip())
    if any(given) and not items:
        message = f"--{name}: {' '.join(given)!r} names nothing; write it like a or a,b"
        raise UsageError(message)
    return items
