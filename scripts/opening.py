"""Opens a page in the user's browser: what `run --open` and `site --open` share."""

import sys
import webbrowser
from pathlib import Path

from benchmark.record import Record


def open_page(page: Path) -> None:
    """Open a file. Where there is no browser, say which file to open; that is no failure."""
    try:
        opened = webbrowser.open(page.resolve().as_uri())
    except webbrowser.Error:
        opened = False
    if not opened:
        sys.stderr.write(f"There is no browser here; open {page} in one.\n")


def open_report(report: Path, record: Record) -> None:
    """Open a report.md, as a page."""
    from benchmark.show.site.alone import write_page_beside  # noqa: PLC0415 - Altair costs every command 0.3 s

    open_page(write_page_beside(report, record))
