"""The run on one page: plan, rounds, rows, summary, prediction, findings, record.

The record is saved after every round, so that a later failure loses nothing.
"""

import re
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from rich.console import Console

from benchmark.config import (
    Config,
    check_plan,
    command_line,
    customised,
    make_plans,
    read_config,
)
from benchmark.errors import BenchmarkError, InvalidRunError, MiscountedRunError, UnwritableRunError, UsageError
from benchmark.judge.findings import warnings
from benchmark.judge.intervals import evidence
from benchmark.judge.slo import check_promises, require_promises
from benchmark.judge.validity import endpoint_validity
from benchmark.measure.load_test import check_master_port
from benchmark.measure.machine import check_room, read_environment
from benchmark.measure.prepare import prepared
from benchmark.measure.process import Interrupt, listening
from benchmark.measure.progress import Reporter, reporting
from benchmark.measure.reference import NAME, USERS, ReferenceRound, measure_reference
from benchmark.measure.round import Job, describe_method, jobs, measure, utc_now
from benchmark.measure.server import check_target
from benchmark.measure.summarize import samples_of, summarize
from benchmark.plan import Plan
from benchmark.record import (
    MOST_RUNS,
    EndpointResult,
    Environment,
    Limit,
    Missing,
    Part,
    PartResult,
    Record,
    Reference,
    Round,
)
from benchmark.slo import Evidence
from benchmark.store import FILE_NAME, save
from benchmark.summary import WORST_OF_FAILED, Sample, over_rounds
from benchmark.theory.bounds import limit
from benchmark.theory.computing import machine
from benchmark.theory.predict import explained
from benchmark.traffic import labels, part_label

RESERVE_NAME = ".reserve"
RESERVE_BYTES = 256 * 1024
Render = Callable[[Path, Path], Path]
"""Writes the report of a run: its directory, and the folder of benchmark.toml; gives the path of the report."""


@dataclass(frozen=True)
class RunRequest:
    """What the command line asks for; several users are a sweep.

    `url`: what stands for a benchmark.toml. `gate`: a broken promise is to be an error.
    """

    profile: str
    users: tuple[str, ...]
    values: Mapping[str, Any]
    url: str | None = None
    gate: bool = False


@dataclass(frozen=True)
class Lab:
    """Where a plan is measured, and who learns how it goes."""

    home: Path
    interrupt: Interrupt
    console: Console
    render: Render


def measure_all(
    request: RunRequest,
    config_file: Path,
    out: Path,
    console: Console,
    render: Render,
    config: Config | None = None,
) -> Iterator[tuple[Record, Path]]:
    """Measure one run per number of users, and give each when it is finished and `render` has written its report.

    Everything is checked before anything is started. `config`: in the place of what the file holds.
    """
    if len(request.users) > MOST_RUNS:
        number = len(request.users)
        raise UsageError(f"--users: {number} numbers are {number} runs; give at most {MOST_RUNS} at once")
    config, home = config or read_config(config_file), config_file.resolve().parent
    plans = make_plans(config, request.profile, {**request.values, "users": request.users})
    for plan in plans:
        if plan.profile.rate_per_s is not None and len(plans) > 1:
            message = "--users: with a rate it limits the requests in flight, so it cannot be a sweep"
            raise UsageError(f"{message}; give one number, or omit --rate")
        check_promises(config, plan)
        check_plan(plan, home)
        check_room(plan)
        check_master_port(plan.profile)
    if request.gate:
        require_promises(plans)
    sweep = f"sweep-{secrets.token_hex(4)}" if len(plans) > 1 else None
    with listening() as interrupt, prepared(plans[0], home, interrupt.pause, console):
        lab = Lab(home, interrupt, console, render)
        target = check_target(plans[0], home, interrupt.pause)
        # before an app that runs has left its bytecode in the checkout
        environment = read_environment(home, target.python or sys.executable, target.server)
        for asked in plans:
            changed = customised(config, asked)
            command = command_line(asked, changed, config_file, python=request.values.get("python"), url=request.url)
            plan = asked.model_copy(update={"target": target})
            writer = RecordWriter(out, plan, environment, sweep=sweep, command=command, customised=changed)
            report = _measure_plan(plan, writer, lab)
            yield writer.record, report


