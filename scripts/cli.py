"""The program `bench`: gathers the commands, and turns an expected error into one line and an exit code."""

import errno
import gc
import io
import os
import re
import signal
import sys
import webbrowser
from contextlib import suppress
from importlib import import_module
from keyword import iskeyword
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn, Self, TextIO

import typer
from typer.core import TyperCommand, TyperGroup

from benchmark.errors import BenchmarkError, InterruptedRunError, UnwritableRunError, UsageError
from benchmark.formatting import say
from benchmark.handover import take_over
from benchmark.measure.process import ending_signals
from benchmark.record import Record


def open_page(page: Path) -> None:
    """Open a file. Where there is no browser, say which file to open; that is no failure."""
    try:
        opened = webbrowser.open(page.resolve().as_uri())
    except webbrowser.Error:
        opened = False
    if not opened:
        say(f"No browser was found; open {page} yourself.", sys.stderr)


def open_report(report: Path, record: Record) -> None:
    site = branch("site")
    open_page(site.page_beside(report, record) if site else report)


# Each command is in the module of its name; here is its line in the list of `bench --help`.
FOR_PEOPLE = {
    "try": "Load an app for ten seconds, without configuration.",
    "run": "Measure endpoints under load.",
    "predict": "Predict the results of a run, without load.",
    "diagnose": "Find how an endpoint is served, and its bottleneck.",
    "capacity": "Find the maximum load that meets a latency target.",
    "compare": "Compare two versions of the app.",
    "audit": "Find rows of a published table that cannot be true.",
    "selftest": "Measure which changes this setup can detect.",
    "report": "Render reports from saved runs.",
    "site": "Build the static site.",
    "export": "Write a run for other programs, or as one HTML file.",
    "publish": "Commit and push runs to the reports.",
    "init": "Write benchmark.toml for an app, or clear a fork.",
    "endpoints": "Add endpoints from OpenAPI, a HAR file or cURL.",
    "update": "Merge a newer upstream version into a fork.",
    "doctor": "Check the setup for problems.",
}
FOR_WORKFLOWS = {
    "watch": "Open and close regression issues.",
    "comment": "Post a comparison on its pull request.",
    "answer": "Start the comparison that a comment asks for.",
    "fail": "Publish a record of a failed attempt.",
    "variables": "List the variables of benchmark.toml; hide secrets.",
    "worker": "Send load for a benchmark on another machine.",
}
COMMANDS = FOR_PEOPLE | FOR_WORKFLOWS
WIDEST_HELP = 120
DEFAULT = re.compile(r"default: \((.*)\)(?=[];])")  # Typer puts what we call a default in parentheses
RUNNER_COMMAND = re.compile(r"^([^\S\n]*)::", re.MULTILINE)  # what a GitHub runner obeys in the log of a step
# Objects of some hundred records; usual are 700. Python looked for cycles for a quarter of the time of a long history,
# and a tenth of a short one. Records have none and go when the next one is read; what drawing leaves is still found.
OBJECTS_BETWEEN_COLLECTIONS = 100_000


def branch(command: str) -> Any:
    """The module of a command; None where there is none: a branch can be deleted with its line in COMMANDS."""
    return import_module(f"scripts.{command}") if command in COMMANDS else None


