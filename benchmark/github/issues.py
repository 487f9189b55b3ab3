"""One issue on GitHub for each metric of each endpoint that regressed: opened, kept up to date, closed when it is over.

Through GitHub's program `gh`. A suspicion asks for one run more.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from benchmark import shell
from benchmark.errors import PublishError
from benchmark.formatting import inert
from benchmark.judge.history import Judged
from benchmark.judge.series import Series
from benchmark.judge.verdict import Judgement
from benchmark.record import Record
from benchmark.report.report import templates

LABEL = "benchmark-regression"
UNPUBLISHED = "benchmark-unpublished"
"""Label of the one issue that says that nothing is published any more, and the mark in its text."""

WORKFLOW = "benchmark.yml"
SCHEDULED = "schedule"
MOST_ISSUES = "1000"
TIMEOUT_S = 60.0
LONGEST_TITLE = 200
ENDED_AFTER_RUNS = 5
"""Of another series since its last run a series has ended. Machines that take turns make two that both go on."""
_MARK = re.compile(r"<!-- benchmark-issue: ([0-9a-f]{64}) since (\S+) -->")


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

    do: Literal["open", "update", "close"]
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
    template = templates().from_string((files("benchmark.github") / "issue.md.j2").read_text("utf-8"))
    for key, trend in counting.items():
        if trend.open_since is None:
            continue
        body = template.render(trend=trend, url=reports_url)
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


def _end(judged: Judged, issue: Issue, now: Series) -> str | None:
    """How the regression of an issue ended; None when that is not known. `now`: the series that counts, if any does."""
    for trend in judged.trends:
        runs = [run.id for run in trend.runs]
        if trend.key != issue.key or issue.since not in runs:
            continue
        if issue.since in trend.over:
            return f"{inert(trend.over[issue.since])}."
        since = sum(run.started_at > trend.runs[-1].started_at for run in now.runs)
        if trend.aside is not None and (now.aside is not None or since >= ENDED_AFTER_RUNS):
            return f"{inert(trend.aside)}."
        until = runs.index(issue.since) + 2  # with the second run it was confirmed
        for one in reversed(runs[:until]):
            if trend.aside is None and one in trend.accepted:
                return f"accepted since run {one}: {inert(trend.accepted[one])}."
    return None


def _title(trend: Series) -> str:
    title = f"{trend.metric.title} of {trend.endpoint} regressed (profile {trend.profile})"
    return title if len(title) <= LONGEST_TITLE else f"{title[: LONGEST_TITLE - 3]}..."


@dataclass(frozen=True)
class Place:
    """Where the reports can be read, whose repository it is, and the branch whose workflow is asked for one run more.

    `repository`: "owner/name", with a host before it or not; without, gh asks git. Without a branch the workflow of the
    default branch runs. `event`: what started the workflow that this runs in, if any. After another event than the
    schedule nothing is asked for: that one run more is on its way already.
    """

    home: Path
    reports_url: str
    repository: str | None = None
    branch: str | None = None
    event: str | None = None


def gh(
    home: Path,
    *arguments: str,
    repository: str | None,
    text: str = "",
    failed: str = "",
    timeout_s: float = TIMEOUT_S,
) -> str:
    """Run gh, and give what it printed. PublishError: it is not there, not logged in, or refuses."""
    done = shell.gh(arguments, home, repository, timeout_s, text)
    if done.code:
        command = " ".join(arguments[:2])
        said = next((line for line in done.errors.splitlines() if line.strip()), "it said nothing")
        raise PublishError(f"{failed or f'gh {command} failed'}: {said[:200]}")
    return done.out


def _gh(place: Place, *arguments: str, text: str = "") -> str:
    repository = ("--repo", place.repository) if place.repository else ()
    return gh(place.home, *arguments, *repository, repository=place.repository, text=text)


def _listed(place: Place, label: str, *flags: str, fields: str) -> list[dict[str, Any]]:
    text = _gh(place, "issue", "list", "--label", label, *flags, "--json", fields)
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, list):
        raise PublishError(f"gh issue list printed no list of issues: {text.strip()[:80]!r}")
    return [item for item in found if isinstance(item, dict)]


def _open(place: Place, label: str, about: str, title: str, text: str) -> None:
    _gh(place, "label", "create", label, "--force", "--description", about)
    _gh(place, "issue", "create", "--title", title, "--label", label, "--body-file", "-", text=text)


def tell(judged: Judged, records: Sequence[Record], place: Place, *, only_say: bool) -> tuple[list[str], list[str]]:
    """Do what has to be done at GitHub, or `only_say` it: first a run more, then the issues. `records`: newest first.

    Gives one line for each thing that was done, or would be, and one for each that could not be done, which does not
    keep the rest from being done.
    """
    lines, problems = list[str](), list[str]()

    def attempt(line: str, do: Callable[[], object]) -> None:
        try:
            if not only_say:
                do()
        except PublishError as error:
            problems.append(str(error))
        else:
            lines.append(line)

    suspect = suspicion(judged, records) if place.event in {None, SCHEDULED} else None
    if suspect is not None:
        said, by = suspect
        # A run by hand is of the same series; as it is not scheduled, it asks for no further one.
        branch = ("--ref", place.branch) if place.branch else ()
        line = f"ask for one run more of {by.profile.name}: {said.metric} of {said.endpoint}: {said.line}"
        attempt(line, partial(_gh, place, "workflow", "run", WORKFLOW, *branch, "-f", f"profile={by.profile.name}"))
    issues: list[Issue] = []
    try:
        flags = ("--state", "all", "--limit", MOST_ISSUES)
        issues = our_issues(_listed(place, LABEL, *flags, fields="number,body,state"))
    except PublishError as error:
        if not only_say:
            return lines, [*problems, str(error)]
        lines.append(f"ask GitHub first which issues there are: {error}")
    for step in steps(judged, issues, place.reports_url):
        number = f"#{step.number}" if step.number else "an issue"
        attempt(f"{step.do} {number}: {step.title}", partial(_take, step, place))
    return lines, problems


def _take(step: Step, place: Place) -> None:
    if step.do == "open":
        _open(place, LABEL, "A benchmark became worse, confirmed twice", step.title, step.body)
    elif step.do == "update":
        _gh(place, "issue", "edit", str(step.number), "--body-file", "-", text=step.body)
    else:
        _gh(place, "issue", "close", str(step.number), "--comment", step.body)


def tell_unpublished(place: Place, log: str, *, only_say: bool) -> str:
    """Open an issue that a scheduled run was not published, unless one is open; gives what was done.

    `log`: where that run can be looked at. PublishError: GitHub refuses.
    """
    if not only_say and (numbers := _unpublished_issues(place)):
        return f"leave #{numbers[0]} open, which says it already"
    if not only_say:
        title = "A scheduled benchmark was not published"
        text = (
            f"Nothing of [this scheduled run]({log}) became part of the reports. Its job *Publish* says why;"
            " `bench doctor` in a clone may know more.\n\n"
            "What was measured is in its artifact `results`, for 90 days. Once the cause is gone, *Re-run failed jobs* "
            "publishes it.\n\n"
            f"This issue is closed when a scheduled run is published again.\n\n<!-- {UNPUBLISHED} -->\n"
        )
        _open(place, UNPUBLISHED, "Scheduled runs are not published", title, text)
    return "open an issue: a scheduled run was not published"


def published_again(place: Place) -> list[str]:
    """Close the issue that `tell_unpublished` opened; gives what was done. PublishError: GitHub refuses."""
    numbers = _unpublished_issues(place)
    for number in numbers:
        _gh(place, "issue", "close", str(number), "--comment", "A scheduled run was published again.")
    return [f"close #{number}: a scheduled run was published again" for number in numbers]


def _unpublished_issues(place: Place) -> list[int]:
    found = _listed(place, UNPUBLISHED, "--state", "open", fields="number,body")
    return [item["number"] for item in found if f"<!-- {UNPUBLISHED} -->" in str(item.get("body"))]


def suspicion(judged: Judged, records: Sequence[Record]) -> tuple[Judgement, Record] | None:
    """What may have become worse in the newest scheduled run, when nothing was measured under its profile since."""
    scheduled = next((record for record in records if record.environment.trigger == SCHEDULED), None)
    if scheduled is None:
        return None
    same = (record for record in records if record.profile.name == scheduled.profile.name and not record.customised)
    if next(same, None) is not scheduled:
        return None
    said = judged.verdicts.get(scheduled.id, ())
    found = next((item for item in said if item.stage == "suspected" and item.direction == "worse"), None)
    return None if found is None else (found, scheduled)
