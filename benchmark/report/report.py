"""Runs as Markdown, rendered by Jinja from the records alone."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from statistics import median

from jinja2 import Environment, PackageLoader, StrictUndefined

from benchmark import formatting
from benchmark.judge.findings import GRAVITY, in_todays_words
from benchmark.judge.history import Judged
from benchmark.judge.series import short_cpu
from benchmark.record import Columns, EndpointResult, Finding, Record, Round, Summary
from benchmark.report import sentences, verdicts
from benchmark.report.noise_floor import on_this_machine
from benchmark.report.published import Published, PublishedRow, same_conditions
from benchmark.report.slo import slo_lines, slo_rows
from benchmark.report.staged import stage_cells
from benchmark.report.streams import STREAM_COLUMNS, streaming
from benchmark.theory.wording import change, difference_cells
from benchmark.traffic import part_label

RESULT_COLUMNS = {
    "# reqs": "requests",
    "# fails": "failures",
    "Avg (ms)": "avg_ms",
    "Min (ms)": "min_ms",
    "Max (ms)": "max_ms",
    "Median (ms)": "median_ms",
    "req/s": "throughput_rps",
    "failures/s": "failures_rps",
}
"""The columns of the published table, in its order."""

CLIENTS = {"fast": "our own", "requests": "requests, as in Locust's HttpUser", "stock": "Locust's FastHttpUser"}
OLDER_CLIENTS = {"fast": "FastHttpUser", "requests": "HttpUser"}
"""What sent the requests, by what the profile calls it; up to METHOD_VERSION 2 Locust's own did."""

WITHOUT_PICTURES = "Pictures are kept with the newest runs"

PERCENTILE_COLUMNS = {
    "50%": "median_ms",
    "66%": "p66_ms",
    "75%": "p75_ms",
    "80%": "p80_ms",
    "90%": "p90_ms",
    "95%": "p95_ms",
    "98%": "p98_ms",
    "99%": "p99_ms",
    "99.9%": "p999_ms",
    "100%": "max_ms",
}


@cache
def templates() -> Environment:
    """Jinja, set up for Markdown: escaping is done by `inert`, a missing value is an error."""
    environment = Environment(
        loader=PackageLoader("benchmark.report"),
        auto_reload=False,  # no template changes while bench runs; looking costs each report of a long history
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - the output is Markdown; names from outside go through `inert`
    )
    names = (
        "inert",
        "code_block",
        "ms",
        "rate",
        "percent",
        "mebibytes",
        "seconds",
        "when",
        "joined",
        "versions",
        "day",
    )
    environment.filters |= {name: getattr(formatting, name) for name in names}
    environment.filters |= {
        "short_cpu": short_cpu,
        "stage_cells": stage_cells,
        "signed": formatting.signed_percent,
        "count": formatting.count,
        "latency": formatting.latency,
        "streams": streams_table,
        "cpu": lambda us: formatting.latency(None if us is None else us / 1000),
    }
    return environment


def rendered(template: str, **values: object) -> str:
    return templates().get_template(template).render(**values)


def cells(row: Columns | PublishedRow, columns: dict[str, str]) -> list[str]:
    """Values as they are shown, in the order of `columns`."""
    return [_cell(name, getattr(row, name)) for name in columns.values()]


def _cell(name: str, value: float | None) -> str:
    if name in {"requests", "failures"}:
        return formatting.NOT_AVAILABLE if value is None else formatting.count(int(value))
    return formatting.rate(value) if name.endswith("_rps") else formatting.ms(value)


def table_row(label: str, row: Columns | PublishedRow | None, columns: dict[str, str]) -> str:
    shown = ["not measured", *[""] * (len(columns) - 1)] if row is None else cells(row, columns)
    return f"| {label} | {' | '.join(shown)} |"


def table_head(first: str, columns: Sequence[str]) -> str:
    return f"| {first} | {' | '.join(columns)} |\n| :-- |{' --: |' * len(columns)}"


def failed_label(result: EndpointResult) -> str:
    return f"{result.name}, failed"


def part_rows(result: EndpointResult) -> list[tuple[str, Summary]]:
    """A label and the columns of each name that requests of an endpoint have, where there are several."""
    return [(part_label(result.name, part.name), part.summary) for part in result.parts]


def results_table(record: Record, published: Published | None) -> str:
    """The results table with exactly the published columns.

    Below each measured row: its failed requests, if there were some, and the row that was published.
    """
    lines = [table_head("Approach", list(RESULT_COLUMNS))]
    for endpoint in record.plan.endpoints:
        result = record.result(endpoint.name)
        lines.append(table_row(formatting.inert(endpoint.name), result.summary if result else None, RESULT_COLUMNS))
        for label, summary in part_rows(result) if result else ():
            lines.append(table_row(formatting.inert(label), summary, RESULT_COLUMNS))
        if result is not None and result.failed is not None:
            lines.append(table_row(formatting.inert(failed_label(result)), result.failed, RESULT_COLUMNS))
        row = published.rows.get(endpoint.name) if published else None
        if row is not None and published is not None:
            label = f"*{formatting.inert(endpoint.name)}, published {formatting.day(published.date)}*"
            lines.append(table_row(label, row, RESULT_COLUMNS))
    return "\n".join(lines)


