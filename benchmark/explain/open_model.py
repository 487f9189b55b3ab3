"""The open question: what becomes of requests that come at a rate of their own, whether others were answered or not.

Closed forms for each worker, a station of c seats at which requests come at random (Poisson) and are served in a
constant time: Erlang's C formula for the chance of having to wait (Erlang 1917; Lazowska et al. 1984, chapter 6), and
the approximation of Allen and Cunneen for the mean wait, which halves that of M/M/c when service times are constant
(Allen, "Probability, Statistics, and Queueing Theory", 1990, chapter 5).
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, repeat
from random import Random

import numpy as np

from benchmark.explain.overhead import OVERHEAD, Overhead
from benchmark.explain.simulation import Service, simulate_open
from benchmark.profile import Profile
from benchmark.record import Columns
from benchmark.summary import columns
from benchmark.theory import OpenAnswer


def chance_to_wait(seats: int, offered: float) -> float:
    """Erlang's C formula: the part of requests that find all seats taken; `offered`: arrivals per service time.

    >>> round(chance_to_wait(1, 0.5), 6)
    0.5
    >>> round(chance_to_wait(2, 1.0), 6)
    0.333333
    """
    blocked = 1.0
    for seat in range(1, seats + 1):
        blocked = offered * blocked / (seat + offered * blocked)
    busy = offered / seats
    return blocked / (1 - busy * (1 - blocked))


def mean_wait_s(rate_per_s: float, work_s: float, seats: int) -> float:
    """Mean wait for a seat (s) when requests come at random and take `work_s` each (Allen and Cunneen); below capacity.

    For one seat it is exact: rho S / 2 (1 - rho), Pollaczek and Khinchine's formula without variance.

    >>> round(mean_wait_s(0.5, work_s=1.0, seats=1), 6)
    0.5
    """
    offered = rate_per_s * work_s
    return chance_to_wait(seats, offered) * work_s / (seats - offered) / 2


def predict_open(
    rate_per_s: float,
    duration_s: float,
    served: Service,
    *,
    split: Sequence[int] | None,
    overhead: Overhead,
    seed: int = 0,
    profile: Profile | None = None,
) -> OpenAnswer:
    """Work out what `rate_per_s` arrivals per second do. `split`: in which ratio workers get them; None: evenly.

    Arrivals are random (Poisson), or those of a profile that has a rate. For evenly spaced ones, which workers get at
    random, there is no formula here: waits have no mean then, only the simulation knows them.
    """
    shares = np.array(split or [1] * served.workers, dtype=np.float64)
    shares /= shares.sum()
    alone = replace(overhead, generator_s=0.0)  # visitors do not share one load generator
    even = profile is not None and profile.arrivals == "even"
    arrivals = _at_random(rate_per_s, shares, seed) if profile is None else _asked(profile, shares, seed)
    simulated = simulate_open(arrivals, duration_s, served, alone)
    rates = [rate_per_s * float(share) for share in shares]
    seats = served.seats
    growth = 0.0 if seats is None else sum(max(0.0, r - c / served.work_s) for r, c in zip(rates, seats, strict=True))
    busiest = 0.0 if seats is None else max(r * served.work_s / c for r, c in zip(rates, seats, strict=True))
    settles = busiest < 1
    wait_s, chance = 0.0, 0.0
    if seats is not None and settles and not even:
        for share, rate, each in zip(shares, rates, seats, strict=True):
            wait_s += float(share) * mean_wait_s(rate, served.work_s, each)
            chance += float(share) * chance_to_wait(each, rate * served.work_s)
    answer_s = wait_s + served.work_s
    known = settles and (seats is None or not even)
    return OpenAnswer(
        rate_per_s=rate_per_s,
        loops_rps=served.workers / overhead.worker_s if overhead.worker_s else None,
        capacity_rps=None if seats is None else sum(seats) / served.work_s,
        utilisation_ratio=None if seats is None else busiest,
        settles=settles,
        growth_per_s=growth,
        chance_to_wait=chance if known else None,
        mean_wait_ms=wait_s * 1000 if known else None,
        mean_answer_ms=answer_s * 1000 if known else None,
        mean_under_way=rate_per_s * answer_s if known else None,
        duration_s=duration_s,
        simulated=columns(simulated.rows, duration_s, served.work_s),
        in_flight=simulated.in_flight,
        seed=seed,
    )


def open_columns(profile: Profile, duration_s: float, served: Service, split: Sequence[int], seed: int) -> Columns:
    """Simulate one open load as it was measured: the arrivals of load/schedule.py, sent by one load generator.

    `seed` draws who is connected to which worker.
    """
    shares = np.array(split, dtype=np.float64) / sum(split)
    rows = simulate_open(_asked(profile, shares, seed), duration_s, served, OVERHEAD[profile.client]).rows
    return columns(rows, duration_s, served.work_s)


def _asked(profile: Profile, shares: np.ndarray, seed: int) -> Iterator[tuple[float, int]]:
    """The arrivals of a profile with a rate, each for a worker drawn by its share."""
    workers = (worker for _, worker in _at_random(1.0, shares, seed))
    return zip(_gaps_s(profile), workers, strict=False)


def _gaps_s(profile: Profile) -> Iterator[float]:
    """Seconds between arrivals: the very ones of the load, whose seed stands in the profile."""
    rate_per_s = profile.rate_per_s or 0.0
    if profile.arrivals == "even":
        return chain([0.0], repeat(1 / rate_per_s))
    draw = Random(profile.seed)  # noqa: S311 - nothing secret
    return (draw.expovariate(rate_per_s) for _ in repeat(None))


def _at_random(rate_per_s: float, shares: np.ndarray, seed: int) -> Iterator[tuple[float, int]]:
    """Poisson arrivals, each for a worker drawn by its share."""
    random = np.random.default_rng(seed)
    borders = np.cumsum(shares)[:-1]
    while True:
        gap_s, place = random.exponential(1 / rate_per_s), random.random()
        yield float(gap_s), int(np.searchsorted(borders, place, side="right"))
