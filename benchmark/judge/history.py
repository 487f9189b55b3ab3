"""From records to verdicts: what is said of each run next to the runs before it, and of each series as a whole."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from benchmark.config import Config, Judging
from benchmark.judge.change_points import change_points
from benchmark.judge.metrics import METRICS, Metric
from benchmark.judge.noise_floor import SelfTest
from benchmark.judge.series import REPOSITORY, Run, Series, gather, what_changed, why_apart
from benchmark.judge.validity import run_validity
from benchmark.judge.verdict import Judgement, in_words
from benchmark.record import Record

Verdict = Literal["unchanged", "improved", "regressed", "inconclusive"]


@dataclass(frozen=True, slots=True)
class Said:
    """What was found about one metric of one endpoint of one run. `line`: verdict, change and noise band in words.

    `stage`: how far the rule is with it ("suspected" waits for a second run). `direction`: to which side of the band it
    went; None within it, also for a run that is back at an earlier level.
    `apart`: why there is nothing to compare it with though there are earlier runs. `changed`: what else is different
    from the run before in its series. `missing`: how many runs are missing until verdicts begin; None where they have.
    """

    endpoint: str
    metric: str
    verdict: Verdict
    stage: str
    line: str
    direction: Literal["better", "worse"] | None = None
    change_percent: float | None = None
    open_since: str | None = None
    apart: str | None = None
    changed: str | None = None
    missing: int | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A change of level that was found over a whole series: the run it begins with, and how large it is."""

    run: str
    started_at: str
    percent: float | None
    direction: Literal["better", "worse"]


@dataclass(frozen=True, slots=True)
class Trend:
    """One metric of one endpoint over the runs that may be compared, oldest first.

    `key` stands for profile, endpoint and metric. Of the series with the same key only one counts, the newest; `aside`
    says why another does not. `common` is what its runs share. `what_changed`: what else was different when the
    regression that is open began. `over`: regressions that ended, by the run they began with, and how. `accepted`: why
    a change is wanted, by the run from which on. `values` are in `unit` divided as `form` says; None where a run could
    not be judged. `band`: lowest and highest value that the next run may have without a word.
    """

    key: str
    profile: str
    endpoint: str
    metric: str
    title: str
    unit: str
    form: str
    runs: tuple[str, ...]
    started_at: tuple[str, ...]
    values: tuple[float | None, ...]
    band: tuple[float, float] | None
    last: Said
    what_changed: str | None = None
    changes: tuple[Change, ...] = ()
    common: Mapping[str, str] = field(default_factory=dict)
    over: Mapping[str, str] = field(default_factory=dict)
    accepted: Mapping[str, str] = field(default_factory=dict)
    aside: str | None = None

    @property
    def open_since(self) -> str | None:
        """Run with which a regression began that is still open; None in a series that does not count."""
        return None if self.aside else self.last.open_since


@dataclass(frozen=True, slots=True)
class Belief:
    """May a run be believed: usable, noisy or invalid, and why."""

    level: Literal["usable", "noisy", "invalid"]
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Judged:
    """Everything that is said about the runs of a history, by the id of the run, and the trends, the newest first.

    `selftest`: which changes could be seen at all on its machine. `strangers`: runs of other repositories, and whose.
    `notes`: what stood in the way of judging as somebody wanted it.
    """

    said: Mapping[str, tuple[Said, ...]] = field(default_factory=dict)
    belief: Mapping[str, Belief] = field(default_factory=dict)
    trends: tuple[Trend, ...] = ()
    selftest: SelfTest | None = None
    notes: tuple[str, ...] = ()
    strangers: Mapping[str, str] = field(default_factory=dict)

    def own(self, records: Sequence[Record]) -> list[Record]:
        """Leave out what other repositories measured."""
        return [record for record in records if record.id not in self.strangers]

    @property
    def counting(self) -> tuple[Trend, ...]:
        """The series that counts of each metric of each endpoint under each profile."""
        return tuple(trend for trend in self.trends if not trend.aside)


REFERENCE_COLUMN = {"throughput_rps": "throughput_rps", "p95_ms": "p95_ms", "p99_ms": "p99_ms"}
"""What a metric is divided by: the same column of the reference workload, for all other latencies its median."""

