"""How right curves are that were predicted from a diagnosis: `make experiment NAME=predict_curves`, 90 minutes.

Thirty random endpoints: the service time constant, uniform, exponential, log-normal or of two kinds; 0 to 20 ms of
computing; no slots or 1 to 40; 1 or 2 workers. Each is diagnosed as a user would (`bench diagnose --keep`), its knee
is predicted, and it is really run with 1/2, 1, 2 and 3 times as many users. A cell is right where req/s is within 5%
of the prediction, p50 within 10% and p95 within 15%; one in which other programs used much of the machine is measured
again, and does not count if they always did. `--only 3,7` runs some; what was run before is kept and skipped.

*CPU* is what a request cost the workers in the run, beside what it cost when it was diagnosed: how fast the machine
was. `--again` measures nothing: it predicts what is kept with today's model; `--own-cpu` does so with the cost of each
run itself.
"""

import argparse
import json
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.record import Record
from benchmark.service import MeasuredService
from benchmark.theory.computing import machine
from benchmark.theory.predict import predict_round

ENDPOINTS = 30
SHAPES = ("constant", "uniform", "exponential", "log-normal", "two kinds")
TIMES_KNEE = (0.5, 1.0, 2.0, 3.0)
LIMITS_PERCENT = {"throughput_rps": 5.0, "median_ms": 10.0, "p95_ms": 15.0}
MOST_OF_OTHERS_PERCENT = 20.0  # of one processor
TRIES = 3
COMPUTES_S = 0.002  # from there on it is the endpoint that computes, and not the framework
RESPONSES, MOST_S = 1500, 25  # of one cell: the mean of what varies is not known better by fewer
FOLDER = Path("results") / "predict_curves"
DIAGNOSED_TO = 256  # users at most; climbing ends before, where throughput stops growing
BENCH = (sys.executable, "-m", "scripts")

APP = """
import asyncio, random, time
from fastapi import FastAPI
app = FastAPI()
draw = random.Random(1)
slots = {slots} and asyncio.Semaphore({slots})

def service_s():
    mean = {mean_s}
    return {{
        "constant": lambda: mean,
        "uniform": lambda: draw.uniform(0.4 * mean, 1.6 * mean),
        "exponential": lambda: draw.expovariate(1 / mean),
        "log-normal": lambda: draw.lognormvariate(0, 0.6) * mean / 1.197,
        "two kinds": lambda: mean * (0.5 if draw.random() < 0.8 else 3.0),
    }}["{shape}"]()

def compute():
    end = time.thread_time() + {computing_s}
    while time.thread_time() < end:
        pass

async def serve():
    await asyncio.sleep(service_s())
    compute()
    return {{"ok": True}}

@app.get("/")
async def endpoint():
    if slots:
        async with slots:
            return await serve()
    return await serve()
"""

CONFIG = """
schema_version = 1
[app]
import = "served:app"
workers = {workers}
[endpoints.random]
path = "/"
[profiles.random]
users = 1
spawn_rate = 1000
duration = "12s"
reference = "0s"
start = "spread"
endpoints = ["random"]
"""


@dataclass(frozen=True)
class Setup:
    """One random endpoint; the same number, the same endpoint."""

    number: int
    shape: str
    mean_s: float
    computing_s: float
    slots: int
    workers: int


def setup(number: int) -> Setup:
    draw = random.Random(20261128 + number)  # noqa: S311 - no secret
    return Setup(
        number=number,
        shape=SHAPES[number % len(SHAPES)],
        mean_s=round(draw.uniform(0.005, 0.1), 4),
        computing_s=round(draw.choice((0.0, draw.uniform(0.0, 0.02))), 4),
        slots=draw.choice((0, draw.randint(1, 40))),
        workers=draw.choice((1, 2)),
    )


def called(folder: Path, *arguments: str) -> str:
    command = [*BENCH, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)}: exit code {done.returncode}\n{done.stderr}")
    return done.stdout


def measured(one: Setup) -> list[dict[str, Any]]:
    """The cells of one endpoint: for each number of users what was predicted and what was measured."""
    folder = (FOLDER / f"{one.number:02}").resolve()
    kept = folder / "cells.json"
    if kept.is_file():
        found: list[dict[str, Any]] = json.loads(kept.read_text())
        return found
    folder.mkdir(parents=True, exist_ok=True)
    values = {"slots": one.slots, "mean_s": one.mean_s, "shape": one.shape, "computing_s": one.computing_s}
    (folder / "served.py").write_text(APP.format(**values))
    (folder / "benchmark.toml").write_text(CONFIG.format(workers=one.workers))
    said = called(folder, "diagnose", "random", "--most-users", str(DIAGNOSED_TO), "--keep")
    (folder / "diagnosis.txt").write_text(said)
    if "served =" not in (folder / "benchmark.toml").read_text():
        kept.write_text("[]")  # it cannot tell, and says so
        return []
    drawn = called(folder, "predict", "random", "--profile", "random", "--users", "1..2", "--json")
    knee = json.loads(drawn)["curve"]["knee"]
    users = sorted({max(1, round(times * knee["users"])) for times in TIMES_KNEE})
    duration_s = round(min(MOST_S, max(12, RESPONSES / (knee["most_rps"] / 2))))
    cells = [run(number, folder, knee["by"], duration_s) for number in users]
    kept.write_text(json.dumps(cells, indent=1))
    return cells


