"""The system that is measured, as a discrete-event simulation (SimPy): users, a load generator, workers with slots.

A closed network of users, or an open one of arrivals (Lazowska, Zahorjan, Graham and Sevcik, "Quantitative System
Performance", 1984). A request that is said to compute takes turns with others at its worker's processor, and shares
the machine's cores (processors.py); the rest of its time passes while others are served. docs/explanation.md has what
was measured of it, and what it leaves out.
"""

from array import array
from collections import defaultdict, deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count, cycle, repeat
from math import floor, inf

import numpy as np
import pandas as pd
from simpy import Environment, Event, Resource
from simpy.events import ProcessGenerator
from simpy.resources.resource import Request

from benchmark.theory.demand import Constant, Demands
from benchmark.theory.processors import EventLoop, Machine, OneByOne, Process, processes
from load.arrivals import Stage, Think, choices, starts_s

THREADS = ""
"""The pool that all endpoints with `def` of a worker share; the others bear an endpoint's name."""

SWITCH_INTERVAL_S = 0.005
"""How long a thread may compute while others of its process want to (sys.getswitchinterval)."""


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
    between_s: float = 0.0
    after_s: float = 0.0
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
    visits: tuple[tuple[float, float], ...] = ()
    """Of a load with stages: when each user comes, and after when it asks no more (s); `users` of them."""

    @property
    def batch(self) -> int:
        """Users that are spawned at the same moment: as many as the rate has whole users (Locust's dispatcher)."""
        return max(1, floor(self.spawn_rate_per_s))

    def spawned_at_s(self, number: int) -> float:
        """When Locust spawns a user (s since the load started), counted from 0."""
        if self.visits:
            return self.visits[number][0]
        return number // self.batch * self.batch / self.spawn_rate_per_s


@dataclass(frozen=True)
class Service:
    """How requests are served: `work_s` each (s), at most `seats[w]` at a time in worker `w`; None: any number.

    `demands`: how much of it is computing, and how it varies; None: all of it is waiting, and constant. What then has
    no slots waits and computes next to others. `computing_s`: its mean. `overhead`: of these requests, where it is
    known, and `alone_s`: their mean response time with it. `switches`: whether requests that compute are threads, which
    take turns. Services with the same `pool` share its seats. `threads`: of each worker, of which a request holds one
    from before it waits for its seat. `blocks`: keeps its worker from all else while it waits.
    """

    work_s: float
    seats: tuple[int, ...] | None
    workers: int
    demands: Demands | None = None
    computing_s: float = 0.0
    overhead: Overhead | None = None
    alone_s: float | None = None
    switches: bool = False
    pool: str = ""
    threads: tuple[int, ...] | None = None
    blocks: bool = False

    @property
    def needs(self) -> tuple[str, ...]:
        """The pools of which a request takes a seat each, in this order."""
        return (THREADS,) * (self.threads is not None) + (self.pool,) * (self.seats is not None)

    @property
    def computes(self) -> bool:
        """Whether it is known how its requests keep a worker's processor busy."""
        return self.demands is not None


@dataclass(frozen=True)
class Mix:
    """Services of one server. Each request of a user is of one of them, drawn by weight, or of the next in a flow.

    `order`: of a flow, the service of each step; the weights then say how often they are asked for. `names`: what each
    is called; none: it is one service, which stands for itself.
    """

    services: tuple[Service, ...]
    weights: tuple[float, ...]
    names: tuple[str, ...] = ()
    order: tuple[int, ...] = ()

    @classmethod
    def of(cls, served: "Service | Mix") -> "Mix":
        return served if isinstance(served, Mix) else cls((served,), (1.0,))

    @property
    def workers(self) -> int:
        return self.services[0].workers

    @property
    def computes(self) -> bool:
        return any(one.computes for one in self.services)

    @property
    def work_s(self) -> float:
        return self.mean(lambda one: one.work_s)

    @property
    def alone_s(self) -> float:
        """Mean response time where nobody waits for anything."""
        return self.mean(lambda one: one.alone_s or one.work_s)

    @property
    def steps(self) -> int:
        """How many requests of a user there are until it begins again."""
        return len(self.order) or 1

    @property
    def pools(self) -> Mapping[str, tuple[int, ...]]:
        """Seats of each worker, by what they are of."""
        pools = {one.pool: one.seats for one in self.services if one.seats is not None}
        threads = next((one.threads for one in self.services if one.threads is not None), None)
        return pools if threads is None else pools | {THREADS: threads}

    def mean(self, of: Callable[[Service], float]) -> float:
        """Mean over the requests of what is so much for each of a service."""
        pairs = zip(self.weights, self.services, strict=True)
        return sum(weight * of(one) for weight, one in pairs) / sum(self.weights)

    def seated(self, pool: str, of: Callable[[Service], float]) -> float:
        """The same where only those count that need a seat of that pool."""
        return self.mean(lambda one: of(one) if pool in one.needs else 0.0)

    def places(self, seed: int, user: int) -> Iterator[int]:
        """Which service each request of a user is of, as users choose under load."""
        if len(self.services) == 1:
            return repeat(0)
        return cycle(self.order) if self.order else choices(self.weights, seed, user)


