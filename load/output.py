"""One line per second about a load process, generator.csv; and what a load does when it cannot write."""

import csv
import gc
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import gevent
import psutil
from locust.env import Environment
from locust.runners import WorkerRunner

from load.results import SECOND_COLUMNS

MEMORY_LIMIT_BYTES = 2 * 1024**3
"""Garbage collection comes back above this: a slow generator is better than a dead machine."""

Second = tuple[float, int, int, int, float, int, float]


def seconds(environment: Environment) -> Iterator[Second]:
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
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(SECOND_COLUMNS)
        file.flush()
        for second in seconds(environment):
            writer.writerow(second)
            file.flush()


def _counts(environment: Environment) -> tuple[int, int, int]:
    total = environment.stats.total
    users = environment.runner.user_count if environment.runner is not None else 0
    return users, total.num_requests, total.num_failures


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
