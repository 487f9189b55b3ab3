"""The options of the commands, made from the flags that benchmark/ declares for the fields they fill.

All are text here, whatever they mean: they are read and checked by `benchmark.config`, which says in one line what is
wrong. Environment variables set the same values as the flags; empty variables are ignored.
"""

import re
from collections.abc import Callable, Mapping
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any

from rich.console import Console
from typer import Argument, Context, Option

from benchmark.config import DEFAULT_PROFILE, FLAGS, Flag
from benchmark.errors import UsageError
from benchmark.fields import MAX_USERS

Profile = Annotated[
    str | None,
    Option(
        envvar="BENCH_PROFILE",
        metavar="<profile>",
        help="The load: a profile of benchmark.toml.",
        show_default=f"{DEFAULT_PROFILE}, or the only one",
    ),
]
ConfigFile = Annotated[Path, Option(metavar="<file>", help="Configuration file.")]
App = Annotated[
    str | None,
    Argument(metavar="[<app>]", help="A URL, or package.module:app.", show_default="the app of this folder"),
]
Out = Annotated[Path, Option(metavar="<folder>", help="Folder for the run's own directory.")]
Reports = Annotated[Path, Option(metavar="<folder>", help="The reports directory.")]
Readme = Annotated[Path, Option(metavar="<file>", help="The README whose block is rendered.")]
Local = Annotated[bool, Option("--local", help="Write and render the files here only, without git.")]
Remote = Annotated[str, Option(metavar="<remote>", help="Remote to push to.")]
Branch = Annotated[
    str | None,
    Option(
        envvar="BENCH_BRANCH", metavar="<branch>", help="Branch that holds the reports; by default the current branch."
    ),
]
Yes = Annotated[bool, Option("--yes", help="Create a branch that the remote does not have without asking.")]
DryRun = Annotated[bool, Option("--dry-run", help="List what would be pushed where, without pushing.")]
OpenIt = Annotated[bool, Option("--open", help="Open the result in your browser.")]
AsJson = Annotated[bool, Option("--json", help="Print JSON instead of tables.")]
QuickTasks = Annotated[
    str,
    Option(envvar=FLAGS["task_seconds"].variable, metavar="<number>", help=FLAGS["task_seconds"].help),
]

# What the flags of a group say, by the field that they fill; None or () where they were not given.
Given = dict[str, Any]
REPORTS, README = Path("reports"), Path("README.md")


WIDEST = 10_000  # a file has no width: what is written there stays in one line, so that it can be searched


def screen(*, stderr: bool = False) -> Console:
    """Where a command prints: wrapped at the width of the terminal, or not at all where there is none."""
    console = Console(stderr=stderr)
    if not console.file.isatty():
        console.width = WIDEST
    return console


def require_reports(reports: Path) -> None:
    if not reports.is_dir():
        message = f"there is no directory {reports} here; go to the repository's folder, or name it with --reports"
        raise UsageError(message)


def chosen(fields: str, among: Mapping[str, Flag] = FLAGS) -> dict[str, Flag]:
    """The flags of some fields, in the order in which the help lists them."""
    return {field: among[field] for field in fields.split()}


def option(flag: Flag, **more: Any) -> Any:
    return Option(
        flag.name,
        **{
            "envvar": flag.variable,
            "metavar": f"<{flag.value}>",
            "help": flag.help,
            "show_default": flag.default or True,
            **more,
        },
    )


Python = Annotated[str | None, option(FLAGS["python"])]


def filled(**groups: Mapping[str, Flag]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the flags of each group in the place of its keyword of that name, which gets what they say."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def called(context: Context, **given: Any) -> None:
            said = {
                name: {field: _items(context, field, flag, given.pop(field)) for field, flag in flags.items()}
                for name, flags in groups.items()
            }
            command(**said, **given)

        parameters = [Parameter("context", Parameter.KEYWORD_ONLY, annotation=Context)]
        for own in signature(command).parameters.values():
            flags = groups.get(own.name, {})
            parameters += [_parameter(field, flag) for field, flag in flags.items()] or [own]
        vars(called)["__signature__"] = Signature(parameters)
        return called

    return decorate


def _parameter(field: str, flag: Flag) -> Parameter:
    kind: Any = list[str] if flag.several else str | None
    default: list[str] | None = [] if flag.several else None
    return Parameter(field, Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option(flag)])


_SEPARATED = re.compile(r"[1-9]\d{0,2}(?:,\d{3})+")


def _items(context: Context, field: str, flag: Flag, given: Any) -> Any:
    """Split "100, 500" at its commas. UsageError when something was given that names nothing.

    UsageError, too, for "1,500" users, which may be one number or two: spaces tell.
    """
    if not flag.several:
        return given
    for text in map(str.strip, given) if flag.name == "--users" else ():
        one = text.replace(",", "")
        if _SEPARATED.fullmatch(text) and int(one) <= MAX_USERS:
            two = text.replace(",", ", ")
            raise UsageError(f'--users: {text!r} may be {one} users, or a sweep; write {one}, or "{two}" with spaces')
    source = context.get_parameter_source(field)
    if source is not None and source.name == "ENVIRONMENT":
        given = [" ".join(given)]  # typer split it at its spaces, but a name may hold one
    found = tuple(part.strip() for text in given for part in text.split(",") if part.strip())
    if any(given) and not found:
        raise UsageError(f"{flag.name}: {' '.join(given)!r} names nothing; write it like a or a,b")
    return found
