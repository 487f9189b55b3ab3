"""When requests are due, of an open load and of users who think between two of them, and which of several. Pure."""

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, count, repeat, takewhile


def gaps_s(rate_per_s: float, arrivals: str, seed: int) -> Iterator[float]:
    """Seconds between requests, for ever; before the first one they are counted from when it could be sent.

    "even": evenly spaced. "poisson": at random, exponentially distributed; the same seed gives the same.
    """
    if arrivals == "even":
        return chain([0.0], repeat(1 / rate_per_s))
    draw = random.Random(seed)  # noqa: S311 - nothing secret
    return (draw.expovariate(rate_per_s) for _ in repeat(None))


@dataclass(frozen=True)
class Stage:
    """A part of a load that changes: `level` users, or requests per second, for so long."""

    duration_s: float
    level: float


def starts_s(stages: Sequence[Stage]) -> list[float]:
    """When each stage begins, and at last when the last one ends (s)."""
    return [0.0, *accumulate(stage.duration_s for stage in stages)]


def due_offsets(rate_per_s: float, arrivals: str, seed: int, stages: Sequence[Stage] = ()) -> Iterator[float]:
    """When requests are due (s since the first could be), in order, for ever. The last of `stages` has no end."""
    if stages:
        return _staged(stages, due_offsets(1.0, arrivals, seed))
    if arrivals == "even":
        return (number / rate_per_s for number in count())  # sums of many gaps would drift
    return accumulate(gaps_s(rate_per_s, arrivals, seed))


def _staged(stages: Sequence[Stage], units: Iterator[float]) -> Iterator[float]:
    """Stretch arrivals at rate 1 so that each stage has its own: random ones stay a Poisson process (Cinlar 1975)."""
    begins_s = starts_s(stages)
    number, before = 0, 0.0
    for unit in units:
        while number < len(stages) - 1 and unit >= before + stages[number].level * stages[number].duration_s:
            before += stages[number].level * stages[number].duration_s
            number += 1
        yield begins_s[number] + (unit - before) / stages[number].level


def due_within(rate_per_s: float, arrivals: str, seed: int, over_s: float, stages: Sequence[Stage] = ()) -> int:
    return sum(1 for _ in takewhile(lambda due_s: due_s < over_s, due_offsets(rate_per_s, arrivals, seed, stages)))


def choices(weights: Sequence[float], seed: int, user: int) -> Iterator[int]:
    """Give which of several requests a user sends, one after another, for ever; the same seed, the same ones."""
    draw = random.Random(f"{seed} mix {user}")  # noqa: S311 - nothing secret
    places, bounds = range(len(weights)), list(accumulate(weights))
    return (draw.choices(places, cum_weights=bounds)[0] for _ in repeat(None))


@dataclass(frozen=True)
class Think:
    """How long users think between a response and their next request (s).

    "constant": `first_s`. "uniform": between `first_s` and `second_s`, as Locust's `between`. "normal": with that mean
    and standard deviation, never less than 0. "pacing": until `first_s` after their last request, as Locust's
    `constant_pacing`.
    """

    kind: str = "constant"
    first_s: float = 0.0
    second_s: float = 0.0

    def mean_s(self, response_s: float = 0.0) -> float:
        """Mean think time; with pacing it depends on how long the response took."""
        if self.kind == "uniform":
            return (self.first_s + self.second_s) / 2
        if self.kind == "pacing":
            return max(0.0, self.first_s - response_s)
        if self.kind == "normal" and self.second_s > 0:  # the mean of max(0, X)
            away = self.first_s / self.second_s
            below = (1 + math.erf(away / math.sqrt(2))) / 2
            return self.first_s * below + self.second_s * math.exp(-away * away / 2) / math.sqrt(2 * math.pi)
        return self.first_s

    def pauses(self, seed: int, user: int) -> Callable[[float], float]:
        """Give what draws a user's think time after a response that took so long (s); the same seed, the same times."""
        draw = random.Random(f"{seed} think {user}")  # noqa: S311 - nothing secret
        if self.kind == "uniform":
            return lambda _: draw.uniform(self.first_s, self.second_s)
        if self.kind == "normal":
            return lambda _: max(0.0, draw.gauss(self.first_s, self.second_s))
        return self.mean_s
