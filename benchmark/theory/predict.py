"""A Plan becomes predicted columns: simulated request rows through the code that summarizes measured ones.

In the open model requests arrive at a rate of their own, whether earlier ones were answered or not.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, pairwise
from typing import Literal

import numpy as np
import pandas as pd

from benchmark.fields import Frozen
from benchmark.plan import Endpoint, Plan, Profile, Target
from benchmark.record import Columns, Dealt, PartResult, Round, Summary
from benchmark.summary import Span, load_columns, over_rounds, part_columns
from benchmark.theory.bounds import service_demand_s, throughput_bound_rps
from benchmark.theory.computing import kept_busy_s, service
from benchmark.theory.connections import assigned, assigned_as_seen, likely_split, scaled
from benchmark.theory.processors import Machine
from benchmark.theory.simulation import (
    OVERHEAD,
    Load,
    Mix,
    Overhead,
    Service,
    Simulated,
    simulate,
    simulate_open,
    visits,
)
from load.arrivals import due_offsets, gaps_s


class Prediction(Summary):
    """What a simulation says the columns are: medians over several draws, and how far the draws were apart.

    `connections_per_worker` is None when each draw dealt the connections anew. `parts`: the same of each endpoint of a
    mix.
    """

    in_flight: int
    connections_per_worker: tuple[int, ...] | None
    draws: int
    seed: int
    parts: tuple[PartResult, ...] = ()


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
    parts: tuple[PartResult, ...] = ()
    in_flight: int
    seed: int


@dataclass(frozen=True)
class Counted:
    """The columns of one simulated load, and those of each endpoint of a mix."""

    whole: Columns
    parts: dict[str, Columns]


DRAWS = 20
MOST_SIMULATED = 3_000_000  # requests; more take minutes
ROUND_DRAWS = 5  # with a known split draws differ little: only in who came when
MOST_REQUESTS = 50_000  # or so in all draws together, but for the first draw


def predict(
    plan: Plan,
    served: Service | Mix,
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
    profile, mix = plan.profile, Mix.of(served)
    passing = visits(profile.course, profile.spawn_rate_per_s) if profile.stages else ()
    load = Load(
        visits=passing,
        users=len(passing) or profile.users,
        spawn_rate_per_s=profile.spawn_rate_per_s,
        duration_s=profile.duration_s,
        wait_s=profile.wait_s,
        think=profile.think,
        seed=profile.seed,
        start=profile.start,
        spread_s=mix.work_s,
    )
    # where there is nothing to queue for one draw is like the other
    affordable = 1 if not queues(served) else max(1, int(MOST_REQUESTS / most_requests(plan, served)))
    draws = min(draws, affordable)
    random = np.random.default_rng(seed)
    each: list[Counted] = []
    in_flight: list[int] = []
    for number in range(draws):
        workers = _assigned(load, plan.target, split, seen, random)
        on = on if mix.computes else None
        result = simulate(load, mix, workers, OVERHEAD[profile.client], machine=on, seed=seed + number)
        think_s = load.wait_s if profile.wait_as is None else result.mean_think_s
        lasted = Span(load.duration_s, think_s, pacing_s=profile.pacing_s)
        each.append(_counted(result, mix, Span(load.duration_s, is_open=True) if passing else lasted))
        in_flight.append(result.in_flight)
    return Prediction(
        **over_rounds([one.whole for one in each]).model_dump(),
        in_flight=round(float(np.median(in_flight))),
        connections_per_worker=None if split is None else tuple(split),
        draws=draws,
        seed=seed,
        parts=_over_draws(each),
    )


def _counted(found: Simulated, mix: Mix, lasted: Span) -> Counted:
    """Sum up a simulated load with what a measured one goes through."""
    rows, works_s = found.rows, [service.work_s for service in mix.services]
    lasted = replace(lasted, waiting_since_s=found.waiting_since_s)
    whole = load_columns(rows, lasted, works_s[0] if len(works_s) == 1 else None)
    if not mix.names:
        return Counted(whole, {})
    named = rows.assign(name=pd.Categorical.from_codes(rows["service"], categories=pd.Index(mix.names)))
    lasted = replace(lasted, waiting_for=[mix.names[place] for place in found.waiting_for])
    parts = part_columns(named, lasted, dict(zip(mix.names, works_s, strict=True)))
    return Counted(whole, {part.name: _only_columns(part) for part in parts})


def _only_columns(found: Columns) -> Columns:
    return Columns.model_validate(found.model_dump(include=set(Columns.model_fields)))


def _over_draws(each: Sequence[Counted]) -> tuple[PartResult, ...]:
    names = each[0].parts
    return tuple(PartResult(name=name, summary=over_rounds([one.parts[name] for one in each])) for name in names)


def queues(served: Service | Mix) -> bool:
    """Whether requests can wait for each other: for slots, or for a worker."""
    mix = Mix.of(served)
    return bool(mix.pools) or mix.computes or any(one.blocks for one in mix.services)


def _assigned(
    load: Load, target: Target, split: Sequence[int] | None, seen: Sequence[Dealt], random: np.random.Generator
) -> list[int]:
    if seen:
        return assigned_as_seen(seen, load, random)
    if split is not None and any(split):
        return assigned(scaled(split, load.users), random)
    return assigned(likely_split(load, target.workers, random, own_sockets=target.sockets == "per-worker"), random)


def most_requests(plan: Plan, served: Service | Mix) -> float:
    profile, mix = plan.profile, Mix.of(served)
    bound_rps = throughput_bound_rps(profile.users, mix.work_s, wait_s=profile.think_s(mix.work_s))
    for pool, seats in mix.pools.items():
        bound_rps = min(bound_rps, 1 / service_demand_s(mix.seated(pool, lambda one: one.work_s), sum(seats)))
    if kept_s := mix.mean(kept_busy_s):
        bound_rps = min(bound_rps, mix.workers / kept_s)
    return bound_rps * profile.duration_s + profile.users


def predict_round(plan: Plan, endpoint: Endpoint, measured: Round, on: Machine | None = None) -> Columns | None:
    """What a measured round's columns should have been, for the users it had and the split of its connections.

    `on`: what it was measured on; an endpoint whose computing is not known is predicted as if it had cores enough.
    None when theory knows too little of the endpoint, the split that its latencies depend on was not seen, or so much
    was answered that simulating it would take minutes.
    """
    return explained(plan, endpoint, measured, on).prediction


def explained(plan: Plan, endpoint: Endpoint, measured: Round, on: Machine | None = None) -> Round:
    """The same round with its prediction, and that of each endpoint of a mix: see `predict_round`."""
    served = service(endpoint, plan)
    if served is None or measured.requests > MOST_SIMULATED or not _splits(served, measured):
        return measured.model_copy(update={"prediction": None})
    whole, found = _expected(plan, served, measured, on)
    by_name = {part.name: _only_columns(part.summary) for part in found}
    parts = tuple(part.model_copy(update={"prediction": by_name.get(part.name)}) for part in measured.parts)
    return measured.model_copy(update={"prediction": _only_columns(whole), "parts": parts})


def _splits(served: Service | Mix, measured: Round) -> bool:
    """Whether it is known how connections were split, or it does not matter."""
    mix = Mix.of(served)
    shared = mix.computes or any(one.blocks for one in mix.services)
    return any(measured.connections_per_worker or ()) or not (mix.pools or (shared and mix.workers > 1))


def _expected(
    plan: Plan, served: Service | Mix, measured: Round, on: Machine | None
) -> tuple[Columns, tuple[PartResult, ...]]:
    split = measured.connections_per_worker
    if plan.profile.rate_per_s is not None:
        shares = split if split and any(split) else (1,) * served.workers
        draws, lasted_s = range(ROUND_DRAWS if queues(served) else 1), measured.load_end_s
        each = [_open(plan.profile, lasted_s, served, shares, seed, on) for seed in draws]
        return over_rounds([one.whole for one in each]), _over_draws(each)
    profile = plan.profile.model_copy(update={"users": max(1, measured.users_started)})
    as_loaded = plan.model_copy(update={"profile": profile})
    seen = measured.dealt
    if profile.stages and seen:  # how the most users were dealt counts, not the few who are left at the end
        split, seen = seen[-1].connections_per_worker, ()
    found = predict(as_loaded, served, split=split, seen=seen, draws=ROUND_DRAWS, on=on)
    return found, found.parts


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
    served: Service | Mix,
    *,
    split: Sequence[int] | None,
    overhead: Overhead,
    seed: int = 0,
    profile: Profile | None = None,
    on: Machine | None = None,
) -> OpenAnswer:
    """Work out what `rate_per_s` arrivals per second do. `split`: in which ratio workers get them; None: evenly.

    Arrivals are random (Poisson), or those of a profile that has a rate. For evenly spaced ones, which workers get at
    random, for requests that compute and for mixes there is no formula here: only the simulation knows their waits.
    """
    mix = Mix.of(served)
    shares = np.array(split or [1] * mix.workers, dtype=np.float64)
    shares /= shares.sum()
    alone = [replace(one.overhead or overhead, generator_s=0.0, between_s=0.0) for one in mix.services]
    even = profile is not None and profile.arrivals == "even"
    arrivals = _at_random(rate_per_s, shares, seed) if profile is None else _asked(profile, shares, seed)
    # visitors share no load generator
    visited = replace(
        mix, services=tuple(replace(one, overhead=own) for one, own in zip(mix.services, alone, strict=True))
    )
    on = replace(on, apart=True) if on is not None and mix.computes else None
    senders = {} if profile is None else {"users": profile.users, "choice_seed": profile.seed}
    simulated = simulate_open(arrivals, duration_s, visited, alone[0], machine=on, seed=seed, **senders)
    counted = _counted(simulated, visited, Span(duration_s, is_open=True))
    each = list(zip(map(float, shares), _most_rps(mix), strict=True)) if queues(mix) else []
    growth = sum(max(0.0, rate_per_s * share - most) for share, most in each)
    busiest = max((rate_per_s * share / most for share, most in each), default=0.0)
    settles, has_formula = busiest < 1, len(mix.services) == 1 and not mix.computes and not even
    waits = _waits(rate_per_s, mix.services[0], shares) if settles and has_formula else (0.0, 0.0)
    answer_s = waits[0] + mix.work_s
    known = settles and (has_formula or not queues(mix))
    return OpenAnswer(
        rate_per_s=rate_per_s,
        loops_rps=mix.workers / overhead.worker_s if overhead.worker_s else None,
        capacity_rps=sum(most for _, most in each) if each else None,
        limited_by=_limited_by(mix),
        utilisation_ratio=busiest if each else None,
        settles=settles,
        growth_per_s=growth,
        chance_to_wait=waits[1] if known else None,
        mean_wait_ms=waits[0] * 1000 if known else None,
        mean_answer_ms=answer_s * 1000 if known else None,
        mean_under_way=rate_per_s * answer_s if known else None,
        duration_s=duration_s,
        simulated=counted.whole,
        parts=_over_draws([counted]),
        in_flight=simulated.in_flight,
        seed=seed,
    )


def _waits(rate_per_s: float, served: Service, shares: np.ndarray) -> tuple[float, float]:
    """Mean wait (s) for a slot of requests that come at random, and the part of them that waits at all."""
    wait_s, chance = 0.0, 0.0
    for share, seats in zip(map(float, shares), served.seats or (), strict=False):
        wait_s += share * mean_wait_s(rate_per_s * share, served.work_s, seats)
        chance += share * chance_to_wait(seats, rate_per_s * share * served.work_s)
    return wait_s, chance


def _most_rps(mix: Mix) -> list[float]:
    """The most that each worker's slots, or the worker itself if that is less, can serve."""
    return [min(_by_slots(mix, worker), _by_itself(mix)) for worker in range(mix.workers)]


