"""How long answers take: the quantile curve of each endpoint, on a logarithmic axis."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import altair as alt

from benchmark.formatting import ms
from benchmark.record import PERCENTILES, Columns, EndpointResult, Quantiles, Record
from benchmark.report.charts import style
from benchmark.report.charts.svg import Drawing

MOST_ENDPOINTS = len(style.CURVES)
MOST_ROUNDS = 5  # of one endpoint; more would hide each other
HEIGHT = 230
NAME_LETTERS = 18
LINE = 17  # height of a line of text beside the curves (px)
SHARES_PERCENT = (0, 25, 50, 75, 100)
SMALLEST_SPAN = 3.0  # largest latency over the smallest that the axis shows, at least: else noise looks like a mountain
TICK = (
    "datum.value >= 60000 && datum.value % 60000 == 0 ? datum.value / 60000 + ' min' : "
    "datum.value >= 1000 ? datum.value / 1000 + ' s' : datum.value + ' ms'"
)


@dataclass(frozen=True)
class Axis:
    """A logarithmic axis of latencies (ms) over HEIGHT px."""

    low_ms: float
    high_ms: float

    def height(self, value_ms: float) -> float:
        return HEIGHT * (1 - math.log(value_ms / self.low_ms) / math.log(self.high_ms / self.low_ms))

    def ticks(self) -> list[float]:
        powers = range(math.floor(math.log10(self.low_ms)), math.ceil(math.log10(self.high_ms)) + 1)
        steps = (1, 2, 5) if len(powers) <= 4 else (1,)  # noqa: PLR2004 - so many labels fit
        values = [round(step * 10.0**power, 9) for power in powers for step in steps]
        return [value for value in values if self.low_ms <= value <= self.high_ms]


def shown(record: Record) -> list[EndpointResult]:
    return [result for result in record.endpoints if any(_grids(result))][:MOST_ENDPOINTS]


def _grids(result: EndpointResult) -> list[Quantiles]:
    return [item.quantiles for item in result.rounds if item.quantiles is not None][:MOST_ROUNDS]


def said(record: Record, named: Callable[[str], str]) -> str:
    parts = [
        f"{named(result.name)} half within {ms(result.summary.median_ms)} ms, 99% within {ms(result.summary.p99_ms)} ms"
        for result in shown(record)
        if result.summary is not None
    ]
    return f"Latency of the answers: {'; '.join(parts)}."


def draw(record: Record) -> Drawing:
    """Share of the answers from left to right, latency upwards; diamonds where theory expects a percentile."""
    results = shown(record)
    margins = style.Margins(left=58, right=168, top=28, bottom=42)
    axis = _axis([value for result in results for grid in _grids(result) for value in grid.latency_ms])
    x_axis = style.axis(SHARES_PERCENT, "datum.value + ' %'", grid=False)
    x = alt.X("share:Q", scale=style.scale(0, 100), axis=x_axis)
    y_scale = style.scale(axis.low_ms, axis.high_ms, type="log")
    y = alt.Y("latency:Q", scale=y_scale, axis=style.axis(axis.ticks(), TICK, domain=False))
    layers: list[alt.Chart] = []
    for (color, dash), result in zip(style.CURVES, results, strict=False):
        for grid in _grids(result):
            named = ({"endpoint": style.cut(result.name, NAME_LETTERS), **corner} for corner in _corners(grid, axis))
            line = style.marks("line", named, color=color, strokeWidth=2.5, strokeDash=list(dash))
            layers.append(line.encode(x=x, y=y))
        if result.prediction is not None:
            layers.append(_expected(result.prediction, axis, color).encode(x=x, y=y))
    layers += _names(results, axis, margins.inner)
    layers.append(style.words("latency, on a logarithmic scale", -margins.left + 8, -16))
    if any(result.prediction is not None for result in results):
        layers.append(style.words("hollow: predicted", margins.inner + 26, HEIGHT + 32))
    layers.append(style.words("share of the answers that took no longer", 0, HEIGHT + 32))
    chart = style.Panel(layers, margins.inner, HEIGHT)
    return Drawing(chart, margins, margins.top + HEIGHT + margins.bottom)


def _axis(values_ms: Sequence[float]) -> Axis:
    positive = [value for value in values_ms if value > 0] or [1.0]
    low, high = min(positive) / 1.15, max(positive) * 1.15
    if high / low < SMALLEST_SPAN:
        middle = math.sqrt(low * high)
        low, high = middle / math.sqrt(SMALLEST_SPAN), middle * math.sqrt(SMALLEST_SPAN)
    return Axis(low, high)


def _corners(grid: Quantiles, axis: Axis) -> list[dict[str, float]]:
    points = [(share, max(value, axis.low_ms)) for share, value in zip(grid.percent, grid.latency_ms, strict=True)]
    heights = [round(axis.height(value), 1) for _, value in points]
    kept = [
        number
        for number in range(len(points))
        if number in {0, len(points) - 1} or not heights[number - 1] == heights[number] == heights[number + 1]
    ]
    return [{"share": points[number][0], "latency": points[number][1]} for number in kept]


def _expected(prediction: Columns, axis: Axis, color: str) -> alt.Chart:
    values = [(share, getattr(prediction, name)) for name, share in PERCENTILES.items()]
    rows = [
        {"share": share, "latency": value}
        for share, value in values
        if value is not None and axis.low_ms <= value <= axis.high_ms
    ]
    return style.marks("point", rows, shape="diamond", size=70, color=color, strokeWidth=1.5, opacity=1)


def _names(results: Sequence[EndpointResult], axis: Axis, width: int) -> list[alt.Chart]:
    """The name at the end of each curve, moved apart where curves end at the same height; a line leads there."""
    ends = [(max(grid.latency_ms[-1] for grid in _grids(result)), n) for n, result in enumerate(results)]
    places = spread_out([axis.height(max(value, axis.low_ms)) for value, _ in ends], LINE, HEIGHT)
    texts = []
    for (value, number), place in zip(ends, places, strict=True):
        color, dash = style.CURVES[number]
        name = style.cut(results[number].name, NAME_LETTERS)
        texts.append(style.words(name, x=width + 26, y=place, color=color))
        from_y, look = axis.height(max(value, axis.low_ms)), {"color": color, "strokeDash": list(dash)}
        texts.append(style.sample("rule", width + 1, from_y, x2=width + 22, y2=place, strokeWidth=2, **look))
    return texts


def spread_out(heights: Sequence[float], apart: float, most: float) -> list[float]:
    """Move places (px) as far apart as texts need, in their order, none below `most` as long as there is room."""
    order = sorted(range(len(heights)), key=lambda number: heights[number])
    placed = {number: heights[number] for number in order}
    for above, below in pairwise(order):
        placed[below] = max(placed[below], placed[above] + apart)
    limit = most
    for number in reversed(order):
        placed[number] = min(placed[number], limit)
        limit = placed[number] - apart
    return [placed[number] for number in range(len(heights))]
