"""One run as Markdown: report.md, rendered by Jinja from the record and nothing else."""

from collections.abc import Sequence
from functools import cache
from statistics import median

from jinja2 import Environment, PackageLoader, StrictUndefined

from benchmark import formatting
from benchmark.judge.findings import GRAVITY
from benchmark.judge.history import Judged
from benchmark.record import Alternative, Columns, EndpointResult, Finding, Record
from benchmark.report import sentences
from benchmark.report.noise_floor import on_this_machine
from benchmark.report.published import Published, PublishedRow, same_conditions
from benchmark.theory.wording import change, difference_cells

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

CLIENTS = {"fast": "our own", "requests": "requests, as Locust's HttpUser has it", "stock": "Locust's FastHttpUser"}
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
    environment.filters |= {
        "inert": formatting.inert,
        "code_block": formatting.code_block,
        "ms": formatting.ms,
        "rate": formatting.rate,
        "percent": formatting.percent,
        "signed": formatting.signed_percent,
        "mebibytes": formatting.mebibytes,
        "seconds": formatting.seconds,
        "when": formatting.when,
        "joined": formatting.joined,
        "versions": formatting.versions,
    }
    return environment


def cells(row: Columns | PublishedRow, columns: dict[str, str]) -> list[str]:
    """Values of one row as they are shown, in the order of `columns`."""
    return [_cell(name, getattr(row, name)) for name in columns.values()]


def _cell(name: str, value: float | None) -> str:
    if name in {"requests", "failures"}:
        return str(value)
    return formatting.rate(value) if name.endswith("_rps") else formatting.ms(value)


def table_row(label: str, row: Columns | PublishedRow | None, columns: dict[str, str]) -> str:
    """One line of a Markdown table; an endpoint that was not measured says so."""
    shown = ["not measured", *[""] * (len(columns) - 1)] if row is None else cells(row, columns)
    return f"| {label} | {' | '.join(shown)} |"


def table_head(first: str, columns: Sequence[str]) -> str:
    """Head of a Markdown table: text to the left, numbers to the right."""
    return f"| {first} | {' | '.join(columns)} |\n| :-- |{' --: |' * len(columns)}"


def failed_label(result: EndpointResult) -> str:
    """What the row of an endpoint's failed requests is called."""
    return f"{result.name}, failed"


def results_table(record: Record, published: Published | None) -> str:
    """The results table with exactly the published columns.

    Under each measured row stands one of its failed requests, if there were some, and one that somebody published.
    """
    lines = [table_head("Approach", list(RESULT_COLUMNS))]
    for endpoint in record.plan.endpoints:
        result = record.result(endpoint.name)
        lines.append(table_row(formatting.inert(endpoint.name), result.summary if result else None, RESULT_COLUMNS))
        if result is not None and result.failed is not None:
            lines.append(table_row(formatting.inert(failed_label(result)), result.failed, RESULT_COLUMNS))
        row = published.rows.get(endpoint.name) if published else None
        if row is not None and published is not None:
            lines.append(table_row(f"*published {published.date}*", row, RESULT_COLUMNS))
    return "\n".join(lines)


def percentiles_table(record: Record) -> str:
    """Exact percentiles (ms) of every endpoint that was measured."""
    lines = [table_head("Approach", list(PERCENTILE_COLUMNS))]
    lines += [
        table_row(formatting.inert(result.name), result.summary, PERCENTILE_COLUMNS)
        for result in record.endpoints
        if result.summary is not None
    ]
    return "\n".join(lines)


def predictions_table(record: Record) -> str:
    """Three lines for each endpoint that theory knows enough of: measured, predicted, and how far apart they are."""
    lines = [table_head("Approach", list(RESULT_COLUMNS))]
    for result in record.endpoints:
        if result.summary is not None and result.prediction is not None:
            off = difference_cells(result.summary, result.prediction, tuple(RESULT_COLUMNS.values()))
            lines.append(table_row(f"{formatting.inert(result.name)}, measured", result.summary, RESULT_COLUMNS))
            lines.append(table_row("predicted", result.prediction, RESULT_COLUMNS))
            lines.append(f"| *difference* | {' | '.join(off)} |")
    return "\n".join(lines) if len(lines) > 1 else ""