MOST_COMPACT_PARTS = 12
COMPACT = {"p50": "median_ms", "p95": "p95_ms", "p99": "p99_ms"}


def compact_table(record: Record, columns: Sequence[str]) -> str:
    """Few columns, for a phone: any of "req/s", "% of maximum", "p50", "p95" and "p99".

    "% of maximum" is left out where theory knows none, or requests come at a fixed rate; "Failed" stands last where
    some requests failed.
    """
    failed = {one.name: sum(item.failures for item in one.rounds) for one in record.endpoints}
    bounded = record.profile.rate_per_s is None and any(one.limit for one in record.endpoints)
    wanted = [column for column in columns if bounded or column != "% of maximum"]
    wanted += ["Failed"] if any(failed.values()) else []
    lines = [table_head("Endpoint", wanted)]
    for endpoint in record.plan.endpoints:
        result = record.result(endpoint.name)
        shown = ["not measured", *[""] * (len(wanted) - 1)]
        if result is not None and result.summary is not None:
            known = _compact_cells(result, result.summary) | {"Failed": formatting.count(failed[endpoint.name])}
            shown = [formatting.unbroken(known[column]) for column in wanted]
        lines.append(f"| {formatting.inert(endpoint.name)} | {' | '.join(shown)} |")
        lines += _compact_parts(result, wanted) if result else []
    return "\n".join(lines)


def _compact_parts(result: EndpointResult, wanted: Sequence[str]) -> list[str]:
    """The slowest of the names that an endpoint's requests have, in the order of the record."""
    slowest = sorted(result.parts, key=lambda part: -(part.summary.p95_ms or 0.0))[:MOST_COMPACT_PARTS]
    lines = []
    for part in (part for part in result.parts if part in slowest):
        failures = sum(one.failures for item in result.rounds for one in item.parts if one.name == part.name)
        known = _columns_of(part.summary) | {"% of maximum": "", "Failed": formatting.count(failures)}
        shown = [formatting.unbroken(known[column]) for column in wanted]
        lines.append(f"| {formatting.inert(part_label(result.name, part.name))} | {' | '.join(shown)} |")
    return lines


def _compact_cells(result: EndpointResult, summary: Columns) -> dict[str, str]:
    most_rps = result.limit.most_rps if result.limit else 0.0
    share = 100 * result.right_rps / most_rps if most_rps and summary.throughput_rps is not None else None
    return _columns_of(summary) | {"% of maximum": "exceeded" if result.refutes_limit else formatting.percent(share)}


def _columns_of(summary: Columns) -> dict[str, str]:
    latencies = {name: formatting.latency(getattr(summary, column)) for name, column in COMPACT.items()}
    return {"req/s": formatting.rate(summary.throughput_rps), **latencies}


def streams_table(record: Record) -> str:
    """A row for each endpoint that streams, and each of its rounds; "" where none does."""
    rows = list(streaming(record))
    if not rows:
        return ""
    lines = [table_head("Endpoint", [head[0].upper() + head[1:] for head in STREAM_COLUMNS])]
    shown = ((row.label, [cell(row) for cell in STREAM_COLUMNS.values()]) for row in rows)
    lines += [f"| {formatting.inert(label)} | {' | '.join(values)} |" for label, values in shown]
    return "\n".join(lines)


def percentiles_table(record: Record) -> str:
    lines = [table_head("Endpoint", list(PERCENTILE_COLUMNS))]
    for result in record.endpoints:
        if result.summary is not None:
            rows = [(result.name, result.summary), *part_rows(result)]
            lines += [table_row(formatting.inert(label), row, PERCENTILE_COLUMNS) for label, row in rows]
    return "\n".join(lines)


def predictions_table(record: Record) -> str:
    lines = [table_head("Approach", list(RESULT_COLUMNS))]
    for result in record.endpoints:
        whole = (result.name, result.summary, result.prediction)
        parts = [(part_label(result.name, part.name), part.summary, part.prediction) for part in result.parts]
        for name, summary, prediction in [whole, *parts]:
            if summary is not None and prediction is not None:
                off = difference_cells(summary, prediction, tuple(RESULT_COLUMNS.values()))
                lines.append(table_row(f"{formatting.inert(name)}, measured", summary, RESULT_COLUMNS))
                lines.append(table_row(f"{formatting.inert(name)}, predicted", prediction, RESULT_COLUMNS))
                lines.append(f"| *difference* | {' | '.join(off)} |")
    return "\n".join(lines) if len(lines) > 1 else ""


