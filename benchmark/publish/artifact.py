"""Reads runs from a directory that nobody vouches for: a workflow's artifact, written where third-party code ran.

Only a record that was parsed, checked and once rendered leaves this module. No file of the directory is ever copied.
"""

import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmark.errors import BenchmarkError, InvalidRunError, UsageError, one_line
from benchmark.publish.place import place
from benchmark.record import Record
from benchmark.record_file import FILE_NAME, parse_record, to_json
from benchmark.show.index import render_all
from benchmark.show.readme import BEGIN, END

MOST_BYTES = 5_000_000
"""A run of 4 endpoints is some 50 kB."""

MOST_BODY_BYTES = 100_000
"""Of all endpoints together. A body may be nested, and nested lists grow when they are indented."""

MOST_RUNS = 100
MOST_ENTRIES = 50_000
DEEPEST = 10


@dataclass(frozen=True)
class Found:
    """Records of the finished runs, and the names of those that were still being measured or were killed."""

    records: tuple[Record, ...]
    unfinished: tuple[str, ...]


def read_runs(directory: Path) -> Found:
    """Read the run in `directory`, or the runs in its subdirectories.

    UsageError: no run is there. InvalidRunError: something in the directory may not be published.
    """
    _refuse_odd_entries(directory)
    files = [directory / FILE_NAME] if (directory / FILE_NAME).exists() else sorted(directory.glob(f"*/{FILE_NAME}"))
    if not files:
        message = f"{directory} holds no {FILE_NAME}; name a directory that `bench run` wrote, or one that holds such"
        raise UsageError(message)
    if len(files) > MOST_RUNS:
        message = f"{directory} holds {len(files)} runs; at most {MOST_RUNS} are published at once"
        raise InvalidRunError(message)
    records = [_read(file) for file in files]
    if len({record.id for record in records}) < len(records):
        message = f"{directory} holds two runs of one name; delete the copy"
        raise InvalidRunError(message)
    finished = tuple(record for record in records if record.state != "running")
    return Found(finished, tuple(record.id for record in records if record.state == "running"))


def _refuse_odd_entries(directory: Path) -> None:
    """Refuse links, devices and what is far too much, before anything is opened."""
    if directory.is_symlink() or not directory.is_dir():
        message = f"{directory} is not a directory; name one that `bench run` wrote"
        raise UsageError(message)
    for number, (path, depth, mode) in enumerate(_walk(directory)):
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            message = f"{one_line(str(path))} is a link or no regular file; nothing that holds one is published"
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


def _read(file: Path) -> Record:
    if file.stat().st_size > MOST_BYTES:
        message = f"{file} has {file.stat().st_size} bytes, a record at most {MOST_BYTES}; it was not read"
        raise InvalidRunError(message)
    try:
        record = parse_record(file.read_text(encoding="utf-8"), str(file))
        _check(record)
    except UnicodeDecodeError:
        message = f"{one_line(str(file))} is not a record: it is not UTF-8"
        raise InvalidRunError(message) from None
    except InvalidRunError as error:
        # The message may quote the file: no line of it may pass for a line of ours.
        raise InvalidRunError(one_line(str(error))) from None
    return record


def _check(record: Record) -> None:
    """Refuse what the schema allows and no measurement writes."""
    bodies = sum(len(json.dumps(endpoint.json_body)) for endpoint in record.plan.endpoints)
    if bodies > MOST_BODY_BYTES or len(to_json(record)) > MOST_BYTES:
        _refuse(record, "it is larger than any record")
    _check_times(record)
    if record.state != "running":
        _check_rendering(record)


def _check_times(record: Record) -> None:
    """A run from the future would be the newest for ever."""
    moments = [record.started_at, *([record.finished_at] if record.finished_at else [])]
    try:
        times = [datetime.fromisoformat(moment) for moment in moments]
    except ValueError:
        _refuse(record, "it holds a time that does not exist")
        return
    if times != sorted(times) or times[-1] > datetime.now(UTC) + timedelta(days=1):
        _refuse(record, "its times are in the future or in the wrong order")


def _check_rendering(record: Record) -> None:
    """Render the record alone: what breaks a report now would break every later one, once it is committed."""
    with TemporaryDirectory(prefix="bench-check-") as scratch:
        readme = Path(scratch, "README.md")
        readme.write_text(f"{BEGIN}\n{END}\n", encoding="utf-8")
        try:
            place(record, Path(scratch, "reports"))
            render_all(Path(scratch, "reports"), readme)
        except BenchmarkError:
            raise
        except Exception as error:
            message = f"{record.id} can not be published: rendering it fails ({type(error).__name__}: {error})"
            raise InvalidRunError(message) from error


def _refuse(record: Record, why: str) -> None:
    message = f"{record.id} can not be published: {why}"
    raise InvalidRunError(message)
