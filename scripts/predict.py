"""`bench predict`: what a load would show, worked out; nothing is started."""

import json
import sys
from collections.abc import Sequence

from benchmark.config import DEFAULT_FILE, make_plans, parse_config
from benchmark.report.terminal import print_predictions
from benchmark.store import SCHEMA_VERSION
from benchmark.theory.ask import FLAGS, Predicted, answer, ask, simulations
from scripts import options

LOAD = options.chosen("endpoints users spawn_rate_per_s duration_s task_seconds workers threads")


@options.filled(load=LOAD, question=FLAGS)
def predict(
    *,
    profile: options.Profile = None,
    load: options.Given,
    question: options.Given,
    config: options.ConfigFile = DEFAULT_FILE,
    as_json: options.AsJson = False,
) -> None:
    """Predict the results of `bench run` with queueing theory, in seconds and without load.

    Users, workers and slots are simulated as in `bench run`; docs/explanation.md has the model and its limits. With
    --open-rate, requests arrive at a fixed rate, independent of responses.

    Examples:
        bench predict --users 2000 --workers 8
        bench predict --connections 290,210
        bench predict --endpoint sync_baseline --open-rate 40

    """
    asked = ask(question)
    todo = simulations(asked, make_plans(parse_config(config), profile or options.DEFAULT_PROFILE, load))
    answers = []
    with options.screen(stderr=True).status("") as status:
        for number, (plan, endpoint, served) in enumerate(todo, start=1):
            status.update(f"Simulating {number} of {len(todo)} ...")
            answers.append(answer(asked, plan, endpoint, served))
    if as_json:
        sys.stdout.write(_as_json_text(answers))
    else:
        print_predictions(options.screen(), answers)


def _as_json_text(answers: Sequence[Predicted]) -> str:
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
