"""The way of a search for capacity, from a promise to the users it can be kept for: what `bench capacity` does."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmark.capacity import Capacity, Promise, Step
from benchmark.config import Config, check_plan, checked, make_plan, read_config
from benchmark.errors import AppError, UsageError
from benchmark.explain.capacity import Search, broken, settled
from benchmark.explain.prediction import MOST_SIMULATED, most_requests, predict, predict_round, service
from benchmark.judge.warnings import warnings
from benchmark.measure.digest import digest
from benchmark.measure.interrupt import Interrupt, listening
from benchmark.measure.room import check_room
from benchmark.measure.rounds import Job, measure
from benchmark.measure.server import check_target
from benchmark.plan import Plan
from benchmark.profile import Profile
from benchmark.record import Round
from benchmark.show.diagnosis import climbing

NAME = "capacity"
SHORTEST_S, ANSWERS = 3, 8
"""A load lasts at least so many seconds, and so many of the answer times that are promised."""

FLAGS = {
    "p95_below_s": "--p95-below",
    "failures_below_percent": "--failures-below",
    "most_users": "--most-users",
}
LIMITS = ("generator-cpu", "littles-law", "generator-lag")
"""Warnings that say that the load generator made users wait."""

DRAWS = 5


def promise(p95_below: str, failures_below: str, most_users: str) -> Promise:
    """Read what the command line promises. UsageError names the flag."""
    percent = failures_below.strip().removesuffix("%").strip()
    values = {"p95_below_s": p95_below, "failures_below_percent": percent, "most_users": most_users}
    return checked(Promise, values, FLAGS)


def search(asked: Promise, endpoint: str, wishes: Mapping[str, Any], config_file: Path, console: Console) -> Capacity:
    """Load an endpoint with more and more users. All errors of a round may occur; one of the first load ends it."""
    config = read_config(config_file)
    home = config_file.resolve().parent
    largest = _plan(config, endpoint, wishes, asked, asked.most_users)
    for check in (check_plan, check_target):
        check(largest, home)
    check_room(largest)
    predicted = _predicted_users(lambda users: _plan(config, endpoint, wishes, asked, users), asked)
    with listening() as interrupt, tempfile.TemporaryDirectory() as directory, climbing(console, endpoint) as watch:
        loads = _Loads(home, Path(directory), interrupt, watch)
        way, steps = Search(asked.most_users), list[Step]()
        while (users := way.next_users()) is not None:
            steps.append(loads.step(_plan(config, endpoint, wishes, asked, users), asked))
            if steps[-1].limited:
                break
            way.note(users, kept=not steps[-1].broken)
    return _answer(endpoint, asked, way, steps, predicted)


def _answer(endpoint: str, asked: Promise, way: Search, steps: list[Step], predicted: int | None) -> Capacity:
    rates = [step.throughput_rps for step in steps if step.users == way.holds_to and not step.broken]
    return Capacity(
        endpoint=endpoint,
        promise=asked,
        users=way.holds_to,
        breaks_at=way.breaks_at,
        throughput_rps=sum(rates) / len(rates) if rates else None,
        predicted_users=predicted,
        ended="generator" if steps[-1].limited else "found" if way.breaks_at is not None else "most users",
        steps=tuple(steps),
    )


def _plan(config: Config, endpoint: str, wishes: Mapping[str, Any], asked: Promise, users: int) -> Plan:
    """A load of so many users, whose first requests are spread: else they would measure each other."""
    if endpoint not in config.endpoints:
        message = f"there is no endpoint {endpoint!r}; there are: {', '.join(config.endpoints)}"
        raise UsageError(message)
    profile = Profile(
        name=NAME,
        users=users,
        spawn_rate_per_s=users,
        start="spread",
        duration_s=max(SHORTEST_S, ceil(ANSWERS * asked.p95_below_s)),
        timeout_s=max(60.0, 4 * ANSWERS * asked.p95_below_s),
        reference_s=0,
        endpoints=(endpoint,),
    )
    return make_plan(
        config.model_copy(update={"profiles": {NAME: profile}}), NAME, {**wishes, "endpoints": (endpoint,)}
    )


def _predicted_users(plan_of: Callable[[int], Plan], asked: Promise) -> int | None:
    """What theory says the answer is; None where it knows too little of the endpoint."""
    largest = plan_of(asked.most_users)
    served = service(largest.endpoints[0], largest)
    if served is None or most_requests(largest, served) > MOST_SIMULATED:
        return None

    def keeps(users: int) -> bool:
        found = predict(plan_of(users), served, split=None, draws=DRAWS)
        return not list(broken(found.p95_ms, 0.0, 1000 * asked.p95_below_s, asked.failures_below_percent))

    return settled(asked.most_users, keeps)


@dataclass
class _Loads:
    """Measures one load after another, each with a fresh server."""

    home: Path
    folder: Path
    interrupt: Interrupt
    watch: Callable[..., None]
    done: int = 0

    def step(self, plan: Plan, asked: Promise) -> Step:
        """Load, and see what of the promise holds."""
        self.done += 1
        (endpoint,) = plan.endpoints
        job = Job(plan, endpoint, 1, (endpoint,) if self.done == 1 else (), self.folder / str(self.done), self.home)
        measured = digest(measure(job, self.interrupt.pause, self.watch), endpoint, plan.profile)
        if self.done == 1 and measured.failures == measured.requests:
            message = f"endpoint {endpoint.name!r}: a single user got no right answer in {plan.profile.duration_s:g} s"
            raise AppError(message)
        return self._seen(measured, plan, asked)

    def _seen(self, measured: Round, plan: Plan, asked: Promise) -> Step:
        (endpoint,) = plan.endpoints
        counted = measured.steady or measured
        failed = 100 * measured.failures / measured.requests if measured.requests else 100.0
        lost = broken(counted.p95_ms, failed, 1000 * asked.p95_below_s, asked.failures_below_percent)
        limits = [one.message for one in warnings(measured, endpoint, plan) if one.kind in LIMITS]
        prediction = predict_round(plan, endpoint, measured)
        return Step(
            users=plan.profile.users,
            throughput_rps=counted.throughput_rps or 0.0,
            p95_ms=counted.p95_ms,
            failures_percent=failed,
            predicted_p95_ms=prediction.p95_ms if prediction else None,
            broken=", ".join(lost),
            limited=limits[0] if limits else "",
        )
