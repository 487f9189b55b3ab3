"""Asks GitHub, through its program `gh`, whether it lets the workflows run and publish. Changes nothing there."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmark.errors import BenchmarkError
from benchmark.publish.commands import gh_variables, run
from benchmark.publish.diagnosis import Answer, Diagnosis, blocks, diagnosis, fine, unchecked, warning

TIMEOUT_S = 30.0
HINDERING_RULES = frozenset({"pull_request", "update", "required_status_checks", "required_signatures", "creation"})
OPEN_SETTINGS = "repository Settings, Actions, General"

Check = Callable[[Path, str | None], Answer]


class _NoAnswerError(BenchmarkError):
    """gh is not there, is not logged in, or may not ask this."""


def examine_github(home: Path, branch: str | None) -> list[Diagnosis]:
    """Make the checks that only GitHub can answer; each one that can not be made says so."""
    out_of_reach = _out_of_reach(home)
    return [
        diagnosis(name, unchecked(out_of_reach) if out_of_reach else _asked(check, home, branch))
        for name, check in CHECKS.items()
    ]


def _out_of_reach(home: Path) -> str | None:
    if shutil.which("gh") is None:
        return "gh is not installed"
    try:
        _gh(home, "auth", "status")
    except BenchmarkError:
        return "gh is not logged in (gh auth login; in a workflow: env GH_TOKEN)"
    return None


def _asked(check: Check, home: Path, branch: str | None) -> Answer:
    try:
        return check(home, branch)
    except BenchmarkError as error:
        return unchecked(str(error))
    except (KeyError, TypeError, AttributeError, ValueError):
        return unchecked("gh gave an answer that is not understood")


def _gh(home: Path, *arguments: str) -> str:
    done = run(["gh", *arguments], home, gh_variables(), TIMEOUT_S)
    if done.code:
        said = [line for line in done.errors.splitlines() if line.strip()] or ["it said nothing"]
        raise _NoAnswerError(f"gh could not ask: {said[0][:200]}")
    return done.out


def _api(home: Path, path: str) -> Any:
    """Ask GitHub's API; gh itself fills in which repository `{owner}/{repo}` is."""
    return json.loads(_gh(home, "api", f"repos/{{owner}}/{{repo}}{path}"))


def _actions(home: Path, _branch: str | None) -> Answer:
    if _api(home, "/actions/permissions")["enabled"]:
        return fine("are switched on")
    remedy = f"allow them: {OPEN_SETTINGS}"
    return blocks("are switched off for this repository", remedy)


def _workflows(home: Path, _branch: str | None) -> Answer:
    found = _api(home, "/actions/workflows")["workflows"]
    if not found:
        message = "GitHub knows no workflow here; a fork's are off until its owner enables them"
        return blocks(message, "open the Actions tab and enable them")
    off = [f"{item['path']} ({item['state']})" for item in found if item["state"] != "active"]
    if off:
        message = f"switched off: {', '.join(off)}"
        remedy = "enable it in the Actions tab, or: gh workflow enable NAME"
        return blocks(message, remedy)
    return fine(f"all {len(found)} are active")


def _permissions(home: Path, _branch: str | None) -> Answer:
    given = _api(home, "/actions/permissions/workflow")["default_workflow_permissions"]
    if given == "write":
        return fine("workflows may write by default")
    message = "read-only by default; the publishing job asks for more itself, which an organisation can forbid"
    remedy = f"only if publishing is refused: read and write permissions, {OPEN_SETTINGS}"
    return warning(message, remedy)


def _protection(home: Path, branch: str | None) -> Answer:
    if branch is None:
        return unchecked("no branch is checked out; name one with --branch")
    remedy = (
        "let the workflow's bot push to it, publish on a branch of its own (repository variable BENCH_BRANCH), "
        "or push with a deploy key that may bypass the rule"
    )
    rules = sorted({rule["type"] for rule in _api(home, f"/rules/branches/{branch}")} & HINDERING_RULES)
    if rules:
        message = f"rules on {branch} refuse direct pushes: {', '.join(rules)}"
        return blocks(message, remedy)
    if _api(home, f"/branches/{branch}")["protected"]:
        message = f"{branch} is protected; whether the bot may push there is not visible from here"
        return warning(message, remedy)
    return fine(f"{branch} accepts pushes")


CHECKS: dict[str, Check] = {
    "Actions": _actions,
    "workflows and schedule": _workflows,
    "workflow permissions": _permissions,
    "protected branch": _protection,
}
