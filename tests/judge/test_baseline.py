"""Middle, spread and band of few runs, on published figures and on noise whose spread is known."""

import math
import random
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import median_abs_deviation

from benchmark.config import Judging
from benchmark.judge.verdict import baseline, few_runs_factor

RULE = Judging()
COPPER = [2.9, 3.1, 3.4, 3.4, 3.7, 3.7, 2.8, 2.5, 2.4, 2.4, 2.7, 2.2]
COPPER += [5.28, 3.37, 3.03, 3.03, 28.95, 3.77, 3.4, 2.2, 3.5, 3.6, 3.7, 3.7]
"""24 determinations of copper in wholemeal flour (parts per million); one lost its decimal point, or it was 28.95.

Analytical Methods Committee (1989), "Robust statistics - how not to reject outliers", The Analyst 114, 1693-1702;
`chem` in Venables and Ripley, "Modern Applied Statistics with S", which gives MAD x 1.4826 = 0.526323.
"""


def test_median_and_mad_of_the_textbook_example() -> None:
    copper = baseline(COPPER, RULE)
    assert copper.median == pytest.approx(3.385)
    assert 1.4826 * copper.mad == pytest.approx(0.526323)
    assert sum(COPPER) / len(COPPER) == pytest.approx(4.28, abs=0.01), "the mean follows the one wild value"


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30))
def test_the_mad_is_scipy_s(values: list[float]) -> None:
    assert baseline(values, RULE).mad == pytest.approx(float(median_abs_deviation(values)), abs=1e-9)


@pytest.mark.parametrize("runs", [3, 5, 6, 9, 10, 20])
def test_the_factors_make_the_mad_of_few_runs_right_on_average(runs: int) -> None:
    """Croux and Rousseeuw (1992) found the factors by simulation; so do we, within 3 %."""
    noise = random.Random(runs)  # noqa: S311 - no secret
    mads = [_mad([noise.gauss(0, 1) for _ in range(runs)]) for _ in range(20_000)]
    assert few_runs_factor(runs) * 1.4826 * sum(mads) / len(mads) == pytest.approx(1, abs=0.03)


def _mad(values: list[float]) -> float:
    middle = median(values)
    return median([abs(value - middle) for value in values])


def test_a_constant_series_is_judged_by_the_smallest_effect() -> None:
    waiting = baseline([500.0] * 20, RULE)
    assert (waiting.mad, waiting.band, waiting.percent(waiting.band)) == (0, 25, 5)


def test_a_baseline_of_zeros_is_judged_by_the_smallest_difference() -> None:
    no_failures = baseline([0.0] * 20, RULE, smallest_difference=0.001)
    assert no_failures.band == 0.001
    assert no_failures.percent(0.001) is None


def test_the_band_of_noise_is_three_mads_and_a_little_more_as_the_median_is_uncertain_too() -> None:
    values = [90.0, 100.0, 110.0] * 5
    noisy = baseline(values, RULE)
    assert noisy.mad == 10
    assert noisy.band == pytest.approx(3 * 10 * (15 / 14.2) * math.sqrt(1 + math.pi / 30))


@given(
    quiet=st.lists(st.floats(95, 105), min_size=11, max_size=20),
    wild=st.lists(st.floats(-1e9, 1e9), max_size=5),
)
def test_wild_runs_move_neither_the_middle_nor_the_band_beyond_what_the_quiet_ones_allow(
    quiet: list[float], wild: list[float]
) -> None:
    """Fewer than half can be anything (breakdown point: Hampel 1974)."""
    together = baseline([*quiet, *wild], RULE)
    assert min(quiet) <= together.median <= max(quiet)
    assert together.mad <= max(quiet) - min(quiet)
