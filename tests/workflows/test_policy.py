"""What this repository allows its own workflows, beyond what tools know."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
MAY_WRITE = {
    ("benchmark.yml", "schedule"): {"actions"},
    ("benchmark.yml", "publish"): {"contents"},
    ("benchmark.yml", "watch"): {"issues", "actions"},
    ("benchmark.yml", "pages"): {"pages", "id-token"},
    ("pages.yml", "deploy"): {"pages", "id-token"},
    ("compare-comment.yml", "comment"): {"pull-requests"},
    ("compare-command.yml", "start"): {"actions", "pull-requests"},
}
"""Jobs that may change something on GitHub, and what."""

PUSHES = {job for job, scopes in MAY_WRITE.items() if "contents" in scopes}

PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
OWN = "./.github/workflows/"
"""What a job is made of that calls a workflow of this repository: its limits are in that file."""

LONGEST_MINUTES = 360
"""GitHub ends a job after six hours."""

ON_DEFAULT = "(github.event_name == 'schedule' || github.ref_name == github.event.repository.default_branch)"
"""Whether a workflow runs on the default branch. A schedule does, and its event need not say which that is."""

each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)


def _read(path: Path) -> dict[Any, Any]:
    document: dict[Any, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return document


def _steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in _read(path)["jobs"].values() for step in job.get("steps", ())]


@each_workflow
def test_every_action_is_pinned_by_its_full_sha_with_its_version_beside_it(path: Path) -> None:
    for line in path.read_text(encoding="utf-8").splitlines():
        _, found, used = line.partition("uses: ")
        if found and not line.lstrip().startswith("#") and not used.startswith(OWN):
            assert PINNED.fullmatch(used.strip()), line


def test_one_action_has_one_version_everywhere() -> None:
    used = {step["uses"] for path in WORKFLOWS for step in _steps(path) if "uses" in step}
    names = sorted(action.split("@")[0] for action in used)
    assert names == sorted(set(names))


@each_workflow
def test_nothing_is_granted_to_a_whole_workflow(path: Path) -> None:
    assert _read(path)["permissions"] == {}


@each_workflow
def test_only_the_job_that_publishes_may_write(path: Path) -> None:
    for name, job in _read(path)["jobs"].items():
        granted = job["permissions"]
        assert isinstance(granted, dict), f"{name}: name each permission"
        writes = {scope for scope, level in granted.items() if level != "read"}
        assert writes <= MAY_WRITE.get((path.name, name), set()), name


@each_workflow
def test_every_grant_says_why(path: Path) -> None:
    for line in path.read_text(encoding="utf-8").splitlines():
        if re.match(r"\s+[\w-]+: (read|write)\b", line):
            assert re.search(r": (read|write) # \S", line), line


@each_workflow
def test_a_job_that_does_not_push_does_not_keep_the_credentials_it_checked_out_with(path: Path) -> None:
    for name, job in _read(path)["jobs"].items():
        for step in job.get("steps", ()):
            if step.get("uses", "").startswith("actions/checkout@"):
                kept = step["with"]["persist-credentials"]
                assert kept is ((path.name, name) in PUSHES and "repository" not in step["with"]), name


@each_workflow
def test_no_expression_stands_in_a_shell_line(path: Path) -> None:
    for step in _steps(path):
        assert "${{" not in step.get("run", ""), "hand it over with env:"


@each_workflow
def test_every_job_ends_by_itself(path: Path) -> None:
    for name, job in _read(path)["jobs"].items():
        assert job.get("uses", "").startswith(OWN) or 0 < job["timeout-minutes"] < LONGEST_MINUTES, name


@each_workflow
def test_no_workflow_runs_with_more_rights_than_who_started_it(path: Path) -> None:
    assert "pull_request_target" not in path.read_text(encoding="utf-8")


@each_workflow
def test_no_repository_is_named(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "github.com/" not in text
    assert not re.search(r"github\.(repository|repository_owner|actor)\s*[!=]=", text)


def test_what_pushes_waits_for_its_turn_and_is_never_cancelled() -> None:
    for workflow, name in PUSHES:
        job = _read(ROOT / ".github/workflows" / workflow)["jobs"][name]
        assert job["concurrency"] == {"group": "reports", "cancel-in-progress": False, "queue": "max"}


def test_what_tells_github_runs_its_own_code_on_the_default_branch_and_waits_for_its_turn() -> None:
    job = _read(ROOT / ".github/workflows/benchmark.yml")["jobs"]["watch"]
    assert job["concurrency"] == {"group": "watch", "cancel-in-progress": False, "queue": "max"}
    assert ON_DEFAULT in job["if"]
    (fetch,) = [step for step in job["steps"] if "git checkout FETCH_HEAD -- reports" in step.get("run", "")]
    assert fetch["env"]["PUBLISHED_ON"] == "${{ vars.BENCH_BRANCH || github.ref_name }}"


def test_what_a_branch_measured_is_not_published_among_the_reports_of_the_default_branch() -> None:
    job = _read(ROOT / ".github/workflows/benchmark.yml")["jobs"]["publish"]
    (publish,) = [step for step in job["steps"] if step.get("name") == "Publish"]
    only = f"${{{{ {ON_DEFAULT} && vars.BENCH_BRANCH || '' }}}}"
    assert publish["env"]["BENCH_BRANCH"] == only


@each_workflow
def test_what_asks_for_the_default_branch_takes_a_schedule_for_it(path: Path) -> None:
    """Its event is sure to hold its cron line and nothing else, and it runs on no other branch."""
    text = path.read_text(encoding="utf-8")
    assert text.count("github.ref_name == github.event.repository.default_branch") == text.count(ON_DEFAULT)


def test_what_is_not_on_a_branch_publishes_nothing() -> None:
    asked = _read(ROOT / ".github/workflows/benchmark.yml")["jobs"]["publish"]["if"]
    assert "github.ref_type == 'branch'" in asked
    assert "!startsWith(github.event_name, 'pull_request') && github.event_name != 'merge_group'" in asked


def test_secrets_reach_the_one_step_that_asks_endpoints_and_no_job_that_may_write() -> None:
    """Other jobs only hear which there are. That step first has the runner hide the values."""
    names = ("BENCH_SECRETS", "API_TOKEN")
    handed = {name: f"${{{{ secrets.{name} }}}}" for name in names}
    not_for_a_comment = {name: f"${{{{ !inputs.pull_request && secrets.{name} || '' }}}}" for name in names}
    asking = {("ci.yml", "pipeline"), ("compare.yml", "compare"), ("measure.yml", "measure")}
    found = set()
    for path in WORKFLOWS:
        for name, job in _read(path)["jobs"].items():
            for step in job.get("steps", ()):
                given = {key: text for key, text in step.get("env", {}).items() if key in names and "&& '" not in text}
                if not given:
                    continue
                assert given == (not_for_a_comment if path.name == "compare.yml" else handed), name
                hide, ask = step["run"].splitlines()
                assert hide.endswith(" variables --mask")
                assert re.search(r" (run|compare) -", ask)
                assert "write" not in job["permissions"].values()
                found.add((path.name, name))
    assert found == asking


@each_workflow
def test_no_workflow_takes_all_secrets_that_there_are(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "inherit" not in text
    assert not re.search(r"(?i)toJSON\(secrets\)|secrets\[", text)


def test_a_page_that_is_built_once_more_has_an_artifact_of_its_own() -> None:
    """Artifacts outlive an attempt, and two of one name are refused. Who only deploys once more finds the first one."""
    jobs = _read(ROOT / ".github/workflows/pages.yml")["jobs"]
    (upload,) = [step for step in jobs["build"]["steps"] if "upload-pages-artifact" in step.get("uses", "")]
    assert upload["with"]["name"] == jobs["build"]["outputs"]["artifact"] == "github-pages-${{ github.run_attempt }}"
    (deploy,) = jobs["deploy"]["steps"]
    assert deploy["with"]["artifact_name"] == "${{ needs.build.outputs.artifact }}"


def test_nothing_is_taken_from_a_cache() -> None:
    """A comment lets compare.yml run a stranger's code where it could fill the caches of the default branch."""
    for path in WORKFLOWS:
        for step in _steps(path):
            assert "cache" not in step.get("with", {}), path.name
            assert "actions/cache" not in step.get("uses", ""), path.name


