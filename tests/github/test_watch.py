"""What GitHub is told: one issue for each regression, closed on recovery, one run more for a suspicion."""

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmark.record import Record
from tests.support.bench import Bench
from tests.support.clones import git
from tests.support.histories import SLOWER, run_of_week, write_history

STUB = """#!/usr/bin/env python3
import json, sys
from pathlib import Path
here = Path(__file__).parent
if sys.argv[1:3] == ["issue", "list"]:
    print((here / "open.json").read_text())
else:
    call = {"words": sys.argv[1:], "text": "" if sys.stdin.isatty() else sys.stdin.read()}
    with (here / "calls.jsonl").open("a") as file:
        file.write(json.dumps(call) + "\\n")
"""


class Hub:
    """A stand-in for GitHub: a `gh` that lists what issues are open and writes down what it is told."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.folder = bench.folder / "gh-bin"
        self.folder.mkdir()
        (self.folder / "gh").write_text(STUB)
        (self.folder / "gh").chmod(0o755)
        self.has()
        bench.environment["PATH"] = f"{self.folder}:{os.environ['PATH']}"
        bench.environment |= {"GITHUB_REPOSITORY": "", "GITHUB_REF_NAME": "", "GITHUB_EVENT_NAME": ""}

    def has(self, *bodies: str, state: str = "OPEN") -> None:
        """Issues with these texts, numbered from 1."""
        issues = [{"number": n, "body": body, "state": state} for n, body in enumerate(bodies, start=1)]
        (self.folder / "open.json").write_text(json.dumps(issues))

    def told(self, *arguments: str, code: int = 0) -> list[dict[str, Any]]:
        """What `bench watch` told it."""
        (self.folder / "calls.jsonl").unlink(missing_ok=True)
        done = self.bench.call("watch", *arguments)
        assert done.returncode == code, done.stderr
        file = self.folder / "calls.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


@pytest.fixture
def hub(bench: Bench) -> Hub:
    """GitHub, and a folder with reports."""
    return Hub(bench)


def history(hub: Hub, levels: Sequence[float], **last: Any) -> list[Record]:
    """Publish one run a week; `last` changes the newest."""
    records = [run_of_week(week, level) for week, level in enumerate(levels)]
    records[-1] = run_of_week(len(levels) - 1, levels[-1], **last)
    write_history(hub.bench.folder / "reports", records)
    return records


def issues(calls: list[dict[str, Any]], verb: str) -> list[dict[str, Any]]:
    return [call for call in calls if call["words"][:2] == ["issue", verb]]


def test_an_endpoint_that_regressed_gets_one_issue_that_says_where_to_look(hub: Hub) -> None:
    history(hub, SLOWER)
    (opened,) = issues(hub.told(), "create")
    title = opened["words"][opened["words"].index("--title") + 1]
    assert title == "computing regressed: req/s −20%, p50 +25% (profile quick)"
    assert "- First run: [2026-03-16-weekly](reports/runs/2026-03-16-weekly/report.md)" in opened["text"]


def test_links_lead_to_the_reports_of_a_folder_of_the_repository(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    bench = Bench(tmp_path / "services" / "orders")
    bench.folder.mkdir(parents=True)
    bench.configure()
    hub = Hub(bench)
    history(hub, SLOWER)
    hub.bench.environment |= {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "acme/bench"}
    opened = issues(hub.told("--branch", "data"), "create")
    bench.end()
    assert "https://github.com/acme/bench/blob/data/services/orders/reports/runs/" in opened[0]["text"]


def test_an_issue_that_says_it_already_is_left_alone_and_an_old_one_is_brought_up_to_date(hub: Hub) -> None:
    history(hub, SLOWER)
    (body,) = [call["text"] for call in issues(hub.told(), "create")]
    hub.has(body)
    assert hub.told() == []
    hub.has("an issue of somebody else", body.replace("Newest run", "A run long ago"))
    (call,) = hub.told()
    assert call["words"][:3] == ["issue", "edit", "2"]


def test_a_regression_that_recovered_closes_its_issue(hub: Hub) -> None:
    history(hub, SLOWER)
    hub.has(*(call["text"] for call in issues(hub.told(), "create")), "an issue of somebody else")
    write_history(hub.bench.folder / "reports", [run_of_week(week, 100.0) for week in range(12, 20)])
    calls = hub.told()
    assert [call["words"][2] for call in issues(calls, "close")] == ["1"]
    assert len(calls) == 1


def test_a_suspicion_in_a_scheduled_run_asks_for_one_run_more(hub: Hub) -> None:
    scheduled = run_of_week(0, 100.0).environment.model_copy(update={"trigger": "schedule"})
    history(hub, SLOWER[:-1], environment=scheduled)
    hub.bench.environment |= {"GITHUB_REPOSITORY": "acme/bench", "GITHUB_REF_NAME": "main"}
    (call,) = hub.told("--branch", "data")
    words = ["workflow", "run", "benchmark.yml", "--ref", "main", "-f", "profile=quick", "--repo", "acme/bench"]
    assert call["words"] == words, "the branch of the reports holds old code"


def test_only_the_scheduled_workflow_itself_asks_for_it(hub: Hub) -> None:
    scheduled = run_of_week(0, 100.0).environment.model_copy(update={"trigger": "schedule"})
    history(hub, SLOWER[:-1], environment=scheduled)
    hub.bench.environment["GITHUB_EVENT_NAME"] = "schedule"
    assert len(hub.told()) == 1
    hub.bench.environment["GITHUB_EVENT_NAME"] = "workflow_dispatch"
    assert hub.told() == [], "somebody measured something else while that run was under way"


def test_a_scheduled_run_that_was_not_published_opens_one_issue_and_the_next_that_is_closes_it(hub: Hub) -> None:
    where = {"GITHUB_SERVER_URL": "https://github.example", "GITHUB_REPOSITORY": "acme/bench", "GITHUB_RUN_ID": "7"}
    hub.bench.environment |= {**where, "GITHUB_EVENT_NAME": "schedule"}
    label, opened = hub.told("--unpublished")
    assert label["words"][:2] == ["label", "create"]
    assert "[This scheduled run](https://github.example/acme/bench/actions/runs/7)" in opened["text"]
    hub.has(opened["text"], "an issue of somebody else")
    assert hub.told("--unpublished") == [], "it is said already"
    history(hub, [100.0] * 12)
    (closed,) = hub.told()
    assert closed["words"][:3] == ["issue", "close", "1"]
    hub.bench.environment["GITHUB_EVENT_NAME"] = "workflow_dispatch"
    assert hub.told() == [], "what a person started says nothing of the schedule"


def test_gh_asks_the_server_that_the_workflow_runs_on(hub: Hub) -> None:
    (hub.folder / "gh").write_text('#!/bin/sh\necho "$GH_HOST" > "$(dirname "$0")/host"\necho "[]"\n')
    history(hub, [100.0] * 12)
    hub.bench.environment |= {"GITHUB_SERVER_URL": "https://acme.ghe.com"}
    hub.bench.run("watch")
    assert (hub.folder / "host").read_text() == "acme.ghe.com\n"


def test_a_run_that_can_not_be_read_is_named_and_fails_a_gate(hub: Hub) -> None:
    records = history(hub, SLOWER)
    file = hub.bench.folder / "reports" / "runs" / records[-1].id / "run.json"
    file.write_text(file.read_text()[:1000])
    done = hub.bench.call("watch", "--dry-run", "--gate")
    assert done.returncode == 3
    assert f"bench: left out: runs/{records[-1].id}/run.json is not a record: it is truncated" in done.stderr
    assert hub.bench.call("watch", "--dry-run").returncode == 0


def test_a_suspicion_in_any_other_run_asks_for_nothing(hub: Hub) -> None:
    history(hub, SLOWER[:-1])
    assert hub.told() == []


def test_nothing_is_told_where_nothing_changed(hub: Hub) -> None:
    history(hub, [100.0] * 12)
    assert hub.told("--gate") == []


def test_a_dry_run_only_says_it_and_a_gate_ends_with_1(hub: Hub) -> None:
    history(hub, SLOWER)
    assert hub.told("--dry-run", "--gate", code=1) == []
    said = hub.bench.run("watch", "--dry-run").stdout
    assert "would open an issue: computing regressed: req/s −20%" in said
    assert "1 regression." in said


REFUSES = "#!/bin/sh\necho 'the repository has disabled issues' >&2\nexit 1\n"


def test_what_refuses_is_said_line_by_line_and_does_not_end_the_rest(hub: Hub) -> None:
    scheduled = run_of_week(0, 100.0).environment.model_copy(update={"trigger": "schedule"})
    history(hub, SLOWER[:-1], environment=scheduled)
    (hub.folder / "gh").write_text(REFUSES)
    done = hub.bench.call("watch")
    assert done.returncode == 5
    assert done.stderr.splitlines() == [
        "bench: gh workflow run failed: the repository has disabled issues",
        "bench: gh issue list failed: the repository has disabled issues",
    ]
    (hub.folder / "gh").write_text(STUB)
    (hub.folder / "open.json").write_text("no JSON")
    done = hub.bench.call("watch")
    assert (done.returncode, done.stderr) == (5, "bench: gh issue list printed no list of issues: 'no JSON'\n")
    assert "start one more run of quick: computing, req/s: possible regression: −20%" in done.stdout


def test_a_gate_needs_no_gh(hub: Hub) -> None:
    history(hub, SLOWER)
    (hub.folder / "gh").write_text(REFUSES)
    done = hub.bench.call("watch", "--dry-run", "--gate")
    assert (done.returncode, done.stderr) == (1, "")
    assert "would ask GitHub first which issues there are: gh issue list failed" in done.stdout
    assert "would open an issue: computing regressed: req/s −20%" in done.stdout


def test_names_from_outside_are_inert_in_an_issue(hub: Hub, tmp_path: Path) -> None:
    assert tmp_path
    history(hub, SLOWER)
    for file in (hub.bench.folder / "reports" / "runs").glob("*/run.json"):
        text = file.read_text().replace('"name": "computing"', '"name": "@everyone [x](javascript:1) <b>"')
        file.write_text(text.replace('"computing"', '"@everyone [x](javascript:1) <b>"'))
    body = issues(hub.told(), "create")[0]["text"]
    assert "@everyone" not in body
    assert not re.search(r"(?<!\\)\[x\]\(javascript", body)
    assert "<b>" not in body.replace("\\<b\\>", "")
