"""Starts the comparison that a comment under a pull request asks for: `/benchmark`, or `/benchmark PROFILE`.

It runs with a token that may start workflows, and runs no code of the pull request. What it starts runs that code, with
a token that may only read, and without secrets.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.errors import PublishError, UsageError
from benchmark.formatting import inert
from benchmark.github.issues import gh

WORKFLOW = "compare.yml"
ASKED = re.compile(r"/benchmark(?:[ \t]+([\w.-]{1,64}))?[ \t]*")
LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,99}")
MAY_START = frozenset({"admin", "maintain", "write"})


@dataclass(frozen=True)
class Comment:
    """A comment as GitHub's event has it: under which pull request, by whom. `profile`: the one that it names."""

    pull_request: int
    author: str
    profile: str | None


def read_comment(pull_request: str, author: str, body: str) -> Comment | None:
    """Read what a comment asks for; None: for nothing. UsageError: it is an event's, and this is none."""
    if not re.fullmatch(r"[1-9]\d{0,9}", pull_request):
        raise UsageError(f"--pull-request: {pull_request!r} is not the number of a pull request")
    if not LOGIN.fullmatch(author):
        raise UsageError(f"--author: {author!r} is not a user of GitHub")
    asked = ASKED.fullmatch(body.strip().partition("\n")[0].rstrip("\r"))
    return Comment(int(pull_request), author, asked[1]) if asked else None


def answer(comment: Comment, problem: str | None, home: Path, *, repository: str | None) -> str:
    """Start the comparison and say so under the pull request; gives what was done. PublishError: gh refuses.

    `problem`: why it cannot be started. Who may not write to the repository gets no answer, and nothing is started.
    """

    def api(path: str, *flags: str, text: str = "") -> str:
        return gh(home, "api", f"repos/{{owner}}/{{repo}}{path}", *flags, repository=repository, text=text)

    permission = _read(api(f"/collaborators/{comment.author}/permission")).get("permission")
    if permission not in MAY_START:
        return f"{comment.author} may not write to this repository; nothing was started"
    if problem is None:
        named = ("-f", f"profile={comment.profile}") if comment.profile else ()
        where = ("--repo", repository) if repository else ()
        asked = ("-f", f"pull_request={comment.pull_request}", *named)
        gh(home, "workflow", "run", WORKFLOW, *asked, *where, repository=repository)
        said = f"Started a comparison of #{comment.pull_request}"
        reply = f"{said}; the result will be a comment here. Its run is in *Actions* → *Compare*."
    else:
        said = "nothing was started"
        reply = f"No comparison was started: {inert(problem)}"
    path = f"/issues/{comment.pull_request}/comments"
    api(path, "--method", "POST", "--input", "-", text=json.dumps({"body": reply}))
    return said if problem is None else f"{said}: {problem}"


def _read(printed: str) -> dict[str, Any]:
    try:
        found = json.loads(printed)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise PublishError(f"gh api printed no object: {printed.strip()[:80]!r}")
    return found
