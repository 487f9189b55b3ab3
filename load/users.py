"""The Locust user: asks for one endpoint, checks the answer, asks again."""

import os
import time
from contextlib import suppress
from typing import Any

from locust import FastHttpUser, HttpUser, User, constant, task
from locust.env import Environment

from load.lean_client import make_lean
from load.request_spec import LATE_MS, LoadSpec, RequestSpec
from load.schedule import Schedule
from load.spread_start import SpreadStart

NO_ANSWER = 0
"""The status both Locust clients give a request that got no answer at all."""


class AskingUser(User):
    """Asks, remembers since when it waits, checks what it got."""

    abstract = True
    client: Any
    spec: RequestSpec
    arguments: dict[str, Any]
    schedule: Schedule | None = None
    waiting_since_s: float | None = None
    first_answer_s: float | None = None

    @task
    def ask(self) -> None:
        """Send one request; a wrong answer is a failure, however fast it came."""
        context: dict[str, float] = {}
        if self.schedule is None:
            self.waiting_since_s = time.time()
        else:
            self.waiting_since_s = self.schedule.next_due_s()
            context[LATE_MS] = max(0.0, time.time() - self.waiting_since_s) * 1000
        spec = self.spec
        with self.client.request(
            spec.method,
            spec.path,
            name=spec.name,
            catch_response=True,
            context=context,
            **self.arguments,
        ) as response:
            if response.status_code != NO_ANSWER:
                text = (response.text or "") if spec.reads_text else ""
                problem = spec.problem(response.status_code, text)
                if problem is None:
                    response.success()
                else:
                    response.failure(problem)
        # Not in a `finally`: a user that is stopped while it waits has to be counted as waiting.
        self.waiting_since_s = None
        if self.first_answer_s is None and response.status_code != NO_ANSWER:
            self.first_answer_s = time.time()


class FastAskingUser(AskingUser, FastHttpUser):
    """On geventhttpclient: a quarter of the CPU that a request costs with `requests`."""

    abstract = True
    insecure = False  # a certificate is checked, as before the load: a token must not go to anybody
    gate: SpreadStart | None = None

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        make_lean(self.client)

    def on_start(self) -> None:
        """Where it matters when requests are sent: connect ahead, and wait until all have."""
        if self.schedule is not None:
            with suppress(OSError):
                self._connect()
            self.schedule.enter(self.environment.runner)
        if self.gate is not None:
            # A server that refuses shows as failed requests, counted like any other.
            with suppress(OSError):
                self._connect()
            self.gate.wait_for_turn(self.environment.runner)

    def _connect(self) -> None:
        """Open this user's connection and leave it where its first request will take it from."""
        http_client = self.client.client.clientpool.get_client(self.host)
        pool = http_client._connection_pool  # noqa: SLF001 - geventhttpclient has no public way to connect ahead
        pool.return_socket(pool.get_socket())


class RequestsAskingUser(AskingUser, HttpUser):
    """On `requests`: slower, for endpoints that need its features, and to repeat the published set-up."""

    abstract = True

    def on_start(self) -> None:
        """Wait until all are there, where requests come at a rate of their own."""
        if self.schedule is not None:
            self.schedule.enter(self.environment.runner)


def user_class(spec: LoadSpec) -> type[AskingUser]:
    """Build the user class that asks as `spec` says."""
    if spec.request is None:
        message = "there is no request in the specification"
        raise ValueError(message)
    attributes: dict[str, Any] = {
        "abstract": False,
        "host": spec.base_url,
        "spec": spec.request,
        "arguments": spec.request.arguments(os.environ),
        "wait_time": constant(spec.wait_s),
    }
    if spec.rate_per_s is not None:
        attributes["schedule"] = Schedule(spec.rate_per_s, spec.arrivals, spec.seed, spec.processes)
    if spec.client == "requests":
        attributes["arguments"] |= {"timeout": spec.timeout_s}
        return type("EndpointUser", (RequestsAskingUser,), attributes)
    if spec.start == "spread" and spec.rate_per_s is None:
        attributes["gate"] = SpreadStart(spec.users, spec.spread_s, spec.processes)
    attributes |= {"network_timeout": spec.timeout_s, "connection_timeout": spec.timeout_s}
    return type("EndpointUser", (FastAskingUser,), attributes)