class Command(TyperCommand):
    """Shows arguments as `<endpoint>`, and examples one a line."""

    def format_usage(self, ctx: Any, formatter: Any) -> None:
        arguments = [one for one in self.get_params(ctx) if one.param_type_name == "argument"]
        names = [_shown(one.name) if one.required else f"[{_shown(one.name)}]" for one in arguments]
        formatter.write_usage(ctx.command_path, " ".join(["[OPTIONS]", *names]))

    def format_help_text(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        _write_help(self.help or "", formatter)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        rows: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for one in self.get_params(ctx):
            flag, text = one.get_help_record(ctx) or ("", "")
            text = DEFAULT.sub(r"default: \1", text)
            if one.param_type_name == "argument":
                rows["Arguments"].append((_shown(one.name), text))
            else:
                rows["Options"].append((flag, text))
        for title, of_title in rows.items():
            if of_title:
                with formatter.section(title):
                    formatter.write_dl(of_title)


def _shown(argument: str) -> str:
    return f"<{argument.replace('_', '-')}>"


def _write_help(text: str, formatter: Any) -> None:
    prose, _, examples = text.partition("\n\nExamples:\n")
    formatter.write_paragraph()
    with formatter.indentation():
        formatter.write_text(prose)
    if examples:
        with formatter.section("Examples"):
            formatter.write(
                "".join(f"{'':{formatter.current_indent}}{line.strip()}\n" for line in examples.splitlines())
            )


class Commands(TyperGroup):
    """Imports a command when it is asked for: the libraries of all of them take two seconds, the help a tenth."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        # For a name that is none, all of them: Typer then suggests the most similar one.
        for name in [cmd_name] if cmd_name in COMMANDS else COMMANDS:
            if name not in self.commands:
                alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
                module = f"{name}_" if iskeyword(name) else name
                alone.command(name, cls=Command)(getattr(import_module(f"scripts.{module}"), module))
                self.commands[name] = typer.main.get_command(alone)
        return super().get_command(ctx, cmd_name)

    def format_help_text(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        _write_help(self.help or "", formatter)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        for title, commands in {"Commands": FOR_PEOPLE, "For workflows and load machines": FOR_WORKFLOWS}.items():
            with formatter.section(title):
                formatter.write_dl(list(commands.items()))


app = typer.Typer(
    name="bench",
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback(
    context_settings={"max_content_width": WIDEST_HELP},
    epilog="Exit codes: 0 fine, 1 regression or broken SLO (only with --gate), 2 wrong usage or configuration, "
    "3 invalid run, 4 the app cannot be started or does not respond as expected, 5 could not publish, 130 interrupted.",
)
def bench() -> None:
    """Measure how FastAPI endpoints behave under concurrent load, and how reliable the numbers are.

    Examples:
        bench run --profile smoke
        bench predict --users 2000 --workers 8
        bench diagnose sync_baseline

    """


class Output(io.TextIOWrapper):
    """Standard output or error, which may be closed, broken or full: a line that cannot be read ends no measurement.

    `lost`: why something could not be written; from then on nothing is. No line begins as a runner's commands do.
    """

    lost: OSError | None = None
    _is_in_line = False

    @classmethod
    def over(cls, number: int, stream: TextIO | None) -> Self:
        """Take the place of the stream that Python made of an open file; None: the file was closed."""
        buffer = open(number, "wb", closefd=False)  # noqa: SIM115 - a number is no path; open until the end
        if stream is None:
            return cls(buffer, encoding="utf-8", errors="replace")
        interactive = getattr(stream, "line_buffering", False)
        return cls(buffer, encoding=stream.encoding, errors=stream.errors, line_buffering=interactive)

    def write(self, text: str) -> int:
        marked = f".{text}" if self._is_in_line else text
        safe = RUNNER_COMMAND.sub(r"\1: :", marked)
        self._is_in_line = self._is_in_line if not text else not text.endswith("\n")
        try:
            super().write(safe[len(marked) - len(text) :])
        except OSError as error:
            self._lose(error)
        return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            self._lose(error)

    def _lose(self, error: OSError) -> None:
        self.lost = self.lost or error
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)


def main() -> None:
    """Run `bench`. Anything but a BenchmarkError is a bug and shows its traceback."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:  # closed: the next file that is opened would take its place, and what is printed
            os.open(os.devnull, os.O_RDWR)
    out, errors = Output.over(1, sys.stdout), Output.over(2, sys.stderr)
    sys.stdout, sys.stderr = out, errors
    code = _called()
    out.flush()
    if not code and out.lost is not None and out.lost.errno != errno.EPIPE:
        errors.write(f"bench: the output could not be written: {out.lost.strerror}\n")
        code = UsageError.exit_code
    sys.exit(code)


def _called() -> int:
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS, *gc.get_threshold()[1:])
    for number in ending_signals():
        signal.signal(number, _interrupted)
    try:
        take_over(os.environ)  # before anything could quote it
        _refuse_undecodable()
        app()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BenchmarkError as error:
        for number in ending_signals():  # it is ending, and what it has to say is said
            signal.signal(number, signal.SIG_IGN)
        say(f"bench: {error}", sys.stderr)
        if os.environ.get("GITHUB_STEP_SUMMARY"):  # the page of the workflow run says it too, without opening a log
            # it reads records: pandas and all
            from benchmark.report.step_summary import render_error, write_step_summary  # noqa: PLC0415

            with suppress(UnwritableRunError):  # what went wrong was said, and the exit code says it, too
                write_step_summary(render_error(f"bench: {error}"))
        return error.exit_code
    return 0


def _refuse_undecodable() -> None:
    """Bytes that are no text can be given by a shell, and could be written nowhere."""
    ours = (value for name, value in os.environ.items() if name.startswith("BENCH_"))
    for text in (*sys.argv[1:], *ours):
        if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
            raise UsageError(f"{text!r} is not UTF-8; write the argument, or the BENCH_ variable, in UTF-8")


def _interrupted(number: int, _frame: FrameType | None) -> NoReturn:
    """Where nothing is being measured, stopping at once is right."""
    raise InterruptedRunError(f"interrupted by {signal.Signals(number).name}")
