"""How every picture looks: sizes that leave it readable on a phone, colours for light and dark pages.

Nothing may be placed by the measured width of a text, because fonts differ from machine to machine: sizes are
fixed, texts are cut here, ticks are listed, and no axis title or legend of Vega's own is used.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import altair as alt

from benchmark.formatting import plain

WIDTH = 520  # of every picture (px): shown at 358 px on a phone, its smallest letters still have 8 px
LETTERS = 14
SMALL_LETTERS = 13
FONT = "-apple-system,BlinkMacSystemFont,Segoe UI,Noto Sans,Helvetica,Arial,sans-serif"

MUTED = "#59636e"
GRID = "#d1d9e0"
BLUE = "#0969da"
ORANGE = "#bc4c00"
RED = "#cf222e"
GREEN = "#1a7f37"
PURPLE = "#8250df"
PINK = "#bf3989"

DARK = {
    MUTED: "#9198a1",
    GRID: "#3d444d",
    BLUE: "#4493f8",
    ORANGE: "#db6d28",
    RED: "#f85149",
    GREEN: "#3fb950",
    PURPLE: "#ab7df8",
    PINK: "#db61a2",
}
"""What each colour becomes on a dark page."""

CURVES = ((BLUE, (1, 0)), (ORANGE, (8, 3)), (GREEN, (3, 3)), (PURPLE, (10, 3, 2, 3)), (PINK, (2, 2)), (MUTED, (5, 5)))
"""Colour and dashes of one curve among several."""


@dataclass(frozen=True)
class Panel:
    """Marks over each other in a frame of fixed size (px).

    `alt.layer` and `alt.vconcat` copy each part several times, which took most of the time of drawing. So parts become
    Vega-Lite's words one by one, here and in `Stack`, and those are put together.
    """

    layers: Sequence[alt.Chart]
    width: float
    height: float

    def to_dict(self, *, validate: bool) -> dict[str, Any]:
        whole = alt.LayerChart(layer=[], width=self.width, height=self.height).to_dict(validate=validate)
        return _joined(whole, "layer", self.layers, validate=validate)


@dataclass(frozen=True)
class Stack:
    """Panels one above the other, without a gap; or in two columns that are `between` px apart."""

    panels: Sequence[Panel]
    between: float | None = None

    def to_dict(self, *, validate: bool) -> dict[str, Any]:
        if self.between is None:
            whole = alt.VConcatChart(vconcat=[], bounds="flush", spacing=0).to_dict(validate=validate)
            return _joined(whole, "vconcat", self.panels, validate=validate)
        spacing = {"row": 0, "column": self.between}
        whole = alt.ConcatChart(concat=[], columns=2, bounds="flush", spacing=spacing).to_dict(validate=validate)
        return _joined(whole, "concat", self.panels, validate=validate)


def _joined(whole: dict[str, Any], key: str, parts: Sequence[Panel | alt.Chart], *, validate: bool) -> dict[str, Any]:
    """Put parts into a specification that has none yet: what they have in common is said once, at its top."""
    datasets: dict[str, Any] = {}
    for one in parts:
        part = one.to_dict(validate=validate)
        datasets |= part.pop("datasets", {})
        whole[key].append({name: value for name, value in part.items() if name not in {"config", "$schema"}})
    return whole | {"datasets": datasets}


Chart = Panel | Stack


@dataclass(frozen=True)
class Margins:
    """Room around the panels (px): for the labels of axes, and for texts beside or below."""

    left: int = 8
    right: int = 8
    top: int = 8
    bottom: int = 8

    @property
    def inner(self) -> int:
        return WIDTH - self.left - self.right


def cut(text: str, most: int) -> str:
    """A name from outside for a place that has room for `most` letters."""
    shown = plain(text)
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def data(rows: Iterable[Mapping[str, Any]]) -> alt.InlineData:
    """Rows of plain values, within the specification.

    In a tuple: Altair copies lists, with all that is in them, each time a chart becomes part of another.
    """
    return alt.InlineData(values=tuple(dict(row) for row in rows))


Mark = Literal["area", "bar", "line", "point", "rect", "rule", "text", "tick"]


def marks(kind: Mark, rows: Iterable[Mapping[str, Any]], **look: Any) -> alt.Chart:
    """Marks of one kind and look, one for each row; where they are is yet to be encoded."""
    chart: alt.Chart = getattr(alt.Chart(data(rows)), f"mark_{kind}")(**look)
    return chart


def sample(
    kind: Mark, x: float, y: float, *, x2: float | None = None, y2: float | None = None, **look: Any
) -> alt.Chart:
    """One mark at a fixed place (px from the panel's upper left corner), as a key shows it."""
    ends: dict[str, Any] = {} if x2 is None else {"x2": alt.X2Value(x2)}
    ends |= {} if y2 is None else {"y2": alt.Y2Value(y2)}
    chart: alt.Chart = marks(kind, [{}], **look).encode(x=alt.XValue(x), y=alt.YValue(y), **ends)
    return chart


def scale(low: float, high: float, **more: Any) -> alt.Scale:
    return alt.Scale(domain=[low, high], nice=False, **more)


def pixels(field: str) -> alt.Y:
    return alt.Y(f"{field}:Q", scale=None, axis=None)


def words(
    text: str,
    x: float,
    y: float,
    *,
    size: int = SMALL_LETTERS,
    bold: bool = False,
    align: Literal["left", "center", "right"] = "left",
    color: str = MUTED,
) -> alt.Chart:
    """One text at a fixed place, in px from the panel's upper left corner."""
    weight = "bold" if bold else "normal"
    mark = marks(
        "text", [{"text": text}], color=color, fontSize=size, fontWeight=weight, align=align, baseline="middle"
    )
    chart: alt.Chart = mark.encode(x=alt.XValue(x), y=alt.YValue(y), text=alt.Text("text:N"))
    return chart


def axis(values: Sequence[float], labels: str, **more: Any) -> alt.Axis:
    """An axis with the ticks at `values`. `labels`: a Vega expression of datum.value, the text at a tick."""
    return alt.Axis(values=list(values), labelExpr=labels, **more)


def round_steps(highest: float, most: int = 4) -> list[float]:
    """Round values from 0 to `highest`, at most `most` steps."""
    if highest <= 0:
        return [0.0]
    raw = highest / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * 0.999)
    return [round(step * number, 9) for number in range(math.floor(highest / step * 1.001) + 1)]


def configured(chart: Chart, margins: Margins) -> dict[str, Any]:
    spec: dict[str, Any] = chart.to_dict(validate=False)
    spec["background"] = None
    spec["padding"] = {side: getattr(margins, side) for side in ("left", "top", "right", "bottom")}
    spec["config"] = {
        "aria": False,  # the picture as a whole has a text; thousands of marks that each have one help nobody
        "view": {"stroke": None},
        "axis": {
            "domainColor": GRID,
            "gridColor": GRID,
            "labelColor": MUTED,
            "labelFontSize": SMALL_LETTERS,
            "labelOverlap": False,
            "labelBound": False,
            "labelFlush": False,
            "labelLimit": 0,
            "ticks": False,
            "labelPadding": 5,
            "title": None,
        },
        "concat": {"spacing": 0},
    }
    return spec
