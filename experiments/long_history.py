"""How long it takes to render a history of ten thousand runs, and one run more.

The runs are the newest committed one again and again, as large as it is, one a day, its numbers with a little noise.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil

from benchmark.measure.machine import read_environment
from benchmark.measure.round import utc_now
from benchmark.report.readme import BEGIN, END
from benchmark.store import FILE_NAME
from experiments.generated import REPOSITORY, runs, write

RUNS = 10_000
BETWEEN_LOOKS_S = 0.2
FIRST = datetime(1995, 1, 1, tzinfo=UTC)


def timed(*arguments: str, cwd: Path) -> tuple[float, float]:
    """Run `bench`; gives seconds, and the most memory that it and its copies held together (MiB)."""
    began_s = time.perf_counter()
    with subprocess.Popen([sys.executable, "-m", "scripts", *arguments], cwd=cwd, stdout=subprocess.DEVNULL) as child:
        together = [0.0]
        while child.poll() is None:
            together.append(held_together(child.pid))
            time.sleep(BETWEEN_LOOKS_S)
    if child.returncode:
        raise RuntimeError(f"bench {' '.join(arguments)} ended with {child.returncode}")
    return time.perf_counter() - began_s, max(together) / 2**20


def held_together(pid: int) -> float:
    """Memory of a process and its children (bytes); what they share counts once."""
    try:
        process = psutil.Process(pid)
        return float(sum(one.memory_full_info().pss for one in [process, *process.children(recursive=True)]))
    except (psutil.Error, AttributeError):  # one of them just ended
        return 0.0


def measured(home: Path, added: Path) -> list[tuple[float, float]]:
    """Render a history that has no reports, render it again, and publish one run; what each cost, see `timed`."""
    for path in (home / "reports").rglob("*"):
        if path.is_file() and path.name != FILE_NAME:
            path.unlink()
    shutil.rmtree(home / "reports" / "runs" / added.name, ignore_errors=True)
    commands = (("report", "--all"), ("report", "--all"), ("publish", str(added), "--local"))
    return [timed(*command, cwd=home) for command in commands]


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--times", type=int, default=3)
    asked = parser.parse_args()
    number: int = asked.runs
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "README.md").write_text(f"{BEGIN}\n{END}\n")
        (home / "benchmark.toml").write_text((REPOSITORY / "benchmark.toml").read_text())
        history = runs(number + 1, FIRST, timedelta(days=1))
        for _ in range(number):
            write(next(history), home / "reports" / "runs")
        added = write(next(history), home / "results")
        tries = [measured(home, added) for _ in range(asked.times)]
    environment = read_environment(REPOSITORY)
    names = (
        f"`bench report --all`, {number:,} runs without reports",
        f"`bench report --all`, {number:,} runs, nothing new",
        "`bench publish --local`, one more run",
    )
    lines = ["| | Seconds | Most memory (MiB) |", "| :-- | --: | --: |"]
    for name, costs in zip(names, zip(*tries, strict=True), strict=True):
        seconds = ", ".join(f"{cost[0]:.1f}" for cost in costs)
        lines.append(f"| {name} | {seconds} | {max(cost[1] for cost in costs):.0f} |")
    machine = f"{environment.cpu.model}, {environment.cpu.count} cores, {environment.python}"
    sys.stdout.write("\n".join(lines) + f"\n\n{utc_now()[:10]}, {machine}: `make experiment NAME=long_history`\n")


if __name__ == "__main__":
    main()
