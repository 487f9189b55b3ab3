"""A diagnosis for people: the levels as a table, the finding, what to change and what that would give."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmark.diagnose.model import Diagnosis, Level


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
