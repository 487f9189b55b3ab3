"""Markdown as GitHub shows it, in a headless Chromium: GitHub's own parser, in a page of GitHub's measures."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import cmarkgfm
from cmarkgfm.cmark import Options
from playwright.sync_api import Browser, Dialog, Error, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--no-sandbox",  # it opens only what was rendered here, often as root in a container
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>page</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<style>{css}
body {{ margin: 0 }}
.markdown-body {{ box-sizing: border-box; max-width: 1012px; margin: 0 auto; padding: 16px }}
@media (min-width: 768px) {{ .markdown-body {{ padding: 32px }} }}
</style></head><body><article class="markdown-body">{body}</article></body></html>
"""


def as_on_github(markdown: str, css: str = "") -> str:
    """A page that shows Markdown. Nothing is taken out as GitHub would do: what is inert here is inert there."""
    body = cmarkgfm.github_flavored_markdown_to_html(markdown, options=Options.CMARK_OPT_UNSAFE)
    return PAGE.format(css=css, body=body)


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's Chromium, else the one that `playwright install chromium` fetched. LookupError: there is none."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        except Error as error:
            message = "there is no Chromium here: install chromium, or .venv/bin/playwright install chromium"
            raise LookupError(message) from error
        try:
            yield browser
        finally:
            browser.close()


def write_page(markdown: Path, page: Path, css: str = "") -> Path:
    """Write the page of a Markdown file; `page` lies in the same folder, where its pictures are found."""
    page.write_text(as_on_github(markdown.read_text(encoding="utf-8"), css), encoding="utf-8")
    return page


class Visit:
    """A page that was opened, and all that it did beyond being shown."""

    def __init__(self, browser: Browser, scheme: str = "light", width: int = 1280, *, scripts: bool = True) -> None:
        self.page: Page = browser.new_page(
            color_scheme="dark" if scheme == "dark" else "light",
            viewport={"width": width, "height": 800},
            java_script_enabled=scripts,
        )
        self.done: list[str] = []
        self.page.on("dialog", self._dismiss)
        self.page.on("pageerror", lambda error: self.done.append(f"error {error}"))
        self.page.on("console", lambda message: self.done.append(f"console {message.text}"))
        self.page.on("request", lambda request: self._note(request.url))

    def _dismiss(self, dialog: Dialog) -> None:
        self.done.append(f"dialog {dialog.message}")
        dialog.dismiss()

    def _note(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme != "data" and (parts.scheme != "file" or not Path(unquote(parts.path)).exists()):
            self.done.append(f"request {url}")

    def open(self, path: Path, fragment: str = "") -> None:
        """Open a file; whatever it does at once is done when this returns."""
        self.page.goto(f"{path.as_uri()}{fragment and '#'}{fragment}")
        self.page.wait_for_load_state("networkidle")
        if self.page.evaluate("window.hit") is not None:
            self.done.append("script")


def see_all(page: Page) -> None:
    """Unfold everything and scroll through it, until every chart that there is has been drawn."""
    page.evaluate("document.querySelectorAll('details').forEach(item => { item.open = true })")
    for chart in page.locator("[data-spec]").all():
        chart.scroll_into_view_if_needed()
    page.wait_for_function("document.querySelector('[data-spec]:not([data-drawn]), #chart:not(:has(svg))') === null")
