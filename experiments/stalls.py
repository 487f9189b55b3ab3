"""What a server that stalls looks like to users who wait for answers, and to visitors who do not.

The event loop of one worker is blocked for a second every ten seconds. At a fixed rate one request in ten comes during
a stall and waits for what is left of it: p95 and p99 follow from arithmetic. Users who wait for answers ask nothing
meanwhile, so a stall shows in one request of each.
"""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.formatting import ms, rate
from benchmark.measure.machine import read_environment
from benchmark.measure.round import utc_now
from benchmark.record import Columns, Round
from benchmark.store import parse_record

REPOSITORY = Path(__file__).resolve().parents[1]
WORK_S = 0.01
PATIENCE_S = 120.0
"""How much longer than its load a run may take, which starts a server and reads what was measured, unless it hangs."""

APP = """
import asyncio
import time
from contextlib import asynccontextmanager
from fastapi import FastAPI

async def stall():
    while True:
        await asyncio.sleep({every_s} - {stall_s})
        time.sleep({stall_s})  # blocks the event loop: nobody is answered

@asynccontextmanager
async def lifespan(app):
    stalling = asyncio.create_task(stall())
    yield
    stalling.cancel()

app = FastAPI(lifespan=lifespan)

@app.get("/quick")
async def quick():
    await asyncio.sleep({work_s})
    return {{}}
"""
CONFIG = """
schema_version = 1
[app]
import = "stalling:app"
workers = 1
[endpoints.quick]
path = "/quick"
work = "{work_s}s"
served = "event loop"
[profiles.stalls]
users = 2
spawn_rate = 1000
duration = "{duration_s}s"
reference = 0
endpoints = ["quick"]
"""


@dataclass(frozen=True)
class Stalls:
    """A stall of `stall_s` seconds every `every_s`, under a load of `duration_s`."""

    stall_s: float = 1.0
    every_s: float = 10.0
    duration_s: int = 60

    def demanded_ms(self, percent: float) -> float:
        """What arithmetic demands of a percentile at a fixed rate.

        A request waits longer than w when it comes in the first (stall - w) of a period.
        """
        wait_s = self.stall_s - (1 - percent / 100) * self.every_s
        return 1000 * (max(0.0, wait_s) + WORK_S)


def measure(stalls: Stalls, folder: Path, flags: Sequence[str]) -> Round:
    """Run `bench` against an app that stalls, in a folder of its own."""
    folder.mkdir(parents=True)
    (folder / "stalling.py").write_text(APP.format(every_s=stalls.every_s, stall_s=stalls.stall_s, work_s=WORK_S))
    (folder / "benchmark.toml").write_text(CONFIG.format(work_s=WORK_S, duration_s=stalls.duration_s))
    command = [sys.executable, "-m", "scripts", "run", "--profile", "stalls", "--json", *flags]
    timeout_s = stalls.duration_s + PATIENCE_S
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=timeout_s)
    if done.returncode not in {0, 3}:  # 3: it ended in the middle of a stall, so that some could not be sent any more
        raise RuntimeError(done.stderr)
    return parse_record(done.stdout, "bench run").endpoints[0].rounds[0]


def _row(name: str, row: Columns) -> str:
    cells = (rate(row.throughput_rps), ms(row.median_ms), ms(row.p95_ms), ms(row.p99_ms), ms(row.max_ms))
    return f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    """Print a table."""
    stalls = Stalls()
    with tempfile.TemporaryDirectory() as folder:
        closed = measure(stalls, Path(folder) / "closed", ())
        few = measure(stalls, Path(folder) / "few", ("--rate", "200/s", "--users", "10"))
        many = measure(stalls, Path(folder) / "many", ("--rate", "200/s", "--users", "400"))
    lines = ["| | req/s | Median (ms) | p95 (ms) | p99 (ms) | Max (ms) |", "| :-- | --: | --: | --: | --: | --: |"]
    lines += [_row("2 users who wait for their answers", closed)]
    for name, found in (("10 under way at most", few), ("400 under way at most", many)):
        if found.open_load is not None:
            lines += [_row(f"200 requests per second, {name}, from when sent", found.open_load.from_sent)]
        lines += [_row(f"200 requests per second, {name}, from when due", found)]
    demanded = " | ".join(f"{stalls.demanded_ms(percent):.0f}" for percent in (50, 95, 99, 100))
    lines += [f"| what arithmetic demands at a fixed rate | | {demanded} |"]
    environment = read_environment(REPOSITORY)
    machine = f"{environment.cpu.model}, {environment.cpu.count} cores, {environment.python}"
    sys.stdout.write("\n".join(lines) + f"\n\n{utc_now()[:10]}, {machine}: `make experiment NAME=stalls`\n")


if __name__ == "__main__":
    main()
