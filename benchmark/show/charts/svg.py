"""From a specification to an SVG file: the same bytes on every machine, legible on light and on dark pages."""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import vl_convert

from benchmark.show.charts.paths import number, shortened
from benchmark.show.charts.style import DARK, FONT, WIDTH, Chart, Margins, configured

DARK_RULES = "".join(
    f'[fill="{light}"]{{fill:{dark}}}[stroke="{light}"]{{stroke:{dark}}}' for light, dark in DARK.items()
)
STYLE = f"text{{font-family:{FONT}}}@media(prefers-color-scheme:dark){{{DARK_RULES}}}"

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
    """Draw. `said` is the text for those who do not see it."""
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
    """A short hash of what a picture was drawn from."""
    found = hashlib.sha256()
    for part in parts:
        found.update(part.encode() if isinstance(part, str) else part)
        found.update(b"\0")
    return found.hexdigest()[:16]
