"""Failed attempts are shown."""

import json
from pathlib import Path
from typing import Literal

import pytest

from benchmark.judge.validity import Reason, Validity
from benchmark.record import Missing
from benchmark.report.index import LONGEST_LIST, render_all, render_index
from benchmark.report.verdicts import last_runs, linked
from benchmark.store import History, place, read_history, to_json
from tests.support.clones import Clone, git, origin_files, origin_text
from tests.support.publishable import make_failure, make_record


def test_a_failure_reaches_origin_and_the_index_says_so(clone: Clone) -> None:
    github = {
        "GITHUB_EVENT_NAME": "schedule",
        "GITHUB_SERVER_URL": "https://example.org",
        "GITHUB_REPOSITORY": "a/b",
        "GITHUB_RUN_ID": "7",
    }
    assert clone.bench("publish", clone.results(make_record())).code == 0
    done = clone.bench("fail", "the app did not start", **github)
    assert (done.code, done.errors) == (0, "")
    (name,) = [name for name in origin_files(clone.origin) if name.startswith("reports/failures/")]
    kept = json.loads(origin_text(clone.origin, name))
    assert (kept["reason"], kept["trigger"]) == ("the app did not start", "schedule")
    assert kept["run_url"] == "https://example.org/a/b/actions/runs/7"
    assert kept["commit"] == clone.git("rev-parse", "HEAD")
    index = origin_text(clone.origin, "reports/README.md")
    assert "Last usable run: [2026‑01‑05](runs/" in index
    assert " failed: the app did not start ([log](https://example.org/a/b/actions/runs/7))." in index


def test_the_reason_is_taken_from_an_incomplete_run(clone: Clone) -> None:
    lost = Missing(endpoint="async_concurrent", round=1, reason="the server ended")
    clone.results(make_record(state="incomplete", missing=(lost,), endpoints=()))
    clone.results(make_record(1))
    assert clone.bench("fail", "it failed", "--results", "results", "--local").code == 0
    index = (clone.path / "reports" / "README.md").read_text(encoding="utf-8")
    assert "failed: async_concurrent, round 1: the server ended" in index
    assert git(clone.origin, "rev-list", "--count", "main") == "1"


@pytest.mark.parametrize("results", ["missing", "empty", "odd"])
def test_without_a_readable_incomplete_run_the_given_reason_stands(clone: Clone, results: str) -> None:
    (clone.path / "empty").mkdir()
    (clone.path / "odd").mkdir()
    (clone.path / "odd" / "run.json").symlink_to("/etc/passwd")
    done = clone.bench("fail", "it failed", "--results", results, "--local")
    assert (done.code, len(done.errors.splitlines())) == (0, 1)
    assert "failed: it failed" in (clone.path / "reports" / "README.md").read_text(encoding="utf-8")


def test_a_failure_without_a_reason_is_wrong_usage(clone: Clone) -> None:
    assert clone.bench("fail", " \n").code == 2


def test_a_failure_before_the_last_good_run_is_history() -> None:
    failures = [make_failure(at="2026-01-01T00:00:00Z")]
    assert last_runs([make_record()], failures, {}) == f"Last usable run: {linked(make_record())}."


@pytest.mark.parametrize("level", ["noisy", "invalid"])
def test_a_run_that_is_in_doubt_is_not_usable(level: Literal["noisy", "invalid"]) -> None:
    why = Reason(kind="steal", level=level, message="the host took 3.2% of the CPU")
    doubted = {make_record().id: Validity(level=level, reasons=(why,))}
    said = f"No usable run yet. The run of {linked(make_record())} is {level}: the host took 3.2% of the CPU."
    assert last_runs([make_record()], [], doubted) == said


def test_before_any_attempt_nothing_is_said() -> None:
    assert last_runs([], [], {}) == ""


def test_the_list_of_failures_is_bounded_and_says_how_many_there_are() -> None:
    index = render_index(History((), (), tuple(make_failure(number) for number in range(50))))
    assert index.count("[log](https://example.org/actions/runs/1), kept for 90 days") == LONGEST_LIST
    assert "Failed attempts: 50, the newest 20 are listed" in index


def test_markup_in_a_reason_is_shown_and_does_nothing() -> None:
    index = render_index(History((), (), (make_failure(reason="<b>x</b> | [y](z)\n# @me", trigger="`|`"),)))
    assert "\\<b\\>x\\</b\\> \\| \\[y\\](z) \\# @<!-- -->me" in index
    assert "<b>" not in index


@pytest.mark.parametrize(
    "content",
    ["", "[]", to_json(make_failure()).replace("schedule", "x").replace("0417-0000", "0417-0009")],
    ids=["empty", "a list", "another id than its name"],
)
def test_a_file_that_is_no_failure_is_named_and_hides_no_other(tmp_path: Path, content: str) -> None:
    place(make_failure(1), tmp_path)
    (tmp_path / "failures" / "bad.json").write_text(content, encoding="utf-8")
    history = read_history(tmp_path)
    assert (len(history.failures), len(history.unreadable)) == (1, 1)
    assert "failures/bad.json" in history.unreadable[0]
    render_all(tmp_path, tmp_path / "no README")
