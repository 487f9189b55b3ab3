"""Whether two sides differ: what the rule promises, on made-up turns whose truth is known."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from benchmark.compare.model import SIDES, Difference, SideName, Turn
from benchmark.compare.statistics import COMPARED, Rule, compare, effects, is_precise, trimmed_interval
from benchmark.judge.metrics import metric
from tests.compare.comparisons import Latency, make_turn, make_turns

ENDPOINTS = ("alpha", "beta")
OTHER: dict[str, SideName] = {"base": "head", "head": "base"}


def noisy(seed: int, noise: float, factor: float = 1.0, heavy: bool = False) -> Latency:  # noqa: FBT001, FBT002
    """50 ms times noise; head of beta times `factor`."""
    random = np.random.default_rng(seed)

    def latency_ms(name: str, side: SideName, _number: int, _position: int) -> float:
        drawn = random.standard_t(3) if heavy else random.normal()
        return 50 * math.exp(noise * float(drawn)) * (factor if (name, side) == ("beta", "head") else 1.0)

    return latency_ms


def of(found: tuple[Difference, ...], endpoint: str, name: str) -> Difference:
    """One cell of the table."""
    return next(item for item in found if (item.endpoint, item.metric) == (endpoint, name))


def changed(found: tuple[Difference, ...]) -> set[str]:
    """Endpoints that are said to have changed."""
    return {item.endpoint for item in found if item.verdict in {"improved", "regressed"}}


def test_a_thing_and_itself_do_not_differ() -> None:
    found = compare(make_turns(lambda *_: 50.0), ENDPOINTS, Rule())
    assert {item.verdict for item in found} == {"unchanged"}
    assert {(item.change_percent, item.low_percent, item.high_percent) for item in found} == {(0.0, 0.0, 0.0)}


@pytest.mark.parametrize("factor", [1.1, 1 / 1.1], ids=["slower", "faster"])
def test_ten_percent_are_found_where_they_are_and_nowhere_else(factor: float) -> None:
    found = compare(make_turns(noisy(1, 0.01, factor)), ENDPOINTS, Rule())
    assert changed(found) == {"beta"}
    p50, rate = of(found, "beta", "median_ms"), of(found, "beta", "throughput_rps")
    assert p50.change_percent == pytest.approx(100 * (factor - 1), abs=1.0)
    assert p50.change_ms == pytest.approx(50 * (factor - 1), abs=0.5)
    assert rate.change_percent == pytest.approx(100 * (1 / factor - 1), abs=1.0)
    assert p50.verdict == rate.verdict == ("regressed" if factor > 1 else "improved")


def test_a_change_below_the_smallest_effect_is_none_however_sure_it_is() -> None:
    turns = make_turns(noisy(1, 0.001, 1.03))
    assert of(compare(turns, ENDPOINTS, Rule()), "beta", "median_ms").verdict == "unchanged"
    finer = compare(turns, ENDPOINTS, Rule(smallest_effect_percent=2.0))
    assert of(finer, "beta", "median_ms").verdict == "regressed"


def test_what_noise_hides_is_inconclusive_and_not_unchanged() -> None:
    found = of(compare(make_turns(noisy(2, 0.2, 1.1)), ENDPOINTS, Rule()), "beta", "median_ms")
    assert found.verdict == "inconclusive"
    assert "more rounds" in (found.reason or "")


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000), factor=st.floats(0.5, 2.0), scale=st.floats(0.01, 100))
def test_swapping_the_sides_flips_the_effects_and_no_unit_changes_them(seed: int, factor: float, scale: float) -> None:
    turns = make_turns(noisy(seed, 0.05, factor), passes=4)
    for of_metric in (metric("median_ms"), metric("throughput_rps")):
        name = of_metric.name
        beta = [turn for turn in turns if turn.endpoint == "beta"]
        swapped = [turn.model_copy(update={"side": OTHER[turn.side]}) for turn in beta]
        scaled = [turn.model_copy(update={name: getattr(turn, name) * scale}) for turn in beta]
        there = effects(beta, of_metric)
        assert effects(swapped, of_metric) == pytest.approx([-effect for effect in there])
        assert effects(scaled, of_metric) == pytest.approx(there)


def test_a_machine_that_slows_down_evenly_makes_no_difference() -> None:
    found = compare(
        make_turns(lambda _e, _s, number, position: 50 * 1.01 ** (4 * number + position)), ENDPOINTS, Rule()
    )
    assert {item.verdict for item in found} == {"unchanged"}


def test_what_else_the_machine_did_in_a_few_passes_makes_no_difference() -> None:
    def latency_ms(_name: str, _side: SideName, number: int, position: int) -> float:
        return 200.0 if (number, position) in {(3, 0), (7, 1), (8, 2), (12, 3)} else 50.0

    found = compare(make_turns(latency_ms), ENDPOINTS, Rule())
    assert {item.verdict for item in found} == {"unchanged"}


@pytest.mark.parametrize("heavy", [False, True], ids=["normal noise", "heavy tails"])
@pytest.mark.parametrize("passes", [8, 16, 20])
def test_the_interval_holds_the_truth_as_often_as_it_promises(passes: int, *, heavy: bool) -> None:
    random = np.random.default_rng(20261123)
    drawn = random.standard_t(2, (4000, passes)) if heavy else random.normal(0, 1, (4000, passes))
    intervals = [trimmed_interval(sample, 0.05) for sample in (0.1 + 0.02 * drawn).tolist()]
    held = np.mean([found.low <= 0.1 <= found.high for found in intervals])
    # Wild values make it hold a little more often than promised, never less.
    assert 0.935 <= held <= (0.98 if heavy else 0.96)


def test_with_nothing_cut_off_the_interval_is_that_of_student() -> None:
    # Student (1908), "The probable error of a mean", Biometrika 6: the hours of sleep that ten patients gained from
    # one drug over the other. Mean 1.58; 95 % interval 0.70 to 2.46 (as R's t.test gives for its data set `sleep`).
    gained_h = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]
    found = trimmed_interval(gained_h, 0.05, trimmed=0.0)
    assert (found.middle, found.low, found.high) == pytest.approx((1.58, 0.7001142, 2.4598858))


def test_the_trimmed_mean_is_the_one_of_the_textbook() -> None:
    # The self-awareness data of Wilcox, "Introduction to Robust Estimation and Hypothesis Testing": trimmed mean 283,
    # standard error 56.1, where 0.6 of 19 values count as kept; here the 13 that are.
    sample = [77.0, 87, 88, 114, 151, 210, 219, 246, 253, 262, 296, 299, 306, 376, 428, 515, 666, 1310, 2611]
    found = trimmed_interval(sample, 0.05)
    assert found.middle == pytest.approx(stats.trim_mean(sample, 0.2))
    assert (found.high - found.low) / 2 == pytest.approx(stats.t.ppf(0.975, 12) * 56.1 * 0.6 * 19 / 13, rel=0.002)


@pytest.mark.parametrize("heavy", [False, True], ids=["normal noise", "heavy tails"])
def test_a_whole_table_of_nothing_is_rarely_called_a_difference(heavy: bool) -> None:  # noqa: FBT001
    # Noise of 5 % on each turn: without the correction for eight cells one table in five would hold a false alarm.
    tables = [compare(make_turns(noisy(seed, 0.05, heavy=heavy)), ENDPOINTS, Rule(0.01)) for seed in range(150)]
    assert np.mean([bool(changed(table)) for table in tables]) <= 0.05


def test_failures_are_a_regression_of_their_own_and_spoil_the_other_numbers() -> None:
    turns = [
        turn.model_copy(update={"failures": 5 if turn.side == "head" and turn.endpoint == "beta" else 0})
        for turn in make_turns(noisy(1, 0.01))
    ]
    found = compare(turns, ENDPOINTS, Rule())
    failures = of(found, "beta", "failure_ratio")
    assert (failures.verdict, failures.change_percent) == ("regressed", 5.0)
    others = [item for item in found if item.endpoint == "beta" and item.metric != "failure_ratio"]
    assert {item.verdict for item in others} == {"inconclusive"}
    assert {item.verdict for item in found if item.endpoint == "alpha"} == {"unchanged"}


def test_a_busy_load_generator_is_no_verdict_about_the_app() -> None:
    turns = [turn.model_copy(update={"waiting_ratio": 0.5}) for turn in make_turns(noisy(1, 0.01, 1.5))]
    found = of(compare(turns, ENDPOINTS, Rule()), "beta", "median_ms")
    assert found.verdict == "inconclusive"
    assert "--users" in (found.reason or "")


@pytest.mark.parametrize(
    ("cost_us", "pause_ms", "verdict"),
    [
        pytest.param(50.0, 0.05, "regressed", id="the pause is what sending costs"),
        pytest.param(50.0, 5.0, "inconclusive", id="the pause is far more"),
        pytest.param(None, 0.05, "inconclusive", id="what sending costs is not known"),
    ],
)
def test_what_sending_costs_the_generator_is_no_objection(cost_us: float | None, pause_ms: float, verdict: str) -> None:
    """One user on a response of half a millisecond: a tenth of its time goes by in the generator."""
    known = {"waiting_ratio": 0.9, "pause_ms": pause_ms, "generator_cpu_us_per_request": cost_us}
    turns = [turn.model_copy(update=known) for turn in make_turns(noisy(1, 0.01, 1.5))]
    assert of(compare(turns, ENDPOINTS, Rule()), "beta", "median_ms").verdict == verdict


@pytest.mark.parametrize("passes", [0, 1, 7])
def test_too_few_passes_conclude_nothing(passes: int) -> None:
    found = compare(make_turns(lambda *_: 50.0, passes=passes), ENDPOINTS, Rule())
    assert {item.verdict for item in found} == {"inconclusive"}
    assert len(found) == len(ENDPOINTS) * len(COMPARED)


def test_failures_in_few_passes_are_not_cut_off() -> None:
    turns = [
        turn.model_copy(update={"failures": 50 if turn.side == "head" and turn.number == 5 else 0})
        for turn in make_turns(lambda *_: 50.0)
    ]
    assert of(compare(turns, ENDPOINTS, Rule()), "beta", "failure_ratio").verdict == "inconclusive"


def test_a_pass_that_lacks_a_number_is_left_out() -> None:
    turns: list[Turn] = [make_turn("alpha", side, 9, position) for position, side in enumerate(SIDES)]
    turns[0] = turns[0].model_copy(update={"median_ms": None})
    assert effects(turns, metric("median_ms")) == []
    assert effects(turns, metric("throughput_rps")) == [0.0]


def test_whether_to_measure_on_depends_on_the_width_alone() -> None:
    assert is_precise(make_turns(noisy(1, 0.01)), ENDPOINTS, Rule())
    assert is_precise(make_turns(noisy(1, 0.01, 1.04)), ENDPOINTS, Rule())
    assert not is_precise(make_turns(noisy(1, 0.2)), ENDPOINTS, Rule())
    assert not is_precise(make_turns(noisy(1, 0.01), passes=4), ENDPOINTS, Rule())


def test_measuring_on_while_it_is_noisy_makes_no_false_alarms() -> None:
    def table(seed: int) -> tuple[Difference, ...]:
        turns = make_turns(noisy(seed, 0.12, heavy=True), passes=48)
        seen = next((n for n in (16, 20, 24, 28, 32, 36, 40, 44) if _precise_after(turns, n)), 48)
        return compare([turn for turn in turns if turn.number < seen], ENDPOINTS, Rule(0.01))

    assert np.mean([bool(changed(table(seed))) for seed in range(40)]) <= 0.05


def _precise_after(turns: Sequence[Turn], passes: int) -> bool:
    return is_precise([turn for turn in turns if turn.number < passes], ENDPOINTS, Rule())
