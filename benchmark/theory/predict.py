"""A Plan becomes predicted columns: simulated request rows through the code that summarizes measured ones.

In the open model requests arrive at a rate of their own, whether earlier ones were answered or not.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from benchmark.fields import Frozen
from benchmark.plan import Endpoint, Plan, Profile, Target
from benchmark.record import Columns, Dealt, Round, Summary
from benchmark.summary import Span, columns, load_columns, over_rounds
from benchmark.theory.bounds import throughput_bound_rps
from benchmark.theory.computing import service
from benchmark.theory.connections import assigned, assigned_as_seen, likely_split, scaled
from benchmark.theory.processors import Machine
from benchmark.theory.simulation import OVERHEAD, Load, Overhead, Service, simulate, simulate_open
from load.arrivals import gaps_s


class Prediction(Summary):
    """What a simulation says the columns are: medians over several draws, and how far the draws were apart.

    `connections_per_worker` is None when each draw dealt the connections anew.
    """

    in_flight: int
    connections_per_worker: tuple[int, ...] | None
    draws: int
    seed: int


class OpenAnswer(Frozen):
    """What a rate of arrivals does to an endpoint.

    `capacity_rps`: the most that slots or the workers' processors serve, whichever they are `limited_by`. `loops_rps`:
    what the workers' event loops can handle at most; None: any. `utilisation_ratio`, of the busiest worker, is None
    where there are none to wait for. `settles`: False at or above capacity, where the queue grows by `growth_per_s`
    requests every second and waits have no mean; nor are they known for evenly spaced arrivals at seats. `simulated`
    is one load of `duration_s` seconds that begins with nobody waiting.
    """

    rate_per_s: float
    capacity_rps: float | None
    limited_by: Literal["slots", "processors"] = "slots"
    loops_rps: float | None
    utilisation_ratio: float | None
    settles: bool
    growth_per_s: float
    chance_to_wait: float | None
    mean_wait_ms: float | None
    mean_answer_ms: float | None
    mean_under_way: float | None
    duration_s: float
    simulated: Columns
    in_flight: int
    seed: int


DRAWS = 20
MOST_SIMULATED = 3_000_000  # requests; more take minutes
ROUND_DRAWS = 5  # with a known split draws differ little: only in who came when
MOST_REQUESTS = 50_000  # or so in all draws together, but for the first draw


def predict(
    plan: Plan,
    served: Service,
    *,
    split: Sequence[int] | None,
    seen: Sequence[Dealt] = (),
    seed: int = 0,
    draws: int = DRAWS,
    on: Machine | None = None,
) -> Prediction:
    """Simulate a load: medians over several draws of who is connected to which worker, and their range.

    `split`: connections per worker; None draws a likely split each time. `seen`: how they were dealt, where that was
    measured. `on`: what computes, where the service is known to compute. The same seed gives the same figures.
    """
    profile = plan.profile
    load = Load(
        users=profile.users,
        spawn_rate_per_s=profile.spawn_rate_per_s,
        duration_s=profile.duration_s,
        wait_s=profile.wait_s,
        think=profile.think,
        seed=profile.seed,
        start=profile.start,
        spread_s=served.work_s,
    )
    # where there is nothing to queue for one draw is like the other
    affordable = 1 if not queues(served) else max(1, int(MOST_REQUESTS / most_requests(plan, served)))
    draws = min(draws, affordable)
    random = np.random.default_rng(seed)
    each: list[Columns] = []
    in_flight: list[int] = []
    for number in range(draws):
        workers = _assigned(load, plan.target, split, seen, random)
        on = on if served.demands is not None else None
        result = simulate(load, served, workers, OVERHEAD[profile.client], machine=on, seed=seed + number)
        think_s = load.wait_s if profile.wait_as is None else result.mean_think_s
        lasted = Span(load.duration_s, think_s, result.waiting_since_s, pacing_s=profile.pacing_s)
        each.append(load_columns(result.rows, lasted, served.work_s))
        in_flight.append(result.in_flight)
    return Prediction(
        **over_rounds(each).model_dump(),
        in_flight=round(float(np.median(in_flight))),
        connections_per_worker=None if split is None else tuple(split),
        draws=draws,
        seed=seed,
    )


def queues(served: Service) -> bool:
    """Whether requests can wait for each other: for slots, or for a processor."""
    return served.seats is not None or served.demands is not None


def _assigned(
    load: Load, target: Target, split: Sequence[int] | None, seen: Sequence[Dealt], random: np.random.Generator
) -> list[int]:
    if seen:
        return assigned_as_seen(seen, load, random)
    if split is not None and any(split):
        return assigned(scaled(split, load.users), random)
    return assigned(likely_split(load, target.workers, random, own_sockets=target.sockets == "per-worker"), random)


def most_requests(plan: Plan, served: Service) -> float:
    profile, seats = plan.profile, None if served.seats is None else sum(served.seats)
    bound_rps = throughput_bound_rps(profile.users, served.work_s, seats=seats, wait_s=profile.think_s(served.work_s))
    if served.computing_s:
        bound_rps = min(bound_rps, served.workers / served.computing_s)
    return bound_rps * profile.duration_s + profile.users


def predict_round(plan: Plan, endpoint: Endpoint, measured: Round, on: Machine | None = None) -> Columns | None:
    """What a measured round's columns should have been, for the users it had and the split of its connections.

    `on`: what it was measured on; an endpoint whose computing is not known is predicted as if it had cores enough.
    None when theory knows too little of the endpoint, the split that its latencies depend on was not seen, or so much
    was answered that simulating it would take minutes.
    """
    served = service(endpoint, plan)
    split = measured.connections_per_worker
    if served is None or measured.requests > MOST_SIMULATED:
        return None
    if not any(split or ()) and (served.seats is not None or (served.demands is not None and served.workers > 1)):
        return None
    if plan.profile.rate_per_s is not None:
        shares = split if split and any(split) else (1,) * served.workers
        draws, lasted_s = range(ROUND_DRAWS if queues(served) else 1), measured.load_end_s
        found = over_rounds([open_columns(plan.profile, lasted_s, served, shares, seed, on) for seed in draws])
        return Columns.model_validate(found.model_dump(include=set(Columns.model_fields)))
    profile = plan.profile.model_copy(update={"users": max(1, measured.users_started)})
    as_loaded = plan.model_copy(update={"profile": profile})
    found = predict(as_loaded, served, split=split, seen=measured.dealt, draws=ROUND_DRAWS, on=on)
    return Columns.model_validate(found.model_dump(include=set(Columns.model_fields)))


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
    on: Machine | None = None,
) -> OpenAnswer:
    """Work out what `rate_per_s` arrivals per second do. `split`: in which ratio workers get them; None: evenly.

    Arrivals are random (Poisson), or those of a profile that has a rate. For evenly spaced ones, which workers get at
    random, and for requests that compute there is no formula here: only the simulation knows their waits.
    """
    shares = np.array(split or [1] * served.workers, dtype=np.float64)
    shares /= shares.sum()
    alone = replace(served.overhead or overhead, generator_s=0.0, between_s=0.0)  # visitors share no load generator
    even = profile is not None and profile.arrivals == "even"
    arrivals = _at_random(rate_per_s, shares, seed) if profile is None else _asked(profile, shares, seed)
    visited = replace(served, overhead=alone)
    on = replace(on, apart=True) if on is not None and served.demands is not None else None
    simulated = simulate_open(arrivals, duration_s, visited, alone, machine=on, seed=seed)
    each = list(zip(map(float, shares), _most_rps(served), strict=True)) if queues(served) else []
    growth = sum(max(0.0, rate_per_s * share - most) for share, most in each)
    busiest = max((rate_per_s * share / most for share, most in each), default=0.0)
    settles, has_formula = busiest < 1, served.demands is None and not even
    wait_s, chance = 0.0, 0.0
    for share, seats in zip(map(float, shares), served.seats or (), strict=False) if settles and has_formula else ():
        wait_s += share * mean_wait_s(rate_per_s * share, served.work_s, seats)
        chance += share * chance_to_wait(seats, rate_per_s * share * served.work_s)
    answer_s = wait_s + served.work_s
    known = settles and (has_formula or not queues(served))
    return OpenAnswer(
        rate_per_s=rate_per_s,
        loops_rps=served.workers / overhead.worker_s if overhead.worker_s else None,
        capacity_rps=sum(most for _, most in each) if each else None,
        limited_by=_limited_by(served),
        utilisation_ratio=busiest if each else None,
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


def _most_rps(served: Service) -> list[float]:
    """The most that each worker's slots, or its processor if that is less, can serve."""
    computes = 1 / served.computing_s if served.computing_s else math.inf
    return [
        min(seats / served.work_s if seats else math.inf, computes) for seats in served.seats or [0] * served.workers
    ]


