"""Users against throughput and latency: the runs of one sweep, what was predicted, the bounds and the knee."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import altair as alt

from benchmark.formatting import ms, rate
from benchmark.record import EndpointResult, Limit, Record
from benchmark.report.charts import style
from benchmark.report.charts.svg import Drawing

MOST_ENDPOINTS = 6
FEWEST_RUNS = 2
HEAD = 26
PANEL = 110
FOOT = 40
KEY = 24
MIDDLE = 70
"""Between the two columns (px): the axis of the right one."""


@dataclass(frozen=True)
class Bounds:
    """What no closed loop can pass (Denning and Buzen 1978), worked out from what a record holds.

    `rest_s`: what a user does between two requests beyond the endpoint's own work.
    """

    own_work_s: float
    cycle_s: float
    seats_rps: float | None

    @property
    def knee_users(self) -> float | None:
        """Users from which on the seats are the limit, not the users."""
        return None if self.seats_rps is None else self.seats_rps * self.cycle_s

    def most_rps(self, users: float) -> float:
        """The most answers per second."""
        asked = users / self.cycle_s
        return asked if self.seats_rps is None else min(asked, self.seats_rps)

    def least_s(self, users: float) -> float:
        """The shortest mean answer time (s)."""
        rest_s = self.cycle_s - self.own_work_s
        return self.own_work_s if self.seats_rps is None else max(self.own_work_s, users / self.seats_rps - rest_s)


@dataclass(frozen=True)
class Curve:
    """One endpoint over the numbers of users, the fewest first."""

    name: str
    results: tuple[EndpointResult, ...]
    bounds: Bounds | None


def curves(records: Sequence[Record]) -> list[Curve]:
    """The endpoints that were measured with at least FEWEST_RUNS numbers of users, at most MOST_ENDPOINTS."""
    names = list(dict.fromkeys(result.name for record in records for result in record.endpoints))
    found = []
    for name in names:
        measured = (record.result(name) for record in records)
        answered = {item.users: item for item in measured if item and item.summary and item.summary.requests}
        if len(answered) >= FEWEST_RUNS:
            results = tuple(answered[users] for users in sorted(answered))
            found.append(Curve(name, results, _bounds(results[-1])))
    return found[:MOST_ENDPOINTS]


def _bounds(result: EndpointResult) -> Bounds | None:
    limit: Limit | None = result.limit
    if limit is None or limit.users_rps <= 0:
        return None
    return Bounds(limit.own_work_s, result.users / limit.users_rps, limit.seats_rps)


def values(curve: Curve) -> tuple[object, ...]:
    """All that is drawn of a curve."""
    points = [_points(curve, seconds=seconds, predicted=of) for seconds in (False, True) for of in (False, True)]
    return curve.name, points, curve.bounds


def said(records: Sequence[Record], named: Callable[[str], str]) -> str:
    """What the picture shows, in words."""
    return f"Users against answers per second and mean latency: {'; '.join(_said(c, named) for c in curves(records))}."


def _said(curve: Curve, named: Callable[[str], str]) -> str:
    knee = curve.bounds.knee_users if curve.bounds else None
    ends = [
        f"{rate(result.summary.throughput_rps)} in {ms(result.summary.avg_ms)} ms to {result.users} users"
        for result in (curve.results[0], curve.results[-1])
        if result.summary is not None
    ]
    more = "" if knee is None else f", with the knee at {knee:.0f}"
    return f"{named(curve.name)} gave {' and '.join(ends)}{more}"


def draw(records: Sequence[Record]) -> Drawing:
    """A row for each endpoint: to the left answers per second over users, to the right mean latency over users."""
    found = curves(records)
    margins = style.Margins(left=52, right=16, top=4, bottom=4)
    width = (margins.inner - MIDDLE) // 2
    cells = []
    for curve in found:
        title = style.words(style.cut(curve.name, 28), -margins.left + 10, HEAD / 2, size=style.LETTERS, bold=True)
        beside = style.words("mean answer time", -MIDDLE + 12, HEAD / 2)
        cells += [style.Panel([title], width, HEAD), style.Panel([beside], width, HEAD)]
        cells += [_panel(curve, width, seconds=False), _panel(curve, width, seconds=True)]
        users = style.words("users", width, 30, align="right")
        cells += [style.Panel([users], width, FOOT), style.Panel([users], width, FOOT)]
    cells.append(_key(margins, found, width))
    return Drawing(
        style.Stack(cells, between=MIDDLE),
        margins,
        margins.top + len(found) * (HEAD + PANEL + FOOT) + KEY + margins.bottom,
    )


def _points(curve: Curve, *, seconds: bool, predicted: bool) -> list[dict[str, float]]:
    rows = []
    for result in curve.results:
        columns = result.prediction if predicted else result.summary
        if columns is None:
            continue
        value = columns.avg_ms if seconds else columns.throughput_rps
        if value is not None:
            rows.append({"users": result.users, "value": round(value / 1000 if seconds else value, 4)})
    return rows


def _panel(curve: Curve, width: float, *, seconds: bool) -> style.Panel:
    measured = _points(curve, seconds=seconds, predicted=False)
    expected = _points(curve, seconds=seconds, predicted=True)
    bound = _bound(curve, seconds=seconds)
    most_users = float(curve.results[-1].users)
    highest = max([row["value"] for row in [*measured, *expected, *bound]], default=1.0) or 1.0
    x = alt.X(
        "users:Q",
        scale=alt.Scale(domain=[0, most_users], nice=False),
        axis=style.axis(style.round_steps(most_users, 3), "format(datum.value, '~s')", grid=False),
    )
    unit = "format(datum.value, '~g') + ' s'" if seconds else "format(datum.value, '~s') + ' /s'"
    if seconds and highest < 1:
        unit = "format(datum.value * 1000, '~g') + ' ms'"
    y = alt.Y(
        "value:Q",
        scale=alt.Scale(domain=[0, highest * 1.06], nice=False),
        axis=style.axis(style.round_steps(highest, 4), unit, domain=False),
    )
    layers = []
    if bound:
        line = alt.Chart(style.data(bound)).mark_line(color=style.MUTED, strokeWidth=2, strokeDash=[6, 3])
        layers.append(line.encode(x=x, y=y))
    knee = curve.bounds.knee_users if curve.bounds else None
    if knee is not None and knee < most_users:
        mark = alt.Chart(style.data([{"users": knee}])).mark_rule(color=style.MUTED, strokeWidth=1)
        layers += [mark.encode(x=x), _knee_label(knee, most_users, width)]
    if expected:
        line = alt.Chart(style.data(expected)).mark_line(color=style.ORANGE, strokeWidth=1.5, strokeDash=[2, 2])
        layers.append(line.encode(x=x, y=y))
        marks = alt.Chart(style.data(expected)).mark_point(shape="diamond", size=90, color=style.ORANGE, opacity=1)
        layers.append(marks.encode(x=x, y=y))
    dots = alt.Chart(style.data(measured)).mark_line(
        color=style.BLUE, strokeWidth=2, point=alt.OverlayMarkDef(color=style.BLUE, size=50, opacity=1, filled=True)
    )
    return style.Panel([*layers, dots.encode(x=x, y=y)], width, PANEL)


def _knee_label(knee: float, most_users: float, width: float) -> alt.Chart:
    """Where there is room: to the right of the line, or to its left."""
    place = width * knee / most_users
    left = place > width / 2
    return style.words(f"knee {knee:.0f}", place + (-5 if left else 5), PANEL - 10, align="right" if left else "left")


def _bound(curve: Curve, *, seconds: bool) -> list[dict[str, float]]:
    """The bound as a line, with its corner at the knee."""
    bounds = curve.bounds
    if bounds is None:
        return []
    most_users = float(curve.results[-1].users)
    knee = bounds.knee_users
    places = [0.0, *([knee] if knee is not None and knee < most_users else []), most_users]
    of = bounds.least_s if seconds else bounds.most_rps
    return [{"users": round(users, 2), "value": round(of(users), 4)} for users in places]


def _key(margins: style.Margins, found: Sequence[Curve], width: float) -> style.Panel:
    empty, y, left = alt.Chart(style.data([{}])), alt.YValue(10), -margins.left + 10
    layers = [
        empty.mark_point(shape="circle", filled=True, size=50, color=style.BLUE, opacity=1).encode(
            x=alt.XValue(left + 6), y=y
        ),
        style.words("measured", left + 18, 10),
    ]
    if any(result.prediction for curve in found for result in curve.results):
        diamond = empty.mark_point(shape="diamond", size=90, color=style.ORANGE, opacity=1)
        layers += [diamond.encode(x=alt.XValue(left + 110), y=y), style.words("predicted", left + 122, 10)]
    if any(curve.bounds for curve in found):
        line = empty.mark_rule(color=style.MUTED, strokeWidth=2, strokeDash=[6, 3])
        layers.append(line.encode(x=alt.XValue(left + 208), x2=alt.X2Value(left + 232), y=y))
        layers.append(style.words("bound, once all users are running", left + 240, 10))
    return style.Panel(layers, width, KEY)
