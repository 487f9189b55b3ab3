"""`bench capacity`: the most users for whom a promise can be kept."""

import sys
from typing import Annotated

from rich.console import Console
from typer import Argument, Option

from benchmark.config import DEFAULT_FILE
from benchmark.show.capacity import print_capacity
from scripts import options
from scripts.searching import promise, search


def capacity(
    endpoint: Annotated[str, Argument(help="An endpoint of benchmark.toml.", show_default=False)],
    p95_below: Annotated[str, Option(help='What 95 % of the answers must not take: "50ms", "2s".', show_default=False)],
    failures_below: Annotated[str, Option(help="How many of the requests may fail.")] = "0.1%",
    most_users: Annotated[str, Option(help="How far to search.")] = "2000",
    duration: Annotated[
        str | None, Option(help="How long each load lasts.", show_default="8 x the time promised, at least 3 s")
    ] = None,
    task_seconds: Annotated[str, Option(envvar="BENCH_TASK_SECONDS", help="As for `bench run`.")] = "0.1",
    workers: options.Workers = None,
    threads: options.Threads = None,
    config: options.ConfigFile = DEFAULT_FILE,
    as_json: options.AsJson = False,
) -> None:
    """Find the largest number of users for whom an endpoint keeps a promise, by loading it again and again.

    1, 2, 4, ... users until the promise breaks, then the middle between both, and both ends once more. Each load has
    a fresh server. Beside it stands what queueing theory expects. Ends early, and says so, when the load generator is
    the limit. Takes about two minutes where answers come within a second.

    Example: bench capacity sync_baseline --p95-below 500ms --workers 1
    """
    asked = promise(p95_below, failures_below, most_users)
    wishes = {"duration_s": duration, "task_seconds": task_seconds, "workers": workers, "threads": threads}
    found = search(asked, endpoint, wishes, config, Console(stderr=True))
    if as_json:
        sys.stdout.write(found.model_dump_json(indent=1) + "\n")
    else:
        print_capacity(Console(), found)
