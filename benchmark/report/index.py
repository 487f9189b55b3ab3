"""Everything that is derived from the records under `reports/`: each report.md, the index, the README block."""

import json
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from benchmark.formatting import NOT_AVAILABLE, inert, seconds, unbroken
from benchmark.judge.history import Judged
from benchmark.judge.series import short_cpu
from benchmark.judge.slo import WORDS, by_endpoint, outcomes
from benchmark.record import Record
from benchmark.report import verdicts
from benchmark.report.badge import badge, endpoint_badges, place_badges, stale_since
from benchmark.report.feed import FEED_NAME, render_feed
from benchmark.report.noise_floor import on_this_machine, unreadable_selftest
from benchmark.report.published import Published, read_published
from benchmark.report.readme import headline_run, render_block, update_block
from benchmark.report.report import WITHOUT_PICTURES, render_report, rendered
from benchmark.report.slo import SIGNS, lines_of
from benchmark.report.verdicts import Standing
from benchmark.store import (
    CHARTS,
    FILE_NAME,
    History,
    read_history,
    read_record,
    read_runs,
    run_files,
    write_changed,
    writing,
)

if TYPE_CHECKING:
    from benchmark.report.charts.registry import Picture

LONGEST_LIST = 20
LONGEST_INDEX = 50
UNFOLDED = 10
MOST_PROFILES = 10
MOST_VALUES = 4
"""Endpoints whose req/s stand in one cell of the list of runs."""

NOT_COMPARED: dict[str, Any] = {
    "profile": {"description", "headline"},
    "endpoints": {"__all__": {"group"}},
    "slo": True,
}
PICTURED = 20
"""Of the newest runs, the reports have pictures. They take many times as long to draw as all else of a report and are
as many bytes: a long history would be unwieldy, and a new way of drawing would rewrite all of it.
"""

REPORT_NAME = "report.md"
BADGE_NAME = "badge.svg"


class Judge(Protocol):
    """Judges runs against each other; rendering does not know how."""

    def __call__(self, records: Iterable[Record], *, trends: bool = True) -> Judged:
        """Without `trends` only what is said of each run: the report of a run shows none, and they take long."""
        ...


def nobody_judges(records: Iterable[Record], *, trends: bool = True) -> Judged:  # noqa: ARG001 - nothing is judged
    return Judged()


def render_index(history: History, judged: Judged | None = None, *, block: str = "", listing: bool = True) -> str:
    """The index of the newest runs as Markdown.

    `block`: what to show after the verdict. Without `listing`: all but the tables of the runs.
    """
    judged = judged or Judged()
    trends, sweeps = _pictures(history, judged)
    shown = history.records[:LONGEST_INDEX]
    standings = verdicts.standings(judged)
    failures = sorted(history.failures, key=lambda failure: (failure.at, failure.id), reverse=True)
    return rendered(
        "index.md.j2",
        block=block,
        listing=listing,
        runs=len(shown),
        tables=_tables(shown[:UNFOLDED], judged),
        older=_tables(shown[UNFOLDED:], judged),
        left_out=max(0, history.runs - len(shown)),
        last_runs=verdicts.last_runs(judged.own(history.records), history.failures, judged.validity),
        summed_up=verdicts.summed_up(standings),
        slo_lines=_slo_lines(newest_of_each(judged.own(history.records))),
        verdict_lines=_verdict_lines(standings),
        begun_anew=verdicts.begun_anew(trend.last for trend in judged.counting),
        trends={
            profile: [
                (verdicts.NAMES.get(picture.title, picture.title), picture.markdown(f"{CHARTS}/"))
                for picture in several
            ]
            for profile, several in trends.items()
        },
        sweeps=[picture.markdown(f"{CHARTS}/") for picture in sweeps],
        visible=on_this_machine(history.records[0], judged.selftest) if history.records else "",
        failures=failures[:LONGEST_LIST],
        all_failures=len(failures),
        unreadable=history.unreadable,
        notes=judged.notes,
        strangers=sorted({judged.strangers[record.id] for record in shown if record.id in judged.strangers}),
    )


def _slo_lines(newest: Sequence[Record]) -> list[str]:
    """What became of the promises in the newest run of each profile: broken ones first, those kept counted."""
    lines: list[tuple[int, str]] = []
    for record in newest:
        run = f"{inert(record.profile.name)}, {verdicts.linked(record)}"
        groups = by_endpoint(outcomes(record))
        loud = [group for group in groups if group[0].word != "kept"]
        lines += [(WORDS.index(group[0].word), line) for group in loud for line in lines_of(group, place=run)]
        kept = len(groups) - len(loud)
        if kept:
            all_of = "all promises" if not loud else f"the promises of {kept} other endpoint{'s' if kept > 1 else ''}"
            lines.append((WORDS.index("kept"), f"{SIGNS['kept']} {all_of} kept ({run})"))
    lines.sort(key=lambda line: line[0])
    more = [f"and {len(lines) - LONGEST_LIST} more"] if len(lines) > LONGEST_LIST else []
    return [line for _, line in lines[:LONGEST_LIST]] + more


def _verdict_lines(standings: Sequence[Standing]) -> list[str]:
    """A line for each endpoint of which there is something to say; the others are named together, by what they are."""
    several = len({one.profile for one in standings}) > 1
    lines, alike = list[str](), dict[tuple[str, str], list[str]]()
    for one in standings:
        under = f" ({inert(one.profile)})" if several else ""
        if line := verdicts.told(one.said, one.cause, under):
            lines.append(" · ".join([line, *_links(one)]))
        else:
            begin = f"{verdicts.SIGNS[one.state]} {inert(verdicts.in_short(one.said))}"
            alike.setdefault((begin, under), []).append(inert(one.endpoint))
    left = len(lines) - LONGEST_LIST
    lines = [*lines[:LONGEST_LIST], *([f"and {left} more"] if left > 0 else [])]
    for (begin, under), names in alike.items():
        more = f" and {len(names) - LONGEST_LIST} more" if len(names) > LONGEST_LIST else ""
        lines.append(f"{begin}: {', '.join(names[:LONGEST_LIST])}{more}{under}")
    return lines


