"""What a person sees in the terminal: progress while a run goes on, the table when it is over."""

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmark.formatting import plain, rate
from benchmark.record import Record
from benchmark.report import sentences
from benchmark.report.report import RESULT_COLUMNS, all_warnings, cells, failed_label

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
