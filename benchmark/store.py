"""Our JSON files, written whole or not at all and checked when they are read; and those of runs and failed attempts."""

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
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, Field, ValidationError

from benchmark.errors import BenchmarkError, InvalidRunError, PublishError, UnwritableRunError, UsageError, one_line
from benchmark.fields import Frozen
from benchmark.record import NO_TIMELINE, RUN_URL, Moment, Record

DRAFT = ".draft"  # ends the name of a file that is not yet written: what a killed process leaves of it may be deleted


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
FAILURES = "failures"
BADGES = "badge"  # folder of what shields.io draws badges of endpoints from
CHARTS = "charts"  # folder of the pictures that show more than one run
Model = TypeVar("Model", bound=Frozen)

# A line break stands only between values, never within a text; and nothing here makes the search slow.
_PLAIN_LIST = re.compile(r"\[\n([^\[\]{}\"]+)\]")
_TIMELINE = '"timeline": {'
_NO_TIMELINE = f'"timeline": {NO_TIMELINE.model_dump_json()}'


class Failure(Frozen):
    """One attempt that failed: when, why, and where its log is."""

    schema_version: Literal[1] = 1
    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
    at: Moment
    reason: Annotated[str, AfterValidator(one_line), Field(min_length=1)]
    trigger: Annotated[str, AfterValidator(one_line)]
    run_url: Annotated[str, Field(pattern=RUN_URL)] | None
    commit: Annotated[str, Field(pattern=r"^[0-9a-f]{7,64}$")] | None


def to_json(model: Frozen) -> str:
    """Serialise what a file of ours holds: keys in their order; in a record, a list of numbers on one line."""
    text = json.dumps(model.model_dump(mode="json"), indent=1, ensure_ascii=False, allow_nan=False)
    if isinstance(model, Record):
        text = _PLAIN_LIST.sub(lambda match: "[" + re.sub(r",\s+", ", ", match[1].strip()) + "]", text)
    return text + "\n"


def save(model: Frozen, path: Path) -> Path:
    """Write a file of ours so that a reader finds the old one or the new one. OSError: not written."""
    write_whole(path, to_json(model))
    return path


def load(model: type[Model], path: Path, what: str, remedy: str, *, missing: str = "") -> Model:
    """Read a file of ours. InvalidRunError: it is not `what`; UsageError: it does not exist (`missing`: what to do)."""
    return parse(model, _content(path, missing or remedy), str(path), what, remedy)


