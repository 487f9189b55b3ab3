"""Cores of their own for server and load generator."""

import subprocess
import sys

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.measure.pinning import divided, pin


@given(cores=st.sets(st.integers(0, 255), min_size=4, max_size=64), processes=st.integers(1, 100))
def test_every_core_is_given_to_one_of_both_and_the_server_gets_at_least_half(cores: set[int], processes: int) -> None:
    found = divided(list(cores), processes)
    assert found is not None
    assert {*found.server} | {*found.generator} == cores
    assert not {*found.server} & {*found.generator}
    assert 1 <= len(found.generator) <= min(processes, len(found.server))


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_on_few_cores_all_may_use_all(count: int) -> None:
    assert divided(range(count), 1) is None


def test_a_report_can_say_it() -> None:
    assert str(divided([0, 1, 2, 3], 1)) == "server on cores 0, 1, 2; load generator on 3"


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
    pin(child.pid, [0])
