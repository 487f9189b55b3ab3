"""One issue on GitHub for each endpoint and cause of a regression: opened, kept up to date, closed when it is over.

Through GitHub's program `gh`. A suspicion starts one more run.
"""

import hashlib
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
from benchmark.formatting import inert, signed_percent
from benchmark.judge.history import Judged
from benchmark.judge.series import Series
from benchmark.judge.verdict import Judgement, open_percent
from benchmark.record import Record
from benchmark.report.report import templates
from benchmark.report.verdicts import NAMES, Standing, in_short, standings

LABEL = "benchmark-regression"
UNPUBLISHED = "benchmark-unpublished"
"""Label of the one issue that says that nothing is published any more, and the mark in its text."""

WORKFLOW = "benchmark.yml"
SCHEDULED = "schedule"
MOST_ISSUES = "1000"
TIMEOUT_S = 60.0
LONGEST_TITLE = 200
MOST_IN_TITLE = 2
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
    """What has to be done so that there is one open issue for each endpoint and cause, and no other.

    An issue of the same regression that was closed by hand stays closed. An open one is closed only when the end of its
    regression was seen: one that began before the runs that are looked at is left alone. Issues of single metrics, of
    former versions, become part of the one of their endpoint.
    """
    opened = [issue for issue in issues if not issue.closed]
    template = templates().from_string((files("benchmark.github") / "issue.md.j2").read_text("utf-8"))
    kept: set[int] = set()
    for one in causes(judged):
        title, body = _title(one), template.render(**_told(one), url=reports_url)
        known = [issue for issue in opened if _is_about(issue, one)]
        kept |= {issue.number for issue in known}
        if not known and not any(_is_about(issue, one) for issue in issues):
            yield Step("open", None, title, body)
        if known and known[0].body.strip() != body.strip():
            yield Step("update", known[0].number, title, body)
        for issue in known[1:]:
            yield Step("close", issue.number, title, f"Part of #{known[0].number} now.")
    for issue in opened:
        if issue.number not in kept:
            yield from _closed(judged, issue)


def causes(judged: Judged) -> list[Standing]:
    """The open regressions, by endpoint: those that began with one run, or the next, have one cause."""
    found: list[Standing] = []
    for one in standings(judged):
        still = [trend for trend in one.trends if trend.open_since is not None]
        groups: list[list[Series]] = []
        for trend in sorted(still, key=lambda trend: _begins(trend, str(trend.open_since))):
            if groups and _near(str(groups[-1][-1].open_since), str(trend.open_since), one.trends):
                groups[-1].append(trend)
            else:
                groups.append([trend])
        found += [Standing(one.profile, one.endpoint, tuple(group)) for group in groups]
    return found


def _begins(trend: Series, run: str) -> tuple[str, str]:
    return next((one.moment for one in trend.runs if one.id == run), ("", run))


def _near(one: str, other: str, trends: Iterable[Series]) -> bool:
    """Whether two runs are the same, or follow each other."""
    runs = sorted({run.moment for trend in trends for run in trend.runs})
    place = {run: number for number, (_, run) in enumerate(runs)}
    return one == other or (one in place and other in place and abs(place[one] - place[other]) == 1)


def _key(profile: str, endpoint: str) -> str:
    return hashlib.sha256(f"{profile}\n{endpoint}".encode()).hexdigest()


def _is_about(issue: Issue, one: Standing) -> bool:
    """Whether an issue is of these regressions, or of one of them."""
    if issue.key == _key(one.profile, one.endpoint):
        return any(_near(issue.since, str(trend.open_since), one.trends) for trend in one.trends)
    return (issue.key, issue.since) in {(trend.key, trend.open_since) for trend in one.trends}


