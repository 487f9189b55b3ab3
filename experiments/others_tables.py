"""Tables that others published, with the set-up that they state, worked out by the model.

python -m experiments.others_tables

Both used wrk, which asks over all connections at once, and leaves out of its latencies what took longer than --timeout.
"""

import sys
from typing import NamedTuple

import numpy as np

from benchmark.formatting import signed_percent
from benchmark.summary import since_due_ms
from benchmark.theory.simulation import OVERHEAD, Load, Service, simulate

SYNC_THREADS = 40  # AnyIO's pool in each worker: gunicorn's --threads does not reach it
ASYNCIO_SLEEPS = "github.com/ajndkr/fastapi-concurrency-tests (b358c74, 2023-09-03)"
TWO_SECONDS = "github.com/weiztech/Python-Web-Benchmark-Simple (0c80cfd)"


class Published(NamedTuple):
    """One published result, and its set-up. `late`: responses that wrk did not take into its latencies, as it says."""

    source: str
    what: str
    users: int
    lasts_s: float
    sleeps_s: float
    workers: int
    threads: int | None
    requests: int
    rate_rps: float
    mean_s: float
    most_s: float
    late: int = 0


TABLE = (
    Published(ASYNCIO_SLEEPS, "sync, 1 worker", 100, 60, 10, 1, SYNC_THREADS, 200, 3.33, 18.04, 30.00, 50),
    Published(ASYNCIO_SLEEPS, "sync, 1 worker, --threads 4", 100, 60, 10, 1, SYNC_THREADS, 200, 3.33, 17.80, 30.00, 53),
    Published(ASYNCIO_SLEEPS, "sync, 4 workers", 100, 60, 10, 4, SYNC_THREADS, 500, 8.33, 10.00, 10.01),
    Published(ASYNCIO_SLEEPS, "sync, 4 workers, --threads 4", 100, 60, 10, 4, SYNC_THREADS, 500, 8.33, 10.01, 10.02),
    Published(ASYNCIO_SLEEPS, "async, 1 worker", 100, 60, 10, 1, None, 500, 8.33, 10.01, 10.03),
    Published(ASYNCIO_SLEEPS, "async, 1 worker, --threads 4", 100, 60, 10, 1, None, 500, 8.33, 10.00, 10.02),
    Published(ASYNCIO_SLEEPS, "async, 4 workers", 100, 60, 10, 4, None, 500, 8.33, 10.00, 10.01),
    Published(ASYNCIO_SLEEPS, "async, 4 workers, --threads 4", 100, 60, 10, 4, None, 500, 8.33, 10.00, 10.01),
    Published(TWO_SECONDS, "FastAPI, async, 1 worker", 400, 30.07, 2, 1, None, 5600, 186.22, 2.01, 2.04),
)


def predicted(row: Published) -> tuple[float, float, float, float]:
    """Requests, requests per second, mean and longest latency (s), each without the slowest that wrk left out."""
    served = Service(row.sleeps_s, None if row.threads is None else (row.threads,) * row.workers, row.workers)
    load = Load(row.users, 1e6, row.lasts_s)
    workers = [number % row.workers for number in range(row.users)]  # nobody waits, whichever worker a user has
    rows = simulate(load, served, workers, OVERHEAD["fast"]).rows
    latencies_s = np.sort(since_due_ms(rows))[: len(rows) - row.late] / 1000
    return len(rows), len(rows) / row.lasts_s, float(latencies_s.mean()), float(latencies_s[-1])


def cells(row: Published) -> list[str]:
    """Published, predicted and how far apart, of each column."""
    found = []
    published = (row.requests, row.rate_rps, row.mean_s, row.most_s)
    for said, ours, form in zip(published, predicted(row), (".0f", ".2f", ".2f", ".2f"), strict=True):
        found.append(f"{said:{form}} / {ours:{form}} ({signed_percent(100 * (ours / said - 1))})")
    return found


def main() -> None:
    """Work all of them out, and print the table: published / predicted (difference)."""
    source = ""
    for row in TABLE:
        if row.source != source:
            source = row.source
            sys.stdout.write(f"\n{source}\n\n| | requests | req/s | mean (s) | max (s) |\n| :-- |{' --: |' * 4}\n")
        sys.stdout.write(f"| {row.what} | {' | '.join(cells(row))} |\n")


if __name__ == "__main__":
    main()
