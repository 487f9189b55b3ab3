"""A process that is killed at any step of writing leaves each file as it was, or as it was to become."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.report.index import render_all
from benchmark.store import place
from tests.publish.killing import Killer
from tests.support.clones import Clone
from tests.support.publishable import make_record
from tests.support.records import some_record

LEFT = re.compile(r"\.[^/]+\.[0-9a-f]{8}\.draft$")
"""What a killed process leaves of a file that it had begun to write."""

Files = dict[str, tuple[int, bytes]]


def files(folder: Path) -> Files:
    """Every file that belongs to a person: its mode and its content, by its path."""
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    kept = {name: path for name, path in found.items() if not name.startswith((".git/", "results/"))}
    return {name: (path.stat().st_mode, path.read_bytes()) for name, path in kept.items()}


def to_publish(clone: Clone) -> list[str]:
    """One run, in a clone whose reports hold another one with pictures."""
    old = some_record(id="20260101T000000-old", started_at="2026-01-01T00:00:00Z")
    place(old, clone.path / "reports")
    render_all(clone.path / "reports", clone.path / "README.md")
    return ["publish", "--local", str(clone.results(make_record()))]


def to_render(clone: Clone) -> list[str]:
    """Two runs without reports, one of them with pictures, and a picture that nobody needs any more."""
    to_publish(clone)
    shutil.copytree(clone.path / "results", clone.path / "reports" / "runs", dirs_exist_ok=True)
    drawn = next((clone.path / "reports").rglob("*.svg"))
    shutil.copy(drawn, drawn.with_name("old.svg"))
    drawn.write_text("out of date", encoding="utf-8")
    for report in (clone.path / "reports").rglob("report.md"):
        report.write_text("out of date", encoding="utf-8")
    return ["report", "--all"]


def to_clear(clone: Clone) -> list[str]:
    """Two runs that a fork inherited."""
    to_publish(clone)
    clone.git("add", "--all")
    clone.git("commit", "--quiet", "--message=Inherited")
    return ["init"]


@pytest.mark.parametrize("prepare", [to_publish, to_render, to_clear])
def test_killed_at_any_step_each_file_is_old_or_new_and_the_next_call_finishes(
    clone: Clone, tmp_path: Path, prepare: Callable[[Clone], list[str]]
) -> None:
    command = prepare(clone)
    (clone.path / "README.md").chmod(0o640)
    before, kept, log = files(clone.path), tmp_path / "kept", tmp_path / "log"
    clone.path.rename(kept)
    shutil.copytree(kept, clone.path, symlinks=True)
    assert clone.bench_after(Killer(0, clone.path, log), *command).code == 0
    after, steps = files(clone.path), log.read_text(encoding="utf-8").splitlines()
    assert len(steps) > len(set(before.items()) ^ set(after.items()))
    for number in range(1, len(steps) + 1):
        shutil.rmtree(clone.path)
        shutil.copytree(kept, clone.path, symlinks=True)
        assert clone.bench_after(Killer(number, clone.path, log), *command).code == -9, steps[number - 1]
        now = {name: state for name, state in files(clone.path).items() if not LEFT.search(f"/{name}")}
        for name in before | after | now:
            assert now.get(name) in {before.get(name), after.get(name)}, (name, steps[number - 1])
    assert clone.bench(*command).code == 0
    now = {name: state for name, state in files(clone.path).items() if not LEFT.search(f"/{name}")}
    assert now == after
