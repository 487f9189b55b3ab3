"""The Locust user: sends one endpoint's request when it is due, checks the response, and sends it again."""

import heapq
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import count, islice
from typing import Any

import gevent
from gevent import Timeout
from gevent.event import Event
from gevent.pool import Group
from locust import User, constant, events, task
from locust.env import Environment
from locust.runners import STATE_RUNNING, STATE_SPAWNING
from locust.user.task import LOCUST_STATE_STOPPING

from load.arrivals import Stage, Think, due_offsets
from load.clients import Client, client_maker, prepared, problem_of
from load.expectation import Expectation
from load.http_client import PreparedBytes, Response
from load.spec import LoadSpec, RequestSpec
from load.visitor import Script, Visitor

EPOCH_S = time.time() - time.monotonic()
"""What makes a time on the wall clock, which Locust's event wants, of a moment. Read once: that clock may be set."""


class Barrier:
    """Opens when all users, of all load processes, are spawned and those of this process are connected."""

    def __init__(self) -> None:
        self.opened_s = 0.0
        self._runner: Any = None
        self._arrived = 0
        self._all_spawned = False
        self._open = Event()
        events.spawning_complete.add_listener(self._on_spawned)

    def wait(self, runner: Any) -> int:
        """Wait until it opens; gives this user's number in its process, from 0."""
        self._runner = runner
        number = self._arrived
        self._arrived += 1
        self._open_if_all_are_there()
        self._open.wait()
        return number

    def _on_spawned(self, **_: Any) -> None:
        self._all_spawned = True
        self._open_if_all_are_there()

    def _open_if_all_are_there(self) -> None:
        there = self._runner is not None and self._arrived >= self._runner.user_count
        if self._all_spawned and there and not self._open.is_set():
            self.opened_s = time.monotonic()
            self._open.set()


def process_index(runner: Any) -> int:
    """Which of the load processes this is, from 0."""
    return max(0, getattr(runner, "worker_index", 0))


class Schedule:
    """The due times of one of the load processes: every n-th of all, where there are n."""

    def __init__(
        self, rate_per_s: float, arrivals: str, seed: int, processes: int = 1, stages: Sequence[Stage] = ()
    ) -> None:
        self._asked = rate_per_s, arrivals, seed, stages
        self._processes = processes
        self._barrier = Barrier()
        self._mine: Iterator[float] | None = None
        self.opened_s: float | None = None
        self.sent = 0

    def enter(self, runner: Any) -> None:
        self._barrier.wait(runner)
        if self.opened_s is None:
            self.opened_s = self._barrier.opened_s
            self._mine = islice(due_offsets(*self._asked), process_index(runner), None, self._processes)

    def next_due_s(self) -> float:
        """Take the next due time (s, monotonic clock), and wait for it where it has not passed."""
        if self._mine is None or self.opened_s is None:
            raise RuntimeError("a user asks before it has entered")
        due_s = self.opened_s + next(self._mine)
        gevent.sleep(max(0.0, due_s - time.monotonic()))
        self.sent += 1
        return due_s


class SpreadStart:
    """Lets users through the barrier one after the other, those of several processes in turns."""

    def __init__(self, users: int, over_s: float, processes: int = 1) -> None:
        self._users = users
        self._over_s = over_s
        self._processes = processes
        self._barrier = Barrier()

    def wait_for_turn(self, runner: Any) -> None:
        """Return when it is this user's turn to send its first request."""
        place = self._barrier.wait(runner) * self._processes + process_index(runner)
        due_s = self._barrier.opened_s + self._over_s * place / self._users
        gevent.sleep(max(0.0, due_s - time.monotonic()))


class Places:
    """Numbers of users, from 0; one that was given back goes to the next user who comes."""

    def __init__(self) -> None:
        self._free: list[int] = []
        self._fresh = count()

    def take(self) -> int:
        return heapq.heappop(self._free) if self._free else next(self._fresh)

    def give_back(self, place: int) -> None:
        heapq.heappush(self._free, place)


