"""What stands on top of the index."""

from benchmark.judge.history import Judged, judged
from benchmark.judge.metrics import metric
from benchmark.record import Record
from benchmark.report.index import newest_of_each, render_index
from benchmark.store import History
from tests.support.histories import on_cpu, run_of_week
from tests.support.pictures import some_trend, sweep_of


def test_the_newest_complete_run_of_each_profile_is_found() -> None:
    weeks = [run_of_week(week, 100.0) for week in range(5)]
    broken = run_of_week(5, 1.0, state="incomplete")
    changed = run_of_week(6, 1.0, customised=("--users",))
    assert newest_of_each([changed, broken, *reversed(weeks)]) == [weeks[-1]]


def listed(*records: Record) -> list[str]:
    """The list of the runs, which are given oldest first."""
    shown = render_index(History(records[::-1], (), runs=len(records)), judged(records, None))
    return shown[shown.index("## Latest runs") :].splitlines()


def test_the_newest_runs_are_a_table_of_two_columns_and_the_older_ones_are_folded() -> None:
    lines = listed(*(run_of_week(week, 100.0 + week) for week in range(12)))
    assert lines[2] == (
        "**quick**: 10 users, 30 s per endpoint, 2 workers, Example 3000, 2 cores. Requests per second of computing:"
    )
    rows = [line for line in lines if line.startswith("| [")]
    assert rows[0] == "| [2026‑03‑23\u00a004:47](runs/2026-03-23-weekly/report.md) | 111 |"
    assert len(rows) == 12
    folded = lines.index("<summary>Older runs</summary>")
    assert sum(line.startswith("| [") for line in lines[:folded]) == 10


def test_what_is_unusual_about_a_run_is_remarked_in_its_row() -> None:
    usual = [run_of_week(week, 5.3) for week in range(4)]
    plan = usual[0].plan
    plan = plan.model_copy(update={"profile": plan.profile.model_copy(update={"users": 1000})})
    lines = listed(
        *usual,
        run_of_week(4, 5.3, state="incomplete", reason="interrupted"),
        run_of_week(5, 53.0, plan=plan, customised=("--users",)),
        run_of_week(6, 5300.0, **on_cpu("Other")),
    )
    rows = [line.split(" | ")[1].removesuffix(" |") for line in lines if line.startswith("| [")]
    assert rows[:3] == ["5,300<br>Other, 2 cores", "53.0<br>1,000 users", "5.30<br>incomplete"]
    assert {*rows[3:]} == {"5.30"}


def test_the_index_shows_trends_by_profile_and_sweeps_and_says_them_in_words() -> None:
    trends = (some_trend(), some_trend(metric=metric("p95_ms")), some_trend(profile="a|b"))
    records = tuple(sweep_of(500, 20))
    shown = render_index(History(records, (), runs=2), Judged(trends=trends))
    assert "## Trend: quick\n\n![req/s over the runs: pooled unchanged" in shown
    assert "<summary>p95</summary>" in shown
    assert "## Trend: a\\|b" in shown
    assert "limit reached at 80 users.](charts/sweep-" in shown
