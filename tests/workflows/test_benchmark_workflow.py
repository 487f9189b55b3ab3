"""benchmark.yml, executed from the event to the commit on origin. Real: commands, uvicorn, Locust, git, hooks."""

import os
from collections.abc import Callable

import pytest

from tests.workflows.forge import ACT, CAN_HAVE_ACT, Forge, Outcome, git

MakeForge = Callable[[], Forge]

FASTER = """
if [ "$1" = refs/heads/main ] && [ ! -e raced ]; then
  touch raced
  git update-ref refs/heads/main refs/heads/racer
fi
"""
"""An update hook: somebody else's push to main arrives a moment before the first one."""

ALL = {"measure": "success", "publish": "success", "watch": "success", "build": "success"}
ON = {"schedule": "success"}
"""The job that keeps the schedule on; nothing else starts it."""

PROTECTED = "echo 'error: GH006: Protected branch update failed for refs/heads/main.' >&2; exit 1"
BROKEN_APP = 'raise RuntimeError("no database")\n'
FAILING_APP = """
import json

asked = 0

async def app(scope, receive, send):
    global asked
    if scope["type"] != "http":
        return
    asked += 1
    status = 500 if asked > 1 and asked % 2 else 200
    body = json.dumps({"results": [1, 2, 3]}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
"""
"""Of its responses about half fail, but not the one that verifies it."""


def test_ci_executes_the_workflows_and_does_not_skip_them() -> None:
    must = os.environ.get("CI") == "true" and CAN_HAVE_ACT
    assert ACT.exists() or not must, f"{ACT} is missing, so no workflow would be executed"


@pytest.fixture(scope="module")
def scheduled(make_forge: MakeForge) -> tuple[Forge, Outcome]:
    """A scheduled event, whose inputs are all empty."""
    forge = make_forge()
    forge.fork()
    return forge, forge.run("schedule")


def test_a_scheduled_run_measures_the_headline_profile_and_publishes_itself(scheduled: tuple[Forge, Outcome]) -> None:
    forge, outcome = scheduled
    assert outcome.jobs == ALL | ON, outcome.output
    (record,) = forge.records()
    assert record["plan"]["profile"]["name"] == "weekly"
    assert (record["state"], record["customised"], record["environment"]["trigger"]) == ("complete", [], "schedule")
    assert forge.log()[0].startswith("github-actions[bot]: ")
    assert record["id"] in forge.published("README.md")
    assert record["id"] in forge.published("reports/README.md")
    assert list(forge.artifacts.glob(f"results/{record['id']}/*/requests.csv")), "the raw data is not kept"
    told = [words.split(" --")[0] for words in forge.told() if not words.startswith("auth ")]
    assert sorted(told) == ["api", "api repos/acme/bench/pages", "issue list", "issue list"]
    assert "api --method PUT repos/acme/bench/actions/workflows/benchmark.yml/enable" in forge.told()


def test_the_page_of_a_run_shows_its_table(scheduled: tuple[Forge, Outcome]) -> None:
    _, outcome = scheduled
    assert "Summary - ## weekly: 3 users" in outcome.output
    assert "| async_concurrent | " in outcome.output


def test_custom_numbers_become_runs_of_their_own_even_when_another_push_is_faster(
    scheduled: tuple[Forge, Outcome],
) -> None:
    forge, _ = scheduled
    (weekly,) = forge.records()
    git(forge.origin, "branch", "racer", "main")
    git(forge.origin, "branch", "--force", "main", "main~1")
    forge.hook("update", FASTER)
    inputs = {"profile": "quick", "users": "2.0, 4", "task_seconds": "0.02", "endpoints": "async_concurrent"}
    outcome = forge.run("workflow_dispatch", inputs | {"publish": "true"})
    assert outcome.jobs == ALL, outcome.output
    assert (forge.origin / "raced").exists()
    custom = [record for record in forge.records() if record["id"] != weekly["id"]]
    assert [record["plan"]["profile"]["users"] for record in custom] == [2, 4]
    assert custom[1]["customised"] == ["--users", "--task-seconds", "--endpoint"]
    index, log = forge.published("reports/README.md"), forge.log()
    assert all(record["id"] in index for record in [weekly, *custom])
    assert len(log) == 3, log
    assert weekly["id"] in forge.published("README.md"), "custom numbers took the place of the scheduled run"


