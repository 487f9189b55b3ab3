"""What is asked and told goes to the repository that was meant, also in a clone of a fork."""

import os
from pathlib import Path

import pytest

from benchmark.github.comment import Head, comment
from benchmark.shell import repository_of
from tests.support.clones import Clone
from tests.support.histories import SLOWER, run_of_week, write_history

GH = """#!/bin/bash
echo "$GH_REPO $GH_HOST $*" >> "{log}"
case "$*" in "issue list"*) echo '[]';; *) echo '{{}}';; esac
"""


def with_gh(clone: Clone, folder: Path) -> tuple[str, Path]:
    """A PATH with a `gh` that writes down whom it is asked about, and where it does."""
    (folder / "bin").mkdir()
    (folder / "bin" / "gh").write_text(GH.format(log=folder / "log"), encoding="utf-8")
    (folder / "bin" / "gh").chmod(0o755)
    assert clone.path.exists()
    return f"{folder / 'bin'}:{os.environ['PATH']}", folder / "log"


@pytest.fixture
def fork(clone: Clone) -> Clone:
    """A clone of a fork as `gh repo clone` makes it: the repository that it was forked from is a remote, too."""
    clone.git("remote", "set-url", "origin", "git@github.com:me/fork.git")
    clone.git("config", f"url.{clone.origin}.insteadOf", "git@github.com:me/fork.git")
    clone.git("remote", "add", "upstream", "https://github.com/up/stream.git")
    return clone


def test_doctor_asks_about_the_repository_of_the_chosen_remote(fork: Clone, tmp_path: Path) -> None:
    path, log = with_gh(fork, tmp_path)
    fork.bench("doctor", PATH=path)
    assert {line.split()[0] for line in log.read_text().splitlines()} == {"github.com/me/fork"}
    log.unlink()
    fork.bench("doctor", "--remote", "upstream", PATH=path)
    assert {line.split()[0] for line in log.read_text().splitlines()} == {"github.com/up/stream"}


def test_watch_tells_the_fork_and_never_the_repository_that_it_came_from(fork: Clone, tmp_path: Path) -> None:
    write_history(fork.path / "reports", [run_of_week(week, level) for week, level in enumerate(SLOWER)])
    path, log = with_gh(fork, tmp_path)
    assert fork.bench("watch", PATH=path).code == 0
    told = log.read_text().splitlines()
    assert sum(" issue create " in line for line in told) == 1
    assert all("--repo github.com/me/fork" in line for line in told)
    assert "up/stream" not in log.read_text()


def test_a_comment_goes_to_the_repository_of_its_remote(
    fork: Clone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, log = with_gh(fork, tmp_path)
    (tmp_path / "bin" / "gh").write_text(f'#!/bin/bash\necho "$GH_REPO" >> {log}\necho "[]"\n', encoding="utf-8")
    monkeypatch.setenv("PATH", path)
    said = comment("x", fork.path, Head("me", "branch", "0" * 40), repository=repository_of(fork.path))
    assert said.startswith("no open pull request")
    assert log.read_text() == "github.com/me/fork\n"
