"""Users against throughput and latency: the runs of one sweep, what was predicted, the bounds and the knee."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from benchmark.formatting import ms, rate
from benchmark.record import EndpointResult, Limit, Record
from benchmark.report.charts import style
from benchmark.report.charts.svg import Drawing
from benchmark.theory import bounds

MOST_ENDPOINTS = 6
FEWEST_RUNS = 2
HEAD = 26
PANEL = 110
FOOT = 40
KEY = 24
MIDDLE = 70  # between the two columns (px): the axis of the right one
BOUND: dict[str, Any] = {"color": style.MUTED, "strokeWidth": 2, "strokeDash": [6, 3]}
DIAMOND: dict[str, Any] = {"shape": "diamond", "size": 90, "color": style.ORANGE, "opacity": 1}


@dataclass(frozen=True)
class Curve:
    """One endpoint over the numbers of users, the fewest first, with its bounds as they are known."""

    name: str
    results: tuple[EndpointResult, ...]
    limit: Limit | None

    @property
    def most_users(self) -> float:
        return float(self.results[-1].users)

    @property
    def think_s(self) -> float:
        """What a user does between two requests beyond the endpoint's own work."""
        return 0.0 if self.limit is None else self.most_users / self.limit.users_rps - self.limit.own_work_s

    @property
    def knee_users(self) -> float | None:
        """Users from which on the seats are the limit, not the users."""
        limit = self.limit
        if limit is None or limit.seats is None:
            return None
        return bounds.knee_users(limit.own_work_s, limit.seats, wait_s=self.think_s)


def curves(records: Sequence[Record]) -> list[Curve]:
    names = list(dict.fromkeys(result.name for record in records for result in record.endpoints))
    found = []
    for name in names:
        measured = (record.result(name) for record in records)
        answered = {item.users: item for item in measured if item and item.summary and item.summary.requests}
        if len(answered) >= FEWEST_RUNS:
            results = tuple(answered[users] for users in sorted(answered))
            limit = results[-1].limit
            found.append(Curve(name, results, limit if limit and limit.users_rps > 0 else None))
    return found[:MOST_ENDPOINTS]


def source(curve: Curve) -> tuple[object, ...]:
    points = [_points(curve, seconds=seconds, predicted=of) for seconds in (False, True) for of in (False, True)]
    return curve.name, points, bound(curve, seconds=False), bound(curve, seconds=True)


def said(records: Sequence[Record], named: Callable[[str], str]) -> str:
    return f"Users against answers per second and mean latency: {'; '.join(_said(c, named) for c in curves(records))}."


def _said(curve: Curve, named: Callable[[str], str]) -> str:
    knee = curve.knee_users
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
    most = bound(curve, seconds=seconds)
    most_users = curve.most_users
    highest = max([row["value"] for row in [*measured, *expected, *most]], default=1.0) or 1.0
    x_axis = style.axis(style.round_steps(most_users, 3), "format(datum.value, '~s')", grid=False)
    x = alt.X("users:Q", scale=style.scale(0, most_users), axis=x_axis)
    unit = "format(datum.value, '~g') + ' s'" if seconds else "format(datum.value, '~s') + ' /s'"
    if seconds and highest < 1:
        unit = "format(datum.value * 1000, '~g') + ' ms'"
    y_axis = style.axis(style.round_steps(highest, 4), unit, domain=False)
    y = alt.Y("value:Q", scale=style.scale(0, highest * 1.06), axis=y_axis)
    layers = []
    if most:
        layers.append(style.marks("line", most, **BOUND).encode(x=x, y=y))
    knee = curve.knee_users
    if knee is not None and knee < most_users:
        mark = style.marks("rule", [{"users": knee}], color=style.MUTED, strokeWidth=1)
        layers += [mark.encode(x=x), _knee_label(knee, most_users, width)]
    if expected:
        line = style.marks("line", expected, color=style.ORANGE, strokeWidth=1.5, strokeDash=[2, 2])
        layers += [line.encode(x=x, y=y), style.marks("point", expected, **DIAMOND).encode(x=x, y=y)]
    point = alt.OverlayMarkDef(color=style.BLUE, size=50, opacity=1, filled=True)
    dots = style.marks("line", measured, color=style.BLUE, strokeWidth=2, point=point)
    return style.Panel([*layers, dots.encode(x=x, y=y)], width, PANEL)


def _knee_label(knee: float, most_users: float, width: float) -> alt.Chart:
    place = width * knee / most_users
    left = place > width / 2
    return style.words(f"knee {knee:.0f}", place + (-5 if left else 5), PANEL - 10, align="right" if left else "left")


def bound(curve: Curve, *, seconds: bool) -> list[dict[str, float]]:
    """Corners of the line that no closed loop passes: the most answers per second, or the least mean answer time."""
    limit, knee = curve.limit, curve.knee_users
    if limit is None:
        return []
    corners = [0.0, *([knee] if knee is not None and knee < curve.most_users else []), curve.most_users]
    of = bounds.answer_time_bound_s if seconds else bounds.throughput_bound_rps
    values = [of(users, limit.own_work_s, seats=limit.seats, wait_s=curve.think_s) for users in corners]
    return [{"users": round(users, 2), "value": round(value, 4)} for users, value in zip(corners, values, strict=True)]


def _key(margins: style.Margins, found: Sequence[Curve], width: float) -> style.Panel:
    left = -margins.left + 10
    layers = [
        style.sample("point", left + 6, 10, shape="circle", filled=True, size=50, color=style.BLUE, opacity=1),
        style.words("measured", left + 18, 10),
    ]
    if any(result.prediction for curve in found for result in curve.results):
        layers += [style.sample("point", left + 110, 10, **DIAMOND), style.words("predicted", left + 122, 10)]
    if any(curve.limit for curve in found):
        layers.append(style.sample("rule", left + 208, 10, x2=left + 232, **BOUND))
        layers.append(style.words("bound, once all users are running", left + 240, 10))
    return style.Panel(layers, width, KEY)
