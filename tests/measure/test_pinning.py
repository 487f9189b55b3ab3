"""Cores of their own for server and load generator."""

import subprocess
import sys

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.measure.pinning import divided, pin


@given(
    cores=st.sets(st.integers(0, 255), min_size=4, max_size=64),
    workers=st.integers(1, 100),
    processes=st.integers(1, 100),
)
def test_every_core_is_given_to_one_of_both(cores: set[int], workers: int, processes: int) -> None:
    found = divided(list(cores), workers=workers, processes=processes)
    assert found is not None
    assert {*found.server} | {*found.generator} == cores
    assert not {*found.server} & {*found.generator}
    assert 1 <= len(found.generator) <= processes
    # A core for each worker, where there are enough; never fewer for the sake of the load.
    assert len(found.server) >= min(workers, len(cores) - 1)


@pytest.mark.parametrize(
    ("cores", "workers", "server", "generator"),
    [
        pytest.param(4, 1, 1, 3, id="one worker"),
        pytest.param(8, 2, 2, 6, id="many cores"),
        pytest.param(4, 4, 3, 1, id="as many workers as cores"),
    ],
)
def test_as_many_processes_as_the_workers_leave_cores_get_one_each(
    cores: int, workers: int, server: int, generator: int
) -> None:
    found = divided(range(cores), workers=workers, processes=max(1, cores - workers))
    assert found is not None
    assert (len(found.server), len(found.generator)) == (server, generator)


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_on_few_cores_all_may_use_all(count: int) -> None:
    assert divided(range(count), workers=1, processes=1) is None


def test_a_report_can_say_it() -> None:
    assert str(divided([0, 1, 2, 3], workers=2, processes=1)) == "server on cores 0, 1, 2; load generator on 3"


@pytest.mark.skipif(not hasattr(psutil.Process, "cpu_affinity"), reason="this system does not pin")
def test_what_a_pinned_process_starts_is_pinned_too() -> None:
    core = min(psutil.Process().cpu_affinity() or [0])
    program = "import psutil, subprocess, sys; sys.stdin.readline()\n"
    program += "subprocess.run([sys.executable, '-c', 'import psutil; print(psutil.Process().cpu_affinity())'])"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        pin(child.pid, [core])
        assert child.communicate("go\n")[0].strip() == f"[{core}]"


def test_a_process_that_has_ended_is_no_error() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert not psutil.pid_exists(child.pid)
    pin(child.pid, [0])
