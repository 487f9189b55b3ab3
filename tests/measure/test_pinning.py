"""Cores of their own for server and load generator."""

import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.config import cores_left
from benchmark.cores import usable_cores
from benchmark.measure.machine import divided, pin, pinning
from benchmark.plan import Target
from tests.support.records import some_plan


def alone(processors: Iterable[int]) -> list[tuple[int, ...]]:
    """Cores of one thread each."""
    return [(processor,) for processor in sorted(processors)]


@given(
    cores=st.sets(st.integers(0, 255), min_size=4, max_size=64),
    workers=st.integers(1, 100),
    processes=st.integers(1, 100),
)
def test_every_core_is_given_to_one_of_both(cores: set[int], workers: int, processes: int) -> None:
    found = divided(alone(cores), workers=workers, processes=processes)
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
    found = divided(alone(range(cores)), workers=workers, processes=max(1, cores - workers))
    assert found is not None
    assert (len(found.server), len(found.generator)) == (server, generator)


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_on_few_cores_all_may_use_all(count: int) -> None:
    assert divided(alone(range(count)), workers=1, processes=1) is None


def machine(monkeypatch: pytest.MonkeyPatch, folder: Path, siblings: Sequence[str], usable: Sequence[int]) -> None:
    """Make up what Linux says of a machine, processor by processor, and of which of them may be used."""
    for processor, text in enumerate(siblings):
        topology = folder / f"cpu{processor}" / "topology"
        topology.mkdir(parents=True)
        (topology / "thread_siblings_list").write_text(f"{text}\n")
    monkeypatch.setattr("benchmark.cores.CPUS", folder)
    monkeypatch.setattr(psutil.Process, "cpu_affinity", lambda _self: list(usable), raising=False)


FOUR = range(4)
TOPOLOGIES = [
    pytest.param(["0-1", "0-1", "2-3", "2-3"], FOUR, 1, ((0, 1), (2, 3)), id="2 cores of 2 threads"),
    pytest.param(["0,2", "1,3", "0,2", "1,3"], FOUR, 1, ((0, 2), (1, 3)), id="2 cores of 2 threads, numbered in turns"),
    pytest.param(["0", "1", "2", "3"], FOUR, 1, ((0, 1, 2), (3,)), id="4 cores of 1 thread"),
    pytest.param(["0-3"] * 4, FOUR, 1, None, id="1 core of 4 threads"),
    pytest.param([], FOUR, 1, ((0, 1, 2), (3,)), id="nothing is said"),
    pytest.param(["nonsense", "1-", "", "3"], FOUR, 1, ((0, 1, 2), (3,)), id="nonsense is said"),
    pytest.param(["0,4", "1,5", "2,6", "3,7"] * 2, FOUR, 1, ((0, 1, 2), (3,)), id="half of the threads may be used"),
    pytest.param(
        ["0,4", "1,5", "2,6", "3,7"] * 2, range(8), 1, ((0, 1, 2, 4, 5, 6), (3, 7)), id="4 cores of 2 threads"
    ),
    pytest.param(["0,4", "1,5", "2,6", "3,7"] * 2, range(8), 2, ((0, 1, 4, 5), (2, 3, 6, 7)), id="two processes send"),
    pytest.param(["0-1", "0-1", "2-3", "2-3"], (0, 1, 2), 1, None, id="3 of 4 threads may be used"),
]


@pytest.mark.parametrize(("siblings", "usable", "processes", "wanted"), TOPOLOGIES)
def test_server_and_generator_share_no_physical_core(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    siblings: Sequence[str],
    usable: Sequence[int],
    processes: int,
    wanted: tuple[tuple[int, ...], tuple[int, ...]] | None,
) -> None:
    machine(monkeypatch, tmp_path, siblings, usable)
    found = pinning(some_plan(processes=processes))
    assert (found and (found.server, found.generator)) == wanted
    assert sorted(processor for core in usable_cores() for processor in core) == list(usable)


@pytest.mark.parametrize(
    ("siblings", "left"), [(["0-1", "0-1", "2-3", "2-3"], 1), (["0", "1", "2", "3"], 3), (["0-3"] * 4, 1)]
)
def test_auto_counts_physical_cores(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, siblings: Sequence[str], left: int
) -> None:
    machine(monkeypatch, tmp_path, siblings, range(4))
    assert cores_left(Target(import_path="my:app", workers=1)) == left


def test_a_report_can_say_it() -> None:
    assert str(divided(alone(range(4)), workers=2, processes=1)) == "server on cores 0, 1, 2; load generator on 3"


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
