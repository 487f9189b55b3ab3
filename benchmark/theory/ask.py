"""What `bench predict` asks, and what theory answers; all of it is checked before anything is worked out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from benchmark import config
from benchmark.config import Flag, checked
from benchmark.errors import UsageError
from benchmark.fields import Count, Frozen, Number, Seconds
from benchmark.formatting import count
from benchmark.plan import Endpoint, Plan
from benchmark.record import Limit
from benchmark.theory.bounds import limit
from benchmark.theory.computing import Bound, bounds, service
from benchmark.theory.curve import Simulator, only_pool, undeclared, with_slots
from benchmark.theory.predict import (
    DRAWS,
    MOST_SIMULATED,
    OpenAnswer,
    Prediction,
    most_requests,
    predict,
    predict_open,
)
from benchmark.theory.processors import Machine
from benchmark.theory.simulation import OVERHEAD, Mix, Service

MOST_ARRIVALS = 2_000_000
FLAGS = {
    "connections": Flag(
        "--connections",
        'Connections per worker, e.g. "290,210"; by default several likely distributions, and their range.',
        "number,...",
    ),
    "service_seconds": Flag("--service-seconds", "Service time of one request in seconds; overrides benchmark.toml."),
    "seats": Flag("--seats", "Slots of all workers together; overrides benchmark.toml."),
    "open_rate": Flag("--open-rate", "Random arrivals per second, independent of responses, instead of users.", "rate"),
    "slots": Flag("--slots", "Slots of each worker's pool; overrides benchmark.toml."),
    "cpus": Flag("--cpus", "Processors of the machine.", default="this machine's"),
    "meet": Flag("--meet", "How many users it holds for, and what it takes: p95=300ms,throughput=200/s.", "promise"),
    "draws": Flag("--draws", "Number of connection distributions to simulate.", default=str(DRAWS)),
    "seed": config.FLAGS["seed"],
}


def _split(text: Any) -> Any:
    return [part.strip() for part in text.split(",")] if isinstance(text, str) else text


class PredictionRequest(Frozen):
    """What is asked besides a plan."""

    connections: Annotated[tuple[Annotated[Count, Field(ge=0)], ...], BeforeValidator(_split)] | None = None
    service_seconds: Annotated[Seconds, Field(gt=0, le=3600)] | None = None
    seats: Annotated[Count, Field(ge=1, le=1_000_000)] | None = None
    open_rate: Annotated[Number, Field(gt=0, le=1_000_000)] | None = None
    slots: Annotated[Count, Field(ge=1, le=100_000)] | None = None
    cpus: Annotated[Count, Field(ge=1, le=4096)] | None = None
    meet: str | None = None
    draws: Annotated[Count, Field(ge=1, le=1000)] = DRAWS
    seed: Annotated[Count, Field(ge=0)] = 0

    def rate_per_s(self, plan: Plan) -> float | None:
        """The rate that is asked about, or the profile's own; None: users send again after their response."""
        return self.open_rate or plan.profile.rate_per_s


@dataclass(frozen=True)
class Predicted:
    """What theory answers for one endpoint under one plan: for a closed loop, or for arrivals at a rate."""

    plan: Plan
    endpoint: Endpoint
    limit: Limit | None
    machine: Machine | None = None
    prediction: Prediction | None = None
    open_answer: OpenAnswer | None = None

    @property
    def bounds(self) -> list[Bound]:
        """What limits a mix, the tightest first."""
        served = None if self.endpoint.mix is None else service(self.endpoint, self.plan)
        return [] if served is None else bounds(served, self.machine, OVERHEAD[self.plan.profile.client])


def ask(values: Mapping[str, str | None]) -> PredictionRequest:
    """Read what the command line asks. UsageError names the flag."""
    return checked(PredictionRequest, {name: value for name, value in values.items() if value is not None}, FLAGS)


def simulations(request: PredictionRequest, plans: Sequence[Plan]) -> list[tuple[Plan, Endpoint, Service | Mix]]:
    """List what has to be simulated. UsageError: a plan does not fit the request, or it would take minutes."""
    for plan in plans:
        _require_steady(plan)
        _check_connections(request, plan)
        rate_per_s = request.rate_per_s(plan)
        if rate_per_s is not None and rate_per_s * plan.profile.duration_s > MOST_ARRIVALS:
            flag = "--open-rate" if request.open_rate is not None else f"profile {plan.profile.name!r}, its rate"
            message = f"{flag}: more than {MOST_ARRIVALS} arrivals in {plan.profile.duration_s:g} s"
            raise UsageError(f"{message}; take a shorter --duration")
    asked = [(plan, _as_asked(request, endpoint, plan)) for plan in plans for endpoint in plan.endpoints]
    found = [(plan, endpoint, _service(endpoint, plan)) for plan, endpoint in asked]
    for plan, endpoint, served in found:
        if request.rate_per_s(plan) is None and most_requests(plan, served) > MOST_SIMULATED:
            requests = count(round(most_requests(plan, served)))
            what = "endpoint" if endpoint.mix is None else "mix"
            message = f"{what} {endpoint.name!r}: {requests} requests take minutes to simulate"
            raise UsageError(f"{message}; take a shorter --duration, or fewer --users: the rates hardly differ")
    return found