def _by_slots(mix: Mix, worker: int) -> float:
    rates = (seats[worker] / mix.seated(pool, lambda one: one.work_s) for pool, seats in mix.pools.items())
    return min(rates, default=math.inf)


def _by_itself(mix: Mix) -> float:
    kept_s = mix.mean(kept_busy_s)
    return 1 / kept_s if kept_s else math.inf


def _limited_by(mix: Mix) -> Literal["slots", "processors"]:
    return "processors" if _by_itself(mix) < _by_slots(mix, 0) else "slots"


def open_columns(
    profile: Profile,
    duration_s: float,
    served: Service | Mix,
    split: Sequence[int],
    seed: int,
    on: Machine | None = None,
) -> Columns:
    """Simulate one open load as it was measured: the arrivals of load/arrivals.py, sent by one load generator.

    `seed` draws who is connected to which worker, and what requests need.
    """
    return _open(profile, duration_s, served, split, seed, on).whole


def _open(
    profile: Profile,
    duration_s: float,
    served: Service | Mix,
    split: Sequence[int],
    seed: int,
    on: Machine | None,
) -> Counted:
    mix = Mix.of(served)
    shares = np.array(split, dtype=np.float64) / sum(split)
    found = simulate_open(
        _asked(profile, shares, seed),
        duration_s,
        mix,
        OVERHEAD[profile.client],
        machine=on if mix.computes else None,
        seed=seed,
        users=profile.users,
        choice_seed=profile.seed,
    )
    return _counted(found, mix, Span(duration_s, is_open=True))


def _asked(profile: Profile, shares: np.ndarray, seed: int) -> Iterator[tuple[float, int]]:
    """The very arrivals of a load with a rate, each for a worker drawn by its share."""
    workers = (worker for _, worker in _at_random(1.0, shares, seed))
    gaps = gaps_s(profile.rate_per_s or 0.0, profile.arrivals, profile.seed)
    if profile.stages:
        moments_s = due_offsets(1.0, profile.arrivals, profile.seed, profile.course)
        gaps = (after - before for before, after in pairwise(chain([0.0], moments_s)))
    return zip(gaps, workers, strict=False)


def _at_random(rate_per_s: float, shares: np.ndarray, seed: int) -> Iterator[tuple[float, int]]:
    """Poisson arrivals, each for a worker drawn by its share."""
    random = np.random.default_rng(seed)
    borders = np.cumsum(shares)[:-1]
    while True:
        gap_s, place = random.exponential(1 / rate_per_s), random.random()
        yield float(gap_s), int(np.searchsorted(borders, place, side="right"))
