"""Renders the reports with what is said of each run beside the runs before it: what `report` and `publish` share."""

import hashlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Literal

from benchmark.config import DEFAULT_FILE, Config, Judging, read_config
from benchmark.errors import InvalidRunError, UsageError
from benchmark.judge.change_points import change_points
from benchmark.judge.differences import what_changed, why_apart
from benchmark.judge.metrics import METRICS, Metric
from benchmark.judge.series import Run, Series, gather, unknown_runs
from benchmark.judge.validity import run_validity
from benchmark.judge.verdict import Judgement
from benchmark.judge.words import in_words
from benchmark.record import Record
from benchmark.selftest import read_selftest
from benchmark.show.history import History, read_runs, run_files
from benchmark.show.index import Judge, render_all, render_run
from benchmark.show.published import Published
from benchmark.show.readme import BEGIN, END, has_place
from benchmark.trend import Belief, Change, Judged, Said, Trend

REFERENCE_COLUMN = {"throughput_rps": "throughput_rps", "p95_ms": "p95_ms", "p99_ms": "p99_ms"}
"""What a metric is divided by: the same column of the reference workload, for all other latencies its median."""


ORDER = {metric.name: number for number, metric in enumerate(METRICS)}


def render(reports: Path, readme: Path, *, everything: bool) -> History:
    """Render reports, index and README block. Thresholds are those of the benchmark.toml where bench was called.

    One that is broken, or that accepts a change in a run that is not there, is said and stops nothing; so is a README
    without markers.
    """
    if readme.exists() and not has_place(readme):
        sys.stderr.write(
            f"{readme.name} is left as it is: the table goes between {BEGIN} and {END}, and it has neither\n"
        )
    return render_all(reports, readme, judge_of(reports), everything=everything)


def judge_of(reports: Path) -> Judge:
    """Judge the runs of a reports directory as `render` does; what stands in the way of that is said at once."""
    config, notes = _config(reports)
    for note in notes:
        sys.stderr.write(f"{note}\n")
    selftest = None
    with suppress(InvalidRunError):  # the index names what can not be read
        selftest = read_selftest(reports)

    def judge(records: Iterable[Record], *, trends: bool = True) -> Judged:
        return replace(judged(records, config, trends=trends), notes=notes, selftest=selftest)

    return judge


def render_run_of(directory: Path, tables: Sequence[Published]) -> Path:
    """Render the report of one run. One that lies in a reports directory is judged beside the others there."""
    place = directory.resolve()
    reports = place.parent.parent
    found = None
    if place.parent == reports / "runs":
        found = judged(read_runs(run_files(reports), []), _config(reports)[0], trends=False)
    return render_run(directory, tables, found)


def _config(reports: Path) -> tuple[Config | None, tuple[str, ...]]:
    """What benchmark.toml says, and what has to be said about that."""
    try:
        config = read_config(DEFAULT_FILE) if DEFAULT_FILE.exists() else None
    except UsageError as error:
        return None, (f"judged with the default thresholds, and no change is accepted: {error}",)
    accepted = config.accepted if config else ()
    wrong = unknown_runs([path.name for path in (reports / "runs").glob("*")], accepted) if accepted else ()
    return config, tuple(
        f"{DEFAULT_FILE} accepts a change in the run {run}, which is not in the reports" for run in wrong
    )


def judged(records: Iterable[Record], config: Config | None, *, trends: bool = True) -> Judged:
    """Judge runs, in any order, one by one. What is said of a run is in the order of its plan and of METRICS."""
    rule = config.judging if config else Judging()
    belief: dict[str, Belief] = {}
    order: dict[str, dict[str, int]] = {}

    def noting() -> Iterator[Record]:
        for record in records:
            validity = run_validity(record)
            belief[record.id] = Belief(validity.level, tuple(reason.message for reason in validity.reasons))
            order[record.id] = {endpoint.name: number for number, endpoint in enumerate(record.plan.endpoints)}
            yield record

    gathered = gather(noting(), reference=reference, accepted=config.accepted if config else ())
    # A number that an endpoint never has, such as the excess over work that nobody declared, is no trend.
    series = [one for one in gathered if any(point.value is not None for point in one.points)]
    series.sort(key=lambda one: (order[one.runs[-1].id][one.endpoint], ORDER[one.metric.name], *one.common.values()))
    said: dict[str, list[tuple[int, int, Said]]] = {}
    found: list[Trend] = []
    counting = _counting(series)
    for one in series:
        judgements = one.judgements(rule)
        lines = _lines(one, judgements, series)
        for run, line in zip(one.runs, lines, strict=True):
            said.setdefault(run.id, []).append((order[run.id][one.endpoint], ORDER[one.metric.name], line))
        if trends:
            found.append(_trend(one, rule, judgements, lines, _aside(one, counting.get(_place(one)))))
    found.sort(key=lambda trend: trend.started_at[-1], reverse=True)
    ordered = {run: tuple(item[2] for item in sorted(lines, key=lambda item: item[:2])) for run, lines in said.items()}
    return Judged(ordered, belief, tuple(found))


