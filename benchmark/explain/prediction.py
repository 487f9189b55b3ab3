"""A Plan becomes predicted columns: simulated request rows through the code that summarises measured ones."""

from collections.abc import Sequence

import numpy as np

from benchmark.explain.bounds import throughput_bound_rps
from benchmark.explain.dealing import dealt, dealt_as_seen, likely_split, scaled
from benchmark.explain.open_model import open_columns
from benchmark.explain.overhead import OVERHEAD
from benchmark.explain.simulation import Load, Service, simulate
from benchmark.observed import Dealt
from benchmark.plan import Endpoint, Plan, Target
from benchmark.record import Columns, Round
from benchmark.summary import Span, load_columns, over_rounds
from benchmark.theory import Prediction

DRAWS = 20
MOST_SIMULATED = 3_000_000
"""More requests than that take minutes to simulate."""

ROUND_DRAWS = 5
"""With a known split draws differ little: only in who came when."""

MOST_REQUESTS = 50_000
"""About as many requests are simulated at most in all draws together, but for the first draw."""


def service(endpoint: Endpoint, plan: Plan) -> Service | None:
    """How an endpoint's requests are served; None when that, or its own work, is not declared or not known here.

    Seats of an app elsewhere are not known, nor what users of one's own locustfile ask for.
    """
    work_s = endpoint.own_work_s(plan.profile.task_seconds)
    if work_s is None or endpoint.served is None or endpoint.locustfile is not None:
        return None
    workers = plan.target.workers
    seats = endpoint.seats_per_worker(plan.target.threads)
    if plan.target.url is not None and seats is not None:
        return None
    return Service(work_s, None if seats is None else (seats,) * workers, workers)


def predict(
    plan: Plan,
    served: Service,
    *,
    split: Sequence[int] | None,
    seen: Sequence[Dealt] = (),
    seed: int = 0,
    draws: int = DRAWS,
) -> Prediction:
    """Simulate a load: medians over several draws of who is connected to which worker, and their range.

    `split`: connections per worker; None draws a likely split each time. `seen`: how they were dealt, where that was
    measured. The same seed gives the same figures.
    """
    load = load_of(plan, served)
    draws = _affordable(draws, plan, served)
    random = np.random.default_rng(seed)
    each: list[Columns] = []
    in_flight: list[int] = []
    for _ in range(draws):
        users = _deal(load, plan.target, split, seen, random)
        result = simulate(load, served, users, OVERHEAD[plan.profile.client])
        lasted = Span(load.duration_s, load.wait_s, result.waiting_since_s)
        each.append(load_columns(result.rows, lasted, served.work_s))
        in_flight.append(result.in_flight)
    return Prediction(
        **over_rounds(each).model_dump(),
        in_flight=round(float(np.median(in_flight))),
        connections_per_worker=None if split is None else tuple(split),
        draws=draws,
        seed=seed,
    )


def _deal(
    load: Load, target: Target, split: Sequence[int] | None, seen: Sequence[Dealt], random: np.random.Generator
) -> list[int]:
    if seen:
        return dealt_as_seen(seen, load, random)
    if split is not None and any(split):
        return dealt(scaled(split, load.users), random)
    likely = likely_split(load, target.workers, random, own_sockets=target.sockets == "per-worker")
    return dealt(likely, random)


def load_of(plan: Plan, served: Service) -> Load:
    """The load of a profile, as the simulation wants it."""
    profile = plan.profile
    return Load(
        users=profile.users,
        spawn_rate_per_s=profile.spawn_rate_per_s,
        duration_s=profile.duration_s,
        wait_s=profile.wait_s,
        start=profile.start,
        spread_s=served.work_s,
    )


def most_requests(plan: Plan, served: Service) -> float:
    """How many requests one draw simulates at most."""
    profile, seats = plan.profile, None if served.seats is None else sum(served.seats)
    bound_rps = throughput_bound_rps(profile.users, served.work_s, seats=seats, wait_s=profile.wait_s)
    return bound_rps * profile.duration_s + profile.users


def _affordable(draws: int, plan: Plan, served: Service) -> int:
    """Where there is nothing to queue for one draw is like the other."""
    return 1 if served.seats is None else max(1, min(draws, int(MOST_REQUESTS / most_requests(plan, served))))


def predict_round(plan: Plan, endpoint: Endpoint, measured: Round) -> Columns | None:
    """What a measured round's columns should have been, for the users it had and the split of its connections.

    None when theory knows too little of the endpoint, the split that its latencies depend on was not seen, or so much
    was answered that simulating it would take minutes.
    """
    served = service(endpoint, plan)
    split = measured.connections_per_worker
    if served is None or measured.requests > MOST_SIMULATED or (served.seats is not None and not any(split or ())):
        return None
    if plan.profile.rate_per_s is not None:
        evenly = split if split and any(split) else (1,) * served.workers
        each = [
            open_columns(plan.profile, measured.load_end_s, served, evenly, seed)
            for seed in range(1 if served.seats is None else ROUND_DRAWS)
        ]
        return Columns.model_validate(over_rounds(each).model_dump(include=set(Columns.model_fields)))
    profile = plan.profile.model_copy(update={"users": max(1, measured.users_started)})
    found = predict(
        plan.model_copy(update={"profile": profile}), served, split=split, seen=measured.dealt, draws=ROUND_DRAWS
    )
    return Columns.model_validate(found.model_dump(include=set(Columns.model_fields)))
