"""`bench predict`: what a load would show, worked out; nothing is started."""

import sys

from rich.console import Console
from typer import Context

from benchmark.config import DEFAULT_FILE
from benchmark.report.predictions import print_predictions
from scripts import options
from scripts.predicting import as_json_text, ask, predict_all


def predict(
    context: Context,
    profile: options.Profile = None,
    endpoint: options.Endpoints = [],
    users: options.Users = [],
    spawn_rate: options.SpawnRate = None,
    duration: options.Duration = None,
    task_seconds: options.TaskSeconds = None,
    workers: options.Workers = None,
    threads: options.Threads = None,
    connections: options.Connections = None,
    service_seconds: options.ServiceSeconds = None,
    seats: options.Seats = None,
    open_rate: options.OpenRate = None,
    draws: options.Draws = None,
    seed: options.Seed = None,
    config: options.ConfigFile = DEFAULT_FILE,
    as_json: options.AsJson = False,
) -> None:
    """Work out the table that `bench run` would show, without any load: queueing theory, in seconds.

    Users, workers and seats are simulated as they are under `bench run`; docs/method.md says how, and what is left
    out. With --open-rate requests come at a rate of their own.

    Examples: bench predict --connections 290,210; bench predict --users 2000 --workers 8;
    bench predict --endpoint sync_baseline --open-rate 40
    """
    values = {"spawn_rate_per_s": spawn_rate, "duration_s": duration, "task_seconds": task_seconds}
    values |= {"workers": workers, "threads": threads}
    question = ask(
        {
            "connections": connections,
            "service_seconds": service_seconds,
            "seats": seats,
            "open_rate": open_rate,
            "draws": draws,
            "seed": seed,
        }
    )
    wishes = {**values, "endpoints": options.items(context, "endpoint", endpoint)}
    answers = predict_all(
        question, config, profile or options.DEFAULT_PROFILE, options.numbers_of_users(context, users), wishes
    )
    if as_json:
        sys.stdout.write(as_json_text(answers))
    else:
        print_predictions(Console(), answers)
