"""`bench compare` really installs, checks out and measures two sides; whatever ends it, nothing is left of it."""

import json
import signal

import pytest
from typer.testing import CliRunner

from benchmark.errors import UsageError
from scripts.cli import app
from tests.compare.comparisons import make_wheel
from tests.support.bench import Bench, wait_for_line
from tests.support.clones import git

APP = """
import asyncio
from fastapi import FastAPI

try:
    from slower import DELAY_S
except ImportError:
    DELAY_S = 0.02

app = FastAPI()

@app.get("/quick", response_model=None)
async def quick():
    await asyncio.sleep(DELAY_S)
    return {"answer": 42}
"""

PROFILE = """
rounds = 2
[profiles.compare]
users = 4
spawn_rate = 4
duration = "1s"
rounds = 2
processes = 2
endpoints = ["quick"]
"""
"""Turns are taken by one process, whatever the profile says for `bench run`."""


@pytest.fixture
def versions(bench: Bench) -> Bench:
    """A repository with one commit, whose app depends on what is installed beside it."""
    bench.configure(app=APP, target="workers = 1", profile=PROFILE)
    git(bench.folder, "init", "--quiet", "--initial-branch=main")
    git(bench.folder, "add", "--all")
    git(bench.folder, "commit", "--quiet", "--message=One")
    bench.environment |= {"UV_CACHE_DIR": str(bench.folder / "cache"), "TMPDIR": str(bench.folder / "temporary")}
    (bench.folder / "temporary").mkdir()
    return bench


def nothing_is_left(bench: Bench) -> bool:
    """Whether no checkout, no environment and no process is left, and git knows nothing."""
    clean = git(bench.folder, "worktree", "list").count("\n") == 0
    return not [*(bench.folder / "temporary").iterdir(), *bench.processes()] and clean


def test_a_package_that_makes_it_slower_is_found_and_can_gate(versions: Bench) -> None:
    make_wheel(versions.folder / "wheels")
    versions.environment |= {"UV_OFFLINE": "1", "UV_FIND_LINKS": str(versions.folder / "wheels")}
    words = ("--head-with", "slower==1.0", "--smallest-effect", "50", "--json", "--gate")
    done = versions.call("compare", "main", *words)
    assert done.returncode == 1, done.stderr
    found = json.loads(done.stdout)
    said = {item["metric"]: item for item in found["differences"]}
    assert said["median_ms"]["verdict"] == said["throughput_rps"]["verdict"] == "regressed"
    assert said["failure_ratio"]["verdict"] == "unchanged"
    assert "slower" not in found["base"]["packages"]
    assert found["head"]["packages"]["slower"] == "1.0"
    assert found["head"]["packages"]["fastapi"] == found["base"]["packages"]["fastapi"]
    assert done.stderr.splitlines()[-1].startswith("bench: quick regressed: req/s −")
    assert "[2/2] about " in done.stderr
    (report,) = (versions.folder / "results").glob("compare-*/compare.md")
    assert "different packages: slower 1.0 added" in report.read_text()
    assert nothing_is_left(versions)


def test_an_interruption_leaves_nothing(versions: Bench) -> None:
    running = versions.start("compare", "main", "HEAD")
    wait_for_line(running.stderr, "[1/2]")
    versions.wait_for(lambda: any(versions.folder.glob("results/*/round-01/rows.csv")))
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=30)
    assert running.returncode == 130, said
    assert nothing_is_left(versions)


REFUSED = {
    "nothing asked": ((), "name what to compare"),
    "no such ref": (("nosuch", "HEAD"), "'nosuch' names no commit here"),
    "a flag of uv": (("main", "--head-with", "--pre"), "'--pre' is no requirement"),
    "no such package": (
        ("main", "--base-with", "nosuch==9"),
        "base: nosuch==9 cannot be installed: No solution found ",
    ),
    "too few rounds": (("main", "HEAD", "--rounds", "1"), "--rounds must be at least 2"),
    "no such endpoint": (("main", "HEAD", "--endpoint", "slow"), "--endpoint: there is no endpoint 'slow'"),
    "no effect": (("main", "HEAD", "--smallest-effect", "0"), "--smallest-effect must be "),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_can_not_be_compared_is_refused_in_one_line(
    versions: Bench, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    monkeypatch.chdir(versions.folder)
    words, said = REFUSED[case]
    environment = {**versions.environment, "UV_OFFLINE": "1"}
    error = CliRunner().invoke(app, ["compare", *words], env=environment).exception
    assert isinstance(error, UsageError)
    assert str(error).startswith(said)
    assert "\n" not in str(error)
    assert not (versions.folder / "results").exists()
    assert nothing_is_left(versions)


def test_a_side_that_does_not_start_is_named(versions: Bench) -> None:
    (versions.folder / "app_under_test.py").write_text("raise RuntimeError('no database')\n")
    git(versions.folder, "commit", "--quiet", "--all", "--message=Broken")
    done = versions.call("compare", "HEAD^", "HEAD")
    assert done.returncode == 4, done.stderr
    assert "bench: head: the app crashes" in done.stderr
    assert nothing_is_left(versions)
