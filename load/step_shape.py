"""A load that climbs, as a shape of Locust's: one process for all levels.

It starts once, and users keep their connections, and so their workers, from level to level. levels.csv says when
each level began, and when the last one ended: one line each, time_s (monotonic clock), users.
"""

import os
import time

import psutil
from locust import LoadTestShape

from load.spec import LoadSpec
from load.step_load import Ladder


def shape_class(spec: LoadSpec) -> type[LoadTestShape]:
    """Build the shape that climbs as `spec.ladder` says, and writes levels.csv."""
    ladder = Ladder(**spec.ladder)
    log = spec.output_directory / "levels.csv"
    generator = psutil.Process(os.getpid())

    class LadderShape(LoadTestShape):
        """Locust's own way to change the number of users while it runs."""

        _users = 0

        def tick(self) -> tuple[int, float] | None:
            """Users and how many of them are started a second; None ends the load."""
            total = self.runner.stats.total if self.runner else None
            busy_percent = generator.cpu_percent()
            counts = (total.num_requests, total.num_failures) if total else (0, 0)
            users = ladder.climb(time.perf_counter() - self.start_time, *counts, busy_percent) or 0
            if users != self._users:
                with log.open("a", encoding="utf-8") as file:
                    file.write(f"{time.monotonic():.3f},{users}\n")
                self._users = users
            return (users, users) if users else None

    return LadderShape
