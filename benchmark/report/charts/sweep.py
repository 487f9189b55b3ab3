"""Throughput and latency by users: the runs of one sweep, what was predicted, the bounds and where they are reached."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import altair as alt

from benchmark.formatting import latency, rate
from benchmark.record import Columns, EndpointResult, Limit, Record
from benchmark.report.charts import style
from benchmark.report.charts.svg import Drawing
from benchmark.theory import bounds

MOST_ENDPOINTS = 6
FEWEST_RUNS = 2
HEAD = 38
PANEL = 130
FOOT = 62
NAME_LETTERS = 18
RIGHT = 40  # half of the last number of users
BETWEEN = 36  # the left column and the labels of the right one (px)
BOUND: dict[str, Any] = {"color": style.MUTED, "strokeWidth": 2, "strokeDash": [6, 3]}
POINT: dict[str, Any] = {"shape": "circle", "filled": True, "size": 60, "color": style.BLUE, "opacity": 1}


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
        """What a user does between two requests beyond the endpoint's service time."""
        return 0.0 if self.limit is None else self.most_users / self.limit.users_rps - self.limit.own_work_s

    @property
    def knee_users(self) -> float | None:
        """Users from which on the slots are the limit, not the users."""
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
            refuted = any(result.refutes_limit for result in results)
            limit = None if refuted else results[-1].limit
            found.append(Curve(name, results, limit if limit and limit.users_rps > 0 else None))
    return found[:MOST_ENDPOINTS]


def source(curve: Curve) -> tuple[object, ...]:
    points = [of(curve, seconds=seconds) for seconds in (False, True) for of in (_points, _far_off)]
    return curve.name, points, bound(curve, seconds=False), bound(curve, seconds=True)


def said(records: Sequence[Record], named: Callable[[str], str]) -> str:
    return (
        f"Requests per second and mean response time by users: {'; '.join(_said(c, named) for c in curves(records))}."
    )


def _said(curve: Curve, named: Callable[[str], str]) -> str:
    knee = curve.knee_users
    ends = [
        f"{rate(result.summary.throughput_rps)} in {latency(result.summary.avg_ms)} with {result.users:,} users"
        for result in (curve.results[0], curve.results[-1])
        if result.summary is not None
    ]
    more = "" if knee is None else f", limit reached at {knee:,.0f} users"
    return f"{named(curve.name)} {' and '.join(ends)}{more}"


def draw(records: Sequence[Record]) -> Drawing:
    """A row for each endpoint: to the left requests per second over users, to the right mean response time."""
    found = curves(records)
    axes = [(Axis.of(curve, seconds=False), Axis.of(curve, seconds=True)) for curve in found]
    left, middle = (style.room([label for pair in axes for label in pair[side].labels], 6) for side in (0, 1))
    margins = style.Margins(left=left, right=RIGHT, top=4, bottom=4)
    between = middle + BETWEEN
    width = (margins.inner - between) / 2
    cells = []
    for curve, pair in zip(found, axes, strict=True):
        name = style.cut(curve.name, NAME_LETTERS)
        for what, begin in (("requests/s", left), ("mean time", middle)):
            title = style.words(f"{name}: {what}", 10 - begin, HEAD / 2 - 4, size=style.LETTERS)
            cells.append(style.Panel([title], width, HEAD))
        cells += [_panel(curve, axis, width) for axis in pair]
        users = style.Panel([style.words("users", width, 40, align="right")], width, FOOT)
        cells += [users, users]
    foot = replace(style.key(_explained(found), margins), width=width)  # else the left column was as wide as it
    height = margins.top + len(found) * (HEAD + PANEL + FOOT) + foot.height + margins.bottom
    return Drawing(style.Stack([*cells, foot], between=between), margins, round(height))


@dataclass(frozen=True)
class Axis:
    """The ticks of a panel with their labels, the last at or above all values; times are in seconds."""

    seconds: bool
    ticks: list[float]
    labels: list[str]

    @classmethod
    def of(cls, curve: Curve, *, seconds: bool) -> "Axis":
        rows = [row for of in (_points, _far_off, bound) for row in of(curve, seconds=seconds)]
        ticks = style.steps_beyond(max([row["value"] for row in rows], default=0.0), 4)
        in_ms = [1000 * tick for tick in ticks]
        return cls(seconds, ticks, style.times(in_ms) if seconds else [style.short(tick) for tick in ticks])


