"""Change points of series in which others have found them, and none where there are none."""

import math
import random
from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.judge import change_points as module
from benchmark.judge.change_points import ChangePoint, change_points
from tests.judge.replays import series_of

NILE = [1120, 1160, 963, 1210, 1160, 1160, 813, 1230, 1370, 1140, 995, 935, 1110, 994, 1020, 960, 1180, 799, 958, 1140]
NILE += [1100, 1210, 1150, 1250, 1260, 1220, 1030, 1100, 774, 840, 874, 694, 940, 833, 701, 916, 692, 1020, 1050, 969]
NILE += [831, 726, 456, 824, 702, 1120, 1100, 832, 764, 821, 768, 845, 864, 862, 698, 845, 744, 796, 1040, 759]
NILE += [781, 865, 845, 944, 984, 897, 822, 1010, 771, 676, 649, 846, 812, 742, 801, 1040, 860, 874, 848, 890]
NILE += [744, 749, 838, 1050, 918, 986, 797, 923, 975, 815, 1020, 906, 901, 1170, 912, 746, 919, 718, 714, 740]
"""Annual flow of the Nile at Aswan, 1871 to 1970 (10^8 m^3).

Cobb (1978), "The problem of the Nile: conditional solution to a changepoint problem", Biometrika 65, 243-251: it fell
after 1898. R's `changepoint` (Killick and Eckley 2014) finds 28 as the last year of the old level.
"""


SERIES = 100


def noisy(runs: int, sigma: float) -> Iterator[list[float]]:
    """Many series of a steady throughput of 100."""
    source = random.Random(20260102)  # noqa: S311 - no secret
    for _ in range(SERIES):
        yield [source.gauss(100, sigma) for _ in range(runs)]


def found(values: Sequence[float]) -> tuple[ChangePoint, ...]:
    """Change points of a throughput."""
    return change_points(values, "higher")


def test_the_nile_fell_after_1898() -> None:
    (change,) = found(NILE)
    assert 1871 + change.index == 1899
    assert (change.before, change.after, change.direction) == (1130, 842.5, "worse")
    assert change.percent == pytest.approx(-25.4, abs=0.05)


def cost(signal: module.Floats, ends: Sequence[int]) -> float:
    """What a way to cut a signal costs: squared distances to the means, and the penalty for each cut."""
    levels = [signal[start:end] for start, end in pairwise([0, *ends])]
    distances = sum(float(((level - level.mean()) ** 2).sum()) for level in levels)
    return distances + (len(ends) - 1) * module.PENALTY * math.log(len(signal))


def test_levels_are_the_optimum_that_the_pelt_of_a_library_finds_for_the_same_cost() -> None:
    ruptures = pytest.importorskip("ruptures", reason="has no wheel for this Python")
    random = np.random.default_rng(1)
    cut = equal = 0
    for _ in range(SERIES):
        steps = np.repeat(random.normal(0, 3, size=6), random.integers(1, 30, size=6))
        signal = steps + random.normal(size=len(steps))
        if len(signal) < module.FEWEST_RUNS:
            continue
        search = ruptures.KernelCPD(kernel="linear", min_size=module.SHORTEST_LEVEL, jump=1).fit(signal.reshape(-1, 1))
        theirs = [int(end) for end in search.predict(pen=module.PENALTY * np.log(len(signal)))]
        ours = module.levels(signal)
        assert cost(signal, ours) <= cost(signal, theirs) + 1e-9
        equal += ours == theirs
        cut += len(ours) > 1
    assert cut > SERIES / 2
    assert equal > 0.98 * SERIES, "it leaves out a little too much where levels are short"


@given(st.lists(st.floats(-5, 5), min_size=4, max_size=10))
def test_levels_cost_no_more_than_any_other_way_to_cut(values: list[float]) -> None:
    signal = np.asarray(values)
    ours = module.levels(signal)
    assert ours[-1] == len(signal)
    places = range(module.SHORTEST_LEVEL, len(signal) - module.SHORTEST_LEVEL + 1)
    ways = [[*cuts, len(signal)] for count in range(len(places) + 1) for cuts in combinations(places, count)]
    long_enough = [ends for ends in ways if all(b - a >= module.SHORTEST_LEVEL for a, b in pairwise([0, *ends]))]
    assert ours in long_enough
    assert cost(signal, ours) <= min(cost(signal, ends) for ends in long_enough) + 1e-9


def test_normal_noise_has_none_in_most_series() -> None:
    assert sum(bool(found(values)) for values in noisy(60, sigma=2)) <= 0.1 * SERIES


def test_single_wild_runs_are_no_levels() -> None:
    for values in noisy(60, sigma=1):
        for place in (0, 20, 40, 59):
            values[place] = 30
        assert found(values) == ()


def test_a_drop_and_its_recovery_are_two_changes() -> None:
    exact = 0
    for values in noisy(60, sigma=2):
        dropped = [value - (10 if 20 <= n < 40 else 0) for n, value in enumerate(values)]
        exact += [(change.index, change.direction) for change in found(dropped)] == [(20, "worse"), (40, "better")]
    assert exact >= 0.8 * SERIES


def test_a_change_too_small_for_the_verdict_is_found_in_a_long_series() -> None:
    """3 % in noise of 2 %: within two runs of its place in most series."""
    near = 0
    for values in noisy(100, sigma=2):
        points = found([value - (3 if n >= 50 else 0) for n, value in enumerate(values)])
        near += any(abs(change.index - 50) <= 2 for change in points)
    assert near >= 0.7 * SERIES


@pytest.mark.parametrize(
    "values", [[500.0] * 50, [0.0] * 50, [500.0] * 25 + [500.5] * 25], ids=["constant", "zeros", "a thousandth"]
)
def test_waiting_times_and_zeros_have_none(values: list[float]) -> None:
    assert found(values) == ()


def test_short_series_have_none() -> None:
    assert found([100.0] * 4 + [50.0] * 5) == ()


@given(st.lists(st.floats(50, 150), min_size=10, max_size=60))
def test_neither_the_unit_nor_the_name_of_better_moves_them(values: list[float]) -> None:
    throughput, latency = found(values), change_points([value * 4 for value in values], "lower")
    assert [change.index for change in throughput] == [change.index for change in latency]
    assert all(a.direction != b.direction for a, b in zip(throughput, latency, strict=True))


def test_real_relative_series_hold_two_and_raw_ones_many() -> None:
    """One is a start of two wild runs, one a slow rise of 3 %; the raw ones follow the machines."""
    relative = {name: found(values) for name, values in series_of(relative=True).items()}
    assert {name: [c.index for c in changes] for name, changes in relative.items() if changes} == {
        "express 5.2.1": [2],
        "micro 10.0.1": [45],
    }
    assert sum(len(found(values)) for values in series_of(relative=False).values()) >= 15
