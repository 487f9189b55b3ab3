"""Processes that share the cores of a machine, each of which handles one thing after another.

While more processes are busy than there are cores, all of them progress equally, at the rate cores / busy: processor
sharing (Kleinrock, "Queueing Systems, Volume II: Computer Applications", 1976, section 4.4). One clock counts what
each busy process got done, so that the next end is always the least on a heap, however the rate changes.
"""

from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from typing import Protocol

from simpy import Environment, Event


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
    """A process that shares its cores with others; times on the clock of `cores`."""

    cores: "SharedCores"
    queued: int = 0
    free_at_s: float = 0.0

    def handle(self, seconds: float) -> Event:
        return self.cores.handle(self, seconds)


class SharedCores:
    """Cores on which all busy processes progress equally, none of them faster than one core."""

    def __init__(self, environment: Environment, cores: int) -> None:
        self._environment = environment
        self._cores = cores
        self._busy = 0
        self._done_s = 0.0  # what a process that was busy all the time has got done
        self._at_s = 0.0  # when that was true
        self._rate = 1.0
        self._ends: list[tuple[float, int, Sharing, Event]] = []  # when on that clock
        self._numbers = count()
        self._due: tuple[float, float] | None = None  # at which rate what is due next

    def handle(self, process: Sharing, seconds: float) -> Event:
        self._advance()
        if not process.queued:
            self._busy += 1
            process.free_at_s = self._done_s
        process.queued += 1
        process.free_at_s += seconds
        event = self._environment.event()
        heappush(self._ends, (process.free_at_s, next(self._numbers), process, event))
        self._await_next()
        return event

    def _advance(self) -> None:
        now = self._environment.now
        self._done_s += (now - self._at_s) * self._rate
        self._at_s = now

    def _await_next(self) -> None:
        self._rate = min(1.0, self._cores / self._busy) if self._busy else 1.0
        due = (self._rate, self._ends[0][0]) if self._ends else None
        if due is None or due == self._due:
            return
        self._due = due
        timeout = self._environment.timeout(max(0.0, (due[1] - self._done_s) / self._rate))
        timeout.callbacks.append(lambda _: self._finish() if self._due is due else None)

    def _finish(self) -> None:
        self._advance()
        self._done_s = self._ends[0][0]  # no rounding error lets it be a little before or after
        while self._ends and self._ends[0][0] <= self._done_s:
            _, _, process, event = heappop(self._ends)
            process.queued -= 1
            self._busy -= not process.queued
            event.succeed()
        self._due = None
        self._await_next()


def processes(environment: Environment, machine: Machine | None, workers: int) -> tuple[list[Process], list[Process]]:
    """Make the processes of the workers and of the load generator. `machine` None: each has a core of its own."""
    generators = machine.generators if machine else 1
    if machine is None or machine.suffices(workers):
        return [OneByOne(environment) for _ in range(workers)], [OneByOne(environment) for _ in range(generators)]
    cores = SharedCores(environment, machine.cores)
    alone = SharedCores(environment, generators) if machine.apart else cores
    return [Sharing(cores) for _ in range(workers)], [Sharing(alone) for _ in range(generators)]
