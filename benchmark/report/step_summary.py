"""The page of a workflow run: what was found, runs of a sweep in one table, the reasons not to trust a number."""

import math
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

from benchmark import formatting
from benchmark.formatting import listed
from benchmark.record import Columns, EndpointResult, Record
from benchmark.report import sentences
from benchmark.report.published import Published, same_conditions
from benchmark.report.report import compact_table, rendered, results_table, software, table_head
from benchmark.report.slo import slo_lines
from benchmark.store import FILE_NAME, writing

LARGEST_BYTES = 900 * 1024  # GitHub drops the whole summary of a step above 1 MiB; the rest is room for error messages
LONGEST_ERROR = 10_000
NOTHING = "Nothing was measured; the step that measures says why.\n"
FLAT = math.log(1.1) / math.log(2)  # throughput grows by less than 10% while users double
UNFINISHED = "in-flight"
IN_STEP = 0.8
"""From which share of the users' growth on, as powers, throughput is said to grow with the users."""


def run_directories(path: Path) -> tuple[Path, ...]:
    """Find runs: the directory itself when it is one, else every run directory in it, oldest first."""
    if (path / FILE_NAME).is_file():
        return (path,)
    return tuple(sorted(file.parent for file in path.glob(f"*/{FILE_NAME}")))


def render_step_summary(records: Sequence[Record], tables: tuple[Published, ...]) -> str:
    """Markdown for all runs, at most `LARGEST_BYTES` of it; it says how many runs did not fit.

    Runs of a sweep come first, in one table, and are folded below it.
    """
    sweeps = sweeps_of(records)
    parts: list[str] = []
    left_bytes = LARGEST_BYTES
    for number, record in enumerate(records):
        first = record.sweep in sweeps and record.sweep not in {one.sweep for one in records[:number]}
        part = _render_sweep(sweeps[str(record.sweep)]) if first else ""
        part += _render_run(record, tables, folded=record.sweep in sweeps)
        left_bytes -= len(part.encode())
        if left_bytes < 0:
            break
        parts.append(part)
    left_out = len(records) - len(parts)
    if left_out:
        parts.append(f"{left_out} more did not fit here: they are in the artifact.\n")
    return "\n".join(parts) or NOTHING


def render_error(message: str) -> str:
    return f"**It failed:**\n\n{formatting.code_block(message[:LONGEST_ERROR])}\n"


def _render_run(record: Record, tables: tuple[Published, ...], *, folded: bool) -> str:
    cpu = record.environment.cpu
    return rendered(
        "step_summary.md.j2",
        record=record,
        profile=record.profile,
        folded=folded,
        headline=sentences.headline(record),
        slo_lines=slo_lines(record),
        compact=compact_table(record, ("req/s", "% of maximum", "p50", "p95", "p99")),
        machine=f"{cpu.model}, {cpu.count} cores",
        software=software(record),
        results=results_table(record, same_conditions(record, tables)),
        caveats=sentences.caveats(record),
    )


def sweeps_of(records: Sequence[Record]) -> dict[str, list[Record]]:
    """The runs of each sweep that differ in their users, the fewest first."""
    found: dict[str, list[Record]] = {}
    for record in records:
        if record.sweep is not None and record.profile.rate_per_s is None:
            found.setdefault(record.sweep, []).append(record)
    several = {sweep: runs for sweep, runs in found.items() if len({run.profile.users for run in runs}) > 1}
    return {sweep: sorted(runs, key=lambda run: run.profile.users) for sweep, runs in several.items()}


def _render_sweep(runs: Sequence[Record]) -> str:
    profile = runs[0].profile
    title = f"## {formatting.inert(profile.name)}: {_users([run.profile.users for run in runs])} users"
    promises = [f"- {line}" for run in runs for line in slo_lines(run, place=run.profile.load)]
    return "\n\n".join(
        [
            f"{title}, {formatting.seconds(profile.duration_s)} per endpoint",
            *(["\n".join(promises)] if promises else []),
            " ".join(bends(runs)),
            "Requests per second, and p95 below them:",
            sweep_table(runs),
            "",
        ]
    )


