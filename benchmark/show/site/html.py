"""Markdown of the reports as HTML, so that the page says what GitHub says, from one source.

Only Markdown that was rendered here comes in. Names from outside are inert in it (benchmark.show.text), and the page
allows no script but its own files.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup, escape

NO_MENTION = "<!-- -->"
"""What benchmark.show.text puts into a name so that GitHub tells nobody; a text that is read out has no comments."""


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
