"""The system that is measured, as a discrete-event simulation (SimPy): users, a load generator, workers with slots.

What a request costs besides its service time was measured, not fitted to a table (docs/explanation.md).
"""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from math import floor

import numpy as np
import pandas as pd
from simpy import Environment, Event, Resource
from simpy.events import ProcessGenerator

from load.arrivals import Think


@dataclass(frozen=True)
class Overhead:
    """Seconds, of one request unless it says otherwise.

    `generator_s` and `worker_s` keep the load generator and the worker's event loop busy: requests queue for them, one
    after another. `latency_s` passes without keeping anybody busy: timers, wake-ups, the way there and back.

    Once: the generator needs `begin_s` until it spawns the first user and `connect_s` for each; a worker's event loop
    is busy for `accept_s` with each connection and for `thread_s` with starting the thread of each seat.
    """

    generator_s: float = 0.0001
    worker_s: float = 0.0004
    latency_s: float = 0.001
    begin_s: float = 0.02
    connect_s: float = 0.0002
    accept_s: float = 0.0003
    thread_s: float = 0.0008


OVERHEAD = {
    "fast": Overhead(),
    "stock": Overhead(generator_s=0.0004),
    "requests": Overhead(generator_s=0.0007, connect_s=0.0008),
}
"""By the client of a profile."""


@dataclass(frozen=True)
class Load:
    """What the users do. `start` as in benchmark.plan.Profile; `spread_s`: what spread starts are spread over (s)."""

    users: int
    spawn_rate_per_s: float
    duration_s: float
    wait_s: float = 0.0
    start: str = "batch"
    spread_s: float = 0.0
    think: Think | None = None
    """Where think time is not always `wait_s`; `seed`: of what users draw, as they do under load."""
    seed: int = 0

    @property
    def batch(self) -> int:
        """Users that are spawned at the same moment: as many as the rate has whole users (Locust's dispatcher)."""
        return max(1, floor(self.spawn_rate_per_s))

    def spawned_at_s(self, number: int) -> float:
        """When Locust spawns a user (s since the load started), counted from 0."""
        return number // self.batch * self.batch / self.spawn_rate_per_s


@dataclass(frozen=True)
class Service:
    """How requests are served: `work_s` each (s), at most `seats[w]` at a time in worker `w`; None: any number."""

    work_s: float
    seats: tuple[int, ...] | None
    workers: int


@dataclass(frozen=True)
class Simulated:
    """Request rows of one simulated load, and when the requests were sent that were under way when it stopped (s).

    `mean_think_s`: of the think times that users drew.
    """

    rows: pd.DataFrame
    waiting_since_s: tuple[float, ...]
    mean_think_s: float = 0.0

    @property
    def in_flight(self) -> int:
        return len(self.waiting_since_s)


