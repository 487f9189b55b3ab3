"""`bench report`: render what the records hold."""

import sys
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from benchmark.errors import InvalidRunError, UsageError
from benchmark.show.index import render_all, render_run
from benchmark.show.published import read_published


def report(
    run_dir: Annotated[Path | None, Argument(help="A directory that `bench run` wrote.")] = None,
    everything: Annotated[bool, Option("--all", help="All of the reports directory, its index and README.md.")] = False,
    reports: Annotated[Path, Option(help="The reports directory.")] = Path("reports"),
    readme: Annotated[Path, Option(help="The README whose block is rendered.")] = Path("README.md"),
) -> None:
    """Render the report of one run, or everything that is derived from run.json files.

    Rendering reads nothing but records, so it can be repeated at any time and gives the same bytes.
    """
    if everything == (run_dir is not None):
        message = "name one run directory, or --all; for example: bench report results/ID"
        raise UsageError(message)
    if run_dir is not None:
        sys.stdout.write(f"Report: {render_run(run_dir, read_published(reports / 'published'))}\n")
        return
    history = render_all(reports, readme)
    sys.stdout.write(f"Rendered {len(history.records)} runs, {reports / 'README.md'} and the block of {readme}\n")
    if history.unreadable:
        raise InvalidRunError("; ".join(history.unreadable))
