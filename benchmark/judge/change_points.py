"""Where a whole series changed its level, seen from its end: for the trend in a report, not for an alarm.

The verdict looks at one run at a time and at 20 runs before it; it is blind to what creeps in below its smallest
effect. A change point is looked for with all runs at once, before and after it, and so finds smaller ones.

PELT (Killick, Fearnhead and Eckley 2012, "Optimal detection of changepoints with a linear computational cost", JASA
107, 1590-1598) is the right choice here: the number of changes is unknown, it gives the exact optimum of the penalised
cost (binary segmentation misses a short excursion between two like levels), and 10,000 runs take less than a second.
The library is `ruptures` (Truong, Oudre and Vayatis 2020); its `KernelCPD` with the linear kernel is PELT with the cost
of a change in mean, written in C. The one that is called Pelt is written in Python and takes minutes.

This cost assumes normal noise, and one wild run would be cut out as a level of its own. So the series is cleaned first
(Hampel filter: a run further than 3 sigma from the median of the five around it is replaced by that median; a level
that lasts three runs stays), and scaled by a sigma that changes of level do not touch: from the MAD of the differences
between neighbours. Then the penalty of each change is 3 log n, the modified BIC for a change in mean (Zhang and
Siegmund 2007; the default of R's `changepoint`). docs/judging.md has the figures that speak for the filter and for 3.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Literal

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from benchmark.config import Judging
from benchmark.judge.metrics import Better
from benchmark.model import Frozen

Floats = npt.NDArray[np.float64]

AVAILABLE = find_spec("ruptures") is not None  # it has no wheel for Python 3.14 yet, see requirements.in

FEWEST_RUNS = 10
"""A shorter series is the verdict's matter: of fewer runs the noise can not be told."""
SHORTEST_LEVEL = 2
PENALTY = 3.0
SIGMA_OF_MAD = 1.4826
"""Standard deviation of normal noise over its MAD."""
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
) -> tuple[ChangePoint, ...] | None:
    """Find the changes of level in a series, oldest first; values are finite, in any unit.

    None: not available, as `ruptures` can not be installed for this Python (3.14 or newer). Fewer than FEWEST_RUNS
    values have no change points. `smallest_difference` (in the unit of the series) is as in `baseline`.
    """
    if not AVAILABLE:
        return None
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
    """Cut a signal whose noise has the standard deviation 1 into levels; gives the index after the end of each."""
    import ruptures  # noqa: PLC0415 - with the parts of SciPy that it brings, a second that short histories need not wait

    search = ruptures.KernelCPD(kernel="linear", min_size=SHORTEST_LEVEL, jump=1).fit(signal.reshape(-1, 1))
    return [int(end) for end in search.predict(pen=penalty * np.log(len(signal)))]


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
