"""How long it takes to render a history of ten thousand runs, and one run more. `make long-history` prints it.

The runs are the newest committed one again and again, as large as it is, one a day, its numbers with a little noise.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmark.measure.environment import read_environment
from benchmark.measure.rounds import utc_now
from benchmark.show.history import run_files
from benchmark.show.readme import BEGIN, END

REPOSITORY = Path(__file__).resolve().parents[2]
RUNS = 10_000
FIRST = datetime(2000, 1, 1, tzinfo=UTC)
SEED = 1


def write_run(template: dict[str, Any], number: int, directory: Path, draw: random.Random) -> None:
    """Write one run as `bench run` would have, on its day."""
    moment = (FIRST + timedelta(days=number)).strftime("%Y-%m-%dT%H:%M:%SZ")
    run = {**template, "id": f"{moment[:10]}-daily", "started_at": moment, "finished_at": moment}
    for result in run["endpoints"]:
        result["summary"]["throughput_rps"] *= draw.gauss(1, 0.005)
    target = directory / run["id"]
    target.mkdir(parents=True)
    (target / "run.json").write_text(json.dumps(run, indent=1))


def timed(*arguments: str, cwd: Path) -> tuple[float, float]:
    """Run `bench`; gives seconds, and the most memory it held (MiB)."""
    began_s = time.perf_counter()
    with subprocess.Popen([sys.executable, "-m", "scripts", *arguments], cwd=cwd, stdout=subprocess.DEVNULL) as child:
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        message = f"bench {' '.join(arguments)} ended with {child.returncode}"
        raise RuntimeError(message)
    return time.perf_counter() - began_s, usage.ru_maxrss / 1024


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS)
    runs: int = parser.parse_args().runs
    template = json.loads(run_files(REPOSITORY / "reports")[0].read_text())
    draw = random.Random(SEED)  # noqa: S311 - nothing secret is drawn
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "README.md").write_text(f"{BEGIN}\n{END}\n")
        (home / "benchmark.toml").write_text((REPOSITORY / "benchmark.toml").read_text())
        for number in range(runs):
            write_run(template, number, home / "reports" / "runs", draw)
        first = timed("report", "--all", cwd=home)
        again = timed("report", "--all", cwd=home)
        write_run(template, runs, home / "results", draw)
        (added,) = (home / "results").iterdir()
        one = timed("publish", str(added), "--local", cwd=home)
    environment = read_environment(REPOSITORY)
    rows = {
        f"`bench report --all`, {runs} runs without reports": first,
        f"`bench report --all`, {runs} runs, nothing new": again,
        "`bench publish --local`, one more run": one,
    }
    lines = ["| | Seconds | Most memory (MiB) |", "| :-- | --: | --: |"]
    lines += [f"| {name} | {seconds:.1f} | {memory_mib:.0f} |" for name, (seconds, memory_mib) in rows.items()]
    machine = f"{environment.cpu.model}, {environment.cpu.count} cores, {environment.python}"
    sys.stdout.write("\n".join(lines) + f"\n\n{utc_now()[:10]}, {machine}: `make long-history`\n")


if __name__ == "__main__":
    main()