def _require_steady(plan: Plan) -> None:
    if plan.profile.stages:
        message = f"--profile: {plan.profile.name!r} has stages, and a load is predicted here that stays the same"
        raise UsageError(f"{message}; name another profile, or use bench run, whose report predicts stages")


def _check_connections(request: PredictionRequest, plan: Plan) -> None:
    split, workers, users = request.connections, plan.target.workers, plan.profile.users
    if split is None:
        return
    if len(split) != workers:
        message = f"--connections: {len(split)} numbers for {workers} workers; give one for each, or other --workers"
        raise UsageError(message)
    if request.rate_per_s(plan) is None and sum(split) != users:
        message = f"--connections: {sum(split)} connections in all for {users} users, who hold one each"
        raise UsageError(f"{message}; make them equal")
    if not any(split):
        raise UsageError("--connections: no worker has any; give at least one of them a connection")


def _as_asked(request: PredictionRequest, endpoint: Endpoint, plan: Plan) -> Endpoint:
    """Change what is declared of an endpoint into what the command line says of it."""
    if endpoint.mix is not None:
        return _mix_as_asked(request, endpoint)
    changes: dict[str, Any] = {}
    if request.service_seconds is not None:
        changes |= {"work_tasks": None, "work_s": request.service_seconds, "measured": None, "cpu_s": None}
    if request.seats is not None and request.slots is not None:
        raise UsageError("--slots are of each worker, --seats of all together; give one of them")
    if request.slots is not None:
        changes |= {"served": "pool", "seats": request.slots}
    if request.seats is not None:
        workers = plan.target.workers
        if request.seats % workers:
            message = f"--seats: {request.seats} cannot be shared evenly by {workers} workers, each has its own"
            raise UsageError(f"{message}; take a multiple of {workers}, or other --workers")
        changes |= {"served": "pool", "seats": request.seats // workers}
    return endpoint.model_copy(update=changes)


def _mix_as_asked(request: PredictionRequest, mix: Endpoint) -> Endpoint:
    for flag, value in (("--service-seconds", request.service_seconds), ("--seats", request.seats)):
        if value is not None:
            message = f"{flag} is of one endpoint, and {mix.name!r} is a mix of several"
            raise UsageError(f"{message}; declare it in benchmark.toml, or name an endpoint")
    if request.slots is None:
        return mix
    if only_pool(mix) is None:
        pools = [repr(one.name) for one in mix.members if one.seats is not None]
        have = f"{', '.join(pools)} of mix {mix.name!r} have one each" if pools else f"none of mix {mix.name!r} has one"
        raise UsageError(f"--slots are of one pool, and {have}; declare them in benchmark.toml")
    return with_slots(mix, request.slots)


def _service(endpoint: Endpoint, plan: Plan) -> Service | Mix:
    served = service(endpoint, plan)
    if served is None and plan.target.url is not None:
        message = f"endpoint {endpoint.name!r}: the number of workers behind {plan.target.url} is unknown"
        raise UsageError(f"{message}; predict with a benchmark.toml whose [app] has import")
    if served is None:
        raise UsageError(undeclared(endpoint, plan))
    return served


def simulator(request: PredictionRequest, plan: Plan, machine: Machine) -> Simulator:
    """Make what simulates any number of users of a plan's only endpoint. UsageError: it cannot be done."""
    if request.rate_per_s(plan) is not None or request.connections is not None:
        raise UsageError("a curve and --meet are of users who wait for responses: leave rates and --connections out")
    _require_steady(plan)
    if len(plan.endpoints) > 1:
        names = ", ".join(endpoint.name for endpoint in plan.endpoints)
        raise UsageError(f"a curve and --meet are of one endpoint or mix; name one of {names}: bench predict NAME ...")
    endpoint = _as_asked(request, plan.endpoints[0], plan)
    _service(endpoint, plan)
    return Simulator(plan, endpoint, machine, request.seed)


def answer(
    request: PredictionRequest, plan: Plan, endpoint: Endpoint, served: Service | Mix, machine: Machine | None = None
) -> Predicted:
    rate_per_s, bound = request.rate_per_s(plan), limit(endpoint, plan)
    if rate_per_s is None:
        found = predict(plan, served, split=request.connections, seed=request.seed, draws=request.draws, on=machine)
        return Predicted(plan, endpoint, bound, machine, prediction=found)
    found_open = predict_open(
        rate_per_s,
        plan.profile.duration_s,
        served,
        split=request.connections,
        overhead=OVERHEAD[plan.profile.client],
        seed=request.seed,
        profile=plan.profile if request.open_rate is None else None,
        on=machine,
    )
    return Predicted(plan, endpoint, bound, machine, open_answer=found_open)