ORDER = {metric.name: number for number, metric in enumerate(METRICS)}


def judged(records: Iterable[Record], config: Config | None, *, trends: bool = True, home: str | None = None) -> Judged:
    """Judge runs, in any order, one by one. What is said of a run is in the order of its plan and of METRICS.

    `home`: the repository whose history this is, see `gather`. Runs of others compare with each other alone.
    """
    rule = config.judging if config else Judging()
    belief: dict[str, Belief] = {}
    order: dict[str, dict[str, int]] = {}
    regular: list[tuple[str, str, str]] = []

    def noting() -> Iterator[Record]:
        for record in records:
            validity = run_validity(record)
            belief[record.id] = Belief(validity.level, tuple(reason.message for reason in validity.reasons))
            order[record.id] = {endpoint.name: number for number, endpoint in enumerate(record.plan.endpoints)}
            if not record.customised:
                regular.append((record.started_at, record.id, record.profile.name))
            yield record

    accepted = config.accepted if config else ()
    gathered = gather(noting(), reference=reference, accepted=accepted, home=home)
    strangers = {run.id: one.common[REPOSITORY] for one in gathered if REPOSITORY in one.common for run in one.runs}
    newest = {profile: run for _, run, profile in sorted(regular) if run not in strangers}
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
            last = order[newest.get(one.common["profile"], one.runs[-1].id)]
            aside = _aside(one, counting.get(_place(one)), measured=one.endpoint in last)
            found.append(_trend(one, rule, judgements, lines, aside))
    found.sort(key=lambda trend: trend.started_at[-1], reverse=True)
    ordered = {run: tuple(item[2] for item in sorted(lines, key=lambda item: item[:2])) for run, lines in said.items()}
    return Judged(ordered, belief, tuple(found), strangers=strangers)


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
                missing=found.missing,
            )
        )
    return lines


def _direction(found: Judgement, metric: Metric) -> Literal["better", "worse"] | None:
    if found.side == 0:
        return None
    return "better" if (found.side > 0) == (metric.better == "higher") else "worse"


def _counting(series: Iterable[Series]) -> dict[tuple[str, ...], Series]:
    """The series that counts of each metric of each endpoint under each profile: the newest.

    A run with numbers of its own (--users), or of another repository, is looked at next to its equals, but ends no
    series of others.
    """
    newest: dict[tuple[str, ...], tuple[tuple[str, str], Series]] = {}
    for one in series:
        ours = [run for run in one.runs if not run.customised and REPOSITORY not in one.common]
        last = max(((run.started_at, run.id) for run in ours), default=None)
        known = newest.get(_place(one))
        if last is not None and (known is None or last > known[0]):
            newest[_place(one)] = last, one
    return {place: one for place, (_, one) in newest.items()}


def _place(one: Series) -> tuple[str, ...]:
    return one.common["profile"], one.endpoint, one.metric.name


def _aside(one: Series, counting: Series | None, *, measured: bool) -> str | None:
    """Why a series is not the one that counts; None when it is. `measured`: whether its profile still asks for it."""
    if REPOSITORY in one.common:
        return f"measured in another repository: {one.common[REPOSITORY]}"
    if counting is None or all(run.customised for run in one.runs):
        return f"measured with numbers of its own: {', '.join(one.runs[-1].customised)}"
    if not measured:
        return f"not measured any more since run {one.runs[-1].id}"
    if counting is one:
        return None
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
    runs = [run for run, found in zip(one.runs, judgements, strict=True) if found.value is not None]
    values = [found.value for found in judgements if found.value is not None]
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
        values=tuple(found.value for found in judgements),
        band=(baseline.median - baseline.band, baseline.median + baseline.band) if baseline else None,
        last=lines[-1],
        what_changed=_when_it_began(one, lines[-1]),
        changes=tuple(
            Change(runs[found.index].id, runs[found.index].started_at, found.percent, found.direction)
            for found in change_points(values, one.metric.better, rule, one.points[-1].smallest_difference)
        ),
        common=one.common,
        over=_over(lines, one.runs),
        accepted={run.id: point.accepted for run, point in zip(one.runs, one.points, strict=True) if point.accepted},
        aside=aside,
    )
