"""One metric over the runs: values, noise band, changes of level, other machines, runs that do not compare."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import altair as alt

from benchmark.judge.series import Run, Series
from benchmark.report.charts import style
from benchmark.report.charts.svg import Drawing

MOST_ENDPOINTS = 6
MOST_RUNS = 100
MOST_LINES = 20  # of a kind in one panel, the newest: runs that change machine every time would else hide the values
PAGE = "runs/{}/index.html"  # where the site's overview leads from a point
FEWEST_RUNS = 3
HEAD = 26
PANEL = 62
FOOT = 22
KEY = 22
SMALLEST_SPAN = 0.1  # of the middle value: a flat series shall look flat

BAND: dict[str, Any] = {"color": style.BLUE, "opacity": 0.15}
LEVEL: dict[str, Any] = {"color": style.ORANGE, "strokeWidth": 2}
FLAG: dict[str, Any] = {"shape": "triangle-right", "filled": True, "size": 60, "color": style.ORANGE, "opacity": 1}
MACHINE: dict[str, Any] = {"color": style.MUTED, "strokeWidth": 1.5, "strokeDash": [2, 3]}
CROSS: dict[str, Any] = {
    "shape": "M-1,-1L1,1M-1,1L1,-1",
    "size": 40,
    "color": style.RED,
    "strokeWidth": 2,
    "opacity": 1,
}

# Three digits, and never in scientific notation: 0.00123, 85.7, 5,060, 64k, 10M; times of a second and more in seconds.
_SHORT = "abs({0}) < 10000 ? format({0}, abs({0}) < 0.01 ? '.2~r' : ',.3~r') : format({0}, '.3~s')"
OTHER = _SHORT.format("datum.value")
TIMES = f"abs(datum.value) < 1000 ? {OTHER} : ({_SHORT.format('(datum.value / 1000)')}) + ' s'"
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
    dates = [run.started_at[:10] for run, _ in trend.changes]
    return f", its level changed on {', '.join(dates)}" if dates else ""


def draw(trends: Sequence[Series]) -> Drawing:
    found = shown(trends)
    margins = style.Margins(left=58, right=14, top=4, bottom=4)
    panels = []
    for trend in found:
        panels += [_head(trend, margins), _panel(trend, margins.inner), _dates(trend, margins.inner)]
    chart = style.Stack([*panels, _key(margins, found)])
    return Drawing(chart, margins, margins.top + len(found) * (HEAD + PANEL + FOOT) + KEY + margins.bottom)


def _head(trend: Series, margins: style.Margins) -> style.Panel:
    left = -margins.left + 10
    metric = trend.metric
    in_unit = metric.title if metric.unit == "1/s" else f"{metric.title} ({metric.unit})"
    unit = f"{metric.title} {OVER[trend.form]}" if trend.form in OVER else in_unit
    if trend.form == "machine":
        unit = f"{unit}, {trend.runs[-1].environment.cpu.model}"
    name = style.words(style.cut(trend.endpoint, 26), left, HEAD / 2, size=style.LETTERS, bold=True)
    beside = style.words(style.cut(unit, 38), margins.inner, HEAD / 2, align="right")
    return style.Panel([name, beside], margins.inner, HEAD)


def _dates(trend: Series, width: float) -> style.Panel:
    runs = trend.runs[-MOST_RUNS:]
    first = style.words(runs[0].started_at[:10], 0, 11)
    return style.Panel([first, style.words(runs[-1].started_at[:10], width, 11, align="right")], width, FOOT)


def _panel(trend: Series, width: float) -> style.Panel:
    values = trend.values[-MOST_RUNS:]
    runs = trend.runs[-MOST_RUNS:]
    low, high = _range(trend, [value for value in values if value is not None])
    x = alt.X("place:Q", scale=style.scale(-0.5, len(runs) - 0.5), axis=None)
    lowest = 0.0 if low < 0 <= min(value for value in values if value is not None) else low + (high - low) * 0.15
    axis = style.axis(
        [lowest, low + (high - low) * 0.85],
        TIMES if trend.metric.unit == "ms" and trend.form not in OVER else OTHER,
        domain=False,
    )
    y = alt.Y("value:Q", scale=style.scale(low, high, zero=False), axis=axis)
    layers = []
    if trend.band is not None:
        band = style.marks("rect", [{"value": max(trend.band[0], low), "top": min(trend.band[1], high)}], **BAND)
        layers.append(band.encode(x=alt.XValue(0), x2=alt.X2Value(width), y=y, y2=alt.Y2("top")))
    layers += _lines(trend, runs, x)
    places = [{"date": run.started_at[:10], "place": number} for number, run in enumerate(runs)]
    points = [
        place | {"value": float(f"{value:.6g}"), "page": PAGE.format(run.id)}
        for place, run, value in zip(places, runs, values, strict=True)
        if value is not None
    ]
    layers.append(style.marks("line", points, color=style.BLUE, strokeWidth=2).encode(x=x, y=y))
    dots = points if len(points) <= MOST_RUNS // 2 else points[-1:]
    layers.append(style.marks("point", dots, color=style.BLUE, filled=True, size=28, opacity=1).encode(x=x, y=y))
    lost = [place for place, value in zip(places, values, strict=True) if value is None]
    if lost:
        layers.append(style.marks("point", lost, **CROSS).encode(x=x, y=alt.YValue(PANEL - 6)))
    return style.Panel(layers, width, PANEL)


def _range(trend: Series, values: Sequence[float]) -> tuple[float, float]:
    all_of_them = [*values, *(trend.band or ())]
    low, high = min(all_of_them), max(all_of_them)
    middle = (low + high) / 2
    least = abs(middle) * SMALLEST_SPAN or SMALLEST_SPAN
    half = max(high - low, least) / 2 * 1.15
    return (middle - half if min(values) < 0 else max(middle - half, -half / 10)), middle + half


def _lines(trend: Series, runs: Sequence[Run], x: alt.X) -> list[alt.Chart]:
    place = {run.id: number for number, run in enumerate(runs)}
    levels = [{"place": place[run.id] - 0.5} for run, _ in trend.changes if run.id in place][-MOST_LINES:]
    moved = [
        {"place": place[run.id] - 0.5}
        for before, run in pairwise(runs)
        if before.environment.cpu.model != run.environment.cpu.model
    ][-MOST_LINES:]
    layers = []
    if moved:
        layers.append(style.marks("rule", moved, **MACHINE).encode(x=x))
    if levels:
        layers.append(style.marks("rule", levels, **LEVEL).encode(x=x))
        layers.append(style.marks("point", levels, **FLAG).encode(x=x, y=alt.YValue(4)))
    return layers


def _key(margins: style.Margins, found: Sequence[Series]) -> style.Panel:
    """Explain only what occurs."""
    runs = [trend.runs[-MOST_RUNS:] for trend in found]
    moved = any(a.environment.cpu.model != b.environment.cpu.model for some in runs for a, b in pairwise(some))
    items = [
        (any(trend.band for trend in found), "noise now", 106, _key_of_band),
        (any(trend.changes for trend in found), "new level", 86, _key_of_level),
        (moved, "other machine", 114, lambda x: [style.sample("rule", x, 2, y2=18, **MACHINE)]),
        (
            any(value is None for trend in found for value in trend.values[-MOST_RUNS:]),
            "not comparable",
            120,
            lambda x: [style.sample("point", x, 10, **CROSS)],
        ),
    ]
    layers, left = [], -margins.left + 10.0
    for occurs, words, width, sample in items:
        if occurs:
            inset = 26 if words == "noise now" else 10
            layers += [*sample(left), style.words(words, left + inset, 10)]
            left += width
    return style.Panel(layers or [style.words("", left, 10)], margins.inner, KEY)


def _key_of_band(left: float) -> list[alt.Chart]:
    return [style.sample("rect", left, 3, x2=left + 20, y2=17, **BAND)]


def _key_of_level(left: float) -> list[alt.Chart]:
    return [style.sample("rule", left, 2, y2=18, **LEVEL), style.sample("point", left + 2, 5, **FLAG)]
