"""`bench report`: render what the records hold."""

import sys
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from benchmark.errors import InvalidRunError, UsageError
from benchmark.formatting import say
from benchmark.report.published import read_published
from benchmark.report.readme import has_place
from benchmark.report.render import render, render_run_of
from benchmark.report.step_summary import render_step_summary, run_directories, write_step_summary
from benchmark.store import read_record
from scripts import options


def report(
    run_dir: Annotated[
        Path | None,
        Argument(
            help="Directory of one run, e.g. results/ID; with --summary also one that holds several.",
            show_default=False,
        ),
    ] = None,
    everything: Annotated[
        bool, Option("--all", help="Render all of the reports directory, its index and the README block.")
    ] = False,
    summary: Annotated[
        bool,
        Option(
            "--summary",
            help="Only the summary, for the page of a GitHub workflow run: written to the file that "
            "GITHUB_STEP_SUMMARY names, otherwise printed.",
        ),
    ] = False,
    reports: options.Reports = options.REPORTS,
    readme: options.Readme = options.README,
) -> None:
    """Render the report of one run, or everything that is generated from run.json files.

    Rendering reads nothing but saved runs: repeating it gives the same bytes.

    Examples:
        bench report results/20261123T120000-quick-500-1a2b
        bench report --all
        bench report results --summary

    """
    if everything == (run_dir is not None) or (summary and everything):
        raise UsageError("name one run directory, or --all; for example: bench report results/ID")
    if run_dir is not None:
        tables = read_published(reports / "published")
        if summary:
            records = [read_record(directory) for directory in run_directories(run_dir)]
            write_step_summary(render_step_summary(records, tables))
        else:
            sys.stdout.write(f"Report: {render_run_of(run_dir, tables)}\n")
        return
    options.require_reports(reports)
    history = render(reports, readme, everything=True)
    block = f", and the block of {readme}" if has_place(readme) else ""
    say(f"Rendered {history.runs} runs and {reports / 'README.md'}{block}", sys.stdout)
    if history.unreadable:
        raise InvalidRunError("; ".join(history.unreadable))
