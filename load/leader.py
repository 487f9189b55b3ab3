"""The Locust process that loads nothing itself: it leads load processes, of this machine or of others.

At the end it asks each for its part of the window and writes window.json. Who loads is settled at the start: Locust
would give the users of a process that is not heard to the others, and so change what is measured. A process that
stays away ends the round, and problem.json says why.
"""

import json
import time
from collections.abc import Callable
from typing import Any

import gevent
from locust.dispatch import UsersDispatcher
from locust.env import Environment
from locust.runners import STATE_MISSING, MasterRunner, WorkerRunner

from load.listen import listen
from load.remote import SPEC, VERSION, Files, versions
from load.request_spec import LoadSpec
from load.seconds import write_seconds
from load.window import window

STOP, PART = "bench-stop", "bench-part"
LONGEST_SILENCE_S = 15.0
"""A load process that was not heard for so long is given up. Locust needs some 4 s to notice at all."""

PART_WITHIN_S = 30.0


class FixedWorkers(UsersDispatcher):
    """Deals the users to those who are there at the start, and to nobody else."""

    def add_worker(self, worker_node: Any) -> None:
        """Leave one that comes, or comes back, as it is."""

    def remove_worker(self, worker_node: Any) -> None:
        """Leave the users of one that is gone where they were."""


