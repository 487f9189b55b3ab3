"""What the pages list and compare of each run: plain values, as the record holds them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmark import formatting as text
from benchmark.judge.history import Judged
from benchmark.plan import Profile, Target
from benchmark.record import EndpointResult, Record
from benchmark.report import sentences
from benchmark.report.index import series_key

COLUMNS = (
    ("throughput_rps", "req/s", "rate"),
    ("median_ms", "Median (ms)", "ms"),
    ("p95_ms", "p95 (ms)", "ms"),
    ("p99_ms", "p99 (ms)", "ms"),
    ("max_ms", "Max (ms)", "ms"),
    ("avg_ms", "Avg (ms)", "ms"),
    ("excess_p50_ms", "Excess p50 (ms)", "excess"),
    ("requests", "# reqs", "count"),
    ("failures", "# fails", "count"),
)
"""What two runs are compared by: column, its name, how it is shown."""

OVER_PREDICTED = ("", "Median / predicted", "rate")
"""The median beside what theory says it should be for the connections as they were dealt: that may be compared, too,
where they were dealt otherwise."""

DIGITS = 9
MOST_SPLITS = 3


@dataclass(frozen=True)
class Row:
    """One run in the list. `before`: the id of the run before it in its series, if any."""

    record: Record
    series: str
    best: tuple[str, float] | None
    state: str
    before: str | None


def rows(records: Sequence[Record], judged: Judged) -> list[Row]:
    """Every run as it is listed, in the order of `records`, newest first."""
    keys = [(series_key(record), judged.strangers.get(record.id)) for record in records]
    found = []
    for number, (record, key) in enumerate(zip(records, keys, strict=True)):
        older = zip(records[number + 1 :], keys[number + 1 :], strict=True)
        before = next((other.id for other, its in older if its == key and other.state == "complete"), None)
        validity = judged.validity.get(record.id)
        state = record.state if record.state != "complete" or validity is None else validity.level
        best = next(iter(sentences.ranking(record)), None)
        found.append(Row(record, series_name(record), best, state, before))
    return found


def series_name(record: Record) -> str:
    """Under which name a run is listed: the profile, its load, and what of it the command line changed."""
    profile, target = record.profile, record.plan.target
    where = "app elsewhere" if target.url else f"{target.workers} worker{'s' if target.workers > 1 else ''}"
    changed = f" ({', '.join(record.customised)})" if record.customised else ""
    return f"{profile.name}: {profile.load}, {text.seconds(profile.duration_s)}, {where}{changed}"


def comparable(listed: Sequence[Row]) -> dict[str, Any]:
    """The numbers and the circumstances of all runs, small enough to be sent with the page that compares two."""
    packages: list[dict[str, str]] = []
    runs = []
    for row in listed:
        installed = row.record.environment.packages
        if installed not in packages:
            packages.append(installed)
        runs.append(
            {
                "id": row.record.id,
                "label": f"{text.when(row.record.started_at)}, {text.plain(row.series)}",
                "before": row.before,
                "state": row.state,
                "facts": facts(row.record),
                "packages": packages.index(installed),
                "commit": commit(row.record),
                "endpoints": [
                    [
                        text.plain(result.name),
                        [*values(result), over_predicted(result)],
                        splits(result),
                        definition(row.record, result.name),
                    ]
                    for result in row.record.endpoints
                ],
            }
        )
    return {"columns": [*COLUMNS, OVER_PREDICTED], "packages": packages, "runs": runs}


def facts(record: Record) -> dict[str, str]:
    """Under which circumstances a run was measured: what two runs must share to be compared without second thoughts.

    Not the software that is measured, which is what one compares: packages and commit are told apart.
    """
    profile, target, environment = record.profile, record.plan.target, record.environment
    own = {} if target.url else _server(target)
    return own | {
        "Profile": text.plain(profile.name),
        "Load": profile.load,
        "Users": str(profile.users),
        "Spawned per second": f"{profile.spawn_rate_per_s:g}",
        "Start": profile.start,
        "Duration": text.seconds(profile.duration_s),
        "Rounds": str(profile.rounds),
        "Task": text.seconds(profile.task_seconds),
        "Rest between requests": text.seconds(profile.wait_s),
        "Client": f"{profile.client}, time-out {text.seconds(profile.timeout_s)}",
        "App": text.plain(target.url or target.import_path or ""),
        **_of_a_rate(profile),
        "Sent by": _sent_by(profile),
        "Cores apart": record.method.pinning.counts if record.method.pinning else "no",
        "Method": str(record.method.version),
        "Processor": f"{text.plain(environment.cpu.model)}, {environment.cpu.count} cores",
        "System": text.plain(f"{environment.os_image}, {environment.kernel}"),
        "Python": text.plain(environment.python),
    }


def _of_a_rate(profile: Profile) -> dict[str, str]:
    if profile.rate_per_s is None:
        return {}
    return {"Arrivals": profile.arrivals if profile.arrivals == "even" else f"{profile.arrivals}, seed {profile.seed}"}


def _sent_by(profile: Profile) -> str:
    if profile.load_workers:
        return f"{profile.load_workers} load workers of other machines"
    return "one process" if profile.processes == 1 else f"{profile.processes} processes"


def _server(target: Target) -> dict[str, str]:
    """How the app is served; of one elsewhere nobody knows."""
    return {
        "Workers": str(target.workers),
        "Threads per worker": str(target.threads),
        "Event loop": target.loop,
        "Sockets": target.sockets,
    }


def definition(record: Record, name: str) -> str:
    """How an endpoint was asked and what was said of it, as one comparable text."""
    endpoint = next(endpoint for endpoint in record.plan.endpoints if endpoint.name == name)
    return text.plain(endpoint.model_dump_json(exclude_defaults=True, exclude={"name"}))


def commit(record: Record) -> str:
    """The commit that was measured; "" where nobody knows what the files held."""
    environment = record.environment
    return "" if environment.commit_dirty or environment.commit is None else environment.commit[:12]


def values(result: EndpointResult) -> list[float | None]:
    """The columns of one endpoint; None where it was not measured."""
    if result.summary is None:
        return [None] * len(COLUMNS)
    found = [(getattr(result.summary, name), shown) for name, _, shown in COLUMNS]
    return [value if value is None or shown == "count" else float(f"{value:.{DIGITS}g}") for value, shown in found]


def over_predicted(result: EndpointResult) -> float | None:
    """The measured median over the predicted one; None where either is missing."""
    measured, predicted = result.summary, result.prediction
    if measured is None or predicted is None or not measured.median_ms or not predicted.median_ms:
        return None
    return float(f"{measured.median_ms / predicted.median_ms:.{DIGITS}g}")


def splits(result: EndpointResult) -> str:
    """How the connections were dealt to the workers in each round, as far as it was seen."""
    seen = [item.connections_per_worker for item in result.rounds if item.connections_per_worker]
    shown = "; ".join(text.joined(item) for item in seen[:MOST_SPLITS])
    return f"{shown} …" if len(seen) > MOST_SPLITS else shown
