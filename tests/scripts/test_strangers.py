"""Runs that a merge brought along from another repository: named, and nobody's baseline."""

from pathlib import Path
from typing import Any

import pytest

from benchmark.judge.history import judged
from benchmark.record import Record
from benchmark.report.render import render
from tests.support.clones import git
from tests.support.histories import run_of_week, write_history
from tests.support.records import some_environment

OURS, THEIRS = "https://github.com/Me/fork", "https://github.com/up/stream"


def of(repository: str | None, week: int, level: float, **changes: Any) -> Record:
    """A weekly run, of a workflow or by hand."""
    url = repository and f"{repository}/actions/runs/{week}"
    environment = some_environment().model_copy(update={"run_url": url})
    return run_of_week(week, level, environment=environment, **changes)


def mixed(first: int = 0) -> list[Record]:
    """Ten weeks: theirs at 200 in even ones, ours at 100 in odd ones, one of ours by hand."""
    runs = [of(OURS if week % 2 else THEIRS, week, 100.0 if week % 2 else 200.0) for week in range(first, first + 20)]
    return [*runs, of(None, first + 20, 100.0)]


@pytest.mark.parametrize("home", ["github.com/me/fork", None])
def test_runs_of_two_repositories_are_never_compared(home: str | None) -> None:
    records = [*mixed(), of(OURS, 21, 100.0)]
    found = judged(records, None, home=home)
    counting = {trend.metric.name: trend for trend in found.counting}
    assert counting["throughput_rps"].last.verdict == "unchanged"
    assert len(counting["throughput_rps"].runs) == 12
    assert set(found.strangers.values()) == {"github.com/up/stream"}
    asides = {trend.aside for trend in found.trends if trend.aside}
    assert asides == {"measured in another repository: github.com/up/stream"}


def test_runs_by_hand_and_of_the_workflow_are_one_series_as_they_were() -> None:
    records = [of(OURS if week % 2 else None, week, 100.0) for week in range(8)]
    for home in ("github.com/me/fork", None):
        found = judged(records, None, home=home)
        assert {len(trend.runs) for trend in found.trends} == {8}
        assert found.strangers == {}


def test_the_first_run_of_ones_own_says_why_it_is_compared_with_nothing() -> None:
    found = judged([*(of(THEIRS, week, 200.0) for week in range(6)), of(OURS, 6, 100.0)], None)
    apart = {trend.last.apart for trend in found.counting}
    assert apart == {"different repository than the last run: github.com/up/stream → this one"}


def test_index_report_and_readme_say_whose_a_run_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "remote", "add", "origin", "git@github.com:Me/fork.git")
    monkeypatch.chdir(tmp_path)
    reports, readme = tmp_path / "reports", tmp_path / "README.md"
    readme.write_text("<!-- benchmark:begin -->\n<!-- benchmark:end -->\n")
    theirs = of(THEIRS, 3, 200.0)
    ours = of(OURS, 2, 100.0)
    write_history(reports, [ours, theirs])
    render(reports, readme, everything=True)
    index = (reports / "README.md").read_text()
    assert index.count("of github.com/up/stream") == 2
    assert "Last usable run: [2026‑01‑19]" in index
    assert (
        "**This run is from another repository**, github.com/up/stream"
        in (reports / "runs" / theirs.id / "report.md").read_text()
    )
    assert "another repository" not in (reports / "runs" / ours.id / "report.md").read_text()
    assert f"runs/{ours.id}/" in readme.read_text()
    assert theirs.id not in readme.read_text()
