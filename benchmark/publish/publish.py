"""The way of new files into the reports, here or on a branch: what `bench publish` and `bench fail` share."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.errors import InvalidRunError, UnwritableRunError, UsageError
from benchmark.formatting import inert
from benchmark.publish.push import Destination, Put, find_destination, push
from benchmark.publish.untrusted import read_runs
from benchmark.report.index import why_incomplete
from benchmark.report.render import render, say_unreadable
from benchmark.report.step_summary import write_step_summary

LONGEST_TITLE = 200


@dataclass(frozen=True)
class Where:
    """What the command line says about the place."""

    local: bool
    branch: str | None
    remote: str
    reports: Path
    readme: Path


def publish_to(where: Where, put: Put, title: str, runs: Sequence[str] = ()) -> None:
    """Put files into the reports, render everything, and say what was done. `runs`: those whose reports are new."""
    if where.local:
        put(where.reports)
        _render_new(where.reports, where.readme)
        sys.stdout.write(f"{title}: written below {where.reports}; commit it: git add {where.reports} {where.readme}\n")
        return
    destination = find_destination(where.reports, where.readme, where.remote, where.branch)
    title = title if len(title) <= LONGEST_TITLE else title[: LONGEST_TITLE - 1] + "…"
    outcome = push(destination, put, _render_new, title=title, say=_say, agree=_agree)
    place = f"{destination.remote}/{destination.branch}"
    if outcome.changed:
        sys.stdout.write(
            f"{title}: pushed to {place} as {outcome.commit[:10]}. Your files are as they were: git pull\n"
        )
        _tell_workflow(destination, outcome.commit, runs)
    else:
        sys.stdout.write(f"{title}: nothing to do, {place} holds it already\n")


def _agree(what: str) -> bool:
    """Say what is to be done and, at a terminal, ask."""
    in_workflow = os.environ.get("GITHUB_ACTIONS") == "true"  # where a terminal has no person at it
    if in_workflow or not (sys.stdin and sys.stdin.isatty() and sys.stderr.isatty()):
        _say(f"{what}.")
        return True
    sys.stderr.write(f"{what}. Make it? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _tell_workflow(destination: Destination, commit: str, runs: Sequence[str]) -> None:
    """Link what was published on the page of the workflow run."""
    server, repository = (os.environ.get(f"GITHUB_{name}") for name in ("SERVER_URL", "REPOSITORY"))
    if not (server and repository and os.environ.get("GITHUB_STEP_SUMMARY")):
        return
    reports = f"{server}/{repository}/blob/{commit}/{destination.reports.as_posix()}"
    places = {run: f"{reports}/runs/{run}/report.md" for run in runs} or {"the index": f"{reports}/README.md"}
    links = ", ".join(f"[{name}]({place})" for name, place in places.items())
    try:
        write_step_summary(f"Published on {inert(destination.branch)}: {links}\n")
    except UnwritableRunError as error:
        _say(f"bench: {error}")


def _render_new(reports: Path, readme: Path) -> None:
    """Render what is new: the report of a run that has none, the index, the README block."""
    say_unreadable(render(reports, readme, everything=False).unreadable)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def reason_in(results: Path | None) -> str | None:
    """Find what the newest incomplete run says; a directory that holds none, or something odd, says nothing."""
    try:
        records = read_runs(results).records if results is not None else ()
    except (InvalidRunError, UsageError) as error:
        sys.stderr.write(f"No reason taken from --results: {error}\n")
        return None
    incomplete = [record for record in records if record.state == "incomplete"]
    newest = max(incomplete, key=lambda record: record.started_at, default=None)
    return why_incomplete(newest) if newest is not None else None
