"""What a load says of itself: generator.csv, a line a second; window.json, its summary; and when it cannot write."""

import csv
import gc
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import gevent
import psutil
from locust.env import Environment
from locust.runners import WorkerRunner

from load.arrivals import due_within
from load.spec import LoadSpec

MEMORY_LIMIT_BYTES = 2 * 1024**3
"""Garbage collection comes back above this: a slow generator is better than a dead machine."""

COLUMNS = ("time_s", "users", "requests", "failures", "lag_ms", "rss_bytes", "cpu_percent")
"""Moments on the monotonic clock. `requests`, `failures`: so far; `lag_ms`: how late the event loop was; CPU in percent
of one core.
"""

REQUEST_COLUMNS = (
    "due_s", "sent_s", "first_byte_s", "end_s", "request_type", "name", "response_length", "status_code", "exception",
)  # fmt: skip
"""Of requests.csv. Moments on the monotonic clock; `due_s`: of an open load."""

Second = tuple[float, int, int, int, float, int, float]


def seconds(environment: Environment) -> Iterator[Second]:
    """Give the line of each second when it is over, for ever."""
    process = psutil.Process(os.getpid())
    process.cpu_percent()  # the first reading only sets the mark that the next one counts from
    while True:
        due = time.perf_counter() + 1.0
        gevent.sleep(1.0)
        lag_ms = (time.perf_counter() - due) * 1000
        rss_bytes = process.memory_info().rss
        if rss_bytes > MEMORY_LIMIT_BYTES:
            gc.enable()
        yield (round(time.monotonic(), 3), *_counts(environment), round(lag_ms, 2), rss_bytes, process.cpu_percent())


def write_seconds(environment: Environment, path: Path) -> None:
    """Write them into a file, for ever."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        file.flush()
        for second in seconds(environment):
            writer.writerow(second)
            file.flush()


def _counts(environment: Environment) -> tuple[int, int, int]:
    total = environment.stats.total
    users = environment.runner.user_count if environment.runner is not None else 0
    return users, total.num_requests, total.num_failures


COUNTED = ("begun", "written", "reconnected", "closed", "withheld", "generator_cpu_s", "repeated", "cut_off")
"""What is added up over all processes."""


def window(
    spec: LoadSpec, start_s: float, spawned_s: float | None, stop_s: float, parts: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """The window of a load, from the parts of all processes whose users sent it. Moments: monotonic clock (s)."""
    users = sum(part["users_spawned"] for part in parts)
    answered = _joined(parts, "first_answers_s")
    return {
        "start_s": start_s,
        "spawned_s": spawned_s,
        "all_answered_s": max(answered, default=None) if answered is not None and len(answered) == users else None,
        "stop_s": stop_s,
        "users_spawned": users,
        "users_answered": None if answered is None else len(answered),
        "first_answers_s": answered,
        "waiting_since_s": _joined(parts, "waiting_since_s"),
        "requests": sum(part["requests"] for part in parts),
        **{key: _sum(parts, key) for key in COUNTED},
        "garbage_collection_on": any(part["garbage_collection_on"] for part in parts),
        **_of_a_rate(spec, stop_s, parts),
    }


def _of_a_rate(spec: LoadSpec, stop_s: float, parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of an open load: since when requests were due, how many were until the end, and how many of those were sent.

    All of them count as due once the first process had begun, also those of a process that never did.
    """
    opened_s = min((part["opened_s"] for part in parts if part["opened_s"] is not None), default=None)
    if spec.rate_per_s is None or opened_s is None:
        return {"opened_s": None, "due": None, "sent": None}
    due = due_within(spec.rate_per_s, spec.arrivals, spec.seed, stop_s - opened_s)
    return {"opened_s": opened_s, "due": due, "sent": min(due, sum(part["sent"] for part in parts))}


def _sum(parts: Sequence[dict[str, Any]], key: str) -> float | None:
    """None: of one of them it is not known."""
    counts = [part[key] for part in parts]
    return None if None in counts else sum(counts)


def _joined(parts: Sequence[dict[str, Any]], key: str) -> list[float] | None:
    lists = [part[key] for part in parts]
    return None if None in lists else [moment for moments in lists for moment in moments]


def by_our_clock(part: dict[str, Any], start_s: float) -> dict[str, Any]:
    """Moments of another machine as if its load had started with ours: clocks of two machines differ."""
    ahead_s = part["start_s"] - start_s
    moved = {
        key: None if part[key] is None else [moment - ahead_s for moment in part[key]]
        for key in ("first_answers_s", "waiting_since_s")
    }
    opened_s = None if part["opened_s"] is None else part["opened_s"] - ahead_s
    return part | moved | {"opened_s": opened_s}


UNWRITABLE = "bench-unwritable"
"""A load process tells the one that leads it why it ends."""


def end_unwritable(environment: Environment, message: str) -> None:
    """End this process, once, with an exit code of its own, after what led to it was told and printed."""
    if environment.process_exit_code is not None:
        return
    environment.process_exit_code = os.EX_IOERR
    # Said at the very end: Locust prints its own tables before.
    environment.events.quit.add_listener(lambda **_: sys.stderr.write(f"{message}\n"))
    if isinstance(environment.runner, WorkerRunner):
        environment.runner.send_message(UNWRITABLE, {"message": message})
    if environment.runner is not None:
        gevent.spawn(environment.runner.quit)
