"""How every picture looks: sizes that leave it readable on a phone, colours for light and dark pages.

Nothing may be placed by the measured width of a text, because fonts differ from machine to machine: sizes are
fixed, texts are cut here, ticks are listed, and no axis title or legend of Vega's own is used.
"""

import json
import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import altair as alt

from benchmark.formatting import minus, plain

WIDTH = 760  # of every picture (px)
LETTERS = 16
SMALL_LETTERS = 15
NARROW = 560  # where a picture is shown narrower than this (px), all its letters have LARGE_LETTERS
LARGE_LETTERS = 20  # a phone shows a picture 358 px wide: then they are 9 px high
LETTER = 11.5  # room for one letter of a text (px), by which texts are cut and placed: LARGE_LETTERS of a broad font
LAST_PLAIN = 0x24F  # of the Latin letters
MILLION = 1_000_000
KEY_MARK = 32  # from the mark of a key to its words, and from these to the next mark (px)
LINE = 26  # height of a line of text
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

RATE, TIME, PREDICTED = BLUE, PURPLE, ORANGE
FAR_OFF = 0.03
"""A prediction is drawn where it is further off than this: nearer, one mark would hide the other."""
DIAMOND: dict[str, Any] = {"shape": "diamond", "size": 150, "filled": True, "color": PREDICTED, "opacity": 1}
DIAMOND |= {"stroke": GRID, "strokeWidth": 1}


_ZEROS = re.compile(r"\.0+(?=M?$)|(?P<kept>\.\d*[1-9])0+(?=M?$)")


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


def breadth(text: str) -> float:
    """How broad a text is in a broad font (DejaVu Sans), in units of LETTER."""
    return sum(_breadth(letter) for letter in text)


def _breadth(letter: str) -> float:
    if letter in "MWmw@%" or unicodedata.east_asian_width(letter) in {"W", "F"} or ord(letter) > LAST_PLAIN:
        return 1.8
    return 1.4 if letter.isupper() else 0.7 if letter in "ijlt.,:;'|!()[] " else 1.1


def cut(text: str, most: float) -> str:
    """A name from outside for a place that has room for `most` letters."""
    shown = plain(text)
    if breadth(shown) <= most:
        return shown
    while breadth(shown) > most - 1.8:
        shown = shown[:-1]
    return f"{shown}…"


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


def pixels_across(field: str) -> alt.X:
    return alt.X(f"{field}:Q", scale=None, axis=None)


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


def axis(values: Sequence[float], labels: Sequence[str], **more: Any) -> alt.Axis:
    """An axis with a label at each of the values."""
    found = f"{json.dumps(list(labels), ensure_ascii=False)}[indexof({json.dumps(list(values))}, datum.value)]"
    return alt.Axis(values=list(values), labelExpr=found, **more)


def far_off(measured: float | None, predicted: float | None) -> bool:
    return measured is not None and predicted is not None and abs(predicted - measured) > FAR_OFF * abs(measured)


def exact(value: float) -> str:
    """A number for a picture: three digits or all whole ones; "0.00123", "85.0", "29,250", "1.25M"."""
    part, unit = (value / MILLION, "M") if abs(value) >= MILLION - 0.5 else (value, "")
    digits = 0 if part == 0 else max(0, 2 - math.floor(math.log10(abs(part))))
    return minus(f"{part:,.{digits}f}{unit}")


def short(value: float) -> str:
    """The same without zeros at its end, as ticks have it: "0.5", "85", "29,250", "1.2M"."""
    return _ZEROS.sub(lambda found: found["kept"] or "", exact(value))


def times(values_ms: Sequence[float]) -> list[str]:
    """Labels of an axis of times, in the unit that suits the largest: "0", "50 ms", "2.5 s"."""
    unit, by = ("s", 1000) if max(map(abs, values_ms), default=0.0) >= 1000 else ("ms", 1)  # noqa: PLR2004 - a second
    return [f"{short(value / by)} {unit}" if value else "0" for value in values_ms]


def times_each(values_ms: Sequence[float]) -> list[str]:
    """Labels of a logarithmic axis of times, each in the unit that suits it: "500 ms", "1 s"."""
    return [label for value in values_ms for label in times([value])]


def room(labels: Iterable[str], least: int = 4) -> int:
    """Room (px) that texts need, with some distance to what they stand next to."""
    return math.ceil(LETTER * max([least, *map(breadth, labels)])) + 20


def step_of(span: float, most: int) -> float:
    """The smallest round step of which at most so many fit into a span."""
    raw = span / most
    power = 10.0 ** math.floor(math.log10(raw))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * 0.999)


def round_steps(highest: float, most: int = 4) -> list[float]:
    """Round values from 0 to `highest`, at most `most` steps."""
    if highest <= 0:
        return [0.0]
    step = step_of(highest, most)
    return [_clean(step * number) for number in range(math.floor(highest / step * 1.001) + 1)]


def steps_beyond(highest: float, most: int = 4) -> list[float]:
    """Round values from 0 to the first one that is not below `highest`."""
    if highest <= 0:
        return [0.0, 1.0]
    step = step_of(highest, most)
    return [_clean(step * number) for number in range(math.ceil(highest / step * 0.999) + 1)]


def steps_within(low: float, high: float, most: int = 3) -> list[float]:
    """Two round values or more between two that may both be negative, mostly at most `most` steps apart."""
    for steps in (most, max(4, most)):  # a step of a quarter of the span is at most half of it when it is rounded up
        step = step_of(high - low, steps)
        found = [_clean(step * number) for number in range(math.ceil(low / step), math.floor(high / step) + 1)]
        if len(found) > 1:
            break
    return found


def _clean(value: float) -> float:
    """Without the noise of binary fractions."""
    return float(f"{value:.9g}")


@dataclass(frozen=True)
class Item:
    """An entry of a key: what it explains, and the marks that stand for it at a place (px), 24 px wide."""

    words: str
    drawn: Callable[[float, float], Sequence[alt.Chart]]


def key(items: Sequence[Item], margins: Margins) -> Panel:
    """Items next to each other, in as many lines as they need; each closer to its own words than to the next mark."""
    left, right = 10.0 - margins.left, WIDTH - margins.left - 10
    x, y, layers = left, LINE / 2 + 4, []
    for item in items:
        needed = KEY_MARK + LETTER * breadth(item.words)
        if x > left and x + needed > right:
            x, y = left, y + LINE
        layers += [*item.drawn(x, y), words(item.words, x + KEY_MARK, y)]
        x += needed + KEY_MARK
    return Panel(layers or [words("", left, y)], margins.inner, y + LINE / 2)


def swatch(kind: Mark, **look: Any) -> Callable[[float, float], list[alt.Chart]]:
    """What a key shows for marks of one kind and look."""

    def drawn(x: float, y: float) -> list[alt.Chart]:
        if kind in {"bar", "rule"}:
            return [sample(kind, x, y, x2=x + 22, **look)]
        if kind == "rect":
            return [sample(kind, x, y - 8, x2=x + 22, y2=y + 8, **look)]
        return [sample(kind, x + 11, y, **look)]

    return drawn


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
