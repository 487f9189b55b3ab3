"""When requests are sent: the barrier for all users, the schedule of an open load, spread first requests."""

import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

import gevent
from gevent.event import Event
from locust import events

from load.due import due_offsets
from load.listen import listen


class Gate:
    """Opens when all users, of all load processes, are spawned and those of this process are connected."""

    def __init__(self) -> None:
        self.opened_s = 0.0
        self._runner: Any = None
        self._arrived = 0
        self._all_spawned = False
        self._open = Event()
        listen(events.spawning_complete, self._on_spawned)

    def wait(self, runner: Any) -> int:
        """Wait until it opens; gives this user's number in its process, from 0."""
        self._runner = runner
        number = self._arrived
        self._arrived += 1
        self._open_if_all_are_there()
        self._open.wait()
        return number

    def _on_spawned(self, **_: Any) -> None:
        self._all_spawned = True
        self._open_if_all_are_there()

    def _open_if_all_are_there(self) -> None:
        there = self._runner is not None and self._arrived >= self._runner.user_count
        if self._all_spawned and there and not self._open.is_set():
            self.opened_s = time.monotonic()
            self._open.set()


def process_index(runner: Any) -> int:
    """Which of the load processes this is, from 0."""
    return max(0, getattr(runner, "worker_index", 0))


class Schedule:
    """The due times of one of the load processes: every n-th of all, where there are n."""

    def __init__(self, rate_per_s: float, arrivals: str, seed: int, processes: int = 1) -> None:
        self._asked = rate_per_s, arrivals, seed
        self._processes = processes
        self._gate = Gate()
        self._mine: Iterator[float] | None = None
        self.opened_s: float | None = None
        self.sent = 0

    def enter(self, runner: Any) -> None:
        """A user is connected: wait until all are."""
        self._gate.wait(runner)
        if self.opened_s is None:
            self.opened_s = self._gate.opened_s
            self._mine = islice(due_offsets(*self._asked), process_index(runner), None, self._processes)

    def next_due_s(self) -> float:
        """Take the next due time (s, monotonic clock), and wait for it where it has not passed."""
        if self._mine is None or self.opened_s is None:
            raise RuntimeError("a user asks before it has entered")
        due_s = self.opened_s + next(self._mine)
        gevent.sleep(max(0.0, due_s - time.monotonic()))
        self.sent += 1
        return due_s


class SpreadStart:
    """Lets users through the gate one after the other, those of several processes in turns."""

    def __init__(self, users: int, over_s: float, processes: int = 1) -> None:
        self._users = users
        self._over_s = over_s
        self._processes = processes
        self._gate = Gate()

    def wait_for_turn(self, runner: Any) -> None:
        """Return when it is this user's turn to send its first request."""
        place = self._gate.wait(runner) * self._processes + process_index(runner)
        due_s = self._gate.opened_s + self._over_s * place / self._users
        gevent.sleep(max(0.0, due_s - time.monotonic()))
