"""When the requests of an open load are due. Pure."""

import random
from collections.abc import Iterator
from itertools import count, takewhile


def due_offsets(rate_per_s: float, arrivals: str, seed: int) -> Iterator[float]:
    """When requests are due (s since the first could be), in order, for ever.

    "even": evenly spaced. "poisson": at random, the gaps exponentially distributed; the same seed gives the same.
    """
    if arrivals == "even":
        return (number / rate_per_s for number in count())
    return _at_random(rate_per_s, random.Random(seed))  # noqa: S311 - nothing secret


def due_within(rate_per_s: float, arrivals: str, seed: int, over_s: float) -> int:
    """How many requests are due in the first `over_s` seconds."""
    return sum(1 for _ in takewhile(lambda due_s: due_s < over_s, due_offsets(rate_per_s, arrivals, seed)))


def _at_random(rate_per_s: float, draw: random.Random) -> Iterator[float]:
    due_s = 0.0
    while True:
        due_s += draw.expovariate(rate_per_s)
        yield due_s
