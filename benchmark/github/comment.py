"""Says the result of a comparison under the pull request that it belongs to: one comment, kept up to date.

It runs with a token that may write, after a workflow that ran the code of a stranger. So nothing that workflow left
behind is believed: what is said is rendered here from checked numbers, and where it is said is asked of GitHub, by the
commit and the branch that GitHub itself names in its event.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.errors import InvalidRunError
from benchmark.github.issues import gh

MARK = "<!-- benchmark-compare -->"
AUTHOR = "github-actions[bot]"
LONGEST_COMMENT = 60_000
"""GitHub takes 65,536 characters."""


@dataclass(frozen=True)
class Head:
    """The head of a pull request as GitHub's event names it; `repository`: where the pull request is."""

    owner: str
    branch: str
    commit: str
    repository: str | None = None


def comment(markdown: str, head: Head, home: Path) -> str:
    """Write or renew the comment; gives what was done. InvalidRunError: it is too long. PublishError: gh refuses."""
    if len(markdown) > LONGEST_COMMENT:
        raise InvalidRunError("the comparison is too long for a comment; it stands in the summary of its workflow run")
    number = _pull_request(head, home)
    if number is None:
        return "no open pull request has this commit as its head any more; nothing was said"
    payload = json.dumps({"body": f"{MARK}\n{markdown}"})
    ours = [
        item for item in _get(home, head, f"/issues/{number}/comments?per_page=100", "--paginate") if _is_ours(item)
    ]
    if ours:
        _send(home, head, "PATCH", f"/issues/comments/{int(ours[0]['id'])}", payload)
        return f"renewed the comment under #{number}"
    _send(home, head, "POST", f"/issues/{number}/comments", payload)
    return f"commented on #{number}"


def _pull_request(head: Head, home: Path) -> int | None:
    fields = ("--method", "GET", "-f", "state=open", "-f", f"head={head.owner}:{head.branch}")
    found = _get(home, head, "/pulls", *fields)
    return next((int(item["number"]) for item in found if item["head"]["sha"] == head.commit), None)


def _is_ours(item: dict[str, Any]) -> bool:
    return item["user"]["login"] == AUTHOR and str(item["body"]).startswith(MARK)


def _get(home: Path, head: Head, path: str, *flags: str) -> list[dict[str, Any]]:
    """All pages of a list: newer versions of gh make one list of them, older ones print one list after the other."""
    said = gh(home, "api", f"repos/{{owner}}/{{repo}}{path}", *flags, repository=head.repository)
    text, found = said.strip(), list[dict[str, Any]]()
    while text:
        page, end = json.JSONDecoder().raw_decode(text)
        found += page
        text = text[end:].lstrip()
    return found


def _send(home: Path, head: Head, method: str, path: str, payload: str) -> None:
    words = (f"repos/{{owner}}/{{repo}}{path}", "--method", method, "--input", "-")
    gh(home, "api", *words, repository=head.repository, text=payload)