def _told(one: Standing) -> dict[str, Any]:
    first = min(one.trends, key=lambda trend: _begins(trend, str(trend.open_since)))
    return {
        "one": one,
        "said": in_short(one.said),
        "cause": first.began_with,
        "commits": _commits(first),
        "since": first.open_since,
        "newest": first.runs[-1].id,
        "lines": [(NAMES.get(title := trend.metric.title, title), trend.last.line) for trend in one.trends],
        "common": first.common,
        "key": _key(one.profile, one.endpoint),
    }


def _commits(trend: Series) -> str | None:
    """Where GitHub shows the commits between the run before a regression and its first one."""
    if trend.began_between is None:
        return None
    before, now = (run.environment for run in trend.began_between)
    if not (before.commit and now.commit and now.repository) or before.commit == now.commit:
        return None
    return f"https://{now.repository}/compare/{before.commit}...{now.commit}"


def _closed(judged: Judged, issue: Issue) -> Iterator[Step]:
    """Close an issue whose regressions all ended, as far as that was seen."""
    counting = {trend.key: trend for trend in reversed(judged.counting)}
    newest = {trend.key: trend for trend in reversed(judged.trends)} | counting
    metrics = [one for one in newest.values() if issue.key in {one.key, _key(one.profile, one.endpoint)}]
    ends = [(one, end) for one in metrics if one.open_since is None and (end := _end(judged, issue, one))]
    if ends:
        text = "\n".join(dict.fromkeys(end for _, end in ends))
        yield Step("close", issue.number, _shortened(f"{ends[0][0].endpoint} (profile {ends[0][0].profile})"), text)


def _end(judged: Judged, issue: Issue, now: Series) -> str | None:
    """How the regression of a metric ended; None when that is not known. `now`: the series that counts, if any does."""
    for trend in judged.trends:
        runs = [run.id for run in trend.runs]
        if trend.key != now.key or issue.since not in runs:
            continue
        confirmed = runs.index(issue.since) + 2  # with the second run it was confirmed
        for since in runs[confirmed - 2 : confirmed]:
            if since in trend.over:
                return f"{inert(trend.metric.title)} {inert(trend.over[since])}."
        later = sum(run.started_at > trend.runs[-1].started_at for run in now.runs)
        if trend.aside is not None and (now.aside is not None or later >= ENDED_AFTER_RUNS):
            return f"{inert(trend.aside)}."
        for one in reversed(runs[:confirmed]):
            if trend.aside is None and one in trend.accepted:
                return f"accepted since run {one}: {inert(trend.accepted[one])}."
    return None


def _title(one: Standing) -> str:
    sizes = [(trend.metric.title, open_percent(trend.last)) for trend in one.trends]
    shown = [title if size is None else f"{title} {signed_percent(size)}" for title, size in sizes[:MOST_IN_TITLE]]
    return _shortened(f"{one.endpoint} regressed: {', '.join(shown)} (profile {one.profile})")


def _shortened(title: str) -> str:
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
        line = f"start one more run of {by.profile.name}: {said.endpoint}, {said.metric}: {said.line}"
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
        _gh(place, "issue", "edit", str(step.number), "--title", step.title, "--body-file", "-", text=step.body)
    else:
        _gh(place, "issue", "close", str(step.number), "--comment", step.body)


def tell_unpublished(place: Place, log: str, *, only_say: bool) -> str:
    """Open an issue that a scheduled run was not published, unless one is open; gives what was done.

    `log`: where that run can be looked at. PublishError: GitHub refuses.
    """
    if not only_say and (numbers := _unpublished_issues(place)):
        return f"leave #{numbers[0]} open: it says so already"
    if not only_say:
        title = "A scheduled benchmark was not published"
        text = (
            f"[This scheduled run]({log}) was not published. The log of its job *Publish* says why; run `bench doctor` "
            "in a clone to check the setup.\n\n"
            "Its results are kept for 90 days in the artifact `results`. Fix the cause, then publish them with *Re-run "
            "failed jobs*.\n\n"
            f"This issue is closed when the next scheduled run is published.\n\n<!-- {UNPUBLISHED} -->\n"
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
