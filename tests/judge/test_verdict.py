"""The rule: one alarm for a change, none for an accident, an end for what recovers, and never a guess."""

import random
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.config import Judging
from benchmark.judge.change_points import change_points
from benchmark.judge.metrics import Better
from benchmark.judge.verdict import Judgement, Point, judge

QUIET = [100, 101, 99, 100, 102, 98, 100, 101, 99, 100]
MIRROR = {"improved": "regressed", "regressed": "improved"}


def judged(values: Sequence[float | None], better: Better = "higher", rule: Judging | None = None) -> list[Judgement]:
    """Judgements of a series of plain numbers, called "0", "1" and so on."""
    return list(judge([Point(run=str(n), value=value) for n, value in enumerate(values)], better, rule))


def announced(judgements: Sequence[Judgement]) -> list[tuple[str, str, str]]:
    """Every run at which something is announced, with what."""
    return [(j.run, j.verdict, j.stage) for j in judgements if j.stage in {"confirmed", "recovered"}]


def test_fewer_than_five_runs_are_inconclusive_and_the_sixth_is_judged() -> None:
    said = judged(QUIET[:6])
    assert [j.verdict for j in said] == ["inconclusive"] * 5 + ["unchanged"]
    assert said[4].reason == "4 of 5 earlier runs"
    assert said[5].baseline is not None
    assert said[5].baseline.runs == 5


def test_one_run_beyond_the_band_is_suspected_and_no_verdict() -> None:
    suspected = judged([*QUIET, 80])[-1]
    assert (suspected.verdict, suspected.stage) == ("inconclusive", "suspected")
    assert suspected.reason == "awaiting a second run"
    assert suspected.change_percent == pytest.approx(-20)
    assert suspected.band_percent == pytest.approx(5)


def test_an_accident_alarms_nobody_and_stays_in_the_baseline() -> None:
    said = judged([*QUIET, 80, 100, 100])
    assert announced(said) == []
    assert [j.verdict for j in said[-2:]] == ["unchanged", "unchanged"]
    assert said[-1].baseline is not None
    assert said[-1].baseline.runs == len(QUIET) + 2


def test_a_lasting_drop_is_announced_once_in_its_second_run_and_stays_open() -> None:
    said = judged([*QUIET, *[80] * 30])
    assert announced(said) == [("11", "regressed", "confirmed")]
    assert said[11].first_run == "10"
    assert {j.open_since for j in said[11:]} == {"10"}
    assert [j.verdict for j in said[12:15]] == ["inconclusive"] * 3
    assert {j.verdict for j in said[15:]} == {"unchanged"}


def test_runs_beyond_the_band_on_both_sides_confirm_nothing() -> None:
    assert announced(judged([*QUIET, 80, 120, 80, 120])) == []


@pytest.mark.parametrize("stayed", [2, 4, 30])
def test_two_runs_back_at_the_old_level_close_a_regression(stayed: int) -> None:
    said = judged([*QUIET, *[80] * stayed, *[100] * 8])
    (_, *alarm), (back, _, stage) = announced(said)
    assert (*alarm, stage) == ("regressed", "confirmed", "recovered")
    assert int(back) == len(QUIET) + stayed + 1
    assert said[int(back) - 1].open_since == "10"
    assert said[int(back)].open_since is None
    assert said[-1].open_since is None


def test_half_a_recovery_is_an_improvement_and_leaves_the_regression_open() -> None:
    said = judged([*QUIET, *[70] * 10, *[85] * 10])
    assert announced(said) == [("11", "regressed", "confirmed"), ("21", "improved", "confirmed")]
    assert said[-1].open_since == "10"
    assert judged([*QUIET, *[70] * 10, *[85] * 10, *[100] * 2])[-1].open_since is None


def test_what_came_back_in_small_steps_is_back() -> None:
    steps = [90 + step / 2 for step in range(21)]
    said = judged([*QUIET, 90, 90, *steps, *QUIET])
    assert [(verdict, stage) for _, verdict, stage in announced(said)] == [
        ("regressed", "confirmed"),
        ("unchanged", "recovered"),
    ]
    assert said[-1].open_since is None
    assert said[len(QUIET) + 6].open_since == "10", "it is on its way"


