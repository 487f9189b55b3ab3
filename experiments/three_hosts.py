"""Do load workers on hosts of their own measure what one host measures? One table.

Hosts are network namespaces of this machine: one with the app, two that load it. The same load comes from the host of
the app by itself and from the other two, in turns.
"""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmark.formatting import signed_percent
from benchmark.measure.machine import read_environment
from benchmark.measure.round import utc_now
from benchmark.record import Record, Round
from tests.support.networks import Host, end, may_make_networks, network, press_ctrl_c, start_workers

REPOSITORY = Path(__file__).resolve().parents[1]
TURNS = 5
WITHIN_PERCENT = {"throughput_rps": 1.0, "median_ms": 3.0, "p95_ms": 3.0}
ENDPOINTS = ("sleeping", "queueing")

APP = """
import asyncio
from fastapi import FastAPI

app = FastAPI()
seats = asyncio.Semaphore({seats})

@app.get("/sleeping", response_model=None)
async def sleeping():
    await asyncio.sleep({sleeping_s})

@app.get("/queueing", response_model=None)
async def queueing():
    async with seats:
        await asyncio.sleep({queueing_s})
"""

CONFIG = """
schema_version = 1
[app]
import = "app_under_test:app"
host = "0.0.0.0"
workers = 1
[endpoints.sleeping]
path = "/sleeping"
[endpoints.queueing]
path = "/queueing"
[profiles.quick]
users = {users}
spawn_rate = {users}
start = "{start}"
duration = "{duration_s}s"
reference = 0
endpoints = ["sleeping", "queueing"]
"""


@dataclass(frozen=True)
class Load:
    """Users of an endpoint that sleeps, and of one with fewer seats. `start`: whether they all begin at once."""

    users: int
    seats: int
    sleeping_s: float
    queueing_s: float
    duration_s: int
    start: str


LOAD = Load(users=50, seats=10, sleeping_s=0.5, queueing_s=0.1, duration_s=10, start="spread")
"""With a hundred who begin at once, two processes measured a p95 that was 7% shorter than that of one (2026-11-25)."""


@dataclass(frozen=True)
class Hosts:
    """The host of the app, by itself and as the master of two load workers, with a folder for each."""

    alone: Host
    master: Host

    def measure(self, *, alone: bool) -> Record:
        """One run of both endpoints, loaded from one host or from the two others."""
        host, flags = (self.alone, []) if alone else (self.master, ["--expect-workers", "2"])
        code, said = end(host.start("run", *flags))
        if code != 0:
            raise RuntimeError(said)
        return host.records()[-1]


@contextmanager
def hosts(folder: Path, load: Load) -> Iterator[Hosts]:
    """Three hosts, on two of which a load worker waits until the end."""
    with network(folder, "app", "one", "two") as net:
        alone = Host(net.folder / "alone", inside=net.first.inside)
        alone.folder.mkdir()
        for host in (net.first, alone):
            (host.folder / "app_under_test.py").write_text(APP.format(**vars(load)))
            (host.folder / "benchmark.toml").write_text(CONFIG.format(**vars(load)))
        workers = start_workers(net, "one", "two", wait="600s")
        yield Hosts(alone, net.first)
        codes = [press_ctrl_c(worker)[0] for worker in workers.values()]
        assert codes == [130, 130]


def rounds(record: Record) -> dict[str, Round]:
    """The only round of each endpoint."""
    return {result.name: result.rounds[0] for result in record.endpoints}


def _of(found: list[Record], endpoint: str, column: str) -> float:
    return median(float(getattr(rounds(record)[endpoint], column)) for record in found)


def main() -> None:
    """Print the table; exit with 1 when the two are further apart than was promised."""
    if not may_make_networks():
        sys.exit("no network can be made here: it takes Linux, and `unshare --net` allowed")
    one: list[Record] = []
    three: list[Record] = []
    with tempfile.TemporaryDirectory() as folder, hosts(Path(folder), LOAD) as made:
        for turn in range(1, TURNS + 1):
            for alone in (True, False) if turn % 2 else (False, True):
                sys.stderr.write(f"turn {turn} of {TURNS}: {'one host' if alone else 'three hosts'}\n")
                (one if alone else three).append(made.measure(alone=alone))
    lines = [
        "| Endpoint | Column | One host | Three hosts | Difference | Asked for |",
        "| :-- | :-- | --: | --: | --: | --: |",
    ]
    apart = False
    for endpoint in ENDPOINTS:
        for column, most in WITHIN_PERCENT.items():
            here, there = _of(one, endpoint, column), _of(three, endpoint, column)
            difference = 100 * (there / here - 1)
            apart = apart or abs(difference) > most
            lines.append(
                f"| {endpoint} | {column} | {here:,.2f} | {there:,.2f} | {signed_percent(difference)} | {most:g}% |"
            )
    environment = read_environment(REPOSITORY)
    machine = f"{environment.cpu.model}, {environment.cpu.count} cores, {environment.python}"
    sys.stdout.write(
        "\n".join(lines)
        + f"\n\nMedians of {TURNS} turns. {utc_now()[:10]}, {machine}: `make experiment NAME=three_hosts`\n"
    )
    sys.exit(apart)


if __name__ == "__main__":
    main()