def test_the_checks_also_run_in_a_merge_queue() -> None:
    assert "merge_group" in _read(ROOT / ".github/workflows/ci.yml")[True]


def test_the_schedule_has_an_odd_minute() -> None:
    (entry,) = _read(ROOT / ".github/workflows/benchmark.yml")[True]["schedule"]
    assert int(entry["cron"].split()[0]) % 5 != 0


def test_the_schedule_is_alone_in_its_file() -> None:
    """GitHub switches a file off as a whole when its schedule was idle for too long."""
    scheduled = [path.name for path in WORKFLOWS if "schedule" in (_read(path)[True] or {})]
    assert scheduled == ["benchmark.yml"]


def test_one_job_stands_for_all_required_checks() -> None:
    jobs = _read(ROOT / ".github/workflows/ci.yml")["jobs"]
    last = jobs.pop("required-checks-pass")
    assert sorted(last["needs"]) == sorted(jobs)
    assert last["if"] == "${{ always() }}"
    (step,) = last["steps"]
    for bad in ("failure", "cancelled", "skipped"):
        assert f"contains(needs.*.result, '{bad}')" in step["if"]


def test_our_own_code_is_that_of_the_commit_that_a_caller_chose_and_is_called_by_its_path() -> None:
    """In a workflow that is called, github.repository and github.sha are the caller's; so is what is checked out."""
    for name in ("measure.yml", "benchmark.yml", "pages.yml"):
        for job in _read(ROOT / ".github/workflows" / name)["jobs"].values():
            checkouts = [step["with"] for step in job.get("steps", ()) if "actions/checkout@" in step.get("uses", "")]
            if checkouts:
                theirs, ours = checkouts
                assert theirs.keys() == {"path", "persist-credentials"}
                assert ours["repository"] == "${{ job.workflow_repository }}"
                assert ours["ref"] == "${{ job.workflow_sha }}"
                assert (theirs["path"], ours["path"]) == ("measured", "harness")
            for step in job.get("steps", ()):
                assert "-m scripts" not in step.get("run", ""), "the caller may have a folder of that name"


