"""How often `bench diagnose` is right of endpoints that wait, compute and queue at once, and never wrong.

python -m experiments.mixed_tries [TRIES] [LOG] [PART OF A LABEL]

Each case with one and two workers, started here or (where it says so) known by its URL only. Tries go round, are added
to LOG (JSON lines) as they end, and what LOG holds is counted, so that a run can be ended and continued.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from benchmark.measure.machine import read_environment
from benchmark.measure.round import utc_now

HERE = Path(__file__).resolve().parent
PORT = 18733
HEAD = "| endpoint | workers | tries | right | cannot tell | wrong | CPU per request (ms) | time (s) |"
UNKNOWN = "cannot tell"


class Case(NamedTuple):
    """An endpoint, and what may be found: its regime, with so many slots where they count.

    `by_url`: the program does not start it.
    """

    label: str
    path: str
    right: tuple[str, ...]
    slots: int | None = None
    by_url: bool = False


CASES = (
    Case("def, waits 4, computes 3 ms", "/threads?wait=4&burn=3", ("mixed",)),
    Case("def, waits 9, computes 3 ms", "/threads?wait=9&burn=3", ("mixed",)),
    Case("async, waits 4, computes 6 ms", "/loop?wait=4&burn=6", ("mixed",)),
    Case("async, waits 2, computes 8 ms", "/loop?wait=2&burn=8", ("mixed", "cpu")),
    Case("async, computes 10 ms", "/loop?burn=10", ("cpu",)),
    Case("def, waits 50 ms", "/threads?wait=50", ("thread pool",), 40),
    Case("async, waits 50 ms", "/loop?wait=50", ("event loop",)),
    Case("async, pool of 4, waits 20, computes 1 ms", "/loop?wait=20&burn=1&pool=4", ("pool",), 4),
    Case("def, pool of 10, waits 40, computes 1 ms", "/threads?wait=40&burn=1&pool=10", ("pool",), 10),
    Case("blocking, waits 20, computes 2 ms", "/blocking?wait=20&burn=2", ("blocked event loop",), 1),
    Case("lock of all workers, tried again and again", "/polled_lock?hold=2&burn=1", (UNKNOWN,)),
    Case("lock of all workers, in turn", "/shared_lock?hold=10", (UNKNOWN, "pool")),
    Case("by URL: async, computes 15 ms", "/loop?burn=15", (UNKNOWN, "cpu"), by_url=True),
    Case("by URL: def, waits 4, computes 3 ms", "/threads?wait=4&burn=3", (UNKNOWN, "mixed", "cpu"), by_url=True),
    Case("by URL: async, pool of 10, waits 100 ms", "/loop?wait=100&pool=10", ("pool",), by_url=True),
)


def write_config(home: Path, app: str) -> None:
    """What is asked, with nothing declared: that is what has to be found."""
    endpoints = "".join(f'[endpoints.case{n}]\npath = "{case.path}"\n' for n, case in enumerate(CASES))
    profile = '[profiles.none]\nusers = 1\nspawn_rate = 1\nduration = "1s"\nendpoints = ["case0"]\n'
    (home / "benchmark.toml").write_text(f"[app]\n{app}\n{endpoints}{profile}")


@contextmanager
def served_elsewhere(home: Path, workers: int) -> Iterator[None]:
    """Start the app ourselves, so that the program only knows its URL."""
    command = [sys.executable, "-m", "uvicorn", "mixed_app:app", "--port", str(PORT), "--workers", str(workers)]
    server = subprocess.Popen([*command, "--log-level", "error", "--no-access-log"], cwd=home)
    time.sleep(4)
    try:
        yield
    finally:
        server.terminate()
        server.wait()


def attempt(number: int, workers: int, home: Path) -> dict[str, Any]:
    """Diagnose once."""
    case = CASES[number]
    write_config(home, f'url = "http://127.0.0.1:{PORT}"' if case.by_url else 'import = "mixed_app:app"')
    command = [sys.executable, "-m", "scripts", "diagnose", f"case{number}", "--json", "--most-users", "256"]
    command += ["--config", str(home / "benchmark.toml")]
    command += [] if case.by_url else ["--workers", str(workers)]
    with served_elsewhere(home, workers) if case.by_url else nullcontext():
        began = time.perf_counter()
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    tried = {"label": case.label, "workers": workers, "took_s": time.perf_counter() - began, "at": utc_now()}
    return {**tried, "load_1min": os.getloadavg()[0], "found": json.loads(done.stdout)}


def verdict(case: Case, workers: int, found: dict[str, Any]) -> str:
    """Right, UNKNOWN, or the wrong thing that was said."""
    regime = found["regime"] or UNKNOWN
    slots = None if case.slots is None or case.by_url else case.slots
    if case.by_url and regime == "pool" and "pool" in case.right:
        slots = int(case.path.rpartition("pool=")[2]) * workers
    if regime in case.right and slots in {None, found["seats"]}:
        return "right"
    return UNKNOWN if regime == UNKNOWN else f"{regime} {found['seats'] or ''}".strip()


def table(tries: Sequence[dict[str, Any]]) -> str:
    """What was found how often, as Markdown."""
    lines = [HEAD, "| :-- |" + " --: |" * 7]
    for case, workers in product(CASES, (1, 2)):
        mine = [item for item in tries if (item["label"], item["workers"]) == (case.label, workers)]
        if not mine:
            continue
        said = Counter(verdict(case, workers, item["found"]) for item in mine)
        wrong = ", ".join(f"{n} {what}" for what, n in said.items() if what not in {"right", UNKNOWN}) or "0"
        costs = sorted(1000 * (item["found"]["cpu_per_request_s"] or 0) for item in mine)
        took = sorted(item["took_s"] for item in mine)
        cells = (case.label, workers, len(mine), said["right"], said[UNKNOWN], wrong)
        lines.append(f"| {' | '.join(map(str, cells))} | {costs[len(costs) // 2]:.2f} | {took[len(took) // 2]:.0f} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Try, log, and print the table."""
    tries = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    log = Path(sys.argv[2] if len(sys.argv) > 2 else "results/mixed-tries.jsonl")
    part = sys.argv[3] if len(sys.argv) > 3 else ""
    log.parent.mkdir(parents=True, exist_ok=True)
    done = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    counts = Counter((item["label"], item["workers"]) for item in done)
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(HERE / "mixed_app.py", folder)
        for again, workers, (number, case) in product(range(tries), (1, 2), enumerate(CASES)):
            if counts[case.label, workers] > again or part not in case.label:
                continue
            done.append(attempt(number, workers, Path(folder)))
            with log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(done[-1]) + "\n")
            said = verdict(case, workers, done[-1]["found"])
            sys.stderr.write(f"{case.label}, {workers}: {said}. {done[-1]['found']['finding']}\n")
    machine = read_environment(Path.cwd())
    sys.stdout.write(f"{utc_now()}, {machine.cpu.model} x {machine.cpu.count}, {machine.python}\n\n{table(done)}")


if __name__ == "__main__":
    main()
