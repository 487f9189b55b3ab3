"""The program `bench`: gathers the commands, and turns an expected error into one line and an exit code."""

import os
import signal
import sys
from types import FrameType
from typing import NoReturn

import typer

from benchmark.errors import BenchmarkError, InterruptedRunError
from benchmark.show.step_summary import render_error
from scripts import (
    capacity,
    comment,
    compare,
    diagnose,
    doctor,
    fail,
    init,
    overhead,
    predict,
    publish,
    report,
    run,
    selftest,
    site,
    watch,
)

app = typer.Typer(
    name="bench",
    help="Measure how FastAPI endpoints behave under concurrent load, and say how far the numbers can be believed.",
    epilog="Exit codes: 0 fine, 1 regression (only with --gate), 2 wrong usage or configuration, 3 invalid run, "
    "4 the app can not be started or does not answer as expected, 5 could not publish, 130 interrupted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("run", short_help="Measure endpoints under load.")(run.run)
app.command("predict", short_help="Work out what a run would show, without load.")(predict.predict)
app.command("diagnose", short_help="Find out how an endpoint is served.")(diagnose.diagnose)
app.command("capacity", short_help="Find the most users for a promise.")(capacity.capacity)
app.command("compare", short_help="Say whether two versions differ.")(compare.compare)
app.command("comment", short_help="Say a comparison under its pull request.")(comment.comment)
app.command("report", short_help="Render what the records hold.")(report.report)
app.command("site", short_help="Build the page to explore.")(site.site)
app.command("publish", short_help="Commit and push a run to the reports.")(publish.publish)
app.command("fail", short_help="Publish that an attempt failed, and why.")(fail.fail)
app.command("init", short_help="Clear the runs that a fork inherited.")(init.init)
app.command("doctor", short_help="Say what would stop this from working.")(doctor.doctor)
app.command("watch", short_help="Tell GitHub what became worse.")(watch.watch)
app.command("overhead", short_help="Show what the harness itself adds.")(overhead.overhead)
app.command("selftest", short_help="Show which changes this set-up can see.")(selftest.selftest)


def main() -> None:
    """Run `bench`. Anything but a BenchmarkError is a bug and shows its traceback."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupted)
    try:
        app()
    except BenchmarkError as error:
        sys.stderr.write(f"bench: {error}\n")
        if os.environ.get("GITHUB_STEP_SUMMARY"):  # the page of the workflow run says it too, without opening a log
            report.write_step_summary(render_error(f"bench: {error}"))
        sys.exit(error.exit_code)


def _interrupted(number: int, _frame: FrameType | None) -> NoReturn:
    """Where nothing is being measured, stopping at once is right."""
    message = f"interrupted by {signal.Signals(number).name}"
    raise InterruptedRunError(message)
