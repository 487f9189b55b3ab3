"""Everything that is derived from the records under `reports/`: each report.md, the index, the README block."""

import json
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Protocol

from benchmark.errors import UsageError
from benchmark.formatting import inert, when
from benchmark.judge.history import Judged
from benchmark.judge.validity import Validity
from benchmark.record import Record
from benchmark.report import sentences, verdicts
from benchmark.report.noise_floor import on_this_machine, unreadable_selftest
from benchmark.report.published import Published, read_published, same_conditions
from benchmark.report.report import (
    WITHOUT_PICTURES,
    all_warnings,
    picture_lines,
    render_report,
    rendered,
    results_table,
)
from benchmark.store import (
    CHARTS,
    FILE_NAME,
    Failure,
    History,
    read_history,
    read_record,
    read_runs,
    run_files,
    write_changed,
    writing,
)

LONGEST_LIST = 20


def standing(records: Sequence[Record], failures: Sequence[Failure], validity: Mapping[str, Validity]) -> str:
    """Say when the last good run was, and what became of the last attempt if it came later. "" before any attempt.

    Good is a complete run that nothing makes noisy or invalid.
    """
    complete = [record for record in records if record.state == "complete"]
    doubted = {record.id: validity[record.id] for record in complete if record.id in validity}
    doubted = {run: found for run, found in doubted.items() if found.level != "usable"}
    good = max((record.started_at for record in complete if record.id not in doubted), default=None)
    attempts = [(failure.at, f"failed: {inert(failure.reason)}") for failure in failures]
    attempts += [(one.started_at, f"was {doubted[one.id].level}") for one in complete if one.id in doubted]
    attempts += [
        (record.started_at, f"was not completed: {inert(why_incomplete(record) or 'no reason was kept')}")
        for record in records
        if record.state != "complete"
    ]
    last = max(attempts, default=None)
    said = "" if good is None else f"Last good run: {when(good)}"
    if last is None or (good is not None and last[0] <= good):
        return said and f"{said}."
    return f"{said or 'No good run yet'}; last attempt {when(last[0])} {last[1]}"


def why_incomplete(record: Record) -> str | None:
    first = record.missing[0] if record.missing else None
    return record.reason or (f"{first.endpoint}, round {first.round}: {first.reason}" if first else None)


def newest(failures: Sequence[Failure]) -> list[Failure]:
    return sorted(failures, key=lambda failure: (failure.at, failure.id), reverse=True)[:LONGEST_LIST]


BEGIN = "<!-- benchmark:begin -->"
END = "<!-- benchmark:end -->"


def headline_run(records: Sequence[Record]) -> Record | None:
    """Choose the run that the README shows.

    The newest complete one of a headline profile as benchmark.toml has it; if there is none, the newest
    complete one of any profile.
    """
    newest_first = sorted(records, key=lambda record: (record.started_at, record.id), reverse=True)
    complete = [record for record in newest_first if record.state == "complete"]
    regular = [record for record in complete if record.profile.headline and not record.customised]
    return next(iter([*regular, *complete]), None)


def render_block(records: Sequence[Record], tables: tuple[Published, ...], status: str = "") -> str:
    """The block of the README. `status`: what a reader must know before the numbers, see `status`."""
    record = headline_run(records)
    if record is None:
        return rendered("readme_block.md.j2", record=None)
    published = same_conditions(record, tables)
    return rendered(
        "readme_block.md.j2",
        record=record,
        profile=record.profile,
        target=record.plan.target,
        environment=record.environment,
        published=published,
        warnings=len(all_warnings(record)),
        headline=sentences.headline(record),
        status=status,
        results=results_table(record, published),
        picture=picture_lines(record, f"reports/runs/{record.id}/").get("throughput"),
    )


