"""Tells GitHub what the reports say: issues for regressions, one run more for a suspicion. Through its program `gh`."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmark.errors import PublishError
from benchmark.publish.commands import run
from benchmark.publish.issues import LABEL, Step, listed, our_issues, steps, suspicion
from benchmark.record import Record
from benchmark.trend import Judged

TIMEOUT_S = 60.0
MOST_ISSUES = "500"
WORKFLOW = "benchmark.yml"
SCHEDULED = "schedule"

Gh = Callable[..., str]


@dataclass(frozen=True)
class Place:
    """Where the reports can be read, and the branch whose workflow is asked for one run more."""

    home: Path
    reports_url: str
    branch: str | None


def gh(home: Path, *arguments: str, text: str = "") -> str:
    """Run gh, and give what it printed. PublishError: it is not there, not logged in, or refuses."""
    variables = os.environ | {"GH_PROMPT_DISABLED": "1", "NO_COLOR": "1"}
    done = run(["gh", *arguments], home, variables, TIMEOUT_S, text)
    if done.code:
        said = [line for line in done.errors.splitlines() if line.strip()] or ["it said nothing"]
        message = f"gh {' '.join(arguments[:2])} failed: {said[0][:200]}"
        raise PublishError(message)
    return done.out


def tell(judged: Judged, newest: Record | None, place: Place, *, only_say: bool) -> list[str]:
    """Do what has to be done at GitHub, or `only_say` it; gives one line for each thing."""
    issues = our_issues(
        listed(
            gh(
                place.home,
                "issue",
                "list",
                "--label",
                LABEL,
                "--state",
                "open",
                "--limit",
                MOST_ISSUES,
                "--json",
                "number,body",
            )
        )
    )
    todo = list(steps(judged, issues, place.reports_url))
    done = [_said(step) for step in todo]
    if not only_say:
        if any(step.do == "open" for step in todo):
            gh(
                place.home,
                "label",
                "create",
                LABEL,
                "--force",
                "--description",
                "A benchmark became worse, confirmed twice",
            )
        for step in todo:
            _take(step, place)
    suspect = suspicion(judged, newest.id) if newest is not None else None
    if newest is not None and suspect is not None and newest.environment.trigger == SCHEDULED:
        done.append(f"ask for one run more: {suspect.metric} of {suspect.endpoint}: {suspect.line}")
        if not only_say:
            _confirm(newest, place)
    return done


def _said(step: Step) -> str:
    return f"{step.do} {f'#{step.number}' if step.number else 'an issue'}: {step.title}"


def _take(step: Step, place: Place) -> None:
    if step.do == "open":
        gh(place.home, "issue", "create", "--title", step.title, "--label", LABEL, "--body-file", "-", text=step.body)
    elif step.do == "update":
        gh(place.home, "issue", "edit", str(step.number), "--body-file", "-", text=step.body)
    else:
        gh(place.home, "issue", "close", str(step.number), "--comment", step.body)


def _confirm(newest: Record, place: Place) -> None:
    """A run by hand is of the same series; as it is not scheduled, it asks for no further one."""
    branch = ("--ref", place.branch) if place.branch else ()
    gh(place.home, "workflow", "run", WORKFLOW, *branch, "-f", f"profile={newest.profile.name}")
