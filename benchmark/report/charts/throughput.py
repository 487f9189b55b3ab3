"""How much each endpoint answers, beside the most that theory allows and what theory predicts."""

from collections.abc import Callable
from dataclasses import dataclass

import altair as alt

from benchmark.formatting import rate
from benchmark.record import EndpointResult, Record
from benchmark.report.charts import style
from benchmark.report.charts.svg import Drawing

MOST_ENDPOINTS = 12
ROW = 48
KEY = 22
BAR = 14
MIDDLE = 31
"""Where the bar of a row is (px from its top); the text stands above it."""

NAME_LETTERS = 24


@dataclass(frozen=True)
class Bar:
    """What is drawn for one endpoint (all in answers per second); None where it is not known."""

    name: str
    measured_rps: float
    right_rps: float
    most_rps: float | None
    predicted_rps: float | None


def bars(record: Record) -> list[Bar]:
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
    """What the picture shows, in words."""
    parts = [f"{named(bar.name)} {_beside(bar)}" for bar in bars(record)]
    return f"Answers per second, measured and at most in theory: {'; '.join(parts)}."


def _beside(bar: Bar) -> str:
    failed = bar.measured_rps - bar.right_rps
    wrong = f", {rate(failed)} failed" if failed > 0 else ""
    most = f" of at most {rate(bar.most_rps)}" if bar.most_rps is not None else ""
    return f"{rate(bar.measured_rps)}{most}{wrong}"


def draw(record: Record) -> Drawing:
    """One row for each endpoint: a bar from 0, a line at the most, a diamond at the prediction."""
    shown = bars(record)
    margins = style.Margins(left=10, right=10, top=4, bottom=4)
    known = [value for bar in shown for value in (bar.measured_rps, bar.most_rps, bar.predicted_rps) if value]
    scale = alt.Scale(domain=[0, max(known, default=1.0)], nice=False)
    height = len(shown) * ROW
    rows = [
        {"row": number * ROW + MIDDLE, "right": bar.right_rps, "all": bar.measured_rps, "measured": bar.measured_rps}
        for number, bar in enumerate(shown)
    ]
    y = style.pixels("row")
    layers = [
        alt.Chart(style.data(rows))
        .mark_bar(size=BAR, color=style.BLUE)
        .encode(x=alt.X("zero:Q", scale=scale, axis=None), x2=alt.X2("right"), y=y)
        .transform_calculate(zero="0"),
        *_failed(rows, scale),
        *_marks(shown, scale),
        *_texts(shown, margins.inner),
    ]
    chart = style.Panel(layers, margins.inner, height)
    whole = style.Stack([chart, _key(shown, margins.inner)])
    return Drawing(whole, margins, margins.top + height + KEY + margins.bottom)


def _failed(rows: style.Rows, scale: alt.Scale) -> list[alt.Chart]:
    """Wrong answers: the hollow end of the bar."""
    wrong = [row for row in rows if row["all"] > row["right"]]
    if not wrong:
        return []
    return [
        alt.Chart(style.data(wrong))
        .mark_bar(size=BAR - 1, color="transparent", stroke=style.RED, strokeWidth=1.5, strokeDash=[3, 2])
        .encode(x=alt.X("right:Q", scale=scale, axis=None), x2=alt.X2("all"), y=style.pixels("row"))
    ]


def _marks(shown: list[Bar], scale: alt.Scale) -> list[alt.Chart]:
    """The most that theory allows, and what it predicts."""
    most = [
        {"row": n * ROW + MIDDLE, "theory": bar.most_rps} for n, bar in enumerate(shown) if bar.most_rps is not None
    ]
    expected = [
        {"row": n * ROW + MIDDLE, "predicted": bar.predicted_rps}
        for n, bar in enumerate(shown)
        if bar.predicted_rps is not None
    ]
    layers = []
    if most:
        ticks = alt.Chart(style.data(most)).mark_tick(
            orient="vertical", size=BAR + 8, thickness=3, color=style.MUTED, opacity=1
        )
        layers.append(ticks.encode(x=alt.X("theory:Q", scale=scale, axis=None), y=style.pixels("row")))
    if expected:
        x = alt.X("predicted:Q", scale=scale, axis=None)
        layers.append(_diamonds(expected).encode(x=x, y=style.pixels("row")))
    return layers


def _diamonds(rows: style.Rows) -> alt.Chart:
    marks: alt.Chart = alt.Chart(style.data(rows)).mark_point(
        shape="diamond", size=110, filled=True, color=style.ORANGE, stroke=style.GRID, strokeWidth=1, opacity=1
    )
    return marks


def _texts(shown: list[Bar], width: int) -> list[alt.Chart]:
    texts = []
    for number, bar in enumerate(shown):
        y = number * ROW + 11
        name = style.cut(bar.name, NAME_LETTERS)
        texts.append(style.words(name, x=0, y=y, size=style.LETTERS, bold=True))
        texts.append(style.words(_beside(bar), x=width, y=y, align="right"))
    return texts


def _key(shown: list[Bar], width: int) -> style.Panel:
    """What the marks mean, at fixed places."""
    middle = KEY / 2 + 2
    layers = [
        alt.Chart(style.data([{}]))
        .mark_bar(size=BAR - 4, color=style.BLUE)
        .encode(x=alt.XValue(0), x2=alt.X2Value(18), y=alt.YValue(middle)),
        style.words("answers per second", 24, middle),
    ]
    if any(bar.most_rps is not None for bar in shown):
        tick = alt.Chart(style.data([{}])).mark_tick(
            orient="vertical", size=16, thickness=3, color=style.MUTED, opacity=1
        )
        layers.append(tick.encode(x=alt.XValue(180), y=alt.YValue(middle)))
        layers.append(style.words("the most that theory allows", 190, middle))
    if any(bar.predicted_rps is not None for bar in shown):
        layers.append(_diamonds([{}]).encode(x=alt.XValue(400), y=alt.YValue(middle)))
        layers.append(style.words("predicted", 412, middle))
    return style.Panel(layers, width, KEY)
