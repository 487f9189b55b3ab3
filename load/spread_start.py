"""Spreads the users' first requests evenly over one answer time.

Users that begin together are answered together, ask again together, and so measure each other: with answers of
constant length the crowd stays in step for ever, and its size is what the tail of the latencies shows. Spread
starts break the step. The connections are opened before, in batches as Locust spawns: a connection that comes
alone goes to the worker that slept last, nearly always the same one.
"""

import time
from typing import Any

import gevent

from load.gate import Gate, process_index


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