@dataclass(frozen=True)
class Simulated:
    """Request rows of one simulated load, and when the requests were sent that were under way when it stopped (s).

    `mean_think_s`: of the think times that users drew. `waiting_for`: the service of each that was under way.
    """

    rows: pd.DataFrame
    waiting_since_s: tuple[float, ...]
    mean_think_s: float = 0.0
    waiting_for: tuple[int, ...] = ()

    @property
    def in_flight(self) -> int:
        return len(self.waiting_since_s)


class Worker:
    """A server process: an event loop and, where there is something to queue for, seats.

    `blocks`: whether some requests keep the loop while they wait, so that all have to take turns at it.
    """

    def __init__(self, environment: Environment, loop: Process, pools: Mapping[str, int], *, blocks: bool) -> None:
        self._environment = environment
        self._loop, self._events = loop, EventLoop(environment, loop)
        self._turn = Resource(environment) if blocks else None
        self._pools = {name: Resource(environment, capacity=seats) for name, seats in pools.items()}
        self._threads: defaultdict[str, int] = defaultdict(int)

    def _take(self, needs: Sequence[str]) -> Generator[Event, None, list[Request]]:
        """Take a seat of each pool, one after another, once it is free."""
        taken = []
        for pool in needs:
            seat = self._pools[pool].request()
            yield seat
            taken.append(seat)
        return taken

    def _is_new(self, needs: Sequence[str]) -> bool:
        """Whether the first of the seats that were just taken never was before: its thread has to be started."""
        pool = needs[0]
        if self._pools[pool].count <= self._threads[pool]:
            return False
        self._threads[pool] += 1
        return True

    @staticmethod
    def _leave(taken: Sequence[Request]) -> None:
        for seat in reversed(taken):
            seat.resource.release(seat)

    def answer(self, kind: "Kind", *, is_first: bool) -> ProcessGenerator:
        """Serve one request, from its arrival to the answer; the first one of a connection has to be accepted."""
        if kind.draws is not None:
            yield from self._compute(kind, *next(kind.draws), is_first=is_first)
            return
        environment, overhead, needs = self._environment, kind.overhead, kind.needs
        work_s = kind.service.work_s
        loop = self._loop
        assert isinstance(loop, OneByOne)  # noqa: S101 - else every kind draws
        handled_s = loop.delay_s(overhead.worker_s / 2 + overhead.accept_s * is_first)
        if not needs:
            yield environment.timeout(handled_s + work_s)
        else:
            yield environment.timeout(handled_s)
            taken = yield from self._take(needs)
            started_s = loop.delay_s(overhead.thread_s) if self._is_new(needs) else 0.0
            yield environment.timeout(started_s + work_s)
            self._leave(taken)
        yield environment.timeout(loop.delay_s(overhead.worker_s / 2) + overhead.latency_s)

    def _compute(
        self, kind: "Kind", computing_s: float, waiting_s: float, late_s: float, *, is_first: bool
    ) -> ProcessGenerator:
        """Serve a request that computes: the framework's part of that, half of it at each end, needs no seat."""
        environment, overhead, needs = self._environment, kind.overhead, kind.needs
        outside_s = min(overhead.worker_s, computing_s) / 2
        events = self._events
        yield from self._handled(events.arrives, outside_s + overhead.accept_s * is_first)
        if kind.service.blocks:
            yield from self._handled(events.arrives, computing_s - outside_s, waiting_s)
        elif not needs:
            if waiting_s:
                yield environment.timeout(waiting_s)
            yield from self._turns(kind, waiting_s, computing_s - outside_s)
        else:
            taken = yield from self._take(needs)
            if self._is_new(needs):
                yield from self._handled(events.goes_on, overhead.thread_s)
            yield environment.timeout(waiting_s)
            yield from self._turns(kind, waiting_s, computing_s - 2 * outside_s)
            self._leave(taken)
            yield from self._handled(events.arrives if kind.service.switches else events.goes_on, outside_s)
        if overhead.after_s:
            self._loop.handle(overhead.after_s)
        yield environment.timeout(overhead.latency_s + late_s)

    def _turns(self, kind: "Kind", waiting_s: float, seconds: float) -> Generator[Event, None, None]:
        """Compute after waiting: on the event loop, or on a thread."""
        if not kind.service.switches:
            yield from self._handled(self._events.wakes if waiting_s else self._events.goes_on, seconds)
            return
        while seconds > SWITCH_INTERVAL_S:
            yield self._loop.handle(SWITCH_INTERVAL_S)
            seconds -= SWITCH_INTERVAL_S
        yield from self._handled(self._loop.handle, seconds)

    def _handled(
        self, how: Callable[[float], Event], seconds: float, blocking_s: float = 0.0
    ) -> Generator[Event, None, None]:
        """Take the process for so long, one after another; nothing to do does not wait for a turn."""
        if self._turn is None and seconds:
            yield how(seconds)
        elif self._turn is not None and seconds + blocking_s:
            with self._turn.request() as turn:
                yield turn
                yield self._environment.timeout(blocking_s)
                yield self._loop.handle(seconds)


