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
from benchmark.theory.simulation import OVERHEAD, Overhead, Service

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


def service(endpoint: Endpoint, plan: Plan) -> Service | None:
    """How an endpoint's requests are served; None when that, or its own work, is not declared or not known here.

    Seats of an app elsewhere are not known, nor what users of one's own locustfile ask for.
    """
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
    return replace(
        found,
        seats=None if endpoint.served == "cpu" and computing_s else found.seats,
        demands=measured(lone.percent, rest_s, computing_s - overhead.after_s),
        overhead=overhead,
        computing_s=computing_s,
        alone_s=mean_s(lone.percent, latency_s),
        switches=endpoint.served == "thread pool",
    )


def resampled(endpoint: Endpoint, random: np.random.Generator) -> Endpoint:
    """The same endpoint as another measurement of as many responses might have found it (Efron's bootstrap, 1979)."""
    lone = endpoint.measured
    if lone is None:
        return endpoint
    drawn_ms = np.interp(PERCENT * random.random(lone.responses), lone.percent, lone.latency_ms)
    found_ms = np.percentile(drawn_ms, lone.percent).tolist()
    return endpoint.model_copy(update={"measured": lone.model_copy(update={"latency_ms": tuple(found_ms)})})


@dataclass(frozen=True)
class Bound:
    """What lets no more than `rps` requests through, however many users there are (Denning and Buzen 1978)."""

    by: str
    rps: float


def bounds(served: Service, on: Machine | None, overhead: Overhead) -> list[Bound]:
    """All bounds of a service on a machine, the tightest first. `overhead`: of requests for which none is known."""
    return sorted(_bounds(served, on, served.overhead or overhead), key=lambda bound: bound.rps)


def _bounds(served: Service, on: Machine | None, overhead: Overhead) -> Iterator[Bound]:
    generator_s = overhead.generator_s + overhead.between_s
    generators = on.generators if on else 1
    if served.seats is not None:
        yield Bound("slots", sum(served.seats) / held_s(served))
    if generator_s:
        yield Bound("generator", generators / generator_s)
    if not served.computing_s:
        return
    yield Bound("workers", served.workers / served.computing_s)
    if on is not None and on.apart:
        yield Bound("cores", on.cores / served.computing_s)
    elif on is not None:
        yield Bound("cores", on.cores / (served.computing_s + generator_s))


def held_s(served: Service) -> float:
    """Mean time (s) that a request holds a slot."""
    overhead = served.overhead
    if overhead is None or served.alone_s is None:
        return served.work_s
    around_s = overhead.generator_s + overhead.latency_s + min(overhead.worker_s, served.computing_s)
    return max(served.alone_s - around_s, 1e-9)
