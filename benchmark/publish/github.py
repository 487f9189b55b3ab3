"""Asks GitHub, through its program `gh`, whether it lets the workflows run and publish. Changes nothing there."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.errors import BenchmarkError
from benchmark.publish.commands import gh
from benchmark.publish.diagnosis import Answer, Diagnosis, blocks, diagnosis, fine, unchecked, warning

TIMEOUT_S = 30.0
HINDERING_RULES = frozenset(
    {
        "pull_request",
        "update",
        "creation",
        "required_status_checks",
        "required_signatures",
        "required_deployments",
        "merge_queue",
        "workflows",
        "code_scanning",
        "commit_author_email_pattern",
        "commit_message_pattern",
        "committer_email_pattern",
    }
)
OPEN_SETTINGS = "repository Settings, Actions, General"


@dataclass(frozen=True)
class Asked:
    """What GitHub is asked about: a branch of a repository ("github.com/owner/name"; None: gh asks git)."""

    home: Path
    repository: str | None
    branch: str | None


Check = Callable[[Asked], Answer]


class _NoAnswerError(BenchmarkError):
    """gh is not there, is not logged in, or may not ask this."""


def examine_github(home: Path, branch: str | None, repository: str | None = None) -> list[Diagnosis]:
    """Make the checks that only GitHub can answer; each one that can not be made says so."""
    asked = Asked(home, repository, branch)
    out_of_reach = _out_of_reach(asked)
    return [
        diagnosis(name, unchecked(out_of_reach) if out_of_reach else _answer(check, asked))
        for name, check in CHECKS.items()
    ]


def _out_of_reach(asked: Asked) -> str | None:
    if shutil.which("gh") is None:
        return "gh is not installed"
    try:
        _gh(asked, "auth", "status")
    except BenchmarkError:
        return "gh is not logged in (gh auth login; in a workflow: env GH_TOKEN)"
    return None


def _answer(check: Check, asked: Asked) -> Answer:
    try:
        return check(asked)
    except BenchmarkError as error:
        return unchecked(str(error))
    except (KeyError, TypeError, AttributeError, ValueError):
        return unchecked("gh gave an answer that is not understood")


def _gh(asked: Asked, *arguments: str) -> str:
    done = gh(arguments, asked.home, asked.repository, TIMEOUT_S)
    if done.code:
        said = [line for line in done.errors.splitlines() if line.strip()] or ["it said nothing"]
        raise _NoAnswerError(f"gh could not ask: {said[0][:200]}")
    return done.out


def _api(asked: Asked, path: str) -> Any:
    """Ask GitHub's API; gh itself fills in `{owner}/{repo}`."""
    return json.loads(_gh(asked, "api", f"repos/{{owner}}/{{repo}}{path}"))


def _actions(asked: Asked) -> Answer:
    if _api(asked, "/actions/permissions")["enabled"]:
        return fine("are switched on")
    remedy = f"allow them: {OPEN_SETTINGS}"
    return blocks("are switched off for this repository", remedy)


def _workflows(asked: Asked) -> Answer:
    found = _api(asked, "/actions/workflows")["workflows"]
    if not found:
        message = "GitHub knows no workflow here; a fork's are off until its owner enables them"
        return blocks(message, "open the Actions tab and enable them")
    off = [f"{item['path']} ({item['state']})" for item in found if item["state"] != "active"]
    if off:
        message = f"switched off: {', '.join(off)}"
        remedy = "enable it in the Actions tab, or: gh workflow enable NAME"
        return blocks(message, remedy)
    return fine(f"all {len(found)} are active")


def _permissions(asked: Asked) -> Answer:
    given = _api(asked, "/actions/permissions/workflow")["default_workflow_permissions"]
    if given == "write":
        return fine("workflows may write by default")
    message = "read-only by default; the publishing job asks for more itself, which an organisation can forbid"
    remedy = f"only if publishing is refused: read and write permissions, {OPEN_SETTINGS}"
    return warning(message, remedy)


def _protection(asked: Asked) -> Answer:
    branch = asked.branch
    if branch is None:
        return unchecked("no branch is checked out; name one with --branch")
    remedy = (
        "let the workflow's bot push to it, publish on a branch of its own (repository variable BENCH_BRANCH), "
        "or push with a deploy key that may bypass the rule"
    )
    rules = sorted({rule["type"] for rule in _api(asked, f"/rules/branches/{branch}")} & HINDERING_RULES)
    if rules:
        message = f"rules on {branch} refuse direct pushes: {', '.join(rules)}"
        return blocks(message, remedy)
    if _api(asked, f"/branches/{branch}")["protected"]:
        message = f"{branch} is protected; whether the bot may push there is not visible from here"
        return warning(message, remedy)
    return fine(f"{branch} accepts pushes")


CHECKS: dict[str, Check] = {
    "Actions": _actions,
    "workflows and schedule": _workflows,
    "workflow permissions": _permissions,
    "protected branch": _protection,
}
