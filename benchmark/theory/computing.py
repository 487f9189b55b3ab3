"""How an endpoint's requests are served, from what is declared of it or from what one lone user measured.

A lone user's latency is what a request computes, what it waits for, and the way there and back. What the simulation
adds on that way is taken off first, so that one simulated user gets the latencies that were measured.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from benchmark.plan import Endpoint, Plan
from benchmark.record import Pinning
from benchmark.service import MeasuredService
from benchmark.theory.demand import Constant, mean_s, measured
from benchmark.theory.processors import Machine
from benchmark.theory.simulation import OVERHEAD, THREADS, Mix, Overhead, Service

FRAMEWORK_S = 0.0002  # what FastAPI and uvicorn compute for a handler that does nothing (2026-11-28, CPython 3.11)
WAY_S = 0.00002  # through the kernel, there and back
PERCENT = 100.0


def machine(plan: Plan, cpus: int, pinned: Pinning | None = None) -> Machine:
    """What workers and load generator of a plan compute on, where the machine has so many processors."""
    profile = plan.profile
    if profile.load_workers:
        return Machine(cpus, apart=True, generators=profile.load_workers)
    if pinned is not None:
        generators = profile.processes or len(pinned.generator)
        return Machine(len(pinned.server), apart=True, generators=generators)
    return Machine(cpus, generators=profile.processes or max(1, cpus - plan.target.workers))


def service(endpoint: Endpoint, plan: Plan) -> Service | Mix | None:
    """How an endpoint's requests are served; None when that, or its own work, is not declared or not known here.

    Seats of an app elsewhere are not known, nor what users of one's own locustfile ask for. Of a mix all must be known.
    """
    if endpoint.mix is None:
        return _alone(endpoint, plan)
    members = endpoint.members
    known = [found for one in members if (found := _alone(one, plan)) is not None]
    if len(known) < len(members):
        return None
    names = tuple(one.name for one in members)
    if len(members) == 1:
        return Mix(tuple(known), (1.0,), names)
    order = () if endpoint.mix.weights else tuple(names.index(one.name) for one in endpoint.mix.requests)
    weights = endpoint.mix.weights or tuple(float(order.count(place)) for place in range(len(names)))
    served = [_in_company(found, one, plan) for found, one in zip(known, members, strict=True)]
    return Mix(tuple(served), weights, names, order)


def unknown_members(endpoint: Endpoint, plan: Plan) -> tuple[Endpoint, ...]:
    """Those endpoints of a mix of which too little is known for a prediction."""
    return tuple(one for one in endpoint.members if _alone(one, plan) is None)


def _in_company(found: Service, endpoint: Endpoint, plan: Plan) -> Service:
    """The same service where others share its workers: what holds a worker alone as if by one slot holds up them all.

    The pool of threads is one for all endpoints that need a thread; other pools are an endpoint's own. Alone the
    smaller of two pools decides; here who waits for the second one keeps others from threads.
    """
    if endpoint.served == "thread pool":
        return replace(found, pool=THREADS)
    if found.seats is None or endpoint.served == "pool":
        threads = (plan.target.threads,) * found.workers if endpoint.on_threads else None
        return replace(found, pool=endpoint.name, threads=threads)
    if endpoint.served == "blocked event loop":
        return replace(found, seats=None, blocks=True)
    demands = found.demands or Constant(OVERHEAD[plan.profile.client].worker_s + found.work_s, 0.0)
    return replace(found, seats=None, demands=demands, computing_s=found.computing_s or found.work_s)


def _alone(endpoint: Endpoint, plan: Plan) -> Service | None:
    work_s = endpoint.own_work_s(plan.profile.task_seconds)
    if endpoint.measured is not None and work_s is None:
        work_s = mean_s(endpoint.measured.percent, endpoint.measured.latency_ms) / 1000
    if work_s is None or endpoint.served is None or endpoint.locustfile is not None:
        return None
    workers = plan.target.workers
    seats = endpoint.seats_per_worker(plan.target.threads)
    if plan.target.url is not None and seats is not None:
        return None
    found = Service(work_s, None if seats is None else (seats,) * workers, workers)
    if endpoint.measured is not None:
        return _as_measured(found, endpoint, endpoint.measured, plan.profile.client)
    if endpoint.cpu_s is not None:
        computing_s = min(endpoint.cpu_s, work_s)
        demands = Constant(computing_s, work_s - computing_s)
        return replace(found, demands=demands, computing_s=computing_s, switches=endpoint.served == "thread pool")
    return found


def _as_measured(found: Service, endpoint: Endpoint, lone: MeasuredService, client: str) -> Service:
    """Take apart what a lone user waited for: generator and way, computing, and all else.

    The generator takes half of its time before a response has been read, and half after it. Where a worker was not
    seen nothing is computed, but by an endpoint that is said to do nothing else.
    """
    computing_s = (lone.server_cpu_us or 0.0) / 1e6
    generator_s = OVERHEAD[client].generator_s
    if client == "fast" and lone.generator_cpu_us is not None:
        generator_s = lone.generator_cpu_us / 1e6
    latency_s = [ms / 1000 for ms in lone.latency_ms]
    around_s = min(WAY_S + generator_s / 2, latency_s[0])
    reading_s = min(generator_s / 2, around_s)
    rest_s = [each - around_s for each in latency_s]
    overhead = Overhead(
        generator_s=reading_s,
        between_s=generator_s - reading_s,
        worker_s=0.0 if endpoint.served == "blocked event loop" else FRAMEWORK_S,
        latency_s=around_s - reading_s,
        # after the response has left: it holds nobody up but the next request
        after_s=min(max(0.0, computing_s - mean_s(lone.percent, rest_s)), generator_s - reading_s),
    )
    seats = None if endpoint.served == "cpu" and computing_s else found.seats
    return replace(
        found,
        seats=seats,
        demands=measured(lone.percent, rest_s, computing_s - overhead.after_s, queues=seats is not None),
        overhead=overhead,
        computing_s=computing_s,
        alone_s=mean_s(lone.percent, latency_s),
        switches=endpoint.served == "thread pool",
    )


def outside_seat_s(generator_s: float) -> float:
    """How long (s) a response is on its way before it has its slot, and after it. `generator_s`: processor time."""
    return WAY_S + FRAMEWORK_S + generator_s / 2


def resampled(endpoint: Endpoint, random: np.random.Generator) -> Endpoint:
    """The same endpoint as another measurement of as many responses might have found it (Efron's bootstrap, 1979)."""
    if endpoint.mix is not None:
        again = {one.name: resampled(one, random) for one in endpoint.members}
        requests = tuple(again[one.name] for one in endpoint.mix.requests)
        return endpoint.model_copy(update={"mix": endpoint.mix.model_copy(update={"requests": requests})})
    lone = endpoint.measured
    if lone is None:
        return endpoint
    drawn_ms = np.interp(PERCENT * random.random(lone.responses), lone.percent, lone.latency_ms)
    found_ms = np.percentile(drawn_ms, lone.percent).tolist()
    return endpoint.model_copy(update={"measured": lone.model_copy(update={"latency_ms": tuple(found_ms)})})


@dataclass(frozen=True)
class Bound:
    """What lets no more than `rps` requests through, however many users there are (Denning and Buzen 1978).

    `pool`: which slots of a mix do so; each request holds what binds for `held_s` on average.
    """

    by: str
    rps: float
    held_s: float
    pool: str = ""


def bounds(served: Service | Mix, on: Machine | None, overhead: Overhead) -> list[Bound]:
    """All bounds of a service on a machine, the tightest first. `overhead`: of requests for which none is known."""
    return sorted(_bounds(Mix.of(served), on, overhead), key=lambda bound: bound.rps)


def _bounds(mix: Mix, on: Machine | None, overhead: Overhead) -> Iterator[Bound]:
    computing_s = mix.mean(lambda one: one.computing_s)
    generator_s = mix.mean(lambda one: _generator_s(one, overhead))
    generators = on.generators if on else 1
    for pool, seats in mix.pools.items():
        seated_s = mix.seated(pool, held_s)
        yield Bound("slots", sum(seats) / seated_s, seated_s, pool)
    if generator_s:
        yield Bound("generator", generators / generator_s, generator_s)
    if kept_s := mix.mean(kept_busy_s):
        yield Bound("workers", mix.workers / kept_s, kept_s)
    if not computing_s:
        return
    if on is not None and on.apart:
        yield Bound("cores", on.cores / computing_s, computing_s)
    elif on is not None:
        yield Bound("cores", on.cores / (computing_s + generator_s), computing_s)


def _generator_s(served: Service, overhead: Overhead) -> float:
    found = served.overhead or overhead
    return found.generator_s + found.between_s


def kept_busy_s(served: Service) -> float:
    """Mean time (s) for which a request keeps its worker from all others: it computes, or blocks the event loop."""
    return max(served.computing_s, held_s(served)) if served.blocks else served.computing_s


def held_s(served: Service) -> float:
    """Mean time (s) that a request holds a slot."""
    overhead = served.overhead
    if overhead is None or served.alone_s is None:
        return served.work_s
    around_s = overhead.generator_s + overhead.latency_s + min(overhead.worker_s, served.computing_s)
    return max(served.alone_s - around_s, 1e-9)
