"""What the harness itself adds to a latency, beside what the published set-up adds.

Both load the same endpoint, which does nothing but wait, with as many users, in turns: stock Locust, this harness
with users started in the same batches, and this harness with their first requests spread as `quick` does.
What a request takes beyond the wait was added by the generator, the server and the machine: with the same
server on the same machine in one sitting, the difference is the generator's.
"""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import pandas as pd

from benchmark.errors import InvalidRunError
from benchmark.measure.generator import generator_command, module_file
from benchmark.measure.process import Child
from benchmark.measure.rounds import Job, Pause, measure
from benchmark.measure.server import Server
from benchmark.summary import quantiles_ms

STOCK = "stock"
SETUPS = (STOCK, "batch", "spread")
"""Stock Locust; this harness with the same batch start; this harness with first requests spread."""

PERCENT = (50.0, 99.0, 100.0)
POLL_S = 0.1
OVERTIME_S = 60.0


@dataclass(frozen=True)
class Excess:
    """Latency beyond the endpoint's own work (ms) in one round of one set-up."""

    setup: str
    round: int
    requests: int
    mean_ms: float
    p50_ms: float
    p99_ms: float
    max_ms: float


def compare(
    jobs: list[Job], pause: Pause, say: Callable[[str], None], *, stock_client: str = "requests"
) -> list[Excess]:
    """Measure each job with each set-up, in an order that is turned round from one round to the next.

    `stock_client`: of stock Locust, as in a profile: "requests" (HttpUser) or "fast" (FastHttpUser).
    """
    found = []
    for job in jobs:
        for name in SETUPS if job.round % 2 else reversed(SETUPS):
            say(f"round {job.round}: {name}")
            if name == STOCK:
                latencies = _stock_latencies(job, pause, stock_client)
            else:
                latencies = _harness_latencies(name, job, pause)
            found.append(_excess(name, job, latencies))
    return found


def _excess(setup: str, job: Job, latencies: pd.Series) -> Excess:
    work_ms = (job.endpoint.own_work_s(job.plan.profile.task_seconds) or 0.0) * 1000
    values = latencies.to_numpy(dtype=float)
    p50, p99, top = (float(value) - work_ms for value in quantiles_ms(values, PERCENT))
    return Excess(setup, job.round, len(values), float(values.mean()) - work_ms, p50, p99, top)


def _harness_latencies(start: str, job: Job, pause: Pause) -> pd.Series:
    profile = job.plan.profile.model_copy(update={"start": start})
    plan = job.plan.model_copy(update={"profile": profile})
    directory = job.directory.with_name(f"{job.directory.name}-{start}")
    return measure(replace(job, plan=plan, directory=directory), pause, lambda *_: None).rows["latency_ms"]


def _stock_latencies(job: Job, pause: Pause, client: str) -> pd.Series:
    directory = job.directory.with_name(job.directory.name + "-stock")
    directory.mkdir(parents=True)
    server = Server(job.plan, job.home, directory / "server.log")
    with server.child:
        server.wait_until_ready(pause)
        log = directory / "requests.csv"
        stock = {"BENCH_STOCK_LOG": str(log.resolve()), "BENCH_STOCK_PATH": job.endpoint.path}
        stock |= {"BENCH_STOCK_CLIENT": client}
        files = [module_file("load.stock_locustfile")]
        command = [sys.executable, *generator_command(job.plan.profile, server.base_url, files)]
        with Child(
            command, log=directory / "locust.log", directory=job.home, environment=os.environ | stock
        ) as generator:
            deadline = time.monotonic() + job.plan.profile.duration_s + OVERTIME_S
            while generator.exit_code is None and time.monotonic() < deadline:
                pause(POLL_S)
            if generator.exit_code != 0:
                message = f"the stock generator ended with {generator.exit_code}; last lines:\n{generator.tail()}"
                raise InvalidRunError(message)
    return pd.read_csv(log)["response_time_ms"]
