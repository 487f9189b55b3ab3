"""Everything that is derived from the records under `reports/`: each report.md, the index, the README block."""

from collections.abc import Container, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from benchmark.files import write_changed, writing
from benchmark.record import Record
from benchmark.record_file import FILE_NAME, read_record
from benchmark.show import sentences, verdicts
from benchmark.show.history import CHARTS, History, read_history, read_runs, run_files
from benchmark.show.overview import newest_of_each
from benchmark.show.published import Published, read_published
from benchmark.show.readme import headline_run, render_block, update_block
from benchmark.show.report import WITHOUT_PICTURES, all_warnings, render_report, templates
from benchmark.show.selftest import on_this_machine
from benchmark.show.spread import spread
from benchmark.show.standing import newest, standing
from benchmark.trend import Judged

if TYPE_CHECKING:
    from benchmark.show.charts.pictures import Picture

LONGEST_INDEX = 50
PICTURED = 20
"""Of the newest runs, the reports have pictures. They take many times as long to draw as all else of a report and are
as many bytes: a long history would be unwieldy, and a new way of drawing would rewrite all of it.
"""

REPORT_NAME = "report.md"


class Judge(Protocol):
    """Judges runs against each other; rendering does not know how."""

    def __call__(self, records: Iterable[Record], *, trends: bool = True) -> Judged:
        """Without `trends` only what is said of each run: the report of a run shows none, and they take long."""
        ...


def nobody_judges(records: Iterable[Record], *, trends: bool = True) -> Judged:  # noqa: ARG001 - nothing is judged
    """For one run alone there is nothing to compare."""
    return Judged()


def render_index(history: History, judged: Judged | None = None, *, block: str = "", listing: bool = True) -> str:
    """The index of the newest runs as Markdown.

    `block`: what to begin with. Without `listing`: all but the table of the runs, for who lists them otherwise.
    """
    judged = judged or Judged()
    trends, sweeps = _pictures(history, judged)
    runs = [
        {
            "record": record,
            "best": next(iter(sentences.ranking(record)), None),
            "warnings": sum(finding.severity != "note" for _, finding in all_warnings(record)),
            "belief": judged.belief.get(record.id),
            "stranger": judged.strangers.get(record.id),
        }
        for record in history.records[:LONGEST_INDEX]
    ]
    return (
        templates()
        .get_template("index.md.j2")
        .render(
            block=block,
            listing=listing,
            runs=runs,
            more=max(0, history.runs - len(runs)),
            standing=standing(judged.own(history.records), history.failures),
            changed=verdicts.worth_saying(judged),
            begun_anew=verdicts.begun_anew(trend.last for trend in judged.counting),
            summed_up=verdicts.summed_up(judged),
            newest=newest_of_each(judged.own(history.records)),
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
            strangers=sorted({str(run["stranger"]) for run in runs if run["stranger"]}),
        )
    )


def _pictures(history: History, judged: Judged) -> tuple[dict[str, list["Picture"]], list["Picture"]]:
    """Pictures of more than one run: of each metric over the runs by profile, and of sweeps."""
    from benchmark.show.charts import pictures  # noqa: PLC0415 - Altair costs every command 0.3 s

    return pictures.trend_pictures(judged, history.records), pictures.sweep_pictures(history.records)


def _place_charts(reports: Path, history: History, judged: Judged) -> None:
    if (reports / CHARTS).is_symlink():
        return
    from benchmark.show.charts import pictures  # noqa: PLC0415 - Altair costs every command 0.3 s

    trends, sweeps = _pictures(history, judged)
    with writing(reports / CHARTS):
        pictures.place(reports / CHARTS, [*(one for several in trends.values() for one in several), *sweeps])


