"""Who sends the load: all of them have to come, and each has to be heard until the end.

Locust would go on without a process that it does not hear for four seconds, give its users to the others, end the test
when it hears nobody, and take in whoever comes later: each would change what is measured. So who loads is settled at
the start, and Locust is kept from noticing anything. A process that stays away ends the round; problem.json says why.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
import psutil
from locust.dispatch import UsersDispatcher
from locust.env import Environment
from locust.runners import MasterRunner

from load.listen import listen
from load.remote import LONGEST_SILENCE_S
from load.request_spec import LoadSpec
from load.unwritable import end_unwritable

NOTED_SILENCE_S = 4.0
"""Each process is heard every second. After so long it is said, as its users may have been delayed, too."""

NEVER = 10**9
"""Seconds after which Locust looks for one that it does not hear."""

WATCH_EVERY_S = 0.5


class FixedWorkers(UsersDispatcher):
    """Deals the users to those who are there at the start, the first `at_most` of them, and to nobody else."""

    at_most = 0

    def __init__(self, worker_nodes: list[Any], user_classes: list[Any]) -> None:
        super().__init__(worker_nodes=worker_nodes[: self.at_most], user_classes=user_classes)

    def add_worker(self, worker_node: Any) -> None:
        """Leave one that comes, or comes back, as it is."""

    def remove_worker(self, worker_node: Any) -> None:
        """Leave the users of one that is gone where they were."""


class Attendance:
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
        listen(environment.events.heartbeat_sent, self._on_heartbeat)
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
        """Which of those who load it is, from 0."""
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
            self.give_up("lost", f"{self.name(self._there[-1])} was ended before the load began")
        there = list(self._runner.clients)
        if there == self._there or self.given_up:
            return
        self._there = there
        names = f" ({', '.join(map(self.name, there))})" if there else ""
        came = f"only {len(there)}" if there else "none"
        self._problem("missing", f"{came} of {self._expected} load workers came{names}")

    def _check_started(self) -> None:
        """Note who is not heard, and give up when one stays away."""
        for one in self.started:
            if one in self.done:
                continue
            silent_s = time.monotonic() - self._heard[one]
            if one not in self._runner.clients:
                self.give_up("lost", f"{self.name(one)} was ended under load")
            if silent_s > NOTED_SILENCE_S:
                self.silences[one] = max(self.silences.get(one, 0.0), silent_s)
            if silent_s > LONGEST_SILENCE_S:
                self.give_up("lost", f"{self.name(one)} was not heard for {LONGEST_SILENCE_S:g} s under load")

    def _check_children(self) -> None:
        """Give up when a process of this machine has ended, as the system lets happen when memory runs out."""
        children = psutil.Process().children()
        living = [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
        if len(living) < self._expected:
            self.give_up("ended", f"a load process ended before its time; of {self._expected} {len(living)} are left")

    def _problem(self, kind: str, message: str) -> None:
        """Say what is wrong to who started this process and waits for it to end."""
        draft = self._directory / "problem.draft"
        try:
            draft.write_text(json.dumps({"kind": kind, "message": message}))
            draft.replace(self._directory / "problem.json")
        except OSError as error:
            end_unwritable(self._environment, f"problem.json: {error}; it would say: {message}")
