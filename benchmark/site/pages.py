"""The pages of the site, and the page of a single run: Markdown of the reports becomes HTML, from one source."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import vl_convert
from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup, escape

from benchmark import formatting as text
from benchmark.record import Record
from benchmark.report.charts.svg import DARK_RULES
from benchmark.store import write_changed


def write_page_beside(report: Path, record: Record) -> Path:
    """Write report.html beside report.md. UnwritableRunError: the disk is full or gone."""
    page = report.with_suffix(".html")
    content = to_html(report.read_text(encoding="utf-8"))
    html = render(
        "run.html.j2", title=run_title(record), alone=True, content=content, record=record, before=None, charts=False
    )
    write_changed(page, html)
    return page


NO_MENTION = "<!-- -->"
"""What benchmark.formatting puts into a name so that GitHub tells nobody; a text that is read out has no comments."""


def to_html(markdown: str, *, links: Mapping[str, str] | None = None, drawn: Mapping[str, str] | None = None) -> Markup:
    """Render Markdown.

    `links`: where links and pictures lead instead, by the beginning of their address; the longest that fits counts.
    `drawn`: by the file name of a picture the file of the chart that the page draws in its place; a picture that has
    none stays a picture, and one whose chart begins with "!" has no file to fall back to, only its words.
    """
    return Markup(_parser().render(markdown, {"links": links or {}, "drawn": drawn or {}}))  # noqa: S704 - see above


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    parser.add_render_rule("image", _image)
    parser.add_render_rule("link_open", _link)
    parser.add_render_rule("table_open", _table)
    parser.add_render_rule("table_close", _table_end)
    return parser


def led(address: str, links: Mapping[str, str]) -> str:
    """Where an address leads on the page."""
    fitting = max((begin for begin in links if address.startswith(begin)), key=len, default=None)
    return address if fitting is None else links[fitting] + address.removeprefix(fitting)


def _image(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    token = tokens[index]
    address = led(str(token.attrs["src"]), env["links"])
    said = renderer.renderInlineAsText(token.children, options, env).replace(NO_MENTION, "")
    spec = env["drawn"].get(address.rsplit("/", 1)[-1], "")
    picture = (
        escape(said) if spec.startswith("!") else Markup('<img src="{}" alt="{}" loading="lazy">').format(address, said)
    )
    if not spec:
        return str(picture)
    return str(
        Markup('<span class="chart" role="img" aria-label="{}" data-spec="{}">{}</span>').format(
            said, spec.removeprefix("!"), picture
        )
    )


def _link(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    token = tokens[index]
    token.attrs["href"] = led(str(token.attrs["href"]), env["links"])
    return renderer.renderToken(tokens, index, options, env)


def _table(_renderer: RendererHTML, _tokens: Sequence[Token], _index: int, _options: Any, _env: Any) -> str:
    """A wide table scrolls by itself, by keyboard too, and does not push the page aside."""
    return '<div class="wide" tabindex="0"><table>\n'


def _table_end(_renderer: RendererHTML, _tokens: Sequence[Token], _index: int, _options: Any, _env: Any) -> str:
    return "</table></div>\n"


STATIC = files("benchmark.site") / "static"
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
        loader=PackageLoader("benchmark.site"),
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
