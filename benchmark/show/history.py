"""Reads the runs of a reports directory: all of them, one by one, or the newest ones at once.

A history may hold ten thousand runs. When a run started is read from the beginning of its file, so that only those
which are looked at are read as a whole. Names are labels: whoever chose one would choose the place in the history.

Links are not followed: what is written into a folder would land somewhere else.
"""

import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from benchmark.errors import BenchmarkError, InvalidRunError
from benchmark.failure import FOLDER as FAILURES
from benchmark.failure import Failure, read_failure
from benchmark.observed import NO_TIMELINE
from benchmark.record import Record, Round
from benchmark.record_file import FILE_NAME, read_record
from benchmark.selftest import read_selftest

NEWEST = 500
"""Runs, of all profiles together, that the index and `bench watch` look back on; `bench report --all` reads all.

A profile that is measured rarely beside another that is measured often has few runs among them. What began before them
is not known to have ended, so that no issue is closed for it.
"""

CHARTS = "charts"
"""Folder of the pictures that show more than one run."""

HEAD_BYTES = 1000
_STARTED = re.compile(rb'"started_at": "([0-9T:Z-]{20})"')
_UNKNOWN = "unknown"


@dataclass(frozen=True)
class History:
    """Runs of a reports directory, newest first, without their timelines; `runs` counts those there are.

    `unreadable`: one line for each file that can not be read.
    """

    records: tuple[Record, ...]
    unreadable: tuple[str, ...]
    failures: tuple[Failure, ...] = ()
    runs: int = 0


def run_files(reports: Path) -> list[Path]:
    """Every run.json, the newest first; one of which nothing says when it started comes first, to be noticed."""
    runs = reports / "runs"
    entries = os.scandir(runs) if runs.is_dir() and not runs.is_symlink() else ()
    heads = ((_newness(entry), entry.name) for entry in entries)
    return [runs / name / FILE_NAME for newness, name in sorted(heads, reverse=True) if newness]


def _newness(folder: os.DirEntry[str]) -> str:
    """When a run started, as text that sorts; empty where there is no file."""
    path = f"{folder.path}/{FILE_NAME}"
    try:
        if folder.is_symlink() or not stat.S_ISREG(os.lstat(path).st_mode):
            return _UNKNOWN
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - a Path for each takes as long again
            found = _STARTED.search(file.read(HEAD_BYTES))
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError:  # nobody may read it
        return _UNKNOWN
    return found[1].decode() if found else _as_read(Path(path))


def _as_read(path: Path) -> str:
    """When a run started whose file was written by another program."""
    try:
        return read_record(path, timelines=False).started_at
    except BenchmarkError:
        return _UNKNOWN


def _refuse_link(path: Path) -> None:
    """InvalidRunError: the file of a run is a link, or in a folder that is one, or is no file at all."""
    if path.is_symlink() or path.parent.is_symlink() or not path.is_file():
        message = f"{path} is a link or no regular file, which is not followed; put the run itself there"
        raise InvalidRunError(message)


def read_runs(files: Iterable[Path], unreadable: list[str], *, timelines: bool = True) -> Iterator[Record]:
    """Read runs one by one. What can not be read is named in `unreadable`, never skipped, and never ends the others.

    `timelines`: see `read_record`.
    """
    for path in files:
        try:
            _refuse_link(path)
            record = read_record(path, timelines=timelines)
            if record.id != path.parent.name:
                message = f"{path} holds the run {record.id}; rename its folder to that, or delete the copy"
                raise InvalidRunError(message)
        except BenchmarkError as error:
            unreadable.append(str(error).replace(f"{path.parents[2]}/", ""))
        else:
            yield record


def read_history(reports: Path, newest: int = NEWEST) -> History:
    """Read the newest runs, and all failures."""
    unreadable = [
        f"{name} is a link, which is not followed; put a folder of that name there"
        for name in ("runs", FAILURES, CHARTS)
        if (reports / name).is_symlink()
    ]
    files = run_files(reports)
    records = [without_timelines(record) for record in islice(read_runs(files, unreadable, timelines=False), newest)]
    records.sort(key=lambda record: (record.started_at, record.id), reverse=True)
    try:
        read_selftest(reports)
    except BenchmarkError as error:
        unreadable.append(str(error).replace(f"{reports}/", ""))
    failures = []
    for path in sorted((reports / FAILURES).glob("*.json")) if not (reports / FAILURES).is_symlink() else ():
        try:
            failures.append(read_failure(path))
        except BenchmarkError as error:
            unreadable.append(str(error).replace(f"{reports}/", ""))
    return History(tuple(records), tuple(unreadable), tuple(failures), len(files))


def without_timelines(record: Record) -> Record:
    """The same run without what only its own report shows: a tenth of the memory."""

    def slim(measured: Round) -> Round:
        return measured.model_copy(update={"timeline": NO_TIMELINE, "quantiles": None, "dealt": ()})

    results = tuple(
        result.model_copy(update={"rounds": tuple(slim(measured) for measured in result.rounds)})
        for result in record.endpoints
    )
    return record.model_copy(update={"endpoints": results})
