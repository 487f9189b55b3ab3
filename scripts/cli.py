"""The program `bench`: gathers the commands, and turns an expected error into one line and an exit code."""

import os
import signal
import sys
from collections.abc import Iterable
from contextlib import suppress
from importlib import import_module
from types import FrameType
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from benchmark.errors import BenchmarkError, InterruptedRunError, UnwritableRunError
from benchmark.garbage import seldom_collecting

STANDARD_ERROR = 2
COMMANDS = {
    "run": "Measure endpoints under load.",
    "predict": "Work out what a run would show, without load.",
    "diagnose": "Find out how an endpoint is served.",
    "capacity": "Find the largest load for a promise.",
    "worker": "Send load for a benchmark led elsewhere.",
    "compare": "Say whether two versions differ.",
    "comment": "Say a comparison under its pull request.",
    "report": "Render what the records hold.",
    "site": "Build the page to explore.",
    "publish": "Commit and push a run to the reports.",
    "fail": "Publish that an attempt failed, and why.",
    "init": "Clear the runs that a fork inherited.",
    "doctor": "Say what would stop this from working.",
    "watch": "Tell GitHub what became worse.",
    "selftest": "Show which changes this set-up can see.",
}
"""What there is, each in the module of its name, with its line in the list of `bench --help`."""


class Commands(TyperGroup):
    """Imports a command when it is asked for: the libraries of all of them take two seconds, the help a tenth."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """Name all commands, imported or not."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import the command. For a name that is none, all of them: Typer then suggests the most similar one."""
        self._import([cmd_name] if cmd_name in COMMANDS else COMMANDS)
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        """List the commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def _import(self, names: Iterable[str]) -> None:
        for name in names:
            if name not in self.commands:
                self.commands[name] = _imported(name)


def _imported(name: str) -> Any:
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    alone.command(name)(getattr(import_module(f"scripts.{name}"), name))
    return typer.main.get_command(alone)


app = typer.Typer(
    name="bench",
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback(
    epilog="Exit codes: 0 fine, 1 regression (only with --gate), 2 wrong usage or configuration, 3 invalid run, "
    "4 the app can not be started or does not answer as expected, 5 could not publish, 130 interrupted."
)
def bench() -> None:
    """Measure how FastAPI endpoints behave under concurrent load, and say how far the numbers can be believed."""


def main() -> None:
    """Run `bench`. Anything but a BenchmarkError is a bug and shows its traceback."""
    _open_standard_streams()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupted)
    try:
        with seldom_collecting():
            app()
    except BenchmarkError as error:
        sys.stderr.write(f"bench: {error}\n")
        if os.environ.get("GITHUB_STEP_SUMMARY"):  # the page of the workflow run says it too, without opening a log
            from benchmark.show.step_summary import render_error  # noqa: PLC0415 - it reads records: pandas and all
            from scripts.report import write_step_summary  # noqa: PLC0415

            with suppress(UnwritableRunError):  # what went wrong was said, and the exit code says it, too
                write_step_summary(render_error(f"bench: {error}"))
        sys.exit(error.exit_code)


def _open_standard_streams() -> None:
    """Where one was closed, the next file that is opened would take its place, and libraries stumble over that."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= STANDARD_ERROR:
        pass
    os.close(descriptor)


def _interrupted(number: int, _frame: FrameType | None) -> NoReturn:
    """Where nothing is being measured, stopping at once is right."""
    message = f"interrupted by {signal.Signals(number).name}"
    raise InterruptedRunError(message)
