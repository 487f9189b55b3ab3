"""From records to verdicts: what is found of each run next to the runs before it, and of each series as a whole."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from benchmark.config import Config, Judging
from benchmark.judge.metrics import METRICS, Metric
from benchmark.judge.noise_floor import SelfTest
from benchmark.judge.series import REPOSITORY, Run, Series, gather, what_changed, why_apart
from benchmark.judge.validity import Validity
from benchmark.judge.verdict import Judgement, in_words, moved
from benchmark.record import Record


@dataclass(frozen=True, slots=True)
class Judged:
    """Everything that is found about the runs of a history, by the id of the run, and the series, the newest first.

    `selftest`: which changes could be seen at all on its machine. `strangers`: runs of other repositories, and whose.
    `before`: the run before each of the same profile and with the same numbers of its own.
    `notes`: what stood in the way of judging as it was asked for.
    """

    verdicts: Mapping[str, tuple[Judgement, ...]] = field(default_factory=dict)
    validity: Mapping[str, Validity] = field(default_factory=dict)
    trends: tuple[Series, ...] = ()
    selftest: SelfTest | None = None
    notes: tuple[str, ...] = ()
    strangers: Mapping[str, str] = field(default_factory=dict)
    before: Mapping[str, str] = field(default_factory=dict)

    def own(self, records: Sequence[Record]) -> list[Record]:
        return [record for record in records if record.id not in self.strangers]

    @property
    def counting(self) -> tuple[Series, ...]:
        """The series that counts of each metric of each endpoint under each profile."""
        return tuple(trend for trend in self.trends if not trend.aside)


REFERENCE_COLUMN = {"throughput_rps": "throughput_rps", "p95_ms": "p95_ms", "p99_ms": "p99_ms"}
"""What a metric is divided by: the same column of the reference workload, for all other latencies its median."""

TITLES = [metric.title for metric in METRICS]


def judged(records: Iterable[Record], config: Config | None, *, trends: bool = True, home: str | None = None) -> Judged:
    """Judge runs, in any order, one by one. What is found of a run is in the order of its plan and of METRICS.

    `home`: the repository whose history this is, see `gather`. Runs of others compare with each other alone.
    """
    rule = config.judging if config else Judging()
    gathered = gather(records, reference=reference, accepted=config.accepted if config else (), home=home)
    runs = {run.id: run for one in gathered for run in one.runs}
    strangers = {run.id: one.common[REPOSITORY] for one in gathered if REPOSITORY in one.common for run in one.runs}
    # A number that an endpoint never has, such as the excess over work that nobody declared, is no trend.
    series = [one for one in gathered if any(point.value is not None for point in one.points)]
    series.sort(key=lambda one: (*_row(one.runs[-1], one.endpoint, one.metric.title), *one.common.values()))
    series = [replace(one, verdicts=tuple(_verdicts(one, rule, series))) for one in series]
    verdicts: dict[str, list[Judgement]] = {}
    for found in (found for one in series for found in one.verdicts):
        verdicts.setdefault(found.run, []).append(found)
    for lines in verdicts.values():
        lines.sort(key=lambda found: _row(runs[found.run], found.endpoint, found.metric))
    newest = {one.profile: run for run, one in _regular(gathered)}
    found_trends = _trends(series, newest, rule) if trends else ()
    return Judged(
        {run: tuple(lines) for run, lines in verdicts.items()},
        {run.id: run.validity for run in runs.values()},
        tuple(sorted(found_trends, key=lambda one: one.runs[-1].started_at, reverse=True)),
        strangers=strangers,
        before=_before(gathered),
    )


def _before(series: Iterable[Series]) -> dict[str, str]:
    several: dict[tuple[str, ...], dict[str, Run]] = defaultdict(dict)
    for one in series:
        for run in one.runs if REPOSITORY not in one.common else ():
            several[one.profile, *run.customised][run.id] = run
    ordered = (sorted(runs.values(), key=lambda run: run.moment) for runs in several.values())
    return {run.id: earlier.id for runs in ordered for earlier, run in pairwise(runs)}


def _row(run: Run, endpoint: str, title: str) -> tuple[int, int]:
    return run.endpoints.index(endpoint), TITLES.index(title)


def reference(record: Record, metric: Metric) -> float | None:
    """What the reference workload of a run scored in the unit of a metric."""
    if record.reference is None:
        return None
    return record.reference.median(REFERENCE_COLUMN.get(metric.name, "median_ms"))


def _verdicts(one: Series, rule: Judging, series: Iterable[Series]) -> Iterator[Judgement]:
    place = {run.id: number for number, run in enumerate(one.runs)}
    for number, found in enumerate(one.judgements(rule)):
        first = place[found.first_run or found.run]
        loud = first > 0 and found.stage in {"suspected", "confirmed", "recovered"}
        begun = found.open_since or found.first_run
        dated = replace(found, since=one.runs[place[begun]].started_at[:10]) if begun else found
        environments = [run.environment for run in one.runs[first - 1 : first + 1]] if loud else []
        yield replace(
            dated,
            endpoint=one.endpoint,
            metric=one.metric.title,
            line=in_words(dated, one.metric, one.form),
            moved=moved(found, one.metric, one.form),
            apart=_apart(one, series) if number == 0 else None,
            changed=what_changed(*environments) if loud else None,
        )


def _apart(one: Series, series: Iterable[Series]) -> str | None:
    """Why the first run of a series does not belong to the series of the last run before it."""
    begin = one.runs[0].started_at
    earlier = [
        (max(started), other)
        for other in series
        if other.place == one.place and (started := [run.started_at for run in other.runs if run.started_at < begin])
    ]
    last = max(earlier, key=lambda item: item[0], default=None)
    return why_apart(last[1].common, one.common) if last else None


def _trends(series: Sequence[Series], newest: Mapping[str, Run], rule: Judging) -> Iterator[Series]:
    """Add the changes of level, and why a series does not count. `newest`: the last run of each profile."""
    counting = {one.place: one for _, one in _regular(series)}
    for one in series:
        measured = one.endpoint in newest.get(one.profile, one.runs[-1]).endpoints
        aside = _aside(one, counting.get(one.place), measured=measured)
        yield replace(one, changes=one.level_changes(rule), aside=aside)


def _regular(series: Iterable[Series]) -> list[tuple[Run, Series]]:
    """Every run that may end the series of others, the oldest first.

    One with settings of its own (--users), or of another repository, is only looked at next to its equals.
    """
    ours = [(run, one) for one in series if REPOSITORY not in one.common for run in one.runs if not run.customised]
    return sorted(ours, key=lambda item: item[0].moment)


def _aside(one: Series, counting: Series | None, *, measured: bool) -> str | None:
    """Why a series is not the one that counts; None when it is. `measured`: whether its profile still asks for it."""
    if REPOSITORY in one.common:
        return f"measured in another repository: {one.common[REPOSITORY]}"
    if counting is None or all(run.customised for run in one.runs):
        return f"measured with settings of its own: {', '.join(one.runs[-1].customised)}"
    if not measured:
        return f"no longer measured since run {one.runs[-1].id}"
    if counting is one:
        return None
    return f"the series ended: {why_apart(one.common, counting.common)}"
