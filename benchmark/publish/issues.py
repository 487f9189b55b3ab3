"""One issue on GitHub for each metric of each endpoint that regressed: opened, kept up to date, closed on recovery.

An issue is recognised by a mark in its text, not by its title, which people may change. Nothing here fails a workflow.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from benchmark.show.report import templates
from benchmark.show.text import inert
from benchmark.trend import Judged, Said, Trend

LABEL = "benchmark-regression"
_MARK = re.compile(r"<!-- benchmark-issue: ([0-9a-f]{64}) -->")

Do = Literal["open", "update", "close"]


@dataclass(frozen=True, slots=True)
class OpenIssue:
    """An open issue of ours as GitHub has it."""

    number: int
    key: str
    body: str


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do at GitHub. `number` is None for an issue that is yet to be opened."""

    do: Do
    number: int | None
    title: str
    body: str


def our_issues(listed: Iterable[dict[str, Any]]) -> list[OpenIssue]:
    """Find our own among the open issues that gh lists (number, body)."""
    found = []
    for item in listed:
        mark = _MARK.search(str(item.get("body") or ""))
        if mark is not None:
            found.append(OpenIssue(int(item["number"]), mark[1], str(item["body"])))
    return sorted(found, key=lambda issue: issue.number)


def steps(judged: Judged, issues: Sequence[OpenIssue], reports_url: str) -> Iterator[Step]:
    """What has to be done so that there is one open issue for each open regression, and no other."""
    wanted = {trend.key: trend for trend in reversed(judged.trends) if trend.last.open_since is not None}
    known = {trend.key: trend for trend in reversed(judged.trends)}
    have = {issue.key: issue for issue in reversed(issues)}
    for key, trend in wanted.items():
        body = _body(trend, reports_url)
        issue = have.get(key)
        if issue is None:
            yield Step("open", None, _title(trend), body)
        elif issue.body.strip() != body.strip():
            yield Step("update", issue.number, _title(trend), body)
    for key, old in have.items():
        now = known.get(key)
        if key not in wanted and now is not None:
            yield Step("close", old.number, _title(now), _farewell(now))


def suspicion(judged: Judged, newest_run: str) -> Said | None:
    """The first metric of the newest run that may have become worse, which a second run has to confirm."""
    said = judged.said.get(newest_run, ())
    return next((item for item in said if item.stage == "suspected" and item.worse), None)


def _title(trend: Trend) -> str:
    return f"{trend.title} of {trend.endpoint} regressed (profile {trend.profile})"


def _body(trend: Trend, reports_url: str) -> str:
    return templates().get_template("issue.md.j2").render(trend=trend, url=reports_url)


def _farewell(trend: Trend) -> str:
    return f"Back at the level before, or accepted: {inert(trend.last.line)} (run {inert(trend.runs[-1])})."


def listed(text: str) -> list[dict[str, Any]]:
    """Read what `gh issue list --json number,body` printed."""
    found = json.loads(text)
    return [item for item in found if isinstance(item, dict)]
