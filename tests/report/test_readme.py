"""The README is edited between its markers and nowhere else."""

import pytest

from benchmark.errors import UsageError
from benchmark.judge.history import judged
from benchmark.record import Finding
from benchmark.report.readme import BEGIN, END, headline_run, render_block, replace_block
from benchmark.report.verdicts import in_one_line, standings
from benchmark.store import Failure
from tests.support.histories import run_of_week
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


def test_a_run_with_caveats_links_them() -> None:
    disturbed = some_round(warnings=(Finding(kind="steal", severity="warning", message="stolen", remedy="again"),))
    one = some_record(endpoints=(some_result("pooled", disturbed),))
    assert f"[1 caveat](reports/runs/{one.id}/report.md#caveats)" in render_block([one], ())
    assert "caveat" not in render_block([some_record()], ())


def test_the_block_begins_with_result_cause_and_status_and_the_table_stands_before_the_picture() -> None:
    runs = [run_of_week(week, 100.0) for week in range(8)]
    block = render_block(runs[::-1], (), judged(runs, None))
    lines = [line for line in block.splitlines() if line]
    assert lines[0].startswith("**computing handled")
    assert lines[1:3] == [
        "🟢 **no regressions** in the last 3 runs<br>",
        "Measured 2026‑02‑23 · Example 3000, 2 cores · FastAPI 0.165.0, Python 3.13.0",
    ]
    assert lines[3] == "| Endpoint | req/s | p50 | p99 | trend |"
    assert lines[5] == "| computing | 100.00 | 100\u00a0ms | 159\u00a0ms | 0.0% |"
    of_two = render_block([some_record(started_at="2026-12-01T00:00:00Z")], ())
    assert "\n\nWhy: pooled: " in of_two, "the slowest of those that are ranked"
    assert of_two.index("| pooled |") < of_two.index("![") < of_two.index("<summary>All columns</summary>")


def test_the_block_says_that_its_own_run_is_noisy_and_when_the_last_usable_one_was() -> None:
    stolen = Finding(kind="steal", severity="warning", message="The host gave 3.2% to others.", remedy="again")
    noisy = some_result("computing", some_round(throughput_rps=100.0, warnings=(stolen,)))
    runs = [run_of_week(0, 100.0), run_of_week(1, 100.0, endpoints=(noisy,))]
    assert (
        "> **This table is from a noisy run**: computing: The host gave 3.2% to others. "
        "Last usable run: [2026‑01‑05](reports/runs/2026-01-05-weekly/report.md).\n"
    ) in render_block(runs[::-1], (), judged(runs, None))


def test_a_newer_attempt_that_failed_is_told_with_its_log() -> None:
    failure = Failure(
        id="x",
        at="2026-02-01T00:00:00Z",
        reason="the app did not start",
        trigger="schedule",
        run_url="https://github.com/a/b/actions/runs/1",
        commit=None,
    )
    runs = [run_of_week(0, 100.0)]
    said = "> The run of 2026‑02‑01 failed: the app did not start ([log](https://github.com/a/b/actions/runs/1)).\n"
    assert said in render_block(runs, (), None, [failure])
    assert said in render_block([], (), None, [failure])
    assert "failed" not in render_block([run_of_week(9, 100.0)], (), None, [failure])


def test_the_status_names_the_profile_that_was_judged_where_another_was_not() -> None:
    judged_ones, young = ([run_of_week(week, 100.0) for week in range(number)] for number in (8, 2))
    other = young[0].plan.profile.model_copy(update={"name": "rare"})
    named = [
        one.model_copy(update={"id": f"rare-{n}", "plan": one.plan.model_copy(update={"profile": other})})
        for n, one in enumerate(young)
    ]
    found = standings(judged([*named, *judged_ones][::-1], None))
    assert in_one_line(found) == f"🟢 **no regressions** in the last 3 runs of {judged_ones[0].profile.name}"
