"""Everything that is derived from the records under `reports/`: each report.md, the index, the README block."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.errors import UnwritableRunError
from benchmark.record import Record
from benchmark.record_file import FILE_NAME, read_record
from benchmark.show import sentences, verdicts
from benchmark.show.history import History, read_history, read_runs, run_files, without_timelines
from benchmark.show.overview import newest_of_each
from benchmark.show.published import Published, read_published
from benchmark.show.readme import render_block, replace_block
from benchmark.show.report import all_warnings, render_report, templates
from benchmark.show.selftest import on_this_machine
from benchmark.show.standing import newest, standing
from benchmark.trend import Judged

if TYPE_CHECKING:
    from benchmark.show.charts.pictures import Picture

LONGEST_INDEX = 50
REPORT_NAME = "report.md"
CHARTS = "charts"
"""Folder of the pictures that show more than one run."""


Judge = Callable[[Iterable[Record]], Judged]
"""Judges runs against each other; rendering does not know how."""


def nobody_judges(_records: Iterable[Record]) -> Judged:
    """For one run alone there is nothing to compare."""
    return Judged()


def render_index(history: History, judged: Judged | None = None) -> str:
    """The index of the newest runs as Markdown."""
    judged = judged or Judged()
    trends, sweeps = _pictures(history, judged)
    runs = [
        {
            "record": record,
            "best": next(iter(sentences.ranking(record)), None),
            "warnings": sum(finding.severity != "note" for _, finding in all_warnings(record)),
            "belief": judged.belief.get(record.id),
        }
        for record in history.records[:LONGEST_INDEX]
    ]
    return (
        templates()
        .get_template("index.md.j2")
        .render(
            runs=runs,
            more=max(0, history.runs - len(runs)),
            standing=standing(history.records, history.failures),
            changed=verdicts.worth_saying(judged),
            summed_up=verdicts.summed_up(judged),
            newest=newest_of_each(history.records),
            trends={
                profile: [(picture.title, picture.markdown(f"{CHARTS}/")) for picture in several]
                for profile, several in trends.items()
            },
            sweeps=[picture.markdown(f"{CHARTS}/") for picture in sweeps],
            visible=on_this_machine(history.records[0], judged.selftest) if history.records else "",
            failures=newest(history.failures),
            all_failures=len(history.failures),
            unreadable=history.unreadable,
            notes=judged.notes,
        )
    )


def _pictures(history: History, judged: Judged) -> tuple[dict[str, list["Picture"]], list["Picture"]]:
    """Pictures of more than one run: of each metric over the runs by profile, and of sweeps."""
    from benchmark.show.charts import pictures  # noqa: PLC0415 - Altair costs every command 0.3 s

    return pictures.trend_pictures(judged, history.records), pictures.sweep_pictures(history.records)


def _place_charts(reports: Path, history: History, judged: Judged) -> None:
    from benchmark.show.charts import pictures  # noqa: PLC0415 - Altair costs every command 0.3 s

    trends, sweeps = _pictures(history, judged)
    with _writing(reports / CHARTS):
        pictures.place(reports / CHARTS, [*(one for several in trends.values() for one in several), *sweeps])


def render_all(reports: Path, readme: Path, judge: Judge = nobody_judges, *, everything: bool = True) -> History:
    """Render what is derived from the runs; only files whose bytes change are written. Returns the newest runs.

    Without `everything` only new runs are, and those after them. UsageError: the README has no place for the
    block; everything else was written nevertheless.
    """
    tables = read_published(reports / "published")
    history = read_history(reports)
    judged = judge(history.records)
    unreadable = list(history.unreadable)
    if everything:
        unreadable = _render_reports(reports, tables, judge)
    else:
        _render_new(reports, history.records, tables, judged)
    history = replace(history, unreadable=tuple(dict.fromkeys((*unreadable, *history.unreadable))))
    _write(reports / "README.md", render_index(history, judged))
    _place_charts(reports, history, judged)
    if readme.exists():
        old = readme.read_text(encoding="utf-8")
        _write(readme, replace_block(old, render_block(history.records, tables)))
    return history


def _render_new(reports: Path, newest: Sequence[Record], tables: tuple[Published, ...], judged: Judged) -> None:
    """Render runs that have no report yet, and all that came after the first of them: they are judged beside it."""
    directories = [reports / "runs" / record.id for record in newest]
    new = [number for number, directory in enumerate(directories) if not (directory / REPORT_NAME).exists()]
    for directory in directories[: max(new, default=-1) + 1]:
        render_run(directory, tables, judged)


def _render_reports(reports: Path, tables: tuple[Published, ...], judge: Judge) -> list[str]:
    """Render every report, one run in memory at a time: read once to judge them all, and once more to show them."""
    files, unreadable = run_files(reports), list[str]()
    judged = judge(without_timelines(record) for record in read_runs(files, []))
    for record in read_runs(files, unreadable):
        _write_run(reports / "runs" / record.id, record, tables, judged)
    return unreadable


def render_run(directory: Path, tables: Sequence[Published], judged: Judged | None = None) -> Path:
    """Render the report of one run directory beside its record."""
    _write_run(directory, read_record(directory), tuple(tables), judged)
    return directory / REPORT_NAME


def _write_run(directory: Path, record: Record, tables: tuple[Published, ...], judged: Judged | None) -> None:
    """Write the report of one run and its pictures."""
    from benchmark.show.charts import pictures  # noqa: PLC0415 - Altair costs every command 0.3 s

    _write(directory / REPORT_NAME, render_report(record, tables, judged))
    with _writing(directory):
        source = (directory / FILE_NAME).read_bytes()
        pictures.place(directory, list(pictures.run_pictures(record).values()), source)


def _write(path: Path, content: str) -> None:
    with _writing(path):
        if not path.exists() or path.read_text(encoding="utf-8") != content:
            path.write_text(content, encoding="utf-8")


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """UnwritableRunError: the disk is full or gone."""
    try:
        yield
    except OSError as error:
        message = f"{path} can not be written: {error.strerror or error}"
        raise UnwritableRunError(message) from None
