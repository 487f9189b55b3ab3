"""The page of one run for a reader without the site: one file beside the report, whose pictures it shows."""

from pathlib import Path

from benchmark.files import write_changed
from benchmark.record import Record
from benchmark.show.site.html import to_html
from benchmark.show.site.pages import render, run_title


def write_page_beside(report: Path, record: Record) -> Path:
    """Write report.html beside report.md. UnwritableRunError: the disk is full or gone."""
    page = report.with_suffix(".html")
    content = to_html(report.read_text(encoding="utf-8"))
    html = render(
        "run.html.j2", title=run_title(record), alone=True, content=content, record=record, before=None, charts=False
    )
    write_changed(page, html)
    return page
