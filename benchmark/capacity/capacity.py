"""The way of a search for capacity, from a promise to the users it can be kept for: what `bench capacity` does."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from math import ceil
from pathlib import Path
from typing import Annotated, Any, Literal

import psutil
from pydantic import Field
from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmark.capacity.search import Search, broken, settled
from benchmark.config import Config, Flag, check_plan, checked, make_plan, read_config
from benchmark.errors import AppError, InvalidRunError, UsageError
from benchmark.fields import Count, Frozen, Seconds
from benchmark.formatting import ms, rate
from benchmark.judge.findings import ABOUT_GENERATOR, warnings
from benchmark.measure.machine import check_room, pinning
from benchmark.measure.prepare import prepared
from benchmark.measure.process import listening
from benchmark.measure.progress import climbing
from benchmark.measure.round import Job, measure
from benchmark.measure.server import check_target
from benchmark.measure.summarize import summarize
from benchmark.plan import Plan, Profile
from benchmark.record import RATE_NOT_KEPT, Round
from benchmark.theory.computing import machine, service
from benchmark.theory.predict import MOST_SIMULATED, most_requests, open_columns, predict, predict_round
from benchmark.theory.processors import Machine
from benchmark.traffic import unknown

NAME = "capacity"
SHORTEST_S, ANSWERS = 3, 8  # a load lasts at least that long, and that many of the response times that are promised
ANSWERS_AT_A_RATE = 24  # a rate that is a little too high shows only when the queue has had the time to grow
FEWEST_UNDER_WAY = 10
DRAWS = 5
FLAGS = {
    "p95_below_s": Flag(
        "--p95-below",
        '95th-percentile latency limit, e.g. "50ms" or "2s".',
        "duration",
        default="that of [slo.ENDPOINT]",
    ),
    "failures_below_percent": Flag(
        "--failures-below",
        "Share of the requests that may fail.",
        "percent",
        default="0.1%, or without --p95-below that of [slo.ENDPOINT]",
    ),
    "most": Flag("--most-users", "Upper end of the search."),
}
MOST_RATE = Flag(
    "--most-rate", 'Search for requests per second, independent of responses, up to this rate, e.g. "500/s".', "rate"
)
UNDER_WAY = Flag("--most-rate times --p95-below (requests in flight)")
LASTING = Flag("--p95-below (a step lasts a multiple of it)")
PROFILE_FLAGS = {"users": UNDER_WAY, "spawn_rate_per_s": UNDER_WAY, "duration_s": LASTING, "timeout_s": LASTING}


Limits = dict[str, float]
"""By the field of `Slo`."""


class Slo(Frozen):
    """What has to hold of a load: 95 % of the responses within a time, and at most a share of the requests failed.

    `most` of what to search for: users, or requests per second that are due without waiting for responses.
    """

    p95_below_s: Annotated[Seconds, Field(gt=0, le=3600)]
    failures_below_percent: Annotated[float, Field(ge=0, le=100)] = 0.1
    most: Annotated[Count, Field(ge=1, le=100_000)] = 2000
    by: Literal["users", "rate"] = "users"


class Step(Frozen):
    """One load: `size` users, or requests per second.

    `broken`: what of the promise did not hold, "" where all did. `limited`: the generator was the limit.
    `predicted_p95_ms`: by theory, for the connections as they were distributed; None where it knows too little.
    """

    size: int
    throughput_rps: float
    p95_ms: float | None
    failures_percent: float
    predicted_p95_ms: float | None
    broken: str
    limited: str = ""


class Capacity(Frozen):
    """The result. `size`: the promise was kept at that many users, or requests per second, twice; 0: not even at one.

    `breaks_at`: the smallest load at which it was broken twice; None: the search did not get that far.
    `predicted_size`: the same `size` by theory, for likely splits of the connections.
    """

    schema_version: Literal[1] = 1
    endpoint: str
    promise: Slo
    size: int
    breaks_at: int | None
    throughput_rps: float | None
    predicted_size: int | None
    ended: Literal["found", "most", "generator"]
    steps: tuple[Step, ...]


def promise(
    p95_below: str | None,
    failures_below: str | None,
    most_users: str,
    most_rate: str | None,
    promised: Callable[[], Limits],
) -> Slo:
    """Read what the command line promises; without a p95 there, what benchmark.toml does. UsageError names the flag."""
    values: dict[str, Any] = promised() if p95_below is None else {"p95_below_s": p95_below}
    if failures_below is not None:
        values |= {"failures_below_percent": failures_below.strip().removesuffix("%").strip()}
    values |= {"most": most_users}
    if most_rate is None:
        return checked(Slo, values, FLAGS)
    values |= {"most": most_rate.strip().removesuffix("/s"), "by": "rate"}
    return checked(Slo, values, FLAGS | {"most": MOST_RATE})


def promised_limits(config: Config, endpoint: str) -> Limits:
    """Take the limits of [slo.ENDPOINT] that names no profile, or else of the only one. UsageError: there is none."""
    _require_endpoint(config, endpoint)
    tables = config.slo.get(endpoint, ())
    chosen = [table for table in tables if table.profile is None] or tables
    give = f'give for example --p95-below 500ms, or write [slo.{endpoint}] p95 = "500ms"'
    if len(chosen) > 1:
        profiles = " and ".join(str(table.profile) for table in chosen)
        raise UsageError(f"--p95-below: benchmark.toml promises one p95 for {profiles} each; {give} without a profile")
    if not chosen or chosen[0].p95_s is None:
        raise UsageError(f"--p95-below is missing, and benchmark.toml promises no p95 of {endpoint}; {give}")
    found = {"p95_below_s": chosen[0].p95_s}
    failures = chosen[0].failures_percent
    return found if failures is None else found | {"failures_below_percent": failures}


def search(asked: Slo, endpoint: str, wishes: Mapping[str, Any], config_file: Path, console: Console) -> Capacity:
    """Load an endpoint more and more. All errors of a round may occur; one of the first load ends it."""
    config = read_config(config_file)
    home = config_file.resolve().parent

    def plan_of(size: int, number: int = 0) -> Plan:
        return _plan(config, endpoint, wishes, asked, size, number)

    check_plan(plan_of(asked.most), home)
    check_room(plan_of(asked.most))
    with (
        listening() as interrupt,
        tempfile.TemporaryDirectory() as directory,
        prepared(plan_of(asked.most), home, interrupt.pause, console),
        climbing(console, endpoint) as watch,
    ):
        target = check_target(plan_of(asked.most), home, interrupt.pause)
        way = Search(asked.most)
        steps: list[Step] = []
        while (size := way.next_size()) is not None:
            plan = plan_of(size, len(steps)).model_copy(update={"target": target})
            loaded = plan.endpoints[0]
            # verified before each load: without declared work, first requests are spread over how long that takes
            job = Job(plan, loaded, 1, (loaded,), Path(directory) / str(len(steps)), home)
            measured = summarize(measure(job, interrupt.pause, watch), loaded, plan.profile)
            _require_response(endpoint, measured, steps)
            steps.append(_step(measured, plan, asked))
            if not steps[-1].limited:
                way.note(size, kept=not steps[-1].broken)
            elif len(steps) > 1 and steps[-2].limited:  # twice the same load: one slow second must not end a search
                break
    rates = [step.throughput_rps for step in steps if step.size == way.holds_to and not step.broken]
    return Capacity(
        endpoint=endpoint,
        promise=asked,
        size=way.holds_to,
        breaks_at=way.breaks_at,
        throughput_rps=sum(rates) / len(rates) if rates else None,
        predicted_size=_predicted_size(plan_of, asked),
        ended="generator" if steps[-1].limited else "found" if way.breaks_at is not None else "most",
        steps=tuple(steps),
    )


def _require_response(endpoint: str, measured: Round, steps: Sequence[Step]) -> None:
    """AppError: there was none to the first load."""
    if not steps and measured.requests and measured.failures == measured.requests:
        message = f"endpoint {endpoint!r}: none of {measured.requests} requests got a correct response"
        raise AppError(f"{message}; check its responses, and what its endpoints expect")


def require_answer(found: Capacity) -> None:
    """InvalidRunError: the load generator was the limit before any load told something of the endpoint.

    Where it was later, the result says so, and what was kept until then holds.
    """
    if found.ended == "generator" and found.size == 0:
        message = f"there is no result for {found.endpoint}: {found.steps[-1].limited}"
        raise InvalidRunError(f"{message} Leave the machine to the benchmark, or take one with more cores.")


def _plan(config: Config, endpoint: str, wishes: Mapping[str, Any], asked: Slo, size: int, number: int) -> Plan:
    """A load of users whose first requests are spread: else they would measure each other. Or of a rate.

    A rate at which twice as many requests as the promise allows are under way (Little's law) has broken it already.
    `number`: which load it is; each has other random arrivals, so that a confirmation is one.
    """
    _require_endpoint(config, endpoint)
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
    extended = config.model_copy(update={"profiles": {NAME: profile}})
    return make_plan(extended, NAME, {**wishes, "endpoints": (endpoint,)})


def _require_endpoint(config: Config, endpoint: str) -> None:
    if endpoint not in config.loadable:
        raise UsageError(unknown("endpoint", endpoint, config.loadable))


def _predicted_size(plan_of: Callable[[int], Plan], asked: Slo) -> int | None:
    """What theory says the result is; None where it knows too little of the endpoint."""
    largest = plan_of(asked.most)
    served = service(largest.endpoints[0], largest)
    if served is None or most_requests(largest, served) > MOST_SIMULATED:
        return None

    def keeps(size: int) -> bool:
        plan = plan_of(size)
        if plan.profile.rate_per_s is None:
            p95_ms = predict(plan, served, split=None, draws=DRAWS, on=_here(plan)).p95_ms
        else:
            evenly = (1,) * served.workers
            lasted_s = plan.profile.duration_s
            p95_ms = open_columns(plan.profile, lasted_s, served, evenly, seed=0, on=_here(plan)).p95_ms
        return not list(broken(p95_ms, 0.0, 1000 * asked.p95_below_s, asked.failures_below_percent))

    return settled(asked.most, keeps)


def _here(plan: Plan) -> Machine:
    return machine(plan, psutil.cpu_count() or 1, pinning(plan))


def _step(measured: Round, plan: Plan, asked: Slo) -> Step:
    (endpoint,) = plan.endpoints
    found = warnings(measured, endpoint, plan)
    counted = measured.steady or measured
    failed = 100 * measured.failures / measured.requests if measured.requests else 100.0
    lost = ["not all could be sent" for one in found if one.kind == RATE_NOT_KEPT]
    lost += broken(counted.p95_ms, failed, 1000 * asked.p95_below_s, asked.failures_below_percent)
    prediction = predict_round(plan, endpoint, measured, _here(plan))
    return Step(
        size=int(plan.profile.rate_per_s or plan.profile.users),
        throughput_rps=counted.throughput_rps or 0.0,
        p95_ms=counted.p95_ms,
        failures_percent=failed,
        predicted_p95_ms=prediction.p95_ms if prediction else None,
        broken=", ".join(lost),
        limited=next((one.message for one in found if one.kind in ABOUT_GENERATOR), ""),
    )


WIDEST = 24  # letters of the longest bar
HALF = WIDEST // 2  # where the promise stands, so that a broken one is seen to be longer


def print_capacity(console: Console, found: Capacity) -> None:
    """Print the steps, smallest load first, and what they mean."""
    letter, line = ("█", "│") if console.encoding.startswith("utf") else ("#", "|")
    table = Table(box=None, padding=(0, 2, 0, 0))
    load = "users" if found.promise.by == "users" else "due/s"
    for name in (load, "req/s", "p95 (ms)", "predicted", "failed (%)"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column(f"p95 ({line} target)", no_wrap=True)
    table.add_column("", no_wrap=True)
    for step in sorted(found.steps, key=lambda step: step.size):
        table.add_row(
            str(step.size),
            rate(step.throughput_rps),
            ms(step.p95_ms),
            "" if step.predicted_p95_ms is None else ms(step.predicted_p95_ms),
            f"{step.failures_percent:.2g}",
            bar(step, 1000 * found.promise.p95_below_s, letter, line),
            "generator was the bottleneck" if step.limited else step.broken or "met",
        )
    console.print(table)
    console.print()
    console.print(Text(sentence(found), style="bold"))


def bar(step: Step, most_ms: float, letter: str, line: str) -> str:
    """The p95 as a bar, with a line where the promise is."""
    length = 0 if step.p95_ms is None else min(WIDEST, round(HALF * step.p95_ms / most_ms))
    drawn = list(letter * length + " " * (WIDEST - length))
    drawn[HALF] = line
    return "".join(drawn).rstrip()


def sentence(found: Capacity) -> str:
    """The result, how sure it is, and what theory says."""
    asked = f"p95 below {ms(1000 * found.promise.p95_below_s)} ms"
    asked += f", at most {found.promise.failures_below_percent:g}% failed"
    gives = "" if found.throughput_rps is None else f" ({rate(found.throughput_rps)} req/s)"
    theory = "" if found.predicted_size is None else f" Predicted: {found.predicted_size}."
    return f"{_met(found)}{gives}. Target: {asked}.{theory}"


def _met(found: Capacity) -> str:
    last, by = found.steps[-1], found.promise.by
    if found.ended == "generator":
        limited = f"At {_load(last.size, by)} the load generator was the bottleneck: {last.limited}"
        return f"{limited} The target was met up to {_load(found.size, by)}"
    if found.size == 0:
        return f"Not even {_load(1, by)} meets the target"
    meets = f"{_load(found.size, by)} {'meets' if found.size == 1 else 'meet'} the target"
    if found.breaks_at is None:
        return f"{meets}; more were not tried (--most{'-users' if by == 'users' else '-rate'})"
    return f"{meets}, {found.breaks_at} do not"


def _load(size: int, by: str) -> str:
    kind = "request" if by == "rate" else "user"
    return f"{size} {kind}{'' if size == 1 else 's'}{' per second' if by == 'rate' else ''}"
