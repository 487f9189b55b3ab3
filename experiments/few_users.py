"""To which workers the kernel deals few users, and what that does to an endpoint that computes.

The computing endpoint of `bench selftest`, loaded again and again, each time on a fresh server.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmark.measure.machine import read_environment
from benchmark.measure.round import utc_now
from benchmark.store import parse_record

REPOSITORY = Path(__file__).resolve().parents[1]
CONFIG = """
schema_version = 1
[app]
import = "benchmark.selftest.app:app"
[endpoints.computing]
path = "/computing"
served = "cpu"
[profiles.few]
users = 10
spawn_rate = 10
duration = "2s"
start = "spread"
rounds = 20
reference = 0
endpoints = ["computing"]
"""


def main() -> None:
    """Print a row for each load."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "benchmark.toml").write_text(CONFIG)
        (Path(folder) / "benchmark").symlink_to(
            REPOSITORY / "benchmark"
        )  # an app finds what lies in its folder, not ours
        command = [sys.executable, "-m", "scripts", "run", "--profile", "few", "--json"]
        environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
        done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    (computing,) = parse_record(done.stdout, "bench run").endpoints
    lines = ["| Connections of each worker | req/s | p50 (ms) | p95 (ms) |", "| :-- | --: | --: | --: |"]
    for found in sorted(computing.rounds, key=lambda found: found.throughput_rps or 0.0):
        dealt = " / ".join(map(str, found.connections_per_worker or ("not known",)))
        lines.append(f"| {dealt} | {found.throughput_rps:.0f} | {found.median_ms:.1f} | {found.p95_ms:.1f} |")
    machine = read_environment(REPOSITORY)
    sys.stdout.write("\n".join(lines) + f"\n\n{utc_now()[:10]}, {machine.cpu.model}, {machine.cpu.count} cores, ")
    sys.stdout.write(f"{machine.python}: `make experiment NAME=few_users`\n")


if __name__ == "__main__":
    main()
