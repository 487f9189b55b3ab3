"""`bench site`: the page to explore."""

import sys
from pathlib import Path
from typing import Annotated

from typer import Option

from benchmark.errors import InvalidRunError
from benchmark.formatting import say
from benchmark.judge.history import Judged
from benchmark.record import Record
from benchmark.report.index import Judge
from benchmark.report.published import Published
from benchmark.report.render import home_repository, judge_of
from scripts import options
from scripts.cli import open_page


def site(
    out: Annotated[Path, Option(metavar="<folder>", help="Folder to write; an earlier site there is replaced.")] = Path(
        "site"
    ),
    reports: options.Reports = options.REPORTS,
    open_it: options.OpenIt = False,
) -> None:
    """Build the static site: overview, list of runs, a page per run, comparison of two runs, throughput calculator.

    It works offline and without a server: open site/index.html, or copy the folder to any web server.

    Examples:
        bench site --open
        bench site --out /var/www/benchmark

    """
    from benchmark.site.build import build  # noqa: PLC0415 - Altair costs every command 0.3 s

    options.require_reports(reports)
    with options.screen(stderr=True).status("") as status:
        built = build(
            reports,
            out,
            judge_of(reports),
            lambda done, of: status.update(f"Page {done} of {of} ..."),
            home=home_repository(),
        )
    older = f"; {built.left_out} older runs have no page" if built.left_out else ""
    say(f"Built {built.pages} pages{older}: {out / built.index.name}", sys.stdout)
    if open_it:
        open_page(built.index)
    if built.unreadable:
        raise InvalidRunError("; ".join(built.unreadable))


def try_build(reports: Path, out: Path, judge: Judge) -> tuple[str, ...]:
    """Build the pages, without scripts, to see that they can be built; one line for each file that cannot be read."""
    from benchmark.site.build import build  # noqa: PLC0415 - Altair costs every command 0.3 s

    return build(reports, out, judge, with_scripts=False).unreadable


def page_beside(report: Path, record: Record) -> Path:
    """Write the page of one run next to its report.md."""
    from benchmark.site.pages import write_page_beside  # noqa: PLC0415 - Altair costs every command 0.3 s

    return write_page_beside(report, record)


def whole_page(record: Record, tables: tuple[Published, ...], judged: Judged) -> str:
    """The report of one run as one HTML file."""
    from benchmark.site.pages import whole_page as page  # noqa: PLC0415 - Altair costs every command 0.3 s

    return page(record, tables, judged)
