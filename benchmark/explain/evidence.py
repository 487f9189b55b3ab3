"""What a load that climbs says about an endpoint: all that the rules of a diagnosis look at."""

from dataclasses import dataclass

from benchmark.diagnosis import Interval, Level, Setting
from benchmark.explain.saturation import Fit, connections

LATE = 0.95
"""Connections that were accepted before the end of a level, of its users, below which some had to wait for it."""
FULL = 0.8
"""A level is full when no more than this part of its users can be served at a time."""


@dataclass(frozen=True)
class Evidence:
    """All that a rule may look at. `full`: levels at which requests queued."""

    setting: Setting
    levels: tuple[Level, ...]
    service: Interval
    fit: Fit
    full: tuple[Level, ...]
    cpu_s: float | None

    @property
    def threads_grown(self) -> int:
        """Most threads that a worker started under this load."""
        return max((max(level.threads_grown_per_worker or (0,)) for level in self.levels), default=0)

    @property
    def most_at_once(self) -> int:
        """Most requests that were being served at a time, on average over a level."""
        return int(max(level.busy_seats for level in self.levels))

    @property
    def on_threads(self) -> bool:
        """Whether workers started about as many threads as they served requests at a time."""
        busy = min(self.fit.seats.value, max(connections(self.levels[-1])))
        return self.threads_grown >= max(1.0, 0.5 * busy)

    @property
    def unevenness(self) -> float:
        """Largest over smallest throughput of the full levels, each beside what the found seats give there."""
        rates = [level.busy_seats / served_at_once(level, self.fit.seats.value) for level in self.full]
        return max(rates) / min(rates) if rates and min(rates) > 0 else float("inf")

    @property
    def misfit(self) -> float:
        """How far the worst of all levels is from what the found seats give there: 1.1 is a tenth more or less."""
        ratios = [level.busy_seats / served_at_once(level, self.fit.seats.value) for level in self.levels]
        return max(max(ratio, 1 / ratio) if ratio > 0 else float("inf") for ratio in ratios)

    @property
    def accepted_late(self) -> bool:
        """Whether connections waited for a worker to accept them: its event loop had no time."""
        return any(sum(level.connections_per_worker or (level.users,)) < LATE * level.users for level in self.full)

    @property
    def computing(self) -> float:
        """Part of the service time that a worker's processor works on a request."""
        return (self.cpu_s or 0.0) / self.service.value


def served_at_once(level: Level, seats_per_worker: float) -> float:
    """Requests of a level that so many seats can serve at a time: a worker with fewer connections is not full."""
    return sum(min(held, seats_per_worker) for held in connections(level))
