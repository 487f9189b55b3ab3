"""When the requests of an open load are due. Pure."""

import random
from collections.abc import Iterator
from itertools import accumulate, chain, count, repeat, takewhile


def gaps_s(rate_per_s: float, arrivals: str, seed: int) -> Iterator[float]:
    """Seconds between requests, for ever; before the first one they are counted from when it could be sent.

    "even": evenly spaced. "poisson": at random, exponentially distributed; the same seed gives the same.
    """
    if arrivals == "even":
        return chain([0.0], repeat(1 / rate_per_s))
    draw = random.Random(seed)  # noqa: S311 - nothing secret
    return (draw.expovariate(rate_per_s) for _ in repeat(None))


def due_offsets(rate_per_s: float, arrivals: str, seed: int) -> Iterator[float]:
    """When requests are due (s since the first could be), in order, for ever."""
    if arrivals == "even":
        return (number / rate_per_s for number in count())  # sums of many gaps would drift
    return accumulate(gaps_s(rate_per_s, arrivals, seed))


def due_within(rate_per_s: float, arrivals: str, seed: int, over_s: float) -> int:
    return sum(1 for _ in takewhile(lambda due_s: due_s < over_s, due_offsets(rate_per_s, arrivals, seed)))
