"""From records to series: which runs may be compared, as plain numbers in the form in which they are judged.

Of two runs that do not compare it says why not.
"""

import hashlib
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median, mode
from typing import Any

from benchmark.config import Accepted, Judging
from benchmark.judge.change_points import ChangePoint, change_points
from benchmark.judge.metrics import JUDGED, Form, Metric, Scored, form
from benchmark.judge.validity import USABLE, Validity, endpoint_validity, run_validity
from benchmark.judge.verdict import Judgement, Point, judge
from benchmark.plan import Endpoint
from benchmark.record import Columns, EndpointResult, Environment, Record
from benchmark.traffic import part_label

Reference = Callable[[Record, Metric], float | None]
"""What the reference workload of a run scored in the metric's unit; None when it was not measured."""

Moment = tuple[str, str]
"""When a run started (UTC, ISO 8601), and its id to tell two runs of one second apart."""

_ABOUT = {"name", "group", "cpu_s", "service", "measured"}
"""Of an endpoint: what does not change what it is asked, nor in which form it is judged."""
_LABELS = {"name", "description", "headline", "endpoints", "reference_s", "workers_within_s"}
"""Of a profile: what does not change how one endpoint is loaded. Its name is compared by itself."""
REPOSITORY = "repository"  # in what the runs of a series have in common: the repository, where it is another one
_SERVING = (
    "import_path",
    "url",
    "command",
    "server",
    "server_args",
    "root_path",
    "workers",
    "threads",
    "loop",
    "sockets",
)


@dataclass(frozen=True, slots=True)
class Run:
    """What is kept of a record. `endpoints`: in the order of its plan."""

    id: str
    started_at: str
    environment: Environment
    customised: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()
    validity: Validity = USABLE

    @property
    def moment(self) -> Moment:
        return self.started_at, self.id


@dataclass(frozen=True, slots=True)
class Series:
    """Runs of one metric of one endpoint that may be compared, oldest first: `points[i]` is what `runs[i]` scored.

    `common` is what had to be equal for that, see `common`. A history adds the rest: `verdicts` of all runs, `changes`
    of level with the run that each begins with, and `aside`, why this is not the series that counts: of those of one
    metric of one endpoint under one profile only the newest does.
    """

    endpoint: str
    metric: Metric
    form: Form
    common: dict[str, str]
    points: tuple[Point, ...]
    runs: tuple[Run, ...]
    verdicts: tuple[Judgement, ...] = ()
    changes: tuple[tuple[Run, ChangePoint], ...] = ()
    aside: str | None = None

    def judgements(self, rule: Judging | None = None) -> tuple[Judgement, ...]:
        points = self.points
        if not self.metric.judged:
            points = tuple(replace(point, unusable=f"{self.metric.title} is shown, never judged") for point in points)
        return judge(points, self.metric.better, rule)

    def level_changes(self, rule: Judging) -> tuple[tuple[Run, ChangePoint], ...]:
        """Find where the level changed; runs that could not be judged are left out."""
        usable = [(run, found.value) for run, found in zip(self.runs, self.verdicts, strict=True)]
        runs = [run for run, value in usable if value is not None]
        values = [value for _, value in usable if value is not None]
        found = change_points(values, self.metric.better, rule, self.points[-1].smallest_difference)
        return tuple((runs[change.index], change) for change in found)

    @property
    def profile(self) -> str:
        return self.common["profile"]

    @property
    def place(self) -> tuple[str, str, str]:
        return self.profile, self.endpoint, self.metric.name

    @property
    def key(self) -> str:
        return hashlib.sha256("\n".join(self.place).encode()).hexdigest()

    @property
    def last(self) -> Judgement:
        return self.verdicts[-1]

    @property
    def open_since(self) -> str | None:
        """Run with which a regression began that is still open; None in a series that does not count."""
        return None if self.aside else self.last.open_since

    @property
    def values(self) -> tuple[float | None, ...]:
        """What was judged, in the unit of the metric divided as `form` says; None where a run could not be."""
        return tuple(found.value for found in self.verdicts)

    @property
    def band(self) -> tuple[float, float] | None:
        """Lowest and highest value that the next run may have without a word."""
        known = next((found.baseline for found in reversed(self.verdicts) if found.baseline), None)
        return (known.median - known.band, known.median + known.band) if known else None

    @property
    def began_between(self) -> tuple[Run, Run] | None:
        """The run before an open regression, and the run with which it began."""
        return next((pair for pair in pairwise(self.runs) if pair[1].id == self.last.open_since), None)

    @property
    def began_with(self) -> str | None:
        runs = self.began_between
        return what_changed(runs[0].environment, runs[1].environment) if runs else None

    @property
    def over(self) -> dict[str, str]:
        ends = {}
        for before, now in pairwise(self.verdicts):
            if before.open_since is not None and now.open_since is None:
                how = "recovered" if now.stage == "recovered" else "accepted"
                ends[before.open_since] = f"{how} with run {now.run}: {now.line.removeprefix('accepted: ')}"
        return ends

    @property
    def accepted(self) -> dict[str, str]:
        return {point.run: point.accepted for point in self.points if point.accepted}


