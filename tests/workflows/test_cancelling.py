"""A cancelled or timed-out workflow keeps what it measured."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import yaml

from tests.support.bench import PATIENCE_S, Bench


def test_the_first_process_of_the_measuring_step_hears_a_cancellation(bench: Bench, repository: Path) -> None:
    """GitHub sends SIGINT to the shell that it started for a step, and kills all of its children 10 s later."""
    workflow = yaml.safe_load((repository / ".github/workflows/measure.yml").read_text(encoding="utf-8"))
    (script,) = [step["run"] for step in workflow["jobs"]["measure"]["steps"] if step.get("name") == "Measure"]
    (bench.folder / "step.sh").write_text(script)
    (bench.folder / "harness").symlink_to(repository)
    bench.configure(duration="60s", profile="headline = true")
    path = f"{Path(sys.prefix, 'bin')}{os.pathsep}{os.environ['PATH']}"
    step = subprocess.Popen(
        ["bash", "-e", "step.sh"],  # noqa: S607 - as GitHub starts it
        cwd=bench.folder,
        env=os.environ | {"BENCH_TEST_MARK": bench.mark, "PATH": path, "GITHUB_WORKSPACE": str(bench.folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    bench.wait_for(lambda: any(bench.folder.glob("results/*/*/requests.csv")))
    step.send_signal(signal.SIGINT)
    assert step.wait(PATIENCE_S) == 130
    assert bench.record().state == "incomplete"
