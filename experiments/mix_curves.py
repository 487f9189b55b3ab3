"""How right predictions of mixes are: `make experiment NAME=mix_curves`, ten minutes.

Twenty random mixes of two endpoints: one needs a slot of a pool (2 to 20, 20 to 200 ms) or a thread (5 to 40 of them),
the other one waits on the event loop (10 to 300 ms); times vary by 5% either way. Shares of 10 to 90%, 10 to 200 users
with and without think time, 1 or 2 workers. How each is served is declared. How long it takes one lone user measures,
and what a request computes ten users, as `bench diagnose --keep` does. Then the mix is run for ten seconds. It is right
where req/s is within 2% of the prediction and p50 of either endpoint within 5%; a run in which other programs used much
of the machine does not count, and is measured again the next time. `--only 3,7` runs some; what was run before is kept
and skipped.
"""

import argparse
import json
import random
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.formatting import latency, rate, signed_percent
from benchmark.measure.machine import read_environment
from benchmark.measure.round import utc_now
from benchmark.record import Record, Round
from benchmark.service import MeasuredService
from benchmark.store import read_record

MIXES = 20
SEED = 20261128
MOST_RPS = 400.0  # of which a small machine serves all, as in setups.py
WITHIN_PERCENT = {"req/s": 2.0, "p50": 5.0}
MOST_OF_OTHERS_PERCENT = 40.0  # of one processor
FOLDER = Path("results") / "mix_curves"
BENCH = (sys.executable, "-m", "scripts")

APP = """
import asyncio, os, random, time
from contextlib import asynccontextmanager
from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI

async def lifespan(_):
    current_default_thread_limiter().total_tokens = int(os.environ["THREADS"])
    yield

app = FastAPI(lifespan=asynccontextmanager(lifespan))
slots = asyncio.Semaphore({slots})

def about(seconds):
    return random.uniform(0.95 * seconds, 1.05 * seconds)

@app.get("/pool")
async def pool():
    async with slots:
        await asyncio.sleep(about({queued_s}))
    return {{"ok": True}}

@app.get("/threads")
def threads():
    time.sleep(about({queued_s}))
    return {{"ok": True}}

@app.get("/free")
async def free():
    await asyncio.sleep(about({free_s}))
    return {{"ok": True}}
"""

CONFIG = """
schema_version = 1
[app]
import = "served:app"
workers = {workers}
threads = {threads}
[endpoints.queued]
path = "/{kind}"
{served}
{service}
[endpoints.free]
path = "/free"
served = "event loop"
{free_service}
[mixes.mix]
requests = {{ queued = {share}, free = {rest} }}
[profiles.lone]
users = 1
spawn_rate = 1
duration = "4s"
reference = 0
endpoints = ["queued", "free"]
[profiles.cost]
users = 10
spawn_rate = 10
duration = "3s"
reference = 0
endpoints = ["queued", "free"]
[profiles.mix]
users = {users}
spawn_rate = {users}
start = "spread"
duration = "10s"
reference = 0
{wait}
endpoints = ["mix"]
"""


@dataclass(frozen=True)
class Setup:
    """One random mix; the same number, the same mix. `share` of the endpoint that may queue, in percent."""

    number: int
    kind: str
    slots: int
    queued_s: float
    free_s: float
    share: int
    users: int
    workers: int
    wait: str

    def config(self, service: str = "", free_service: str = "") -> str:
        pooled = self.kind == "pool"
        return CONFIG.format(
            workers=self.workers,
            threads=40 if pooled else self.slots,
            kind=self.kind,
            served=f'served = "pool"\nslots = {self.slots}' if pooled else 'served = "thread pool"',
            service=service,
            free_service=free_service,
            share=self.share,
            rest=100 - self.share,
            users=self.users,
            wait=f'wait = "{self.wait}"' if self.wait else "",
        )


def setup(number: int) -> Setup:
    draw = random.Random(SEED + number)  # noqa: S311 - no secret
    while True:
        kind = draw.choice(("pool", "pool", "threads"))
        first_ms = draw.randint(50, 300)
        found = Setup(
            number=number,
            kind=kind,
            slots=draw.randint(2, 20) if kind == "pool" else draw.randint(5, 40),
            queued_s=draw.randint(20, 200) / 1000,
            free_s=draw.randint(10, 300) / 1000,
            share=draw.randint(10, 90),
            users=draw.randint(10, 200),
            workers=draw.choice((1, 2)),
            wait=draw.choice(("", "", f"{first_ms}ms", f"{first_ms}ms..{4 * first_ms}ms")),
        )
        think_s = 0.0 if not found.wait else first_ms / 1000 * (2.5 if ".." in found.wait else 1)
        share = found.share / 100
        mean_s = share * found.queued_s + (1 - share) * found.free_s
        slots_rps = found.workers * found.slots / (share * found.queued_s)
        if min(found.users / (mean_s + think_s), slots_rps) <= MOST_RPS:
            return found


def called(folder: Path, *arguments: str) -> Record:
    """Run `bench run`; gives its record."""
    command = [*BENCH, "run", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)}: exit code {done.returncode}\n{done.stderr}")
    return read_record(max((folder / "results").glob("*/run.json")).parent)