def test_who_only_measures_need_not_let_anything_be_written() -> None:
    """GitHub starts no workflow whose caller grants less than any job of it asks for, be that job skipped or not."""
    jobs = _read(ROOT / ".github/workflows/measure.yml")["jobs"].values()
    assert [job["permissions"] for job in jobs] == [{"contents": "read"}]


def test_what_was_measured_is_kept_also_when_measuring_failed() -> None:
    (job,) = _read(ROOT / ".github/workflows/measure.yml")["jobs"].values()
    steps = job["steps"]
    (upload,) = [step for step in steps if "upload-artifact" in step.get("uses", "")]
    (measure,) = [step for step in steps if step.get("name") == "Measure"]
    assert upload["if"] == "${{ always() }}"
    assert measure["timeout-minutes"] < job["timeout-minutes"]


def test_updates_come_monthly_together_and_after_a_cool_down() -> None:
    updates = _read(ROOT / ".github/dependabot.yml")["updates"]
    assert {update["package-ecosystem"] for update in updates} == {"github-actions", "uv"}
    for update in updates:
        assert update["schedule"]["interval"] == "monthly"
        assert update["cooldown"]["default-days"] >= 7
        assert len(update["groups"]) == 1


@pytest.mark.parametrize("name", ["compare-comment.yml", "compare-command.yml"])
def test_what_writes_under_a_stranger_s_pull_request_checks_out_and_runs_nothing_of_it(name: str) -> None:
    steps = _steps(ROOT / ".github/workflows" / name)
    (checkout,) = [step for step in steps if "actions/checkout@" in step.get("uses", "")]
    assert checkout["with"].keys() == {"persist-credentials"}
    assert [step["run"].split()[:3] for step in steps if "run" in step] == [
        ["python", "-m", "pip"],
        ["python", "-m", "scripts"],
    ]


def test_what_a_stranger_left_behind_lies_outside_of_our_code() -> None:
    steps = _steps(ROOT / ".github/workflows/compare-comment.yml")
    (download,) = [step for step in steps if "download-artifact@" in step.get("uses", "")]
    assert download["with"]["path"].startswith("${{ runner.temp }}/")


def test_what_runs_the_code_of_a_pull_request_may_only_read() -> None:
    jobs = _read(ROOT / ".github/workflows/compare.yml")["jobs"].values()
    assert [job["permissions"] for job in jobs] == [{"contents": "read"}]


def test_who_calls_a_workflow_grants_it_no_more_than_it_asks_for() -> None:
    for path in WORKFLOWS:
        for name, job in _read(path)["jobs"].items():
            if "uses" not in job:
                continue
            called = _read(ROOT / job["uses"])["jobs"].values()
            wanted = {scope: level for one in called for scope, level in one["permissions"].items() if level == "write"}
            granted = {scope: level for scope, level in job["permissions"].items() if level == "write"}
            assert granted == wanted, name
