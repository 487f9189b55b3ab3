"""Processes that share the cores of a machine, each of which handles one thing after another.

While more processes are busy than there are cores, they take turns: round robin, of which processor sharing is the
limit for short slices (Kleinrock, "Queueing Systems, Volume II: Computer Applications", 1976, section 4.4).
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Protocol

from simpy import Environment, Event

SLICE_S = 0.003
"""For how long a process runs while others want to: what Linux gives each, to a tick of 1/250 s (2026)."""


@dataclass(frozen=True)
class Machine:
    """What a load runs on: `cores` for the workers, and for the load generator where it is not kept `apart` from them.

    `generators`: processes that send the load.
    """

    cores: int
    apart: bool = False
    generators: int = 1

    def suffices(self, workers: int) -> bool:
        """Whether each process has a core of its own."""
        return self.cores >= workers + (0 if self.apart else self.generators)


class Process(Protocol):
    """What handles things one after another in the order in which they come: an event loop, a load generator."""

    def handle(self, seconds: float) -> Event:
        """Give an event for when everything that came before, and then this, has been handled."""


class OneByOne:
    """A process that has a core of its own."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._free_at_s = 0.0

    def delay_s(self, seconds: float) -> float:
        """How long it takes until everything that came before, and then this, has been handled (s)."""
        now = self._environment.now
        self._free_at_s = max(now, self._free_at_s) + seconds
        return self._free_at_s - now

    def handle(self, seconds: float) -> Event:
        return self._environment.timeout(self.delay_s(seconds))


@dataclass
class Sharing:
    """A process that shares its cores with others. `jobs`: what it still has to handle, in order (s, and then what)."""

    cores: "SharedCores"
    jobs: deque[tuple[float, Event]] = field(default_factory=deque)
    done_s: float = 0.0
    """Of the first job."""

    def handle(self, seconds: float) -> Event:
        return self.cores.handle(self, seconds)


class SharedCores:
    """Cores that take turns at the busy processes: one that has run for a slice goes to the end of the queue."""

    def __init__(self, environment: Environment, cores: int) -> None:
        self._environment = environment
        self._free = cores
        self._ready: deque[Sharing] = deque()

    def handle(self, process: Sharing, seconds: float) -> Event:
        event = self._environment.event()
        process.jobs.append((seconds, event))
        if len(process.jobs) == 1:
            self._ready.append(process)
            self._fill()
        return event

    def _fill(self) -> None:
        while self._free and self._ready:
            self._free -= 1
            self._run(self._ready.popleft(), SLICE_S)

    def _run(self, process: Sharing, left_s: float) -> None:
        """Let a process that has something to do run on, for so much of its slice."""
        seconds, event = process.jobs[0]
        rest_s = seconds - process.done_s
        runs_s = min(rest_s, left_s)
        ends = self._environment.timeout(runs_s)
        left_s -= runs_s
        if runs_s < rest_s:
            process.done_s += runs_s
            ends.callbacks.append(lambda _: self._turn(process, left_s))
        else:
            ends.callbacks.append(lambda _: self._finish(process, event, left_s))

    def _finish(self, process: Sharing, event: Event, left_s: float) -> None:
        process.done_s = 0.0
        # only when all who waited for this have gone on: the same process may be asked for more
        event.callbacks.append(lambda _: self._next(process, left_s))
        event.succeed()

    def _next(self, process: Sharing, left_s: float) -> None:
        process.jobs.popleft()
        if process.jobs:
            self._turn(process, left_s)
        else:
            self._free += 1
            self._fill()

    def _turn(self, process: Sharing, left_s: float) -> None:
        if left_s <= 0 and self._ready:
            self._ready.append(process)
            process = self._ready.popleft()
        self._run(process, left_s if left_s > 0 else SLICE_S)


Handler = tuple[float, Event]
"""How long something takes (s), and what to tell once it has been done."""


class EventLoop:
    """What an event loop handles on its process, round after round, as asyncio does.

    A round first handles what the one before made ready, then what has arrived since it began. Who is woken by a timer
    is only made ready in it, for the next one: so what arrives passes timers that ended while others computed.
    """

    def __init__(self, environment: Environment, process: Process) -> None:
        self._environment = environment
        self._process = process
        self._round: deque[Handler] = deque()
        self._ready: list[Handler] = []
        self._arrived: list[Handler] = []
        self._timers: list[Handler] = []
        self._runs = False

    def arrives(self, seconds: float) -> Event:
        """Handle what comes from outside: a request, the result of a thread."""
        return self._queue(self._arrived, seconds)

    def wakes(self, seconds: float) -> Event:
        """Go on with what waited for a timer, or for a response of another server."""
        return self._queue(self._timers, seconds)

    def goes_on(self, seconds: float) -> Event:
        """Go on with what is being handled."""
        if not self._runs:
            return self.arrives(seconds)
        event = self._environment.event()
        self._round.appendleft((seconds, event))
        return event

    def _queue(self, queue: list[Handler], seconds: float) -> Event:
        event = self._environment.event()
        queue.append((seconds, event))
        if not self._runs:
            self._runs = True
            self._begin()
        return event

    def _begin(self) -> None:
        self._round.extend(self._ready + self._arrived)
        self._ready, self._arrived, self._timers = self._timers, [], []
        if self._round:
            self._next()
        elif self._ready:
            self._begin()
        else:
            self._runs = False

    def _next(self) -> None:
        if not self._round:
            self._begin()
            return
        seconds, event = self._round.popleft()
        self._process.handle(seconds).callbacks.append(lambda _: self._done(event))

    def _done(self, event: Event) -> None:
        event.callbacks.append(lambda _: self._next())  # once who waited for it has gone on
        event.succeed()


def processes(environment: Environment, machine: Machine | None, workers: int) -> tuple[list[Process], list[Process]]:
    """Make the processes of the workers and of the load generator. `machine` None: each has a core of its own."""
    generators = machine.generators if machine else 1
    if machine is None or machine.suffices(workers):
        return [OneByOne(environment) for _ in range(workers)], [OneByOne(environment) for _ in range(generators)]
    cores = SharedCores(environment, machine.cores)
    alone = SharedCores(environment, generators) if machine.apart else cores
    return [Sharing(cores) for _ in range(workers)], [Sharing(alone) for _ in range(generators)]
