"""One line a second about the processes and the machine while a load runs: server.csv.

CPU is in percent of one core, taken over the second that ends with the sample.
"""

import csv
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import psutil

from benchmark.measure.server import connection_count

LOOKING_PAUSE, MAKING_SURE_PAUSE = 20.0, 200.0
"""How many times as long as counting connections took until they are counted again: where the number of open files says
that they changed, and where it does not.
"""

PROCESS_CLOCK = 2
"""CPUCLOCK_SCHED of the kernel: what a process used, and not one thread."""

MOST_COUNTED = 1000
"""Connections of a worker that are looked through one by one."""


class WorkerSample(NamedTuple):
    """One worker process at one moment."""

    cpu_percent: float
    cpu_s: float
    """User and system time since it began, of all its threads."""
    rss_bytes: int
    threads: int
    connections: int | None
    """None: they were not counted in this second."""


def columns(worker_count: int) -> list[str]:
    per_worker = [f"worker{n}_{field}" for n in range(worker_count) for field in WorkerSample._fields]
    return ["time_s", "generator_cpu_percent", "machine_cpu_percent", "steal_percent", *per_worker]


class Sampler:
    """Samples the workers of a server (none for an app elsewhere), the load generator and the machine."""

    def __init__(
        self,
        path: Path,
        workers: Sequence[psutil.Process],
        port: int,
        generator_pid: int,
        server_pid: int | None = None,
    ) -> None:
        self._path = path
        self._workers = workers  # a server that replaces one changes this list
        self._server = workers if server_pid is None else (psutil.Process(server_pid),)
        self._worker_s = [0.0] * len(workers)
        self._replaced_s = 0.0
        self._port = port
        self._connections = [Connections(worker, port) for worker in workers]
        self._generator = psutil.Process(generator_pid)

    def __enter__(self) -> Self:
        self._file = self._path.open("w", newline="", encoding="utf-8")
        self._writer = csv.writer(self._file)
        self._writer.writerow(columns(len(self._workers)))
        for process in (self._generator, *self._workers):
            _cpu_percent(process)  # the first reading only sets the mark that the next one counts from
        self._machine = psutil.cpu_times()
        self._began_s, self._others_s = time.monotonic(), self._others_cpu_s()
        return self

    def __exit__(self, _t: type[BaseException] | None, _e: BaseException | None, _b: TracebackType | None) -> None:
        self._file.close()

    def children_cpu_percent(self) -> float:
        """What the other processes of the server used until now, all together, in percent of one core.

        Those that its workers started, the one that manages them, and workers that have no connection yet. Asked once
        a round, not each second: to find them, every process of the machine is looked at.
        """
        spent_s = max(0.0, self._others_cpu_s() - self._others_s)
        return round(100 * spent_s / (time.monotonic() - self._began_s), 1)

    def _others_cpu_s(self) -> float:
        """All of the server without its workers, those that were replaced among them."""
        for place, worker in enumerate(self._workers):
            self._worker_s[place] = max(self._worker_s[place], cpu_s(worker))  # 0 when it has ended
        return _family_cpu_s(self._server) - sum(self._worker_s) - self._replaced_s

    def sample(self) -> None:
        """Write one line. OSError: the disk is full."""
        now, spent_s = time.monotonic(), [cpu_s(worker) for worker in self._workers]  # counting connections takes time
        row: list[Any] = [round(now, 3), _cpu_percent(self._generator), *self._machine_percent()]
        for place, worker in enumerate(self._workers):
            if self._connections[place].worker != worker:
                self._connections[place] = Connections(worker, self._port)
                self._replaced_s += self._worker_s[place]
            self._worker_s[place] = spent_s[place]
            row += _worker_sample(worker, spent_s[place], self._connections[place])
        self._writer.writerow(row)
        self._file.flush()

    def _machine_percent(self) -> tuple[float, float]:
        now = psutil.cpu_times()
        spent = {name: getattr(now, name) - getattr(self._machine, name) for name in now._fields}
        self._machine = now
        total = sum(value for name, value in spent.items() if name not in {"guest", "guest_nice"}) or 1.0
        idle = spent["idle"] + spent.get("iowait", 0.0)
        return round(100 * (1 - idle / total), 1), round(100 * spent.get("steal", 0.0) / total, 2)


def _family_cpu_s(heads: Sequence[psutil.Process]) -> float:
    """Processor time of these, of all processes that they started, and that those started, running or ended (s)."""
    spent_s = 0.0
    for head in heads:
        with suppress(psutil.Error):
            for process in (head, *head.children(recursive=True)):
                with suppress(psutil.Error):
                    spent_s += cpu_s(process) + sum(process.cpu_times()[2:4])  # the latter of children that ended
    return spent_s


def cpu_s(process: psutil.Process) -> float:
    """Processor time of a process, of all its threads (s); 0 when it has ended.

    Linux counts it in nanoseconds, on a clock of each process whose number clock_getcpuclockid(3) works out like this;
    what psutil reads elsewhere counts in hundredths of a second.
    """
    if sys.platform == "linux":
        with suppress(OSError):
            return time.clock_gettime(~process.pid << 3 | PROCESS_CLOCK)
        return 0.0
    with suppress(psutil.Error):
        return sum(process.cpu_times()[:2])
    return 0.0


def _cpu_percent(process: psutil.Process) -> float:
    with suppress(psutil.Error):
        return float(process.cpu_percent())
    return 0.0


class Connections:
    """Counts the connections that a worker holds, mostly when it has more or fewer open files than before.

    To look through ten thousand connections takes the system half a second, which the load would miss. So it takes at
    most a twentieth of the time, and beyond MOST_COUNTED each further open file is taken for a connection. As many
    files as before may be others: one connection closed, and one opened.
    """

    def __init__(self, worker: psutil.Process, port: int) -> None:
        self.worker = worker
        self._port = port
        self._files = -1
        self._held = 0
        self._counted_at = 0.0
        self._took_s = 0.0

    def held(self) -> int | None:
        """Established connections to the port; None when they changed and it is not yet time to count them.

        psutil.Error: the worker has ended.
        """
        files, now = self.worker.num_fds(), time.monotonic()
        if self._files >= 0 and self._held + files - self._files > MOST_COUNTED:
            self._held, self._files = self._held + files - self._files, files
            return self._held
        changed = files != self._files
        if now < self._counted_at + self._took_s * (LOOKING_PAUSE if changed else MAKING_SURE_PAUSE):
            return None if changed else self._held
        spent_s = time.process_time()
        self._held = connection_count(self.worker, self._port)
        self._took_s = time.process_time() - spent_s
        self._files, self._counted_at = files, now
        return self._held


def _worker_sample(worker: psutil.Process, spent_s: float, connections: Connections) -> WorkerSample:
    with suppress(psutil.Error), worker.oneshot():
        percent, rss_bytes = _cpu_percent(worker), worker.memory_info().rss
        return WorkerSample(percent, round(spent_s, 6), rss_bytes, worker.num_threads(), connections.held())
    return WorkerSample(0.0, round(spent_s, 6), 0, 0, 0)
