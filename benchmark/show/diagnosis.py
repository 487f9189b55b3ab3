"""A diagnosis for people: the levels as a table, the finding, what to change and what that would give."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmark.diagnosis import Diagnosis, Level
from benchmark.show.console import Counts

PLAIN_EVERY_S = 10.0


@contextmanager
def climbing(console: Console, endpoint: str) -> Iterator[Callable[[str, float, Counts], None]]:
    """Progress of a load that climbs: one changing line in a terminal, a plain line now and then elsewhere."""
    spoke_at = -PLAIN_EVERY_S

    def words(phase: str, counts: Counts) -> Text:
        failed = f", {counts.failures} failed" if counts.failures else ""
        state = f"{counts.users} users, {counts.requests} requests{failed}" if counts.users else phase
        return Text(f"{endpoint}: {state}")

    def say(phase: str, _seconds: float, counts: Counts) -> None:
        nonlocal spoke_at
        if time.monotonic() - spoke_at >= PLAIN_EVERY_S:
            console.print(words(phase, counts), soft_wrap=True)
            spoke_at = time.monotonic()

    if not console.is_terminal:
        yield say
        return
    with console.status("") as status:
        yield lambda phase, _seconds, counts: status.update(words(phase, counts))


def print_diagnosis(console: Console, found: Diagnosis) -> None:
    """Print the levels and what they mean."""
    table = Table(box=None, padding=(0, 2, 0, 0), title=None)
    for name in ("users", "req/s", "median (ms)", "busy seats", "worker CPU (%)", "connections"):
        table.add_column(name, justify="right", no_wrap=True)
    for level in found.levels:
        table.add_row(*_cells(level))
    console.print(table)
    lines = [found.finding, found.evidence]
    lines += [f"What to change: {found.change}"] if found.change else []
    lines += [f"What it gives: {found.gain}"] if found.gain else []
    for line in lines:
        if line:
            console.print(Text(line), soft_wrap=True)


def _cells(level: Level) -> list[str]:
    median = "" if level.median_ms is None else f"{level.median_ms:,.1f}"
    cpu = " / ".join(f"{percent:.0f}" for percent in level.worker_cpu_percent or ())
    held = " / ".join(str(count) for count in level.connections_per_worker or ())
    return [str(level.users), f"{level.throughput_rps:,.1f}", median, f"{level.busy_seats:,.1f}", cpu, held]
