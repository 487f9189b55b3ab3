"""run.json on the disk: written whole or not at all, refused in one line when it is no record."""

import json
import re
from pathlib import Path

from pydantic import ValidationError

from benchmark.errors import InvalidRunError, UsageError
from benchmark.files import write_whole
from benchmark.observed import NO_TIMELINE
from benchmark.record import Record

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
        message = f"{file} does not exist; name a directory that `bench run` wrote"
        raise UsageError(message) from None
    except (OSError, UnicodeDecodeError) as error:
        message = f"{file} can not be read: {error}"
        raise InvalidRunError(message) from None
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
    message = f"{source} is not a valid record: {f'{where}: ' if where else ''}{what}; restore it from git"
    raise InvalidRunError(message)


def _check_version(text: str, source: str) -> None:
    """Say so when what can not be read is no record, or one of another time."""
    try:
        version = json.loads(text).get("schema_version")
    except (ValueError, AttributeError, RecursionError):
        message = f"{source} is not a record: it is truncated or not JSON; delete it or restore it from git"
        raise InvalidRunError(message) from None
    if version != SCHEMA_VERSION:
        message = f"{source} has schema version {version!r}, this program reads {SCHEMA_VERSION}; update the repository"
        raise InvalidRunError(message)