def costs(kind: str) -> dict[str, dict[str, float | None]]:
    """Processor time (us) of a request to each endpoint, of the workers and of the load generator.

    It does not depend on how long they wait, so it is measured once for each kind; of more than one user, whose
    programs would spend most of it between requests.
    """
    folder = (FOLDER / f"cost-{kind}").resolve()
    kept = folder / "costs.json"
    if not kept.is_file():
        lay_out(folder, Setup(0, kind, 40, 0.05, 0.05, 50, 10, 1, ""))
        ten = called(folder, "--profile", "cost")
        used = {one.name: one.rounds[0].resources for one in ten.endpoints}
        names = {"server_cpu_us": "server_cpu_us_per_request", "generator_cpu_us": "generator_cpu_us_per_request"}
        found = {name: {key: getattr(one, of) for key, of in names.items()} for name, one in used.items()}
        kept.write_text(json.dumps(found, indent=1))
    read: dict[str, dict[str, float | None]] = json.loads(kept.read_text())
    return read


def lay_out(folder: Path, one: Setup) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "served.py").write_text(APP.format(slots=one.slots, queued_s=one.queued_s, free_s=one.free_s))
    (folder / "benchmark.toml").write_text(one.config())


def keep_service(lone: Record, name: str, folder: Path, cost_us: dict[str, float | None]) -> str:
    """Write what one user measured of an endpoint to a file; gives the line of benchmark.toml that names it."""
    result = lone.result(name)
    if result is None or result.rounds[0].quantiles is None:
        raise SystemExit(f"{name} was not measured")
    (found,) = result.rounds
    quantiles = found.quantiles
    kept = MeasuredService(
        endpoint=name,
        date=lone.started_at[:10],
        responses=found.requests,
        percent=quantiles.percent if quantiles else (),
        latency_ms=quantiles.latency_ms if quantiles else (),
        server_cpu_us=cost_us["server_cpu_us"],
        generator_cpu_us=cost_us["generator_cpu_us"],
        most_users=1,
        workers=lone.plan.target.workers,
    )
    (folder / f"{name}.json").write_text(kept.model_dump_json(indent=1) + "\n")
    return f'service = "{name}.json"'


def measured(one: Setup) -> dict[str, Any] | None:
    """What was predicted and measured of one mix; None: other programs were busy."""
    folder = (FOLDER / f"{one.number:02}").resolve()
    kept = folder / "cell.json"
    if kept.is_file():
        found: dict[str, Any] = json.loads(kept.read_text())
        return found
    cost_us = costs(one.kind)
    lay_out(folder, one)
    lone = called(folder, "--profile", "lone")
    services = [keep_service(lone, name, folder, cost_us[name]) for name in ("queued", "free")]
    (folder / "benchmark.toml").write_text(one.config(*services))
    (result,) = called(folder, "--profile", "mix").endpoints
    (mix,) = result.rounds
    if (mix.resources.others_cpu_mean_percent or 0.0) > MOST_OF_OTHERS_PERCENT:
        return None
    found = {"at": utc_now(), "split": mix.connections_per_worker, "rows": rows(mix)}
    kept.write_text(json.dumps(found, indent=1))
    return found


def rows(mix: Round) -> list[tuple[str, float, float]]:
    """What is compared: its name, what was measured and what was predicted."""
    if mix.prediction is None or not mix.throughput_rps or not mix.prediction.throughput_rps:
        raise SystemExit("there is no prediction")
    found = [("req/s", mix.throughput_rps, mix.prediction.throughput_rps)]
    for part in mix.parts:
        predicted = part.prediction.median_ms if part.prediction else None
        found.append((f"p50 {part.name}", part.median_ms or 0.0, predicted or float("nan")))
    return found


def off_percent(row: Sequence[Any]) -> float:
    return float(100 * (row[1] / row[2] - 1))


def is_right(found: dict[str, Any]) -> bool:
    return all(abs(off_percent(row)) <= WITHIN_PERCENT[row[0].split()[0]] for row in found["rows"])


def line(one: Setup, found: dict[str, Any] | None) -> str:
    queued = f"{one.slots} {'slots' if one.kind == 'pool' else 'threads'}, {1000 * one.queued_s:g} ms"
    cells = [str(one.number), queued, f"{1000 * one.free_s:g} ms", f"{one.share} / {100 - one.share}", str(one.users)]
    cells += [one.wait or "none", str(one.workers)]
    if found is None:
        return f"| {' | '.join([*cells, *[''] * 9, 'machine busy'])} |"
    for name, seen, expected in found["rows"]:
        shown = rate if name == "req/s" else latency
        cells += [shown(seen), shown(expected), signed_percent(off_percent((name, seen, expected)))]
    return f"| {' | '.join([*cells, 'yes' if is_right(found) else '**no**'])} |"


def table(done: Sequence[tuple[Setup, dict[str, Any] | None]]) -> str:
    heads = ["#", "queued", "free", "share (%)", "users", "think time", "workers", "req/s", "predicted", "off"]
    heads += ["p50 queued", "predicted", "off", "p50 free", "predicted", "off", "within"]
    counted = [found for _, found in done if found is not None]
    environment = read_environment(Path.cwd())
    when = (
        f"{utc_now()[:10]}, {environment.cpu.model}, {environment.cpu.count} cores, {environment.python}, seed {SEED}"
    )
    return "\n".join(
        [
            f"| {' | '.join(heads)} |",
            f"|{' --: |' * len(heads)}",
            *(line(one, found) for one, found in done),
            "",
            f"{sum(map(is_right, counted))} of {len(counted)} are within 2% (req/s) and 5% (p50). {when}.",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="numbers of mixes, like 3,7")
    numbers = parser.parse_args().only
    chosen = [int(number) for number in numbers.split(",")] if numbers else range(1, MIXES + 1)
    text = table([(one, measured(one)) for one in map(setup, chosen)])
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "table.md").write_text(f"{text}\n")
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    main()
