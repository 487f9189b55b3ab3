"""What a step load shows of an endpoint, for the rules to look at."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median

import numpy as np
import pandas as pd

from benchmark.diagnose.fit import Fit, connections, cpu_per_request_s, evenly_full, fit, others_cpu_s, served_at_once
from benchmark.diagnose.model import Interval, Level, Setting
from benchmark.summary import since_due_ms

FULL = 0.8  # a level is full when no more than this part of its users can be served at a time
AROUND_S = 0.001  # of a service time passes outside the worker's processor: timers, wake-ups, the load generator
LEAST_CORES = 0.05
FEWEST_FOR_A_TAIL = 50
BUSY_MACHINE_PERCENT = 85.0
FULL_WORKER_PERCENT = 95.0
FLAT = 1.3  # most unevenness of the levels that are called full
MUCH_LONGER = 3.0


@dataclass(frozen=True)
class Evidence:
    """All that a rule may look at.

    `full`: levels at which requests queued. `quick_s`: of 10 responses to one user the fastest took no longer.
    """

    setting: Setting
    levels: tuple[Level, ...]
    service: Interval
    fit: Fit
    full: tuple[Level, ...]
    cpu_s: float | None
    quick_s: float

    @property
    def threads_grown(self) -> int:
        return max((max(level.threads_grown_per_worker or (0,)) for level in self.levels), default=0)

    @property
    def most_at_once(self) -> int:
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
        return self.misfit_of(lambda level: served_at_once(level, self.fit.seats.value))

    def misfit_of(self, expected: Callable[[Level], float]) -> float:
        ratios = [level.busy_seats / expected(level) for level in self.levels]
        return max(max(ratio, 1 / ratio) if ratio > 0 else float("inf") for ratio in ratios)

    @property
    def accepted_late(self) -> bool:
        """Whether connections waited for a worker to accept them: its event loop had no time."""
        return any(level.accepted_late for level in self.full)

    @property
    def computing(self) -> float:
        """Part of the service time that is computing: 1 where nothing but the way to the worker and back is waited."""
        computes_s = self.cpu_s or 0.0
        # where others kept the machine busy while one user asked, most of what was waited is their doing
        alone_s = self.quick_s if machine_is_full(self.levels[0]) else self.service.value
        waits_s = max(0.0, alone_s - computes_s - AROUND_S)
        return computes_s / (computes_s + waits_s) if computes_s else 0.0

    @property
    def at_the_limit(self) -> Sequence[Level]:
        """Levels that show what ended the growth: the fastest of those at which requests queued, or the last two.

        Threads that wait for each other queue long before their workers have no more to give.
        """
        most_rps = max((level.throughput_rps for level in self.full), default=0.0)
        return [level for level in self.full if FLAT * level.throughput_rps >= most_rps] or self.levels[-2:]

    @property
    def processor_full(self) -> float:
        """Part of what processor time there was that the app took at its limit: the middle level's. 0: not known."""
        return median(self._taken(level) for level in self.at_the_limit)

    @property
    def cores_taken(self) -> float:
        """Cores of this machine that computed at the limit, without the load generator's: the middle level's."""
        cores = self.setting.cores or 0
        used = (cores * level.machine_cpu_percent - level.generator_cpu_percent for level in self.at_the_limit)
        return median(used) / 100

    @property
    def others_cores(self) -> float:
        """Cores of this machine that were used at the limit by what grows with the responses and is no worker."""
        each_s = others_cpu_s(self.levels, self.setting.cores)
        return each_s * median(level.throughput_rps for level in self.at_the_limit)

    def _taken(self, level: Level) -> float:
        cores, workers = self.setting.cores, self.setting.workers
        if cores is None:
            return 0.0
        generator = level.generator_cpu_percent / 100
        busy = max(cores * level.machine_cpu_percent / 100, generator)
        if workers is None:  # on this machine, but which processes it has is not known
            return (busy - generator) / max(cores - generator, LEAST_CORES)
        ours = sum(level.worker_cpu_percent or ()) / 100
        others = max(0.0, busy - ours - generator)
        # what they leave is not all: the system gives each a fair share
        fair_share = cores * workers / (workers + 1 + ceil(others))
        return ours / min(workers, max(cores - generator - others, fair_share))

    @property
    def tail(self) -> float:
        """How many times as long as the median the slowest of 100 took where requests queued; 0: too few to say.

        Or where that is no more than a few times what it is for one user. A worker that computes all the time accepts
        late, and those whose connections it has not accepted wait for that, and for no lock.
        """
        seen = [level for level in self.full if level.answers >= FEWEST_FOR_A_TAIL]
        told = [level.tail for level in seen if not level.accepted_late or level.busiest_percent < FULL_WORKER_PERCENT]
        longest = max(told, default=0.0)
        return longest if longest >= MUCH_LONGER * self.levels[0].tail else 0.0


def machine_is_full(level: Level) -> bool:
    return level.machine_cpu_percent >= BUSY_MACHINE_PERCENT


def evidence_of(found: tuple[Level, ...], rows: pd.DataFrame, alone: Interval, setting: Setting) -> Evidence:
    latencies = since_due_ms(rows[rows["end_s"] <= found[0].end_s])[1:]
    fitted = fit(found, alone, float(latencies.std() / latencies.mean()))
    counted = evenly_full([level for level in found if level.busy_seats])
    full = [level for level in counted if served_at_once(level, fitted.seats.value) <= FULL * level.users]
    quick_s = float(np.quantile(latencies, 0.1)) / 1000
    return Evidence(setting, found, alone, fitted, tuple(full), cpu_per_request_s(found, setting.cores), quick_s)
