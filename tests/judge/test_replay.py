"""Acceptance: the rule on what hosted runners really do (tests/data/README.md)."""

from pathlib import Path

import pytest

from benchmark.config import Judging
from benchmark.judge.verdict import baseline
from experiments.verdict_replay import real_change_points, side_by_side, wild_runs
from tests.judge.replays import EARLIER_REFERENCE, as_they_are, every_place, replay, series_of, with_drops


@pytest.fixture(scope="module")
def relative() -> dict[str, list[float]]:
    return series_of(relative=True)


def test_relative_series_of_a_real_project_alarm_in_at_most_one_of_five_hundred_runs(
    relative: dict[str, list[float]],
) -> None:
    quiet = as_they_are(relative)
    assert (len(relative), quiet.runs) == (11, 275)
    assert quiet.alarms_percent <= 0.2


@pytest.mark.parametrize(("drop_percent", "least_percent"), [(10, 90), (20, 99)])
def test_a_lasting_drop_is_found_in_its_second_run(
    relative: dict[str, list[float]], drop_percent: float, least_percent: float
) -> None:
    found = with_drops(relative, every_place(relative, fewest_before=5), drop_percent)
    assert found.percent >= least_percent


def test_so_it_is_with_the_runs_that_no_constant_was_chosen_on() -> None:
    """Until run 90 the reference workload was another one, `bare`."""
    earlier = series_of(relative=True, reference=EARLIER_REFERENCE)
    places = every_place(earlier, fewest_before=5)
    assert (len(earlier), as_they_are(earlier).alarms_percent) == (17, 0)
    assert with_drops(earlier, places, 10).percent >= 90
    assert with_drops(earlier, places, 20).percent >= 99


def test_the_same_runs_without_the_reference_workload_cry_wolf_and_see_less(relative: dict[str, list[float]]) -> None:
    raw = series_of(relative=False, same_runs=True)
    assert raw.keys() == relative.keys()
    assert as_they_are(raw).alarms_percent > 1
    places = every_place(raw, fewest_before=5)
    assert with_drops(raw, places, 10).percent < with_drops(relative, places, 10).percent - 10


def test_the_tables_in_the_documents_are_what_the_benchmark_prints(repository: Path) -> None:
    text = (repository / "docs" / "measurements" / "verdicts.md").read_text()
    for part in (side_by_side, wild_runs, real_change_points):
        assert part() in text


def test_the_example_in_the_documents_is_what_the_rule_says() -> None:
    rates = [100.0, 101, 99, 100, 102, 98, 100, 101, 99, 100]
    known = baseline(rates, Judging())
    assert (known.median, known.mad, known.band) == (100, 1, 5)
    noise_alone = baseline(rates, Judging(smallest_effect_percent=0.1)).band
    assert noise_alone == pytest.approx(3.51, abs=0.005)
    said = replay([*rates, 96, 80, 80, *[80] * 30])
    assert [judgement.verdict for judgement in said[10:13]] == ["unchanged", "inconclusive", "regressed"]
    assert {judgement.verdict for judgement in said[13:]} == {"inconclusive", "unchanged"}
