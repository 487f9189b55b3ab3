"""Turns: every user asks one app for one endpoint for a moment, then all go on to the next app together.

Two versions of an app are compared by asking them in turns, a second each, with the same users of the same process:
whatever else the machine does in that minute, both get the same share of it. A turn begins when the last answer of
the one before has come, so no app works for one turn while another is measured.

rows.csv    one row per request, written between turns: turn, user, from and to when (s since the turn began), name
turns.csv   one row per finished turn, when its rows are complete
"""

import csv
import gc
import os
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import gevent
from locust import User, events, task
from locust.env import Environment

from load.clients import Client, client_maker, prepared, problem_of
from load.expectation import Expectation
from load.http_client import PreparedBytes, Response
from load.spec import LoadSpec, Turn, redact
from load.visitor import Script, Visitor

ROW_COLUMNS = ("turn", "user", "sent_s", "end_s", "error", "name")
TURN_COLUMNS = ("turn", "began_s", "ended_s", "cpu_s")
"""Moments on the monotonic clock; `cpu_s`: processor time of this process."""


Row = tuple[int, int, float, float, str, str]
MakeClient = Callable[[], Client]
Send = Callable[[], tuple[str, Response, str | None]]
"""Sends the next request; gives its name, the response, and what is wrong with it."""


class TurnUser(User):
    """Takes its part in every turn, and keeps what it saw until the turn is over."""

    abstract = True
    spec: LoadSpec
    secrets: Sequence[str] = ()
    rows: list[Row]
    number = 0

    def on_start(self) -> None:
        self.rows = []
        self._clients: dict[str, Client] = {}
        self._visitors: dict[Script, Visitor] = {}

    @task
    def wait_for_the_relay(self) -> None:
        gevent.sleep(3600)

    def disconnect(self) -> None:
        for client in self._clients.values():
            client.close()

    def _sends(self, turn: Turn, what: PreparedBytes | Script, client: Client) -> Send:
        if isinstance(what, PreparedBytes):
            (spec,) = turn.requests
            expectation = Expectation.of(spec)

            def send() -> tuple[str, Response, str | None]:
                response = client.send(what)
                return spec.name, response, problem_of(response, expectation)

            return send
        if what not in self._visitors:
            self._visitors[what] = Visitor(what, client, self.number)
            self._visitors[what].log_in()
        visitor = self._visitors[what]

        def visit() -> tuple[str, Response, str | None]:
            name = visitor.next().name
            return name, *visitor.exchange()

        return visit

    def take(self, number: int, turn: Turn, what: PreparedBytes | Script, make_client: MakeClient) -> None:
        """Send requests until the turn is over, one at least; the last response is waited for."""
        began_s = time.monotonic()
        gevent.sleep(turn.spread_s * self.number / self.spec.users)
        client = self._clients.get(turn.base_url) or self._clients.setdefault(turn.base_url, make_client())
        send = self._sends(turn, what, client)
        while True:
            name, response, found = send()
            problem = redact(found or "", self.secrets)
            sent_s, end_s = (round(moment_s - began_s, 6) for moment_s in (response.sent_s, response.end_s))
            self.rows.append((number, self.number, sent_s, end_s, problem, name))
            if self.spec.wait_s:
                gevent.sleep(self.spec.wait_s)
            if time.monotonic() - began_s >= turn.duration_s:
                return


def user_class(spec: LoadSpec) -> type[TurnUser]:
    attributes: dict[str, Any] = {
        "abstract": False,
        "host": spec.turns[0].base_url,
        "spec": spec,
        "secrets": spec.secrets(),
    }
    return type("TurnsUser", (TurnUser,), attributes)


class Relay:
    """Leads all users from turn to turn, and writes down what they saw while nobody asks."""

    def __init__(self, spec: LoadSpec, users: Sequence[TurnUser]) -> None:
        self._spec = spec
        self._users = users
        self._write("rows.csv", [ROW_COLUMNS], mode="w")
        self._write("turns.csv", [TURN_COLUMNS], mode="w")

    def run(self) -> None:
        """Take all turns. Garbage collection is off: both apps' users would see the generator's own pauses."""
        gc.collect()
        gc.freeze()
        gc.disable()
        spec = self._spec
        streams = any(one.stream for turn in spec.turns for one in turn.requests)
        maker = partial(client_maker, spec.client, timeout_s=spec.timeout_s, ca_file=spec.ca_file, streams=streams)
        make_client = {base_url: maker(base_url) for base_url in {turn.base_url for turn in spec.turns}}
        scripts: dict[tuple[str, str], Script] = {}
        for number, turn in enumerate(spec.turns):
            what = self._what(turn, scripts)
            if turn.fresh:
                for user in self._users:
                    user.disconnect()
            began_s, cpu_s = time.monotonic(), time.process_time()
            gevent.joinall(
                [gevent.spawn(user.take, number, turn, what, make_client[turn.base_url]) for user in self._users],
                raise_error=True,
            )
            ended_s, cpu_s = time.monotonic(), time.process_time() - cpu_s
            self._write("rows.csv", [row for user in self._users for row in user.rows])
            self._write("turns.csv", [(number, round(began_s, 3), round(ended_s, 3), round(cpu_s, 6))])
            for user in self._users:
                user.rows.clear()

    def _what(self, turn: Turn, scripts: dict[tuple[str, str], Script]) -> PreparedBytes | Script:
        """What all users send, or how each user finds out; one script for all turns of a mix with one app."""
        if not turn.script:
            return prepared(turn.requests[0], turn.base_url, os.environ)
        key = turn.base_url, turn.script
        if key not in scripts:
            scripts[key] = Script(turn.requests, turn.base_url, os.environ, is_flow=turn.flow, seed=self._spec.seed)
        return scripts[key]

    def _write(self, name: str, rows: Sequence[Sequence[object]], mode: str = "a") -> None:
        with (self._spec.output_directory / name).open(mode, newline="") as file:
            csv.writer(file).writerows(rows)


def lead(spec: LoadSpec, environment: Environment) -> None:
    """Number the users that Locust has spawned, take all turns with them, and end the test."""
    runner: Any = environment.runner
    users = [greenlet.args[0] for greenlet in runner.user_greenlets if greenlet.args]
    for number, user in enumerate(users):
        user.number = number

    def run() -> None:
        try:
            Relay(spec, users).run()
        except OSError as error:
            environment.process_exit_code = os.EX_IOERR
            report(f"what was measured could not be written: {error}")
        finally:
            runner.quit()

    gevent.spawn(run)


def lead_when_spawned(spec: LoadSpec) -> None:
    def on_init(environment: Environment, **_: Any) -> None:
        # gevent counts a timer from when its loop last looked at the clock, which was before the imports.
        gevent.get_hub().loop.update_now()
        environment.events.spawning_complete.add_listener(lambda **_: lead(spec, environment))

    events.init.add_listener(on_init)


report: Callable[[str], None] = print
