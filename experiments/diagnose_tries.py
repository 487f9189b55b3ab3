"""How often `bench diagnose` names the right regime: ten endpoints, one and two workers, several tries of each.

python -m experiments.diagnose_tries [TRIES] [LOG]

Tries go round: every case once, then all again, so that a disturbed minute hits them alike. Each try is added to LOG
(JSON lines) when it is over, and what LOG already holds is counted, so that a run can be ended and continued.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from benchmark.measure.machine import read_environment
from benchmark.measure.round import utc_now

HERE = Path(__file__).resolve().parent
TASK_SECONDS = "0.05"
HEAD = "| endpoint | workers | tries | right | n exact | cannot tell | wrong | seats of a worker, 95 % | time (s) |"


class Case(NamedTuple):
    """An endpoint, and what has to be found. `seats`: per worker; None where nothing queues."""

    label: str
    endpoint: str
    regime: str
    seats: int | None
    threads: str = "40"


CASES = (
    Case("sync_baseline", "sync_baseline", "thread pool", 40),
    Case("async_independent", "async_independent", "event loop", None),
    Case("async_dependent", "async_dependent", "event loop", None),
    Case("async_concurrent", "async_concurrent", "event loop", None),
    Case("async_taskgroup", "async_taskgroup", "event loop", None),
    Case("async_blocking", "async_blocking", "blocked event loop", 1),
    Case("Semaphore(7)", "semaphore", "pool", 7),
    Case("ThreadPoolExecutor(12)", "executor", "pool", 12),
    Case("sync_baseline, THREADS=8", "sync_baseline", "thread pool", 8, "8"),
    Case("burns 20 ms of CPU", "burner", "cpu", 1),
)


def make_home(folder: Path) -> None:
    """Put the app, and ours that it extends, into a folder of their own: an app finds what lies in its folder only."""
    shutil.copy(HERE / "diagnose.toml", folder / "benchmark.toml")
    (folder / "diagnose_app.py").symlink_to(HERE / "diagnose_app.py")
    (folder / "app").symlink_to(HERE.parent / "app")


def attempt(case: Case, workers: int, home: Path) -> dict[str, Any]:
    """Diagnose once."""
    config = str(home / "benchmark.toml")
    command = [sys.executable, "-m", "scripts", "diagnose", case.endpoint, "--json", "--config", config]
    command += ["--task-seconds", TASK_SECONDS, "--workers", str(workers), "--threads", case.threads]
    began = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    tried = {"label": case.label, "workers": workers, "took_s": time.perf_counter() - began, "at": utc_now()}
    return {**tried, "load_1min": os.getloadavg()[0], "found": json.loads(done.stdout)}


def table(tries: Sequence[dict[str, Any]]) -> str:
    """What was found how often, as Markdown."""
    lines = [HEAD]
    lines.append("| :-- |" + " --: |" * 8)
    for case in CASES:
        for workers in (1, 2):
            mine = [item for item in tries if (item["label"], item["workers"]) == (case.label, workers)]
            if mine:
                lines.append(_row(case, workers, mine))
    return "\n".join(lines) + "\n"


def _row(case: Case, workers: int, tries: Sequence[dict[str, Any]]) -> str:
    found = [item["found"] for item in tries]
    right = [item for item in found if item["regime"] == case.regime]
    exact = sum(item["seats"] == case.seats for item in right)
    wrong = Counter(item["regime"] for item in found if item["regime"] not in {case.regime, None})
    seats = [item["seats_per_worker"] for item in right if item["seats_per_worker"] and case.seats]
    low = median(item["low"] for item in seats) if seats else 0.0
    highs = [item["high"] for item in seats if item["high"] is not None]
    high = f"{median(highs):.3g}" if len(highs) > len(seats) / 2 else "no limit"
    unknown = sum(item["regime"] is None for item in found)
    said = ", ".join(f"{count} {regime}" for regime, count in wrong.items()) or "0"
    took_s = median(item["took_s"] for item in tries)
    cells = (
        case.label,
        workers,
        len(found),
        len(right),
        exact,
        unknown,
        said,
        f"{low:.3g} to {high}" if seats else "",
        f"{took_s:.0f}",
    )
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def main() -> None:
    """Try, log, and print the table."""
    tries = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    log = Path(sys.argv[2] if len(sys.argv) > 2 else "results/diagnose-tries.jsonl")
    log.parent.mkdir(parents=True, exist_ok=True)
    done = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    counts = Counter((item["label"], item["workers"]) for item in done)
    with tempfile.TemporaryDirectory() as folder:
        make_home(Path(folder))
        for number, workers, case in product(range(tries), (1, 2), CASES):
            if counts[case.label, workers] > number:
                continue
            done.append(attempt(case, workers, Path(folder)))
            with log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(done[-1]) + "\n")
            found = done[-1]["found"]
            sys.stderr.write(f"{case.label} {workers}: {found['regime']} {found['seats']} {done[-1]['took_s']:.0f} s\n")
    machine = read_environment(Path.cwd())
    sys.stdout.write(f"{utc_now()}, {machine.cpu.model} x {machine.cpu.count}, {machine.python}\n\n{table(done)}")


if __name__ == "__main__":
    main()
