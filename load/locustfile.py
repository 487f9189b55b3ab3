"""Entry point for `locust -f`: records what happens and, unless a user's own locustfile does, brings the users.

Locust's command line is used, not its library API: a user's own locustfile, load shapes, several processes
and several machines then work the way its documentation says.
"""

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# Locust looks first in the folder it runs in, which may hold another module named `load`.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import gevent
import psutil
from locust import LoadTestShape, events
from locust.env import Environment

from load import interleaved
from load.arrivals import Stage, starts_s
from load.recorder import record
from load.spec import read_load_spec
from load.step_load import StepLoad, Steps, variation
from load.users import user_class

sys.path.pop(0)


def shape_class(load: StepLoad, log: Path) -> type[LoadTestShape]:
    """Build the shape of a step load: one process for all levels, whose users keep their connections, and so workers.

    `log` gets a line when a level begins, and when the last one ends: time_s (monotonic clock), users.
    """
    steps, generator = Steps(load), psutil.Process(os.getpid())

    class StepShape(LoadTestShape):
        """Locust's own way to change the number of users while it runs."""

        _users = 0

        def tick(self) -> tuple[int, float] | None:
            total = self.runner.stats.total if self.runner else None
            counts = (total.num_requests, total.num_failures) if total else (0, 0)
            now_s, varies = time.perf_counter() - self.start_time, variation(total.response_times if total else {})
            users = steps.next_users(now_s, *counts, generator.cpu_percent(), varies) or 0
            if users != self._users:
                with log.open("a", encoding="utf-8") as file:
                    file.write(f"{time.monotonic():.3f},{users}\n")
                self._users = users
            return (users, users) if users else None

    return StepShape


def stages_class(stages: Sequence[Stage], spawn_rate_per_s: float) -> type[LoadTestShape]:
    """Build the shape of a load that changes. Its clock is that of the record: it begins when the users do."""
    begins_s, began_s = starts_s(stages), [time.monotonic()]

    def on_init(environment: Environment, **_: Any) -> None:
        environment.events.test_start.add_listener(lambda **_: began_s.append(time.monotonic()))

    events.init.add_listener(on_init)

    class StagesShape(LoadTestShape):
        """Locust's own way to change the number of users while it runs."""

        _asked = 0

        def tick(self) -> tuple[int, float] | None:
            """Wait for the next border: Locust asks once a second, which may be a second too late."""
            number, self._asked = self._asked, self._asked + 1
            if number:
                gevent.sleep(max(0.0, began_s[-1] + begins_s[number] - time.monotonic()))
            return (round(stages[number].level), spawn_rate_per_s) if number < len(stages) else None

    return StagesShape


def leave_the_names_to_the_user() -> None:
    """Forget our modules: Locust reads a user's own locustfile next, whose packages may be named like ours.

    Python would take ours: from `sys.modules` at once, and from `sys.path` where the user's have no __init__.py.
    Our modules live on in what refers to them; from here on they cannot import each other.
    """
    root = Path(__file__).resolve().parents[1]
    if (root / "pyproject.toml").is_file():  # else it is where pip installs packages, Locust among them
        sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != root]
    for name in [name for name in sys.modules if name.partition(".")[0] == "load"]:
        del sys.modules[name]


_spec = read_load_spec()
if _spec.turns:
    TurnsUser = interleaved.user_class(_spec)
    interleaved.lead_when_spawned(_spec)
else:
    record(_spec)
    if _spec.request is None and not _spec.requests:
        leave_the_names_to_the_user()
    else:
        EndpointUser = user_class(_spec)
    if _spec.step_load is not None:
        StepShape = shape_class(_spec.step_load, _spec.output_directory / "levels.csv")
    elif _spec.stages and _spec.rate_per_s is None:
        StagesShape = stages_class(_spec.stages, _spec.spawn_rate_per_s)
