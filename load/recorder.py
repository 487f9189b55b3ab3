"""Writes down what a load test did: every request, one line a second, and the window it ran in."""

import csv
import gc
import json
import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import gevent
from locust import events
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner

from load.caches import from_cache
from load.distributed.master import Master, answer_to_master
from load.http_client import Response
from load.output import end_unwritable, write_seconds
from load.results import REQUEST_COLUMNS, STREAM_COLUMNS, quoted, stream_row, window
from load.spec import LoadSpec, redact
from load.stock_clients import watch_stock_clients
from load.users import RequestingUser, Schedule
from load.visitor import BY_CLIENTS

ROWS_PER_WRITE = 200


class RequestLog:
    """Writes a row for each request, without secret values, and ends the test when it cannot.

    `names`: of endpoints, which stay as they are, also where a data file holds the same word.
    """

    def __init__(self, environment: Environment, path: Path, secrets: Sequence[str], names: Iterable[str] = ()) -> None:
        self._environment = environment
        self._secrets = secrets
        self._quoted = {name: quoted(name) for name in names}
        self._file = path.open("w", encoding="utf-8")
        self._lines = [",".join(REQUEST_COLUMNS) + "\n"]
        self._write()
        environment.events.request.add_listener(self.on_request)
        environment.events.quitting.add_listener(self.close)

    def on_request(
        self,
        *,
        request_type: str,
        name: str,
        response_time: float | None = None,
        response_length: int = 0,
        response: Any = None,
        exception: Any = None,
        **_: Any,
    ) -> None:
        """Keep the row of one request. A locustfile of a user's own may say less of it than our clients do."""
        due = first_byte = ""
        if isinstance(response, Response):
            sent_s, end_s = response.sent_s, response.end_s
            if response.due_s is not None:
                due = f"{min(response.due_s, sent_s):.6f}"
            if response.first_byte_s is not None:
                first_byte = f"{response.first_byte_s:.6f}"
        else:
            end_s = time.monotonic()
            sent_s = end_s - (response_time or 0.0) / 1000
        status = getattr(response, "status_code", 0) or 0
        error = "" if exception is None else quoted(redact(str(exception), self._secrets))
        kind = self._quoted.get(request_type) or self._quoted.setdefault(request_type, quoted(request_type))
        what = self._quoted.get(name) or self._quoted.setdefault(name, quoted(redact(str(name), self._secrets)))
        self._lines.append(
            f"{due},{sent_s:.6f},{first_byte},{end_s:.6f},{kind},{what},{response_length or 0},{status},{error}\n"
        )
        if len(self._lines) >= ROWS_PER_WRITE:
            self._write()

    def close(self, **_: Any) -> None:
        self._write()
        self._file.close()

    def _write(self) -> None:
        lines, self._lines = self._lines, []
        if self._file.closed:
            return
        try:
            self._file.writelines(lines)
            self._file.flush()
        except OSError as error:
            end_unwritable(self._environment, f"requests.csv: {error}")


class StreamLog:
    """Writes a row for each response of the endpoints `names`, and ends the test when it cannot."""

    def __init__(self, environment: Environment, path: Path, names: Iterable[str]) -> None:
        self._environment = environment
        self._names = frozenset(names)
        self._file = path.open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._file, lineterminator="\n")
        self._write(STREAM_COLUMNS)
        environment.events.request.add_listener(self.on_request)
        environment.events.quitting.add_listener(self.close)

    def on_request(self, *, name: str, response: Any = None, exception: Any = None, **_: Any) -> None:
        if name in self._names:
            self._write(stream_row(name, response, is_right=exception is None))

    def close(self, **_: Any) -> None:
        self._trying(self._file.close)

    def _write(self, row: Sequence[str | float]) -> None:
        if not self._file.closed:
            self._trying(lambda: self._writer.writerow(row))

    def _trying(self, write: Callable[[], object]) -> None:
        try:
            write()
        except OSError as error:
            end_unwritable(self._environment, f"streams.csv: {error}")


OF_LOGINS = ("logins", "renewals", "failed_logins")


