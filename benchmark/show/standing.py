"""What the index says of success and failure. Dates only: "3 days ago" would be wrong tomorrow."""

from collections.abc import Sequence

from benchmark.failure import Failure
from benchmark.record import Record
from benchmark.show.text import inert, when

LONGEST_LIST = 20


def standing(records: Sequence[Record], failures: Sequence[Failure]) -> str:
    """Say when the last good run was, and what became of the last attempt if it came later. "" before any attempt."""
    good = max((record.started_at for record in records if record.state == "complete"), default=None)
    attempts = [(failure.at, f"failed: {inert(failure.reason)}") for failure in failures]
    attempts += [
        (record.started_at, f"was not completed: {inert(why_incomplete(record) or 'no reason was kept')}")
        for record in records
        if record.state != "complete"
    ]
    last = max(attempts, default=None)
    said = "" if good is None else f"Last good run: {when(good)}"
    if last is None or (good is not None and last[0] <= good):
        return said and f"{said}."
    return f"{said or 'No good run yet'}; last attempt {when(last[0])} {last[1]}"


def why_incomplete(record: Record) -> str | None:
    """Why a run is not complete: its own reason, else that of the first round that is missing."""
    first = record.missing[0] if record.missing else None
    return record.reason or (f"{first.endpoint}, round {first.round}: {first.reason}" if first else None)


def newest(failures: Sequence[Failure]) -> list[Failure]:
    """The failures that the index lists, newest first."""
    return sorted(failures, key=lambda failure: (failure.at, failure.id), reverse=True)[:LONGEST_LIST]