def _measure_plan(plan: Plan, writer: "RecordWriter", lab: Lab) -> Path:
    """Measure all rounds; whatever ends them early, the record says so and the report is written."""
    todo = jobs(plan, writer.directory, lab.home)
    try:
        with reporting(lab.console, plan.profile, len(todo)) as reporter:
            for number, job in enumerate(todo, start=1):
                if job.endpoint == plan.endpoints[0]:
                    _measure_reference(number, job, writer, lab.interrupt, reporter)
                measure_job(number, job, writer, lab.interrupt, reporter)
    except BenchmarkError as error:
        writer.close(todo, reason=error.message)
        report = lab.render(writer.directory, lab.home)
        if report.is_file():
            lab.console.print(f"Partial report: {report}", markup=False)
        raise
    writer.close(todo)
    return lab.render(writer.directory, lab.home)


def _measure_reference(number: int, job: Job, writer: "RecordWriter", interrupt: Interrupt, reporter: Reporter) -> None:
    """Once a round, before its endpoints. A run without it is a run all the same: it compares with less."""
    if not job.plan.profile.reference_s or job.plan.target.url is not None:
        return
    reporter.begin(number, NAME, job.round, job.plan.profile.reference_s)
    directory = writer.directory / f"00-{NAME}-{job.round}"
    try:
        found = measure_reference(job.plan, job.round, directory, interrupt.pause, reporter.watch)
    except MiscountedRunError:
        raise
    except InvalidRunError:
        return
    writer.add_reference(USERS, found)


def measure_job(number: int, job: Job, writer: "RecordWriter", interrupt: Interrupt, reporter: Reporter) -> None:
    """Measure and explain one round. One that breaks under load is noted, and the others go on."""
    reporter.begin(number, job.endpoint.name, job.round)
    try:
        rows = measure(job, interrupt.pause, reporter.watch)  # server up, ready, verified, load, server down
        measured = summarize(rows, job.endpoint, job.plan.profile)
        writer.keep(job, samples_of(rows, measured, job.endpoint, job.plan.profile))
    except InvalidRunError as error:
        writer.lose(job, str(error))
        if isinstance(error, UnwritableRunError):
            raise
        return
    writer.add(job, measured)  # explaining it takes a moment, in which nothing must be lost
    measured = explained(job.plan, job.endpoint, measured, writer.machine)
    found = warnings(measured, job.endpoint, job.plan)
    writer.add(job, measured.model_copy(update={"warnings": found}))
    if measured.requests == measured.failures:
        writer.lose(job, found[0].message)


