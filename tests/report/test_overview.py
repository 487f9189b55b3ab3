"""What stands on top of the index."""

import pytest

from benchmark.judge.history import Judged
from benchmark.judge.metrics import metric
from benchmark.report.index import newest_of_each, render_index, sparkline
from benchmark.store import History
from tests.support.histories import run_of_week
from tests.support.pictures import some_trend, sweep_of


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([1.0, 2.0], ""),
        ([100.0, 101.0, 100.0], "▄▅▄"),
        ([10.0, 55.0, 100.0], "▁▅█"),
        ([0.0, 0.0, 0.0], "▁▁▁"),
    ],
    ids=["too few", "noise looks flat", "from the least to the most", "nothing but zeros"],
)
def test_a_sparkline_shows_what_is_large_and_not_what_is_noise(values: list[float], shown: str) -> None:
    assert sparkline(values) == shown


def test_the_newest_complete_run_of_each_profile_is_listed_with_its_course() -> None:
    weeks = [run_of_week(week, 100.0 + 50 * (week == 3)) for week in range(5)]
    broken = run_of_week(5, 1.0, state="incomplete")
    changed = run_of_week(6, 1.0, customised=("--users",))
    found = newest_of_each([changed, broken, *reversed(weeks)])
    assert [(item.record.id, item.runs) for item in found] == [(weeks[-1].id, 5)]
    assert [(endpoint, spark) for endpoint, _, spark in found[0].lines] == [("computing", "▁▁▁█▁")]
    assert "| Newest of | Endpoint | req/s | Last runs |\n" in render_index(History(tuple(weeks[::-1]), ()))


def test_a_series_that_another_one_followed_is_not_listed_nor_is_a_course_that_nobody_sees() -> None:
    old, method = run_of_week(0, 100.0), run_of_week(1, 100.0).method
    new = run_of_week(1, 90.0, method=method.model_copy(update={"version": method.version + 1}))
    assert [item.record.id for item in newest_of_each([new, old])] == [new.id]
    shown = render_index(History((new, old), ()))
    assert "| Newest of | Endpoint | req/s |\n| :-- | :-- | --: |\n| [quick]" in shown


def test_the_index_shows_trends_by_profile_and_sweeps_and_says_them_in_words() -> None:
    trends = (some_trend(), some_trend(metric=metric("p95_ms")), some_trend(profile="a|b"))
    records = tuple(sweep_of(500, 20))
    shown = render_index(History(records, (), runs=2), Judged(trends=trends))
    assert "## quick over the runs\n\n![req/s over the runs: pooled unchanged" in shown
    assert "<summary>p95</summary>" in shown
    assert "## a\\|b over the runs" in shown
    assert "with the knee at 80.](charts/sweep-" in shown
