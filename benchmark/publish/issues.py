"""One issue on GitHub for each metric of each endpoint that regressed: opened, kept up to date, closed when it is over.

An issue is recognised by a mark in its text, not by its title, which people may change: the key of profile, endpoint
and metric, and the run with which the regression began. Nothing here fails a workflow.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from benchmark.errors import PublishError
from benchmark.show.report import templates
from benchmark.show.text import inert
from benchmark.trend import Judged, Trend

LABEL = "benchmark-regression"
LONGEST_TITLE = 200
ENDED_AFTER_RUNS = 5
"""Of another series since its last run a series has ended. Machines that take turns make two that both go on."""
_MARK = re.compile(r"<!-- benchmark-issue: ([0-9a-f]{64}) since (\S+) -->")

Do = Literal["open", "update", "close"]


@dataclass(frozen=True, slots=True)
class Issue:
    """An issue of ours as GitHub has it."""

    number: int
    key: str
    since: str
    body: str
    closed: bool


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do at GitHub. `number` is None for an issue that is yet to be opened."""

    do: Do
    number: int | None
    title: str
    body: str


def our_issues(listed: Iterable[dict[str, Any]]) -> list[Issue]:
    """Find our own among the issues that gh lists (number, body, state)."""
    found = []
    for item in listed:
        number, body = item.get("number"), str(item.get("body") or "")
        mark = _MARK.search(body)
        if mark is not None and isinstance(number, int):
            closed = str(item.get("state") or "").upper() == "CLOSED"
            found.append(Issue(number, mark[1], mark[2], body, closed))
    return sorted(found, key=lambda issue: issue.number)


def steps(judged: Judged, issues: Sequence[Issue], reports_url: str) -> Iterator[Step]:
    """What has to be done so that there is one open issue for each open regression, and no other.

    An issue of the same regression that somebody closed stays closed. An open one is closed only when the end of its
    regression was seen: one that began before the runs that are looked at is left alone.
    """
    counting = {trend.key: trend for trend in reversed(judged.counting)}
    newest = {trend.key: trend for trend in reversed(judged.trends)} | counting
    opened = [issue for issue in issues if not issue.closed]
    for key, trend in counting.items():
        if trend.open_since is None:
            continue
        body = _body(trend, reports_url)
        known = next((issue for issue in opened if issue.key == key), None)
        if known is not None:
            if known.body.strip() != body.strip():
                yield Step("update", known.number, _title(trend), body)
        elif (key, trend.open_since) not in {(issue.key, issue.since) for issue in issues}:
            yield Step("open", None, _title(trend), body)
    for issue in opened:
        now = newest.get(issue.key)
        end = _end(judged, issue, now) if now is not None and now.open_since is None else None
        if now is not None and end is not None:
            yield Step("close", issue.number, _title(now), end)


def _end(judged: Judged, issue: Issue, now: Trend) -> str | None:
    """How the regression of an issue ended; None when that is not known. `now`: the series that counts, if any does."""
    for trend in judged.trends:
        if trend.key != issue.key or issue.since not in trend.runs:
            continue
        if issue.since in trend.over:
            return f"{inert(trend.over[issue.since])}."
        since = sum(moment > trend.started_at[-1] for moment in now.started_at)
        if trend.aside is not None and (now.aside is not None or since >= ENDED_AFTER_RUNS):
            return f"{inert(trend.aside)}."
        until = trend.runs.index(issue.since) + 2  # with the second run it was confirmed
        for run in reversed(trend.runs[:until]):
            if trend.aside is None and run in trend.accepted:
                return f"accepted since run {run}: {inert(trend.accepted[run])}."
    return None


def _title(trend: Trend) -> str:
    title = f"{trend.title} of {trend.endpoint} regressed (profile {trend.profile})"
    return title if len(title) <= LONGEST_TITLE else f"{title[: LONGEST_TITLE - 3]}..."


def _body(trend: Trend, reports_url: str) -> str:
    return templates().get_template("issue.md.j2").render(trend=trend, url=reports_url)


def listed(text: str) -> list[dict[str, Any]]:
    """Read what `gh issue list --json number,body,state` printed. PublishError: that is no list."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, list):
        message = f"gh issue list printed no list of issues: {text.strip()[:80]!r}"
        raise PublishError(message)
    return [item for item in found if isinstance(item, dict)]