def test_bad_input_is_refused_before_anything_is_started(make_forge: MakeForge) -> None:
    """Other bad input: test_inputs.py."""
    forge = make_forge()
    forge.fork()
    users = "500; touch pwned $(touch pwned)"
    outcome = forge.run("workflow_dispatch", {"profile": "quick", "users": users, "publish": "true"})
    assert outcome.code == 1
    assert outcome.steps["measure", "Measure"] == "failure", outcome.output
    assert "exit status 2" in outcome.output
    assert f"expected a number such as 20 (got '{users}')" in outcome.output
    assert "publish" not in outcome.jobs or outcome.jobs["publish"] == "skipped"
    assert forge.log() == ["tester: A fork"]
    assert not list(forge.artifacts.iterdir())
    assert not list(forge.home.rglob("pwned"))


def test_a_scheduled_run_that_can_not_start_the_app_says_so_in_the_index(make_forge: MakeForge) -> None:
    forge = make_forge()
    forge.fork({"app/main.py": BROKEN_APP})
    outcome = forge.run("schedule")
    assert outcome.jobs == {"measure": "failure", "publish": "success", "build": "success"} | ON, outcome.output
    assert "exit status 4" in outcome.output
    assert forge.records() == []
    (failure,) = forge.published("reports/failures/").splitlines()
    assert forge.published(failure)
    assert "No usable run yet. The run of" in forge.published("reports/README.md")
    assert forge.log()[0].startswith("github-actions[bot]: ")


@pytest.mark.parametrize("event", ["schedule", "workflow_dispatch"])
def test_an_endpoint_that_began_to_fail_makes_the_workflow_red_and_is_published_for_readers_to_see(
    make_forge: MakeForge, event: str
) -> None:
    forge = make_forge()
    forge.fork({"app/main.py": FAILING_APP})
    inputs = {"profile": "weekly", "publish": "true"} if event == "workflow_dispatch" else None
    outcome = forge.run(event, inputs)
    assert outcome.code != 0
    kept_on = ON if event == "schedule" else {}
    assert outcome.jobs == ALL | {"measure": "failure"} | kept_on, outcome.output
    assert "exit status 3" in outcome.output
    (record,) = forge.records()
    (measured,) = record["endpoints"][0]["rounds"]
    assert (record["state"], measured["failures"] > 0) == ("complete", True)
    assert "invalid" in forge.published("reports/README.md")
    assert "reports/failures" not in forge.published("reports/")


def test_a_protected_branch_fails_the_publish_job_and_the_artifact_is_safe(make_forge: MakeForge) -> None:
    forge = make_forge()
    forge.fork()
    forge.hook("pre-receive", PROTECTED)
    outcome = forge.run("schedule")
    assert outcome.jobs == {"measure": "success", "publish": "failure", "watch": "success"} | ON, outcome.output
    assert "exit status 5" in outcome.output
    assert "BENCH_BRANCH" in outcome.output
    assert "protected branch: " in outcome.output, "bench doctor was not asked"
    assert forge.log() == ["tester: A fork"]
    assert list(forge.artifacts.glob("results/*/run.json"))
    (opened,) = [words for words in forge.told() if words.startswith("issue create")]
    assert "A scheduled benchmark was not published" in opened


def test_without_publish_the_result_is_kept_and_nothing_is_committed(make_forge: MakeForge) -> None:
    forge = make_forge()
    forge.fork()
    inputs = {"profile": "quick", "endpoints": "async_concurrent", "publish": "false"}
    outcome = forge.run("workflow_dispatch", inputs)
    assert outcome.jobs["measure"] == "success", outcome.output
    assert outcome.jobs.get("publish", "skipped") == "skipped"
    assert forge.log() == ["tester: A fork"]
    assert list(forge.artifacts.glob("results/*/run.json"))


def test_what_is_measured_on_a_tag_is_kept_and_published_nowhere(make_forge: MakeForge) -> None:
    forge = make_forge()
    forge.fork()
    inputs = {"profile": "quick", "endpoints": "async_concurrent", "publish": "true"}
    outcome = forge.run("workflow_dispatch", inputs, said={"ref": "refs/tags/v1"})
    assert outcome.jobs["measure"] == "success", outcome.output
    assert outcome.jobs.get("publish", "skipped") == "skipped"
    assert forge.log() == ["tester: A fork"]
