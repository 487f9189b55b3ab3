"""What a run is compared with: the middle of the runs before it, and how far apart runs are by chance.

A run lies beyond the band when it differs from the median of the runs before by more than the smallest effect that
counts (5 %) and by more than the noise (3 MAD; the MAD is the median of the distances to the median).

Median and MAD: Hampel (1974), "The influence curve and its role in robust estimation", JASA 69, 383-393. Nearly half of
the runs can be arbitrarily wrong before either breaks. Two corrections make few runs honest; both vanish for many:

- the MAD of few values is too small on average: factors of Croux and Rousseeuw (1992), "Time-efficient algorithms for
  two highly robust estimators of scale", COMPSTAT 1, 411-428;
- the median of n values is itself uncertain: sqrt(1 + pi / (2 n)), as its variance is pi sigma^2 / (2 n) under normal
  noise.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from benchmark.config import Judging

_FEW = {2: 1.196, 3: 1.495, 4: 1.363, 5: 1.206, 6: 1.200, 7: 1.140, 8: 1.129, 9: 1.107}


@dataclass(frozen=True, slots=True)
class Baseline:
    """Middle and spread of some runs. `median`, `mad` and `band`, a half width, are in the unit of the series."""

    runs: int
    median: float
    mad: float
    band: float

    def percent(self, amount: float) -> float | None:
        """Express an amount (in the unit of the series) in percent of the median; None when the median is zero."""
        return 100 * amount / abs(self.median) if self.median else None


def few_runs_factor(runs: int) -> float:
    """By how much the MAD of so few values is too small on average (Croux and Rousseeuw 1992). `runs` is 2 or more."""
    return _FEW.get(runs, runs / (runs - 0.8))


def baseline(values: Sequence[float], rule: Judging, smallest_difference: float = 0.0) -> Baseline:
    """Sum up the runs before, at least two. A series that never varied has a MAD of zero: the smallest effect rules.

    `smallest_difference` (in the unit of the series) is what the band is at least.
    """
    middle = median(values)
    mad = median([abs(value - middle) for value in values])
    noise = rule.band_mads * mad * few_runs_factor(len(values)) * math.sqrt(1 + math.pi / (2 * len(values)))
    band = max(noise, abs(middle) * rule.smallest_effect_percent / 100, smallest_difference)
    return Baseline(runs=len(values), median=middle, mad=mad, band=band)