class RecordWriter:
    """Keeps the record of one run in its own directory, saved after every change. UsageError: `out` is not writable."""

    def __init__(
        self,
        out: Path,
        plan: Plan,
        environment: Environment,
        *,
        sweep: str | None = None,
        command: str = "",
        customised: tuple[str, ...] = (),
    ) -> None:
        started_at = utc_now()
        self.record = Record(
            id=_run_id(started_at, plan),
            sweep=sweep,
            started_at=started_at,
            finished_at=None,
            state="running",
            reason=None,
            command=command,
            customised=customised,
            plan=plan,
            method=describe_method(plan),
            environment=environment,
            endpoints=(),
            missing=(),
        )
        self.directory = out / self.record.id
        self._reserve = self.directory / RESERVE_NAME
        self._limits = [limit(endpoint, plan) for endpoint in plan.endpoints]
        self.machine = machine(plan, environment.cpu.count, self.record.method.pinning)
        self._samples: dict[str, dict[int, Sample]] = {promise.endpoint: {} for promise in plan.slo}
        self._evidence: dict[str, tuple[Evidence, ...]] = {}
        try:
            self.directory.mkdir(parents=True)
            self._reserve.write_bytes(bytes(RESERVE_BYTES))
            save(self.record, self.directory / FILE_NAME)
        except OSError as error:
            message = f"--out: {out} cannot be written ({error.strerror or error}); name another directory"
            raise UsageError(message) from None

    def keep(self, job: Job, samples: Mapping[str, Sample]) -> None:
        """Keep the responses of a round in memory where something is promised, and what those of all rounds say."""
        for name in samples.keys() & self._samples.keys():
            self._samples[name][job.round] = samples[name]
            promises = [promise for promise in job.plan.slo if promise.endpoint == name]
            self._evidence[name] = evidence(list(self._samples[name].values()), promises)

    def add(self, job: Job, measured: Round) -> None:
        """Keep a round; one that is there already is replaced."""
        rounds: dict[str, tuple[Round, ...]] = {result.name: result.rounds for result in self.record.endpoints}
        others = tuple(kept for kept in rounds.get(job.endpoint.name, ()) if kept.round != measured.round)
        rounds[job.endpoint.name] = (*others, measured)
        results = [
            endpoint_result(
                endpoint.name,
                job.plan.profile.users,
                limit,
                rounds[endpoint.name],
                {name: self._evidence[name] for name in labels(endpoint) if name in self._evidence},
            )
            for endpoint, limit in zip(job.plan.endpoints, self._limits, strict=True)
            if endpoint.name in rounds
        ]
        self._save(endpoints=tuple(results))

    def add_reference(self, users: int, found: ReferenceRound) -> None:
        before = self.record.reference
        raw, cpu_ms, cpu_us = (before.raw, before.cpu_ms, before.raw_cpu_us) if before else ((), (), ())
        cpu_us += () if found.raw_cpu_us is None else (found.raw_cpu_us,)
        now = Reference(users=users, raw=(*raw, found.raw), cpu_ms=(*cpu_ms, found.cpu_ms), raw_cpu_us=cpu_us)
        self._save(reference=now)

    def lose(self, job: Job, reason: str) -> None:
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
        self._reserve.unlink(missing_ok=True)

    def _save(self, **changes: object) -> None:
        record = self.record.model_copy(update=changes)
        try:
            save(record, self.directory / FILE_NAME)
        except OSError:
            self._reserve.unlink(missing_ok=True)  # gives space back, so that the record can say that the disk was full
            try:
                save(record, self.directory / FILE_NAME)
            except OSError as error:
                message = f"the record could not be written: {error}; what was saved before is kept in {self.directory}"
                raise UnwritableRunError(message) from None
        self.record = record


def _run_id(started_at: str, plan: Plan) -> str:
    """Make a name that sorts by time and cannot meet another: two runs may start in one second."""
    moment = re.sub(r"[^0-9T]", "", started_at)[:15]
    profile = re.sub(r"[^A-Za-z0-9]+", "-", plan.profile.name).strip("-")[:40] or "run"
    load = f"{plan.profile.users}" if plan.profile.rate_per_s is None else f"{plan.profile.rate_per_s:g}rps"
    load = "stages" if plan.profile.stages else load
    return f"{moment}-{profile}-{load}-{secrets.token_hex(2)}"


def endpoint_result(
    name: str,
    users: int,
    limit: Limit | None,
    rounds: tuple[Round, ...],
    slo: Mapping[str, tuple[Evidence, ...]] = MappingProxyType({}),
) -> EndpointResult:
    """Sum up the rounds of one endpoint (one at least), and what was predicted for them. `slo`: by label."""
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
        parts=part_results(name, rounds, slo),
        slo=slo.get(name, ()),
    )


def part_results(
    endpoint: str, rounds: Sequence[Round], slo: Mapping[str, tuple[Evidence, ...]]
) -> tuple[PartResult, ...]:
    by_name: dict[str, list[Part]] = {}
    for part in (part for measured in rounds for part in measured.parts):
        by_name.setdefault(part.name, []).append(part)
    return tuple(_part_result(name, parts, slo.get(part_label(endpoint, name), ())) for name, parts in by_name.items())


def _part_result(name: str, parts: Sequence[Part], slo: tuple[Evidence, ...]) -> PartResult:
    predicted = [part.prediction for part in parts if part.prediction is not None]
    prediction = over_rounds(predicted) if predicted else None
    return PartResult(name=name, summary=over_rounds(parts), prediction=prediction, slo=slo)


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
