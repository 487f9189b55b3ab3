"""The Locust user: sends one endpoint's request, checks the response, and sends it again."""

import os
from collections.abc import Callable
from contextlib import suppress
from time import monotonic, time
from typing import Any

from gevent import Timeout
from locust import User, constant, task
from locust.env import Environment

from load.arrivals import Schedule, SpreadStart
from load.clients import Client, client_maker, problem_of
from load.expectation import Expectation
from load.http_client import PreparedBytes, Response
from load.spec import LoadSpec, RequestSpec

EPOCH_S = time() - monotonic()
"""What makes a time on the wall clock, which Locust's event wants, of a moment. Read once: that clock may be set."""


class RequestFailedError(Exception):
    """What Locust is told of a failed request."""


class RequestingUser(User):
    """Sends requests, remembers since when it waits, counts what it began."""

    abstract = True
    spec: RequestSpec
    prepared: PreparedBytes
    expectation: Expectation
    timeout_s: float
    make_client: Callable[[], Client]
    thinks = False
    schedule: Schedule | None = None
    gate: SpreadStart | None = None
    begun = 0
    waiting_since_s: float | None = None
    first_answer_s: float | None = None

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.client = type(self).make_client()

    def on_start(self) -> None:
        """Where it matters when requests are sent: connect ahead, and wait until all have."""
        if self.schedule is None and self.gate is None:
            return
        # A server that refuses shows as failed requests, counted like any other.
        with Timeout(self.timeout_s, exception=False), suppress(OSError):
            self.client.connect()
        if self.schedule is not None:
            self.schedule.enter(self.environment.runner)
        elif self.gate is not None:
            self.gate.wait_for_turn(self.environment.runner)

    def on_stop(self) -> None:
        """Close the connection, also in the middle of a request."""
        self.client.close()

    @task
    def send_requests(self) -> None:
        """Send one request and then think; without think time send them one after the other.

        Locust lets all other users run between two tasks. That pause would be in no latency.
        """
        self._send_one()
        while not self.thinks:
            self._send_one()

    def _send_one(self) -> None:
        """A wrong response is a failure, however fast it came. Each request that was begun is reported exactly once."""
        due_s = None if self.schedule is None else self.schedule.next_due_s()
        self.waiting_since_s = monotonic() if due_s is None else due_s
        self.begun += 1
        response = self.client.send(self.prepared)
        response.due_s = due_s
        problem = problem_of(response, self.expectation)
        # Not in a `finally`: a user that is stopped while it waits has to be counted as waiting.
        self.waiting_since_s = None
        if self.first_answer_s is None and response.status_code:
            self.first_answer_s = response.end_s
        self._report(response, problem)

    def _report(self, response: Response, problem: str | None) -> None:
        self.environment.events.request.fire(
            request_type=self.spec.method,
            name=self.spec.name,
            response_time=(response.end_s - response.sent_s) * 1000,
            response_length=response.length,
            response=response,
            context={},
            exception=None if problem is None else RequestFailedError(problem),
            start_time=EPOCH_S + response.sent_s,
            url=f"{self.host}{self.spec.path}",
        )


def user_class(spec: LoadSpec) -> type[RequestingUser]:
    """Build the user class that sends what `spec` says."""
    if spec.request is None:
        raise ValueError("there is no request in the specification")
    make_client = client_maker(spec.client, spec.base_url, timeout_s=spec.timeout_s, ca_file=spec.ca_file)
    attributes: dict[str, Any] = {
        "abstract": False,
        "host": spec.base_url,
        "spec": spec.request,
        "prepared": spec.request.prepared(spec.base_url, os.environ),
        "expectation": spec.request.expectation,
        "timeout_s": spec.timeout_s,
        "make_client": staticmethod(make_client),
        "wait_time": constant(spec.wait_s),
        "thinks": spec.wait_s > 0,
    }
    if spec.rate_per_s is not None:
        attributes["schedule"] = Schedule(spec.rate_per_s, spec.arrivals, spec.seed, spec.processes)
    elif spec.start == "spread":
        attributes["gate"] = SpreadStart(spec.users, spec.spread_s, spec.processes)
    return type("EndpointUser", (RequestingUser,), attributes)
