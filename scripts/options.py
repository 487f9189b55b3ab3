"""The flags that say what to measure: one place for their names, variables and help texts.

All are text here, whatever they mean: they are read and checked by `benchmark.config`, which says in one line what is
wrong. An environment variable says the same as its flag; an empty one says nothing.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from typer import Context, Option

from benchmark.errors import UsageError
from benchmark.plan import MAX_USERS

DEFAULT_PROFILE = "quick"

Profile = Annotated[
    str | None,
    Option(envvar="BENCH_PROFILE", help="The load: a profile of benchmark.toml.", show_default=DEFAULT_PROFILE),
]
Headline = Annotated[bool, Option("--headline", help="Where no --profile is named: the one that the README shows.")]
Endpoints = Annotated[list[str], Option(envvar="BENCH_ENDPOINTS", help="Only this endpoint; several times, or as a,b.")]
Users = Annotated[
    list[str], Option(envvar="BENCH_USERS", help="Concurrent users; given several times, or as 20,50: a sweep.")
]
SpawnRate = Annotated[str | None, Option(envvar="BENCH_SPAWN_RATE", help="Users started at each full second.")]
Duration = Annotated[str | None, Option(envvar="BENCH_DURATION", help='How long each round loads: "30s", "5m".')]
TaskSeconds = Annotated[
    str | None, Option(envvar="BENCH_TASK_SECONDS", help="Length of one of the app's three tasks (s).")
]
Workers = Annotated[str | None, Option(envvar="BENCH_WORKERS", help="uvicorn worker processes.")]
Threads = Annotated[str | None, Option(help="Seats of the thread pool in each worker.")]
Connections = Annotated[
    str | None, Option(help='Connections of each worker: "290,210". Left out: likely splits, and their range.')
]
ServiceSeconds = Annotated[str | None, Option(help="Own work of one request (s), instead of what is declared.")]
Seats = Annotated[str | None, Option(help="Requests that all workers serve at a time, instead of what is declared.")]
OpenRate = Annotated[
    str | None, Option(help="Arrivals per second, at random, that wait for nobody's answer; instead of users.")
]
Draws = Annotated[str | None, Option(help="How many splits are drawn.", show_default="20")]
Seed = Annotated[str | None, Option(help="The same seed draws the same.", show_default="0")]
Rate = Annotated[
    str | None,
    Option(help='Requests due each second, whoever was answered: "200/s"; up to --users of them under way at once.'),
]
Arrivals = Annotated[str | None, Option(help='Of a rate: "even", or at random: "poisson".')]
Processes = Annotated[
    str | None, Option(help='Processes that send the load, or "auto": the cores that the workers leave.')
]
ExpectWorkers = Annotated[
    str | None, Option(help="Let so many load workers of other machines send it: bench worker --master THIS_MACHINE.")
]
WorkersWithin = Annotated[str | None, Option(help='How long each round waits for load workers: "60s", "5m".')]
Rounds = Annotated[str | None, Option(help="How often each endpoint is measured; tables show medians.")]
Port = Annotated[str | None, Option(help="Port of the app; a free one by default.")]
Python = Annotated[
    str | None,
    Option(envvar="BENCH_PYTHON", help="Python that has the app's packages; left out: the one that bench runs with."),
]
Loop = Annotated[str | None, Option(help="uvloop, or asyncio where it cannot be installed.")]
Out = Annotated[Path, Option(help="Where the run's own directory is made.")]
ConfigFile = Annotated[Path, Option(help="The configuration to read.")]
OpenIt = Annotated[bool, Option("--open", help="Open the result in your browser.")]
AsJson = Annotated[bool, Option("--json", help="Print JSON instead of tables.")]


_SEPARATED = re.compile(r"[1-9]\d{0,2}(?:,\d{3})+")


def numbers_of_users(context: Context, given: Sequence[str]) -> tuple[str, ...]:
    """Split "100, 500". UsageError, too, for "1,500", which may be one number or two: spaces tell."""
    for text in map(str.strip, given):
        one = text.replace(",", "")
        if _SEPARATED.fullmatch(text) and int(one) <= MAX_USERS:
            two = text.replace(",", ", ")
            raise UsageError(f'--users: {text!r} may be {one} users, or a sweep; write {one}, or "{two}" with spaces')
    return items(context, "users", given)


def items(context: Context, name: str, given: Sequence[str]) -> tuple[str, ...]:
    """Split "100, 500" at its commas. UsageError when something was given that names nothing."""
    source = context.get_parameter_source(name)
    if source is not None and source.name == "ENVIRONMENT":
        given = [" ".join(given)]  # typer split it at its spaces, but a name may hold one
    found = tuple(part.strip() for text in given for part in text.split(",") if part.strip())
    if any(given) and not found:
        raise UsageError(f"--{name}: {' '.join(given)!r} names nothing; write it like a or a,b")
    return found
