"""The way of a prediction, from what the command line asks to answers: what `bench predict` does."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from rich.console import Console

from benchmark.config import checked, make_plan, read_config
from benchmark.errors import UsageError
from benchmark.plan import Count, Endpoint, Frozen, Number, Plan, Seconds
from benchmark.report.predictions import Predicted
from benchmark.store import SCHEMA_VERSION
from benchmark.theory.bounds import limit
from benchmark.theory.predict import DRAWS, MOST_SIMULATED, most_requests, predict, predict_open, service
from benchmark.theory.simulation import OVERHEAD, Service

MOST_ARRIVALS = 2_000_000
FLAGS = {
    "connections": "--connections",
    "service_seconds": "--service-seconds",
    "seats": "--seats",
    "open_rate": "--open-rate",
    "draws": "--draws",
    "seed": "--seed",
}


def _split(text: Any) -> Any:
    return [part.strip() for part in text.split(",")] if isinstance(text, str) else text


class Question(Frozen):
    """What `bench predict` is asked beside a plan."""

    connections: Annotated[tuple[Annotated[Count, Field(ge=0)], ...], BeforeValidator(_split)] | None = None
    service_seconds: Annotated[Seconds, Field(gt=0, le=3600)] | None = None
    seats: Annotated[Count, Field(ge=1, le=1_000_000)] | None = None
    open_rate: Annotated[Number, Field(gt=0, le=1_000_000)] | None = None
    draws: Annotated[Count, Field(ge=1, le=1000)] = DRAWS
    seed: Annotated[Count, Field(ge=0)] = 0


def ask(values: Mapping[str, str | None]) -> Question:
    """Read what the command line asks. UsageError names the flag."""
    return checked(Question, {name: value for name, value in values.items() if value is not None}, FLAGS)


def predict_all(
    question: Question, config_file: Path, profile: str, users: Sequence[str], values: Mapping[str, Any]
) -> list[Predicted]:
    """Answer for every number of users and every endpoint. All is checked before anything is worked out."""
    config = read_config(config_file)
    plans = [make_plan(config, profile, {**values, "users": number}) for number in users or (None,)]
    for plan in plans:
        _check_connections(question, plan)
        rate_per_s = _rate_per_s(question, plan)
        if rate_per_s is not None and rate_per_s * plan.profile.duration_s > MOST_ARRIVALS:
            flag = "--open-rate" if question.open_rate is not None else f"profile {plan.profile.name!r}, its rate"
            message = f"{flag}: more than {MOST_ARRIVALS} arrivals in {plan.profile.duration_s:g} s"
            raise UsageError(f"{message}; take a shorter --duration")
    asked = [(plan, _as_asked(question, endpoint, plan)) for plan in plans for endpoint in plan.endpoints]
    services = [_served(endpoint, plan) for plan, endpoint in asked]
    for (plan, endpoint), served in zip(asked, services, strict=True):
        if _rate_per_s(question, plan) is None and most_requests(plan, served) > MOST_SIMULATED:
            message = f"endpoint {endpoint.name!r}: {most_requests(plan, served):.3g} requests take minutes to simulate"
            raise UsageError(f"{message}; take a shorter --duration, or fewer --users: the rates hardly differ")
    with Console(stderr=True).status("") as status:
        answers = []
        for number, ((plan, endpoint), served) in enumerate(zip(asked, services, strict=True), start=1):
            status.update(f"Working out {number} of {len(asked)} ...")
            answers.append(_answer(question, plan, endpoint, served))
    return answers


def _rate_per_s(question: Question, plan: Plan) -> float | None:
    """The rate that is asked about, or the profile's own; None: users ask again when they were answered."""
    return question.open_rate or plan.profile.rate_per_s


def _check_connections(question: Question, plan: Plan) -> None:
    split, workers, users = question.connections, plan.target.workers, plan.profile.users
    if split is None:
        return
    if len(split) != workers:
        message = f"--connections: {len(split)} numbers for {workers} workers; give one for each, or other --workers"
        raise UsageError(message)
    if _rate_per_s(question, plan) is None and sum(split) != users:
        message = (
            f"--connections: {sum(split)} connections in all for {users} users, who hold one each; make them equal"
        )
        raise UsageError(message)
    if not any(split):
        raise UsageError("--connections: no worker has any; give at least one of them a connection")


def _as_asked(question: Question, endpoint: Endpoint, plan: Plan) -> Endpoint:
    """Change what is declared of an endpoint into what the command line says of it."""
    changes: dict[str, Any] = {}
    if question.service_seconds is not None:
        changes |= {"work_tasks": None, "work_s": question.service_seconds}
    if question.seats is not None:
        workers = plan.target.workers
        if question.seats % workers:
            message = f"--seats: {question.seats} cannot be shared evenly by {workers} workers, each has its own"
            raise UsageError(f"{message}; take a multiple of {workers}, or other --workers")
        changes |= {"served": "pool", "seats": question.seats // workers}
    return endpoint.model_copy(update=changes)


def _served(endpoint: Endpoint, plan: Plan) -> Service:
    served = service(endpoint, plan)
    if served is None and plan.target.url is not None:
        message = f"endpoint {endpoint.name!r}: the app at {plan.target.url} is served elsewhere, by nobody knows how"
        raise UsageError(f"{message} many workers; predict with a benchmark.toml that says import")
    if served is None:
        message = f"endpoint {endpoint.name!r}: its own work, or how it is served, is not declared"
        raise UsageError(f"{message}; declare work and served in benchmark.toml, or give --service-seconds and --seats")
    return served


def _answer(question: Question, plan: Plan, endpoint: Endpoint, served: Service) -> Predicted:
    rate_per_s = _rate_per_s(question, plan)
    if rate_per_s is None:
        found = predict(plan, served, split=question.connections, seed=question.seed, draws=question.draws)
        return Predicted(plan=plan, endpoint=endpoint, limit=limit(endpoint, plan), prediction=found)
    return Predicted(
        plan=plan,
        endpoint=endpoint,
        limit=limit(endpoint, plan),
        open_answer=predict_open(
            rate_per_s,
            plan.profile.duration_s,
            served,
            split=question.connections,
            overhead=OVERHEAD[plan.profile.client],
            seed=question.seed,
            profile=plan.profile if question.open_rate is None else None,
        ),
    )


def as_json_text(answers: Sequence[Predicted]) -> str:
    """One object for each number of users and endpoint; the columns stand in `prediction`, or in `open`."""
    endpoints = [
        {
            "name": answer.endpoint.name,
            "users": answer.plan.profile.users,
            "limit": answer.limit.model_dump() if answer.limit else None,
            "prediction": answer.prediction.model_dump() if answer.prediction else None,
            "open": answer.open_answer.model_dump() if answer.open_answer else None,
        }
        for answer in answers
    ]
    return json.dumps({"schema_version": SCHEMA_VERSION, "endpoints": endpoints}, indent=1) + "\n"
