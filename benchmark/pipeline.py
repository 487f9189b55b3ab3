"""The run on one page: plan, rounds, rows, summary, prediction, findings, record.

The record is saved after every round, so that a later failure loses nothing.
"""

import json
import re
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmark.config import Config, check_plan, command_line, customised, make_plans, read_config
from benchmark.errors import BenchmarkError, InvalidRunError, MiscountedRunError, UnwritableRunError, UsageError
from benchmark.judge.findings import warnings
from benchmark.judge.validity import endpoint_validity
from benchmark.measure.load_test import START, check_leader_port, generator_command
from benchmark.measure.machine import check_room, describe, pinning, read_environment
from benchmark.measure.process import Interrupt, listening
from benchmark.measure.progress import Reporter, reporting
from benchmark.measure.reference import NAME, USERS, measure_reference
from benchmark.measure.round import Job, jobs, measure, utc_now
from benchmark.measure.server import OWN_SOCKETS, check_target, server_command
from benchmark.measure.summarize import summarize
from benchmark.plan import Plan
from benchmark.record import (
    METHOD_VERSION,
    MOST_RUNS,
    Columns,
    EndpointResult,
    Environment,
    Limit,
    Method,
    Missing,
    Record,
    Reference,
    Round,
)
from benchmark.store import FILE_NAME, SCHEMA_VERSION, save, to_json
from benchmark.summary import WORST_OF_FAILED, over_rounds
from benchmark.theory.bounds import limit
from benchmark.theory.predict import predict_round

RESERVE_NAME = ".reserve"
RESERVE_BYTES = 256 * 1024


def endpoint_result(name: str, users: int, limit: Limit | None, rounds: tuple[Round, ...]) -> EndpointResult:
    """Sum up the rounds of one endpoint (one at least), and what was predicted for them."""
    predicted = [item.prediction for item in rounds if item.prediction is not None]
    failed = [item.failed for item in rounds if item.failed is not None]
    return EndpointResult(
        name=name,
        users=users,
        limit=limit,
        rounds=rounds,
        summary=over_rounds(rounds),
        prediction=over_rounds(predicted) if predicted else None,
        failed=over_rounds(failed, WORST_OF_FAILED) if failed else None,
    )


class Notebook:
    """One run in its directory."""

    def __init__(self, record: Record, directory: Path, limits: Sequence[Limit | None]) -> None:
        self.record = record
        self.directory = directory
        self._limits = limits

    def add(self, job: Job, measured: Round) -> None:
        """Keep a round; one that is there already is replaced."""
        rounds: dict[str, tuple[Round, ...]] = {result.name: result.rounds for result in self.record.endpoints}
        others = tuple(kept for kept in rounds.get(job.endpoint.name, ()) if kept.round != measured.round)
        rounds[job.endpoint.name] = (*others, measured)
        results = [
            endpoint_result(endpoint.name, job.plan.profile.users, limit, rounds[endpoint.name])
            for endpoint, limit in zip(job.plan.endpoints, self._limits, strict=True)
            if endpoint.name in rounds
        ]
        self._save(endpoints=tuple(results))

    def add_reference(self, users: int, raw: Columns, cpu_ms: float) -> None:
        """Keep what the reference workload scored in one round."""
        before = self.record.reference
        found = Reference(
            users=users,
            raw=(*(before.raw if before else ()), raw),
            cpu_ms=(*(before.cpu_ms if before else ()), cpu_ms),
        )
        self._save(reference=found)

    def lose(self, job: Job, reason: str) -> None:
        """Note that a round failed, and why."""
        lost = Missing(endpoint=job.endpoint.name, round=job.round, reason=reason)
        self._save(missing=(*self.record.missing, lost))

    def close(self, jobs: Sequence[Job], reason: str | None = None) -> None:
        """Finish the record: complete, or incomplete with what is missing and why."""
        have = {(result.name, item.round) for result in self.record.endpoints for item in result.rounds}
        noted = {(lost.endpoint, lost.round) for lost in self.record.missing}
        lost = tuple(
            Missing(endpoint=job.endpoint.name, round=job.round, reason="not measured: the run ended before")
            for job in jobs
            if (job.endpoint.name, job.round) not in have | noted
        )
        missing = (*self.record.missing, *lost)
        state = "incomplete" if missing or reason else "complete"
        self._save(state=state, reason=reason, missing=missing, finished_at=utc_now())
        (self.directory / RESERVE_NAME).unlink(missing_ok=True)

    def _save(self, **changes: object) -> None:
        record = self.record.model_copy(update=changes)
        try:
            save(record, self.directory / FILE_NAME)
        except OSError:
            self._write_with_reserve(record)
        self.record = record

    def _write_with_reserve(self, record: Record) -> None:
        """Give the space back that was kept for this, so that the record can say that the disk was full."""
        (self.directory / RESERVE_NAME).unlink(missing_ok=True)
        try:
            save(record, self.directory / FILE_NAME)
        except OSError as error:
            message = f"the record could not be written: {error}; what was saved before is kept in {self.directory}"
            raise UnwritableRunError(message) from None


