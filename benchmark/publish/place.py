"""Puts a run into `reports/runs/`: its record and nothing else, since all else is rendered from it."""

from pathlib import Path

from benchmark.errors import PublishError
from benchmark.record import FILE_NAME, Record, parse_record, read_record, write_record


def place(run_directory: Path, reports: Path) -> Record:
    """Copy the record of a run to `reports/runs/ID/`. Copying the same run again changes nothing.

    PublishError: a run of this name with other content is there already, or the run is still going on.
    """
    record = read_record(run_directory)
    if record.state == "running":
        message = f"{run_directory} is still being measured, or its measurement was killed; only finished runs are kept"
        raise PublishError(message)
    target = reports / "runs" / record.id
    kept = target / FILE_NAME
    if kept.exists():
        if parse_record(kept.read_text(encoding="utf-8"), str(kept)) != record:
            message = f"{kept} holds another run of the same name; nothing was changed"
            raise PublishError(message)
        return record
    target.mkdir(parents=True, exist_ok=True)
    write_record(record, target)
    return record
