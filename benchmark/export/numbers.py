"""A run as numbers for spreadsheets, dashboards and trackers: CSV, OpenMetrics, github-action-benchmark, Bencher.

All of them take the medians over the rounds, as reports do. Names from outside are escaped for each format.
"""

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import StringIO
from typing import Any

from benchmark.errors import InvalidRunError, one_line
from benchmark.formatting import count, plain
from benchmark.judge.validity import endpoint_validity
from benchmark.record import PERCENTILES, Columns, Record, Round, Summary
from benchmark.traffic import part_label

OF_ALL_ROUNDS = "all"
FORMULAS = tuple("=+-@\t\r")
"""What a spreadsheet takes for the beginning of a formula."""

SMALLER = {"median_ms": "p50", "p95_ms": "p95", "p99_ms": "p99"}
NS_PER_MS = 1e6


@dataclass(frozen=True)
class Measured:
    """An endpoint, or the requests of one name of it. `level`: how far its numbers can be trusted."""

    name: str
    users: int
    level: str
    summary: Summary
    rounds: tuple[Round, ...] = ()


def measured(record: Record) -> list[Measured]:
    """What has numbers. InvalidRunError: nothing has, and no reader takes an empty file."""
    found: list[Measured] = []
    for result in record.endpoints:
        level = endpoint_validity(record, result.name).level
        if result.summary is not None:
            found.append(Measured(result.name, result.users, level, result.summary, result.rounds))
        found += [
            Measured(part_label(result.name, part.name), result.users, level, part.summary) for part in result.parts
        ]
    if not found:
        why = one_line(record.reason or "nothing was measured")
        raise InvalidRunError(f"{record.id} has no results to export: {why}; name another run")
    return found


def to_csv(record: Record) -> str:
    """A line for each endpoint over all rounds, and for each of its rounds; a number that is not known is empty."""
    text = StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["run", "started_at", "profile", "endpoint", "users", "validity", "round", *Columns.model_fields])
    for one in measured(record):
        about = [record.id, record.started_at, record.profile.name, one.name, one.users, one.level]
        rows: list[tuple[str | int, Columns]] = [(OF_ALL_ROUNDS, one.summary)]
        rows += [(columns.round, columns) for columns in one.rounds]
        for number, columns in rows:
            values = [getattr(columns, name) for name in Columns.model_fields]
            writer.writerow([_cell(value) for value in (*about, number, *values)])
    return text.getvalue()


def _cell(value: str | float | None) -> str | float:
    """A text that no spreadsheet computes."""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(FORMULAS) else value
    return "" if value is None else value


def to_openmetrics(record: Record) -> str:
    """Gauges in base units for Prometheus and what reads its format; without time stamps, which most refuse."""
    families = {
        "bench_requests": "Requests that ended, failed ones as well.",
        "bench_failures": "Requests that failed.",
        "bench_throughput_per_second": "Requests per second, failed ones as well.",
        "bench_failures_per_second": "Failed requests per second.",
        "bench_latency_seconds": "Latency of right responses at a quantile.",
        "bench_latency_mean_seconds": "Mean latency of right responses.",
        "bench_latency_min_seconds": "Shortest latency of a right response.",
        "bench_latency_max_seconds": "Longest latency of a right response.",
        "bench_usable": "1 if nothing speaks against the numbers of the endpoint, 0 if they are noisy or invalid.",
    }
    samples: dict[str, list[str]] = {name: [] for name in families}
    for one in measured(record):
        for name, labels, value in _samples(record, one):
            samples[name].append(f"{name}{_labels(labels)} {value!r}")
    began = datetime.fromisoformat(record.started_at).timestamp()
    about = {"run": record.id, "profile": record.profile.name, "load": record.profile.load}
    environment = record.environment
    about |= {"cpu": environment.cpu.model, "python": environment.python, "commit": environment.commit or ""}
    lines = ["# TYPE bench_run info", "# HELP bench_run What was measured.", f"bench_run_info{_labels(about)} 1"]
    lines += ["# TYPE bench_run_start_timestamp_seconds gauge", "# UNIT bench_run_start_timestamp_seconds seconds"]
    lines += [f"bench_run_start_timestamp_seconds {began:.1f}"]
    for name, said in families.items():
        lines.append(f"# TYPE {name} gauge")
        lines += [f"# UNIT {name} seconds"] if name.endswith("_seconds") else []
        lines += [f"# HELP {name} {said}", *samples[name]]
    return "\n".join([*lines, "# EOF", ""])


