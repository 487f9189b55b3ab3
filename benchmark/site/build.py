"""Builds the site from a reports directory: overview, runs, a page for each run, comparison, calculator."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from tempfile import mkdtemp

from benchmark.errors import UsageError
from benchmark.report.charts.registry import Picture, run_pictures, sweep_pictures, trend_pictures
from benchmark.report.feed import FEED_NAME, render_feed
from benchmark.report.index import Judge, nobody_judges, pictured
from benchmark.report.noise_floor import unreadable_selftest
from benchmark.report.published import read_published
from benchmark.site.charts import calculator, with_hover
from benchmark.site.pages import (
    GENERATOR,
    Row,
    as_data,
    comparable,
    overview_page,
    render,
    rows,
    run_page,
    runs_page,
    scripts,
)
from benchmark.store import CHARTS, FILE_NAME, NEWEST, read_history, read_runs, run_files, writing

PAGES = 4  # next to those of the runs


@dataclass(frozen=True)
class Site:
    """What was built. `left_out`: older runs, which have no page. `unreadable`: one line for each file."""

    index: Path
    pages: int
    left_out: int
    unreadable: tuple[str, ...]


def build(
    reports: Path,
    out: Path,
    judge: Judge = nobody_judges,
    say: Callable[[int, int], None] = lambda _done, _all: None,
    *,
    with_scripts: bool = True,
    home: str | None = None,
) -> Site:
    """Build the site into `out`, whose former content is replaced as a whole when everything was written.

    `say` hears how many pages of how many are written. Without scripts it shows only that it can be built, in half the
    time. `home`: the repository that pages link to, as "github.com/owner/name".
    UsageError: `out` holds something that no `bench site` wrote. UnwritableRunError: it cannot be written.
    """
    out = out.resolve()
    _check(out)
    with writing(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(mkdtemp(prefix=f".{out.name}-", dir=out.parent))
        try:
            for name, content in scripts().items() if with_scripts else ():
                _write(fresh / name, content)
            built = _write_all(reports, fresh, judge, say, home)
            fresh.chmod(0o755)
            # Rename first and remove last: whenever this is interrupted, a whole site is there under one of the names.
            former = fresh.with_name(f"{fresh.name}-former")
            if out.exists():
                out.rename(former)
            fresh.rename(out)
            shutil.rmtree(former, ignore_errors=True)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    return replace(built, index=out / "index.html")


def _check(out: Path) -> None:
    """Replace only what is known to be ours."""
    index = out / "index.html"
    if (out / ".git").exists():
        raise UsageError(
            f"{out} is a git checkout, which would be lost; build into another folder with --out, and copy"
        )
    if out.is_dir() and not any(out.iterdir()):
        return
    if out.exists() and not (index.is_file() and f'content="{GENERATOR}"' in index.read_text(errors="replace")):
        message = f"{out} exists and was not made by bench site, so it stays as it is; choose another folder with --out"
        raise UsageError(message)


def _write_all(reports: Path, out: Path, judge: Judge, say: Callable[[int, int], None], home: str | None) -> Site:
    tables = read_published(reports / "published")
    history = read_history(reports)
    history = replace(history, unreadable=(*history.unreadable, *unreadable_selftest(reports)))
    judged = judge(history.records)
    listed, left_out = rows(history.records, judged), max(0, history.runs - NEWEST)
    trends = [one for several in trend_pictures(judged).values() for one in several]
    charts = {one.file: one for one in (*trends, *sweep_pictures(history.records))}
    _write_charts(out / CHARTS, charts)
    _copy(_pictures(reports / CHARTS), out / CHARTS)
    _write(out / "index.html", overview_page(reports, history, judged, listed, charts=charts, home=home))
    _write(out / "runs.html", runs_page(listed, left_out=left_out, home=home))
    _write_tools(out, listed, home)
    feed = render_feed(judged.own(history.records), history.failures, judged, page="index.html")
    _write(out / FEED_NAME, feed)
    row_of = {row.record.id: row for row in listed}
    charted = pictured(history.records, judged.own(history.records))
    for number, record in enumerate(islice(read_runs(run_files(reports), []), NEWEST), start=1):
        source, target = reports / "runs" / record.id, out / "runs" / record.id
        images = _pictures(source)
        drawn = run_pictures(record).values() if record.id in charted or images else ()
        charts = {one.file: one for one in drawn}
        _write_charts(target, charts)
        page = run_page(record, tables, judged, source, row=row_of[record.id], charts=charts, home=home)
        _write(target / "index.html", page)
        _copy([source / FILE_NAME, *images], target)
        say(number, len(listed))
    return Site(out / "index.html", len(listed) + PAGES, left_out, history.unreadable)


def _write_tools(out: Path, listed: list[Row], home: str | None) -> None:
    """The pages that work something out in the browser."""
    for name, title, data in (
        ("compare.html", "Compare two runs", comparable(listed)),
        ("calculator.html", "Throughput calculator", calculator()),
    ):
        _write(out / name, render(f"{name}.j2", title=title, here=name, home=home, data=as_data(data)))


def _write_charts(folder: Path, charts: Mapping[str, Picture]) -> None:
    """A file for each chart, which the page loads when it comes into view."""
    for name, one in charts.items():
        _write(folder / f"{name}.js", f"chartIs({as_data(with_hover(one.specification()))});\n")


def _write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


def _pictures(folder: Path) -> list[Path]:
    """The pictures in a folder of the reports; a link would bring any file into the site."""
    found = [] if folder.is_symlink() else sorted(folder.glob("*.svg"))
    return [picture for picture in found if picture.is_file() and not picture.is_symlink()]


def _copy(files: list[Path], folder: Path) -> None:
    for file in files:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, folder / file.name)
