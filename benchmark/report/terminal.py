"""What a person sees in the terminal: the table of a run when it is over, or of what theory predicts."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import TypeVar

from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from benchmark.formatting import MOST_NAMED, count, latency, ms, plain, rate, seconds
from benchmark.plan import Plan
from benchmark.record import Columns, Record
from benchmark.report import sentences
from benchmark.report.report import failed_label, part_rows
from benchmark.report.slo import SIGNS, slo_lines
from benchmark.report.staged import stage_lines
from benchmark.report.streams import STREAM_COLUMNS, has_short_gaps, streaming
from benchmark.theory import curve_wording, wording
from benchmark.theory.ask import Predicted
from benchmark.theory.curve import Curve, Met, Simulator
from benchmark.traffic import part_label

MOST_WARNINGS = 6
LONGEST_NAME = 32
APART = 2  # spaces between two columns
SEVERITY = {"error": "bold red", "warning": "bold yellow"}
SLO_STYLE = {SIGNS["broken"]: "bold red", SIGNS["kept"]: "green"}
Row = TypeVar("Row")
Shown = Mapping[str, Callable[[Columns], str]]

# Columns of the table, by their heads. A narrow terminal shows as many of them as it has room for.
LATENCIES: Shown = {
    "p50": lambda row: latency(row.median_ms),
    "p95": lambda row: latency(row.p95_ms),
    "p99": lambda row: latency(row.p99_ms),
}
OTHERS: Shown = {
    "max": lambda row: latency(row.max_ms),
    "mean": lambda row: latency(row.avg_ms),
    "min": lambda row: latency(row.min_ms),
    "requests": lambda row: count(row.requests),
}
RATE: Shown = {"req/s": lambda row: rate(row.throughput_rps)}
MEASURED: Shown = {**RATE, **LATENCIES, "failed": lambda row: count(row.failures), **OTHERS}
PREDICTED: Shown = {**RATE, **LATENCIES, **OTHERS}


def results_table(width: int, rows: Sequence[tuple[str, Row]], shown: Mapping[str, Callable[[Row], str]]) -> Table:
    """A row for each name, with the first columns of `shown` that fit; no head or number is broken."""
    table = Table(box=None, padding=(0, APART, 0, 0), pad_edge=False)
    names = [plain(name) for name, _ in rows]
    widest = min(LONGEST_NAME, max(map(cell_len, [*names, "Endpoint"])))
    table.add_column("Endpoint", overflow="fold", max_width=widest)
    left = width - widest
    columns = []
    for head, cell in shown.items():
        cells = [cell(row) for _, row in rows]
        left -= APART + max(map(cell_len, [*cells, head]))
        if left < 0:
            break
        table.add_column(head, justify="right", no_wrap=True)
        columns.append(cells)
    for name, *cells in zip(names, *columns, strict=True):
        table.add_row(Text(name), *cells)
    return table


def print_results(console: Console, record: Record) -> None:
    """Table, headline, then what limits how far the numbers can be trusted, each apart from the other."""
    profile = record.profile
    rows: list[tuple[str, Columns]] = []
    for result in record.endpoints:
        rows += [(result.name, result.summary)] if result.summary is not None else []
        rows += part_rows(result)
        rows += [(failed_label(result), result.failed)] if result.failed is not None else []
    _print_title(console, f"{profile.name}: {profile.load}, {seconds(profile.duration_s)} per endpoint")
    console.print(results_table(console.width, rows, MEASURED))
    console.print()
    _print_streams(console, record)
    console.print(Text(sentences.headline(record, named=str), style="bold"))
    for line in stage_lines(record):
        console.print(Text(line))
    for line in slo_lines(record, named=plain, strong=""):
        console.print(Text(line, style=SLO_STYLE.get(line[:1], "")))
    for result in record.endpoints:
        for line in sentences.kept_rate(result):
            console.print(Text(f"{result.name}: {line}."))
    console.print()
    caveats = sentences.caveats(record)
    for caveat in caveats[:MOST_WARNINGS]:
        several = len(caveat.places) > MOST_NAMED
        where = f"{len(caveat.places)} endpoints" if several else caveat.where
        text = f"{where}: {caveat.message} {caveat.remedy}"
        console.print(Text.assemble((f"{caveat.severity}: ", SEVERITY[caveat.severity]), text))
    if len(caveats) > MOST_WARNINGS:
        console.print(Text(f"and {len(caveats) - MOST_WARNINGS} more in the report"))
    if caveats:
        console.print()


def _print_streams(console: Console, record: Record) -> None:
    found = list(streaming(record))
    if not found:
        return
    _print_title(console, "Streams")
    console.print(results_table(console.width, [(row.label, row) for row in found], STREAM_COLUMNS))
    console.print()
    if has_short_gaps(found):
        console.print(Text("A gap below three times the load generator's lag is not measurable."))
        console.print()


def _print_title(console: Console, title: str) -> None:
    console.print(Text(title, style="italic"))
    console.print()


def print_predictions(console: Console, answers: Sequence[Predicted]) -> None:
    for _, group in groupby(answers, key=lambda answer: id(answer.plan)):
        of_plan = list(group)
        _print_predicted(console, of_plan[0].plan, of_plan)
        alike: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for answer in of_plan:
            alike[tuple(_explained(answer))].append(plain(answer.endpoint.name))
        for lines, names in alike.items():
            if lines:
                console.print(Text(f"{', '.join(names)}: {lines[0]}"))
                for line in lines[1:]:
                    console.print(Padding(Text(line), (0, 0, 0, 2), expand=False))
                console.print()
    console.print(Text("Predicted, not measured. Limits of the model: docs/explanation.md"))


def print_curve(console: Console, found: Curve, simulator: Simulator) -> None:
    """Print what each number of users gets, each with its band, and where the knee is."""
    target = simulator.plan.target
    workers = "1 worker" if target.workers == 1 else f"{target.workers} workers"
    _print_title(console, f"Predicted: {found.endpoint}, {workers} × {target.threads} threads")
    table = Table(box=None, padding=(0, APART, 0, 0), pad_edge=False)
    for head in ("Users", "req/s", "p50 (ms)", "p95 (ms)", "p99 (ms)"):
        table.add_column(head, justify="right", no_wrap=True)
    columns = {"throughput_rps": rate, "p50_ms": ms, "p95_ms": ms, "p99_ms": ms}
    for point in found.points:
        cells = []
        for name, shown in columns.items():
            band = point.band[name]
            low, middle, high = (shown(one) for one in (band.low, getattr(point, name), band.high))
            cells.append(middle if low == high else f"{middle} [{low} to {high}]")
        table.add_row(count(point.users), *map(Text, cells))
    console.print(table)
    console.print()
    console.print(Text(curve_wording.knee_sentence(found.knee, simulator), style="bold"))
    if reach := curve_wording.reach_sentence(found):
        console.print(Text(reach))
    console.print(Text("In brackets: where nine of ten simulated loads were. Predicted, not measured."))


def print_met(console: Console, met: Met) -> None:
    """Print for which users a promise holds, and what more would take."""
    console.print(Text(curve_wording.met_sentence(met), style="bold"))
    for line in curve_wording.take_sentences(met):
        console.print(Text(line))
    console.print(Text("Predicted, not measured. Limits of the model: docs/explanation.md"))


def _print_predicted(console: Console, plan: Plan, answers: Sequence[Predicted]) -> None:
    profile, target = plan.profile, plan.target
    rate_per_s = next((answer.open_answer.rate_per_s for answer in answers if answer.open_answer), None)
    load = f"{profile.users} users" if rate_per_s is None else f"{rate_per_s:g} arrivals per second"
    served = f"{target.workers} workers × {target.threads} threads"
    rows = []
    for answer in answers:
        row = answer.prediction or (answer.open_answer.simulated if answer.open_answer else None)
        rows += [(answer.endpoint.name, row)] if row is not None else []
        found = answer.prediction or answer.open_answer
        rows += [(part_label(answer.endpoint.name, part.name), part.summary) for part in found.parts] if found else []
    _print_title(console, f"Predicted: {load}, {seconds(profile.duration_s)} per endpoint, {served}")
    console.print(results_table(console.width, rows, PREDICTED))
    console.print()


def _explained(answer: Predicted) -> Iterator[str]:
    """What limits an endpoint, then what would move that limit, a line each."""
    if answer.endpoint.mix is not None and answer.machine is not None:
        yield wording.mix_sentence(answer.endpoint, answer.plan, answer.machine, named=plain)
    if answer.open_answer is not None:
        yield f"{wording.open_sentence(answer.open_answer)}."
        return
    profile = answer.plan.profile
    started = profile.spawn_rate_per_s * profile.duration_s
    if started < profile.users:
        yield f"Only {started:.0f} of {profile.users} users are started in {seconds(profile.duration_s)}."
    if answer.limit is not None:
        plan = answer.plan
        yield f"{wording.limit_sentence(answer.limit, answer.endpoint, plan, plan.profile.users)}."
        yield from (f"{line}." for line in wording.alternatives(answer.limit))
    spread = wording.range_sentence(answer.prediction) if answer.prediction is not None else ""
    if spread:
        yield f"{spread}."