class Recorder:
    """Listens to one Locust environment whose users run in this process. Moments are on the monotonic clock (s)."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.started_at_unix_s = time.time()
        self.started_s = time.monotonic()
        self.spawned_s: float | None = None
        self.stopped_s: float | None = None
        self.cpu_s = 0.0
        self.users_spawned = 0
        self.requests = 0
        self.sent = 0
        self.users: list[RequestingUser] = []
        self.schedule: Schedule | None = None
        self.hidden = watch_stock_clients()
        environment.events.test_start.add_listener(self.on_start)
        if isinstance(environment.runner, WorkerRunner):
            environment.events.request.add_listener(self.on_request)
        environment.events.spawning_complete.add_listener(self.on_spawned)
        environment.events.test_stopping.add_listener(self.on_stopping)

    def on_start(self, **_: Any) -> None:
        """Switch garbage collection off, and look at the clocks.

        Python's collector walks every greenlet of every user, and stops them all meanwhile: users would
        see the generator's own pauses as latency of the server.
        """
        gc.collect()
        gc.freeze()
        gc.disable()
        self.started_at_unix_s = time.time()
        self.cpu_s = -time.process_time()
        self.started_s = time.monotonic()

    def on_request(self, **_: Any) -> None:
        """Count: a worker's statistics begin again with each report to its master."""
        self.requests += 1

    def on_spawned(self, **_: Any) -> None:
        """Note the end of the ramp. Locust says it again when a load process was not heard for a while."""
        if self.spawned_s is None:
            self.spawned_s = time.monotonic()
        self._collect_users()

    def on_stopping(self, **_: Any) -> None:
        """Note the end of the load; who still waits is counted after the users were stopped."""
        self.stopped_s = time.monotonic()
        self.cpu_s += time.process_time()
        self._collect_users()
        self.sent = self.schedule.sent if self.schedule else 0

    def part(self) -> dict[str, Any]:
        """What is known of this process's users, once they were stopped. None: not known."""
        known = len(self.users) >= self.users_spawned  # of a user's own locustfile nothing is
        visitors = [user.visitor for user in self.users if user.visitor is not None]
        moments = ([getattr(user, name) for user in self.users] for name in ("first_answer_s", "waiting_since_s"))
        answered, waiting = ([one for one in each if one is not None] if known else None for each in moments)
        return {
            "start_s": self.started_s,
            "users_spawned": self.users_spawned,
            "first_answers_s": answered,
            "waiting_since_s": waiting,
            "waiting_for": [user.waiting_for or "" for user in self.users if user.waiting_since_s] if known else None,
            "requests": self.requests,
            "begun": sum(user.begun for user in self.users) if known else None,
            "thoughts": sum(user.thoughts for user in self.users) if known else None,
            "thought_s": sum(user.thought_s for user in self.users) if known else None,
            **{name: self._counted(name) if known else None for name in BY_CLIENTS},
            **{name: sum(getattr(visitor, name) for visitor in visitors) if known else None for name in OF_LOGINS},
            "from_cache": from_cache(user.heads for user in self.users),
            "repeated": self.hidden.repeated,
            "cut_off": self.hidden.cut_off,
            "generator_cpu_s": self.cpu_s,
            "garbage_collection_on": gc.isenabled(),
            "opened_s": self.schedule.opened_s if self.schedule else None,
            "sent": self.sent,
        }

    def _counted(self, name: str) -> int | None:
        """What the clients of all users counted, but for logins; None: of one of them it is not known."""
        counts = [getattr(user.client, name) for user in self.users]
        aside = sum(user.visitor.aside[name] for user in self.users if user.visitor is not None)
        return None if None in counts else sum(counts) - aside

    def _collect_users(self) -> None:
        """Keep the user objects: Locust forgets them when it stops them."""
        runner = self.environment.runner
        greenlets = runner.user_greenlets if runner is not None else ()
        users = [greenlet.args[0] for greenlet in greenlets if greenlet.args]
        self.users_spawned = max(self.users_spawned, len(users))
        passing = next((user.passing for user in users if isinstance(user, RequestingUser)), None)
        users = [*self.users, *users, *(passing.everyone if passing is not None else ())]
        self.users = [*{id(user): user for user in users if isinstance(user, RequestingUser)}.values()]
        self.schedule = next((user.schedule for user in self.users), None)


def record(spec: LoadSpec) -> None:
    directory = spec.output_directory

    def on_init(environment: Environment, **_: Any) -> None:
        if isinstance(environment.runner, MasterRunner):
            Master(environment, environment.runner, spec)
        else:
            suffix = f"-{os.getpid()}" if isinstance(environment.runner, WorkerRunner) else ""
            RequestLog(environment, directory / f"requests{suffix}.csv", spec.secrets(), spec.names)
            if spec.streams:
                StreamLog(environment, directory / f"streams{suffix}.csv", spec.streams)
            _record_users(environment, spec, suffix)
        # gevent counts a timer from when its loop last looked at the clock, which was before the imports:
        # without this the load stops some 0.2 s early.
        gevent.get_hub().loop.update_now()

    events.init.add_listener(on_init)


def _record_users(environment: Environment, spec: LoadSpec, suffix: str) -> None:
    directory = spec.output_directory
    recorder = Recorder(environment)
    runner = environment.runner
    environment.events.test_start.add_listener(
        lambda **_: gevent.spawn(write_seconds, environment, directory / f"generator{suffix}.csv")
    )
    if isinstance(runner, WorkerRunner):
        answer_to_master(runner, recorder.part)
        return

    def on_quitting(**_: Any) -> None:
        stop_s = recorder.stopped_s or time.monotonic()
        found = window(spec, recorder.started_s, recorder.spawned_s, stop_s, [recorder.part()])
        found["started_at_unix_s"] = recorder.started_at_unix_s
        found["requests"] = environment.stats.total.num_requests  # Locust's own count, to hold the log against
        (directory / "window.json").write_text(json.dumps(found))

    environment.events.quitting.add_listener(on_quitting)
