"""Reads runs from a directory that nobody vouches for: a workflow's artifact, written where third-party code ran.

Only a record that was parsed, checked and once rendered leaves this module. No file of the directory is ever copied.
"""

import json
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from benchmark.errors import BenchmarkError, InvalidRunError, UsageError, one_line
from benchmark.record import MOST_RUNS, Record
from benchmark.store import FILE_NAME, parse_record, to_json

MOST_BYTES = 5_000_000  # a run of 4 endpoints is some 50 kB
MOST_BODY_BYTES = 100_000
"""Of all endpoints together. A body may be nested, and nested lists grow when they are indented."""

CLOCKS_APART = timedelta(minutes=10)
"""By so much the clock of the machine that measured may be ahead of that of the machine that publishes."""

MOST_ENTRIES = 50_000
DEEPEST = 10


class Found(NamedTuple):
    """Records of the finished runs, and the names of those that were still being measured or were killed."""

    records: tuple[Record, ...]
    unfinished: tuple[str, ...]


def read_runs(directory: Path, try_out: Callable[[Record], object] | None = None) -> Found:
    """Read the run in `directory`, or the runs in its subdirectories.

    `try_out` renders a finished run wherever it will be shown.
    UsageError: no run is there. InvalidRunError: something in the directory may not be published.
    """
    try:
        _refuse_odd_entries(directory)
        records = [_read(file) for file in _run_files(directory)]
    except OSError as error:
        message = f"{one_line(str(error.filename or directory))} cannot be read: {error.strerror or error}"
        raise InvalidRunError(message) from None
    if len({record.id for record in records}) < len(records):
        raise InvalidRunError(f"{directory} holds two runs with the same name; delete the copy")
    _check_one_after_the_other(records)
    finished = tuple(record for record in records if record.state != "running")
    if try_out is not None:
        for record in finished:
            _check_rendering(record, try_out)
    return Found(finished, tuple(record.id for record in records if record.state == "running"))


def _refuse_odd_entries(directory: Path) -> None:
    """Refuse links, devices and what is far too much, before anything is opened."""
    if directory.is_symlink() or not directory.is_dir():
        raise UsageError(f"{directory} is not a directory; name one that `bench run` wrote")
    for number, (path, depth, mode) in enumerate(_walk(directory)):
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            message = f"{one_line(str(path))} is a link or not a regular file; such a run is not published"
            raise InvalidRunError(message)
        if depth > DEEPEST or number > MOST_ENTRIES:
            message = f"{directory} is nested deeper or holds more files than any run does; nothing was published"
            raise InvalidRunError(message)


def _walk(top: Path) -> Iterator[tuple[Path, int, int]]:
    """Every entry below `top` with its depth and its mode; links are not followed."""
    waiting = [(top, 1)]
    while waiting:
        directory, depth = waiting.pop()
        with os.scandir(directory) as entries:
            for entry in entries:
                mode = entry.stat(follow_symlinks=False).st_mode
                yield Path(entry.path), depth, mode
                if stat.S_ISDIR(mode):
                    waiting.append((Path(entry.path), depth + 1))


def _run_files(directory: Path) -> list[Path]:
    files = [directory / FILE_NAME] if (directory / FILE_NAME).exists() else sorted(directory.glob(f"*/{FILE_NAME}"))
    if not files:
        message = (
            f"{directory} holds no {FILE_NAME}; name a directory that `bench run` wrote, or one that holds several"
        )
        raise UsageError(message)
    if len(files) > MOST_RUNS:
        message = f"{directory} holds {len(files)} runs, one command makes at most {MOST_RUNS}; publish them in parts"
        raise InvalidRunError(message)
    return files


def _read(file: Path) -> Record:
    if (size := file.stat().st_size) > MOST_BYTES:
        raise InvalidRunError(f"{file} has {size} bytes, a record at most {MOST_BYTES}; it was not read")
    try:
        record = parse_record(file.read_text(encoding="utf-8"), str(file))
    except UnicodeDecodeError:
        raise InvalidRunError(f"{one_line(str(file))} is not a record: it is not UTF-8") from None
    except InvalidRunError as error:
        # The message may quote the file: no line of it may pass for a line of ours.
        raise InvalidRunError(one_line(str(error))) from None
    if why := _why_odd(record):
        raise InvalidRunError(one_line(f"{record.id} cannot be published: {why}"))
    return record


def _why_odd(record: Record) -> str | None:
    """What the schema allows and no measurement writes."""
    bodies = sum(len(json.dumps([endpoint.json_body, endpoint.form])) for endpoint in record.plan.endpoints)
    if bodies > MOST_BODY_BYTES or len(to_json(record)) > MOST_BYTES:
        return "it is larger than any record"
    try:
        times = [datetime.fromisoformat(moment) for moment in (record.started_at, record.finished_at or "") if moment]
    except ValueError:
        return "it holds a time that does not exist"
    if times != sorted(times) or times[-1] > datetime.now(UTC) + CLOCKS_APART:  # it would be the newest for ever
        return "its times are in the future or in the wrong order; are the clocks right?"
    began = record.started_at.translate(str.maketrans("", "", "-:Z"))  # "20261123T120000": so `bench run` names a run
    return None if record.id.startswith(f"{began}-") else f"its name does not begin with its start time, {began}"


def _check_one_after_the_other(records: Sequence[Record]) -> None:
    """Refuse runs that one machine cannot have measured: each loads for as long as its plan says.

    It keeps code that is measured from leaving a hundred made-up runs that push all others out of the history.
    """
    began = {record.id: datetime.fromisoformat(record.started_at) for record in records}
    ordered = sorted(records, key=lambda record: (began[record.id], record.id))
    for record, following in pairwise(ordered):
        rounds = [measured for result in record.endpoints for measured in result.rounds]
        loaded_s = sum(min(record.profile.duration_s, measured.load_end_s) for measured in rounds)
        if began[following.id] - began[record.id] < timedelta(seconds=max(1.0, loaded_s)):
            message = f"{following.id} began before {record.id} can have ended, so one command did not make both"
            raise InvalidRunError(f"{message}; publish runs of several machines one by one")


def _check_rendering(record: Record, try_out: Callable[[Record], object]) -> None:
    """What breaks a page now would break every later one, once it is committed."""
    try:
        try_out(record)
    except BenchmarkError:
        raise
    except Exception as error:
        why = f"rendering it fails ({type(error).__name__}: {error})"
        raise InvalidRunError(one_line(f"{record.id} cannot be published: {why}")) from error
