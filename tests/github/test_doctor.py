"""What would stop the repository is said before it does."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from benchmark.github.doctor import examine, examine_github
from tests.support.clones import CONFIG, README, Clone, Result, environment

GITHUB_CHECKS = ("Actions", "workflows and schedule", "workflow permissions", "protected branch")
HEALTHY = {
    "actions/permissions": '{"enabled": true}',
    "actions/workflows": '{"workflows": [{"path": ".github/workflows/benchmark.yml", "state": "active"}]}',
    "actions/permissions/workflow": '{"default_workflow_permissions": "write"}',
    "rules/branches/main": "[]",
    "branches/main": '{"protected": false}',
    "actions/secrets?per_page=100": '{"secrets": [{"name": "BENCH_SECRETS"}]}',
}


def with_gh(directory: Path, answers: dict[str, str], *, logged_in: bool = True) -> str:
    """A PATH with a `gh` that gives these answers."""
    folder = directory / "gh-bin"
    folder.mkdir()
    cases = "".join(f"  '{path}') echo '{answer}';;\n" for path, answer in answers.items())
    (folder / "gh").write_text(
        "#!/bin/bash\n"
        f'if [ "$1" = auth ]; then exit {0 if logged_in else 1}; fi\n'
        'case "${2#repos/\\{owner\\}/\\{repo\\}/}" in\n'
        f"{cases}  *) echo 'gh: Not Found (HTTP 404)' >&2; exit 1;;\nesac\n",
        encoding="utf-8",
    )
    (folder / "gh").chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def without_gh(directory: Path) -> str:
    """A PATH on which there is git and nothing else."""
    folder = directory / "bare-bin"
    folder.mkdir()
    git = next(Path(place, "git") for place in os.environ["PATH"].split(":") if Path(place, "git").exists())
    (folder / "git").symlink_to(git)
    return str(folder)


def examined(clone: Clone, path: str, code: int, **variables: str) -> dict[str, Any]:
    done = clone.bench("doctor", "--json", PATH=path, **variables)
    assert done.code == code, done
    answer = json.loads(done.out)
    assert answer["blocked"] == (code == 2)
    return {check["check"]: check for check in answer["checks"]}


def states(found: dict[str, Any]) -> dict[str, str]:
    return {name: check["state"] for name, check in found.items()}


def test_a_healthy_repository_has_only_fine_checks(clone: Clone, tmp_path: Path) -> None:
    found = examined(clone, with_gh(tmp_path, HEALTHY), 0)
    assert set(states(found).values()) == {"fine"}
    assert set(GITHUB_CHECKS) <= set(found)


def test_without_gh_its_checks_are_said_to_be_not_made(clone: Clone, tmp_path: Path) -> None:
    found = examined(clone, without_gh(tmp_path), 0)
    assert {(found[name]["state"], found[name]["message"]) for name in GITHUB_CHECKS} == {
        ("not checked", "gh is not installed")
    }


def test_a_gh_that_is_not_logged_in_checks_nothing(clone: Clone, tmp_path: Path) -> None:
    found = examined(clone, with_gh(tmp_path, HEALTHY, logged_in=False), 0)
    assert {states(found)[name] for name in GITHUB_CHECKS} == {"not checked"}


@pytest.mark.parametrize(
    ("path", "answer", "check", "state"),
    [
        ("actions/permissions", '{"enabled": false}', "Actions", "blocks"),
        ("actions/workflows", '{"workflows": []}', "workflows and schedule", "blocks"),
        (
            "actions/workflows",
            '{"workflows": [{"path": "benchmark.yml", "state": "disabled_inactivity"}]}',
            "workflows and schedule",
            "blocks",
        ),
        (
            "actions/permissions/workflow",
            '{"default_workflow_permissions": "read"}',
            "workflow permissions",
            "warning",
        ),
        ("rules/branches/main", '[{"type": "pull_request"}]', "protected branch", "blocks"),
        ("rules/branches/main", '[{"type": "deletion"}]', "protected branch", "fine"),
        ("branches/main", '{"protected": true}', "protected branch", "warning"),
        ("branches/main", "not JSON", "protected branch", "not checked"),
        ("actions/permissions", "[]", "Actions", "not checked"),
        ("actions/secrets?per_page=100", '{"secrets": []}', "secrets", "warning"),
        (
            "actions/secrets?per_page=100",
            '{"secrets": [{"name": "OTHER"}, {"name": "API_TOKEN"}]}',
            "secrets",
            "warning",
        ),
        ("actions/secrets?per_page=100", "{}", "secrets", "not checked"),
    ],
)
def test_what_github_answers_becomes_a_finding_with_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, answer: str, check: str, state: str
) -> None:
    monkeypatch.setenv("PATH", with_gh(tmp_path, HEALTHY | {path: answer}))
    (tmp_path / "benchmark.toml").write_text(CONFIG.replace('"/one"', '"/one?key=$KEY"'))
    found = examine_github(tmp_path, "main")
    assert {name for name, diagnosis in found.items() if diagnosis.state != "fine"} == {check} - {
        name for name in [check] if state == "fine"
    }
    assert (found[check].state, bool(found[check].remedy)) == (state, state in {"blocks", "warning"})


def test_what_gh_may_not_ask_is_not_checked(clone: Clone, tmp_path: Path) -> None:
    found = examined(clone, with_gh(tmp_path, {}), 0)
    assert {found[name]["message"] for name in GITHUB_CHECKS} == {"gh failed: gh: Not Found (HTTP 404)"}


def test_everything_that_blocks_in_the_checkout_is_found_at_once(clone: Clone, tmp_path: Path) -> None:
    (clone.path / "README.md").write_text("<!-- benchmark:begin --> no end", encoding="utf-8")
    config = CONFIG.replace('path = "/one"', 'path = "/one"\nheaders = { Authorization = "Bearer $SHOP_TOKEN" }')
    (clone.path / "benchmark.toml").write_text(config.replace("users = 10", "users = 100000"), encoding="utf-8")
    clone.git("remote", "remove", "origin")
    found = examined(clone, without_gh(tmp_path), 2)
    blocked = {name for name, state in states(found).items() if state == "blocks"}
    assert {"README markers", "secrets and files", "git remote and branch"} <= blocked <= {*blocked, "open files"}
    assert "$SHOP_TOKEN" in found["secrets and files"]["message"]
    assert all(found[name]["remedy"] for name in blocked)


def test_a_readme_without_markers_stops_nothing_and_is_said_with_what_to_put_into_it(
    clone: Clone, tmp_path: Path
) -> None:
    (clone.path / "README.md").write_text("no markers", encoding="utf-8")
    found = examined(clone, without_gh(tmp_path), 0)
    assert found["README markers"]["state"] == "warning"
    assert "<!-- benchmark:begin -->" in found["README markers"]["remedy"]


def test_where_reports_go_to_another_branch_a_readme_that_does_not_lead_there_is_said(
    clone: Clone, tmp_path: Path
) -> None:
    path = without_gh(tmp_path)
    assert examined(clone, path, 0)["reports"]["state"] == "fine"
    said = examined(clone, path, 0, BENCH_BRANCH="data")["reports"]
    assert (said["state"], "[The newest results](../../tree/data)" in said["remedy"]) == ("warning", True)
    (clone.path / "README.md").write_text(f"{README}\n[The newest results](../../tree/data)\n", encoding="utf-8")
    assert examined(clone, path, 0, BENCH_BRANCH="data")["reports"]["state"] == "fine"


def test_a_secret_that_is_set_is_fine_and_never_shown(clone: Clone, tmp_path: Path) -> None:
    config = CONFIG.replace('path = "/one"', 'path = "/one"\nheaders = { Authorization = "Bearer $SHOP_TOKEN" }')
    (clone.path / "benchmark.toml").write_text(config, encoding="utf-8")
    found = examined(clone, without_gh(tmp_path), 0, SHOP_TOKEN="hunter2")  # noqa: S106 - not one
    assert states(found)["secrets and files"] == "fine"
    assert "hunter2" not in json.dumps(found)


def test_with_an_invalid_configuration_what_needs_it_is_not_checked(clone: Clone, tmp_path: Path) -> None:
    (clone.path / "benchmark.toml").write_text(CONFIG.replace("users = 10", "users = -10"), encoding="utf-8")
    found = states(examined(clone, without_gh(tmp_path), 2))
    assert found["benchmark.toml"] == "blocks"
    assert {found[name] for name in ("uvloop", "open files", "secrets and files")} == {"not checked"}


@pytest.mark.parametrize(("days", "state"), [(44, "fine"), (50, "warning"), (61, "warning")])
def test_a_last_commit_that_grows_old_is_told_before_the_schedule_ends(
    clone: Clone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int, state: str
) -> None:
    monkeypatch.chdir(clone.path)
    committed = f"{days} days ago"
    tree = clone.git("write-tree")
    when = clone.git("rev-parse", f"--since={committed}").removeprefix("--max-age=")
    (tmp_path / "commit").write_text(
        f"tree {tree}\nauthor A <a@b.c> {when} +0000\ncommitter A <a@b.c> {when} +0000\n\nOld\n", encoding="utf-8"
    )
    clone.git("reset", "--quiet", "--soft", clone.git("hash-object", "-t", "commit", "-w", str(tmp_path / "commit")))
    found = {name: answer.state for name, answer in examine(clone.path, "origin", None).items()}
    assert found["age of the last commit"] == state


def test_a_low_limit_of_open_files_is_found(clone: Clone, tmp_path: Path) -> None:
    config = CONFIG.replace("users = 10", "users = 3000")
    (clone.path / "benchmark.toml").write_text(config, encoding="utf-8")
    limited = LimitedClone(clone.path, clone.origin)
    found = examined(limited, without_gh(tmp_path), 2)
    assert states(found)["open files"] == "blocks"
    assert "ulimit -H -n 3200" in found["open files"]["remedy"]


class LimitedClone(Clone):
    """A clone in which `bench` may open 2048 files."""

    def bench(self, *arguments: str | Path, **variables: str) -> Result:
        """Call `bench` under the limit."""
        command = ["/bin/bash", "-c", 'ulimit -n 2048; exec "$@"', "bash", *self.command(*arguments)]
        done = subprocess.run(
            command, cwd=self.path, env=environment(**variables), capture_output=True, text=True, check=False
        )
        return Result(done.returncode, done.stdout, done.stderr)


def test_the_findings_read_as_lines_with_what_to_do(clone: Clone, tmp_path: Path) -> None:
    (clone.path / "README.md").write_text(README * 2, encoding="utf-8")
    done = clone.bench("doctor", PATH=without_gh(tmp_path))
    assert done.code == 2
    lines = done.out.splitlines()
    assert lines[1].startswith("blocks       README markers: README.md needs")
    assert lines[2].startswith("             do: ")
    assert re.search(r"1 of \d+ checks found a blocking problem; [1-9] could not be made\.$", lines[-1])