def _samples(record: Record, one: Measured) -> Iterator[tuple[str, dict[str, str], float]]:
    summary = one.summary
    labels = {"endpoint": one.name, "profile": record.profile.name, "users": str(one.users)}
    known: dict[str, float | None] = {
        "bench_requests": summary.requests,
        "bench_failures": summary.failures,
        "bench_throughput_per_second": summary.throughput_rps,
        "bench_failures_per_second": summary.failures_rps,
        "bench_latency_mean_seconds": _s(summary.avg_ms),
        "bench_latency_min_seconds": _s(summary.min_ms),
        "bench_latency_max_seconds": _s(summary.max_ms),
        "bench_usable": int(one.level == "usable"),
    }
    for name, value in known.items():
        if value is not None:
            yield name, labels, value
    for column, percent in PERCENTILES.items():
        value = _s(getattr(summary, column))
        if value is not None:
            yield "bench_latency_seconds", {**labels, "quantile": f"{percent / 100:g}"}, value


def _s(value_ms: float | None) -> float | None:
    return None if value_ms is None else round(value_ms / 1000, 9)


def _labels(labels: dict[str, str]) -> str:
    escaped = {name: plain(value).replace("\\", r"\\").replace('"', r"\"") for name, value in labels.items()}
    return "{" + ",".join(f'{name}="{value}"' for name, value in escaped.items()) + "}"


def to_github_action_benchmark(record: Record, *, bigger: bool = False) -> str:
    """The list that its tool customSmallerIsBetter reads: latencies; or customBiggerIsBetter: requests per second."""
    columns = {"throughput_rps": "req/s"} if bigger else SMALLER
    entries: list[dict[str, Any]] = []
    for one in measured(record):
        for column, title in columns.items():
            value = getattr(one.summary, column)
            if value is not None:
                unit = "req/s" if bigger else "ms"
                entry = {"name": f"{_named(record, one)}: {title}", "unit": unit, "value": value}
                entries.append(entry | _range(one.summary, column) | {"extra": _extra(record, one)})
    if not entries:
        raise InvalidRunError(f"{record.id} has no such numbers to export: no response was right; name another run")
    return json.dumps(entries, indent=1) + "\n"


def _named(record: Record, one: Measured) -> str:
    """Whose number it is: trackers draw one line through all that have one name, so the load is part of it."""
    return " ".join(plain(f"{one.name} ({record.profile.name}, {record.profile.load})").split())


def _range(summary: Summary, column: str) -> dict[str, str]:
    """How far the rounds are from their median."""
    spread = summary.spread.get(column)
    middle = getattr(summary, column)
    if spread is None or spread.low == spread.high:
        return {}
    return {"range": f"± {max(spread.high - middle, middle - spread.low):.6g}"}


def _extra(record: Record, one: Measured) -> str:
    said = [f"run {record.id}", f"{count(one.summary.requests)} requests, {count(one.summary.failures)} failed"]
    return "\n".join([*said, *([] if one.level == "usable" else [f"the run is {one.level}"])])


def to_bencher(record: Record) -> str:
    """Bencher Metric Format. Its own measures latency (ns) and throughput (1/s), and percentiles in ms."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for one in measured(record):
        summary = one.summary
        measures = {
            "latency": _metric(summary, "median_ms", NS_PER_MS),
            "throughput": _metric(summary, "throughput_rps"),
            "mean-ms": _metric(summary, "avg_ms"),
            "p95-ms": _metric(summary, "p95_ms"),
            "p99-ms": _metric(summary, "p99_ms"),
            "failed-requests": _metric(summary, "failures"),
        }
        found[_named(record, one)] = {name: metric for name, metric in measures.items() if metric}
    return json.dumps(found, indent=1) + "\n"


def _metric(summary: Summary, column: str, factor: float = 1.0) -> dict[str, float]:
    value, spread = getattr(summary, column), summary.spread.get(column)
    if value is None:
        return {}
    metric = {"value": value * factor}
    if spread is not None and spread.low != spread.high:
        metric |= {"lower_value": spread.low * factor, "upper_value": spread.high * factor}
    return metric


def doubts(record: Record) -> Sequence[str]:
    """Say of each endpoint whose numbers are noisy or invalid that they are: a tracker shows them like all others."""
    found = ((result.name, endpoint_validity(record, result.name)) for result in record.endpoints)
    return [f"{name} is {one.level}: {one.reasons[0].message}" for name, one in found if one.level != "usable"]
