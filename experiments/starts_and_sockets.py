"""What spread starts and sockets of their own do.md.

300 users on `async_concurrent`, which waits a second, and on `sync_baseline`, whose requests queue for threads: started
in batches or spread, on one socket that all workers share or on one for each, in turns.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from benchmark.measure.machine import read_environment
from benchmark.measure.round import utc_now
from benchmark.record import Round
from benchmark.store import parse_record

REPOSITORY = Path(__file__).resolve().parents[1]
TURNS = 3
SETUPS = tuple((start, sockets) for start in ("batch", "spread") for sockets in ("shared", "per-worker"))
CONFIG = """
schema_version = 1
[app]
import = "app.main:app"
sockets = "{sockets}"
[endpoints.async_concurrent]
path = "/async_concurrent"
work_tasks = 1
served = "event loop"
[endpoints.sync_baseline]
path = "/sync_baseline"
work_tasks = 3
served = "thread pool"
[profiles.both]
users = 300
spawn_rate = 50
duration = "24s"
task_seconds = 1
start = "{start}"
reference = 0
endpoints = ["async_concurrent", "sync_baseline"]
"""


def measure(start: str, sockets: str) -> tuple[Round, Round]:
    """One round of both endpoints."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "benchmark.toml").write_text(CONFIG.format(start=start, sockets=sockets))
        (Path(folder) / "app").symlink_to(REPOSITORY / "app")  # an app finds what lies in its folder, not ours
        command = [sys.executable, "-m", "scripts", "run", "--profile", "both", "--json"]
        environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    concurrent, baseline = parse_record(done.stdout, "bench run").endpoints
    return concurrent.rounds[0], baseline.rounds[0]


def _splits(rounds: list[Round]) -> str:
    return ", ".join("/".join(map(str, found.connections_per_worker or ())) for found in rounds)


def _middle(values: list[float | None], digits: int = 1) -> str:
    known = [value for value in values if value is not None]
    return f"{median(known):,.{digits}f}" if known else "n/a"


def main() -> None:
    """Print the table."""
    found: dict[tuple[str, str], list[tuple[Round, Round]]] = {setup: [] for setup in SETUPS}
    for turn in range(1, TURNS + 1):
        for setup in SETUPS if turn % 2 else reversed(SETUPS):
            sys.stderr.write(f"turn {turn} of {TURNS}: {' start, '.join(setup)} sockets\n")
            found[setup].append(measure(*setup))
    lines = [
        "| Start | Sockets | Excess p50 (ms) | p99 (ms) | Connections per worker | Queue: median (ms) | p95 (ms) |",
        "| :-- | :-- | --: | --: | :-- | --: | --: |",
    ]
    for (start, sockets), rounds in found.items():
        concurrent, baseline = [one for one, _ in rounds], [two for _, two in rounds]
        steady = [one.steady for one in concurrent if one.steady is not None]
        cells = [_middle([one.excess_p50_ms for one in steady]), _middle([one.excess_p99_ms for one in steady])]
        cells += [_splits(concurrent + baseline)]
        cells += [_middle([two.median_ms for two in baseline], 0), _middle([two.p95_ms for two in baseline], 0)]
        lines.append(f"| {start} | {sockets} | {' | '.join(cells)} |")
    environment = read_environment(REPOSITORY)
    machine = f"{environment.cpu.model}, {environment.cpu.count} cores, {environment.python}"
    sys.stdout.write("\n".join(lines) + f"\n\n{utc_now()[:10]}, {machine}: `make experiment NAME=starts_and_sockets`\n")


if __name__ == "__main__":
    main()
