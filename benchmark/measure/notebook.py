"""Keeps the record of a run while it goes on, and saves it after every round: a later failure loses nothing."""

import re
import secrets
from collections.abc import Sequence
from pathlib import Path

from benchmark.environment import Environment
from benchmark.errors import UnwritableRunError, UsageError
from benchmark.limit import Limit
from benchmark.measure.generator import START, generator_command
from benchmark.measure.pinning import pinning
from benchmark.measure.rounds import Job, utc_now
from benchmark.measure.server import OWN_SOCKETS, server_command
from benchmark.method import METHOD_VERSION, Method
from benchmark.plan import Plan
from benchmark.record import Columns, EndpointResult, Missing, Record, Reference, Round
from benchmark.record_file import write_record
from benchmark.summary import WORST_OF_FAILED, over_rounds

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
            write_record(record, self.directory)
        except OSError:
            self._write_with_reserve(record)
        self.record = record

    def _write_with_reserve(self, record: Record) -> None:
        """Give the space back that was kept for this, so that the record can say that the disk was full."""
        (self.directory / RESERVE_NAME).unlink(missing_ok=True)
        try:
            write_record(record, self.directory)
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

    UsageError: `out` can not be written.
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
        write_record(record, directory)
    except OSError as error:
        message = f"--out: {out} can not be written ({error.strerror or error}); name another directory"
        raise UsageError(message) from None
    return Notebook(record, directory, limits)


def _run_id(started_at: str, plan: Plan) -> str:
    """Make a name that sorts by time and can not meet another: two runs may start in one second."""
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
