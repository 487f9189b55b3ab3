"""The files of runs: run.json and failed attempts, written whole or not at all, and read again one by one or all."""

import json
import os
import re
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationError

from benchmark.errors import BenchmarkError, InvalidRunError, PublishError, UnwritableRunError, UsageError, one_line
from benchmark.plan import Frozen
from benchmark.record import NO_TIMELINE, RUN_URL, Moment, Record, Round

DRAFT = ".draft"
"""How the name of a file ends that is not yet written: what a killed process leaves of it may be deleted."""


def write_whole(path: Path, content: str | bytes, *, lasting: bool = True) -> None:
    """Write a file next to its place and rename it: whatever ends this process, there is the old file or the new one.

    The mode of the old file stays. A link is replaced, not followed. Not `lasting`: a power failure may lose it, as
    what can be rendered again. OSError: not written, the old file stands.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}{DRAFT}")
    try:
        with draft.open("xb") as file:
            _be_like(path, file.fileno())
            file.write(content.encode("utf-8") if isinstance(content, str) else content)
            if lasting:
                file.flush()
                os.fsync(file.fileno())
        draft.replace(path)
    finally:
        with suppress(OSError):  # it is gone, or nothing can be written here
            draft.unlink()


def write_changed(path: Path, content: str, *, lasting: bool = False) -> None:
    """Write a file unless it holds just that. UnwritableRunError: the disk is full or gone."""
    wanted = content.encode("utf-8")
    with writing(path):
        if path.is_symlink() or not path.is_file() or path.read_bytes() != wanted:
            write_whole(path, wanted, lasting=lasting)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """UnwritableRunError: the disk is full or gone, or may not be written."""
    try:
        yield
    except OSError as error:
        raise UnwritableRunError(f"{path} cannot be written: {error.strerror or error}") from None


def _be_like(path: Path, descriptor: int) -> None:
    """Give an open file the mode and, where that is allowed, the owner of the file in whose place it comes."""
    if path.is_symlink() or not path.is_file():
        return
    old = path.stat()
    with suppress(OSError):
        os.fchown(descriptor, old.st_uid, old.st_gid)
    os.fchmod(descriptor, old.st_mode & 0o7777)


SCHEMA_VERSION = 1
FILE_NAME = "run.json"

_PLAIN_LIST = re.compile(r"\[\n([^\[\]{}\"]+)\]")
"""A line break stands only between values, never within a text; and nothing here makes the search slow."""

_TIMELINE = '"timeline": {'
_NO_TIMELINE = f'"timeline": {NO_TIMELINE.model_dump_json()}'


def to_json(record: Record) -> str:
    """Serialise a record: keys in their order, a list of numbers on one line."""
    text = json.dumps(record.model_dump(mode="json"), indent=1, ensure_ascii=False, allow_nan=False)
    return _PLAIN_LIST.sub(lambda match: "[" + re.sub(r",\s+", ", ", match[1].strip()) + "]", text) + "\n"


def write_record(record: Record, directory: Path) -> Path:
    """Write run.json so that a reader finds the old one or the new one, never half of one. OSError: not written."""
    path = directory / FILE_NAME
    write_whole(path, to_json(record))
    return path


def read_record(path: Path, *, timelines: bool = True) -> Record:
    """Read a run.json, or the one in a run directory. UsageError or InvalidRunError names the file and what to do.

    Without `timelines` they are empty, and not looked at: most of the bytes of a long run, for what only its own report
    shows.
    """
    file = path / FILE_NAME if path.is_dir() else path
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(f"{file} does not exist; name a directory that `bench run` wrote") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRunError(f"{file} cannot be read: {error}") from None
    return parse_record(text if timelines else _without_timelines(text), str(file))


def _without_timelines(text: str) -> str:
    """Replace each timeline, in the form in which `to_json` writes it, by an empty one."""
    kept, at = [], 0
    while (begin := text.find(_TIMELINE, at)) >= 0 and (end := text.find("}", begin)) >= 0:
        kept += [text[at:begin], _NO_TIMELINE]
        at = end + 1
    return "".join([*kept, text[at:]])


def parse_record(text: str, source: str) -> Record:
    """Validate the text of a record. InvalidRunError names `source`."""
    try:
        return Record.model_validate_json(text)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
    _check_version(text, source)
    where = "".join(f"{part}." for part in problem["loc"])[:-1]
    what = problem["msg"].removeprefix("Value error, ")
    raise InvalidRunError(f"{source} is not a valid record: {f'{where}: ' if where else ''}{what}; restore it from git")


def _check_version(text: str, source: str) -> None:
    """Say so when what cannot be read is no record, or one of another time."""
    try:
        version = json.loads(text).get("schema_version")
    except (ValueError, AttributeError, RecursionError):
        message = f"{source} is not a record: it is truncated or not JSON; delete it or restore it from git"
        raise InvalidRunError(message) from None
    if version != SCHEMA_VERSION:
        message = f"{source} has schema version {version!r}, this program reads {SCHEMA_VERSION}; update the repository"
        raise InvalidRunError(message)


FAILURES = "failures"


class Failure(Frozen):
    """One attempt that failed: when, why, and where its log is."""

    schema_version: Literal[1] = 1
    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
    at: Moment
    reason: Annotated[str, AfterValidator(one_line), Field(min_length=1)]
    trigger: Annotated[str, AfterValidator(one_line)]
    run_url: Annotated[str, Field(pattern=RUN_URL)] | None
    commit: Annotated[str, Field(pattern=r"^[0-9a-f]{7,64}$")] | None


def failure_to_json(failure: Failure) -> str:
    """Serialise a failure: keys in their order."""
    return json.dumps(failure.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n"


def read_failure(path: Path) -> Failure:
    """Read the record of a failure. InvalidRunError names the file and what to do."""
    if path.is_symlink() or not path.is_file():
        raise InvalidRunError(f"{path} is a link or no regular file, which is not followed; put the file itself there")
    try:
        failure = Failure.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        message = f"{path} is not the record of a failure: {one_line(reason)}; delete it or restore it from git"
        raise InvalidRunError(message) from None
    if failure.id != path.stem:
        raise InvalidRunError(f"{path} holds the failure {failure.id}; rename it to that, or delete the copy")
    return failure


def place(record: Record, reports: Path) -> None:
    """Write the record of a run to `reports/runs/ID/`. Writing the same run again changes nothing.

    PublishError: a run of this name with other content is there already, or the run is still going on.
    """
    if record.state == "running":
        message = f"{record.id} is still being measured, or its measurement was killed; only finished runs are kept"
        raise PublishError(message)
    target = reports / "runs" / record.id
    kept = target / FILE_NAME
    with _placing(target, reports):
        if not kept.exists():
            target.mkdir(parents=True, exist_ok=True)
            write_record(record, target)
        elif not _holds(kept, record):
            raise PublishError(f"reports/runs/{record.id}/ holds another run of the same name; nothing was changed")


def _holds(kept: Path, record: Record) -> bool:
    try:
        return read_record(kept) == record
    except BenchmarkError:
        return False


def place_failure(failure: Failure, reports: Path) -> None:
    """Write the record of a failed attempt to `reports/failures/`. PublishError: another one has this name."""
    path = reports / FAILURES / f"{failure.id}.json"
    content = failure_to_json(failure)
    with _placing(path, reports):
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, content)
        elif path.read_bytes() != content.encode("utf-8"):
            message = (
                f"reports/{FAILURES}/{failure.id}.json holds another failure of the same name; nothing was changed"
            )
            raise PublishError(message)


@contextmanager
def _placing(path: Path, reports: Path) -> Iterator[None]:
    """PublishError: a link leads out of the reports, or nothing can be written there."""
    link = next((place for place in (path, path.parent) if place != reports and place.is_symlink()), None)
    if link is not None:
        raise PublishError(f"{link} is a link, which is not followed; put a folder of that name there")
    try:
        yield
    except OSError as error:
        raise PublishError(f"{path} cannot be written: {error.strerror or error}; nothing was published") from None


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

    `unreadable`: one line for each file that cannot be read.
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
        raise InvalidRunError(f"{path} is a link or no regular file, which is not followed; put the run itself there")


def read_runs(files: Iterable[Path], unreadable: list[str], *, timelines: bool = True) -> Iterator[Record]:
    """Read runs one by one. What cannot be read is named in `unreadable`, never skipped, and never ends the others.

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
