"""Spreads the users' first requests evenly over one answer time.

Users that begin together are answered together, ask again together, and so measure each other: with answers of
constant length the crowd stays in step for ever, and its size is what the tail of the latencies shows. Spread
starts break the step. The connections are opened before, in batches as Locust spawns: a connection that comes
alone goes to the worker that slept last, nearly always the same one.
"""

import time
from typing import Any

import gevent
from gevent.event import Event
from locust import events

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
