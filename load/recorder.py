"""Writes down what a load test did: every request, one line a second, and the window it ran in.

requests.csv   one row per answered request, by Locust's own request logger
generator.csv  one row per second: users, requests and failures so far, lag of the generator's event loop
window.json    when the load started and stopped, when every user had been answered, what was still waiting
"""

import csv
import gc
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gevent
import psutil
from locust import events
from locust.contrib.csv_request_logger import CsvRequestLogger
from locust.env import Environment

from load.request_spec import LoadSpec, spellings
from load.users import AskingUser

ROWS_PER_FLUSH = 200
MEMORY_LIMIT_BYTES = 2 * 1024**3
"""Garbage collection comes back above this: a slow generator is better than a dead machine."""

SECOND_COLUMNS = ("time_s", "users", "requests", "failures", "lag_ms", "rss_bytes")


class RequestLog(CsvRequestLogger):
    """Locust's request log, with secret values struck out of the error texts, that ends the test when it is stuck."""

    def __init__(self, environment: Environment, path: Path, secrets: Sequence[str]) -> None:
        super().__init__(str(path), flush_interval=ROWS_PER_FLUSH)
        self._environment = environment
        self._secrets = secrets
        self.register(environment)

    def _on_request(self, *, exception: Any = None, **request: Any) -> None:
        if exception is not None and self._secrets:
            text = str(exception)
            for secret in self._secrets:
                text = text.replace(secret, "[redacted]")
            exception = text
        try:
            super()._on_request(exception=exception, **request)
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        """A load whose requests can not be written down is worth nothing: end it, once, and say why."""
        if self._environment.process_exit_code is None:
            self._environment.process_exit_code = os.EX_IOERR
            # Said at the very end: Locust prints its own tables before.
            _listen(self._environment.events.quit, lambda **_: sys.stderr.write(f"requests.csv: {error}\n"))
            if self._environment.runner is not None:
                gevent.spawn(self._environment.runner.quit)


class Recorder:
    """Listens to one Locust environment and writes into one directory."""

    def __init__(self, environment: Environment, directory: Path, secrets: Sequence[str]) -> None:
        self.environment = environment
        self.directory = directory
        self.spawned_s: float | None = None
        self.stopped_s: float | None = None
        self.users_spawned = 0
        self.asking_users: list[AskingUser] = []
        RequestLog(environment, directory / "requests.csv", secrets)
        _listen(environment.events.test_start, self.on_start)
        _listen(environment.events.spawning_complete, self.on_spawned)
        _listen(environment.events.test_stopping, self.on_stopping)
        _listen(environment.events.quitting, self.on_quitting)

    def on_start(self, **_: Any) -> None:
        """Switch garbage collection off and begin the line per second.

        Python's collector walks every greenlet of every user, and stops them all meanwhile: users would
        see the generator's own pauses as latency of the server.
        """
        gc.collect()
        gc.freeze()
        gc.disable()
        gevent.spawn(self._write_seconds)

    def on_spawned(self, user_count: int, **_: Any) -> None:
        """Note the end of the ramp."""
        self.spawned_s = time.time()
        self.users_spawned = user_count
        self._collect_users()

    def on_stopping(self, **_: Any) -> None:
        """Note the end of the load; who still waits is counted after the users were stopped."""
        self.stopped_s = time.time()
        if self.spawned_s is None and self.environment.runner is not None:
            self.users_spawned = self.environment.runner.user_count
        self._collect_users()

    def on_quitting(self, **_: Any) -> None:
        """Write the window."""
        stopped_s = self.stopped_s or time.time()
        answered = [user.first_answer_s for user in self.asking_users if user.first_answer_s is not None]
        known = bool(self.asking_users)
        window = {
            "start_s": self.environment.stats.start_time,
            "spawned_s": self.spawned_s,
            "all_answered_s": max(answered) if known and len(answered) == len(self.asking_users) else None,
            "stop_s": stopped_s,
            "users_spawned": self.users_spawned,
            "users_answered": len(answered) if known else None,
            "first_answers_s": answered if known else None,
            "waiting_since_s": [u.waiting_since_s for u in self.asking_users if u.waiting_since_s] if known else None,
            "requests": self.environment.stats.total.num_requests,
            "garbage_collection_on": gc.isenabled(),
        }
        (self.directory / "window.json").write_text(json.dumps(window))

    def _collect_users(self) -> None:
        """Keep the user objects: Locust forgets them when it stops them."""
        runner = self.environment.runner
        greenlets = runner.user_greenlets if runner is not None else ()
        users = [greenlet.args[0] for greenlet in greenlets if greenlet.args]
        known = {id(user) for user in self.asking_users}
        self.asking_users += [user for user in users if isinstance(user, AskingUser) and id(user) not in known]

    def _write_seconds(self) -> None:
        process = psutil.Process(os.getpid())
        with (self.directory / "generator.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(SECOND_COLUMNS)
            file.flush()
            while True:
                due = time.perf_counter() + 1.0
                gevent.sleep(1.0)
                lag_ms = (time.perf_counter() - due) * 1000
                rss_bytes = process.memory_info().rss
                if rss_bytes > MEMORY_LIMIT_BYTES:
                    gc.enable()
                writer.writerow([round(time.time(), 3), *self._counts(), round(lag_ms, 2), rss_bytes])
                file.flush()

    def _counts(self) -> tuple[int, int, int]:
        total = self.environment.stats.total
        users = self.environment.runner.user_count if self.environment.runner is not None else 0
        return users, total.num_requests, total.num_failures


def record(spec: LoadSpec) -> None:
    """Attach a recorder to the environment that Locust is about to create."""
    spelled = {text for name in spec.secret_variables for text in spellings(os.environ.get(name, ""))}
    secrets = sorted(spelled, key=len, reverse=True)

    def on_init(environment: Environment, **_: Any) -> None:
        Recorder(environment, spec.output_directory, secrets)
        # gevent counts a timer from when its loop last looked at the clock, which was before the imports:
        # without this the load stops some 0.2 s early.
        gevent.get_hub().loop.update_now()

    _listen(events.init, on_init)


def _listen(event: Any, listener: Callable[..., Any]) -> None:
    """Locust's events are not typed."""
    event.add_listener(listener)
