"""Turns: every user asks one app for one endpoint for a moment, then all go on to the next app together.

Two versions of an app are compared by asking them in turns, a second each, with the same users of the same process:
whatever else the machine does in that minute, both get the same share of it. A turn begins when the last answer of
the one before has come, so no app works for one turn while another is measured.

rows.csv    one row per request, written between turns: turn, user, from and to when (s since the turn began)
turns.csv   one row per finished turn, when its rows are complete
"""

import csv
import gc
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gevent
from locust import User, task

from load.clients import Client, client_maker, problem_of
from load.http_client import PreparedBytes
from load.spec import SPEC_VARIABLE, RequestSpec, secret_texts, without_secrets

ROW_COLUMNS = ("turn", "user", "sent_s", "end_s", "error")
TURN_COLUMNS = ("turn", "began_s", "ended_s", "cpu_s")
"""Moments on the monotonic clock; `cpu_s`: processor time of this process."""


@dataclass(frozen=True)
class Turn:
    """One app, one endpoint, `duration_s` long; 0: every user asks once. First requests are spread over `spread_s`.

    `fresh`: every user opens a new connection.
    """

    base_url: str
    request: RequestSpec
    duration_s: float
    spread_s: float
    fresh: bool = False


@dataclass(frozen=True)
class TurnsSpec:
    """What one Locust process does, turn by turn."""

    output_directory: Path
    turns: tuple[Turn, ...]
    users: int
    client: str = "fast"
    timeout_s: float = 60.0
    ca_file: str | None = None
    wait_s: float = 0.0
    secret_variables: tuple[str, ...] = ()


Row = tuple[int, int, float, float, str]
MakeClient = Callable[[], Client]


def read_turns_spec() -> TurnsSpec:
    """Read the specification this process was started with."""
    raw = json.loads(Path(os.environ[SPEC_VARIABLE]).read_text())
    turns = tuple(Turn(**{**turn, "request": RequestSpec(**turn["request"])}) for turn in raw.pop("turns"))
    return TurnsSpec(**{**raw, "turns": turns, "output_directory": Path(raw["output_directory"])})


class TurnUser(User):
    """Takes its part in every turn, and keeps what it saw until the turn is over."""

    abstract = True
    spec: TurnsSpec
    secrets: Sequence[str] = ()
    rows: list[Row]
    number = 0

    def on_start(self) -> None:
        """Wait for the relay."""
        self.rows = []
        self._clients: dict[str, Client] = {}

    @task
    def wait_for_the_relay(self) -> None:
        """The relay, not Locust, says when it is this user's turn."""
        gevent.sleep(3600)

    def disconnect(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            client.close()

    def take(self, number: int, turn: Turn, request: PreparedBytes, make_client: MakeClient) -> None:
        """Send requests until the turn is over, one at least; the last response is waited for."""
        began_s = time.monotonic()
        gevent.sleep(turn.spread_s * self.number / self.spec.users)
        client = self._clients.get(turn.base_url) or self._clients.setdefault(turn.base_url, make_client())
        while True:
            response = client.send(request)
            problem = without_secrets(problem_of(response, turn.request.expectation) or "", self.secrets)
            sent_s, end_s = (round(moment_s - began_s, 6) for moment_s in (response.sent_s, response.end_s))
            self.rows.append((number, self.number, sent_s, end_s, problem))
            if self.spec.wait_s:
                gevent.sleep(self.spec.wait_s)
            if time.monotonic() - began_s >= turn.duration_s:
                return


def user_class(spec: TurnsSpec) -> type[TurnUser]:
    """Build the user class that takes turns as `spec` says."""
    attributes: dict[str, Any] = {
        "abstract": False,
        "host": spec.turns[0].base_url,
        "spec": spec,
        "secrets": secret_texts(spec.secret_variables),
    }
    return type("TurnsUser", (TurnUser,), attributes)


class Relay:
    """Leads all users from turn to turn, and writes down what they saw while nobody asks."""

    def __init__(self, spec: TurnsSpec, users: Sequence[TurnUser]) -> None:
        self._spec = spec
        self._users = users
        self._write("rows.csv", [ROW_COLUMNS], mode="w")
        self._write("turns.csv", [TURN_COLUMNS], mode="w")

    def run(self) -> None:
        """Take all turns. Garbage collection is off: both apps' users would see the generator's own pauses."""
        gc.collect()
        gc.freeze()
        gc.disable()
        make_client = {turn.base_url: self._maker(turn.base_url) for turn in self._spec.turns}
        for number, turn in enumerate(self._spec.turns):
            request = turn.request.prepared(turn.base_url, os.environ)
            if turn.fresh:
                for user in self._users:
                    user.disconnect()
            began_s, cpu_s = time.monotonic(), time.process_time()
            gevent.joinall(
                [gevent.spawn(user.take, number, turn, request, make_client[turn.base_url]) for user in self._users],
                raise_error=True,
            )
            ended_s, cpu_s = time.monotonic(), time.process_time() - cpu_s
            self._write("rows.csv", [row for user in self._users for row in user.rows])
            self._write("turns.csv", [(number, round(began_s, 3), round(ended_s, 3), round(cpu_s, 6))])
            for user in self._users:
                user.rows.clear()

    def _maker(self, base_url: str) -> MakeClient:
        spec = self._spec
        return client_maker(spec.client, base_url, timeout_s=spec.timeout_s, ca_file=spec.ca_file)

    def _write(self, name: str, rows: Sequence[Sequence[object]], mode: str = "a") -> None:
        with (self._spec.output_directory / name).open(mode, newline="") as file:
            csv.writer(file).writerows(rows)


def lead(spec: TurnsSpec, environment: Any) -> None:
    """Number the users that Locust has spawned, take all turns with them, and end the test."""
    users = [greenlet.args[0] for greenlet in environment.runner.user_greenlets if greenlet.args]
    for number, user in enumerate(users):
        user.number = number

    def run() -> None:
        try:
            Relay(spec, users).run()
        except OSError as error:
            environment.process_exit_code = os.EX_IOERR
            report(f"what was measured could not be written: {error}")
        finally:
            environment.runner.quit()

    gevent.spawn(run)


report: Callable[[str], None] = print
