"""`bench compare`: whether one version of the app, or one set of packages, differs from another."""

import os
import sys
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from benchmark.compare.compare import SMALLEST_EFFECT, ComparisonRequest, Extras, compare_sides, refuse_regressions
from benchmark.compare.wording import print_comparison, render_comparison
from benchmark.config import DEFAULT_FILE, FLAGS, Flag
from benchmark.report.step_summary import write_step_summary
from benchmark.store import to_json
from scripts import options

MORE = 'Package to install over requirements.txt on this side, e.g. "fastapi==0.115.6"; repeatable.'
PROFILE = "compare"
LOAD = FLAGS | {
    "users": Flag("--users", "Concurrent users."),
    "duration_s": Flag("--duration", "Load of each endpoint in a round, both sides together.", "duration"),
    "rounds": Flag("--rounds", "Rounds with fresh servers; up to three times as many on a noisy machine."),
}


@options.filled(load=options.chosen("endpoints users duration_s task_seconds workers threads rounds python", LOAD))
def compare(
    *,
    base: Annotated[str, Argument(envvar="BENCH_BASE", help="A branch, tag or commit.", show_default="HEAD")] = "",
    head: Annotated[str, Argument(envvar="BENCH_HEAD", help="Another one, or the same.", show_default="HEAD")] = "",
    base_with: Annotated[list[str], Option(envvar="BENCH_BASE_WITH", metavar="<package>", help=MORE)] = [],
    head_with: Annotated[list[str], Option(envvar="BENCH_HEAD_WITH", metavar="<package>", help=MORE)] = [],
    profile: Annotated[
        str, Option(envvar="BENCH_PROFILE", metavar="<profile>", help="The load: a profile of benchmark.toml.")
    ] = PROFILE,
    load: options.Given,
    smallest_effect: Annotated[str | None, options.option(SMALLEST_EFFECT)] = None,
    out: options.Out = Path("results"),
    config: options.ConfigFile = DEFAULT_FILE,
    as_json: options.AsJson = False,
    gate: Annotated[
        bool, Option("--gate", help="Exit with code 1 if something regressed, or breaks a promise that base keeps.")
    ] = False,
) -> None:
    """Measure two versions of the app in interleaved blocks on this machine, and report what differs.

    Each side is a commit with its requirements.txt installed in a separate environment; --base-with and --head-with
    add packages to one side. Uncommitted changes are not compared. Load and benchmark.toml are those of this folder.

    Examples:
        bench compare main HEAD
        bench compare HEAD --head-with "fastapi==0.116.0"

    """
    extras: Extras = {"base": base_with, "head": head_with}
    request = ComparisonRequest({"base": base, "head": head}, extras, profile or PROFILE, load, smallest_effect)
    comparison, directory = compare_sides(request, config, out, options.screen(stderr=True))
    if os.environ.get("GITHUB_STEP_SUMMARY"):
        write_step_summary(render_comparison(comparison))
    if as_json:
        sys.stdout.write(to_json(comparison))
    else:
        print_comparison(options.screen(), comparison)
        sys.stdout.write(f"Report: {directory / 'compare.md'}\n")
    refuse_regressions(comparison, gate=gate)
