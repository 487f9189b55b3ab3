"""`bench selftest`: what this set-up can see."""

import sys
from typing import Annotated

from typer import Option

from benchmark.config import DEFAULT_FILE
from benchmark.formatting import say
from benchmark.report.noise_floor import as_markdown, write_selftest
from benchmark.selftest.selftest import FLAGS, examine, settings
from benchmark.store import to_json
from scripts import options


@options.filled(load=FLAGS)
def selftest(
    *,
    quick: Annotated[bool, Option("--quick", help="A rough result sooner: fewer and shorter runs, one delay.")] = False,
    load: options.Given,
    keep: Annotated[
        bool, Option("--keep", help="Save the result to the reports; each run on this machine then shows it.")
    ] = False,
    reports: options.Reports = options.REPORTS,
    config: options.ConfigFile = DEFAULT_FILE,
    as_json: options.AsJson = False,
) -> None:
    """Measure which changes this machine, server and rule can detect, with two built-in endpoints.

    Runs without a change give the false-alarm rate and the smallest change that can be detected. Runs with a delay in
    one endpoint show whether it is detected, and only there. Server and thresholds are those of benchmark.toml.

    Examples:
        bench selftest --quick
        bench selftest --keep
        bench selftest --runs 20 --duration 5s

    """
    asked = settings(load, quick=quick)
    if keep:
        options.require_reports(reports)
    found = examine(asked, config, options.screen(stderr=True))
    sys.stdout.write(to_json(found) if as_json else as_markdown(found))
    if keep:
        say(f"Saved to {write_selftest(found, reports)}. Next: bench report --all, and commit both", sys.stderr)