def _users(numbers: Sequence[int]) -> str:
    shown = [formatting.count(number) for number in dict.fromkeys(numbers)]
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


def sweep_table(runs: Sequence[Record]) -> str:
    """One row for each endpoint, one column for each number of users."""
    names = dict.fromkeys(endpoint.name for run in runs for endpoint in run.plan.endpoints)
    lines = [table_head("Users", [formatting.count(run.profile.users) for run in runs])]
    for name in names:
        cells = [_cell(run.result(name)) for run in runs]
        lines.append(f"| {formatting.inert(name)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(result: EndpointResult | None) -> str:
    if result is None or result.summary is None:
        return "not measured"
    failures = sum(measured.failures for measured in result.rounds)
    shown = [formatting.figure(result.summary.throughput_rps), formatting.latency(result.summary.p95_ms)]
    shown += [f"{formatting.count(failures)} failed"] if failures else []
    if any(finding.kind == UNFINISHED for measured in result.rounds for finding in measured.warnings):
        waiting = sum(measured.in_flight or 0 for measured in result.rounds)
        share = waiting / (waiting + sum(measured.requests for measured in result.rounds))
        shown.append(f"{formatting.percent(100 * share)} unfinished")
    return "<br>".join(map(formatting.unbroken, shown))


@dataclass(frozen=True)
class Bend:
    """How the throughput of an endpoint follows its users: in step, slower, or no more, between which two numbers."""

    kind: Literal["flat", "levels off", "slows", "grows"]
    low: int
    high: int


def bends(runs: Sequence[Record]) -> list[str]:
    """Say of each endpoint where its throughput stops growing with the users; those alike in one sentence."""
    alike: dict[Bend, list[str]] = {}
    for name in dict.fromkeys(endpoint.name for run in runs for endpoint in run.plan.endpoints):
        measured = [
            (run.profile.users, result.summary) for run in runs if (result := run.result(name)) and result.summary
        ]
        found = bend(measured)
        if found is not None:
            alike.setdefault(found, []).append(formatting.inert(name))
    return [_sentence(found, names) for found, names in alike.items()]


def bend(measured: Sequence[tuple[int, Columns]]) -> Bend | None:
    """Find from which number of users on throughput grows by less than 10% while they double. None: too few numbers.

    `measured`: by number of users, the fewest first.
    """
    rates = [(users, (row.throughput_rps or 0.0) - (row.failures_rps or 0.0)) for users, row in measured]
    steps = [
        (before, users, math.log(rate / less) / math.log(users / before))
        for (before, less), (users, rate) in pairwise(rates)
        if users > before and rate > 0 and less > 0
    ]
    if not steps:
        return None
    grown = [number for number, (_, _, growth) in enumerate(steps) if growth >= FLAT]
    last = max(grown, default=-1)
    if last < 0:
        return Bend("flat", steps[0][0], steps[-1][1])
    low, high, growth = steps[last]
    if last < len(steps) - 1:
        return Bend("levels off", low if growth < IN_STEP else high, high if growth < IN_STEP else steps[last + 1][1])
    return Bend("grows" if growth >= IN_STEP else "slows", low, high)


def _sentence(found: Bend, names: Sequence[str]) -> str:
    low, high = formatting.count(found.low), formatting.count(found.high)
    said = {
        "flat": f"is at its limit from {low} users on, the fewest measured: add fewer to see where it bends",
        "levels off": f"levels off between {low} and {high} users",
        "slows": f"begins to level off between {low} and {high} users",
        "grows": f"still grows with the users at {high}: its limit lies beyond",
    }
    return f"Throughput of {listed(names)} {said[found.kind]}."


def write_step_summary(markdown: str) -> None:
    """Append to the summary of the workflow step that this runs in; elsewhere, print it.

    UnwritableRunError: the summary cannot be written.
    """
    file = os.environ.get("GITHUB_STEP_SUMMARY")
    if not file:
        sys.stdout.write(markdown)
        return
    with writing(Path(file)), Path(file).open("a", encoding="utf-8", errors="backslashreplace") as page:
        page.write(markdown)
