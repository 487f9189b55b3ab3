"""Puts a run into `reports/runs/`: its record and nothing else, since all else is rendered from it."""

from pathlib import Path

from benchmark.errors import BenchmarkError, PublishError
from benchmark.failure import FOLDER, Failure, failure_to_json
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
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    elif path.read_text(encoding="utf-8") != content:
        message = f"reports/{FOLDER}/{failure.id}.json holds another failure of the same name; nothing was changed"
        raise PublishError(message)
