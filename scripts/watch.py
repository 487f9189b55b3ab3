"""`bench watch`: tell GitHub what became worse."""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated

from typer import Exit, Option

from benchmark.config import DEFAULT_FILE, parse_config
from benchmark.errors import InvalidRunError, PublishError
from benchmark.formatting import say
from benchmark.github.issues import SCHEDULED, Place, published_again, tell, tell_unpublished
from benchmark.judge.history import judged
from benchmark.measure.machine import run_url
from benchmark.report.render import home_repository, say_unreadable
from benchmark.report.verdicts import standings, summed_up
from benchmark.shell import Git, repository_of
from benchmark.store import read_history
from scripts import options


def watch(
    dry_run: Annotated[bool, Option("--dry-run", help="Show what would be done, without doing it.")] = False,
    gate: Annotated[bool, Option("--gate", help="Exit with code 1 while a regression is open.")] = False,
    unpublished: Annotated[
        bool, Option("--unpublished", help="Only report in an issue that a scheduled run was not published.")
    ] = False,
    branch: options.Branch = None,
    remote: Annotated[
        str, Option(metavar="<remote>", help="Remote whose repository gets the issues; in a workflow always its own.")
    ] = "origin",
    reports: options.Reports = options.REPORTS,
) -> None:
    """Open one issue for each confirmed regression, keep it up to date, close it on recovery.

    After a scheduled run, a possible regression starts the workflow once more to confirm it. Uses GitHub's program gh
    (in a workflow: env GH_TOKEN, permissions issues: write and actions: write). docs/judging.md defines a regression.
    Exit codes: 1 a regression is open, 3 none is open but a run cannot be read (both only with --gate), 5 GitHub
    refused something.

    Examples:
        bench watch --dry-run

    """
    if unpublished:
        log = run_url() or "a run outside GitHub"
        line = tell_unpublished(_place(branch, remote, reports), log, only_say=dry_run)
        say(f"{'would ' if dry_run else ''}{line}", sys.stdout)
        return
    options.require_reports(reports)
    history = read_history(reports)
    say_unreadable(history.unreadable)
    config = parse_config(DEFAULT_FILE) if DEFAULT_FILE.exists() else None
    found = judged(history.records, config, home=home_repository(remote))
    still_open = [trend for trend in found.counting if trend.open_since is not None]
    say(summed_up(standings(found), str) or "No verdicts yet.", sys.stdout)
    place = _place(branch, remote, reports)
    lines, problems = tell(found, found.own(history.records), place, only_say=dry_run)
    over = published_again(place) if place.event == SCHEDULED and not dry_run else []
    for line in (*lines, *over):
        say(f"{'would ' if dry_run else ''}{line}", sys.stdout)
    for problem in problems:
        say(f"bench: {problem}", sys.stderr)
    if gate and still_open:
        raise Exit(1)
    if gate and history.unreadable:
        raise Exit(InvalidRunError.exit_code)
    if problems:
        raise Exit(PublishError.exit_code)


def _place(branch: str | None, remote: str, reports: Path) -> Place:
    """Where the reports are read: on GitHub, or outside of a workflow in the repository."""
    names = ("SERVER_URL", "REPOSITORY", "REF_NAME", "EVENT_NAME")
    server, repository, ref, event = (os.environ.get(f"GITHUB_{name}") for name in names)
    where = str(reports)
    if server and repository:
        folder = ""
        with suppress(PublishError):  # where in its repository this folder lies: "services/orders/"
            folder = Git(Path.cwd())("rev-parse", "--show-prefix")
        where = f"{server}/{repository}/blob/{branch or ref or 'HEAD'}/{folder}{reports}"
    return Place(Path.cwd(), where, repository or repository_of(Path.cwd(), remote), ref, event or None)
