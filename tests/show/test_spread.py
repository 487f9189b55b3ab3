"""Shares of work in copies of a process: nothing is lost, and no copy outlives its work."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from multiprocessing import active_children
from pathlib import Path
from subprocess import PIPE

import psutil
import pytest

from benchmark.errors import InterruptedRunError, UnwritableRunError
from benchmark.record_file import write_record
from benchmark.show import spread as spreading
from benchmark.show.index import render_all
from benchmark.show.spread import WORTH_IT, spread
from tests.records import some_record

HERE = os.getpid()

pytestmark = pytest.mark.filterwarnings("ignore:.*is multi-threaded:DeprecationWarning")
"""Processes of pytest-xdist have threads, those of bench have none when they are copied."""


only_linux = pytest.mark.skipif(sys.platform != "linux", reason="only on Linux a process is copied")


def children() -> list[object]:
    return list(active_children())


@pytest.mark.parametrize("number", [0, 1, WORTH_IT - 1, WORTH_IT, WORTH_IT + 1])
def test_each_item_is_worked_on_once(number: int) -> None:
    found = spread(list, range(number))
    assert sorted(item for share in found for item in share) == list(range(number))
    assert not children()


@only_linux
def test_many_items_take_all_processors() -> None:
    number = min(spreading.MOST_PROCESSES, len(os.sched_getaffinity(0)))
    assert len(set(spread(lambda _: os.getpid(), range(WORTH_IT)))) == number
    assert spread(lambda _: os.getpid(), range(WORTH_IT - 1)) == [HERE]


def test_an_error_in_a_copy_is_raised_here() -> None:
    def work(share: Sequence[int]) -> None:
        if 1 in share:
            message = "the disk is full"
            raise UnwritableRunError(message)

    with pytest.raises(UnwritableRunError, match="the disk is full"):
        spread(work, range(WORTH_IT))


def test_the_share_of_a_killed_copy_is_worked_on_here() -> None:
    def work(share: Sequence[int]) -> list[int]:
        if os.getpid() != HERE:
            os.kill(os.getpid(), signal.SIGKILL)
        return list(share)

    found = spread(work, range(WORTH_IT))
    assert sorted(item for share in found for item in share) == list(range(WORTH_IT))


def test_who_is_interrupted_leaves_no_copy_behind() -> None:
    def work(_: Sequence[int]) -> None:
        if os.getpid() == HERE:
            message = "interrupted"
            raise InterruptedRunError(message)
        signal.pause()

    with pytest.raises(InterruptedRunError):
        spread(work, range(WORTH_IT))
    assert not children()


OWNER = """
import os, time
from benchmark.show import spread

def work(share):
    if os.getpid() == here:
        time.sleep(600)
    print(os.getpid(), flush=True)
    return "x" * 1_000_000

here = os.getpid()
spread._processes = lambda: 2
spread.spread(work, range(spread.WORTH_IT))
"""


@only_linux
def test_a_copy_ends_though_nobody_is_left_to_read_its_long_answer() -> None:
    with subprocess.Popen([sys.executable, "-c", OWNER], stdout=PIPE, stderr=PIPE, text=True) as owner:
        assert owner.stdout is not None
        copy = psutil.Process(int(owner.stdout.readline()))
        owner.kill()
        _, alive = psutil.wait_procs([copy], timeout=30)
        for one in alive:
            one.kill()
        assert not alive


def test_a_long_history_is_rendered_as_a_short_one_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"run-{number:03}" for number in range(125)]
    monkeypatch.setattr(spreading, "WORTH_IT", 100)

    def rendered(reports: Path) -> tuple[dict[str, str], tuple[str, ...]]:
        for number, name in enumerate(names):
            (reports / "runs" / name).mkdir(parents=True)
            begun = f"2026-01-01T{number // 60:02}:{number % 60:02}:00Z"
            write_record(some_record(id=name, started_at=begun), reports / "runs" / name)
        for broken in names[3], names[-3]:
            (reports / "runs" / broken / "run.json").write_text('{"schema_version": 1, "id"')
        history = render_all(reports, tmp_path / "README.md")
        texts = {str(path.relative_to(reports)): path.read_text() for path in reports.rglob("*.md")}
        return texts, tuple(sorted(history.unreadable))

    spread_out = rendered(tmp_path / "spread")
    monkeypatch.setattr(spreading, "WORTH_IT", 1000)
    assert rendered(tmp_path / "here") == spread_out
    assert len(spread_out[0]) == len(names) - 2 + 1
    assert [names[3] in spread_out[1][0], names[-3] in spread_out[1][1]] == [True, True]
