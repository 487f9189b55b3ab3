"""How long responses take: the quantile curve of each endpoint, on a logarithmic axis that spreads the slowest."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import altair as alt

from benchmark.formatting import latency
from benchmark.record import PERCENTILES, EndpointResult, Quantiles, Record
from benchmark.report.charts import style
from benchmark.report.charts.svg import Drawing

MOST_ENDPOINTS = len(style.CURVES)
MOST_ROUNDS = 5  # of one endpoint; more would hide each other
HEIGHT = 270
FOOT = 58
NAME_LETTERS = 18
LEADER = 30  # from the end of a curve to its name (px)
HOLLOW: dict[str, Any] = {"shape": "diamond", "size": 110, "color": style.MUTED, "strokeWidth": 1.5, "opacity": 1}
ALIKE = 0.01  # curves nowhere further apart than this share one line and one label
SMALLEST_SPAN = 3.0  # largest latency over the smallest that the axis shows, at least: else noise looks like a mountain
SHARES_PERCENT = (0.0, 50.0, 90.0, 99.0, 99.9, 99.99)
ALL = 100.0
BODY = 2.0  # how much wider the axis is for all responses than for each further nine


@dataclass(frozen=True)
class Axis:
    """A logarithmic axis of latencies (ms) over HEIGHT px."""

    low_ms: float
    high_ms: float

    def height(self, value_ms: float) -> float:
        value_ms = max(value_ms, self.low_ms)
        return HEIGHT * (1 - math.log(value_ms / self.low_ms) / math.log(self.high_ms / self.low_ms))

    def ticks(self) -> list[float]:
        powers = range(math.floor(math.log10(self.low_ms)), math.ceil(math.log10(self.high_ms)) + 1)
        steps = (1, 2, 5) if len(powers) <= 4 else (1,)  # noqa: PLR2004 - that many labels fit
        values = [round(step * 10.0**power, 9) for power in powers for step in steps]
        return [value for value in values if self.low_ms <= value <= self.high_ms]


@dataclass(frozen=True)
class Tail:
    """The axis of the share of responses: even at first, then as wide for each further nine; the slowest at its end.

    `nines`: as many as there are responses to tell them by: 3 from 1,000 on.
    """

    nines: int

    @property
    def ticks(self) -> list[float]:
        return [*SHARES_PERCENT[: self.nines + 2], ALL]

    @property
    def labels(self) -> list[str]:
        return [*(f"{tick:g}" for tick in self.ticks[:-1]), "max"]

    def place(self, percent: float) -> float:
        if percent == ALL:
            return BODY + self.nines + 1
        return round(BODY * percent / 100 - math.log10(1 - percent / 100), 4)

    def shows(self, percent: float) -> bool:
        return percent == ALL or percent <= self.ticks[-2]


@dataclass(frozen=True)
class Curve:
    """Endpoints that took equally long, as one curve for each of the rounds of the first of them."""

    results: tuple[EndpointResult, ...]
    grids: tuple[Quantiles, ...]


def shown(record: Record) -> list[EndpointResult]:
    return [result for result in record.endpoints if any(_grids(result))][:MOST_ENDPOINTS]


def _grids(result: EndpointResult) -> tuple[Quantiles, ...]:
    return tuple(item.quantiles for item in result.rounds if item.quantiles is not None)[:MOST_ROUNDS]


def curves(record: Record) -> list[Curve]:
    found: list[Curve] = []
    for result in shown(record):
        grids = _grids(result)
        alike = next((number for number, one in enumerate(found) if _alike(one.grids, grids)), None)
        if alike is None:
            found.append(Curve((result,), grids))
        else:
            found[alike] = Curve((*found[alike].results, result), found[alike].grids)
    return found


def _alike(some: Sequence[Quantiles], others: Sequence[Quantiles]) -> bool:
    return len(some) == len(others) and all(
        one.percent == other.percent
        and all(abs(a - b) <= ALIKE * a for a, b in zip(one.latency_ms, other.latency_ms, strict=True))
        for one, other in zip(some, others, strict=True)
    )


def said(record: Record, named: Callable[[str], str]) -> str:
    parts = [
        f"{named(result.name)} half within {latency(result.summary.median_ms)}, "
        f"99% within {latency(result.summary.p99_ms)}"
        for result in shown(record)
        if result.summary is not None
    ]
    return f"Response times: {'; '.join(parts)}."


def draw(record: Record) -> Drawing:
    """Share of the responses from left to right, latency upwards; diamonds where a predicted percentile is far off."""
    found = curves(record)
    axis = _axis([value for curve in found for grid in curve.grids for value in grid.latency_ms])
    requests = max(item.requests for curve in found for result in curve.results for item in result.rounds)
    tail = Tail(min(4, max(1, len(str(requests)) - 1)))
    ticks = axis.ticks()
    labels = style.times_each(ticks)
    names = [name for curve in found for name in _names(curve)]
    margins = style.Margins(left=style.room(labels, 6), right=style.room(names) + LEADER, top=34, bottom=4)
    shares = style.axis([tail.place(tick) for tick in tail.ticks], tail.labels, grid=False)
    x = alt.X("at:Q", scale=style.scale(0, tail.place(ALL)), axis=shares)
    y_scale = style.scale(axis.low_ms, axis.high_ms, type="log")
    y = alt.Y("latency:Q", scale=y_scale, axis=style.axis(ticks, labels, domain=False))
    layers: list[alt.Chart] = []
    diamonds: list[alt.Chart] = []
    for (color, dash), curve in zip(style.CURVES, found, strict=False):
        for grid in curve.grids:
            corners = ({"endpoint": ", ".join(_names(curve)), **corner} for corner in _corners(grid, axis, tail))
            line = style.marks("line", corners, color=color, strokeWidth=2.5, strokeDash=list(dash))
            layers.append(line.encode(x=x, y=y))
        if far := _predicted(curve.results[0], axis, tail):
            diamonds.append(style.marks("point", far, **(HOLLOW | {"color": color})).encode(x=x, y=y))
    layers += [*diamonds, *_labels(found, axis, margins.inner)]
    layers.append(style.words("response time, logarithmic", 10 - margins.left, -19))
    title = style.words("% of requests that took no longer", margins.inner, 42, align="right")
    panels = [style.Panel(layers, margins.inner, HEIGHT), style.Panel([title], margins.inner, FOOT)]
    if diamonds:
        panels.append(style.key([style.Item("predicted, if over 3% off", style.swatch("point", **HOLLOW))], margins))
    height = sum(panel.height for panel in panels)
    return Drawing(style.Stack(panels), margins, round(margins.top + height + margins.bottom))


def _names(curve: Curve) -> list[str]:
    return [style.cut(result.name, NAME_LETTERS) for result in curve.results]


def _axis(values_ms: Sequence[float]) -> Axis:
    positive = [value for value in values_ms if value > 0] or [1.0]
    low, high = min(positive) / 1.15, max(positive) * 1.15
    if high / low < SMALLEST_SPAN:
        middle = math.sqrt(low * high)
        low, high = middle / math.sqrt(SMALLEST_SPAN), middle * math.sqrt(SMALLEST_SPAN)
    return Axis(low, high)


def _corners(grid: Quantiles, axis: Axis, tail: Tail) -> list[dict[str, float]]:
    points = [
        (share, max(value, axis.low_ms))
        for share, value in zip(grid.percent, grid.latency_ms, strict=True)
        if tail.shows(share)
    ]
    heights = [round(axis.height(value), 1) for _, value in points]
    return [
        {"at": tail.place(share), "share": share, "latency": value}
        for number, (share, value) in enumerate(points)
        if number in {0, len(points) - 1} or not heights[number - 1] == heights[number] == heights[number + 1]
    ]


def _predicted(result: EndpointResult, axis: Axis, tail: Tail) -> list[dict[str, float]]:
    if result.summary is None or result.prediction is None:
        return []
    pairs = [
        (share, getattr(result.summary, name), getattr(result.prediction, name)) for name, share in PERCENTILES.items()
    ]
    return [
        {"at": tail.place(share), "share": share, "latency": predicted}
        for share, measured, predicted in pairs
        if tail.shows(share) and style.far_off(measured, predicted) and axis.low_ms <= predicted <= axis.high_ms
    ]


def _labels(found: Sequence[Curve], axis: Axis, width: int) -> Iterator[alt.Chart]:
    """The names at the end of each curve, moved apart where curves end at the same height; a line leads there."""
    ends = [axis.height(max(grid.latency_ms[-1] for grid in curve.grids)) for curve in found]
    lines = [len(curve.results) for curve in found]
    places = spread_out(ends, [style.LINE * number for number in lines], HEIGHT + style.LINE)
    for (color, dash), curve, end, place in zip(style.CURVES, found, ends, places, strict=False):
        top = place - (len(curve.results) - 1) * style.LINE / 2
        for number, name in enumerate(_names(curve)):
            yield style.words(name, x=width + LEADER, y=top + number * style.LINE, color=color)
        look = {"color": color, "strokeDash": list(dash)}
        yield style.sample("rule", width + 1, end, x2=width + LEADER - 4, y2=place, strokeWidth=2, **look)


def spread_out(middles: Sequence[float], heights: Sequence[float], most: float) -> list[float]:
    """Move blocks of some heights (px) apart, in their order, none beyond `most` as long as there is room."""
    order = sorted(range(len(middles)), key=lambda number: middles[number])
    placed = dict(enumerate(middles))
    for above, below in pairwise(order):
        placed[below] = max(placed[below], placed[above] + (heights[above] + heights[below]) / 2)
    limit = most
    for number in reversed(order):
        placed[number] = min(placed[number], limit - heights[number] / 2)
        limit = placed[number] - heights[number] / 2
    return [placed[number] for number in range(len(middles))]
