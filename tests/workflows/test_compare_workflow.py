"""compare.yml for a pull request, and the workflow that comments on it, executed one after the other."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.workflows.forge import TINY, Forge, Outcome, git

MakeForge = Callable[[], Forge]

ONE_ENDPOINT = """
[judging]
smallest_effect_percent = 50
[profiles.compare]
users = 2
spawn_rate = 2
duration = "1s"
rounds = 2
task_seconds = 0.02
endpoints = ["async_concurrent"]
"""
GH = """#!/bin/sh
here=$(dirname "$0")
echo "$@" >> "$here/gh.log"
case "$*" in
  *pulls*) cat "$here/pulls.json" ;;
  *POST*) cat > "$here/said.json" ;;
  *comments*) echo '[]' ;;
esac
"""


@pytest.fixture(scope="module")
def compared(make_forge: MakeForge) -> tuple[Forge, Outcome, str]:
    """A pull request that makes the app wait three times as long; gives its newest commit, too."""
    forge = make_forge()
    forge.fork({"benchmark.toml": TINY + ONE_ENDPOINT})
    slower = (forge.home / "tree" / "app" / "tasks.py").read_text().replace("sleep(seconds)", "sleep(3 * seconds)")
    commit = forge.push({"app/tasks.py": slower})
    return forge, forge.run("pull_request", workflow="compare.yml"), commit


def test_a_pull_request_is_compared_with_what_it_would_change(compared: tuple[Forge, Outcome, str]) -> None:
    forge, outcome, commit = compared
    assert outcome.jobs == {"compare": "success"}, outcome.output
    (file,) = forge.artifacts.glob("compare/*/compare.json")
    found = json.loads(file.read_text())
    assert found["head"]["commit"] == commit
    assert found["base"]["commit"] != commit
    assert {item["verdict"] for item in found["differences"] if item["metric"] == "median_ms"} == {"regressed"}
    assert "async_concurrent regressed: req/s −" in outcome.output


def test_a_pull_request_that_gets_no_secret_is_not_compared_and_says_so(make_forge: MakeForge) -> None:
    forge = make_forge()
    secret = TINY.replace('path = "/async_concurrent"', 'path = "/async_concurrent"\nheaders = { X = "$API_TOKEN" }')
    forge.fork({"benchmark.toml": secret + ONE_ENDPOINT})
    outcome = forge.run("pull_request", workflow="compare.yml")
    assert outcome.jobs == {"compare": "success"}, outcome.output
    assert "benchmark.toml needs API_TOKEN, and this pull request gets no secrets" in outcome.output
    assert not list(forge.artifacts.iterdir())
    outcome = forge.run("workflow_run", workflow="compare-comment.yml", said=_finished("0" * 40))
    assert outcome.jobs == {"comment": "success"}, outcome.output
    assert not [line for line in forge.told() if line.startswith("api ")]


def _finished(commit: str) -> dict[str, Any]:
    """What GitHub says of a comparison that ended well."""
    repository = {"id": 1, "owner": {"login": "stranger"}}
    run = {"event": "pull_request", "conclusion": "success", "id": 1001, "head_repository": repository}
    return {"workflow_run": {**run, "head_branch": "my-branch", "head_sha": commit}}


def test_the_result_is_said_under_the_pull_request_that_github_names(compared: tuple[Forge, Outcome, str]) -> None:
    forge, _, commit = compared
    (forge.home / "bin" / "gh").write_text(GH)
    pulls = [{"number": 6, "head": {"sha": "0" * 40}}, {"number": 7, "head": {"sha": commit}}]
    (forge.home / "bin" / "pulls.json").write_text(json.dumps(pulls))
    outcome = forge.run("workflow_run", workflow="compare-comment.yml", said=_finished(commit))
    assert outcome.jobs == {"comment": "success"}, outcome.output
    asked, listed, said = [line for line in forge.told() if line.startswith("api ")]
    assert "head=stranger:my-branch" in asked
    assert "issues/7/comments" in listed
    assert "issues/7/comments --method POST" in said
    body = json.loads((forge.home / "bin" / "said.json").read_text())["body"]
    assert body.startswith("<!-- benchmark-compare -->")
    assert "regressed" in body


def test_a_comment_of_ours_on_a_later_page_is_renewed_whatever_gh_makes_of_pages(
    compared: tuple[Forge, Outcome, str],
) -> None:
    """Older versions print one list for each page."""
    forge, _, commit = compared
    ours = {"id": 5, "user": {"login": "github-actions[bot]"}, "body": "<!-- benchmark-compare --> old"}
    (forge.home / "bin" / "gh").write_text(GH.replace("echo '[]'", f"echo '[] {json.dumps([ours])}'"))
    (forge.home / "bin" / "pulls.json").write_text(json.dumps([{"number": 7, "head": {"sha": commit}}]))
    outcome = forge.run("workflow_run", workflow="compare-comment.yml", said=_finished(commit))
    assert outcome.jobs == {"comment": "success"}, outcome.output
    assert "issues/comments/5 --method PATCH" in forge.told()[-1]


def test_a_comment_starts_a_comparison_that_runs_without_secrets_and_is_said_where_it_was_asked_for(
    compared: tuple[Forge, Outcome, str],
) -> None:
    forge, _, commit = compared
    (forge.home / "bin" / "gh").write_text(
        GH.replace("*pulls*", '*permission*) echo \'{"permission": "write"}\' ;;\n  *pulls*')
    )
    body = "/benchmark compare\nplease"
    asked = {"issue": {"number": 7, "pull_request": {}}, "comment": {"body": body, "user": {"login": "maintainer"}}}
    outcome = forge.run("issue_comment", workflow="compare-command.yml", said=asked)
    assert outcome.jobs == {"start": "success"}, outcome.output
    *_, may, started, said = forge.told()
    assert may == "api repos/{owner}/{repo}/collaborators/maintainer/permission"
    assert started.startswith("workflow run compare.yml -f pull_request=7 -f profile=compare")
    assert "issues/7/comments --method POST" in said

    git(forge.origin, "update-ref", "refs/pull/7/merge", commit)
    before = set(forge.artifacts.glob("compare/*"))
    secrets = ("--secret", "API_TOKEN=hush-hush")
    inputs = {"pull_request": "7", "profile": "compare"}
    outcome = forge.run("workflow_dispatch", inputs, "compare.yml", more=secrets)
    assert outcome.jobs == {"compare": "success"}, outcome.output
    (made,) = set(forge.artifacts.glob("compare/*")) - before
    assert json.loads((made / "compare.json").read_text())["head"]["commit"] == commit

    run = {
        "event": "workflow_dispatch",
        "display_title": "Compare pull request #7",
        "conclusion": "success",
        "id": 1001,
    }
    head = {"head_repository": {"id": 1, "owner": {"login": "acme"}}, "head_branch": "main", "head_sha": commit}
    outcome = forge.run("workflow_run", workflow="compare-comment.yml", said={"workflow_run": {**run, **head}})
    assert outcome.jobs == {"comment": "success"}, outcome.output
    assert "issues/7/comments --method POST" in forge.told()[-1]
