"""What a person sees in the terminal: the table of a run when it is over, or of what theory answers."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmark.formatting import plain, rate
from benchmark.plan import Plan
from benchmark.record import Record
from benchmark.report import sentences
from benchmark.report.report import RESULT_COLUMNS, all_warnings, cells, failed_label
from benchmark.theory import wording
from benchmark.theory.ask import Predicted

MOST_WARNINGS = 6
LONGEST_LABEL, SHORTEST_BAR, LONGEST_BAR, BESIDE = 24, 10, 48, 14
"""Of a chart of letters; BESIDE: room for a bar's number."""


def results_head(title: str) -> Table:
    table = Table(title=title, box=None, padding=(0, 1, 0, 0))
    table.add_column("Approach", overflow="fold")
    for name in RESULT_COLUMNS:
        table.add_column(name.replace(" (", "\n(").replace("/s", "\n/s"), justify="right", no_wrap=True)
    return table


def print_results(console: Console, record: Record) -> None:
    profile = record.profile
    table = results_head(f"{profile.name}: {profile.load}, {profile.duration_s:g} s per endpoint")
    for result in record.endpoints:
        if result.summary is not None:
            table.add_row(Text(result.name), *cells(result.summary, RESULT_COLUMNS))
        if result.failed is not None:
            table.add_row(Text(failed_label(result)), *cells(result.failed, RESULT_COLUMNS))
    console.print(table)
    print_chart(console, record)
    console.print(Text(sentences.headline(record, named=str)), soft_wrap=True)
    for result in record.endpoints:
        for line in sentences.kept_rate(result):
            console.print(Text(f"{result.name}: {line}."), soft_wrap=True)
    grave = all_warnings(record)
    for where, finding in grave[:MOST_WARNINGS]:
        line = f"{finding.severity}: {where}: {finding.message} {finding.remedy}"
        console.print(Text(line), soft_wrap=True)
    if len(grave) > MOST_WARNINGS:
        console.print(f"and {len(grave) - MOST_WARNINGS} more warnings in the report")


def print_chart(console: Console, record: Record) -> None:
    """Draw right answers per second as bars of letters, and where theory's limit is, if that is known."""
    from benchmark.report.charts.throughput import shown  # noqa: PLC0415 - Altair costs every command 0.3 s

    bars = shown(record)
    most = max((max(bar.right_rps, bar.most_rps or 0.0) for bar in bars), default=0.0)
    if not bars or most <= 0:
        return
    names = [plain(bar.name) for bar in bars]
    widest = min(max(map(cell_len, names)), LONGEST_LABEL)
    width = max(SHORTEST_BAR, min(LONGEST_BAR, console.width - widest - BESIDE))
    full, limit = ("█", "│") if console.encoding.startswith("utf") else ("#", "|")
    for name, bar in zip(names, bars, strict=True):
        line = list(full * round(width * bar.right_rps / most))
        line += " " * (width + 1 - len(line))
        if bar.most_rps is not None:
            line[round(width * bar.most_rps / most)] = limit
        console.print(Text(f"{set_cell_size(name, widest)}  {''.join(line)} {rate(bar.right_rps)}"), no_wrap=True)
    known = any(bar.most_rps is not None for bar in bars)
    console.print(Text(f"Right answers per second{f'; {limit} the most that theory allows' if known else ''}."))


def print_predictions(console: Console, answers: Sequence[Predicted]) -> None:
    for _, group in groupby(answers, key=lambda answer: id(answer.plan)):
        of_plan = list(group)
        console.print(_predicted_table(of_plan[0].plan, of_plan))
        for answer in of_plan:
            for line in _explained(answer):
                console.print(Text(line), soft_wrap=True)
        console.print()
    console.print("Worked out, not measured. What the model leaves out: docs/explanation.md", soft_wrap=True)


def _predicted_table(plan: Plan, answers: Sequence[Predicted]) -> Table:
    profile, target = plan.profile, plan.target
    rate_per_s = next((answer.open_answer.rate_per_s for answer in answers if answer.open_answer), None)
    asked = f"{profile.users} users" if rate_per_s is None else f"{rate_per_s:g} arrivals per second"
    served = f"{target.workers} workers x {target.threads} threads"
    table = results_head(f"Predicted: {asked}, {profile.duration_s:g} s per endpoint, {served}")
    for answer in answers:
        row = answer.prediction or (answer.open_answer.simulated if answer.open_answer else None)
        if row is not None:
            table.add_row(Text(answer.endpoint.name), *cells(row, RESULT_COLUMNS))
    return table


def _explained(answer: Predicted) -> Iterator[str]:
    name = answer.endpoint.name
    if answer.open_answer is not None:
        yield f"{name}: {wording.open_sentence(answer.open_answer)}"
        return
    profile = answer.plan.profile
    started = profile.spawn_rate_per_s * profile.duration_s
    if started < profile.users:
        yield f"{name}: only {started:.0f} of {profile.users} users are started in {profile.duration_s:g} s."
    if answer.limit is not None:
        plan = answer.plan
        yield f"{name}: {wording.limit_sentence(answer.limit, answer.endpoint, plan, plan.profile.users)}."
        yield from (f"  {line}." for line in wording.alternatives(answer.limit))
    spread = wording.range_sentence(answer.prediction) if answer.prediction is not None else ""
    if spread:
        yield f"  {spread}."