class Log:
    """Finished requests: 17 bytes each, so that a million of them is no matter."""

    def __init__(self, mix: Mix) -> None:
        self._named = bool(mix.names) or len(mix.services) > 1
        self._sent_s, self._end_s, self._service = array("d"), array("d"), array("B")

    def add(self, sent_s: float, end_s: float, service: int) -> None:
        self._sent_s.append(sent_s)
        self._end_s.append(end_s)
        self._service.append(service)

    def rows(self) -> pd.DataFrame:
        """Request rows; of a mix `service` says which of its services each asked for."""
        services = {"service": np.frombuffer(self._service, dtype=np.uint8).copy()} if self._named else {}
        return pd.DataFrame(
            {
                "sent_s": np.frombuffer(self._sent_s, dtype=np.float64).copy(),
                "end_s": np.frombuffer(self._end_s, dtype=np.float64).copy(),
                "error": "",
            }
            | services
        )


class Kind:
    """One service of a network, with what its requests cost and need. `shares`: whether processes share cores."""

    def __init__(self, service: Service, overhead: Overhead, random: np.random.Generator, *, shares: bool) -> None:
        self.service, self.needs = service, service.needs
        self.overhead = service.overhead or overhead
        demands = service.demands
        if demands is None and shares:
            demands = Constant(self.overhead.worker_s, service.work_s)
        self.draws = None if demands is None else demands(random)


class Network:
    """Workers, a load generator, and the requests that pass through both."""

    def __init__(self, mix: Mix, overhead: Overhead, machine: Machine | None, seed: int) -> None:
        self.environment = Environment()
        self._overhead = overhead
        random = np.random.default_rng(seed)
        blocks = any(service.blocks for service in mix.services)
        shares = blocks or (machine is not None and not machine.suffices(mix.workers))
        self._kinds = [Kind(service, overhead, random, shares=shares) for service in mix.services]
        loops, self._generators = processes(self.environment, machine, mix.workers)
        self._workers = [
            Worker(self.environment, loop, {pool: seats[number] for pool, seats in mix.pools.items()}, blocks=blocks)
            for number, loop in enumerate(loops)
        ]
        self._log = Log(mix)
        self._asked = count()
        self._under_way: dict[int, tuple[float, int]] = {}

    def ask(self, worker: int, place: int, *, is_first: bool, user: int = 0) -> ProcessGenerator:
        sent_s = self.environment.now
        number = next(self._asked)
        generator = self._generators[user % len(self._generators)]
        kind = self._kinds[place]
        self._under_way[number] = sent_s, place
        yield from self._workers[worker].answer(kind, is_first=is_first)
        yield generator.handle(kind.overhead.generator_s)
        del self._under_way[number]
        self._log.add(sent_s, self.environment.now, place)
        if kind.overhead.between_s:
            yield generator.handle(kind.overhead.between_s)

    def connect(self, user: int) -> Event:
        return self._generators[user % len(self._generators)].handle(self._overhead.connect_s)

    def run(self, duration_s: float) -> Simulated:
        self.environment.run(until=duration_s)
        under_way = self._under_way.values()
        since_s, places = tuple(sent_s for sent_s, _ in under_way), tuple(place for _, place in under_way)
        return Simulated(self._log.rows(), since_s, waiting_for=places)


