"""What the page of a workflow run on GitHub shows: the table of each run, and what went wrong."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmark import formatting
from benchmark.record import Record
from benchmark.report import sentences
from benchmark.report.published import Published, same_conditions
from benchmark.report.report import all_warnings, results_table, templates
from benchmark.store import FILE_NAME, writing

LARGEST_BYTES = 900 * 1024
"""GitHub drops the whole summary of a step above 1 MiB; the rest is room for error messages."""

LONGEST_ERROR = 10_000
NOTHING = "Nothing was measured; the step that measures says why.\n"


def run_directories(path: Path) -> tuple[Path, ...]:
    """Find runs: the directory itself when it is one, else every run directory in it, oldest first."""
    if (path / FILE_NAME).is_file():
        return (path,)
    return tuple(sorted(file.parent for file in path.glob(f"*/{FILE_NAME}")))


def render_step_summary(records: Sequence[Record], tables: tuple[Published, ...]) -> str:
    """Markdown for all runs, at most `LARGEST_BYTES` of it; it says how many runs did not fit."""
    parts: list[str] = []
    left_bytes = LARGEST_BYTES
    for record in records:
        part = _render_run(record, tables)
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


def _render_run(record: Record, tables: tuple[Published, ...]) -> str:
    return (
        templates()
        .get_template("step_summary.md.j2")
        .render(
            record=record,
            profile=record.profile,
            headline=sentences.headline(record),
            results=results_table(record, same_conditions(record, tables)),
            warnings=all_warnings(record),
        )
    )


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