def helps(record: Record) -> list[tuple[str, str, str, str]]:
    """What would raise the limits: endpoints, the change, and the bounds that it would give; alike ones in one row."""
    found: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for result in record.endpoints:
        for item in result.kept_limit.alternatives if result.kept_limit else ():
            bounds = (formatting.rate(item.throughput_rps), formatting.seconds(item.answer_time_s))
            found[change(item), *bounds].append(formatting.inert(result.name))
    return [(", ".join(names), *row) for row, names in found.items()]


def failures_by_kind(record: Record) -> list[tuple[str, str, int]]:
    """Endpoint, message and count, over all rounds."""
    found: Counter[tuple[str, str]] = Counter()
    for _, result, measured in _rounds(record):
        whole = [(result.name, measured.failures_by_kind)]
        for name, kinds in [
            (part_label(result.name, part.name), part.failures_by_kind) for part in measured.parts
        ] or whole:
            for kind in kinds:
                found[name, kind.message] += kind.count
    return [(*key, count) for key, count in found.items()]


def software(record: Record) -> str:
    """The versions that a result depends on most; "" for an app that runs elsewhere."""
    environment = record.environment
    if record.plan.target.import_path is None:
        return ""
    server = record.plan.target.server
    known = {"FastAPI": environment.packages.get("fastapi"), server: environment.packages.get(server)}
    shown = [f"{name} {formatting.inert(version)}" for name, version in known.items() if version]
    shown.insert(1, formatting.inert(environment.python.replace("CPython", "Python")))
    return ", ".join(shown)


def _rounds(record: Record) -> Iterator[tuple[str, EndpointResult, Round]]:
    """Every round, called by its endpoint and, where there are several, its number."""
    for result in record.endpoints:
        for measured in result.rounds:
            where = f"{result.name}, round {measured.round}" if record.profile.rounds > 1 else result.name
            yield where, result, measured


def all_warnings(record: Record) -> list[tuple[str, Finding]]:
    """Every warning and error, the gravest first, with the round that it is about."""
    found = [
        (where, finding)
        for where, result, measured in _rounds(record)
        for finding in in_todays_words(record, result, measured)
    ]
    wanted = [item for item in found if item[1].severity != "note"]
    return sorted(wanted, key=lambda item: GRAVITY[item[1].severity])


def render_report(
    record: Record, tables: tuple[Published, ...], judged: Judged | None = None, *, with_pictures: bool = True
) -> str:
    judged = judged or Judged()
    said = judged.verdicts.get(record.id, ())
    published = same_conditions(record, tables)
    rounds = list(_rounds(record))
    return rendered(
        "report.md.j2",
        record=record,
        stranger=judged.strangers.get(record.id),
        published=published,
        headline=sentences.headline(record),
        slo_lines=slo_lines(record),
        slo_rows=slo_rows(record),
        compact=compact_table(record, ("req/s", "p50", "p95", "p99", "% of maximum")),
        software=software(record),
        before=judged.before.get(record.id),
        reasons=sentences.reasons(record),
        prediction=f"{sentences.prediction_sentence(record)} {sentences.reach_sentence(record)}".strip(),
        predictions=predictions_table(record),
        validity=judged.validity.get(record.id),
        visible=on_this_machine(record, judged.selftest),
        verdict=verdicts.of_run(said),
        begun_anew=verdicts.begun_anew(said),
        verdicts=verdicts.lines_of_run(said),
        changes=helps(record),
        results=results_table(record, published),
        pictures=picture_lines(record) if with_pictures else {},
        without_pictures="" if with_pictures else WITHOUT_PICTURES,
        percentiles=percentiles_table(record),
        caveats=sentences.caveats(record),
        notes=sentences.caveats(record, notes=True),
        rounds=[(result, measured) for _, result, measured in rounds],
        failures=failures_by_kind(record),
        accounts=[(where, text) for where, _, measured in rounds if (text := sentences.accounts(measured))],
        ramp=record.profile.users / record.profile.spawn_rate_per_s,
        loop_ms=median(record.reference.cpu_ms) if record.reference else None,
        client=(CLIENTS if record.method.own_client else OLDER_CLIENTS)[record.profile.client],
        has_failed=any(result.failed is not None for result in record.endpoints),
        collects=any(measured.resources.generator_collects_garbage for _, _, measured in rounds),
        own=[endpoint.name for endpoint in record.plan.endpoints if endpoint.locustfile],
    )


def picture_lines(record: Record, folder: str = "") -> dict[str, str]:
    """The pictures of a run as lines of Markdown, by what they show; `folder` leads to them and ends with "/"."""
    from benchmark.report.charts.registry import run_pictures  # noqa: PLC0415 - Altair costs every command 0.3 s

    return {shows: picture.markdown(folder) for shows, picture in run_pictures(record).items()}