def test_what_came_back_half_way_in_small_steps_is_not_back() -> None:
    said = judged([*QUIET, 80, 80, *[80 + step / 2 for step in range(21)], *[90] * 10])
    assert said[-1].open_since == "10"


def test_two_lucky_runs_and_their_end_are_no_regression() -> None:
    said = judged([*QUIET, 120, 120, *[100] * 10])
    assert [verdict for _, verdict, _ in announced(said)] == ["improved", "unchanged"]
    assert said[-1].verdict == "unchanged"


def test_a_second_drop_is_announced_too() -> None:
    said = judged([*QUIET, *[80] * 10, *[60] * 10])
    assert [run for run, _, _ in announced(said)] == ["11", "21"]
    assert said[-1].open_since == "10"


@pytest.mark.parametrize("creep", [0.001, 0.003, 0.01])
def test_a_creep_is_never_announced_but_its_steps_are_change_points(creep: float) -> None:
    """The baseline moves along, and a trend looks like noise to it: the known blind spot (docs/judging.md)."""
    values = [100 * (1 - creep) ** n for n in range(60)]
    assert announced(judged(values)) == []
    assert {change.direction for change in change_points(values, "higher")} == {"worse"}


@pytest.mark.parametrize(
    ("point", "reason"),
    [
        (Point("x", None), "the run has no such number"),
        (Point("x", float("nan")), "the number is nan"),
        (Point("x", float("inf")), "the number is inf"),
        (Point("x", 80.0, unusable="3 of 100 requests failed"), "3 of 100 requests failed"),
    ],
)
def test_a_run_without_a_usable_number_is_inconclusive_and_never_a_baseline(point: Point, reason: str) -> None:
    points = [*(Point(str(n), value) for n, value in enumerate(QUIET)), point, Point("y", 80), point, Point("z", 80)]
    said = judge(points, "higher")
    assert (said[10].verdict, said[10].stage, said[10].reason) == ("inconclusive", "not judged", reason)
    assert said[-1].verdict == "regressed"
    assert said[-1].baseline is not None
    assert said[-1].baseline.runs == len(QUIET)


def test_an_accepted_change_begins_anew_and_closes_what_is_open() -> None:
    values = [*QUIET, *[80] * 10]
    points = [
        Point(str(n), value, accepted="encrypts since then" if n == 14 else None) for n, value in enumerate(values)
    ]
    said = judge(points, "higher")
    assert said[13].open_since == "10"
    assert (said[14].verdict, said[14].stage) == ("inconclusive", "accepted")
    assert said[14].reason == "accepted: encrypts since then; the baseline starts again here"
    assert [j.open_since for j in said[14:]] == [None] * 6
    assert said[-1].verdict == "unchanged"


def test_a_constant_series_may_differ_by_less_than_the_smallest_effect() -> None:
    said = judged([500.0] * 10 + [520.0] * 5 + [530.0] * 2, "lower")
    assert announced(said) == [("16", "regressed", "confirmed")]


def test_failures_from_nothing_count_beyond_the_smallest_difference() -> None:
    points = [Point(str(n), value, smallest_difference=0.001) for n, value in enumerate([0.0] * 10 + [0.0009] * 3)]
    assert {j.verdict for j in judge(points, "lower")[5:]} == {"unchanged"}
    worse = judge([*points[:10], Point("a", 0.002), Point("b", 0.002)], "lower")[-1]
    assert (worse.verdict, worse.change_percent) == ("regressed", None)


def test_a_run_on_the_edge_of_the_band_is_within_it() -> None:
    assert judged([500.0] * 10 + [525.0])[-1].stage == "steady"
    assert judged([500.0] * 10 + [525.1])[-1].stage == "suspected"


def test_an_excess_below_zero_has_a_band_too() -> None:
    """Timers that fire early: -10 ms to -11 ms is as small a change as from 10 to 11."""
    said = judged([-10.0] * 10 + [-10.4, -12.0, -12.0], "lower")
    assert [j.verdict for j in said[10:]] == ["unchanged", "inconclusive", "improved"]
    assert said[-1].change_percent == pytest.approx(-20)


def test_the_effect_that_counts_can_be_set() -> None:
    values = [*QUIET, 80, 80]
    assert judged(values, rule=Judging(smallest_effect_percent=25))[-1].verdict == "unchanged"


noise = st.lists(st.floats(50, 150), min_size=8, max_size=40)


