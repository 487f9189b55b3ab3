"""The pages of the site as text: layout and style around what the records say."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import vl_convert
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from benchmark.record import Record
from benchmark.show import text
from benchmark.show.charts.svg import DARK_RULES

STATIC = files("benchmark.show.site") / "static"
GENERATOR = "bench site"
"""What every page names as its maker: by that a folder is known as one that may be written again."""

SCRIPTS = ("charts.js", "format.js", "theory.js", "runs.js", "compare.js", "calculator.js")
VEGA = "vega.js"
TAKEN = "window.vegaEmbed = vegaEmbed;"
"""What our scripts use of the bundle."""


@cache
def templates() -> Environment:
    """Jinja, set up for HTML: everything is escaped, a missing value is an error."""
    environment = Environment(
        loader=PackageLoader("benchmark.show", "templates/site"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=True,
    )
    environment.filters |= {"plain": text.plain, "rate": text.rate, "when": text.when}
    environment.globals |= {"generator": GENERATOR, "style": Markup(_style())}  # noqa: S704 - a file of ours
    return environment


def _style() -> str:
    """Charts that the page draws become dark like the pictures of the reports."""
    return f"{_static('site.css')}@media (prefers-color-scheme: dark) {{ {DARK_RULES} }}\n"


def _static(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")


@cache
def scripts() -> Mapping[str, str]:
    """Every script of the site by its file name: our own, and Vega with Vega-Lite, which draws the charts."""
    own = {name: _static(name) for name in SCRIPTS}
    # Within a function: the bundle's thousands of short names shall not meet ours.
    return own | {VEGA: f"(() => {{\n{vl_convert.javascript_bundle(TAKEN)}\n}})();\n"}


def render(template: str, *, title: str, root: str = "", alone: bool = False, **values: Any) -> str:
    """One page. `root` leads from it to the folder of the overview: "" or "../../". `alone`: without the others."""
    return templates().get_template(template).render(title=title, root=root, alone=alone, **values)


def run_title(record: Record) -> str:
    """What the page of a run is called."""
    return f"{record.profile.name}, {text.when(record.started_at)}"


def as_data(value: Mapping[str, Any] | Sequence[Any]) -> Markup:
    """JSON that may stand within a <script> element, whatever is in it."""
    dumped = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for char in "<>&\u2028\u2029":
        dumped = dumped.replace(char, f"\\u{ord(char):04x}")
    return Markup(dumped)  # noqa: S704 - nothing in it ends the element
