"""One metric over the runs: values, noise band, changes of level, other machines, runs that do not compare."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any, Literal

import altair as alt

from benchmark.formatting import latency, signed_percent
from benchmark.judge.change_points import ChangePoint
from benchmark.judge.series import Run, Series
from benchmark.report.charts import style
from benchmark.report.charts.svg import Drawing

MOST_ENDPOINTS = 6
MOST_RUNS = 100
MOST_LINES = 20  # of a kind in one panel, the newest: runs that change machine every time would else hide the values
PAGE = "runs/{}/index.html"  # where the site's overview leads from a point
FEWEST_RUNS = 3
HEAD = 34
PANEL = 96
FOOT = 32
LEAST_SPAN = 0.1  # of the level, either way: what differs by little shall look flat
PAD = 0.18  # of the span, below and above
FLAG_LETTERS = 9  # of the change beside a flag

BAND: dict[str, Any] = {"color": style.BLUE, "fillOpacity": 0.2, "stroke": style.BLUE, "strokeOpacity": 0.6}
BAND |= {"strokeWidth": 1}
LEVEL: dict[str, Any] = {"color": style.ORANGE, "strokeWidth": 2}
FLAG: dict[str, Any] = {"shape": "triangle-right", "filled": True, "size": 90, "color": style.ORANGE, "opacity": 1}
RING: dict[str, Any] = {"shape": "circle", "size": 220, "color": style.ORANGE, "strokeWidth": 2.5, "opacity": 1}
MACHINE: dict[str, Any] = {"color": style.MUTED, "strokeWidth": 1.5, "strokeDash": [2, 3]}
CROSS: dict[str, Any] = {
    "shape": "M-1,-1L1,1M-1,1L1,-1",
    "size": 60,
    "color": style.RED,
    "strokeWidth": 2,
    "opacity": 1,
}

OVER = {"relative": "÷ reference workload", "predicted": "÷ predicted"}
"""What values are divided by, per form."""


def shown(trends: Sequence[Series]) -> list[Series]:
    """Those long enough to be a trend, at most MOST_ENDPOINTS. None where no number ever moved, such as no failures."""
    found = [trend for trend in trends if sum(v is not None for v in trend.values) >= FEWEST_RUNS][:MOST_ENDPOINTS]
    return found if any(len({v for v in trend.values if v is not None}) > 1 for trend in found) else []


def said(trends: Sequence[Series], named: Callable[[str], str]) -> str:
    found = shown(trends)
    parts = [f"{named(trend.endpoint)} {named(trend.last.line)}{_levels(trend)}" for trend in found]
    return f"{named(found[0].metric.title)} over the runs: {'; '.join(parts)}." if found else ""


def source(trend: Series) -> tuple[object, ...]:
    """All that is drawn and said of a series."""
    runs = [(run.id, run.started_at, run.environment.cpu.model) for run in trend.runs]
    levels = [run.id for run, _ in trend.changes]
    return trend.endpoint, trend.metric, trend.form, runs, trend.values, trend.band, levels, trend.last.line


def _levels(trend: Series) -> str:
    dates = [f"{run.started_at[:10]}{_by(change, ' ({})')}" for run, change in trend.changes]
    return f", its level changed on {', '.join(dates)}" if dates else ""


def _by(change: ChangePoint, words: str = "{}") -> str:
    return "" if change.percent is None else words.format(signed_percent(change.percent))


def draw(trends: Sequence[Series]) -> Drawing:
    found = shown(trends)
    axes = [Axis.of(trend) for trend in found]
    newest = [_newest(trend) for trend in found]
    left = style.room([label for axis in axes for label in axis.labels], 5)
    margins = style.Margins(left=left, right=style.room(newest), top=4, bottom=4)
    panels = []
    for trend, axis, value in zip(found, axes, newest, strict=True):
        panels += [_head(trend, margins), _panel(trend, axis, value, margins.inner), _dates(trend, margins.inner)]
    panels.append(style.key([item for occurs, item in KEY if any(map(occurs, found))], margins))
    height = sum(panel.height for panel in panels)
    return Drawing(style.Stack(panels), margins, round(margins.top + height + margins.bottom))


@dataclass(frozen=True)
class Axis:
    """The values of a panel, in px from its top, and its ticks with their labels."""

    low: float
    high: float
    ticks: list[float]
    labels: list[str]

    @classmethod
    def of(cls, trend: Series) -> "Axis":
        """At least LEAST_SPAN around the middle of the newest runs."""
        values = [value for value in trend.values[-MOST_RUNS:] if value is not None]
        level = median(values[-MOST_RUNS // 5 :])
        least = abs(level) * LEAST_SPAN or LEAST_SPAN
        all_of_them = [*values, *(trend.band or ())]
        low, high = min(*all_of_them, level - least), max(*all_of_them, level + least)
        pad = PAD * (high - low)
        bottom = low - pad if min(values) < 0 else max(low - pad, -pad / 2)
        ticks = style.steps_within(max(bottom, 0.0) if min(values) >= 0 else bottom, high + pad, 3)
        return cls(
            bottom,
            high + pad,
            ticks,
            [style.short(tick) for tick in ticks] if _is_no_time(trend) else style.times(ticks),
        )

    def height(self, value: float) -> float:
        return PANEL * (self.high - value) / (self.high - self.low)


def _is_no_time(trend: Series) -> bool:
    return trend.metric.unit != "ms" or trend.form in OVER


def _newest(trend: Series) -> str:
    value = trend.values[-1]
    return "" if value is None else style.exact(value) if _is_no_time(trend) else latency(value)


def _suspected(trend: Series) -> bool:
    return trend.last.stage == "suspected" and trend.values[-1] is not None


def _head(trend: Series, margins: style.Margins) -> style.Panel:
    metric = trend.metric
    in_unit = metric.title if metric.unit in {"1/s", "ms"} else f"{metric.title} ({metric.unit})"
    unit = f"{metric.title} {OVER[trend.form]}" if trend.form in OVER else in_unit
    if trend.form == "machine":
        unit = f"{unit}, {trend.runs[-1].environment.cpu.model}"
    name = style.words(style.cut(trend.endpoint, 24), 10 - margins.left, HEAD / 2, size=style.LETTERS, bold=True)
    right = style.WIDTH - margins.left - 10
    return style.Panel([name, style.words(style.cut(unit, 34), right, HEAD / 2, align="right")], margins.inner, HEAD)


def _dates(trend: Series, width: float) -> style.Panel:
    runs = trend.runs[-MOST_RUNS:]
    first = style.words(style.cut(runs[0].started_at[:10], 12), 0, 13)
    last = style.words(style.cut(runs[-1].started_at[:10], 12), width, 13, align="right")
    return style.Panel([first, last], width, FOOT)


def _panel(trend: Series, axis: Axis, newest: str, width: float) -> style.Panel:
    values = trend.values[-MOST_RUNS:]
    runs = trend.runs[-MOST_RUNS:]
    x = alt.X("place:Q", scale=style.scale(-0.5, len(runs) - 0.5), axis=None)
    lines = style.axis(axis.ticks, axis.labels, domain=False)
    y = alt.Y("value:Q", scale=style.scale(axis.low, axis.high, zero=False), axis=lines)
    layers = [*_band(trend, runs, axis, x, y), *_lines(trend, runs, x, width)]
    places = [{"date": run.started_at[:10], "place": number} for number, run in enumerate(runs)]
    points = [
        place | {"value": float(f"{value:.6g}"), "page": PAGE.format(run.id)}
        for place, run, value in zip(places, runs, values, strict=True)
        if value is not None
    ]
    layers.append(style.marks("line", points, color=style.BLUE, strokeWidth=2).encode(x=x, y=y))
    dots = points if len(points) <= MOST_RUNS // 2 else points[-1:]
    layers.append(style.marks("point", dots, color=style.BLUE, filled=True, size=36, opacity=1).encode(x=x, y=y))
    lost = [place for place, value in zip(places, values, strict=True) if value is None]
    if lost:
        layers.append(style.marks("point", lost, **CROSS).encode(x=x, y=alt.YValue(PANEL - 8)))
    suspected = _suspected(trend)
    if suspected:
        layers.append(style.marks("point", points[-1:], **RING).encode(x=x, y=y))
    if values[-1] is not None:
        color = style.ORANGE if suspected else style.BLUE
        layers.append(style.words(newest, width + 12, axis.height(values[-1]), color=color))
    return style.Panel(layers, width, PANEL)


def _band(trend: Series, runs: Sequence[Run], axis: Axis, x: alt.X, y: alt.Y) -> Iterator[alt.Chart]:
    """The noise of the newest level, from the run on with which that began."""
    if trend.band is not None:
        began = trend.changes[-1][0].id if trend.changes else None
        first = next((number for number, run in enumerate(runs) if run.id == began), 0)
        low, high = (min(max(value, axis.low), axis.high) for value in trend.band)
        place = {"place": first - 0.5, "to": len(runs) - 0.5, "value": low, "top": high}
        yield style.marks("rect", [place], **BAND).encode(x=x, x2=alt.X2("to"), y=y, y2=alt.Y2("top"))


def _lines(trend: Series, runs: Sequence[Run], x: alt.X, width: float) -> Iterator[alt.Chart]:
    moved = [{"place": number + 0.5} for number, (a, b) in enumerate(pairwise(runs)) if _other_machine(a, b)]
    if moved:
        yield style.marks("rule", moved[-MOST_LINES:], **MACHINE).encode(x=x)
    place = {run.id: number - 0.5 for number, run in enumerate(runs)}
    changes = [(place[run.id], change) for run, change in trend.changes if run.id in place][-MOST_LINES:]
    if changes:
        levels = [{"place": at} for at, _ in changes]
        yield style.marks("rule", levels, **LEVEL).encode(x=x)
        yield style.marks("point", levels, **FLAG).encode(x=x, y=alt.YValue(8))
    free = width + 16.0
    for at, change in reversed(changes):  # of those that are too close to each other the newest is labelled
        text, left = style.cut(_by(change), FLAG_LETTERS), (at + 0.5) / len(runs) * width
        flips = left + wide_px(text) > width
        begin = left - wide_px(text) if flips else left
        if begin + wide_px(text) <= free:
            side: Literal["left", "right"] = "right" if flips else "left"
            yield style.words(text, left - 8 if flips else left + 16, 9, align=side, color=style.ORANGE)
            free = begin


def wide_px(text: str) -> float:
    return style.LETTER * style.breadth(text) + 16


def _other_machine(before: Run, run: Run) -> bool:
    return before.environment.cpu.model != run.environment.cpu.model


def _of_level(x: float, y: float) -> list[alt.Chart]:
    return [style.sample("rule", x + 6, y - 9, y2=y + 9, **LEVEL), style.sample("point", x + 9, y - 5, **FLAG)]


def _of_machine(x: float, y: float) -> list[alt.Chart]:
    return [style.sample("rule", x + 11, y - 9, y2=y + 9, **MACHINE)]


KEY: tuple[tuple[Callable[[Series], bool], style.Item], ...] = (
    (lambda trend: trend.band is not None, style.Item("noise now", style.swatch("rect", **BAND))),
    (lambda trend: bool(trend.changes), style.Item("new level", _of_level)),
    (_suspected, style.Item("to be confirmed", style.swatch("point", **RING))),
    (
        lambda trend: any(_other_machine(a, b) for a, b in pairwise(trend.runs[-MOST_RUNS:])),
        style.Item("other machine", _of_machine),
    ),
    (
        lambda trend: any(value is None for value in trend.values[-MOST_RUNS:]),
        style.Item("not comparable", style.swatch("point", **CROSS)),
    ),
)
"""What is explained where it occurs."""
