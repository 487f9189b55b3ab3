"""`bench selftest`: what this set-up can see."""

import sys
from typing import Annotated

from rich.console import Console
from typer import Option

from benchmark.config import DEFAULT_FILE
from benchmark.report.noise_floor import as_markdown, write_selftest
from benchmark.selftest.selftest import FLAGS, examine, settings
from benchmark.store import to_json
from scripts import options


@options.filled(load=FLAGS)
def selftest(
    *,
    quick: Annotated[
        bool, Option("--quick", help="A rough picture sooner: fewer and shorter runs, one delay.")
    ] = False,
    load: options.Given,
    keep: Annotated[bool, Option("--keep", help="Keep it in the reports, which then say it beside each run.")] = False,
    reports: options.Reports = options.REPORTS,
    config: options.ConfigFile = DEFAULT_FILE,
    as_json: options.AsJson = False,
) -> None:
    """Measure what this machine, server and rule can see, with endpoints of its own.

    Runs without any change: how often the rule alarms all the same, and below which change it says nothing. Runs with
    a delay in one endpoint: whether it is found, and there only. Server and thresholds are those of benchmark.toml.

    Examples: bench selftest --quick; bench selftest --keep; bench selftest --runs 20 --duration 5s
    """
    asked = settings(load, quick=quick)
    if keep:
        options.require_reports(reports)
    found = examine(asked, config, Console(stderr=True))
    sys.stdout.write(to_json(found) if as_json else as_markdown(found))
    if keep:
        sys.stderr.write(f"Kept in {write_selftest(found, reports)}; then: bench report --all, and commit both\n")