def reference(record: Record, metric: Metric) -> float | None:
    """What the reference workload of a run scored in the unit of a metric."""
    if record.reference is None:
        return None
    return record.reference.median(REFERENCE_COLUMN.get(metric.name, "median_ms"))


def _lines(one: Series, judgements: Sequence[Judgement], series: Iterable[Series]) -> list[Said]:
    place = {run.id: number for number, run in enumerate(one.runs)}
    lines = []
    for number, found in enumerate(judgements):
        first = place[found.first_run or found.run]
        before = one.runs[first - 1] if first else None
        loud = found.stage in {"suspected", "confirmed", "recovered"} and before is not None
        lines.append(
            Said(
                endpoint=one.endpoint,
                metric=one.metric.title,
                verdict=found.verdict,
                stage=found.stage,
                line=in_words(found, one.metric),
                direction=_direction(found, one.metric),
                change_percent=found.change_percent,
                open_since=found.open_since,
                apart=_apart(one, series) if number == 0 else None,
                changed=what_changed(before.environment, one.runs[first].environment) if loud and before else None,
            )
        )
    return lines


def _direction(found: Judgement, metric: Metric) -> Literal["better", "worse"] | None:
    if found.side == 0:
        return None
    return "better" if (found.side > 0) == (metric.better == "higher") else "worse"


def _counting(series: Iterable[Series]) -> dict[tuple[str, ...], Series]:
    """The series that counts of each metric of each endpoint under each profile: the newest.

    A run with numbers of its own (--users) is looked at beside its equals, but ends nobody's series.
    """
    newest: dict[tuple[str, ...], tuple[tuple[str, str], Series]] = {}
    for one in series:
        last = max(((run.started_at, run.id) for run in one.runs if not run.customised), default=None)
        known = newest.get(_place(one))
        if last is not None and (known is None or last > known[0]):
            newest[_place(one)] = last, one
    return {place: one for place, (_, one) in newest.items()}


def _place(one: Series) -> tuple[str, ...]:
    return one.common["profile"], one.endpoint, one.metric.name


def _aside(one: Series, counting: Series | None) -> str | None:
    """Why a series is not the one that counts; None when it is."""
    if counting is one:
        return None
    if counting is None or all(run.customised for run in one.runs):
        return f"measured with numbers of its own: {', '.join(one.runs[-1].customised)}"
    return f"the series ended: {why_apart(one.common, counting.common)}"


def _apart(one: Series, series: Iterable[Series]) -> str | None:
    """Why the first run of a series does not belong to the series of the last run before it."""
    begin = one.runs[0].started_at
    earlier = [
        (run.started_at, other)
        for other in series
        if (other.endpoint, other.metric) == (one.endpoint, one.metric)
        and other.common.get("profile") == one.common.get("profile")
        and (run := next((run for run in reversed(other.runs) if run.started_at < begin), None)) is not None
    ]
    last = max(earlier, key=lambda item: item[0], default=None)
    return why_apart(last[1].common, one.common) if last else None


def _when_it_began(one: Series, last: Said) -> str | None:
    """What else was different in the first run of a regression that is open."""
    for before, run in pairwise(one.runs):
        if run.id == last.open_since:
            return what_changed(before.environment, run.environment)
    return None


def _over(lines: Sequence[Said], runs: Sequence[Run]) -> dict[str, str]:
    """How each regression that is over ended, by the run it began with."""
    ends = {}
    for before, run, now in zip(lines, runs[1:], lines[1:], strict=False):
        if before.open_since is not None and now.open_since is None:
            how = "back at the level before" if now.stage == "recovered" else "accepted"
            ends[before.open_since] = f"{how} since run {run.id}: {now.line}"
    return ends


def _trend(
    one: Series, rule: Judging, judgements: Sequence[Judgement], lines: Sequence[Said], aside: str | None
) -> Trend:
    baseline = next((found.baseline for found in reversed(judgements) if found.baseline), None)
    usable = [point.value is not None and point.unusable is None for point in one.points]
    runs = [run for run, kept in zip(one.runs, usable, strict=True) if kept]
    values = [point.value for point, kept in zip(one.points, usable, strict=True) if kept and point.value is not None]
    return Trend(
        key=hashlib.sha256("\n".join(_place(one)).encode()).hexdigest(),
        profile=one.common["profile"],
        endpoint=one.endpoint,
        metric=one.metric.name,
        title=one.metric.title,
        unit=one.metric.unit,
        form=one.form,
        runs=tuple(run.id for run in one.runs),
        started_at=tuple(run.started_at for run in one.runs),
        values=tuple(point.value if kept else None for point, kept in zip(one.points, usable, strict=True)),
        band=(baseline.median - baseline.band, baseline.median + baseline.band) if baseline else None,
        last=lines[-1],
        what_changed=_when_it_began(one, lines[-1]),
        changes=tuple(
            Change(runs[found.index].id, runs[found.index].started_at, found.percent, found.direction)
            for found in change_points(values, one.metric.better, rule, one.metric.smallest_difference) or ()
        ),
        common=one.common,
        over=_over(lines, one.runs),
        aside=aside,
    )
