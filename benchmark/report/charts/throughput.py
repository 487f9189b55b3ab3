"""How much each endpoint answers, beside the most that theory allows and what theory predicts."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from benchmark.formatting import rate
from benchmark.record import EndpointResult, Record
from benchmark.report import sentences
from benchmark.report.charts import style
from benchmark.report.charts.svg import Drawing

MOST_ENDPOINTS = 12
ROW = 48
KEY = 22
BAR = 14
MIDDLE = 31  # where the bar of a row is (px from its top); the text stands above it
NAME_LETTERS = 24
TICK: dict[str, Any] = {"orient": "vertical", "thickness": 3, "color": style.MUTED, "opacity": 1}
DIAMOND: dict[str, Any] = {"shape": "diamond", "size": 110, "filled": True, "color": style.ORANGE, "opacity": 1}
DIAMOND |= {"stroke": style.GRID, "strokeWidth": 1}


@dataclass(frozen=True)
class Bar:
    """What is drawn for one endpoint (all in answers per second); None where it is not known."""

    name: str
    measured_rps: float
    right_rps: float
    most_rps: float | None
    predicted_rps: float | None


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
        most_rps=most_rps(result),
        predicted_rps=prediction.throughput_rps if prediction else None,
    )


def most_rps(result: EndpointResult) -> float | None:
    """The most that theory allows: what the users ask for, or what the seats serve if that is less."""
    limit = result.limit
    return None if limit is None else min(limit.users_rps, limit.seats_rps or limit.users_rps)


def said(record: Record, named: Callable[[str], str]) -> str:
    parts = [f"{named(bar.name)} {_beside(bar)}" for bar in shown(record)]
    headline = sentences.headline(record, named)
    return f"{headline} Answers per second, measured and at most in theory: {'; '.join(parts)}."


def _beside(bar: Bar) -> str:
    failed = bar.measured_rps - bar.right_rps
    wrong = f", {rate(failed)} failed" if failed > 0 else ""
    most = f" of at most {rate(bar.most_rps)}" if bar.most_rps is not None else ""
    return f"{rate(bar.measured_rps)}{most}{wrong}"


def draw(record: Record) -> Drawing:
    """One row for each endpoint: a bar from 0, a line at the most, a diamond at the prediction."""
    bars = shown(record)
    margins = style.Margins(left=10, right=10, top=4, bottom=4)
    known = [value for bar in bars for value in (bar.measured_rps, bar.most_rps, bar.predicted_rps) if value]
    scale = style.scale(0, max(known, default=1.0))
    height = len(bars) * ROW
    rows = [
        {"row": number * ROW + MIDDLE, "right": bar.right_rps, "all": bar.measured_rps, "measured": bar.measured_rps}
        for number, bar in enumerate(bars)
    ]
    y = style.pixels("row")
    layers = [
        style.marks("bar", rows, size=BAR, color=style.BLUE)
        .encode(x=alt.X("zero:Q", scale=scale, axis=None), x2=alt.X2("right"), y=y)
        .transform_calculate(zero="0"),
        *_failed(rows, scale),
        *_marks(bars, scale),
        *_texts(bars, margins.inner),
    ]
    chart = style.Panel(layers, margins.inner, height)
    whole = style.Stack([chart, _key(bars, margins.inner)])
    return Drawing(whole, margins, margins.top + height + KEY + margins.bottom)


def _failed(rows: Sequence[Mapping[str, float]], scale: alt.Scale) -> list[alt.Chart]:
    wrong = [row for row in rows if row["all"] > row["right"]]
    if not wrong:
        return []
    x, look = alt.X("right:Q", scale=scale, axis=None), {"stroke": style.RED, "strokeWidth": 1.5, "strokeDash": [3, 2]}
    hollow = style.marks("bar", wrong, size=BAR - 1, color="transparent", **look)
    return [hollow.encode(x=x, x2=alt.X2("all"), y=style.pixels("row"))]


def _marks(bars: list[Bar], scale: alt.Scale) -> Iterator[alt.Chart]:
    kinds: tuple[tuple[str, str, style.Mark, dict[str, Any]], ...] = (
        ("theory", "most_rps", "tick", TICK | {"size": BAR + 8}),
        ("predicted", "predicted_rps", "point", DIAMOND),
    )
    for name, column, kind, look in kinds:
        known = [(n * ROW + MIDDLE, getattr(bar, column)) for n, bar in enumerate(bars)]
        rows = [{"row": row, name: value} for row, value in known if value is not None]
        if rows:
            x = alt.X(f"{name}:Q", scale=scale, axis=None)
            yield style.marks(kind, rows, **look).encode(x=x, y=style.pixels("row"))


def _texts(bars: list[Bar], width: int) -> Iterator[alt.Chart]:
    for number, bar in enumerate(bars):
        y, name = number * ROW + 11, style.cut(bar.name, NAME_LETTERS)
        yield style.words(name, x=0, y=y, size=style.LETTERS, bold=True)
        yield style.words(_beside(bar), x=width, y=y, align="right")


def _key(bars: list[Bar], width: int) -> style.Panel:
    middle = KEY / 2 + 2
    layers = [
        style.sample("bar", 0, middle, x2=18, size=BAR - 4, color=style.BLUE),
        style.words("answers per second", 24, middle),
    ]
    if any(bar.most_rps is not None for bar in bars):
        layers.append(style.sample("tick", 180, middle, size=16, **TICK))
        layers.append(style.words("the most that theory allows", 190, middle))
    if any(bar.predicted_rps is not None for bar in bars):
        layers.append(style.sample("point", 400, middle, **DIAMOND))
        layers.append(style.words("predicted", 412, middle))
    return style.Panel(layers, width, KEY)