def common(record: Record, endpoint: Endpoint, of: Form) -> dict[str, str]:
    """All that has to be equal for two runs to compare, by the name under which a difference is reported."""
    found = {"profile": record.profile.name, "method version": str(record.method.version), "form": of}
    found |= {_name(key): str(value) for key, value in record.profile if key not in _LABELS}
    found |= {_name(key): str(getattr(record.plan.target, key)) for key in _SERVING}
    found |= {"cores kept apart": record.method.pinning.counts if record.method.pinning else "no"}
    found |= {f"endpoint's {_name(key)}": _plain(value) for key, value in endpoint if key not in _ABOUT}
    found |= {REPOSITORY: record.environment.repository or ""}
    if of == "machine":
        found |= {"CPU": short_cpu(record.environment.cpu.model), "cores": str(record.environment.cpu.count)}
    return found


def _name(key: str) -> str:
    return key.removesuffix("_per_s").removesuffix("_s").replace("_", " ")


def _plain(value: Any) -> str:
    return str(dict(sorted(value.items())) if isinstance(value, dict) else value)


def gather(
    records: Iterable[Record],
    *,
    reference: Reference | None = None,
    accepted: Sequence[Accepted] = (),
    metrics: Sequence[Metric] = JUDGED,
    home: str | None = None,
) -> tuple[Series, ...]:
    """Sort records, in any order, into series. No record is kept, so that they may be read one by one.

    Without `reference` no metric is relative. `home`: the repository whose runs these should be; without, that of the
    newest run of which it is known. Of whose workflow a run is not known is taken for a run of it.
    """
    groups: dict[tuple[object, ...], _Group] = {}
    known: dict[tuple[object, ...], _Group] = {}  # most runs share what they have in common: to work it out takes long
    moments: dict[str, Moment] = {}
    owners: dict[Moment, str] = {}
    environments: dict[str, Environment] = {}  # most runs share theirs, and it is the largest part of what is kept
    for record in records:
        environment = environments.setdefault(record.environment.model_dump_json(), record.environment)
        planned = tuple(name for endpoint in record.plan.endpoints for name in _names(record, endpoint))
        run = Run(record.id, record.started_at, environment, record.customised, planned, run_validity(record))
        moments[run.id] = run.moment
        if record.environment.repository is not None:
            owners[moments[run.id]] = record.environment.repository
        by = {metric: reference(record, metric) for metric in metrics} if reference is not None else {}
        method, cpu = record.method, environment.cpu
        shared_by = (record.plan.model_dump_json(), method.version, method.pinning, environment.repository)
        shared_by = (*shared_by, *dict(cpu).values())
        for endpoint in record.plan.endpoints:
            for name, metric, of, point in _points(record, endpoint, metrics, by):
                same = (*shared_by, name, of, metric.name)
                if same not in known:
                    shared = common(record, endpoint, of)
                    key = (name, metric.name, *shared.values())
                    known[same] = groups.setdefault(key, _Group(name, metric, of, shared, []))
                known[same].members.append((run, point))
    begins = [(entry, moment) for entry in accepted if (moment := _begins(entry, moments)) is not None]
    joined = _at_home(groups.values(), home or (owners[max(owners)] if owners else ""))
    return tuple(group.finished(begins) for group in joined)


@dataclass(frozen=True, slots=True)
class _Group:
    """A series while it is gathered."""

    endpoint: str
    metric: Metric
    form: Form
    common: dict[str, str]
    members: list[tuple[Run, Point]]

    def finished(self, accepted: Sequence[tuple[Accepted, Moment]]) -> Series:
        """Order the runs, and mark the first one at or after each accepted change.

        A series that begins after a change has nothing to forget.
        """
        members = sorted(self.members, key=lambda member: member[0].moment)
        points = [point for _, point in members]
        for entry, begins in accepted:
            # what is accepted of an endpoint is accepted of each of its names
            mine = self.endpoint == entry.endpoint or self.endpoint.startswith(part_label(entry.endpoint or "", ""))
            if (entry.endpoint is not None and not mine) or entry.metric not in {None, self.metric.name}:
                continue
            at = next((n for n, (run, _) in enumerate(members) if run.moment >= begins), None)
            if at:
                reasons = (points[at].accepted, entry.reason)
                points[at] = replace(points[at], accepted="; ".join(reason for reason in reasons if reason))
        runs = tuple(run for run, _ in members)
        return Series(self.endpoint, self.metric, self.form, self.common, tuple(points), runs)