def _content(path: Path, missing: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise UsageError(f"{path} does not exist; {missing}") from None
    except OSError as error:
        raise InvalidRunError(f"{path} cannot be read: {error}") from None


def parse(model: type[Model], text: str | bytes, source: str, what: str, remedy: str) -> Model:
    """Validate the text of a file of ours. InvalidRunError: `source` is not `what`, the first reason, the remedy."""
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
    where = "".join(f"{part}." for part in problem["loc"])[:-1]
    reason = problem["msg"].removeprefix("Value error, ")
    raise InvalidRunError(f"{source} is not {what}: {f'{where}: ' if where else ''}{reason}; {remedy}")


def read_record(path: Path, *, timelines: bool = True) -> Record:
    """Read a run.json, or the one in a run directory. UsageError or InvalidRunError names the file and what to do.

    Without `timelines` they are empty, and not looked at: most of the bytes of a long run, for what only its own report
    shows.
    """
    file = path / FILE_NAME if path.is_dir() else path
    try:
        text = _content(file, "name a directory that `bench run` wrote").decode("utf-8")
    except UnicodeDecodeError as error:
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
    """Validate the text of a record. InvalidRunError names `source`, and says when it is of another time."""
    try:
        return parse(Record, text, source, "a valid record", "restore it from git")
    except InvalidRunError:
        _check_version(text, source)
        raise


def _check_version(text: str, source: str) -> None:
    try:
        version = json.loads(text).get("schema_version")
    except (ValueError, AttributeError, RecursionError):
        message = f"{source} is not a record: it is truncated or not JSON; delete it or restore it from git"
        raise InvalidRunError(message) from None
    if version != SCHEMA_VERSION:
        message = f"{source} has schema version {version!r}, this program reads {SCHEMA_VERSION}; update the repository"
        raise InvalidRunError(message) from None


def read_failure(path: Path) -> Failure:
    """Read the record of a failure. InvalidRunError names the file and what to do."""
    if path.is_symlink() or not path.is_file():
        raise InvalidRunError(f"{path} is a link or no regular file, which is not followed; put the file itself there")
    failure = load(Failure, path, "the record of a failure", "delete it or restore it from git")
    if failure.id != path.stem:
        raise InvalidRunError(f"{path} holds the failure {failure.id}; rename it to that, or delete the copy")
    return failure


def place(kept: Record | Failure, reports: Path) -> None:
    """Write a record to `reports/runs/ID/`, a failure to `reports/failures/`. The same one again changes nothing.

    PublishError: another one has this name, the run is still going on, a link leads out of the reports, or nothing can
    be written there.
    """
    if isinstance(kept, Record) and kept.state == "running":
        message = f"{kept.id} is still being measured, or its measurement was killed; only finished runs are kept"
        raise PublishError(message)
    is_run = isinstance(kept, Record)
    place = reports / "runs" / kept.id if is_run else reports / FAILURES / f"{kept.id}.json"
    file = place / FILE_NAME if is_run else place
    link = next((path for path in (place, place.parent) if path.is_symlink()), None)
    if link is not None:
        raise PublishError(f"{link} is a link, which is not followed; put a folder of that name there")
    try:
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            save(kept, file)
        elif not _holds(file, kept):
            what = f"runs/{kept.id}/ holds another run" if is_run else f"{FAILURES}/{file.name} holds another failure"
            raise PublishError(f"reports/{what} of the same name; nothing was changed")
    except OSError as error:
        raise PublishError(f"{place} cannot be written: {error.strerror or error}; nothing was published") from None


def _holds(file: Path, kept: Record | Failure) -> bool:
    try:
        return (read_record(file) if isinstance(kept, Record) else read_failure(file)) == kept
    except BenchmarkError:
        return False


# Runs, of all profiles together, that the index and `bench watch` look back on; `bench report --all` reads all.
# A profile that is measured rarely besides another that is measured often has few runs among them. What began before
# them is not known to have ended, so that no issue is closed for it.
NEWEST = 500
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
    if found:
        return found[1].decode()
    try:  # another program may have written it
        return read_record(Path(path), timelines=False).started_at
    except BenchmarkError:
        return _UNKNOWN


def read_runs(files: Iterable[Path], unreadable: list[str], *, timelines: bool = True) -> Iterator[Record]:
    """Read runs one by one. What cannot be read is named in `unreadable`, never skipped, and never ends the others.

    `timelines`: see `read_record`.
    """
    for path in files:
        try:
            if path.is_symlink() or path.parent.is_symlink() or not path.is_file():
                message = f"{path} is a link or no regular file, which is not followed; put the run itself there"
                raise InvalidRunError(message)
            record = read_record(path, timelines=timelines)
            if record.id != path.parent.name:
                message = f"{path} holds the run {record.id}; rename its folder to that, or delete the copy"
                raise InvalidRunError(message)
        except BenchmarkError as error:
            unreadable.append(str(error).replace(f"{path.parents[2]}/", ""))
        else:
            yield record


def read_history(reports: Path, newest: int = NEWEST) -> History:
    unreadable = [
        f"{name} is a link, which is not followed; put a folder of that name there"
        for name in ("runs", FAILURES, CHARTS, BADGES)
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
    nothing = {"timeline": NO_TIMELINE, "quantiles": None, "dealt": ()}
    results = tuple(
        result.model_copy(update={"rounds": tuple(measured.model_copy(update=nothing) for measured in result.rounds)})
        for result in record.endpoints
    )
    return record.model_copy(update={"endpoints": results})