def _limited_by(served: Service) -> Literal["slots", "processors"]:
    if served.seats is None:
        return "processors" if served.computing_s else "slots"
    return "processors" if served.computing_s > served.work_s / served.seats[0] else "slots"


def open_columns(
    profile: Profile,
    duration_s: float,
    served: Service,
    split: Sequence[int],
    seed: int,
    on: Machine | None = None,
) -> Columns:
    """Simulate one open load as it was measured: the arrivals of load/arrivals.py, sent by one load generator.

    `seed` draws who is connected to which worker, and what requests need.
    """
    shares = np.array(split, dtype=np.float64) / sum(split)
    on = on if served.demands is not None else None
    arrivals = _asked(profile, shares, seed)
    found = simulate_open(arrivals, duration_s, served, OVERHEAD[profile.client], machine=on, seed=seed)
    return columns(found.rows, duration_s, served.work_s)


def _asked(profile: Profile, shares: np.ndarray, seed: int) -> Iterator[tuple[float, int]]:
    """The very arrivals of a load with a rate, each for a worker drawn by its share."""
    workers = (worker for _, worker in _at_random(1.0, shares, seed))
    return zip(gaps_s(profile.rate_per_s or 0.0, profile.arrivals, profile.seed), workers, strict=False)


def _at_random(rate_per_s: float, shares: np.ndarray, seed: int) -> Iterator[tuple[float, int]]:
    """Poisson arrivals, each for a worker drawn by its share."""
    random = np.random.default_rng(seed)
    borders = np.cumsum(shares)[:-1]
    while True:
        gap_s, place = random.exponential(1 / rate_per_s), random.random()
        yield float(gap_s), int(np.searchsorted(borders, place, side="right"))
