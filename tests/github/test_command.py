"""A comment /benchmark under a pull request: who may, what is asked for, and what is answered."""

from pathlib import Path

import pytest

from benchmark.github.command import Comment, read_comment
from tests.github.test_remotes import with_gh
from tests.support.clones import Clone

PROFILE = """
[profiles.compare]
users = 2
spawn_rate = 2
duration = "1s"
rounds = 2
endpoints = ["one"]
"""
GH = """#!/bin/bash
echo "$*" >> "{log}"
case "$*" in *permission*) echo '{{"permission": "{may}"}}';; *POST*) cat >> "{log}";; esac
"""


@pytest.mark.parametrize(
    ("body", "profile"),
    [
        ("/benchmark", None),
        ("/benchmark\r\nplease", None),
        ("  /benchmark quick  ", "quick"),
        ("/benchmark\tmy-profile.2\nthanks", "my-profile.2"),
    ],
)
def test_what_is_asked_for(body: str, profile: str | None) -> None:
    assert read_comment("7", "octocat", body) == Comment(7, "octocat", profile)


@pytest.mark.parametrize(
    "body",
    ["", "benchmark", "/benchmarks", "/benchmark a b", "/benchmark $(id)", "see /benchmark", "/benchmark " + "a" * 65],
)
def test_what_asks_for_nothing(body: str) -> None:
    assert read_comment("7", "octocat", body) is None


def answered(clone: Clone, folder: Path, may: str, body: str) -> tuple[str, str]:
    """What `bench answer` says, and all that gh was told."""
    path, log = with_gh(clone, folder)
    with (clone.path / "benchmark.toml").open("a", encoding="utf-8") as file:
        file.write(PROFILE)
    (folder / "bin" / "gh").write_text(GH.format(log=log, may=may), encoding="utf-8")
    done = clone.bench("answer", "--pull-request", "7", "--author", "octocat", "--body", body, PATH=path)
    assert done.code == 0, done.errors
    return done.out, log.read_text() if log.exists() else ""


def test_who_may_write_starts_a_comparison(clone: Clone, tmp_path: Path) -> None:
    said, told = answered(clone, tmp_path, "write", "/benchmark")
    assert "Started a comparison of #7" in said
    assert "workflow run compare.yml -f pull_request=7" in told
    assert "profile=" not in told
    assert "the result will be a comment here" in told


@pytest.mark.parametrize("may", ["read", "none", "triage"])
def test_who_may_not_write_starts_nothing_and_gets_no_answer(clone: Clone, tmp_path: Path, may: str) -> None:
    said, told = answered(clone, tmp_path, may, "/benchmark")
    assert "octocat may not write to this repository; nothing was started" in said
    assert told == "api repos/{owner}/{repo}/collaborators/octocat/permission\n"


def test_a_profile_that_cannot_be_compared_is_answered_with_what_there_is(clone: Clone, tmp_path: Path) -> None:
    _, told = answered(clone, tmp_path, "admin", "/benchmark nothing")
    assert "workflow run" not in told
    assert "No comparison was started: there is no profile" in told
    assert "there are: smoke, compare" in told


def test_another_comment_is_left_alone(clone: Clone, tmp_path: Path) -> None:
    said, told = answered(clone, tmp_path, "admin", "/benchmark a b")
    assert "does not ask for a comparison" in said
    assert not told