class Leader:
    """Listens to the environment of a Locust master and writes into one directory."""

    def __init__(self, environment: Environment, runner: MasterRunner, spec: LoadSpec) -> None:
        self.environment = environment
        self.runner = runner
        self.spec = spec
        self.directory = spec.output_directory
        self.spawned_s: float | None = None
        self.stopped_s = 0.0
        self.started: set[str] = set()
        self.parts: dict[str, dict[str, Any]] = {}
        self.silences: dict[str, float] = {}
        self.files = Files(spec.output_directory)
        environment.dispatcher_class = FixedWorkers
        self._come()
        self.runner.register_message(PART, self.on_part)
        self.runner.register_message(VERSION, self.on_version)
        listen(environment.events.worker_connect, self.on_connect)
        listen(environment.events.worker_report, self.on_report)
        listen(environment.events.test_start, self.on_start)
        listen(environment.events.spawning_complete, self.on_spawned)
        listen(environment.events.test_stopping, self.on_stopping)
        listen(environment.events.quitting, self.on_quitting)

    def on_connect(self, client_id: str, **_: Any) -> None:
        """Tell a load worker of another machine what to do. A process of this one has read it."""
        if self.spec.load_workers:
            self.runner.send_message(SPEC, self.spec.message(), client_id)
        self._come(client_id)

    def _come(self, client_id: str | None = None) -> None:
        """Write down who is there, as what is wrong should the others never come."""
        there = dict.fromkeys([*self.runner.clients, *([client_id] if client_id else [])])
        expected = self.spec.load_workers or self.spec.processes
        if self.started or len(there) >= expected:
            return
        names = f" ({', '.join(map(self._name, there))})" if there else ""
        self._problem("missing", f"only {len(there)} of {expected} load workers came{names}")

    def on_version(self, msg: Any, **_: Any) -> None:
        """A load worker of another machine says what it runs."""
        name, theirs = self._name(msg.node_id), msg.data
        for what, here in versions().items():
            if theirs.get(what) != here:
                self._give_up("usage", f"{name} has {what} {theirs.get(what)}, this machine {here}; update one of them")
        if theirs.get("lacks"):
            self._give_up("usage", f"{name} has no value for ${theirs['lacks']}; set it there: export NAME=...")

    def on_start(self, **_: Any) -> None:
        """Settle who loads, and begin to watch over them."""
        if not self._given_up:
            (self.directory / "problem.json").unlink(missing_ok=True)
        self.started = set(self.runner.clients)
        gevent.spawn(write_seconds, self.environment, self.directory / "generator.csv")
        gevent.spawn(self._watch)

    def on_spawned(self, **_: Any) -> None:
        """Note the end of the ramp. Locust says it again when a load process was not heard for a while."""
        self.spawned_s = self.spawned_s or time.time()

    def on_report(self, client_id: str, data: dict[str, Any], **_: Any) -> None:
        """Keep the answers that a load worker of another machine got."""
        if "answers" in data:
            self.files.write(self._index(client_id), self.environment.stats.start_time, data)

    def on_part(self, msg: Any, **_: Any) -> None:
        """A load process has stopped."""
        self.on_report(msg.node_id, msg.data)
        self.parts[msg.node_id] = msg.data

    def on_stopping(self, **_: Any) -> None:
        """Stop the load processes, and wait until each has said what its users did."""
        self.stopped_s = time.time()
        self.runner.send_message(STOP)
        until = time.monotonic() + PART_WITHIN_S
        while self.started - set(self.parts) and not self._given_up and time.monotonic() < until:
            gevent.sleep(0.01)
        for lost in sorted(self.started - set(self.parts))[:1]:
            self._give_up("lost", f"{self._name(lost)} did not say what its users did; its part of the load is unknown")
        self.files.close()

    def on_quitting(self, **_: Any) -> None:
        """Write the window."""
        parts = [self.parts[one] for one in sorted(self.started) if one in self.parts]
        start_s = self.environment.stats.start_time
        if self.spec.load_workers:
            parts = [_by_our_clock(part, start_s) for part in parts]
        found = window(start_s, self.spawned_s, self.stopped_s, parts)
        found["silences"] = {self._name(one): round(longest, 1) for one, longest in self.silences.items()}
        (self.directory / "window.json").write_text(json.dumps(found))

    def _watch(self) -> None:
        """Note who is not heard, and give up when one stays away."""
        since: dict[str, float] = {}
        while True:
            gevent.sleep(0.5)
            now = time.monotonic()
            for one in self.started:
                client = self.runner.clients.get(one)
                if client is None and one not in self.parts and not self.stopped_s:
                    self._give_up("lost", f"{self._name(one)} was ended under load")
                elif client is not None and client.state == STATE_MISSING:
                    silent_s = now - since.setdefault(one, now)
                    self.silences[one] = max(self.silences.get(one, 0.0), silent_s)
                    if silent_s > LONGEST_SILENCE_S:
                        self._give_up("lost", f"{self._name(one)} was not heard for {LONGEST_SILENCE_S:g} s under load")
                else:
                    since.pop(one, None)

    _given_up = False

    def _give_up(self, kind: str, message: str) -> None:
        """Have the load ended: what is measured is not what was asked for."""
        if not self._given_up:
            self._given_up = True
            self._problem(kind, message)

    def _problem(self, kind: str, message: str) -> None:
        """Say what is wrong to who started this process and waits for it to end."""
        draft = self.directory / "problem.draft"
        draft.write_text(json.dumps({"kind": kind, "message": message}))
        draft.replace(self.directory / "problem.json")

    def _index(self, client_id: str) -> int:
        get: Callable[[str], int] = self.runner.get_worker_index
        return get(client_id)

    def _name(self, client_id: str) -> str:
        """A name that a person can find the process by: Locust's id is the host's name and a random number."""
        host = client_id.rsplit("_", 1)[0]
        what = "load worker" if self.spec.load_workers else "load process"
        return f"{what} {self._index(client_id) + 1} on {host}"


def _by_our_clock(part: dict[str, Any], start_s: float) -> dict[str, Any]:
    """Moments of another machine as if its load had started with ours: clocks of two machines differ."""
    ahead_s = part["start_s"] - start_s
    moved = {
        key: None if part[key] is None else [moment - ahead_s for moment in part[key]]
        for key in ("first_answers_s", "waiting_since_s")
    }
    opened_s = None if part["opened_s"] is None else part["opened_s"] - ahead_s
    return part | moved | {"opened_s": opened_s}


def answer_to_leader(runner: WorkerRunner, part: Callable[[], dict[str, Any]]) -> None:
    """In a load process: when the leader says so, stop the users, and tell it their part of the window."""

    def stop(**_: Any) -> None:
        runner.stop()
        runner.send_message(PART, part())

    runner.register_message(STOP, stop)
