"""Spreads the users' first requests evenly over one answer time.

Users that begin together are answered together, ask again together, and so measure each other: with answers of
constant length the crowd stays in step for ever, and its size is what the tail of the latencies shows. Spread
starts break the step. The connections are opened before, in batches as Locust spawns: a connection that comes
alone goes to the worker that slept last, nearly always the same one.
"""

import time
from itertools import count

import gevent
from gevent.event import Event


class SpreadStart:
    """A gate that opens when all users are connected, and lets them through one after the other."""

    def __init__(self, users: int, over_s: float) -> None:
        self._users = users
        self._over_s = over_s
        self._numbers = count()
        self._open = Event()
        self._opened_s = 0.0

    def wait_for_turn(self) -> None:
        """Return when it is this user's turn to send its first request."""
        number = next(self._numbers)
        if number == self._users - 1:
            self._opened_s = time.monotonic()
            self._open.set()
        self._open.wait()
        due_s = self._opened_s + self._over_s * number / self._users
        gevent.sleep(max(0.0, due_s - time.monotonic()))
