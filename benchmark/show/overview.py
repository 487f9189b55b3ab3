"""The newest run of each profile and how its numbers went, in characters that any reader of Markdown shows."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from benchmark.record import Record

SPARKS = "▁▂▃▄▅▆▇█"
MOST_PROFILES = 10
MOST_RUNS = 20
FEWEST_RUNS = 3
SMALLEST_SPAN = 0.2
"""Of the median: numbers that differ by less than this look flat."""

NOT_COMPARED = {"profile": {"description", "headline"}}


@dataclass(frozen=True)
class Line:
    """One endpoint of the newest run of a profile; `spark` is empty where there are too few runs."""

    endpoint: str
    throughput_rps: float | None
    spark: str


@dataclass(frozen=True)
class Newest:
    """The newest complete run of a profile, and how many runs there are of the same series."""

    record: Record
    runs: int
    lines: tuple[Line, ...]


def newest_of_each(records: Sequence[Record]) -> list[Newest]:
    """The newest complete run of each profile as benchmark.toml has it, newest first. `records`: newest first."""
    series: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        if record.state == "complete" and not record.customised:
            series[series_key(record)].append(record)
    found: dict[str, Newest] = {}
    for runs in series.values():
        found.setdefault(runs[0].profile.name, Newest(runs[0], len(runs), _lines(runs)))
    return list(found.values())[:MOST_PROFILES]


def series_key(record: Record) -> str:
    """What must be equal for runs to stand in one line: the plan, but for what only describes it, and the method."""
    plan = record.plan.model_dump(mode="json", exclude=NOT_COMPARED, exclude_defaults=True)
    return json.dumps([plan, record.method.version], sort_keys=True)


def _lines(runs: Sequence[Record]) -> tuple[Line, ...]:
    lines = []
    for result in runs[0].endpoints:
        measured = (record.result(result.name) for record in reversed(runs[:MOST_RUNS]))
        values = [item.summary.throughput_rps for item in measured if item is not None and item.summary is not None]
        spark = sparkline([value for value in values if value is not None])
        lines.append(Line(result.name, result.summary.throughput_rps if result.summary else None, spark))
    return tuple(lines)


def sparkline(values: Sequence[float]) -> str:
    """Values as a row of bars, the oldest first. The smallest one is no zero: what differs by little looks flat."""
    if len(values) < FEWEST_RUNS:
        return ""
    low, high = min(values), max(values)
    span = max(high - low, abs(median(values)) * SMALLEST_SPAN)
    if span == 0:
        return SPARKS[0] * len(values)
    floor = (low + high - span) / 2
    top = len(SPARKS) - 1
    return "".join(SPARKS[min(top, max(0, round((value - floor) / span * top)))] for value in values)
