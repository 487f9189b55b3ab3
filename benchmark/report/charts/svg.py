"""From a specification to a small SVG file: the same bytes on every machine, legible on light and on dark pages."""

import hashlib
import json
import re
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import vl_convert

from benchmark.report.charts.style import DARK, FONT, LARGE_LETTERS, NARROW, WIDTH, Chart, Margins, configured

DARK_RULES = "".join(
    f'[fill="{light}"]{{fill:{dark}}}[stroke="{light}"]{{stroke:{dark}}}' for light, dark in DARK.items()
)
NARROW_RULE = f"@media(max-width:{NARROW}px){{text{{font-size:{LARGE_LETTERS}px}}}}"
"""A picture is a page of its own: its width is the width at which it is shown."""
STYLE = f"text{{font-family:{FONT}}}{NARROW_RULE}@media(prefers-color-scheme:dark){{{DARK_RULES}}}"

_ROOT = re.compile(r"^<svg [^>]*>")
_CLUTTER = re.compile(
    r' (?:role|aria-[a-z]+|pointer-events|font-family|class|opacity="1"|stroke-miterlimit)(?:="[^"]*")?'
)
_EMPTY = re.compile(r"<g(?: [^>]*)?></g>|<path d=\"M0,0h0v0h0Z\"/>|<path d=\"\"(?: display=\"none\")?/>")
_TAG = re.compile(r"<[^>]+>")
_LONG = re.compile(r"-?\d+\.\d{2,}(?:e-?\d+)?")


@dataclass(frozen=True)
class Drawing:
    """A chart, the room around it and its height (px). All pictures are WIDTH px wide."""

    chart: Chart
    margins: Margins
    height: int

    def specification(self) -> dict[str, Any]:
        """Vega-Lite's words for it, for a page that draws it itself.

        The frame does not fit its texts, which are as wide as a machine's fonts; its size stands in `usermeta`.
        """
        frame = {"width": WIDTH, "height": self.height}
        return configured(self.chart, self.margins) | {"autosize": {"type": "none"}, "usermeta": frame}


def to_svg(drawing: Drawing, said: str) -> str:
    drawn = vl_convert.vegalite_to_svg(json.dumps(drawing.specification()))
    body = _ROOT.sub("", drawn, count=1)
    body = _TAG.sub(lambda tag: _LONG.sub(lambda found: number(float(found[0])), _CLUTTER.sub("", tag[0])), body)
    while _EMPTY.search(body):
        body = _EMPTY.sub("", body)
    body = shortened(body)
    root = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{drawing.height}" '
        f'viewBox="0 0 {WIDTH} {drawing.height}" role="img" aria-label={quoteattr(said)}>'
    )
    return f"{root}<title>{escape(said)}</title><style>{STYLE}</style>{body}\n"


def fingerprint(*parts: str | bytes) -> str:
    found = hashlib.sha256()
    for part in parts:
        found.update(part.encode() if isinstance(part, str) else part)
        found.update(b"\0")
    return found.hexdigest()[:16]


_POLYLINE = re.compile(r' d="(M[-0-9.,ML]+Z?)"')
_SYMBOL = re.compile(r'<path transform="translate\((-?[0-9.]+),(-?[0-9.]+)\)" d="([-0-9.,MLAZ]+)"([^>]*)/>')
_SYMBOLS = re.compile(f"(?:{_SYMBOL.pattern}){{2,}}")
_COMMAND = re.compile(r"([MLAZ])([-0-9.,]*)")
_ENDPOINT = 2  # how many of a command's numbers, the last ones, are a place

Point = tuple[float, float]


def shortened(drawing: str) -> str:
    """Join symbols of one look into one path each, and write straight lines in few words."""
    joined = _SYMBOLS.sub(lambda found: _joined(found[0]), drawing)
    return _POLYLINE.sub(lambda found: f' d="{_polyline(found[1])}"', joined)


def _joined(symbols: str) -> str:
    found = [match.groups() for match in _SYMBOL.finditer(symbols)]
    paths = []
    for look, alike in groupby(found, key=lambda groups: groups[3]):
        moved = "".join(_moved(shape, float(x), float(y)) for x, y, shape, _ in alike)
        paths.append(f'<path d="{moved}"{look}/>')
    return "".join(paths)


def _moved(shape: str, x: float, y: float) -> str:
    parts = []
    for command, numbers in _COMMAND.findall(shape):
        values = [float(number) for number in numbers.split(",") if number]
        if values:
            values[-_ENDPOINT:] = [values[-2] + x, values[-1] + y]
        parts.append(command + ",".join(number(value) for value in values))
    return "".join(parts)


def _polyline(path: str) -> str:
    closed = path.endswith("Z")
    pieces = path.removesuffix("Z").split("M")[1:]
    lines = [[_point(text) for text in piece.split("L")] for piece in pieces]
    return "".join(_line(points) for points in lines) + ("Z" if closed else "")


def _point(text: str) -> Point:
    x, y = text.split(",")
    return float(x), float(y)


def _line(points: list[Point]) -> str:
    kept = points[:1]
    for place, point in enumerate(points[1:], start=1):
        after = points[place + 1] if place + 1 < len(points) else None
        if after is None or not _on_the_way(kept[-1], point, after):
            kept.append(point)
    words = [f"M{number(kept[0][0])},{number(kept[0][1])}"]
    for before, point in pairwise(kept):
        if point[1] == before[1]:
            words.append(f"H{number(point[0])}")
        elif point[0] == before[0]:
            words.append(f"V{number(point[1])}")
        else:
            words.append(f"L{number(point[0])},{number(point[1])}")
    return "".join(words)


def _on_the_way(before: Point, point: Point, after: Point) -> bool:
    return any(
        before[n] == point[n] == after[n] and _between(before[1 - n], point[1 - n], after[1 - n]) for n in (0, 1)
    )


def _between(first: float, middle: float, last: float) -> bool:
    return min(first, last) <= middle <= max(first, last)


def number(value: float) -> str:
    """A tenth of a pixel is enough, and it is where two machines' arithmetic agrees."""
    return f"{round(value, 1) + 0.0:g}"