def open_notebook(
    out: Path,
    plan: Plan,
    environment: Environment,
    *,
    sweep: str | None,
    command: str,
    customised: tuple[str, ...],
    limits: Sequence[Limit | None],
) -> Notebook:
    """Make the run's own directory under `out` and write a record without rounds into it.

    UsageError: `out` cannot be written.
    """
    started_at = utc_now()
    record = Record(
        id=_run_id(started_at, plan),
        sweep=sweep,
        started_at=started_at,
        finished_at=None,
        state="running",
        reason=None,
        command=command,
        customised=customised,
        plan=plan,
        method=_method(plan),
        environment=environment,
        endpoints=(),
        missing=(),
    )
    directory = out / record.id
    try:
        directory.mkdir(parents=True)
        (directory / RESERVE_NAME).write_bytes(bytes(RESERVE_BYTES))
        save(record, directory / FILE_NAME)
    except OSError as error:
        message = f"--out: {out} cannot be written ({error.strerror or error}); name another directory"
        raise UsageError(message) from None
    return Notebook(record, directory, limits)


def _run_id(started_at: str, plan: Plan) -> str:
    """Make a name that sorts by time and cannot meet another: two runs may start in one second."""
    moment = re.sub(r"[^0-9T]", "", started_at)[:15]
    profile = re.sub(r"[^A-Za-z0-9]+", "-", plan.profile.name).strip("-")[:40] or "run"
    load = plan.profile.users if plan.profile.rate_per_s is None else f"{plan.profile.rate_per_s:g}rps"
    return f"{moment}-{profile}-{load}-{secrets.token_hex(2)}"


LATENCY = "Latency runs from sending a request to its complete answer; the first one includes connecting."
LATENCY_OF_A_RATE = "Latency runs from when a request was due to its complete answer, also where it was sent later."


def _method(plan: Plan) -> Method:
    profile, target = plan.profile, plan.target
    server = None if target.url else " ".join(["python", *server_command(target, target.port or 0)])
    server = server and server.replace(str(OWN_SOCKETS), f"benchmark/measure/{OWN_SOCKETS.name}")
    base_url = target.url or f"http://{target.host}:PORT"
    generator = " ".join(["python", *generator_command(profile, base_url, ["load/locustfile.py"])])
    return Method(
        version=METHOD_VERSION,
        server_command=server.replace("--port 0 ", "--port PORT ") if server else None,
        generator_command=generator.replace(str(START), f"load/{START.name}"),
        start=_start(plan),
        latency=LATENCY if profile.rate_per_s is None else LATENCY_OF_A_RATE,
        pinning=pinning(plan),
        garbage_collection="Garbage collection is off in the load generator: users would see its pauses.",
    )


def _start(plan: Plan) -> str:
    profile = plan.profile
    rate = profile.spawn_rate_per_s
    each_second = f"{rate:g} at each full second" if rate.is_integer() else f"{rate:g} per second"
    at_once = "all at once" if rate >= profile.users else each_second
    if profile.rate_per_s is not None:
        how = "evenly spaced" if profile.arrivals == "even" else f"at random (Poisson, seed {profile.seed})"
        return f"connected {at_once}; then {profile.rate_per_s:g} requests per second were due, {how}"
    if profile.start == "spread":
        return f"connected {at_once}, their first requests spread over one answer time"
    return f"started {at_once}"


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


Render = Callable[[Path, Path], Path]
"""Writes the report of a run: its directory, and the folder of benchmark.toml; gives the path of the report."""


@dataclass(frozen=True)
class Lab:
    """Where a plan is measured, with which Python the app starts, and who learns how it goes."""

    home: Path
    python: str
    interrupt: Interrupt
    console: Console
    render: Render


def measure_all(wishes: Wishes, config_file: Path, out: Path, console: Console, render: Render) -> Iterator[Finished]:
    """Measure one run per number of users, and give each when it is finished and `render` has written its report.

    Everything is checked before anything is started.
    """
    if len(wishes.users) > MOST_RUNS:
        message = f"--users: {len(wishes.users)} numbers are {len(wishes.users)} runs; give at most {MOST_RUNS} at once"
        raise UsageError(message)
    config = read_config(config_file)
    home = config_file.resolve().parent
    plans = make_plans(config, wishes.profile, {**wishes.values, "users": wishes.users})
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
            _measure_plan(plan, notebook, Lab(home, wishes.python, interrupt, console, render))
            yield Finished(notebook.record, render(notebook.directory, home))


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


def _measure_plan(plan: Plan, notebook: Notebook, lab: Lab) -> None:
    """Measure all rounds; whatever ends them early, the record says so and the report is written."""
    todo = jobs(plan, notebook.directory, lab.home, lab.python)
    try:
        with reporting(lab.console, plan.profile, len(todo)) as reporter:
            for number, job in enumerate(todo, start=1):
                if job.endpoint == plan.endpoints[0]:
                    _measure_reference(number, job, notebook, lab.interrupt, reporter)
                measure_job(number, job, notebook, lab.interrupt, reporter)
    except BenchmarkError as error:
        notebook.close(todo, reason=error.message)
        report = lab.render(notebook.directory, lab.home)
        lab.console.print(f"What there is of it: {report}", soft_wrap=True, markup=False)
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
        measured = summarize(measure(job, interrupt.pause, reporter.watch), job.endpoint, job.plan.profile)
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
        raise InvalidRunError(f"the run is incomplete and must not be compared. {lost[0]}")
    for record in records:
        for endpoint in record.plan.endpoints:
            found = endpoint_validity(record, endpoint.name)
            if found.level == "invalid":
                what = f"the run with {record.profile.load}" if len(records) > 1 else "the run"
                reason = found.reasons[0]
                raise InvalidRunError(f"{what} is invalid. {endpoint.name}, {reason.message} {reason.remedy}".rstrip())
