"""A gate for users: it opens when all of them, in all load processes, are there and connected."""

import time
from typing import Any

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