class Passing:
    """Users who come and go with the stages of a load.

    `everyone` that there was: Locust forgets a user who goes. `leavers`: who still wait for their last response.
    """

    def __init__(self) -> None:
        self.everyone: list[RequestingUser] = []
        self._leavers = Group()
        events.test_stopping.add_listener(lambda **_: self._leavers.kill())

    def let_go(self, user: User, users: Group) -> None:
        """Count a user no more, who goes when its request is answered; all go when the load ends."""
        users.discard(user.greenlet)
        self._leavers.add(user.greenlet)


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
    spread_start: SpreadStart | None = None
    places = Places()
    passing: Passing | None = None
    visitor: Visitor | None = None
    waiting_for: str | None = None
    begun = 0
    thoughts = 0
    thought_s = 0.0
    took_s = 0.0
    waiting_since_s: float | None = None
    first_answer_s: float | None = None
    heads: dict[str, list[tuple[bytes, bytes]]]
    """The headers of its last right response to each request."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.client = type(self).make_client()
        self.heads = {}
        self.place = type(self).places.take()
        if self.passing is not None:
            self.passing.everyone.append(self)

    def on_start(self) -> None:
        """Where it matters when requests are sent: connect ahead, and wait until all have."""
        if self.schedule is None and self.spread_start is None:
            return
        # A server that refuses shows as failed requests, counted like any other.
        with Timeout(self.timeout_s, exception=False), suppress(OSError):
            self.client.connect()
        if self.schedule is not None:
            self.schedule.enter(self.environment.runner)
        elif self.spread_start is not None:
            self.spread_start.wait_for_turn(self.environment.runner)

    def on_stop(self) -> None:
        self.client.close()
        type(self).places.give_back(self.place)

    def stop(self, force: bool = False) -> bool:  # noqa: FBT001, FBT002 - as Locust declares it
        """Obey at the end of the load; at the end of a stage a request that is under way is answered first."""
        runner = self.environment.runner
        if self.passing is None or runner is None or runner.state not in {STATE_SPAWNING, STATE_RUNNING}:
            return bool(super().stop(force))
        stopped = bool(super().stop(force=False))
        if not stopped:
            self.passing.let_go(self, self.group)
        return stopped

    @task
    def send_requests(self) -> None:
        """Send one request and then think; without think time send them one after the other.

        Locust lets all other users run between two tasks. That pause would be in no latency.
        """
        began_s = time.monotonic()
        self._send_one()
        while not (self.thinks or self._state == LOCUST_STATE_STOPPING):
            self._send_one()
        self.took_s = time.monotonic() - began_s

    def _send_one(self) -> None:
        """A wrong response is a failure, however fast it came. Each request that was begun is reported exactly once."""
        due_s = None if self.schedule is None else self.schedule.next_due_s()
        self.waiting_since_s = time.monotonic() if due_s is None else due_s
        self.begun += 1
        response = self.client.send(self.prepared)
        response.due_s = due_s
        problem = problem_of(response, self.expectation)
        # Not in a `finally`: a user that is stopped while it waits has to be counted as waiting.
        self.waiting_since_s = None
        if self.first_answer_s is None and response.status_code:
            self.first_answer_s = response.end_s
        self._report(self.spec, response, problem)

    def _report(self, spec: RequestSpec, response: Response, problem: str | None) -> None:
        if problem is None:
            self.heads[spec.name] = response.headers
        self.environment.events.request.fire(
            request_type=spec.method,
            name=spec.name,
            response_time=(response.end_s - response.sent_s) * 1000,
            response_length=response.length,
            response=response,
            context={},
            exception=None if problem is None else RequestFailedError(problem),
            start_time=EPOCH_S + response.sent_s,
            url=f"{self.host}{spec.path}",
        )


class ScriptedUser(RequestingUser):
    """Sends the requests of a script: a mix, a flow, or one request that is not the same for all users."""

    abstract = True
    script: Script
    processes = 1

    def on_start(self) -> None:
        self.visitor: Visitor = Visitor(self.script, self.client, number_of(self, self.processes))
        self.visitor.log_in()
        super().on_start()

    def _send_one(self) -> None:
        spec = self.visitor.next()
        due_s = None if self.schedule is None else self.schedule.next_due_s()
        self.waiting_since_s = time.monotonic() if due_s is None else due_s
        self.waiting_for = spec.name
        self.begun += 1
        response, problem = self.visitor.exchange()
        response.due_s = due_s
        self.waiting_since_s = None
        if self.first_answer_s is None and response.status_code:
            self.first_answer_s = response.end_s
        self._report(spec, response, problem)


def drawn_pauses(think: Think, spec: LoadSpec) -> Callable[[RequestingUser], float]:
    """What Locust calls for the think time of a user after each of its requests. Each user draws its own."""
    pauses: dict[RequestingUser, Callable[[float], float]] = {}

    def wait_time(user: RequestingUser) -> float:
        if user not in pauses:
            pauses[user] = think.pauses(spec.seed, number_of(user, spec.processes))
        think_s = pauses[user](user.took_s)
        user.thoughts += 1
        user.thought_s += think_s
        return think_s

    return wait_time


def number_of(user: RequestingUser, processes: int) -> int:
    """A number that no other user has, in whichever of the load processes it is; from 0."""
    return user.place * processes + process_index(user.environment.runner)


def user_class(spec: LoadSpec) -> type[RequestingUser]:
    make_client = client_maker(
        spec.client, spec.base_url, timeout_s=spec.timeout_s, ca_file=spec.ca_file, streams=bool(spec.streams)
    )
    attributes: dict[str, Any] = {
        "abstract": False,
        "host": spec.base_url,
        "timeout_s": spec.timeout_s,
        "make_client": staticmethod(make_client),
        "wait_time": constant(spec.wait_s),
        "thinks": spec.wait_s > 0,
        "places": Places(),
        "passing": Passing() if spec.stages and spec.rate_per_s is None else None,
    }
    if spec.think is not None:
        attributes |= {"wait_time": drawn_pauses(spec.think, spec), "thinks": True}
    if spec.rate_per_s is not None:
        attributes["schedule"] = Schedule(spec.rate_per_s, spec.arrivals, spec.seed, spec.processes, spec.stages)
    elif spec.start == "spread":
        first = round(spec.stages[0].level) if spec.stages else spec.users
        attributes["spread_start"] = SpreadStart(first, spec.spread_s, spec.processes)
    if spec.request is None:
        script = Script(spec.requests, spec.base_url, os.environ, is_flow=spec.flow, seed=spec.seed)
        attributes |= {"script": script, "processes": spec.processes}
        return type("EndpointUser", (ScriptedUser,), attributes)
    attributes |= {
        "spec": spec.request,
        "prepared": prepared(spec.request, spec.base_url, os.environ),
        "expectation": Expectation.of(spec.request),
    }
    return type("EndpointUser", (RequestingUser,), attributes)
