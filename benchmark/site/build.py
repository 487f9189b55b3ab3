"""Builds the site from a reports directory: the overview, a page for each run, one to compare two, the calculator."""

import shutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from tempfile import mkdtemp

from benchmark.errors import UnwritableRunError, UsageError
from benchmark.judge.history import Judged
from benchmark.record import Record
from benchmark.report.charts.registry import Picture, run_pictures, sweep_pictures, trend_pictures
from benchmark.report.index import Judge, headline_run, nobody_judges, pictured, render_block, render_index
from benchmark.report.noise_floor import unreadable_selftest
from benchmark.report.published import Published, read_published
from benchmark.report.report import render_report
from benchmark.site import charts as calculator
from benchmark.site.charts import with_hover
from benchmark.site.pages import GENERATOR, as_data, render, run_title, scripts, to_html
from benchmark.site.rows import Row, comparable, rows
from benchmark.store import CHARTS, FILE_NAME, NEWEST, History, read_history, read_runs, run_files

Say = Callable[[int, int], None]
"""Hears how many pages of how many are written."""

LINKS = {"reports/README.md": "#runs", "reports/": ""}
"""Where links of README and index lead on the overview."""


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
    say: Say = lambda _done, _all: None,
    *,
    with_scripts: bool = True,
) -> Site:
    """Build the site into `out`, whose former content is replaced as a whole when everything was written.

    Without scripts it is good for nothing but to see that it can be built, in half the time.
    UsageError: `out` holds something that no `bench site` wrote. UnwritableRunError: it cannot be written.
    """
    out = out.resolve()
    _check(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(mkdtemp(prefix=f".{out.name}-", dir=out.parent))
        try:
            for name, content in scripts().items() if with_scripts else ():
                _write(fresh / name, content)
            built = _write_all(reports, fresh, judge, say)
            fresh.chmod(0o755)
            _take_its_place(fresh, out)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    except OSError as error:
        raise UnwritableRunError(f"{out} cannot be written: {error.strerror or error}") from None
    return Site(out / "index.html", built.pages, built.left_out, built.unreadable)


def _take_its_place(fresh: Path, out: Path) -> None:
    """Rename first and remove last: whenever this is interrupted, a whole site is there under one of the names."""
    former = fresh.with_name(f"{fresh.name}-former")
    if out.exists():
        out.rename(former)
    fresh.rename(out)
    shutil.rmtree(former, ignore_errors=True)


def _check(out: Path) -> None:
    """Replace only what is known to be ours."""
    index = out / "index.html"
    if (out / ".git").exists():
        message = f"{out} is a git checkout, which would be lost; build into another folder with --out, and copy"
        raise UsageError(message)
    if out.is_dir() and not any(out.iterdir()):
        return
    if out.exists() and not (index.is_file() and f'content="{GENERATOR}"' in index.read_text(errors="replace")):
        message = f"{out} exists and was not made by bench site, so it stays as it is; choose another folder with --out"
        raise UsageError(message)


def _write_all(reports: Path, out: Path, judge: Judge, say: Say) -> Site:
    tables = read_published(reports / "published")
    history = read_history(reports)
    history = replace(history, unreadable=(*history.unreadable, *unreadable_selftest(reports)))
    judged = judge(history.records)
    listed = rows(history.records, judged)
    own = judged.own(history.records)
    newest, charts = headline_run(own), _overview_charts(history, judged)
    _write_charts(out / CHARTS, charts)
    left_out = max(0, history.runs - NEWEST)
    overview = overview_page(reports, history, judged, listed, tables, charts=charts, newest=newest, left_out=left_out)
    _write(out / "index.html", overview)
    _write(out / "compare.html", render("compare.html.j2", title="Compare two runs", data=as_data(comparable(listed))))
    chart = as_data(calculator.specification())
    _write(out / "calculator.html", render("calculator.html.j2", title="Calculator", chart=chart))
    for picture in _pictures(reports / CHARTS):
        _copy(picture, out / CHARTS / picture.name)
    row_of = {row.record.id: row for row in listed}
    charted = pictured(history.records, own)
    for number, record in enumerate(islice(read_runs(run_files(reports), []), NEWEST), start=1):
        source, target = reports / "runs" / record.id, out / "runs" / record.id
        images = _pictures(source)
        with_charts = record.id in charted or bool(images)
        charts_of_run = {one.file: one for one in run_pictures(record).values()} if with_charts else {}
        _write_charts(target, charts_of_run)
        page = run_page(record, tables, judged, source, row=row_of[record.id], charts=charts_of_run)
        _write(target / "index.html", page)
        for file in (source / FILE_NAME, *images):
            _copy(file, target / file.name)
        say(number, len(listed))
    return Site(out / "index.html", len(listed) + 3, left_out, history.unreadable)


def _write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


def _pictures(folder: Path) -> list[Path]:
    """The pictures in a folder of the reports; a link would bring any file into the site."""
    found = [] if folder.is_symlink() else sorted(folder.glob("*.svg"))
    return [picture for picture in found if picture.is_file() and not picture.is_symlink()]


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _overview_charts(history: History, judged: Judged) -> dict[str, Picture]:
    """Charts of more than one run, by the file of their picture."""
    several = trend_pictures(judged)
    found = {one.file: one for items in several.values() for one in items}
    return found | {one.file: one for one in sweep_pictures(history.records)}


def overview_page(
    reports: Path,
    history: History,
    judged: Judged,
    listed: list[Row],
    tables: tuple[Published, ...],
    *,
    charts: Collection[str] = (),
    newest: Record | None = None,
    left_out: int = 0,
) -> str:
    """The first page: what README and index say, the charts drawn by the page, every run in a list that filters."""
    drawn = {name: _drawn(reports / CHARTS / name, f"{CHARTS}/{name}") for name in charts}
    if newest is not None:
        file = f"runs/{newest.id}/throughput.svg"
        drawn["throughput.svg"] = _drawn(reports / file, file)
    markdown = render_index(history, judged, block=render_block(judged.own(history.records), tables), listing=False)
    links = LINKS | {f"runs/{row.record.id}/report.md": f"runs/{row.record.id}/index.html" for row in listed}
    links |= {f"reports/{begin}": end for begin, end in links.items() if begin.startswith("runs/")}
    return render(
        "overview.html.j2",
        title="Benchmark reports",
        content=to_html(markdown, links=links, drawn=drawn),
        rows=listed,
        series=sorted({row.series for row in listed}),
        charts=bool(drawn),
        left_out=left_out,
    )


def run_page(
    record: Record, tables: tuple[Published, ...], judged: Judged, source: Path, *, row: Row, charts: Collection[str]
) -> str:
    """The page of one run: its report. `source`: where its pictures are; `charts`: those that the page draws."""
    drawn = {name: _drawn(source / name, name) for name in charts}
    return render(
        "run.html.j2",
        title=run_title(record),
        root="../../",
        content=to_html(render_report(record, tables, judged, with_pictures=bool(charts)), drawn=drawn),
        record=record,
        before=row.before,
        charts=bool(charts),
    )


def _drawn(picture: Path, path: str) -> str:
    """The file of the chart that a page draws for a picture; "!": there is no picture to show until it is drawn."""
    return f"{path}.js" if picture.exists() else f"!{path}.js"


def _write_charts(folder: Path, charts: Mapping[str, Picture]) -> None:
    """A file for each chart, which the page loads when it comes into view."""
    for name, one in charts.items():
        _write(folder / f"{name}.js", f"chartIs({as_data(with_hover(one.specification()))});\n")
