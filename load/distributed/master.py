"""The Locust process that sends nothing itself: it leads load processes, here or elsewhere."""

import csv
import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
import locust
import psutil
from locust.dispatch import UsersDispatcher
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner

from load.output import UNWRITABLE, end_unwritable, write_seconds
from load.results import REQUEST_COLUMNS, SECOND_COLUMNS, STREAM_COLUMNS, by_our_clock, rows, window
from load.spec import LoadSpec

VERSION, SPEC, LACKS, REFUSED = "bench-version", "bench-spec", "bench-lacks", "bench-refused"
"""A worker says what it runs, and is told what to request, which it may lack a variable for, or that it is refused."""

LONGEST_SILENCE_S = 15.0
"""A load process that was not heard for so long is given up; a worker of another machine gives up itself when it hears
nothing for so long. (One of this machine ends with the one that leads it, after Locust's own minute.)
"""


def versions() -> dict[str, str]:
    """What has to be equal on all machines: Locust, and the code that loads."""
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(file.read_bytes())
    return {"Locust": locust.__version__, "load code": digest.hexdigest()[:12]}


def write_told(directory: Path, worker: int, start_s: float, told: dict[str, Any]) -> None:
    """Append what a load worker told to files of its own. `start_s`: when the load began on this machine's clock."""
    found = [row for answer in told["answers"] for row in rows(start_s, answer)]
    seconds = [(round(start_s + second[0], 3), *second[1:]) for second in told["seconds"]]
    streams = [(name, round(start_s + end_s, 6), *rest) for name, end_s, *rest in told.get("streams", ())]
    files = [("requests", REQUEST_COLUMNS, found), ("generator", SECOND_COLUMNS, seconds)]
    for name, columns, lines in [*files, *([("streams", STREAM_COLUMNS, streams)] if streams else [])]:
        with (directory / f"{name}-{worker}.csv").open("a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([*([] if file.tell() else [columns]), *lines])


NOTED_SILENCE_S = 4.0
"""Each process is heard every second. After so long it is said, as its users may have been delayed, too."""

NEVER = 10**9
"""Seconds after which Locust looks for one that it does not hear."""

WATCH_EVERY_S = 0.5


class FixedWorkers(UsersDispatcher):
    """Deals the users to those who are there at the start, the first `at_most` of them, and to nobody else.

    In the order of their places, not of their names as Locust does: where users do not divide evenly, the first ones
    have one more, so that the numbers of all users are below their number.
    """

    at_most = 0

    def __init__(self, worker_nodes: list[Any], user_classes: list[Any]) -> None:
        super().__init__(worker_nodes=worker_nodes[: self.at_most], user_classes=user_classes)

    def _sort_workers(self) -> None:
        """Leave them in their order."""

    def add_worker(self, worker_node: Any) -> None:
        """Leave one that comes, or comes back, as it is."""

    def remove_worker(self, worker_node: Any) -> None:
        """Leave the users of one that is gone where they were."""


class Membership:
    """Who loads under one Locust master."""

    def __init__(self, environment: Environment, runner: MasterRunner, spec: LoadSpec) -> None:
        self.started: list[str] = []
        self.done: set[str] = set()
        self.silences: dict[str, float] = {}
        self.given_up = False
        self._environment = environment
        self._runner = runner
        self._remote = spec.load_workers > 0
        self._what = "load worker" if self._remote else "load process"
        self._expected = spec.load_workers or spec.processes
        self._directory: Path = spec.output_directory
        self._heard: dict[str, float] = {}
        self._there: list[str] | None = None
        longest_s = getattr(environment.parsed_options, "expect_workers_max_wait", 0)
        self._wait_until = time.monotonic() + (longest_s or NEVER)
        environment.dispatcher_class = type("Fixed", (FixedWorkers,), {"at_most": self._expected})
        environment.events.heartbeat_sent.add_listener(self._on_heartbeat)
        gevent.spawn(self._watch)

    def settle(self) -> None:
        """From now on those who are there load, each in its place: Locust counts those who went away, too."""
        self.started = [client.id for client in self._runner.clients.ready[: self._expected]]
        if not self.given_up:
            (self._directory / "problem.json").unlink(missing_ok=True)
        for place, one in enumerate(self.started):
            self._runner.worker_indexes[one] = place
            self._runner.send_message("ack", {"index": place}, one)
            self._on_heartbeat(one)

    def place(self, client_id: str) -> int:
        index_of: Callable[[str], int] = self._runner.get_worker_index
        return index_of(client_id)

    def name(self, client_id: str) -> str:
        """A name that a person can find the process by: Locust's id is the host's name and a random number."""
        host = client_id.rsplit("_", 1)[0]
        return f"{self._what} {self.place(client_id) + 1} on {host}"

    def give_up(self, kind: str, message: str) -> None:
        """Have the load ended: what is measured is not what was asked for."""
        if not self.given_up:
            self.given_up = True
            self._problem(kind, message)

    def _on_heartbeat(self, client_id: str, **_: Any) -> None:
        self._heard[client_id] = time.monotonic()
        if client_id in self.started and client_id in self._runner.clients:
            self._runner.clients[client_id].heartbeat = NEVER

    def _watch(self) -> None:
        """Look after them until each of those who started has said what its users did."""
        while not (self.started and self.done.issuperset(self.started)):
            if not self._remote:
                self._check_children()
            if self.started:
                self._check_started()
            else:
                self._check_coming()
            gevent.sleep(WATCH_EVERY_S)

    def _check_coming(self) -> None:
        """Write down who is there, as what is wrong should the others never come."""
        if time.monotonic() >= self._wait_until:
            return  # Locust says good-bye now, and they answer: that is no news of who came
        if self._there and not self._runner.clients:
            # Locust ends when the last one says good-bye, and hears nobody who comes then.
            self.give_up("lost", f"{self.name(self._there[-1])} stopped before the load began")
        there = list(self._runner.clients)
        if there == self._there or self.given_up:
            return
        self._there = there
        names = f" ({', '.join(map(self.name, there))})" if there else ""
        came = f"only {len(there)}" if there else "none"
        self._problem("missing", f"{came} of {self._expected} load workers connected{names}")

    def _check_started(self) -> None:
        for one in self.started:
            if one in self.done:
                continue
            silent_s = time.monotonic() - self._heard[one]
            if one not in self._runner.clients:
                self.give_up("lost", f"{self.name(one)} stopped under load")
            if silent_s > NOTED_SILENCE_S:
                self.silences[one] = max(self.silences.get(one, 0.0), silent_s)
            if silent_s > LONGEST_SILENCE_S:
                self.give_up("lost", f"{self.name(one)} was silent for {LONGEST_SILENCE_S:g} s under load")

    def _check_children(self) -> None:
        children = psutil.Process().children()
        living = [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
        if len(living) < self._expected:
            self.give_up("ended", f"a load process stopped early; {len(living)} of {self._expected} are left")

    def _problem(self, kind: str, message: str) -> None:
        """Say what is wrong to who started this process and waits for it to end."""
        draft = self._directory / "problem.draft"
        try:
            draft.write_text(json.dumps({"kind": kind, "message": message}))
            draft.replace(self._directory / "problem.json")
        except OSError as error:
            end_unwritable(self._environment, f"problem.json: {error}; it would say: {message}")


STOP, PART = "bench-stop", "bench-part"
PART_WITHIN_S = 30.0
INTRODUCED_WITHIN_S = 10.0


class Master:
    """Listens to the environment of a Locust master and writes into one directory."""

    def __init__(self, environment: Environment, runner: MasterRunner, spec: LoadSpec) -> None:
        self.environment = environment
        self.runner = runner
        self.spec = spec
        self.directory = spec.output_directory
        self.membership = Membership(environment, runner, spec)
        self.introduced: set[str] = set()
        self.parts: dict[str, dict[str, Any]] = {}
        self.started_at_unix_s = time.time()
        self.started_s = time.monotonic()
        self.spawned_s: float | None = None
        self.stopped_s = 0.0
        told = {VERSION: self.on_version, LACKS: self.on_lacks, PART: self.on_part, UNWRITABLE: self.on_unwritable}
        for message, listener in told.items():
            runner.register_message(message, listener)
        environment.events.worker_report.add_listener(self.on_report)
        environment.events.test_start.add_listener(self.on_start)
        environment.events.spawning_complete.add_listener(self.on_spawned)
        environment.events.test_stopping.add_listener(self.on_stopping)
        environment.events.quitting.add_listener(self.on_quitting)

    def on_version(self, msg: Any, **_: Any) -> None:
        """A load worker of another machine says what it runs; only then is it told what to request."""
        started = self.membership.started
        if started and msg.node_id not in started:
            return  # it came too late for this round, whatever it runs
        self.introduced.add(msg.node_id)
        for what, here in versions().items():
            if (there := msg.data.get(what)) != here:
                self.runner.send_message(REFUSED, {what: here}, msg.node_id)
                name = self.membership.name(msg.node_id)
                self.membership.give_up("usage", f"{name} has {what} {there}, this machine {here}; update one of them")
                return
        self.runner.send_message(SPEC, self.spec.message(), msg.node_id)

    def on_lacks(self, msg: Any, **_: Any) -> None:
        """A load worker lacks something to send its share: a variable that a header names, or open files."""
        name = self.membership.name(msg.node_id)
        self.membership.give_up("usage", f"{name} {msg.data['what']}; {msg.data['remedy']}")

    def on_unwritable(self, msg: Any, **_: Any) -> None:
        self.membership.give_up("unwritable", msg.data["message"])

    def on_start(self, **_: Any) -> None:
        """Settle who loads; one that has just come may still be about to say what it runs."""
        self.membership.settle()
        if self.spec.load_workers:
            self._wait_until_introduced()
        self.started_at_unix_s, self.started_s = time.time(), time.monotonic()
        gevent.spawn(write_seconds, self.environment, self.directory / "generator.csv")

    def _wait_until_introduced(self) -> None:
        until = time.monotonic() + INTRODUCED_WITHIN_S
        while (silent := set(self.membership.started) - self.introduced) and time.monotonic() < until:
            gevent.sleep(0.01)
        for one in sorted(silent)[:1]:
            self.membership.give_up("lost", f"{self.membership.name(one)} did not report its versions")
        self.environment.stats.clear_all()  # the load begins now, not when the waiting began

    def on_spawned(self, **_: Any) -> None:
        """Note the end of the ramp. Locust says it again when somebody comes later."""
        self.spawned_s = self.spawned_s or time.monotonic()

    def on_report(self, client_id: str, data: dict[str, Any], **_: Any) -> None:
        if "answers" in data and client_id in self.membership.started:
            try:
                write_told(self.directory, self.membership.place(client_id), self.started_s, data)
            except OSError as error:
                self.membership.give_up("unwritable", f"the responses of load workers: {error}")

    def on_part(self, msg: Any, **_: Any) -> None:
        self.on_report(msg.node_id, msg.data)
        self.parts[msg.node_id] = msg.data
        self.membership.done.add(msg.node_id)

    def on_stopping(self, **_: Any) -> None:
        self.stopped_s = time.monotonic()
        self.runner.send_message(STOP)
        until = time.monotonic() + PART_WITHIN_S
        while self._unheard() and not self.membership.given_up and time.monotonic() < until:
            gevent.sleep(0.01)
        for one in self._unheard()[:1]:
            name = self.membership.name(one)
            self.membership.give_up("lost", f"{name} did not report its results; its part of the load is unknown")

    def _unheard(self) -> list[str]:
        return [one for one in self.membership.started if one not in self.parts]

    def on_quitting(self, **_: Any) -> None:
        parts = [self.parts[one] for one in self.membership.started if one in self.parts]
        if self.spec.load_workers:
            parts = [by_our_clock(part, self.started_s) for part in parts]
        found = window(self.spec, self.started_s, self.spawned_s, self.stopped_s, parts)
        found["started_at_unix_s"] = self.started_at_unix_s
        silences = self.membership.silences.items()
        found["silences"] = {self.membership.name(one): round(longest_s, 1) for one, longest_s in silences}
        (self.directory / "window.json").write_text(json.dumps(found))


def answer_to_master(runner: WorkerRunner, part: Callable[[], dict[str, Any]]) -> None:
    def stop(**_: Any) -> None:
        runner.stop()
        runner.send_message(PART, part())

    runner.register_message(STOP, stop)
