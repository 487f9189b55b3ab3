"""The README is edited between its markers and nowhere else."""

import pytest

from benchmark.errors import UsageError
from benchmark.record import Finding
from benchmark.report.index import BEGIN, END, headline_run, render_block, replace_block
from tests.support.records import some_plan, some_record, some_result, some_round


def test_only_what_stands_between_the_markers_is_replaced() -> None:
    old = f"before\n{BEGIN}\nold table\n{END}\nafter\n"
    assert replace_block(old, "new table") == f"before\n{BEGIN}\nnew table\n{END}\nafter\n"


def test_replacing_twice_changes_nothing_more() -> None:
    once = replace_block(f"{BEGIN}{END}", "table")
    assert replace_block(once, "table") == once


@pytest.mark.parametrize(
    "readme",
    [
        pytest.param("no markers", id="none"),
        pytest.param(f"{BEGIN} no end", id="no end"),
        pytest.param(f"no begin {END}", id="no begin"),
        pytest.param(f"{END}{BEGIN}", id="wrong order"),
        pytest.param(f"{BEGIN}{END}{BEGIN}{END}", id="twice"),
        pytest.param(f"{BEGIN}{BEGIN}{END}", id="begin twice"),
    ],
)
def test_a_missing_or_doubled_marker_is_refused(readme: str) -> None:
    with pytest.raises(UsageError, match="each exactly once; nothing was written"):
        replace_block(readme, "table")


def test_the_newest_unchanged_complete_run_of_a_headline_profile_is_shown() -> None:
    headline = some_plan(headline=True)
    right = some_record(id="right", started_at="2026-01-03T00:00:00Z", plan=headline)
    runs = [
        some_record(id="older", started_at="2026-01-01T00:00:00Z", plan=headline),
        right,
        some_record(id="changed", started_at="2026-01-04T00:00:00Z", plan=headline, customised=("--users",)),
        some_record(id="broken", started_at="2026-01-05T00:00:00Z", plan=headline, state="incomplete"),
        some_record(id="other", started_at="2026-01-06T00:00:00Z"),
    ]
    assert headline_run(runs) == right


def test_without_a_run_the_block_says_so() -> None:
    assert headline_run([]) is None
    assert "No run has been published yet" in render_block([], ())


def test_a_run_with_warnings_says_so_beside_its_table() -> None:
    disturbed = some_round(warnings=(Finding(kind="steal", severity="warning", message="stolen", remedy="again"),))
    one = some_record(endpoints=(some_result("pooled", disturbed),))
    where = f"(reports/runs/{one.id}/report.md#how-far-to-believe-them)"
    assert f"[1 warning]{where}" in render_block([one], ())
    assert "warning" not in render_block([some_record()], ())