class OneByOne:
    """A process that handles things one after another in the order in which they come: an event loop, a core."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._free_at_s = 0.0

    def delay_s(self, seconds: float) -> float:
        """How long it takes until everything that came before, and then this, has been handled (s)."""
        now = self._environment.now
        self._free_at_s = max(now, self._free_at_s) + seconds
        return self._free_at_s - now


class Worker:
    """A server process: an event loop and, where there is something to queue for, seats."""

    def __init__(self, environment: Environment, service: Service, seats: int | None, overhead: Overhead) -> None:
        self._environment = environment
        self._work_s = service.work_s
        self._overhead = overhead
        self._loop = OneByOne(environment)
        self._seats = None if seats is None else Resource(environment, capacity=seats)
        self._threads = 0

    def answer(self, *, is_first: bool) -> ProcessGenerator:
        """Serve one request, from its arrival to the answer; the first one of a connection has to be accepted."""
        environment, overhead = self._environment, self._overhead
        handled_s = self._loop.delay_s(overhead.worker_s / 2 + overhead.accept_s * is_first)
        if self._seats is None:
            yield environment.timeout(handled_s + self._work_s)
        else:
            yield environment.timeout(handled_s)
            with self._seats.request() as seat:
                yield seat
                started_s = 0.0
                if self._seats.count > self._threads:
                    self._threads += 1
                    started_s = self._loop.delay_s(overhead.thread_s)
                yield environment.timeout(started_s + self._work_s)
        yield environment.timeout(self._loop.delay_s(overhead.worker_s / 2) + overhead.latency_s)


class Log:
    """Finished requests: 16 bytes each, so that a million of them is no matter."""

    def __init__(self) -> None:
        self._sent_s, self._end_s = array("d"), array("d")

    def add(self, sent_s: float, end_s: float) -> None:
        self._sent_s.append(sent_s)
        self._end_s.append(end_s)

    def rows(self) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "sent_s": np.frombuffer(self._sent_s, dtype=np.float64).copy(),
                "end_s": np.frombuffer(self._end_s, dtype=np.float64).copy(),
                "error": "",
            }
        )


class Network:
    """Workers, a load generator, and the requests that pass through both."""

    def __init__(self, service: Service, overhead: Overhead) -> None:
        self.environment = Environment()
        self._overhead = overhead
        seats = service.seats or (None,) * service.workers
        self._workers = [Worker(self.environment, service, each, overhead) for each in seats]
        self._generator = OneByOne(self.environment)
        self._log = Log()
        self._asked = count()
        self._under_way: dict[int, float] = {}

    def ask(self, worker: int, *, is_first: bool) -> ProcessGenerator:
        sent_s = self.environment.now
        number = next(self._asked)
        self._under_way[number] = sent_s
        yield from self._workers[worker].answer(is_first=is_first)
        yield self.environment.timeout(self._generator.delay_s(self._overhead.generator_s))
        del self._under_way[number]
        self._log.add(sent_s, self.environment.now)

    def connect(self) -> Event:
        return self.environment.timeout(self._generator.delay_s(self._overhead.connect_s))

    def run(self, duration_s: float) -> Simulated:
        self.environment.run(until=duration_s)
        return Simulated(self._log.rows(), tuple(self._under_way.values()))


def simulate(load: Load, service: Service, workers: Sequence[int], overhead: Overhead) -> Simulated:
    """Simulate one load in a closed loop: users who ask again when they were answered.

    `workers`: for each user, in the order in which they are spawned, the number of the worker that has its connection.
    """
    network = Network(service, overhead)
    environment = network.environment
    think = load.think or Think(first_s=load.wait_s)
    thoughts_s: array[float] = array("d")

    def user(number: int, worker: int) -> ProcessGenerator:
        yield environment.timeout(overhead.begin_s + load.spawned_at_s(number))
        yield network.connect()
        yield environment.timeout(max(0.0, first_request_s(load, number, overhead) - environment.now))
        pause = think.pauses(load.seed, number)
        is_first = True
        while True:
            sent_s = environment.now
            yield from network.ask(worker, is_first=is_first)
            is_first = False
            if think_s := pause(environment.now - sent_s):
                thoughts_s.append(think_s)
                yield environment.timeout(think_s)

    for number, worker in enumerate(workers):
        environment.process(user(number, worker))
    done = network.run(load.duration_s)
    return replace(done, mean_think_s=sum(thoughts_s) / len(thoughts_s)) if thoughts_s else done


def first_request_s(load: Load, number: int, overhead: Overhead) -> float:
    """When a user may send its first request: at once, or when it is its turn after all have connected."""
    if load.start != "spread":
        return 0.0
    last = load.users - 1
    of_last_batch = last % load.batch + 1
    opened_s = overhead.begin_s + load.spawned_at_s(last) + of_last_batch * overhead.connect_s
    return opened_s + load.spread_s * number / load.users


def simulate_open(
    arrivals: Iterator[tuple[float, int]], duration_s: float, service: Service, overhead: Overhead
) -> Simulated:
    """Simulate arrivals that do not wait for answers: (seconds since the one before, number of the worker)."""
    network = Network(service, overhead)

    def arrive() -> ProcessGenerator:
        for gap_s, worker in arrivals:
            yield network.environment.timeout(gap_s)
            network.environment.process(network.ask(worker, is_first=False))

    network.environment.process(arrive())
    return network.run(duration_s)
