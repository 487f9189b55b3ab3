"""How many requests each endpoint served, next to the most that theory allows, and how long half of them took."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from benchmark.formatting import latency, rate
from benchmark.record import EndpointResult, Record
from benchmark.report import sentences
from benchmark.report.charts import style
from benchmark.report.charts.svg import Drawing

MOST_ENDPOINTS = 12
HEAD = 34
ROW = 62
NAME = 14
BAR = 18
MIDDLE = 42  # where the bars of a row are (px from its top); the name stands above them
BETWEEN = 34  # the two columns (px)
NAME_LETTERS = 30
TICK: dict[str, Any] = {"orient": "vertical", "thickness": 3, "color": style.MUTED, "opacity": 1}
FAILED: dict[str, Any] = {"color": "transparent", "stroke": style.RED, "strokeWidth": 1.5, "strokeDash": [3, 2]}


@dataclass(frozen=True)
class Bar:
    """What is drawn for one endpoint (requests per second, and medians in ms); None where it is not known."""

    name: str
    measured_rps: float
    right_rps: float
    most_rps: float | None
    predicted_rps: float | None
    median_ms: float | None = None
    predicted_ms: float | None = None


def shown(record: Record) -> list[Bar]:
    """One bar for each endpoint that was measured, in the order of the table, at most MOST_ENDPOINTS.

    None for a single endpoint of which theory knows nothing: its bar would stand beside nothing.
    """
    found = [_bar(result) for result in record.endpoints if result.summary is not None and result.summary.requests]
    alone = len(found) == 1 and found[0].most_rps is None and found[0].predicted_rps is None
    return [] if alone else found[:MOST_ENDPOINTS]


def _bar(result: EndpointResult) -> Bar:
    summary, prediction = result.summary, result.prediction
    measured = (summary.throughput_rps if summary else None) or 0.0
    return Bar(
        name=result.name,
        measured_rps=measured,
        right_rps=max(0.0, measured - ((summary.failures_rps if summary else None) or 0.0)),
        most_rps=result.kept_limit.most_rps if result.kept_limit else None,
        predicted_rps=prediction.throughput_rps if prediction else None,
        median_ms=summary.median_ms if summary else None,
        predicted_ms=prediction.median_ms if prediction else None,
    )


def said(record: Record, named: Callable[[str], str]) -> str:
    parts = [f"{named(bar.name)} {_in_words(bar)}" for bar in shown(record)]
    headline = sentences.headline(record, named)
    return f"{headline} Requests per second and median response time: {'; '.join(parts)}."


def _in_words(bar: Bar) -> str:
    failed = bar.measured_rps - bar.right_rps
    wrong = f", {rate(failed)} of them failed" if failed > 0 else ""
    share = f" ({_share(bar)} of the theoretical maximum)" if bar.most_rps else ""
    median = f", {latency(bar.median_ms)}" if bar.median_ms is not None else ""
    return f"{rate(bar.measured_rps)}{share}{wrong}{median}"


def _share(bar: Bar) -> str:
    return f"{100 * bar.measured_rps / bar.most_rps:.0f}%" if bar.most_rps else ""


def draw(record: Record) -> Drawing:
    """A row for each endpoint: to the left its requests per second, to the right its median response time."""
    bars = shown(record)
    margins = style.Margins(left=10, right=10, top=4, bottom=4)
    column = (margins.inner - BETWEEN) / 2
    height = HEAD + len(bars) * ROW
    limits = " (% of maximum)" if any(bar.most_rps for bar in bars) else ""
    layers = [
        style.words(f"Requests/s{limits}", 0, HEAD / 2),
        style.words("Median response time", column + BETWEEN, HEAD / 2),
        *_names(bars, margins.inner),
        *_rates(bars, column),
        *_medians(bars, column + BETWEEN, column),
    ]
    foot = style.key(_explained(bars), margins)
    whole = style.Stack([style.Panel(layers, margins.inner, height), foot])
    return Drawing(whole, margins, round(margins.top + height + foot.height + margins.bottom))


def _names(bars: Sequence[Bar], width: int) -> Iterator[alt.Chart]:
    for number, bar in enumerate(bars):
        y = HEAD + number * ROW + NAME
        yield style.words(style.cut(bar.name, NAME_LETTERS), 0, y, size=style.LETTERS, bold=True)
        if bar.measured_rps > bar.right_rps:
            failed = f"{100 * (1 - bar.right_rps / bar.measured_rps):.1f}% of requests failed"
            yield style.words(failed, width, y, align="right", color=style.RED)


def _middle(number: int) -> float:
    return HEAD + number * ROW + MIDDLE


def _rates(bars: Sequence[Bar], column: float) -> Iterator[alt.Chart]:
    texts = [style.exact(bar.measured_rps) + (f" ({_share(bar)})" if bar.most_rps else "") for bar in bars]
    known = [value for bar in bars for value in (bar.measured_rps, bar.most_rps, bar.predicted_rps) if value]
    one_rps = (column - style.room(texts)) / max(known, default=1.0)
    rows = [
        {"row": _middle(number), "from": 0, "to": bar.right_rps * one_rps, "end": bar.measured_rps * one_rps}
        | {"measured": bar.measured_rps}
        for number, bar in enumerate(bars)
    ]
    yield _bars(rows, "from", "to", size=BAR, color=style.RATE)
    if wrong := [row for row in rows if row["end"] > row["to"]]:
        yield _bars(wrong, "to", "end", size=BAR - 1, **FAILED)
    most = [(number, bar.most_rps) for number, bar in enumerate(bars) if bar.most_rps]
    if most:
        ends = [{"row": _middle(number), "at": value * one_rps, "theory": value} for number, value in most]
        yield style.marks("tick", ends, size=BAR + 10, **TICK).encode(
            x=style.pixels_across("at"), y=style.pixels("row")
        )
    yield from _values([(bar.measured_rps, bar.predicted_rps, bar.most_rps) for bar in bars], texts, one_rps)


def _medians(bars: Sequence[Bar], left: float, column: float) -> Iterator[alt.Chart]:
    texts = [latency(bar.median_ms) for bar in bars]
    known = [value for bar in bars for value in (bar.median_ms, bar.predicted_ms) if value]
    one_ms = (column - style.room(texts)) / max(known, default=1.0)
    rows = [
        {"row": _middle(number), "from": left, "to": left + bar.median_ms * one_ms, "median": bar.median_ms}
        for number, bar in enumerate(bars)
        if bar.median_ms is not None
    ]
    yield _bars(rows, "from", "to", size=BAR, color=style.TIME)
    yield from _values([(bar.median_ms, bar.predicted_ms, None) for bar in bars], texts, one_ms, left)


def _bars(rows: Sequence[Mapping[str, float]], begin: str, end: str, **look: Any) -> alt.Chart:
    bars = style.marks("bar", rows, **look)
    chart: alt.Chart = bars.encode(x=style.pixels_across(begin), x2=alt.X2(end), y=style.pixels("row"))
    return chart


def _values(
    values: Sequence[tuple[float | None, float | None, float | None]],
    texts: Sequence[str],
    scale: float,
    left: float = 0.0,
) -> Iterator[alt.Chart]:
    """What was measured, beyond the end of all that is drawn of it; and what was predicted, where that is far off.

    `values`: measured, predicted and most, each `scale` px long.
    """
    far = []
    for number, ((measured, predicted, most), text) in enumerate(zip(values, texts, strict=True)):
        ends = [measured or 0.0, most or 0.0]
        if predicted is not None and style.far_off(measured, predicted):
            ends.append(predicted)
            far.append({"row": _middle(number), "at": left + predicted * scale, "predicted": predicted})
        yield style.words(text, left + max(ends) * scale + 12, _middle(number))
    if far:
        diamonds = style.marks("point", far, **style.DIAMOND)
        yield diamonds.encode(x=style.pixels_across("at"), y=style.pixels("row"))


def _explained(bars: Sequence[Bar]) -> list[style.Item]:
    far = any(
        style.far_off(bar.measured_rps, bar.predicted_rps) or style.far_off(bar.median_ms, bar.predicted_ms)
        for bar in bars
    )
    failed = any(bar.measured_rps > bar.right_rps for bar in bars)
    items = [
        (any(bar.most_rps for bar in bars), style.Item("theoretical maximum", style.swatch("tick", size=22, **TICK))),
        (far, style.Item("predicted, if over 3% off", style.swatch("point", **style.DIAMOND))),
        (failed, style.Item("failed", style.swatch("bar", size=BAR - 4, **FAILED))),
    ]
    return [item for occurs, item in items if occurs]
