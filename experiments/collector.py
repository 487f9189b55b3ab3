"""What Python's garbage collector takes from an endpoint that hardly computes, and gives to its slowest responses.

Endpoints of predict_curves.py without slots or computing, at twice the users of their knee: with the collector as it
is, with all that was there at the start frozen, and off; interleaved. The app itself counts what collecting takes.
"""

import json
import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from benchmark.measure.machine import read_environment
from benchmark.measure.round import utc_now
from benchmark.store import read_record
from experiments.predict_curves import APP, CONFIG, setup

USERS = {20: 309, 24: 475, 27: 699}
"""By the number of the endpoint."""
WAYS = {"as it is": "", "frozen": "gc.collect(); gc.freeze()", "off": "gc.disable()"}
ROUNDS = 3
DURATION_S = 10
COUNTING = """
import gc, json, os, time
from contextlib import asynccontextmanager

spent, began = [], [0.0]

def collecting(phase, info):
    if phase == "start":
        began[0] = time.perf_counter()
    else:
        spent.append(time.perf_counter() - began[0])

@asynccontextmanager
async def lifespan(app):
    {way}
    gc.callbacks.append(collecting)
    yield
    with open(f"collected-{{os.getpid()}}.json", "w") as file:
        json.dump(spent, file)

app.router.lifespan_context = lifespan
"""


class Seen(NamedTuple):
    """One run. `collecting`: part of the load, of the worker that collected longest; its longest pause (ms)."""

    rps: float
    p50_ms: float
    p95_ms: float
    cpu_us: float
    collecting: float
    longest_ms: float


def measure(number: int, way: str) -> Seen:
    one = setup(number)
    values: dict[str, Any] = {name: getattr(one, name) for name in ("slots", "mean_s", "shape", "computing_s")}
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "served.py").write_text(APP.format(**values) + COUNTING.format(way=WAYS[way] or "pass"))
        (home / "benchmark.toml").write_text(CONFIG.format(workers=one.workers))
        asked = (
            "--users",
            str(USERS[number]),
            "--duration",
            f"{DURATION_S}s",
            "--config",
            str(home / "benchmark.toml"),
        )
        command = [sys.executable, "-m", "scripts", "run", "--profile", "random", *asked, "--out", str(home / "runs")]
        subprocess.run(command, capture_output=True, check=True)
        (file,) = (home / "runs").glob("*/run.json")
        (result,) = read_record(file).endpoints
        pauses = [json.loads(each.read_text()) for each in home.glob("collected-*.json")]
    (found,) = result.rounds
    return Seen(
        rps=found.throughput_rps or 0.0,
        p50_ms=found.median_ms or 0.0,
        p95_ms=found.p95_ms or 0.0,
        cpu_us=found.resources.server_cpu_us_per_request or 0.0,
        collecting=max(map(sum, pauses)) / DURATION_S,
        longest_ms=1000 * max((max(each, default=0.0) for each in pauses), default=0.0),
    )


def main() -> None:
    """Print a row for each endpoint and way: medians of its rounds."""
    seen: dict[tuple[int, str], list[Seen]] = {}
    for _, number, way in product(range(ROUNDS), USERS, WAYS):
        seen.setdefault((number, way), []).append(measure(number, way))
    columns = (
        "users",
        "collector",
        "req/s",
        "p50 (ms)",
        "p95 (ms)",
        "CPU per request (µs)",
        "collecting",
        "longest (ms)",
    )
    lines = [f"| endpoint | {' | '.join(columns)} |", "| :-- | --: | :-- |" + " --: |" * 6]
    for (number, way), runs in seen.items():
        one, middle = setup(number), Seen(*map(median, zip(*runs, strict=True)))
        cells = (
            f"{one.shape}, {1000 * one.mean_s:g} ms | {USERS[number]} | {way} | {middle.rps:,.0f} | {middle.p50_ms:.1f}"
        )
        rest = f"{middle.p95_ms:.1f} | {middle.cpu_us:.0f} | {middle.collecting:.0%} | {middle.longest_ms:.0f}"
        lines.append(f"| {cells} | {rest} |")
    machine = read_environment(Path.cwd())
    sys.stdout.write("\n".join(lines) + f"\n\n{utc_now()[:10]}, {machine.cpu.model}, {machine.cpu.count} cores, ")
    sys.stdout.write(f"{machine.python}: `make experiment NAME=collector`\n")


if __name__ == "__main__":
    main()
