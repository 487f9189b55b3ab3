"""A load that climbs, made up: a closed queue with constant or random service times, and no machine in it."""

import heapq
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pandas as pd

from benchmark.diagnose.model import Diagnosis, Setting, Step
from benchmark.diagnose.rules import diagnose


@dataclass
class Climb:
    """A server to climb on. `seats` per worker; None: nothing queues. `share`: of the connections, worker by worker.

    `computes_s`: processor time of each response, in place of the percentages; the machine shows it, too. `wakes_s`:
    the same for each that finds its worker idle. `elsewhere`: its workers cannot be seen; `cores` None: nor can its
    machine. `stuck`: one request in so many takes 40 times as long. `around_s`: how much longer than a seat is taken
    each answer is on its way.
    """

    seats: int | None
    share: Sequence[float] = (1.0,)
    service_s: Callable[[random.Random], float] = lambda _random: 0.1
    first_come: bool = True
    accepts_late: bool = False
    users: Sequence[int] = (1, 2, 4, 8, 16, 32, 64, 128, 256)
    level_s: float = 1.0
    worker_cpu_percent: float = 5.0
    generator_cpu_percent: float = 5.0
    machine_cpu_percent: float = 20.0
    threads_grown: int = 0
    threads: int = 40
    computes_s: float | None = None
    wakes_s: float = 0.0
    elsewhere: bool = False
    cores: int | None = 2
    stuck: int | None = None
    around_s: float = 0.0
    seed: int = 1
    rows: list[tuple[float, float]] = field(default_factory=list)

    def diagnosis(self) -> Diagnosis:
        """Climb and conclude."""
        starts = [number * self.level_s for number in range(len(self.users) + 1)]
        workers = len(self.share)
        held = [self._dealt(users) for users in self.users]
        for worker in range(workers):
            joins = [(starts[level], counts[worker]) for level, counts in enumerate(held)]
            self._serve(joins, starts[-1])
        steps = [
            self._step(users, span, counts)
            for users, span, counts in zip(self.users, pairwise(starts), held, strict=True)
        ]
        rows = pd.DataFrame(self.rows, columns=["sent_s", "end_s"]).sort_values("end_s").assign(error="")
        known = {"workers": None, "threads": None} if self.elsewhere else {"workers": workers, "threads": self.threads}
        setting = Setting(endpoint="made up", cores=self.cores, **known)
        return diagnose([self._seen(step, rows["end_s"]) for step in steps], rows, setting)

    def _seen(self, step: Step, ends_s: pd.Series) -> Step:
        """What is seen of a level: the processor time of its responses, and of workers nothing where they are not."""
        workers, changes = len(self.share), dict[str, Any]()
        answers = int(((ends_s > step.start_s) & (ends_s <= step.end_s)).sum())
        rps = answers / (step.end_s - step.start_s)
        if self.computes_s is not None:
            # rps x (computes + wakes x idle) is what the worker does not idle
            cost_s = (self.computes_s + self.wakes_s) / (1 + self.wakes_s * rps / workers)
            used = 100 * rps * cost_s
            machine = (used + self.generator_cpu_percent) / (self.cores or 1)
            changes = {"worker_cpu_percent": (used / workers,) * workers, "machine_cpu_percent": machine}
        if self.elsewhere:
            changes |= dict.fromkeys(("worker_cpu_percent", "connections_per_worker", "threads_grown_per_worker"))
        return step.model_copy(update=changes)

    def _dealt(self, users: int) -> tuple[int, ...]:
        first = [round(users * part) for part in self.share[:-1]]
        return (*first, users - sum(first))

    def _step(self, users: int, span: tuple[float, float], held: tuple[int, ...]) -> Step:
        grown = tuple(min(self.threads_grown, count) for count in held)
        accepted = tuple(math.ceil(0.7 * count) for count in held) if self.accepts_late else held
        return Step(
            users=users,
            start_s=span[0],
            end_s=span[1],
            connections_per_worker=accepted,
            worker_cpu_percent=(self.worker_cpu_percent,) * len(held),
            threads_grown_per_worker=grown,
            generator_cpu_percent=self.generator_cpu_percent,
            machine_cpu_percent=self.machine_cpu_percent,
        )

    def _serve(self, joins: Sequence[tuple[float, int]], end_s: float) -> None:
        """One worker: users join, ask, wait for a seat, are served, ask again. Stops when the load does."""
        chance = random.Random(self.seed)  # noqa: S311 - reproducible, not secret
        events: list[tuple[float, int, float]] = []  # (when, 0 asks / 1 is answered, asked when)
        present = 0
        for when_s, count in joins:
            events += [(when_s + 1e-4 * number, 0, 0.0) for number in range(max(0, count - present))]
            present = max(present, count)
        heapq.heapify(events)
        queue: list[float] = []
        busy = 0
        while events and events[0][0] < end_s:
            now_s, kind, asked_s = heapq.heappop(events)
            if kind == 1:
                self.rows.append((asked_s, now_s + self.around_s))
                busy -= 1
                heapq.heappush(events, (now_s + self.around_s, 0, 0.0))  # who is answered asks again at once
            else:
                queue.append(now_s)
            while queue and (self.seats is None or busy < self.seats):
                asked_s = queue.pop(0 if self.first_come else -1)
                starves = self.stuck is not None and busy and chance.random() < 1 / self.stuck
                heapq.heappush(events, (now_s + self.service_s(chance) * (40 if starves else 1), 1, asked_s))
                busy += 1


@dataclass(frozen=True)
class Seen:
    """One level of a load that really climbed, as it was measured. `workers`: connections, threads, CPU (%) of each."""

    users: int
    rps: float
    machine_cpu_percent: float
    workers: tuple[tuple[int, int, float], ...] = ()


def diagnosis_of(seen: Sequence[Seen], service_s: float, setting: Setting, level_s: float = 1.0) -> Diagnosis:
    """Conclude from what was measured. Responses come evenly: of each level as many as it had."""
    steps, rows = [], []
    for number, level in enumerate(seen):
        held, threads, percent = zip(*level.workers, strict=True) if level.workers else (None, None, None)
        start_s, end_s = number * level_s, (number + 1) * level_s
        steps.append(
            Step(
                users=level.users,
                start_s=start_s,
                end_s=end_s,
                connections_per_worker=held,
                worker_cpu_percent=percent,
                threads_grown_per_worker=threads,
                generator_cpu_percent=4.0,
                machine_cpu_percent=level.machine_cpu_percent,
            )
        )
        took_s = max(service_s, level.users / level.rps)
        ends = (start_s + answer / level.rps for answer in range(1, 1 + int(level_s * level.rps)))
        rows += [(end - took_s, end) for end in ends]
    frame = pd.DataFrame(rows, columns=["sent_s", "end_s"]).assign(error="")
    return diagnose(steps, frame, setting)
