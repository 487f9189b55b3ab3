"""A fork gets rid of what it inherited."""

import pytest

from benchmark.report.index import render_all
from benchmark.report.noise_floor import write_selftest
from benchmark.store import place
from tests.support.clones import README, Clone
from tests.support.publishable import make_failure, make_record
from tests.support.selftests import some_selftest


@pytest.fixture
def fork(clone: Clone) -> Clone:
    """A clone that holds two runs, a failure and a self-test, all committed."""
    reports = clone.path / "reports"
    for number in range(2):
        place(make_record(number), reports)
    place(make_failure(), reports)
    write_selftest(some_selftest(), reports)
    render_all(reports, clone.path / "README.md")
    clone.git("add", "--all")
    clone.git("commit", "--quiet", "--message=Inherited")
    return clone


def test_inherited_runs_failures_and_self_test_go_and_published_tables_stay(fork: Clone) -> None:
    done = fork.bench("init")
    assert (done.code, done.out.count("Removed ")) == (0, 4)
    left = sorted(path.relative_to(fork.path / "reports").as_posix() for path in (fork.path / "reports").rglob("*"))
    assert left == ["README.md", "badge.svg", "feed.atom", "published", "published/.keep"]
    assert "No run has been published yet" in (fork.path / "reports" / "README.md").read_text(encoding="utf-8")
    readme = (fork.path / "README.md").read_text(encoding="utf-8")
    assert readme == README.replace("begin -->\n", "begin -->\nNo run has been published yet.\n")


def test_the_second_call_changes_nothing(fork: Clone) -> None:
    fork.bench("init")
    before = fork.git("status", "--porcelain"), (fork.path / "README.md").read_bytes()
    assert fork.bench("init").code == 0
    assert (fork.git("status", "--porcelain"), (fork.path / "README.md").read_bytes()) == before


def test_a_run_that_is_in_no_commit_is_never_removed(fork: Clone) -> None:
    record = make_record(7)
    fork.bench("publish", fork.results(record), "--local")
    done = fork.bench("init")
    assert (done.code, len(done.errors.splitlines())) == (2, 1)
    assert len(list((fork.path / "reports" / "runs").iterdir())) == 3


def test_a_run_that_git_ignores_is_never_removed(fork: Clone) -> None:
    (fork.path / ".gitignore").write_text("reports/runs/mine/\n", encoding="utf-8")
    (fork.path / "reports" / "runs" / "mine").mkdir()
    (fork.path / "reports" / "runs" / "mine" / "run.json").touch()
    assert fork.bench("init").code == 2
    assert (fork.path / "reports" / "runs" / "mine" / "run.json").exists()


def test_outside_of_a_checkout_nothing_is_done(fork: Clone) -> None:
    outside = Clone(fork.path.parent / "outside", fork.origin)
    outside.path.mkdir()
    assert outside.bench("init").code == 2
    below = Clone(fork.path / "reports", fork.origin)
    assert below.bench("init").code == 2
    assert len(list((fork.path / "reports" / "runs").iterdir())) == 2