def _links(one: Standing) -> list[str]:
    """The run in which it began, and the newest one where that is another."""
    newest = one.trends[0].runs[-1]
    begun = next((said.open_since or said.first_run for said in one.said if said.open_since or said.first_run), None)
    links = [f"[first run](runs/{begun}/report.md)"] if begun and begun != newest.id else []
    return [*links, f"[newest run](runs/{newest.id}/report.md)"]


def _tables(records: Sequence[Record], judged: Judged) -> list[dict[str, Any]]:
    """The runs of each profile that asks the same endpoints, the newest first, with what they have in common."""
    groups: dict[tuple[str, tuple[str, ...]], list[Record]] = {}
    for record in records:
        names = tuple(endpoint.name for endpoint in record.plan.endpoints)
        groups.setdefault((record.profile.name, names), []).append(record)
    return [_table(profile, names, runs, judged) for (profile, names), runs in groups.items()]


def _table(profile: str, names: tuple[str, ...], records: Sequence[Record], judged: Judged) -> dict[str, Any]:
    """`common`: of load and machine, what most of the runs share; where one differs, its row says so."""
    counted = [Counter(values).most_common(1)[0] for values in zip(*map(_circumstances, records), strict=True)]
    common = [value if 2 * count > len(records) else "" for value, count in counted]
    rows = []
    for record in records:
        values = unbroken(" / ".join(_rate(record, name) for name in names[:MOST_VALUES]))
        remarks = "; ".join(_remarks(record, common, judged))
        rows.append((verdicts.linked(record, to_the_minute=True), f"{values}<br>{remarks}" if remarks else values))
    first = f", the first {MOST_VALUES} of {len(names)} endpoints" if len(names) > MOST_VALUES else ""
    return {
        "profile": profile,
        "common": inert(", ".join(filter(None, common))),
        "columns": f"{' / '.join(map(inert, names[:MOST_VALUES]))}{first}",
        "rows": rows,
    }


def _rate(record: Record, name: str) -> str:
    """Three digits, so that several fit into one cell of a phone."""
    result = record.result(name)
    value = result.summary.throughput_rps if result and result.summary else None
    if value is None:
        return NOT_AVAILABLE
    return f"{value:,.{0 if value >= 100 else 1 if value >= 10 else 2}f}"  # noqa: PLR2004 - as many digits


def _circumstances(record: Record) -> tuple[str, str, str, str]:
    """Load, duration, what served, and the machine."""
    target, cpu = record.plan.target, record.environment.cpu
    served = "app elsewhere" if target.url else f"{target.workers} worker{'s' if target.workers > 1 else ''}"
    duration = f"{seconds(record.profile.duration_s)} per endpoint"
    return record.profile.load, duration, served, f"{short_cpu(cpu.model)}, {cpu.count} cores"


def _remarks(record: Record, common: Sequence[str], judged: Judged) -> Iterator[str]:
    """What is not as usual about a run: its state, its load, its machine, whose it is."""
    validity = judged.validity.get(record.id)
    if record.state != "complete":
        yield record.state
    elif validity is not None and validity.level != "usable":
        yield validity.level
    unusual = [inert(own) for own, usual in zip(_circumstances(record), common, strict=True) if own != usual]
    yield from unusual
    if record.customised and not unusual:
        yield f"changed: {inert(', '.join(record.customised))}"
    if record.id in judged.strangers:
        yield f"of {inert(judged.strangers[record.id])}"


def newest_of_each(records: Sequence[Record]) -> list[Record]:
    """The newest complete run of each profile as benchmark.toml has it, newest first. `records`: newest first."""
    found: dict[str, Record] = {}
    for record in records:
        if record.state == "complete" and not record.customised:
            found.setdefault(record.profile.name, record)
    return list(found.values())[:MOST_PROFILES]


def series_key(record: Record) -> str:
    """What must be equal for runs to stand in one line: the plan, but for what only describes it, and the method."""
    plan = record.plan.model_dump(mode="json", exclude=NOT_COMPARED, exclude_defaults=True)
    return json.dumps([plan, record.method.version], sort_keys=True)


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
    stale = stale_since(own, history.failures, judged)
    write_changed(reports / BADGE_NAME, badge(own, verdicts.standings(judged), stale))
    place_badges(reports, endpoint_badges(own, judged, stale))
    write_changed(reports / FEED_NAME, render_feed(own, history.failures, judged))
    update_block(readme, render_block(own, tables, judged, history.failures))
    return history


def pictured(records: Sequence[Record], own: Sequence[Record]) -> frozenset[str]:
    """Runs whose reports have pictures: the newest ones, and those that README and index begin with.

    `records`: newest first; `own`: those of them that no other repository measured.
    """
    shown = [*records[:PICTURED], *newest_of_each(own), headline_run(own)]
    return frozenset(record.id for record in shown if record)


def _render_new(
    reports: Path, newest: Sequence[Record], tables: tuple[Published, ...], judged: Judged, shown: Container[str]
) -> None:
    """Render runs that have no report yet, all that came after the first of them, and those that lose their pictures.

    A run that came after a new one is judged against it, too.
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