def all_warnings(record: Record) -> list[tuple[str, Finding]]:
    """Every finding with the endpoint and, where there are several rounds, the round it is about."""
    found = []
    for result in record.endpoints:
        for measured in result.rounds:
            where = _where(record, result.name, measured.round)
            found += [(where, finding) for finding in measured.warnings]
    return sorted(found, key=lambda item: GRAVITY[item[1].severity])


def render_report(
    record: Record, tables: tuple[Published, ...], judged: Judged | None = None, *, with_pictures: bool = True
) -> str:
    """The whole report of one run as Markdown; `judged`: what is said of it beside the runs before it."""
    judged = judged or Judged()
    verdicts = judged.verdicts.get(record.id, ())
    published = same_conditions(record, tables)
    found = all_warnings(record)
    return (
        templates()
        .get_template("report.md.j2")
        .render(
            record=record,
            stranger=judged.strangers.get(record.id),
            profile=record.profile,
            target=record.plan.target,
            environment=record.environment,
            published=published,
            headline=sentences.headline(record),
            reasons=[(result.name, sentences.reason(result, record)) for result in record.endpoints],
            predictions=predictions_table(record),
            validity=judged.validity.get(record.id),
            visible=on_this_machine(record, judged.selftest),
            verdict=sentences.of_run(verdicts),
            begun_anew=sentences.begun_anew(verdicts),
            verdicts=list(filter(sentences.is_worth_saying, verdicts)),
            changes=_alternatives(record),
            results=results_table(record, published),
            pictures=picture_lines(record) if with_pictures else {},
            without_pictures="" if with_pictures else WITHOUT_PICTURES,
            percentiles=percentiles_table(record),
            warnings=[item for item in found if item[1].severity != "note"],
            notes=[item for item in found if item[1].severity == "note"],
            rounds=[(result, measured) for result in record.endpoints for measured in result.rounds],
            failures=_failures(record),
            accounts=_accounts(record),
            ramp=_ramp(record),
            loop_ms=median(record.reference.cpu_ms) if record.reference else None,
            client=(CLIENTS if record.method.own_client else OLDER_CLIENTS)[record.profile.client],
            has_failed=any(result.failed is not None for result in record.endpoints),
            collects=any(i.resources.generator_collects_garbage for result in record.endpoints for i in result.rounds),
            own=[endpoint.name for endpoint in record.plan.endpoints if endpoint.locustfile],
        )
    )


def picture_lines(record: Record, folder: str = "") -> dict[str, str]:
    """The pictures of a run as lines of Markdown, by what they show; `folder` leads to them and ends with "/"."""
    from benchmark.report.charts.registry import run_pictures  # noqa: PLC0415 - Altair costs every command 0.3 s

    return {shows: picture.markdown(folder) for shows, picture in run_pictures(record).items()}


def _alternatives(record: Record) -> list[tuple[str, str, Alternative]]:
    """What would change the numbers of each endpoint, in words and as bounds."""
    return [
        (result.name, change(alternative), alternative)
        for result in record.endpoints
        for alternative in (result.limit.alternatives if result.limit else ())
    ]


def _accounts(record: Record) -> list[tuple[str, str]]:
    return [
        (_where(record, result.name, measured.round), said)
        for result in record.endpoints
        for measured in result.rounds
        if (said := sentences.accounts(measured))
    ]


def _where(record: Record, endpoint: str, round_number: int) -> str:
    """The endpoint and, where there are several rounds, which one."""
    return f"{endpoint}, round {round_number}" if record.profile.rounds > 1 else endpoint


def _failures(record: Record) -> list[tuple[str, int, str]]:
    return [
        (result.name, kind.count, kind.message)
        for result in record.endpoints
        for measured in result.rounds
        for kind in measured.failures_by_kind
    ]


def _ramp(record: Record) -> float:
    return record.profile.users / record.profile.spawn_rate_per_s
