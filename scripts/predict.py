"""`bench predict`: what a load would show, worked out; nothing is started."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import psutil
from typer import Argument

from benchmark.config import DEFAULT_FILE, Config, make_plan, make_plans, parse_config, usual_profile
from benchmark.errors import UsageError
from benchmark.measure.machine import divided, pinning
from benchmark.plan import Plan
from benchmark.report.terminal import print_curve, print_met, print_predictions
from benchmark.store import SCHEMA_VERSION
from benchmark.theory.ask import FLAGS, Predicted, PredictionRequest, answer, ask, simulations, simulator
from benchmark.theory.computing import machine
from benchmark.theory.curve import On, curve, grid, meet, promises, users_range
from benchmark.theory.processors import Machine
from scripts import options

LOAD = options.chosen("endpoints users spawn_rate_per_s duration_s task_seconds workers threads")


@options.filled(load=LOAD, question=FLAGS)
def predict(
    *,
    endpoint: Annotated[str | None, Argument(metavar="[<endpoint>]", help="Endpoint or mix, as --endpoint.")] = None,
    profile: options.Profile = None,
    load: options.Given,
    question: options.Given,
    config: options.ConfigFile = DEFAULT_FILE,
    as_json: options.AsJson = False,
) -> None:
    """Predict the results of `bench run` with queueing theory, in seconds and without load.

    Users, workers and slots are simulated as in `bench run`; docs/explanation.md has the model and its limits. With
    --open-rate, requests arrive at a fixed rate, independent of responses. A mix or flow has a row for each of its
    endpoints. A range of users gives a curve, with what limits it; --meet says how many users a promise holds for, and
    what more would take.

    Examples:
        bench predict --users 2000 --workers 8
        bench predict --connections 290,210
        bench predict --endpoint sync_baseline --open-rate 40
        bench predict sync_baseline --users 1..1000 --threads 80
        bench predict sync_baseline --meet p95=20s

    """
    asked = ask(question)
    if endpoint is not None:
        if load["endpoints"]:
            raise UsageError("--endpoint: the endpoint was named without it already; give it once")
        load = {**load, "endpoints": (endpoint,)}
    read = parse_config(config)
    profile = profile or usual_profile(read)
    ranges = [users for users in load["users"] if ".." in users]
    if ranges or asked.meet is not None:
        _curve(asked, read, profile, load, ranges, as_json=as_json)
        return
    todo = simulations(asked, make_plans(read, profile, load))
    on = _machine(asked)
    answers = []
    with options.screen(stderr=True).status("") as status:
        for number, (plan, one, served) in enumerate(todo, start=1):
            status.update(f"Simulating {number} of {len(todo)} ...")
            answers.append(answer(asked, plan, one, served, on(plan)))
    if as_json:
        sys.stdout.write(_as_json_text(answers))
    else:
        print_predictions(options.screen(), answers)


def _machine(asked: PredictionRequest) -> On:
    """What a plan would run on: this machine, or one with as many processors as are asked for."""

    def on(plan: Plan) -> Machine:
        if asked.cpus is None:
            return machine(plan, psutil.cpu_count() or 1, pinning(plan))
        cores = [(number,) for number in range(asked.cpus)]
        processes = plan.profile.processes or max(1, asked.cpus - plan.target.workers)
        pinned = divided(cores, workers=plan.target.workers, processes=processes)
        return machine(plan, asked.cpus, None if plan.profile.load_workers else pinned)

    return on


def _curve(
    asked: PredictionRequest, read: Config, profile: str, load: options.Given, ranges: Sequence[str], *, as_json: bool
) -> None:
    if ranges and len(load["users"]) > 1:
        raise UsageError(f"--users: {', '.join(load['users'])} mixes a range with other numbers; give one range")
    ends = users_range(ranges[0]) if ranges else None
    promised = promises(asked.meet) if asked.meet is not None else ()
    if ends is None and len(load["users"]) > 1:
        raise UsageError("--meet: takes one number of users, for which it says what a promise takes")
    plan = make_plan(read, profile, {**load, "users": None if ends else next(iter(load["users"]), None)})
    on = _machine(asked)
    found = simulator(asked, plan, on(plan))
    with options.screen(stderr=True).status("") as status:

        def watch(users: int) -> None:
            status.update(f"Simulating {users:,} users ...")

        users_curve = curve(found, grid(*ends), watch) if ends else None
        met = meet(found, promised, on, watch) if promised else None
    if as_json:
        parts = {"curve": users_curve, "meet": met}
        values = {name: part.model_dump() if part else None for name, part in parts.items()}
        sys.stdout.write(json.dumps({"schema_version": SCHEMA_VERSION, **values}, indent=1) + "\n")
        return
    if users_curve is not None:
        print_curve(options.screen(), users_curve, found)
    if met is not None:
        print_met(options.screen(), met)


def _as_json_text(answers: Sequence[Predicted]) -> str:
    """One object for each number of users and endpoint; the columns stand in `prediction`, or in `open`.

    `bounds`: the most requests per second of a mix, the tightest first; `limit`: of an endpoint.
    """
    endpoints = [
        {
            "name": answer.endpoint.name,
            "users": answer.plan.profile.users,
            "limit": answer.limit.model_dump() if answer.limit else None,
            "bounds": [asdict(bound) for bound in answer.bounds],
            "prediction": answer.prediction.model_dump() if answer.prediction else None,
            "open": answer.open_answer.model_dump() if answer.open_answer else None,
        }
        for answer in answers
    ]
    return json.dumps({"schema_version": SCHEMA_VERSION, "endpoints": endpoints}, indent=1) + "\n"
