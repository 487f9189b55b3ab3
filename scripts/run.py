"""`bench run`: measure endpoints under load, write the record and its report."""

import os
import sys
from pathlib import Path

from rich.console import Console
from typer import Context

from benchmark.config import DEFAULT_FILE, headline_profile, read_config
from benchmark.pipeline import Wishes, app_python, as_json_text, measure_all, require_valid
from benchmark.record import Record
from benchmark.report.index import render_run
from benchmark.report.published import read_published
from benchmark.report.terminal import print_results
from scripts import options
from scripts.cli import open_report


def run(
    context: Context,
    profile: options.Profile = None,
    headline: options.Headline = False,
    endpoint: options.Endpoints = [],
    users: options.Users = [],
    spawn_rate: options.SpawnRate = None,
    duration: options.Duration = None,
    task_seconds: options.TaskSeconds = None,
    workers: options.Workers = None,
    threads: options.Threads = None,
    rounds: options.Rounds = None,
    port: options.Port = None,
    loop: options.Loop = None,
    rate: options.Rate = None,
    arrivals: options.Arrivals = None,
    seed: options.Seed = None,
    processes: options.Processes = None,
    expect_workers: options.ExpectWorkers = None,
    workers_within: options.WorkersWithin = None,
    python: options.Python = None,
    out: options.Out = Path("results"),
    config: options.ConfigFile = DEFAULT_FILE,
    open_it: options.OpenIt = False,
    as_json: options.AsJson = False,
) -> None:
    """Measure endpoints under load and write what was found to results/ID/.

    Without flags: the profile `quick`, the published experiment ten times faster. Every flag changes one
    value of the profile for this run only; such a run is marked as changed and compared with its like alone.
    Where a variable is named, it says the same as the flag; an empty one says nothing.

    Examples: bench run --profile blog; bench run --users 20 --users 50 --duration 5s --task-seconds 0.1
    """
    values = {"spawn_rate_per_s": spawn_rate, "duration_s": duration, "task_seconds": task_seconds, "rounds": rounds}
    values |= {"workers": workers, "threads": threads, "port": port, "loop": loop}
    values |= {"rate_per_s": rate, "arrivals": arrivals, "seed": seed}
    values |= {"processes": processes, "load_workers": expect_workers, "workers_within_s": workers_within}
    wishes = Wishes(
        profile=profile or (headline_profile(read_config(config)) if headline else options.DEFAULT_PROFILE),
        users=options.numbers_of_users(context, users),
        values={**values, "endpoints": options.items(context, "endpoint", endpoint)},
        python=app_python(python),
    )
    records: list[Record] = []
    report: Path | None = None
    try:
        for run in measure_all(wishes, config, out, Console(stderr=True), _render):
            records.append(run.record)
            report = run.report
            if not as_json:
                print_results(Console(), run.record)
                sys.stdout.write(f"Report: {run.report}\n")
    finally:
        if as_json and records:
            sys.stdout.write(as_json_text(records))
    if open_it and report is not None:  # not earlier: a browser that starts would be measured, too
        open_report(report, records[-1])
    _tell_workflow(records)
    require_valid(records)


def _render(directory: Path, home: Path) -> Path:
    return render_run(directory, read_published(home / "reports" / "published"))


def _tell_workflow(records: list[Record]) -> None:
    """Give the step of a workflow an output, so that a run which is complete is published even if it is invalid."""
    file = os.environ.get("GITHUB_OUTPUT")
    if file and all(record.state == "complete" for record in records):
        with Path(file).open("a", encoding="utf-8") as outputs:
            outputs.write("complete=true\n")
