"""What the harness itself adds to a latency, next to what the published set-up adds: `make experiment NAME=overhead`.

Both load the same endpoint, which does nothing but wait for a second, with as many users, in interleaved rounds: stock
Locust, this harness with users started in the same batches, and this harness with their first requests spread as
`quick` does. What a request takes beyond the wait was added by the generator, the server and the machine.

The first table is of a server that costs next to nothing, so that what is left is the generator's. The second is of
the app of this repository: there most of what a crowd waits for is the app.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median

import pandas as pd

from benchmark.config import make_plan, read_config
from benchmark.errors import InvalidRunError
from benchmark.measure.load_test import ONE_PROCESS, generator_command, module_file
from benchmark.measure.machine import read_environment
from benchmark.measure.process import Child, listening
from benchmark.measure.round import Job, Pause, jobs, measure, utc_now
from benchmark.measure.server import Server
from benchmark.summary import quantiles_ms, since_due_ms

STOCK = "stock"
SETUPS = (STOCK, "batch", "spread")
"""Stock Locust; this harness with the same batch start; this harness with first requests spread."""

PERCENT = (50.0, 99.0, 100.0)
FIGURES = ("mean_ms", "p50_ms", "p99_ms", "max_ms")
BARE_CONFIG = """
schema_version = 1
[app]
url = "{url}"
[endpoints.bare]
path = "/"
work = "1s"
[profiles.bare]
users = 500
spawn_rate = 50
duration = "20s"
rounds = 3
reference = 0
endpoints = ["bare"]
"""
REPOSITORY = Path(__file__).resolve().parents[1]
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


def compare(jobs: list[Job], pause: Pause, *, stock_client: str = "requests") -> list[Excess]:
    """Measure each job with each set-up, in an order that is reversed from one round to the next.

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
    return pd.Series(since_due_ms(measure(replace(job, plan=plan, directory=directory), pause, _ignore).rows))


def _stock_latencies(job: Job, pause: Pause, client: str) -> pd.Series:
    directory = job.directory.with_name(job.directory.name + "-stock")
    directory.mkdir(parents=True)
    log = directory / "requests.csv"
    stock = {"BENCH_STOCK_LOG": str(log.resolve()), "BENCH_STOCK_PATH": job.endpoint.path}
    stock |= {"BENCH_STOCK_CLIENT": client}
    with _address(job, pause, directory) as url:
        command = [
            sys.executable,
            *generator_command(job.plan.profile, url, [module_file("experiments.stock_locustfile")]),
        ]
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


@contextmanager
def _address(job: Job, pause: Pause, directory: Path) -> Iterator[str]:
    if job.plan.target.url is not None:
        yield job.plan.target.url
        return
    server = Server(job.plan, job.home, directory / "server.log")
    with server.child:
        server.wait_until_ready(pause)
        yield server.base_url


@contextmanager
def null_server(delay_s: float = 0.0) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Serve on a free port until the block ends; gives the process and its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, str(Path(__file__).with_name("null_server.py")), str(port), str(delay_s)]
    with subprocess.Popen(command) as server:
        try:
            _wait_until_answered(port)
            yield server, f"http://127.0.0.1:{port}"
        finally:
            server.kill()


def _wait_until_answered(port: int) -> None:
    until_s = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            if time.monotonic() > until_s:
                raise
            time.sleep(0.05)
        else:
            return


def table(found: list[Excess]) -> str:
    """All rounds, then the medians of all set-ups and their ratios to stock Locust, as Markdown."""
    lines = ["| Set-up | Round | Requests | Mean (ms) | p50 (ms) | p99 (ms) | Max (ms) |", "| :-- |" + " --: |" * 6]
    for item in found:
        shown = " | ".join(f"{asdict(item)[name]:.1f}" for name in FIGURES)
        lines.append(f"| {item.setup} | {item.round} | {item.requests} | {shown} |")
    medians = {
        setup: [median(asdict(item)[name] for item in found if item.setup == setup) for name in FIGURES]
        for setup in SETUPS
    }
    for setup, values in medians.items():
        lines.append(f"| **{setup}** | median | | {' | '.join(f'{value:.1f}' for value in values)} |")
    for setup in SETUPS[1:]:
        ratios = [ours / stock for ours, stock in zip(medians[setup], medians[STOCK], strict=True)]
        lines.append(f"| **{setup} / stock** | | | {' | '.join(f'{ratio:.2f}' for ratio in ratios)} |")
    return "\n".join(lines) + "\n"


def say(line: str) -> None:
    """Tell who waits how far it is."""
    sys.stderr.write(f"{line}\n")


def _ignore(*_: object) -> None:
    pass


def main() -> None:
    """Print both tables."""
    machine = read_environment(REPOSITORY)
    sys.stdout.write(
        f"{utc_now()}, {machine.cpu.model} x {machine.cpu.count}, {machine.python}: `make experiment NAME=overhead`\n"
    )
    with listening() as interrupt, tempfile.TemporaryDirectory() as folder:
        with null_server(delay_s=1.0) as (_, url):
            file = Path(folder) / "benchmark.toml"
            file.write_text(BARE_CONFIG.format(url=url))
            bare = jobs(make_plan(read_config(file), "bare", {}), Path(folder) / "bare", REPOSITORY)
            sys.stdout.write(f"\nA server that costs next to nothing\n\n{table(compare(bare, interrupt.pause))}")
        wishes = {"users": "500", "spawn_rate_per_s": "50", "duration_s": "20s", "rounds": "3", **ONE_PROCESS}
        wishes |= {"task_seconds": "1", "endpoints": ("async_concurrent",)}
        plan = make_plan(read_config(REPOSITORY / "benchmark.toml"), "quick", wishes)
        app = jobs(plan, Path(folder) / "app", REPOSITORY)
        sys.stdout.write(f"\nThe app of this repository\n\n{table(compare(app, interrupt.pause))}")


if __name__ == "__main__":
    main()
