"""What one request takes of a server: seconds of a worker's processor, and seconds that pass without keeping it busy.

The service time of a measured endpoint is drawn from the quantiles that one user saw who asked alone (inverse
transform; Devroye, "Non-Uniform Random Variate Generation", 1986, section II.2). Of each the first `most` seconds are
computing, so many that computing has the mean that was measured: where an endpoint computes nearly all of the time its
computing varies as its service time does, and where it mostly waits computing is nearly constant.

Where an endpoint without slots always takes the same, what little is measured above the shortest time is the machine's
noise on the way back: drawn as waiting it would mix up the order of users who come in step.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import repeat
from math import inf

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Demands = Callable[[np.random.Generator], Iterator[tuple[float, float, float]]]
"""Gives for one request after another what it computes, what it waits, and what it is late on the way back (s)."""

BLOCK = 4096
GRID = 20_000  # points at which the mean of a distribution is taken
STEADY = 0.1  # of the median, between the fastest and the slowest tenth: the endpoint always takes the same


@dataclass(frozen=True)
class Constant:
    """Every request takes the same (s)."""

    computing_s: float
    waiting_s: float

    def __call__(self, _: np.random.Generator) -> Iterator[tuple[float, float, float]]:
        return repeat((self.computing_s, self.waiting_s, 0.0))


@dataclass(frozen=True)
class Measured:
    """Service times with these quantiles (s at percent), of each the first `most_computing_s` computing.

    Waiting is at most `most_waiting_s` of the rest, and what is above that is late on the way back.
    """

    percent: tuple[float, ...]
    service_s: tuple[float, ...]
    most_computing_s: float
    most_waiting_s: float = inf

    def __call__(self, random: np.random.Generator) -> Iterator[tuple[float, float, float]]:
        while True:
            service_s = np.interp(100 * random.random(BLOCK), self.percent, self.service_s)
            computing_s = np.minimum(service_s, self.most_computing_s)
            rest_s = service_s - computing_s
            waiting_s = np.minimum(rest_s, self.most_waiting_s)
            yield from zip(computing_s.tolist(), waiting_s.tolist(), (rest_s - waiting_s).tolist(), strict=True)


def measured(
    percent: Sequence[float], service_s: Sequence[float], computing_s: float, *, queues: bool = True
) -> Measured:
    """Divide service times into computing, `computing_s` of it on average, and waiting.

    `queues`: whether requests have to wait for slots, which are held for all of what was measured.
    """
    each = np.interp((np.arange(GRID) + 0.5) * 100 / GRID, percent, service_s)
    found = Measured(tuple(percent), tuple(service_s), _most(each, computing_s))
    fast, median, slow = np.interp((10, 50, 90), percent, service_s)
    if queues or slow - fast >= STEADY * median:
        return found
    return replace(found, most_waiting_s=max(0.0, float(each[0]) - found.most_computing_s))


def _most(service_s: Floats, mean_s: float) -> float:
    """Where to cut service times off so that they have this mean; never, where theirs is not longer.

    >>> _most(np.array([1.0, 2.0, 3.0]), 5 / 3)
    2.0
    """
    if mean_s >= service_s.mean():
        return float(service_s.max())
    before = np.concatenate([[0.0], np.cumsum(service_s)[:-1]])
    left = len(service_s) - np.arange(len(service_s))
    means = (before + left * service_s) / len(service_s)  # when cut off at each of them
    place = int(np.searchsorted(means, mean_s))
    return float((mean_s * len(service_s) - before[place]) / left[place])


def mean_s(percent: Sequence[float], value_s: Sequence[float]) -> float:
    """Mean of what has these quantiles, with straight lines between them."""
    return float(np.trapezoid(value_s, percent) / 100)