def simulate(
    load: Load,
    served: Service | Mix,
    workers: Sequence[int],
    overhead: Overhead,
    *,
    machine: Machine | None = None,
    seed: int = 0,
) -> Simulated:
    """Simulate one load in a closed loop: users who ask again when they were answered.

    `workers`: for each user, in the order in which they are spawned, the number of the worker that has its connection.
    `machine`: what computes; None: every process has a core of its own. `seed` draws what requests need.
    """
    mix = Mix.of(served)
    network = Network(mix, overhead, machine, seed)
    environment = network.environment
    think = load.think or Think(first_s=load.wait_s)
    thoughts_s: array[float] = array("d")

    def user(number: int, worker: int) -> ProcessGenerator:
        yield environment.timeout(overhead.begin_s + load.spawned_at_s(number))
        yield network.connect(number)
        yield environment.timeout(max(0.0, first_request_s(load, number, overhead) - environment.now))
        pause, places = think.pauses(load.seed, number), mix.places(load.seed, number)
        is_first, until_s = True, load.visits[number][1] if load.visits else inf
        while environment.now < until_s:
            sent_s = environment.now
            yield from network.ask(worker, next(places), is_first=is_first, user=number)
            is_first = False
            if think_s := pause(environment.now - sent_s):
                thoughts_s.append(think_s)
                yield environment.timeout(think_s)

    for number, worker in enumerate(workers):
        environment.process(user(number, worker))
    done = network.run(load.duration_s)
    return replace(done, mean_think_s=sum(thoughts_s) / len(thoughts_s)) if thoughts_s else done


def visits(stages: Sequence[Stage], spawn_rate_per_s: float) -> tuple[tuple[float, float], ...]:
    """When the users of each stage come, and when those go who are too many for the next one (s); the last ones stay.

    >>> visits([Stage(3, 1), Stage(2, 2), Stage(5, 1)], spawn_rate_per_s=2)
    ((0.0, inf), (3.0, 5.0))
    """
    batch = max(1, floor(spawn_rate_per_s))
    there: list[float] = []
    gone: list[tuple[float, float]] = []
    for start_s, stage in zip(starts_s(stages), stages, strict=False):
        users, new = round(stage.level), max(0, round(stage.level) - len(there))
        gone += [(came_s, start_s) for came_s in there[users:]]
        there[users:] = [start_s + number // batch * batch / spawn_rate_per_s for number in range(new)]
    return tuple(sorted([*((came_s, inf) for came_s in there), *gone]))


def first_request_s(load: Load, number: int, overhead: Overhead) -> float:
    """When a user may send its first request: at once, or when it is its turn after all have connected."""
    if load.start != "spread":
        return 0.0
    last = load.users - 1
    of_last_batch = last % load.batch + 1
    opened_s = overhead.begin_s + load.spawned_at_s(last) + of_last_batch * overhead.connect_s
    return opened_s + load.spread_s * number / load.users


def simulate_open(
    arrivals: Iterator[tuple[float, int]],
    duration_s: float,
    served: Service | Mix,
    overhead: Overhead,
    *,
    machine: Machine | None = None,
    seed: int = 0,
    users: int = 0,
    choice_seed: int = 0,
) -> Simulated:
    """Simulate arrivals that do not wait for answers: (seconds since the one before, number of the worker).

    Each is sent by the one of `users` who has been free for longest, who chooses as `choice_seed` says; where none is
    free there is one more.
    """
    mix = Mix.of(served)
    network = Network(mix, overhead, machine, seed)
    free = deque(mix.places(choice_seed, number) for number in range(users))
    more = count(users)

    def send(worker: int) -> ProcessGenerator:
        places = free.popleft() if free else mix.places(choice_seed, next(more))
        yield from network.ask(worker, next(places), is_first=False)
        free.append(places)

    def arrive() -> ProcessGenerator:
        for gap_s, worker in arrivals:
            yield network.environment.timeout(gap_s)
            network.environment.process(send(worker))

    network.environment.process(arrive())
    return network.run(duration_s)