def _points(curve: Curve, *, seconds: bool) -> list[dict[str, float]]:
    return [row for result in curve.results if (row := _point(result, result.summary, seconds=seconds))]


def _far_off(curve: Curve, *, seconds: bool) -> list[dict[str, float]]:
    """What was predicted, where it is too far off to be hidden by what was measured."""
    pairs = [
        (_point(result, result.summary, seconds=seconds), _point(result, result.prediction, seconds=seconds))
        for result in curve.results
    ]
    return [expected for row, expected in pairs if style.far_off(row.get("value"), expected.get("value"))]


def _point(result: EndpointResult, columns: Columns | None, *, seconds: bool) -> dict[str, float]:
    value = None if columns is None else columns.avg_ms if seconds else columns.throughput_rps
    return {} if value is None else {"users": result.users, "value": round(value / 1000 if seconds else value, 6)}


def _panel(curve: Curve, of: Axis, width: float) -> style.Panel:
    measured, far = _points(curve, seconds=of.seconds), _far_off(curve, seconds=of.seconds)
    most, most_users = bound(curve, seconds=of.seconds), curve.most_users
    users = style.round_steps(most_users, 3)
    x_axis = style.axis(users, [style.short(tick) for tick in users], grid=False)
    x = alt.X("users:Q", scale=style.scale(0, most_users), axis=x_axis)
    y_axis = style.axis(of.ticks, of.labels, domain=False)
    y = alt.Y("value:Q", scale=style.scale(0, of.ticks[-1]), axis=y_axis)
    layers = []
    if most:
        layers.append(style.marks("line", most, **BOUND).encode(x=x, y=y))
    knee = curve.knee_users
    if knee is not None and knee < most_users:
        mark = style.marks("rule", [{"users": knee}], color=style.MUTED, strokeWidth=1)
        layers += [mark.encode(x=x), *_knee_label(knee, most_users, width, 16 if of.seconds else PANEL - 40)]
    if far:
        layers.append(style.marks("point", far, **style.DIAMOND).encode(x=x, y=y))
    layers.append(style.marks("line", measured, color=style.BLUE, strokeWidth=2).encode(x=x, y=y))
    layers.append(style.marks("point", measured, **POINT).encode(x=x, y=y))
    return style.Panel(layers, width, PANEL)


def _knee_label(knee: float, most_users: float, width: float, top: float) -> Iterator[alt.Chart]:
    """Two lines where no curve is, on the side of the limit where there is more room."""
    place = width * knee / most_users
    left = place > width / 2
    for text, y in (("limit reached", top), (f"at {knee:,.0f} users", top + 24)):
        yield style.words(text, place + (-6 if left else 6), y, align="right" if left else "left")


def bound(curve: Curve, *, seconds: bool) -> list[dict[str, float]]:
    """Corners of the line that no closed loop passes: the most requests per second, or the least mean response time."""
    limit, knee = curve.limit, curve.knee_users
    if limit is None:
        return []
    corners = [0.0, *([knee] if knee is not None and knee < curve.most_users else []), curve.most_users]
    of = bounds.answer_time_bound_s if seconds else bounds.throughput_bound_rps
    values = [of(users, limit.own_work_s, seats=limit.seats, wait_s=curve.think_s) for users in corners]
    return [{"users": round(users, 2), "value": round(value, 6)} for users, value in zip(corners, values, strict=True)]


def _explained(found: Sequence[Curve]) -> list[style.Item]:
    far = any(_far_off(curve, seconds=seconds) for curve in found for seconds in (False, True))
    bounded = any(curve.limit for curve in found)
    items = [
        (True, style.Item("measured", style.swatch("point", **POINT))),
        (far, style.Item("predicted, if over 3% off", style.swatch("point", **style.DIAMOND))),
        (bounded, style.Item("theoretical limit", style.swatch("rule", **BOUND))),
    ]
    return [item for occurs, item in items if occurs]