def status(judged: Judged, records: Sequence[Record], failures: Sequence[Failure]) -> str:
    """What became worse and is not back, and whether the newest attempt failed; "" where neither is so."""
    worse: dict[str, list[str]] = defaultdict(list)
    for trend in judged.counting:
        if trend.open_since is not None:
            worse[trend.endpoint].append(f"{trend.metric.title} {trend.last.moved}")
    parts = [f"**{inert(endpoint)} became worse**: {', '.join(lines)}." for endpoint, lines in worse.items()]
    last = standing(records, failures, judged.validity)
    return " ".join([*parts, *([f"{last}."] if "; last attempt " in last else [])])


def has_place(readme: Path) -> bool:
    """Whether a README asks for the block: one that does not exist, or holds none of the markers, is left as it is."""
    return readme.exists() and any(marker.encode() in _read(readme) for marker in (BEGIN, END))


def with_block_of(readme: bytes, *others: bytes) -> bytes:
    """Give a README the block of the first of the others that has one, byte for byte. One without a place stays."""
    blocks = [parts[1] for other in others if (parts := _around_block(other))]
    around = _around_block(readme)
    return around[0] + blocks[0] + around[2] if around and blocks else readme


def _around_block(readme: bytes) -> tuple[bytes, bytes, bytes] | None:
    begin, end = BEGIN.encode(), END.encode()
    if readme.count(begin) != 1 or readme.count(end) != 1 or readme.index(begin) > readme.index(end):
        return None
    start = readme.index(begin) + len(begin)
    return readme[:start], readme[start : readme.index(end)], readme[readme.index(end) :]


def _read(readme: Path) -> bytes:
    try:
        if readme.is_file():
            return readme.read_bytes()
        why = "it is no regular file"
    except OSError as error:
        why = error.strerror or str(error)
    raise UsageError(f"{readme} cannot be read: {why}; name the README with --readme")


