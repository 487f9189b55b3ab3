"""Acceptance: the rule on what hosted runners really do (tests/data/README.md)."""

import pytest

from tests.replays import as_they_are, every_place, series_of, with_drops


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


def test_the_same_runs_without_the_reference_workload_cry_wolf_and_see_less(relative: dict[str, list[float]]) -> None:
    raw = series_of(relative=False, same_runs=True)
    assert raw.keys() == relative.keys()
    assert as_they_are(raw).alarms_percent > 1
    places = every_place(raw, fewest_before=5)
    assert with_drops(raw, places, 10).percent < with_drops(relative, places, 10).percent - 10
