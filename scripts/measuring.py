"""The way of a measurement, from wishes to a record and its report: what `bench run` does."""

import json
import secrets
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmark.config import Config, check_plan, command_line, customised, make_plan, read_config
from benchmark.environment import Environment
from benchmark.errors import BenchmarkError, InvalidRunError, MiscountedRunError, UnwritableRunError, UsageError
from benchmark.explain.bounds import limit
from benchmark.explain.prediction import predict_round
from benchmark.judge.validity import endpoint_validity
from benchmark.judge.warnings import warnings
from benchmark.measure.digest import digest
from benchmark.measure.environment import read_environment
from benchmark.measure.generator import check_leader_port
from benchmark.measure.interrupt import Interrupt, listening
from benchmark.measure.notebook import Notebook, open_notebook
from benchmark.measure.packages import describe
from benchmark.measure.reference import NAME, USERS, measure_reference
from benchmark.measure.room import check_room
from benchmark.measure.rounds import Job, jobs, measure
from benchmark.measure.server import check_target
from benchmark.plan import Plan
from benchmark.record import MOST_RUNS, Record
from benchmark.record_file import SCHEMA_VERSION, to_json
from benchmark.show.console import Reporter, reporting
from benchmark.show.index import render_run
from benchmark.show.published import read_published


@dataclass(frozen=True)
class Wishes:
    """What the command line asks for; several users are a sweep. The app is started by `python`."""

    profile: str
    users: tuple[str, ...]
    values: Mapping[str, Any]
    python: str = sys.executable


@dataclass(frozen=True)
class Finished:
    """A record and where its report lies."""

    record: Record
    report: Path


def measure_all(wishes: Wishes, config_file: Path, out: Path, console: Console) -> Iterator[Finished]:
    """Measure one run per number of users, and give each when it is finished.

    Everything is checked before anything is started.
    """
    if len(wishes.users) > MOST_RUNS:
        message = f"--users: {len(wishes.users)} numbers are {len(wishes.users)} runs; give at most {MOST_RUNS} at once"
        raise UsageError(message)
    config = read_config(config_file)
    home = config_file.resolve().parent
    plans = [make_plan(config, wishes.profile, {**wishes.values, "users": n}) for n in wishes.users or (None,)]
    for plan in plans:
        if plan.profile.rate_per_s is not None and len(plans) > 1:
            message = "--users: of a rate it says how many requests may be under way, which makes no sweep"
            raise UsageError(f"{message}; give one number, or leave --rate out")
        check_plan(plan, home)
        check_room(plan)
        check_leader_port(plan.profile)
    sweep = f"sweep-{secrets.token_hex(4)}" if len(plans) > 1 else None
    with listening() as interrupt:
        check_target(plans[0], home, interrupt.pause, wishes.python)
        # before an app that runs has left its bytecode in the checkout
        environment = read_environment(home, wishes.python)
        for plan in plans:
            notebook = _open(config, plan, out, config_file, sweep, environment)
            _measure_plan(plan, notebook, home, wishes.python, interrupt, console)
            yield Finished(notebook.record, _report(notebook, home))


def app_python(asked: str | None) -> str:
    """Path of the Python that starts the app. UsageError: there is none of that name, or it is another program."""
    if not asked:
        return sys.executable
    found = shutil.which(asked)
    if found is None:
        message = f"--python: {asked!r} is no program that can be run; name the Python that has the app's packages"
        raise UsageError(message)
    python = str(Path(found).absolute())  # not resolved: the link is what makes it the Python of its environment
    describe(python)
    return python


def _open(
    config: Config, plan: Plan, out: Path, config_file: Path, sweep: str | None, environment: Environment
) -> Notebook:
    changed = customised(config, plan)
    return open_notebook(
        out,
        plan,
        environment,
        sweep=sweep,
        command=command_line(plan, changed, config_file),
        customised=changed,
        limits=[limit(endpoint, plan) for endpoint in plan.endpoints],
    )


def _measure_plan(
    plan: Plan, notebook: Notebook, home: Path, python: str, interrupt: Interrupt, console: Console
) -> None:
    """Measure all rounds; whatever ends them early, the record says so and the report is written."""
    todo = jobs(plan, notebook.directory, home, python)
    try:
        with reporting(console, plan.profile, len(todo)) as reporter:
            for number, job in enumerate(todo, start=1):
                if job.endpoint == plan.endpoints[0]:
                    _measure_reference(number, job, notebook, interrupt, reporter)
                measure_job(number, job, notebook, interrupt, reporter)
    except BenchmarkError as error:
        notebook.close(todo, reason=error.message)
        console.print(f"What there is of it: {_report(notebook, home)}", soft_wrap=True, markup=False)
        raise
    notebook.close(todo)


def _measure_reference(number: int, job: Job, notebook: Notebook, interrupt: Interrupt, reporter: Reporter) -> None:
    """Once a round, before its endpoints. A run without it is a run all the same: it compares with less."""
    if not job.plan.profile.reference_s or job.plan.target.url is not None:
        return
    reporter.begin(number, NAME, job.round, job.plan.profile.reference_s)
    directory = notebook.directory / f"00-{NAME}-{job.round}"
    try:
        found = measure_reference(job.plan, job.round, directory, interrupt.pause, reporter.watch)
    except MiscountedRunError:
        raise
    except InvalidRunError:
        return
    notebook.add_reference(USERS, found.raw, found.cpu_ms)


def measure_job(number: int, job: Job, notebook: Notebook, interrupt: Interrupt, reporter: Reporter) -> None:
    """A round that breaks under load is noted, and the others go on."""
    reporter.begin(number, job.endpoint.name, job.round)
    try:
        measured = digest(measure(job, interrupt.pause, reporter.watch), job.endpoint, job.plan.profile)
    except InvalidRunError as error:
        notebook.lose(job, str(error))
        if isinstance(error, UnwritableRunError):
            raise
        return
    notebook.add(job, measured)  # explaining it takes a moment, in which nothing must be lost
    predicted = predict_round(job.plan, job.endpoint, measured)
    explained = measured.model_copy(update={"prediction": predicted})
    found = warnings(explained, job.endpoint, job.plan)
    notebook.add(job, explained.model_copy(update={"warnings": found}))
    if measured.requests == measured.failures:
        notebook.lose(job, found[0].message)


def _report(notebook: Notebook, home: Path) -> Path:
    return render_run(notebook.directory, read_published(home / "reports" / "published"))


def as_json_text(records: Sequence[Record]) -> str:
    """One run: its record. A sweep: `endpoints` of all runs, and the runs without theirs."""
    if len(records) == 1:
        return to_json(records[0])
    raw = [record.model_dump(mode="json") for record in records]
    endpoints = [endpoint for run in raw for endpoint in run.pop("endpoints")]
    return json.dumps({"schema_version": SCHEMA_VERSION, "endpoints": endpoints, "runs": raw}, indent=1) + "\n"


def require_valid(records: Sequence[Record]) -> None:
    """InvalidRunError names the first round that is missing, or else why the first run is invalid, and what to do."""
    lost = [f"{item.endpoint}: {item.reason}" for record in records for item in record.missing]
    if lost:
        message = f"the run is incomplete and must not be compared. {lost[0]}"
        raise InvalidRunError(message)
    for record in records:
        for endpoint in record.plan.endpoints:
            found = endpoint_validity(record, endpoint.name)
            if found.level == "invalid":
                what = f"the run with {record.profile.load}" if len(records) > 1 else "the run"
                reason = found.reasons[0]
                raise InvalidRunError(f"{what} is invalid. {endpoint.name}, {reason.message} {reason.remedy}".rstrip())