def render_all(reports: Path, readme: Path, judge: Judge = nobody_judges, *, everything: bool = True) -> History:
    """Render what is derived from the runs; only files whose bytes change are written. Returns the newest runs.

    Without `everything` only new runs are, and those after them. UsageError: the README can not hold the block, see
    `update_block`; everything else was written nevertheless.
    """
    tables = read_published(reports / "published")
    history = read_history(reports)
    judged = judge(history.records)
    unreadable = list(history.unreadable)
    shown = pictured(history.records, judged.own(history.records))
    if everything:
        unreadable = _render_reports(reports, tables, judge, shown)
    else:
        _render_new(reports, history.records, tables, judged, shown)
    history = replace(history, unreadable=tuple(dict.fromkeys((*unreadable, *history.unreadable))))
    write_changed(reports / "README.md", render_index(history, judged))
    _place_charts(reports, history, judged)
    update_block(readme, render_block(judged.own(history.records), tables))
    return history


def pictured(records: Sequence[Record], own: Sequence[Record]) -> frozenset[str]:
    """Runs whose reports have pictures: the newest ones, and those that README and index begin with.

    `records`: newest first; `own`: those of them that no other repository measured.
    """
    shown = [*records[:PICTURED], *(item.record for item in newest_of_each(own)), headline_run(own)]
    return frozenset(record.id for record in shown if record)


def _render_new(
    reports: Path, newest: Sequence[Record], tables: tuple[Published, ...], judged: Judged, shown: Container[str]
) -> None:
    """Render runs that have no report yet, all that came after the first of them, and those that lose their pictures.

    Who came after a new run is judged beside it.
    """
    directories = [reports / "runs" / record.id for record in newest]
    new = [number for number, directory in enumerate(directories) if not (directory / REPORT_NAME).is_file()]
    until = max(new, default=-1) + 1
    for number, directory in enumerate(directories):
        with_pictures = directory.name in shown
        if number < until or with_pictures == _says_that_pictures_are_gone(directory / REPORT_NAME):
            _write_run(directory, read_record(directory), tables, judged, with_pictures=with_pictures)


def _says_that_pictures_are_gone(report: Path) -> bool:
    with writing(report):
        return WITHOUT_PICTURES.encode("utf-8") in report.read_bytes()


def _render_reports(reports: Path, tables: tuple[Published, ...], judge: Judge, shown: Container[str]) -> list[str]:
    """Render every report, one run in memory at a time: read once to judge them all, and once more to show them.

    Those with pictures come last, in this process alone: what draws them takes more memory than all else.
    """
    files = run_files(reports)
    judged = judge(read_runs(files, [], timelines=False), trends=False)

    def write(some: Sequence[Path], *, with_pictures: bool = False) -> list[str]:
        unreadable: list[str] = []
        for record in read_runs(some, unreadable):
            _write_run(reports / "runs" / record.id, record, tables, judged, with_pictures=with_pictures)
        return unreadable

    of_shares = spread(write, [path for path in files if path.parent.name not in shown])
    of_pictured = write([path for path in files if path.parent.name in shown], with_pictures=True)
    return [*of_pictured, *(line for lines in of_shares for line in lines)]


def render_run(directory: Path, tables: Sequence[Published], judged: Judged | None = None) -> Path:
    """Render the report of one run directory, with pictures, beside its record."""
    _write_run(directory, read_record(directory), tuple(tables), judged, with_pictures=True)
    return directory / REPORT_NAME


def _write_run(
    directory: Path, record: Record, tables: tuple[Published, ...], judged: Judged | None, *, with_pictures: bool
) -> None:
    """Write the report of one run and its pictures; those that it is not to have are removed."""
    from benchmark.show.charts import pictures  # noqa: PLC0415 - Altair costs every command 0.3 s

    write_changed(directory / REPORT_NAME, render_report(record, tables, judged, with_pictures=with_pictures))
    with writing(directory):
        wanted = list(pictures.run_pictures(record).values()) if with_pictures else []
        source = (directory / FILE_NAME).read_bytes() if wanted else b""
        pictures.place(directory, wanted, source)
