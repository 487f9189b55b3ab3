"""Records that would push others out of the history are refused, and names do not order it."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from benchmark.errors import InvalidRunError
from benchmark.publish.untrusted import read_runs
from benchmark.record import MOST_RUNS, Record
from benchmark.store import read_history, run_files, save
from tests.support.clones import Clone
from tests.support.histories import write_history
from tests.support.publishable import make_record
from tests.support.records import some_record


def begun(moment: datetime, name: str = "x", **changes: Any) -> Record:
    """A run that says of itself, and in its name, when it began."""
    started = f"{moment:%Y-%m-%dT%H:%M:%SZ}"
    values: dict[str, Any] = {
        "id": f"{re.sub('[-:Z]', '', started)}-{name}",
        "started_at": started,
        "finished_at": started,
    }
    return make_record(**(values | changes))


def results(folder: Path, *records: Record) -> Path:
    """Runs as an artifact holds them."""
    for record in records:
        (folder / record.id).mkdir(parents=True)
        save(record, folder / record.id / "run.json")
    return folder


@pytest.mark.parametrize(
    "name",
    ["99991231T235959-x", "20260105-smoke", "20260105T040001-x", "20260105T040000", "x-20260105T040000-x", "run"],
)
def test_a_name_that_does_not_begin_with_its_own_time_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidRunError, match="does not begin with its start time, 20260105T040000"):
        read_runs(results(tmp_path, make_record(id=name)))


@pytest.mark.parametrize(("ahead", "fine"), [(timedelta(minutes=5), True), (timedelta(minutes=20), False)])
def test_clocks_may_differ_by_some_minutes_and_no_run_is_of_tomorrow(
    tmp_path: Path, ahead: timedelta, *, fine: bool
) -> None:
    directory = results(tmp_path, begun(datetime.now(UTC) + ahead))
    if fine:
        assert len(read_runs(directory).records) == 1
        return
    with pytest.raises(InvalidRunError, match="in the future"):
        read_runs(directory)


@pytest.mark.parametrize("apart_s", [0, 1])
def test_runs_that_one_machine_can_not_have_made_one_after_the_other_are_refused(tmp_path: Path, apart_s: int) -> None:
    first = datetime(2026, 11, 2, tzinfo=UTC)
    runs = [begun(first + timedelta(seconds=n * apart_s), f"{n:04}") for n in range(3)]
    with pytest.raises(InvalidRunError, match="so one command did not make both"):
        read_runs(results(tmp_path, *runs))


def test_more_runs_than_a_command_makes_are_refused_by_bench_publish_and_by_bench_run(clone: Clone) -> None:
    first = datetime(2026, 11, 2, tzinfo=UTC)
    runs = [begun(first + timedelta(minutes=n)) for n in range(MOST_RUNS + 1)]
    done = clone.bench("publish", "--local", results(clone.path / "results", *runs))
    assert (done.code, len(done.errors.splitlines())) == (3, 1)
    assert "one command makes at most 50" in done.errors
    users = ",".join(str(number) for number in range(1, MOST_RUNS + 2))
    assert clone.bench("run", "--profile", "smoke", "--users", users).code == 2


def test_runs_of_a_sweep_are_published_together(tmp_path: Path) -> None:
    first = datetime(2026, 11, 2, tzinfo=UTC)
    runs = [begun(first + timedelta(minutes=n), sweep="sweep-1a2b") for n in range(3)]
    assert len(read_runs(results(tmp_path, *runs)).records) == 3


def test_a_history_is_in_the_order_of_time_whatever_its_folders_are_called(tmp_path: Path) -> None:
    names = {"99991231T235959-old": "2026-01-01T00:00:00Z", "00000101T000000-new": "2026-01-03T00:00:00Z"}
    records = [some_record(id=name, started_at=moment) for name, moment in names.items()]
    write_history(tmp_path, [*records, some_record(id="middle", started_at="2026-01-02T00:00:00Z")])
    minified = tmp_path / "runs" / "middle" / "run.json"
    minified.write_text(some_record(id="middle", started_at="2026-01-02T00:00:00Z").model_dump_json())
    wanted = ["00000101T000000-new", "middle", "99991231T235959-old"]
    assert [file.parent.name for file in run_files(tmp_path)] == wanted
    assert [record.id for record in read_history(tmp_path, newest=1).records] == wanted[:1]
