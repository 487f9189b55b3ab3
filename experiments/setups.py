"""Is the theory right? Random set-ups, really run, beside what was predicted for them.

Users, spawn rate, workers, threads, task seconds, duration and endpoint are drawn with a fixed seed. What asks for more
than MOST_RPS is drawn again: there the processors of a small machine are the limit, which the model knows roughly.
"""

import argparse
import math
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmark.formatting import joined, ms, rate, signed_percent
from benchmark.measure.machine import read_environment
from benchmark.measure.round import utc_now
from benchmark.record import EndpointResult, Record, Round
from benchmark.store import parse_record
from benchmark.theory.wording import difference_percent

REPOSITORY = Path(__file__).resolve().parents[1]
SEED = 20261123
COUNT = 30
MOST_RPS = 400.0
WITHIN_PERCENT = {"throughput_rps": 3.0, "median_ms": 5.0}
TASKS = {"sync_baseline": 3, "async_independent": 3, "async_concurrent": 1}


@dataclass(frozen=True)
class Setup:
    """One set-up, as flags of `bench run`."""

    endpoint: str
    users: int
    spawn_rate: int
    workers: int
    threads: int
    task_seconds: float
    duration_s: int

    def flags(self) -> list[str]:
        """What `bench run` is told."""
        return [
            *("--profile", "smoke", "--endpoint", self.endpoint, "--users", str(self.users)),
            *("--spawn-rate", str(self.spawn_rate), "--workers", str(self.workers), "--threads", str(self.threads)),
            *("--task-seconds", f"{self.task_seconds:g}", "--duration", f"{self.duration_s}s"),
        ]


def setups(count: int, seed: int = SEED) -> Iterator[Setup]:
    """Draw set-ups that a small machine can serve."""
    draw = random.Random(seed)  # noqa: S311 - nothing secret is drawn
    while count:
        users = round(5 * 40 ** draw.random())
        setup = Setup(
            endpoint=draw.choice(list(TASKS)),
            users=users,
            spawn_rate=max(1, -(-users // draw.choice([1, 2, 3]))),
            workers=draw.choice([1, 2, 3]),
            threads=round(2 * 20 ** draw.random()),
            task_seconds=round(0.05 * 8 ** draw.random(), 3),
            duration_s=draw.choice([4, 5, 6]),
        )
        if setup.users / (TASKS[setup.endpoint] * setup.task_seconds) <= MOST_RPS:
            count -= 1
            yield setup


def run(setup: Setup, out: Path) -> Record:
    """Really run one set-up."""
    command = [sys.executable, "-m", "scripts", "run", *setup.flags(), "--out", str(out), "--json"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return parse_record(done.stdout, "bench run --json")


def off_percent(measured: Round, column: str) -> float:
    """How far the measured value is from the predicted one."""
    value = difference_percent(measured, measured.prediction, column) if measured.prediction else None
    return math.inf if value is None else value


def is_hit(measured: Round) -> bool:
    """Whether both columns are as near as was promised."""
    return all(abs(off_percent(measured, column)) <= most for column, most in WITHIN_PERCENT.items())


def line(number: int, setup: Setup, result: EndpointResult) -> str:
    """One row of the table."""
    (measured,) = result.rounds
    cells: list[object] = [number, setup.endpoint, f"{setup.users} at {setup.spawn_rate}/s"]
    cells += [f"{setup.workers} × {setup.threads}", setup.task_seconds, setup.duration_s]
    cells += [joined(measured.connections_per_worker)]
    for column, shown in (("throughput_rps", rate), ("median_ms", ms)):
        cells += [shown(getattr(measured, column)), shown(getattr(measured.prediction, column, None))]
        cells += [signed_percent(off_percent(measured, column))]
    cells += ["yes" if is_hit(measured) else "**no**"]
    return f"| {' | '.join(map(str, cells))} |"


HEAD = """| # | Endpoint | Users | Workers × threads | Task (s) | Load (s) | Connections | req/s | predicted | off \
| Median (ms) | predicted | off | within |
| --: | :-- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | :-- |"""


def say(text: str) -> None:
    """Print a line as soon as it is known: the whole takes minutes."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    """Run all, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    environment = read_environment(REPOSITORY)
    say(HEAD)
    hits = 0
    with tempfile.TemporaryDirectory() as folder:
        for number, setup in enumerate(setups(options.count, options.seed), start=1):
            result = run(setup, Path(folder)).endpoints[0]
            hits += is_hit(result.rounds[0])
            say(line(number, setup, result))
    say(
        f"\n{hits} of {options.count} within 3% (req/s) and 5% (median). {utc_now()}, {environment.cpu.model}, "
        f"{environment.cpu.count} cores, Python {environment.python}, seed {options.seed}: "
        f"`make experiment NAME=setups`"
    )


if __name__ == "__main__":
    main()
