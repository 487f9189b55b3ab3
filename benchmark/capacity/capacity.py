"""The way of a search for capacity, from a promise to the users it can be kept for: what `bench capacity` does."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmark.capacity.model import Capacity, Promise, Step
from benchmark.capacity.search import Search, broken, settled
from benchmark.config import Config, Flag, check_plan, checked, make_plan, read_config
from benchmark.errors import AppError, InvalidRunError, UsageError
from benchmark.judge.findings import ABOUT_GENERATOR, warnings
from benchmark.measure.machine import check_room
from benchmark.measure.process import Interrupt, listening
from benchmark.measure.progress import climbing
from benchmark.measure.round import Job, measure
from benchmark.measure.server import check_target
from benchmark.measure.summarize import summarize
from benchmark.plan import Plan, Profile
from benchmark.record import RATE_NOT_KEPT, Round
from benchmark.theory.predict import MOST_SIMULATED, most_requests, open_columns, predict, predict_round, service
from benchmark.theory.simulation import Service

NAME = "capacity"
SHORTEST_S, ANSWERS = 3, 8
"""A load lasts at least so many seconds, and so many of the answer times that are promised."""

ANSWERS_AT_A_RATE = 24
"""A rate that is a little too high shows only when the queue has had the time to grow."""

FEWEST_UNDER_WAY = 10

FLAGS = {
    "p95_below_s": Flag("--p95-below", 'What 95 % of the answers must not take: "50ms", "2s".'),
    "failures_below_percent": Flag("--failures-below", "How many of the requests may fail."),
    "most": Flag("--most-users", "How far to search."),
}
MOST_RATE = Flag(
    "--most-rate", 'Search for requests per second instead, which wait for nobody, up to so many: "500/s".'
)
UNDER_WAY = Flag("--most-rate times --p95-below (requests under way)")
LASTING = Flag("--p95-below (a load lasts many answer times)")
PROFILE_FLAGS = {"users": UNDER_WAY, "spawn_rate_per_s": UNDER_WAY, "duration_s": LASTING, "timeout_s": LASTING}
REMEDY = "Leave the machine to the benchmark, or take one with more cores."
DRAWS = 5


def promise(p95_below: str, failures_below: str, most_users: str, most_rate: str | None) -> Promise:
    """Read what the command line promises. UsageError names the flag."""
    percent = failures_below.strip().removesuffix("%").strip()
    values = {"p95_below_s": p95_below, "failures_below_percent": percent, "most": most_users}
    if most_rate is None:
        return checked(Promise, values, FLAGS)
    values |= {"most": most_rate.strip().removesuffix("/s"), "by": "rate"}
    return checked(Promise, values, FLAGS | {"most": MOST_RATE})


def search(asked: Promise, endpoint: str, wishes: Mapping[str, Any], config_file: Path, console: Console) -> Capacity:
    """Load an endpoint more and more. All errors of a round may occur; one of the first load ends it."""
    config = read_config(config_file)
    home = config_file.resolve().parent
    largest = _plan(config, endpoint, wishes, asked, asked.most)
    check_plan(largest, home)
    check_room(largest)
    predicted = _predicted_size(lambda size: _plan(config, endpoint, wishes, asked, size), asked)
    with listening() as interrupt, tempfile.TemporaryDirectory() as directory, climbing(console, endpoint) as watch:
        check_target(largest, home, interrupt.pause)
        loads = _Loads(home, Path(directory), interrupt, watch)
        way, steps = Search(asked.most), list[Step]()
        while (size := way.next_size()) is not None:
            steps.append(loads.step(_plan(config, endpoint, wishes, asked, size, len(steps)), asked))
            if steps[-1].limited:
                break
            way.note(size, kept=not steps[-1].broken)
    return _answer(endpoint, asked, way, steps, predicted)


def require_answer(found: Capacity) -> None:
    """InvalidRunError: the load generator was the limit before any load told something of the endpoint.

    Where it was later, the answer says so, and what was kept until then holds.
    """
    if found.ended == "generator" and found.size == 0:
        raise InvalidRunError(f"nothing is known of {found.endpoint}: {found.steps[-1].limited} {REMEDY}")


def _answer(endpoint: str, asked: Promise, way: Search, steps: list[Step], predicted: int | None) -> Capacity:
    rates = [step.throughput_rps for step in steps if step.size == way.holds_to and not step.broken]
    return Capacity(
        endpoint=endpoint,
        promise=asked,
        size=way.holds_to,
        breaks_at=way.breaks_at,
        throughput_rps=sum(rates) / len(rates) if rates else None,
        predicted_size=predicted,
        ended="generator" if steps[-1].limited else "found" if way.breaks_at is not None else "most",
        steps=tuple(steps),
    )


def _plan(config: Config, endpoint: str, wishes: Mapping[str, Any], asked: Promise, size: int, number: int = 0) -> Plan:
    """A load of so many users, whose first requests are spread: else they would measure each other. Or of a rate.

    A rate at which twice as many requests as the promise allows are under way (Little's law) has broken it already.
    `number`: which load it is; each has other random arrivals, so that a confirmation is one.
    """
    if endpoint not in config.endpoints:
        raise UsageError(f"there is no endpoint {endpoint!r}; there are: {', '.join(config.endpoints)}")
    is_rate = asked.by == "rate"
    users = max(FEWEST_UNDER_WAY, ceil(2 * size * asked.p95_below_s)) if is_rate else size
    answers = ANSWERS_AT_A_RATE if is_rate else ANSWERS
    values = {
        "name": NAME,
        "users": users,
        "rate_per_s": size if is_rate else None,
        "arrivals": "poisson",
        "seed": number,
        "spawn_rate_per_s": users,
        "start": "spread",
        "duration_s": max(SHORTEST_S, ceil(answers * asked.p95_below_s)),
        "timeout_s": max(60.0, 4 * answers * asked.p95_below_s),
        "reference_s": 0,
        "endpoints": (endpoint,),
    }
    profile = checked(Profile, values, PROFILE_FLAGS)
    return make_plan(
        config.model_copy(update={"profiles": {NAME: profile}}), NAME, {**wishes, "endpoints": (endpoint,)}
    )


def _predicted_size(plan_of: Callable[[int], Plan], asked: Promise) -> int | None:
    """What theory says the answer is; None where it knows too little of the endpoint."""
    largest = plan_of(asked.most)
    served = service(largest.endpoints[0], largest)
    if served is None or most_requests(largest, served) > MOST_SIMULATED:
        return None

    def keeps(size: int) -> bool:
        p95_ms = _predicted_p95_ms(plan_of(size), served)
        return not list(broken(p95_ms, 0.0, 1000 * asked.p95_below_s, asked.failures_below_percent))

    return settled(asked.most, keeps)


def _predicted_p95_ms(plan: Plan, served: Service) -> float | None:
    if plan.profile.rate_per_s is None:
        return predict(plan, served, split=None, draws=DRAWS).p95_ms
    return open_columns(plan.profile, plan.profile.duration_s, served, (1,) * served.workers, seed=0).p95_ms


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
        # Verified before each load: without declared work, how long that takes is what first requests are spread over.
        job = Job(plan, endpoint, 1, (endpoint,), self.folder / str(self.done), self.home)
        measured = summarize(measure(job, self.interrupt.pause, self.watch), endpoint, plan.profile)
        if self.done == 1 and measured.requests and measured.failures == measured.requests:
            message = f"endpoint {endpoint.name!r}: none of {measured.requests} requests was answered right"
            raise AppError(f"{message}; see what it answers, and [endpoints.{endpoint.name}] expect")
        return self._seen(measured, plan, asked)

    def _seen(self, measured: Round, plan: Plan, asked: Promise) -> Step:
        (endpoint,) = plan.endpoints
        found = warnings(measured, endpoint, plan)
        counted = measured.steady or measured
        failed = 100 * measured.failures / measured.requests if measured.requests else 100.0
        lost = ["not all could be sent" for one in found if one.kind == RATE_NOT_KEPT]
        lost += broken(counted.p95_ms, failed, 1000 * asked.p95_below_s, asked.failures_below_percent)
        limits = [one.message for one in found if one.kind in ABOUT_GENERATOR]
        prediction = predict_round(plan, endpoint, measured)
        return Step(
            size=int(plan.profile.rate_per_s or plan.profile.users),
            throughput_rps=counted.throughput_rps or 0.0,
            p95_ms=counted.p95_ms,
            failures_percent=failed,
            predicted_p95_ms=prediction.p95_ms if prediction else None,
            broken=", ".join(lost),
            limited=limits[0] if limits else "",
        )
