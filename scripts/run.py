"""`bench run`: measure endpoints under load, write the record and its report."""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from typer import Option

from benchmark.config import DEFAULT_FILE, Config, headline_profile, read_config, usual_profile
from benchmark.discover.discover import config_of, discover_url, loading
from benchmark.discover.tries import PROFILE
from benchmark.errors import UsageError
from benchmark.formatting import say
from benchmark.pipeline import RunRequest, measure_all, require_valid
from benchmark.record import Record
from benchmark.report.index import render_run
from benchmark.report.published import read_published
from benchmark.report.slo import refuse_broken
from benchmark.report.terminal import print_results
from benchmark.store import SCHEMA_VERSION, to_json
from benchmark.traffic import problem_of_texts
from scripts import options
from scripts.cli import open_report

LOAD = options.chosen(
    "endpoints users spawn_rate_per_s duration_s task_seconds workers threads rounds port loop rate_per_s stages "
    "arrivals seed processes load_workers workers_within_s url ca_file python"
)


@options.filled(load=LOAD)
def run(
    *,
    profile: options.Profile = None,
    headline: Annotated[
        bool, Option("--headline", help="Without --profile: the profile that the README shows.")
    ] = False,
    load: options.Given,
    out: options.Out = Path("results"),
    config: options.ConfigFile = DEFAULT_FILE,
    open_it: options.OpenIt = False,
    as_json: options.AsJson = False,
    gate: Annotated[bool, Option("--gate", help="Exit with code 1 if a promise of [slo] is broken.")] = False,
) -> None:
    """Measure endpoints under load and write record and report to results/ID/.

    Without flags: the profile `quick`, the published experiment at one tenth of the duration. Each flag overrides one
    value of the profile for this run. Such a run is marked as customised and only compared with runs like it.
    Environment variables set the same values as the flags; empty variables are ignored.

    With --url nothing is started: the endpoints and the profile hold for the app at that address. Without a
    benchmark.toml, 20 users load up to three GET paths of it for ten seconds, as `bench try` does.

    Examples:
        bench run --profile blog
        bench run --users 20,50 --duration 5s --task-seconds 0.1
        bench run --endpoint sync_baseline --rate 40/s --arrivals poisson
        bench run --url https://staging.example.com

    """
    if load["ca_file"] and not Path(load["ca_file"]).is_absolute():
        load["ca_file"] = os.path.relpath(load["ca_file"], config.parent)
    alone = load["url"] if load["url"] and config == DEFAULT_FILE and not config.exists() else None
    found = _only_a_url(alone, load) if alone else None
    if profile is None:
        profile = PROFILE if found else (headline_profile if headline else usual_profile)(read_config(config))
    request = RunRequest(profile=profile, users=load.pop("users"), values=load, url=alone, gate=gate)
    records: list[Record] = []
    try:
        for record, report in measure_all(request, config, out, options.screen(stderr=True), _render, found):
            records.append(record)
            if not as_json:
                sys.stdout.write("\n" if len(records) > 1 else "")
                print_results(options.screen(), record)
                sys.stdout.write(f"Report: {report}\n")
    finally:
        if as_json and records:
            sys.stdout.write(_as_json_text(records))
    if open_it and records:  # not earlier: a browser that starts would be measured, too
        open_report(report, record)
    _tell_workflow(records)
    if gate:
        refuse_broken(records)
    require_valid(records)


def _only_a_url(url: str, load: dict[str, Any]) -> Config:
    """What stands for the benchmark.toml that is not there: it says the URL, so `load` does not."""
    found = discover_url(url, load["ca_file"])
    config = config_of(found)
    config = config.model_copy(update={"app": found.target.model_copy(update={"ca_file": None})})
    for endpoint in config.endpoints.values():
        if problem := problem_of_texts(endpoint):
            raise UsageError(f"--url: {problem}")
    load["url"] = None
    say(f"no benchmark.toml here; {loading(found, config)}", sys.stderr)
    return config


def _render(directory: Path, home: Path) -> Path:
    return render_run(directory, read_published(home / "reports" / "published"))


def _as_json_text(records: Sequence[Record]) -> str:
    """One run: its record. A sweep: `endpoints` of all runs, and the runs without theirs."""
    if len(records) == 1:
        return to_json(records[0])
    raw = [record.model_dump(mode="json") for record in records]
    endpoints = [endpoint for run in raw for endpoint in run.pop("endpoints")]
    return json.dumps({"schema_version": SCHEMA_VERSION, "endpoints": endpoints, "runs": raw}, indent=1) + "\n"


def _tell_workflow(records: list[Record]) -> None:
    """Give the step of a workflow an output, so that a run which is complete is published even if it is invalid."""
    file = os.environ.get("GITHUB_OUTPUT")
    if file and all(record.state == "complete" for record in records):
        with Path(file).open("a", encoding="utf-8") as outputs:
            outputs.write("complete=true\n")