@given(noise, st.floats(1e-6, 1e6))
def test_the_unit_does_not_matter(values: list[float], factor: float) -> None:
    """Powers of two scale exactly; other factors could round a value across the edge of its band."""
    scale = 2.0 ** round(factor**0.1)
    small, large = judged(values), judged([value * scale for value in values])
    assert [(j.verdict, j.stage, j.change_percent) for j in small] == [
        (j.verdict, j.stage, j.change_percent) for j in large
    ]


@given(noise)
def test_what_is_better_is_only_a_matter_of_direction(values: list[float]) -> None:
    """The same numbers as a throughput and as a latency: the same stages, opposite words."""
    up, down = judged(values, "higher"), judged(values, "lower")
    for rate, time in zip(up, down, strict=True):
        assert rate.change_percent == time.change_percent
        assert time.verdict == MIRROR.get(rate.verdict, rate.verdict)


@given(st.lists(st.floats(97.6, 102.4), min_size=6, max_size=60))
def test_what_stays_within_the_smallest_effect_is_never_announced(values: list[float]) -> None:
    assert announced(judged(values)) == []


@given(noise, noise)
def test_the_past_is_never_judged_anew(past: list[float], future: list[float]) -> None:
    assert judged([*past, *future])[: len(past)] == judged(past)


@given(noise, st.data())
def test_nothing_is_announced_without_two_runs_in_a_row_beyond_the_band(
    values: list[float], data: st.DataObject
) -> None:
    said = judged(values, data.draw(st.sampled_from(["higher", "lower"])))
    for before, now in pairwise(said):
        if now.stage == "confirmed":
            assert before.stage == "suspected"
        if now.stage == "recovered" and before.stage != "suspected":
            assert now.verdict == "unchanged"
            assert before.open_since is not None


@given(st.integers(0, 9), st.floats(-1e6, 1e6))
def test_one_wild_run_in_the_baseline_does_not_hide_a_drop_nor_make_one(place: int, wild: float) -> None:
    past: list[float] = [*QUIET]
    past.insert(place, wild)
    assert announced(judged([*past, *QUIET])) == []
    dropped = announced(judged([*past, *QUIET, 80, 80]))
    assert [verdict for _, verdict, _ in dropped] == ["regressed"]


@pytest.mark.parametrize(("percent", "most"), [(1.0, 0.0005), (2.0, 0.0005), (3.0, 0.005), (10.0, 0.015)])
def test_normal_noise_alarms_as_seldom_as_the_documents_say(percent: float, most: float) -> None:
    """docs/measurements/verdicts.md: rare while the smallest effect rules; where noise rules, one run in a hundred."""
    source = random.Random(20260102)  # noqa: S311 - no secret
    said = [j for _ in range(60) for j in judged([source.gauss(100, percent) for _ in range(60)])]
    alarms = sum(j.stage == "confirmed" for j in said)
    assert alarms / sum(j.baseline is not None for j in said) <= most


def dealt(*runs: tuple[float, int]) -> list[Judgement]:
    """Judgements of a series of numbers, and of how many workers had connections."""
    points = (Point(run=str(n), value=value, workers_in_use=in_use) for n, (value, in_use) in enumerate(runs))
    return list(judge(points, "higher"))


def test_a_run_in_which_other_workers_than_usual_stood_idle_is_not_judged() -> None:
    """Of 10 users all are mostly dealt to one worker, and now and then to both, which then compute twice as much."""
    usual = [(float(value), 1) for value in QUIET]
    said = dealt(*usual, (178, 2), (178, 2), (100, 1), (80, 1), (178, 2), (80, 1))
    assert [j.stage for j in said[10:]] == ["not judged"] * 2 + ["steady", "suspected", "not judged", "confirmed"]
    assert said[10].reason == "its connections went to 2 workers, in most runs to one worker; such runs do not compare"
    assert announced(said) == [("15", "regressed", "confirmed")]


def test_another_way_of_dealing_that_lasts_is_judged_from_the_fifth_run_on() -> None:
    """As when a worker has stopped accepting: that is no luck."""
    said = dealt(*[(178.0, 2)] * 20, *[(100.0, 1)] * 20)
    assert [j.stage for j in said[20:26]] == ["not judged"] * 4 + ["suspected", "confirmed"]
    assert announced(said) == [("25", "regressed", "confirmed")]
