"""What processes that a worker starts cost: they are the app's, not other programs."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from benchmark.measure.sampler import Sampler
from tests.support.bench import PATIENCE_S

BURNS = "import time; until = time.process_time() + 0.3\nwhile time.process_time() < until: pass"

STARTS_ONE = """
import subprocess, sys
for line in sys.stdin:
    child = subprocess.Popen([sys.executable, "-c", sys.argv[1] + ("\\ninput()" if line == "stay\\n" else "")],
                             stdin=subprocess.PIPE)
    if line == "end\\n":
        child.wait()
    print("started or ended", flush=True)
"""
"""Starts a process that burns processor time for each line that it is sent; one that stays afterwards, or not."""


@pytest.mark.parametrize("line", ["stay\n", "end\n"])
def test_what_a_workers_children_used_is_seen_while_they_run_and_when_they_ended(tmp_path: Path, line: str) -> None:
    command = [sys.executable, "-c", STARTS_ONE, BURNS]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        process = psutil.Process(worker.pid)
        with Sampler(tmp_path / "server.csv", [process], 0, worker.pid) as sampler:
            assert sampler.children_cpu_percent() == 0.0
            worker.stdin.write(line)
            worker.stdin.flush()
            worker.stdout.readline()
            assert bool(process.children()) == (line == "stay\n")
            assert eventually(lambda: sampler.children_cpu_percent() > 0.0)
        for child in process.children():
            child.kill()
        worker.stdin.close()


def test_a_worker_that_is_gone_has_no_children(tmp_path: Path) -> None:
    with (
        subprocess.Popen([sys.executable, "-c", ""]) as worker,
        Sampler(tmp_path / "server.csv", [psutil.Process(worker.pid)], 0, worker.pid) as sampler,
    ):
        worker.wait()
        assert sampler.children_cpu_percent() == 0.0


def eventually(condition: Callable[[], bool]) -> bool:
    """Whether it becomes true in time."""
    until = time.monotonic() + PATIENCE_S
    while not condition() and time.monotonic() < until:
        time.sleep(0.02)
    return condition()
