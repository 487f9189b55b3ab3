"""How much five years of weekly runs add to the repository. `make experiment NAME=repository_size` prints it.

Each run is published as `bench publish` does it, a commit a week: its record, its report and pictures, and all that is
rendered again beside it. What counts is the pack that a clone fetches.
"""

import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmark.measure.machine import read_environment
from benchmark.measure.round import utc_now
from benchmark.report.readme import BEGIN, END
from benchmark.report.render import render
from experiments.generated import REPOSITORY, newest_run, runs, write

WEEKS = 260
FIRST = datetime(2026, 1, 5, 4, 47, tzinfo=UTC)
MIB = 2**20


def git(home: Path, *arguments: str) -> str:
    """Run git with an identity of its own."""
    who = ["-c", "user.name=bench", "-c", "user.email=bench@example.com", "-c", "gc.auto=0"]
    done = subprocess.run(["git", *who, *arguments], cwd=home, check=True, capture_output=True, text=True)  # noqa: S607
    return done.stdout


def main() -> None:
    """Print a table."""
    weeks = int(sys.argv[1]) if len(sys.argv) > 1 else WEEKS
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        git(home, "init", "--quiet")
        (home / "README.md").write_text(f"{BEGIN}\n{END}\n")
        for run in runs(weeks, FIRST, timedelta(weeks=1)):
            write(run, home / "reports" / "runs")
            render(home / "reports", home / "README.md", everything=False)
            git(home, "add", "--all")
            git(home, "commit", "--quiet", "--message", str(run["id"]))
            sys.stderr.write(f"\r{run['id']}")
        git(home, "gc", "--quiet")
        packed = sum(path.stat().st_size for path in (home / ".git" / "objects" / "pack").iterdir())
        files = [path for path in (home / "reports").rglob("*") if path.is_file()]
        checked_out = sum(path.stat().st_size for path in files)
    environment = read_environment(REPOSITORY)
    sys.stdout.write(
        f"| {weeks} weekly runs of {len(newest_run()['endpoints'])} endpoints | MiB |\n| :-- | --: |\n"
        f"| what a clone fetches (the pack after `git gc`) | {packed / MIB:.1f} |\n"
        f"| files of the newest commit ({len(files)}) | {checked_out / MIB:.1f} |\n\n"
        f"{utc_now()[:10]}, {environment.cpu.model}, {environment.cpu.count} cores: "
        f"`make experiment NAME=repository_size`\n"
    )


if __name__ == "__main__":
    main()
