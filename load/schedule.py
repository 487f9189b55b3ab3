"""An open load: requests are due at a rate of their own, whether those before were answered or not.

Each user takes the next due time, waits for it, sends its request, and takes the next one when it was answered. As long
as there is a user free, every request is sent when it is due; when all wait for answers, the next ones are late, and
what they waited before they were sent is part of what a visitor would have waited.
"""

import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

import gevent

from load.due import due_offsets
from load.gate import Gate, process_index


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
            message = "a user asks before it has entered"
            raise RuntimeError(message)
        due_s = self.opened_s + next(self._mine)
        gevent.sleep(max(0.0, due_s - time.monotonic()))
        self.sent += 1
        return due_s
