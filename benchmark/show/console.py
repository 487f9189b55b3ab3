"""What a person sees in the terminal: progress while a run goes on, the table when it is over."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from benchmark.profile import Profile
from benchmark.record import Record
from benchmark.show import sentences
from benchmark.show.report import RESULT_COLUMNS, all_warnings, cells, failed_label
from benchmark.show.text import plain, rate

PLAIN_EVERY_S = 10.0
MOST_WARNINGS = 6
LONGEST_LABEL, SHORTEST_BAR, LONGEST_BAR, BESIDE = 24, 10, 48, 14
"""Of a chart of letters; BESIDE: room for a bar's number."""


class Counts(Protocol):
    """What is known of a load while it goes on."""

    @property
    def users(self) -> int:
        """Users running."""

    @property
    def requests(self) -> int:
        """Answers so far."""

    @property
    def failures(self) -> int:
        """Wrong answers so far."""


class Reporter:
    """Shows how far a run is: a bar in a terminal, a plain line now and then elsewhere."""

    def __init__(self, console: Console, profile: Profile, rounds: int, bar: Progress | None) -> None:
        self._console = console
        self._profile = profile
        self._rounds = rounds
        self._bar = bar
        self._task: TaskID | None = bar.add_task("", total=rounds * profile.duration_s, now="") if bar else None
        self._done = 0
        self._endpoint = ""
        self._spoke_at = 0.0
        self._phase = ""
        self._load_s = profile.duration_s

    def begin(self, number: int, endpoint: str, round_number: int, load_s: float | None = None) -> None:
        """Announce a round: `number` counts all rounds of the run from 1. `load_s`: unless it is the profile's."""
        self._load_s = load_s or self._profile.duration_s
        self._done = number - 1
        rounds = f" round {round_number}/{self._profile.rounds}" if self._profile.rounds > 1 else ""
        self._endpoint = f"[{number}/{self._rounds}] {endpoint}{rounds}"
        self._phase = ""

    def watch(self, phase: str, seconds: float, counts: Counts) -> None:
        """Show the phase and, under load, the seconds left and the requests so far."""
        left = f"{max(0.0, self._load_s - seconds):.0f} s left, " if phase == "loading" else ""
        begun = phase == "loading" and counts.users > 0
        failed = f", {counts.failures} failed" if counts.failures else ""
        state = f"{left}{counts.users} users, {counts.requests} requests{failed}" if begun else phase
        if self._bar is not None and self._task is not None:
            share = min(seconds, self._load_s) if self._load_s == self._profile.duration_s else 0.0
            completed = self._done * self._profile.duration_s + share
            self._bar.update(self._task, completed=completed, description=self._endpoint, now=state)
        elif f"{phase}{begun}" != self._phase or time.monotonic() - self._spoke_at >= PLAIN_EVERY_S:
            self._console.print(Text(f"{self._endpoint}: {state}"), soft_wrap=True)
            self._spoke_at = time.monotonic()
        self._phase = f"{phase}{begun}"


@contextmanager
def reporting(console: Console, profile: Profile, rounds: int) -> Iterator[Reporter]:
    """Progress for a run of so many rounds, gone when the block ends."""
    if not console.is_terminal:
        yield Reporter(console, profile, rounds, None)
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[now]}", markup=False),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        yield Reporter(console, profile, rounds, bar)


def results_head(title: str) -> Table:
    """Table with the published columns, narrow enough for a terminal."""
    table = Table(title=title, box=None, padding=(0, 1, 0, 0))
    table.add_column("Approach", overflow="fold")
    for name in RESULT_COLUMNS:
        table.add_column(name.replace(" (", "\n(").replace("/s", "\n/s"), justify="right", no_wrap=True)
    return table


def print_results(console: Console, record: Record) -> None:
    """Print the results table, a chart of letters and the gravest warnings."""
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
    grave = [item for item in all_warnings(record) if item[1].severity != "note"]
    for where, finding in grave[:MOST_WARNINGS]:
        line = f"{finding.severity}: {where}: {finding.message} {finding.remedy}"
        console.print(Text(line), soft_wrap=True)
    if len(grave) > MOST_WARNINGS:
        console.print(f"and {len(grave) - MOST_WARNINGS} more warnings in the report")


def print_chart(console: Console, record: Record) -> None:
    """Draw right answers per second as bars of letters, and where theory's limit is, if that is known."""
    from benchmark.show.charts.throughput import bars as bars_of  # noqa: PLC0415 - Altair costs every command 0.3 s

    bars = bars_of(record)
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