def _at_home(groups: Iterable[_Group], home: str) -> Iterable[_Group]:
    """Join the runs of one's own repository with those of an unknown one; only the series of others name theirs."""
    joined: dict[tuple[object, ...], _Group] = {}
    for group in groups:
        common = {name: value for name, value in group.common.items() if name != REPOSITORY or value not in {"", home}}
        key = (group.endpoint, group.metric.name, *common.items())
        joined.setdefault(key, replace(group, common=common, members=[])).members.extend(group.members)
    return joined.values()


@dataclass(frozen=True, slots=True)
class _PartOfRounds:
    summary: Columns
    rounds: Sequence[Columns]


def _parts(result: EndpointResult) -> Iterator[tuple[str, _PartOfRounds]]:
    """The requests of each name of an endpoint, called as tables call them."""
    for part in result.parts:
        rounds = [one for measured in result.rounds for one in measured.parts if one.name == part.name]
        yield part_label(result.name, part.name), _PartOfRounds(part.summary, rounds)


def _names(record: Record, endpoint: Endpoint) -> list[str]:
    result = record.result(endpoint.name)
    return [endpoint.name, *(part_label(endpoint.name, part.name) for part in (result.parts if result else ()))]


def _points(
    record: Record, endpoint: Endpoint, metrics: Sequence[Metric], reference: Mapping[Metric, float | None]
) -> Iterator[tuple[str, Metric, Form, Point]]:
    """What each metric of one endpoint, and of each of its names, scored in a run.

    `reference`: what the reference workload scored, by metric.
    """
    result = record.result(endpoint.name)
    validity = endpoint_validity(record, endpoint.name)
    for metric in metrics:
        by = reference.get(metric)
        of = form(metric, endpoint, record.plan, reference=by is not None and by > 0)
        point = Point(record.id, None, metric.smallest_difference, validity.why_unusable(metric.name))
        if of in {"machine", "relative"} and endpoint.served in {None, "cpu", "mixed"} and result is not None:
            point = replace(point, workers_in_use=_workers_in_use(result))
        if of == "predicted" and endpoint.served == "blocked event loop" and metric.name != "throughput_rps":
            # It does not answer in order, which the prediction takes for granted: of a queue only its rate is known.
            point = replace(point, unusable=point.unusable or "a blocked event loop's latencies are not predicted")
        elif result is not None and of == "predicted":
            point = _over_predicted(point, result, metric)
        elif result is not None:
            divisor = by if of == "relative" and by is not None else 1.0
            for name, part in _parts(result):
                yield name, metric, of, _divided(point, part, metric, divisor)
            point = _divided(point, result, metric, divisor)
        yield endpoint.name, metric, of, point


def _divided(point: Point, scored: Scored, metric: Metric, divisor: float) -> Point:
    value = metric.value(scored)
    value = None if value is None else value / divisor
    return replace(point, value=value, smallest_difference=metric.smallest_difference / divisor)


def _workers_in_use(result: EndpointResult) -> int | None:
    known = [sum(held > 0 for held in dealt) for one in result.rounds if (dealt := one.connections_per_worker)]
    return mode(known) if known else None


def _over_predicted(point: Point, result: EndpointResult, metric: Metric) -> Point:
    """Divide each round by the prediction for its own split; the median over the rounds that have one above zero."""
    name = metric.name
    pairs = [(getattr(one, name), getattr(one.prediction, name)) for one in result.rounds if one.prediction]
    usable = [(value, expected) for value, expected in pairs if value is not None and (expected or 0) > 0]
    if not usable:
        return replace(point, unusable=point.unusable or "there is no prediction for the split of its connections")
    return replace(
        point,
        value=median([value / expected for value, expected in usable]),
        smallest_difference=metric.smallest_difference / median([expected for _, expected in usable]),
    )


def _begins(entry: Accepted, moments: Mapping[str, Moment]) -> Moment | None:
    return (entry.date.isoformat(), "") if entry.date is not None else moments.get(entry.run or "")