def update_block(readme: Path, block: str) -> None:
    """Put a block between the markers of a README that has some; line ends stay as they are there.

    UsageError: it cannot be read, is not UTF-8, or its markers are not one pair. UnwritableRunError: the disk is full.
    Then it is as it was.
    """
    if not has_place(readme):
        return
    try:
        old = _read(readme).decode("utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"{readme.name} is not UTF-8, so nothing was written to it; save it as UTF-8") from None
    ends = "\r\n" if f"{BEGIN}\r\n" in old else "\n"
    write_changed(readme.resolve(), replace_block(old, block, ends), lasting=True)


def replace_block(readme: str, block: str, ends: str = "\n") -> str:
    """Put a block between the markers. UsageError unless both stand exactly once and in their order."""
    around = _around_block(readme.encode())
    if around is None:
        raise UsageError(f"README.md needs {BEGIN} and, after it, {END}, each exactly once; nothing was written to it")
    lines = ["", *block.strip().split("\n"), ""]
    return f"{around[0].decode()}{ends.join(lines)}{around[2].decode()}"


SPARKS = "▁▂▃▄▅▆▇█"
MOST_PROFILES = 10
MOST_RUNS = 20
FEWEST_RUNS = 3
SMALLEST_SPAN = 0.2  # of the median: numbers that differ by less than this look flat
NOT_COMPARED = {"profile": {"description", "headline"}}


@dataclass(frozen=True)
class Newest:
    """The newest complete run of a profile, and how many runs there are of the same series.

    `lines`: of each endpoint its name, its requests per second, and a sparkline, "" where there are too few runs.
    """

    record: Record
    runs: int
    lines: tuple[tuple[str, float | None, str], ...]


def newest_of_each(records: Sequence[Record]) -> list[Newest]:
    """The newest complete run of each profile as benchmark.toml has it, newest first. `records`: newest first."""
    series: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        if record.state == "complete" and not record.customised:
            series[series_key(record)].append(record)
    found: dict[str, Newest] = {}
    for runs in series.values():
        found.setdefault(runs[0].profile.name, Newest(runs[0], len(runs), tuple(_lines(runs))))
    return list(found.values())[:MOST_PROFILES]


def series_key(record: Record) -> str:
    """What must be equal for runs to stand in one line: the plan, but for what only describes it, and the method."""
    plan = record.plan.model_dump(mode="json", exclude=NOT_COMPARED, exclude_defaults=True)
    return json.dumps([plan, record.method.version], sort_keys=True)


def _lines(runs: Sequence[Record]) -> Iterator[tuple[str, float | None, str]]:
    for result in runs[0].endpoints:
        measured = (record.result(result.name) for record in reversed(runs[:MOST_RUNS]))
        values = [item.summary.throughput_rps for item in measured if item is not None and item.summary is not None]
        spark = sparkline([value for value in values if value is not None])
        yield result.name, result.summary.throughput_rps if result.summary else None, spark


def sparkline(values: Sequence[float]) -> str:
    """Values as a row of bars, the oldest first. The smallest one is no zero: what differs by little looks flat."""
    if len(values) < FEWEST_RUNS:
        return ""
    low, high = min(values), max(values)
    span = max(high - low, abs(median(values)) * SMALLEST_SPAN)
    if span == 0:
        return SPARKS[0] * len(values)
    floor = (low + high - span) / 2
    top = len(SPARKS) - 1
    return "".join(SPARKS[min(top, max(0, round((value - floor) / span * top)))] for value in values)


if TYPE_CHECKING:
    from benchmark.report.charts.registry import Picture

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
            "warnings": len(all_warnings(record)),
            "validity": judged.validity.get(record.id),
            "stranger": judged.strangers.get(record.id),
        }
        for record in history.records[:LONGEST_INDEX]
    ]
    return rendered(
        "index.md.j2",
        block=block,
        listing=listing,
        runs=runs,
        more=max(0, history.runs - len(runs)),
        standing=standing(judged.own(history.records), history.failures, judged.validity),
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


def _pictures(history: History, judged: Judged) -> tuple[dict[str, list["Picture"]], list["Picture"]]:
    from benchmark.report.charts import registry as pictures  # noqa: PLC0415 - Altair costs every command 0.3 s

    return pictures.trend_pictures(judged), pictures.sweep_pictures(history.records)


def _place_charts(reports: Path, history: History, judged: Judged) -> None:
    if (reports / CHARTS).is_symlink():
        return
    from benchmark.report.charts import registry as pictures  # noqa: PLC0415 - Altair costs every command 0.3 s

    trends, sweeps = _pictures(history, judged)
    with writing(reports / CHARTS):
        pictures.place(reports / CHARTS, [*(one for several in trends.values() for one in several), *sweeps])


def render_all(reports: Path, readme: Path, judge: Judge = nobody_judges, *, everything: bool = True) -> History:
    """Render what is derived from the runs; only files whose bytes change are written. Returns the newest runs.

    Without `everything` only new runs are, and those after them. UsageError: the README cannot hold the block, see
    `update_block`; everything else was written nevertheless.
    """
    tables = read_published(reports / "published")
    history = read_history(reports)
    history = replace(history, unreadable=(*history.unreadable, *unreadable_selftest(reports)))
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
    own = judged.own(history.records)
    update_block(readme, render_block(own, tables, status(judged, own, history.failures)))
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

    others = write([path for path in files if path.parent.name not in shown])
    of_pictured = write([path for path in files if path.parent.name in shown], with_pictures=True)
    return [*of_pictured, *others]


def render_run(directory: Path, tables: Sequence[Published], judged: Judged | None = None) -> Path:
    _write_run(directory, read_record(directory), tuple(tables), judged, with_pictures=True)
    return directory / REPORT_NAME


def _write_run(
    directory: Path, record: Record, tables: tuple[Published, ...], judged: Judged | None, *, with_pictures: bool
) -> None:
    """Write the report of one run and its pictures; those that it is not to have are removed."""
    from benchmark.report.charts import registry as pictures  # noqa: PLC0415 - Altair costs every command 0.3 s

    write_changed(directory / REPORT_NAME, render_report(record, tables, judged, with_pictures=with_pictures))
    with writing(directory):
        wanted = list(pictures.run_pictures(record).values()) if with_pictures else []
        source = (directory / FILE_NAME).read_bytes() if wanted else b""
        pictures.place(directory, wanted, source)
