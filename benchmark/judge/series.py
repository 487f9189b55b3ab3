"""From records to series: which runs may be compared, as plain numbers in the form in which they are judged.

Two runs belong to one series of an endpoint's metric when the values of the profile, what serves the app, the
endpoint's definition, the method version and the form of the metric are equal, and, for a metric that the machine moves
and nothing is divided by, the CPU too. Runs of two machines that take turns make two series that both go on.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from benchmark.config import Accepted, Judging
from benchmark.judge.differences import short_cpu
from benchmark.judge.metrics import JUDGED, Form, Metric, form
from benchmark.judge.validity import endpoint_validity
from benchmark.judge.verdict import Judgement, Point, judge
from benchmark.plan import Endpoint
from benchmark.record import EndpointResult, Record

Reference = Callable[[Record, Metric], float | None]
"""What the reference workload of a run scored in the metric's unit; None when it was not measured."""
Predicted = Callable[[EndpointResult, Metric], float | None]
"""A metric as measured over as predicted for the round's own split, the median over the rounds; None without one."""

_LABELS = {"name", "description", "headline", "endpoints"}
"""Of a profile: what does not change how one endpoint is loaded. Its name is compared by itself."""
_SERVING = ("import_path", "url", "workers", "threads", "loop")


@dataclass(frozen=True, slots=True)
class Series:
    """Runs of one metric of one endpoint that may be compared, oldest first: `points[i]` is from `records[i]`."""

    endpoint: str
    metric: Metric
    form: Form
    points: tuple[Point, ...]
    records: tuple[Record, ...]

    def judgements(self, rule: Judging | None = None) -> tuple[Judgement, ...]:
        """Judge every run against the ones before it."""
        return judge(self.points, self.metric.better, rule)


def common(record: Record, endpoint: Endpoint, of: Form) -> dict[str, str]:
    """All that has to be equal for two runs to compare, by the name under which a difference is reported."""
    found = {"profile": record.profile.name, "method version": str(record.method.version), "form": of}
    found |= {_name(key): str(value) for key, value in record.profile if key not in _LABELS}
    found |= {_name(key): str(getattr(record.plan.target, key)) for key in _SERVING}
    found |= {f"endpoint's {_name(key)}": _plain(value) for key, value in endpoint if key != "name"}
    if of == "machine":
        found |= {"CPU": short_cpu(record.environment.cpu.model), "cores": str(record.environment.cpu.count)}
    return found


def _name(key: str) -> str:
    return key.removesuffix("_per_s").removesuffix("_s").replace("_", " ")


def _plain(value: Any) -> str:
    return str(dict(sorted(value.items())) if isinstance(value, dict) else value)


def gather(
    records: Sequence[Record],
    *,
    reference: Reference | None = None,
    predicted: Predicted | None = None,
    accepted: Sequence[Accepted] = (),
    metrics: Sequence[Metric] = JUDGED,
) -> tuple[Series, ...]:
    """Sort records, in any order, into series.

    Without `reference` no metric is relative; without `predicted` those that need a prediction say that there is none.
    """
    ordered = sorted(records, key=_moment)
    groups: dict[tuple[object, ...], _Group] = {}
    for record in ordered:
        for endpoint in record.plan.endpoints:
            shared: dict[Form, tuple[tuple[str, str], ...]] = {}
            for metric, of, point in _points(record, endpoint, metrics, reference, predicted):
                if of not in shared:
                    shared[of] = tuple(common(record, endpoint, of).items())
                group = groups.setdefault(
                    (endpoint.name, metric.name, shared[of]), _Group(endpoint.name, metric, of, [], [])
                )
                group.points.append(point)
                group.records.append(record)
    begins = [(entry, moment) for entry in accepted if (moment := _begins(entry, ordered)) is not None]
    return tuple(group.restarted(begins) for group in groups.values())


@dataclass(frozen=True, slots=True)
class _Group:
    """A series while it is gathered."""

    endpoint: str
    metric: Metric
    form: Form
    points: list[Point]
    records: list[Record]

    def restarted(self, accepted: Sequence[tuple[Accepted, tuple[str, str]]]) -> Series:
        """Mark the first run at or after each accepted change; a series that begins after it has nothing to forget."""
        points = [*self.points]
        for entry, begins in accepted:
            if entry.endpoint not in {None, self.endpoint} or entry.metric not in {None, self.metric.name}:
                continue
            at = next((n for n, record in enumerate(self.records) if _moment(record) >= begins), None)
            if at:
                reasons = (points[at].accepted, entry.reason)
                points[at] = replace(points[at], accepted="; ".join(reason for reason in reasons if reason))
        return Series(self.endpoint, self.metric, self.form, tuple(points), tuple(self.records))


def _moment(record: Record) -> tuple[str, str]:
    return record.started_at, record.id


def _points(
    record: Record,
    endpoint: Endpoint,
    metrics: Sequence[Metric],
    reference: Reference | None,
    predicted: Predicted | None,
) -> Iterator[tuple[Metric, Form, Point]]:
    result = record.result(endpoint.name)
    validity = endpoint_validity(record, endpoint.name)
    for metric in metrics:
        by = reference(record, metric) if reference is not None else None
        of = form(metric, endpoint, record.plan, reference=by is not None and by > 0)
        point = Point(record.id, None, metric.smallest_difference, validity.why_unusable(metric.name))
        if result is not None and of == "predicted":
            value = predicted(result, metric) if predicted is not None else None
            why_not = None if value is not None else "there is no prediction for the split of its connections"
            point = replace(point, value=value, smallest_difference=0.0, unusable=point.unusable or why_not)
        elif result is not None:
            divisor = by if of == "relative" and by is not None else 1.0
            value = metric.value(result)
            point = replace(
                point,
                value=None if value is None else value / divisor,
                smallest_difference=metric.smallest_difference / divisor,
            )
        yield metric, of, point


def _begins(entry: Accepted, ordered: Sequence[Record]) -> tuple[str, str] | None:
    """From which moment on a change is accepted; None when its run is not among the records."""
    if entry.date is not None:
        return entry.date.isoformat(), ""
    return next((_moment(record) for record in ordered if record.id == entry.run), None)


def unknown_runs(records: Sequence[Record], accepted: Sequence[Accepted]) -> tuple[str, ...]:
    """Runs that accepted changes name and that are not among the records: a typing error, or a cleared history."""
    ids = {record.id for record in records}
    return tuple(entry.run for entry in accepted if entry.run is not None and entry.run not in ids)


def ratio_over_rounds(measured: Sequence[float | None], predicted: Sequence[float | None]) -> float | None:
    """Median of measured over predicted, round by round; None when no round has both.

    A prediction that is not above zero counts as none.
    """
    pairs = zip(measured, predicted, strict=True)
    ratios = [value / known for value, known in pairs if value is not None and known is not None and known > 0]
    return median(ratios) if ratios else None
