"""Branches of a remote, and what GitHub is asked and told: always of the repository that was meant."""

import os
import pty
import subprocess
from pathlib import Path

import pytest

from benchmark.publish.publish import Destination, _meaning
from benchmark.shell import Git, GitError, repository_of
from tests.support.clones import Clone, environment, git
from tests.support.publishable import make_record


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("https://github.com/me/fork.git", "github.com/me/fork"),
        ("https://x-access-token:hunter2@github.com/me/fork", "github.com/me/fork"),
        ("git@github.com:me/fork.git", "github.com/me/fork"),
        ("ssh://git@ssh.github.com:443/me/fork.git", "github.com/me/fork"),
        ("https://GitHub.com/me/my.fork/", "github.com/me/my.fork"),
        ("https://ghe.example.org/me/fork.git", "ghe.example.org/me/fork"),
        ("/srv/git/me/fork.git", None),
        ("../me/fork.git", None),
        ("git@work:me/fork.git", None),
        ("https://github.com/me", None),
        ("https://github.com/group/me/fork", None),
    ],
)
def test_the_address_of_a_remote_names_its_repository(clone: Clone, address: str, name: str | None) -> None:
    clone.git("remote", "set-url", "origin", address)
    assert repository_of(clone.path) == name


def test_without_a_remote_or_a_clone_nothing_is_named(clone: Clone, tmp_path: Path) -> None:
    assert repository_of(clone.path, "nowhere") is None
    assert repository_of(tmp_path) is None


def at_a_terminal(clone: Clone, answer: bytes, *arguments: str | Path) -> tuple[int, str]:
    """Call `bench` as a person at a terminal does; gives its exit code and what it showed."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        clone.command(*arguments), cwd=clone.path, env=environment(), stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    os.write(ours, answer)
    shown = b""
    try:
        while part := os.read(ours, 4096):
            shown += part
    except OSError:  # Linux says so when the other side is closed
        pass
    os.close(ours)
    return process.wait(timeout=120), shown.decode()


@pytest.mark.parametrize(("answer", "code"), [(b"y\n", 0), (b"\n", 5), (b"no\n", 5)])
def test_a_person_is_asked_before_a_branch_is_made_at_the_remote(clone: Clone, answer: bytes, code: int) -> None:
    directory = clone.results(make_record())
    ended, shown = at_a_terminal(clone, answer, "publish", directory, "--branch", "data")
    assert ended == code, shown
    assert shown.count("origin/data does not exist yet") == 1
    assert ("data" in git(clone.origin, "branch", "--list", "data")) == (code == 0)


@pytest.mark.parametrize(("more", "variables"), [(["--yes"], {}), ([], {"GITHUB_ACTIONS": "true"})], ids=["yes", "CI"])
def test_a_workflow_and_who_says_yes_are_told_and_not_asked(
    clone: Clone, more: list[str], variables: dict[str, str]
) -> None:
    words = ("publish", clone.results(make_record()), "--branch", "data")
    done = clone.bench(*words, *more, **variables)
    assert (done.code, done.errors.count("origin/data does not exist yet; it is created")) == (0, 1)
    assert "does not exist" not in clone.bench(*words).errors


def test_a_script_creates_no_branch_unless_it_says_so(clone: Clone) -> None:
    done = clone.bench("publish", clone.results(make_record()), "--branch", "data")
    assert done.code == 5
    assert "origin/data does not exist yet; add --yes" in done.errors
    assert git(clone.origin, "branch", "--list", "data") == ""


def test_of_another_branch_no_history_comes_into_a_shallow_clone(clone: Clone, tmp_path: Path) -> None:
    clone.git("checkout", "--quiet", "-b", "data")
    for _ in range(5):
        clone.git("commit", "--quiet", "--allow-empty", "--message=Another week")
    clone.git("push", "--quiet", "origin", "data")
    git(tmp_path, "clone", "--quiet", "--depth=1", "--branch=main", clone.origin.as_uri(), "shallow")
    shallow = Clone(tmp_path / "shallow", clone.origin)
    assert shallow.bench("publish", shallow.results(make_record()), "--branch", "data").code == 0
    assert git(clone.origin, "rev-list", "--count", "data") == "7"
    old = git(clone.origin, "rev-parse", "data~2")
    assert Git(shallow.path).ask("cat-file", "-e", old).code


def test_after_publishing_on_its_own_branch_a_shallow_clone_can_pull(clone: Clone, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", "--depth=1", clone.origin.as_uri(), "shallow")
    shallow = Clone(tmp_path / "shallow", clone.origin)
    clone.git("commit", "--quiet", "--allow-empty", "--message=In between")
    clone.git("push", "--quiet")
    assert shallow.bench("publish", shallow.results(make_record())).code == 0
    shallow.git("pull", "--quiet", "--ff-only")
    assert shallow.git("rev-parse", "HEAD") == git(clone.origin, "rev-parse", "main")


def test_other_workflows_than_those_of_the_default_branch_are_no_protected_branch(tmp_path: Path) -> None:
    said = "remote: refusing to allow a GitHub App to create or update workflow `x.yml` without `workflows` permission"
    there = Destination(tmp_path, "origin", "data", Path("reports"), Path("README.md"))
    message = str(_meaning(GitError("push", said), there))
    assert "its workflows differ from those of the default branch" in message
    assert "protected" not in message


def test_the_page_of_the_workflow_run_links_what_was_published(clone: Clone, tmp_path: Path) -> None:
    github = {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "me/fork"}
    summary = tmp_path / "summary.md"
    record = make_record()
    done = clone.bench("publish", clone.results(record), GITHUB_STEP_SUMMARY=str(summary), **github)
    assert done.code == 0
    commit = git(clone.origin, "rev-parse", "main")
    link = f"[{record.id}](https://github.com/me/fork/blob/{commit}/reports/runs/{record.id}/report.md)"
    index = f"[index with verdicts and pictures](https://github.com/me/fork/blob/{commit}/reports/README.md)"
    assert summary.read_text(encoding="utf-8") == f"Published on main: {link}, {index}\n"
