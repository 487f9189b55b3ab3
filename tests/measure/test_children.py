"""What processes that a worker starts cost: they are the app's, not other programs."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from benchmark.measure.sampler import Sampler, cpu_s
from tests.support.bench import PATIENCE_S

BURNT_S = 0.3
BURNS = f"import time; until = time.process_time() + {BURNT_S}\nwhile time.process_time() < until: pass"

STARTS_ONE = """
import subprocess, sys
print("ready", flush=True)
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
        worker.stdout.readline()
        process = psutil.Process(worker.pid)
        assert eventually(lambda: process.status() == psutil.STATUS_SLEEPING)
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


TWO_WORKERS = """
import subprocess, sys
commands = [[sys.executable, "-c", code + "\\ninput()"] for code in sys.argv[1:]]
started = [subprocess.Popen(command, stdin=subprocess.PIPE) for command in commands]
print(*(worker.pid for worker in started), flush=True)
input()
started[0].communicate(b"\\n")
print("ended", flush=True)
input()
"""


def test_what_a_worker_used_is_counted_once_also_when_it_was_replaced(tmp_path: Path) -> None:
    command = [sys.executable, "-c", TWO_WORKERS, BURNS, ""]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        first, second = (psutil.Process(int(pid)) for pid in server.stdout.readline().split())
        workers, began = [first], time.monotonic()
        with Sampler(tmp_path / "server.csv", workers, 0, server.pid, server.pid) as sampler:
            assert eventually(lambda: cpu_s(first) > BURNT_S)
            sampler.sample()
            server.stdin.write("\n")
            server.stdin.flush()
            server.stdout.readline()
            workers[0] = second
            sampler.sample()
            others_s = sampler.children_cpu_percent() / 100 * (time.monotonic() - began)
        server.stdin.write("\n")
    assert others_s < BURNT_S / 2


def test_what_the_server_itself_uses_is_no_other_program_s(tmp_path: Path) -> None:
    with (
        subprocess.Popen([sys.executable, "-c", f"{BURNS}\ninput()"], stdin=subprocess.PIPE) as server,
        Sampler(tmp_path / "server.csv", [], 0, server.pid, server.pid) as sampler,
    ):
        assert eventually(lambda: sampler.children_cpu_percent() > 0.0)


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