def unknown_runs(ids: Collection[str], accepted: Sequence[Accepted]) -> tuple[str, ...]:
    """Runs that accepted changes name and that are not among `ids`: a typing error, or a cleared history."""
    return tuple(entry.run for entry in accepted if entry.run is not None and entry.run not in ids)


LONGEST = 80
LONGEST_LINE = 200
UNCHANGED = "no recorded change"
ABSENT = {"repository": "this one"}  # how what a series does not name is called, where it is not "none"
_REFERENCE = {
    ("relative", "machine"): "the reference workload was not measured, as it was in the last run",
    ("machine", "relative"): "the reference workload was measured, as it was not in the last run",
}
_DECORATION = re.compile(r"\((?:R|TM)\)|\bCPU\b|\b\d+-Core\b|\bProcessor\b|@.*$")


def short_cpu(model: str) -> str:
    """Leave out of a processor's name what tells no two apart: "AMD EPYC 7763 64-Core Processor" is "AMD EPYC 7763"."""
    return " ".join(_DECORATION.sub(" ", model).split()) or model


def why_apart(before: Mapping[str, str], now: Mapping[str, str]) -> str | None:
    """Say in one sentence why a run does not belong to the series of the last one; None when it does.

    Both are what the runs of a series have in common (`Series.common`).
    """
    names = [
        name for name in (*now, *(name for name in before if name not in now)) if before.get(name) != now.get(name)
    ]
    forms = (before.get("form"), now.get("form"))
    if forms in _REFERENCE:
        names = [name for name in names if name in before and name in now and name != "form"]
        return f"{_REFERENCE[forms]}{f'; different {_listed(names, before, now)}' if names else ''}"
    return f"different {_listed(names, before, now)}" if names else None


def _listed(names: list[str], before: Mapping[str, str], now: Mapping[str, str]) -> str:
    values = "; ".join(_went(*(one.get(name, ABSENT.get(name, "none")) for one in (before, now))) for name in names)
    return f"{' and '.join(names)} than the last run: {values}"


def _went(before: str, now: str) -> str:
    """Write "AMD EPYC 7763 → 9V74": what both begin with stands once."""
    new, old = now.split(), before.split()
    same = 0
    while same < min(len(new), len(old)) - 1 and new[same] == old[same]:
        same += 1
    return f"{_cut(before)} → {_cut(' '.join(new[same:]))}"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


def what_changed(before: Environment, now: Environment) -> str:
    """Name in one line what is different about the machine and the software of two runs.

    It lists what was recorded, not what is to blame. What does not fit is counted; commits come first, so they fit.
    """
    changes = [*_commits(before, now), *_machine(before, now), *_software(before, now)]
    if not changes:
        return UNCHANGED
    fitting = len(changes)
    while fitting > 1 and len(_line(changes, fitting)) > LONGEST_LINE:
        fitting -= 1
    return _line(changes, fitting)


def _line(changes: list[str], fitting: int) -> str:
    more = len(changes) - fitting
    return "; ".join([*changes[:fitting], *([f"{more} more"] if more else [])])


def _machine(before: Environment, now: Environment) -> Iterator[str]:
    pairs = {
        "CPU": (short_cpu(before.cpu.model), short_cpu(now.cpu.model)),
        "cores": (str(before.cpu.count), str(now.cpu.count)),
        "image": (before.os_image, now.os_image),
        "kernel": (before.kernel, now.kernel),
        "Python": (before.python, now.python),
    }
    for name, (old, new) in pairs.items():
        if old != new:
            yield f"{name} {_went(old, new)}"


def _software(before: Environment, now: Environment) -> Iterator[str]:
    names = sorted(
        name for name in {*before.packages, *now.packages} if before.packages.get(name) != now.packages.get(name)
    )
    for name in names:
        old, new = before.packages.get(name), now.packages.get(name)
        yield f"{name} {old} → {new}" if old and new else f"{name} {new} added" if new else f"{name} {old} removed"
    if not names and before.requirements_sha256 != now.requirements_sha256:
        yield "another requirements.txt"


def _commits(before: Environment, now: Environment) -> Iterator[str]:
    if before.commit != now.commit:
        yield f"commits {_commit(before)}..{_commit(now)}"
    elif before.commit_dirty or now.commit_dirty:
        yield f"commit {_commit(now)}, with uncommitted changes"


def _commit(environment: Environment) -> str:
    name = environment.commit[:12] if environment.commit else "unknown"
    return f"{name} (changed)" if environment.commit_dirty else name
