"""Publishing that was killed."""

import os
import random
from pathlib import Path

from tests.support.clones import Clone, forced_pushes, git
from tests.support.publishable import make_record

CALLS_OF_GIT = 20
LOCKS = (
    "index.lock",
    "HEAD.lock",
    "FETCH_HEAD.lock",
    "packed-refs.lock",
    "refs/remotes/origin/main.lock",
    "shallow.lock",
)

KILLING_GIT = """#!/bin/bash
export PATH="{real}"
echo call >> "{log}"
if [ "$(wc -l < "{log}")" -ne {number} ]; then exec git "$@"; fi
git "$@" &
sleep {pause:.3f}
kill -9 $! $PPID 2>/dev/null
"""


def killing_git(directory: Path, number: int, pause: float) -> str:
    """A PATH whose git, called for the number-th time, dies after `pause` seconds together with its caller."""
    folder = directory / f"bin-{number}"
    folder.mkdir()
    script = KILLING_GIT.format(real=os.environ["PATH"], log=folder / "log", number=number, pause=pause)
    (folder / "git").write_text(script, encoding="utf-8")
    (folder / "git").chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def test_killed_in_any_call_of_git_the_next_call_gets_further_and_the_last_succeeds(
    clone: Clone, tmp_path: Path
) -> None:
    chance = random.Random(20261123)  # noqa: S311 - no secret
    directory = clone.results(make_record())
    before = clone.state()
    codes = [
        clone.bench("publish", directory, PATH=killing_git(tmp_path, number, chance.uniform(0, 0.02))).code
        for number in range(1, CALLS_OF_GIT + 1)
    ]
    assert codes == [-9] * CALLS_OF_GIT
    assert clone.bench("publish", directory).code == 0
    assert git(clone.origin, "rev-list", "--count", "main") == "2"
    assert forced_pushes(clone.origin) == 0
    assert clone.state() == before


def test_killed_when_the_push_had_arrived_the_next_call_finds_nothing_to_do(clone: Clone, tmp_path: Path) -> None:
    directory = clone.results(make_record())
    assert clone.bench("publish", directory, PATH=killing_git(tmp_path, CALLS_OF_GIT, 1.0)).code == -9
    assert git(clone.origin, "rev-list", "--count", "main") == "2"
    assert "nothing to do" in clone.bench("publish", directory).out


def test_locks_that_a_killed_git_left_in_the_clone_stop_nothing(clone: Clone) -> None:
    for name in LOCKS:
        (clone.path / ".git" / name).touch()
    assert clone.bench("publish", clone.results(make_record())).code == 0
