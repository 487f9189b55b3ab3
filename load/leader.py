"""The Locust process that loads nothing itself: it leads load processes, of this machine or of others.

It tells those of others what to request, writes down the answers they got, and at the end asks each for its part of
the window and writes window.json. Who they are, and whether they are heard: attendance.py.
"""

import json
import time
from collections.abc import Callable
from typing import Any

import gevent
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner

from load.attendance import Attendance
from load.listen import listen
from load.remote import LACKS, REFUSED, SPEC, VERSION, Files, versions
from load.request_spec import LoadSpec
from load.seconds import write_seconds
from load.unwritable import UNWRITABLE
from load.window import by_our_clock, window

STOP, PART = "bench-stop", "bench-part"
PART_WITHIN_S = 30.0
INTRODUCED_WITHIN_S = 10.0


class Leader:
    """Listens to the environment of a Locust master and writes into one directory."""

    def __init__(self, environment: Environment, runner: MasterRunner, spec: LoadSpec) -> None:
        self.environment = environment
        self.runner = runner
        self.spec = spec
        self.directory = spec.output_directory
        self.attendance = Attendance(environment, runner, spec)
        self.introduced: set[str] = set()
        self.parts: dict[str, dict[str, Any]] = {}
        self.started_at_unix_s = time.time()
        self.started_s = time.monotonic()
        self.spawned_s: float | None = None
        self.stopped_s = 0.0
        self.files = Files(spec.output_directory)
        self.runner.register_message(VERSION, self.on_version)
        self.runner.register_message(LACKS, self.on_lacks)
        self.runner.register_message(PART, self.on_part)
        self.runner.register_message(UNWRITABLE, self.on_unwritable)
        listen(environment.events.worker_report, self.on_report)
        listen(environment.events.test_start, self.on_start)
        listen(environment.events.spawning_complete, self.on_spawned)
        listen(environment.events.test_stopping, self.on_stopping)
        listen(environment.events.quitting, self.on_quitting)

    def on_version(self, msg: Any, **_: Any) -> None:
        """A load worker of another machine says what it runs; only then is it told what to request."""
        started = self.attendance.started
        if started and msg.node_id not in started:
            return  # it came too late for this round, whatever it runs
        self.introduced.add(msg.node_id)
        for what, here in versions().items():
            if (there := msg.data.get(what)) != here:
                self.runner.send_message(REFUSED, {what: here}, msg.node_id)
                name = self.attendance.name(msg.node_id)
                self.attendance.give_up("usage", f"{name} has {what} {there}, this machine {here}; update one of them")
                return
        self.runner.send_message(SPEC, self.spec.message(), msg.node_id)

    def on_lacks(self, msg: Any, **_: Any) -> None:
        """A load worker lacks something to send its share: a variable that a header names, or open files."""
        name = self.attendance.name(msg.node_id)
        self.attendance.give_up("usage", f"{name} {msg.data['what']}; {msg.data['remedy']}")

    def on_unwritable(self, msg: Any, **_: Any) -> None:
        """A load process of this machine could not write its requests down."""
        self.attendance.give_up("unwritable", msg.data["message"])

    def on_start(self, **_: Any) -> None:
        """Settle who loads; one that has just come may still be about to say what it runs."""
        self.attendance.settle()
        if self.spec.load_workers:
            self._wait_until_introduced()
        self.started_at_unix_s, self.started_s = time.time(), time.monotonic()
        gevent.spawn(write_seconds, self.environment, self.directory / "generator.csv")

    def _wait_until_introduced(self) -> None:
        until = time.monotonic() + INTRODUCED_WITHIN_S
        while (silent := set(self.attendance.started) - self.introduced) and time.monotonic() < until:
            gevent.sleep(0.01)
        for one in sorted(silent)[:1]:
            self.attendance.give_up("lost", f"{self.attendance.name(one)} did not say what it runs")
        self.environment.stats.clear_all()  # the load begins now, not when the waiting began

    def on_spawned(self, **_: Any) -> None:
        """Note the end of the ramp. Locust says it again when somebody comes later."""
        self.spawned_s = self.spawned_s or time.monotonic()

    def on_report(self, client_id: str, data: dict[str, Any], **_: Any) -> None:
        """Keep the answers that a load worker of another machine got."""
        if "answers" in data and client_id in self.attendance.started:
            try:
                self.files.write(self.attendance.place(client_id), self.started_s, data)
            except OSError as error:
                self._end_unwritten(error)

    def on_part(self, msg: Any, **_: Any) -> None:
        """A load process has stopped; its last answers come with its part."""
        self.on_report(msg.node_id, msg.data)
        self.parts[msg.node_id] = msg.data
        self.attendance.done.add(msg.node_id)

    def on_stopping(self, **_: Any) -> None:
        """Stop the load processes, and wait until each has said what its users did."""
        self.stopped_s = time.monotonic()
        self.runner.send_message(STOP)
        until = time.monotonic() + PART_WITHIN_S
        while self._unheard() and not self.attendance.given_up and time.monotonic() < until:
            gevent.sleep(0.01)
        for one in self._unheard()[:1]:
            name = self.attendance.name(one)
            self.attendance.give_up("lost", f"{name} did not say what its users did; its part of the load is unknown")
        try:
            self.files.close()
        except OSError as error:
            self._end_unwritten(error)

    def _end_unwritten(self, error: OSError) -> None:
        """The answers of load workers could not be written down."""
        self.attendance.give_up("unwritable", f"the answers of load workers: {error}")

    def _unheard(self) -> list[str]:
        return [one for one in self.attendance.started if one not in self.parts]

    def on_quitting(self, **_: Any) -> None:
        """Write the window."""
        parts = [self.parts[one] for one in self.attendance.started if one in self.parts]
        if self.spec.load_workers:
            parts = [by_our_clock(part, self.started_s) for part in parts]
        found = window(self.spec, self.started_s, self.spawned_s, self.stopped_s, parts)
        found["started_at_unix_s"] = self.started_at_unix_s
        silences = self.attendance.silences.items()
        found["silences"] = {self.attendance.name(one): round(longest_s, 1) for one, longest_s in silences}
        (self.directory / "window.json").write_text(json.dumps(found))


def answer_to_leader(runner: WorkerRunner, part: Callable[[], dict[str, Any]]) -> None:
    """In a load process: when the leader says so, stop the users, and tell it their part of the window."""

    def stop(**_: Any) -> None:
        runner.stop()
        runner.send_message(PART, part())

    runner.register_message(STOP, stop)
