"""Where a whole series changed its level, seen from its end: for the trend in a report, not for an alarm.

The verdict looks at one run at a time and at 20 runs before it; it is blind to what creeps in below its smallest
effect. A change point is looked for with all runs at once, before and after it, and so finds smaller ones.

The number of changes is unknown, so a cut costs a penalty, and the exact optimum is wanted (binary segmentation misses
a short excursion between two like levels). That is optimal partitioning (Jackson et al. 2005, "An algorithm for optimal
partitioning of data on an interval", IEEE Signal Processing Letters 12, 105-108). PELT (Killick, Fearnhead and Eckley
2012, JASA 107, 1590-1598) finds the same faster in series of many thousands, by leaving out what cannot be the
optimum any more. With arrays it takes a few milliseconds for 500 runs, a second for 10,000, without.

It stands here, and is held against PELT of the library `ruptures` in tests, because that library has to be waited for
with every publication (with the parts of SciPy that it imports, a second), and cannot be installed for Python 3.14.

This cost assumes normal noise, and one wild run would be cut out as a level of its own. So the series is cleaned first
(Hampel filter: a run further than 3 sigma from the median of the five around it is replaced by that median; a level
that lasts three runs stays), and scaled by a sigma that changes of level do not touch: from the MAD of the differences
between neighbours. Then the penalty of each change is 3 log n, the modified BIC for a change in mean (Zhang and
Siegmund 2007; the default of R's `changepoint`). docs/measurements/verdicts.md has
the figures that speak for the filter and for 3.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from benchmark.config import Judging
from benchmark.fields import Frozen
from benchmark.judge.metrics import Better

Floats = npt.NDArray[np.float64]

FEWEST_RUNS = 10  # a shorter series is the verdict's matter: of fewer runs the noise cannot be told
SHORTEST_LEVEL = 2
PENALTY = 3.0
SIGMA_OF_MAD = 1.4826  # standard deviation of normal noise over its MAD
HAMPEL_REACH = 2
HAMPEL_SIGMAS = 3.0


class ChangePoint(Frozen):
    """A level that ended. `index` is the position of the first run of the new level.

    `before` and `after` are the medians of the two levels in the unit of the series, `percent` is their difference in
    percent of `before`, None where that is zero.
    """

    index: int
    before: float
    after: float
    percent: float | None
    direction: Literal["better", "worse"]


def change_points(
    values: Sequence[float], better: Better, rule: Judging | None = None, smallest_difference: float = 0.0
) -> tuple[ChangePoint, ...]:
    """Find the changes of level in a series, oldest first; values are finite, in any unit.

    Fewer than FEWEST_RUNS values have none. `smallest_difference` (in the unit of the series) is as in `baseline`.
    """
    series = np.asarray(values, dtype=np.float64)
    if len(series) < FEWEST_RUNS:
        return ()
    sigma = noise(series, rule or Judging(), smallest_difference)
    if sigma == 0:
        return ()
    ends = levels((cleaned(series, sigma) - np.median(series)) / sigma)
    borders = zip([0, *ends], ends, ends[1:], strict=False)
    return tuple(_change(series[start:middle], series[middle:end], middle, better) for start, middle, end in borders)


def levels(signal: Floats, penalty: float = PENALTY) -> list[int]:
    """Cut a signal whose noise has the standard deviation 1 into levels; gives the index after the end of each.

    Of all ways to cut it the one with the least sum of squared distances to the means of the levels, and of `penalty`
    x log(length) for each of them. A level has SHORTEST_LEVEL values at least.
    """
    length = len(signal)
    places = np.arange(length + 1)
    sums, squares = (np.concatenate(([0.0], np.cumsum(values))) for values in (signal, signal**2))
    least = np.full(length + 1, np.inf)  # cost of the first n values
    least[0] = 0.0
    begins = np.zeros(length + 1, dtype=int)  # where the last level of the first n values begins
    for end in range(SHORTEST_LEVEL, length + 1):
        start = slice(0, end - SHORTEST_LEVEL + 1)
        apart = squares[end] - squares[start] - (sums[end] - sums[start]) ** 2 / (end - places[start])
        cost = least[start] + apart
        begins[end] = cost.argmin()
        least[end] = cost[begins[end]] + penalty * np.log(length)
    ends = [length]
    while begins[ends[0]]:
        ends.insert(0, int(begins[ends[0]]))
    return ends


def noise(series: Floats, rule: Judging, smallest_difference: float = 0.0) -> float:
    """Standard deviation of the noise, in the unit of the series; changes of level and wild runs hardly touch it.

    It is taken to be at least a third of the smallest effect: levels of waiting time that differ by a thousandth are
    real and of no interest.
    """
    steps = np.diff(series)
    # A difference of two runs has twice the variance of one.
    measured = SIGMA_OF_MAD * float(np.median(np.abs(steps - np.median(steps)))) / np.sqrt(2)
    effect = max(abs(float(np.median(series))) * rule.smallest_effect_percent / 100, smallest_difference)
    return float(max(measured, effect / 3))


def cleaned(series: Floats, sigma: float) -> Floats:
    """Replace single wild runs by the median of the runs around them (Hampel filter), mirrored at both ends."""
    width = 2 * HAMPEL_REACH + 1
    around = np.median(sliding_window_view(np.pad(series, HAMPEL_REACH, mode="reflect"), width), axis=1)
    return np.where(np.abs(series - around) > HAMPEL_SIGMAS * sigma, around, series)


def _change(old: Floats, new: Floats, index: int, better: Better) -> ChangePoint:
    before, after = float(np.median(old)), float(np.median(new))
    return ChangePoint(
        index=index,
        before=before,
        after=after,
        percent=100 * (after - before) / abs(before) if before else None,
        direction="better" if (after > before) == (better == "higher") else "worse",
    )