def run(users: int, folder: Path, by: str, duration_s: int) -> dict[str, Any]:
    """Measure one cell, and again where other programs used much of the machine."""
    lasts = ("--duration", f"{duration_s}s")
    for _ in range(TRIES):
        called(folder, "run", "--profile", "random", "--users", str(users), "--out", f"runs/{users}", *lasts)
        found = cell(users, folder, by)
        if not found["busy"]:
            break
    return found


def cell(users: int, folder: Path, by: str) -> dict[str, Any]:
    file = max((folder / "runs" / str(users)).glob("*/run.json"))
    (result,) = json.loads(file.read_text())["endpoints"]
    off = {}
    for column in LIMITS_PERCENT:
        seen, expected = result["summary"][column], (result["prediction"] or {}).get(column)
        off[column] = None if not expected or seen is None else round(100 * (seen / expected - 1), 1)
    others = result["rounds"][0]["resources"]["others_cpu_mean_percent"] or 0.0
    found = {"users": users, "limited_by": by, "rps": result["summary"]["throughput_rps"], "off_percent": off}
    return {**found, "busy": others > MOST_OF_OTHERS_PERCENT}


def diagnosed(number: int) -> MeasuredService:
    (file,) = (FOLDER / f"{number:02}" / "diagnosed").glob("*.json")
    return MeasuredService.model_validate_json(file.read_text())


def record(number: int, users: int) -> Record:
    file = max((FOLDER / f"{number:02}" / "runs" / str(users)).glob("*/run.json"))
    return Record.model_validate_json(file.read_text())


def costs_us(found: Record) -> dict[str, float | None]:
    """What a request cost workers and load generator in a run, by the names that a diagnosis has for it."""
    resources = found.endpoints[0].rounds[0].resources
    return {name: getattr(resources, f"{name}_per_request") for name in ("server_cpu_us", "generator_cpu_us")}


def cost_percent(number: int, users: int) -> float:
    """How much more processor time a request took the workers in a run than when it was diagnosed."""
    in_run, before = costs_us(record(number, users))["server_cpu_us"], diagnosed(number).server_cpu_us
    return 100 * (in_run / before - 1) if in_run and before else 0.0


def predicted_again(number: int, cells: Sequence[dict[str, Any]], *, own_cpu: bool) -> list[dict[str, Any]]:
    """The same cells, predicted anew. `own_cpu`: as if a request had cost what it cost in the run."""
    again = []
    for found in cells:
        run = record(number, found["users"])
        (result,), (endpoint,) = run.endpoints, run.plan.endpoints
        lone = diagnosed(number).model_copy(update=costs_us(run) if own_cpu else {})
        on = machine(run.plan, os.cpu_count() or 1)
        predicted = predict_round(run.plan, endpoint.model_copy(update={"measured": lone}), result.rounds[0], on)
        off = {name: 100 * (getattr(result.summary, name) / getattr(predicted, name) - 1) for name in LIMITS_PERCENT}
        again.append({**found, "off_percent": {name: round(value, 1) for name, value in off.items()}})
    return again


def is_right(found: dict[str, Any]) -> bool:
    off = found["off_percent"]
    return all(off[name] is not None and abs(off[name]) <= most for name, most in LIMITS_PERCENT.items())


def table(done: Sequence[tuple[Setup, list[dict[str, Any]]]]) -> str:
    lines = [
        "| number | service | computing | slots | workers | users | limit | CPU | req/s | off | p50 off | p95 off | |",
        "| --: | :-- | --: | --: | --: | --: | :-- | --: | --: | --: | --: | --: | :-- |",
    ]
    for one, cells in done:
        head = f"| {one.number} | {one.shape}, {1000 * one.mean_s:g} ms | {1000 * one.computing_s:g} ms "
        head += f"| {one.slots or 'none'} | {one.workers} "
        if not cells:
            lines.append(f"{head}| | cannot tell | | | | | | |")
        for found in cells:
            off = " | ".join("" if value is None else f"{value:+.1f}%" for value in found["off_percent"].values())
            right = "machine busy" if found["busy"] else "right" if is_right(found) else "**off**"
            more = cost_percent(one.number, found["users"])
            row = f"{head}| {found['users']} | {found['limited_by']} | {more:+.0f}% | {found['rps']:,.1f} "
            lines.append(f"{row}| {off} | {right} |")
    counted = [(kind(one), found) for one, cells in done for found in cells if not found["busy"]]
    for each in ("slots", "computing", "nothing but the framework"):
        mine = [found for which, found in counted if which == each]
        lines += ["", f"Limited by {each}: {sum(map(is_right, mine))} of {len(mine)} cells are right."]
    return "\n".join([*lines, "", f"All: {sum(is_right(found) for _, found in counted)} of {len(counted)}."])


def kind(one: Setup) -> str:
    if one.computing_s >= COMPUTES_S:
        return "computing"
    return "slots" if one.slots else "nothing but the framework"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="numbers of endpoints, like 3,7")
    parser.add_argument("--again", action="store_true", help="predict again what is kept, by today's model")
    parser.add_argument("--own-cpu", action="store_true", help="predict again what is kept, by the cost of each run")
    asked = parser.parse_args()
    chosen = [int(number) for number in asked.only.split(",")] if asked.only else range(ENDPOINTS)
    done = [(setup(number), measured(setup(number))) for number in chosen]
    if asked.again or asked.own_cpu:
        done = [(one, predicted_again(one.number, cells, own_cpu=asked.own_cpu)) for one, cells in done]
    FOLDER.mkdir(parents=True, exist_ok=True)
    text = table(done)
    (FOLDER / "table.md").write_text(f"{text}\n")
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    main()
