"""Posts the result of a comparison on its pull request: one comment, kept up to date.

It runs with a token that may write, after a workflow that ran the code of a stranger. So nothing that workflow left
behind is trusted: the text is rendered here from checked numbers, and GitHub is asked where to post it, by the commit
and the branch that GitHub itself names in its event, or by the title that compare.yml gave its run.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.errors import InvalidRunError
from benchmark.github.issues import gh

MARK = "<!-- benchmark-compare -->"
AUTHOR = "github-actions[bot]"
LONGEST_COMMENT = 60_000  # GitHub takes 65,536 characters


@dataclass(frozen=True)
class Head:
    """The head of a pull request as GitHub's event names it."""

    owner: str
    branch: str
    commit: str


def comment(markdown: str, home: Path, where: Head | int, *, mark: str = MARK, repository: str | None = None) -> str:
    """Write or update the comment; gives what was done. InvalidRunError: it is too long. PublishError: gh refuses.

    `where`: the pull request, by its head or its number; `repository`: where it is. `mark`: which comment is updated.
    """
    if len(markdown) > LONGEST_COMMENT:
        raise InvalidRunError("the comparison is too long for a comment; read it in the summary of its workflow run")

    def api(path: str, *flags: str, text: str = "") -> str:
        return gh(home, "api", f"repos/{{owner}}/{{repo}}{path}", *flags, repository=repository, text=text)

    number = where if isinstance(where, int) else _open_with(where, api)
    if number is None:
        return "no open pull request has this commit as its head any more; nothing was posted"
    comments = _pages(api(f"/issues/{number}/comments?per_page=100", "--paginate"))
    ours = [item for item in comments if item["user"]["login"] == AUTHOR and str(item["body"]).startswith(mark)]
    payload = json.dumps({"body": f"{mark}\n{markdown}"})
    if ours:
        api(f"/issues/comments/{int(ours[0]['id'])}", "--method", "PATCH", "--input", "-", text=payload)
        return f"updated the comment on #{number}"
    api(f"/issues/{number}/comments", "--method", "POST", "--input", "-", text=payload)
    return f"commented on #{number}"


def _open_with(head: Head, api: Callable[..., str]) -> int | None:
    of_this_branch = ("--method", "GET", "-f", "state=open", "-f", f"head={head.owner}:{head.branch}")
    pulls = _pages(api("/pulls", *of_this_branch))
    return next((int(item["number"]) for item in pulls if item["head"]["sha"] == head.commit), None)


def _pages(printed: str) -> list[dict[str, Any]]:
    # Newer versions of gh make one list of all pages, older ones print one list after the other.
    text, found = printed.strip(), list[dict[str, Any]]()
    while text:
        page, end = json.JSONDecoder().raw_decode(text)
        found += page
        text = text[end:].lstrip()
    return found
