"""Puts a run into `reports/runs/`: its record and nothing else, since all else is rendered from it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmark.errors import BenchmarkError, PublishError
from benchmark.failure import FOLDER, Failure, failure_to_json
from benchmark.files import write_whole
from benchmark.record import Record
from benchmark.record_file import FILE_NAME, read_record, write_record


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
            message = f"reports/runs/{record.id}/ holds another run of the same name; nothing was changed"
            raise PublishError(message)


def _holds(kept: Path, record: Record) -> bool:
    try:
        return read_record(kept) == record
    except BenchmarkError:
        return False


def place_failure(failure: Failure, reports: Path) -> None:
    """Write the record of a failed attempt to `reports/failures/`. PublishError: another one has this name."""
    path = reports / FOLDER / f"{failure.id}.json"
    content = failure_to_json(failure)
    with _placing(path, reports):
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, content)
        elif path.read_bytes() != content.encode("utf-8"):
            message = f"reports/{FOLDER}/{failure.id}.json holds another failure of the same name; nothing was changed"
            raise PublishError(message)


@contextmanager
def _placing(path: Path, reports: Path) -> Iterator[None]:
    """PublishError: a link leads out of the reports, or nothing can be written there."""
    link = next((place for place in (path, path.parent) if place != reports and place.is_symlink()), None)
    if link is not None:
        message = f"{link} is a link, which is not followed; put a folder of that name there"
        raise PublishError(message)
    try:
        yield
    except OSError as error:
        message = f"{path} can not be written: {error.strerror or error}; nothing was published"
        raise PublishError(message) from None
