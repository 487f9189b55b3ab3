"""One round: a fresh server, fresh connections, the load, and everything stopped again, whatever happens."""

import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import psutil

from benchmark.errors import AppError, BenchmarkError, InvalidRunError, UnwritableRunError
from benchmark.measure.causes import cause
from benchmark.measure.load_test import START, Counts, LoadTest, Window, generator_command
from benchmark.measure.machine import pin, pinning
from benchmark.measure.prepare import before_round
from benchmark.measure.sampler import Sampler
from benchmark.measure.server import OWN_SOCKETS, Server, server_command
from benchmark.measure.verify import verify
from benchmark.plan import Endpoint, Plan, Profile
from benchmark.record import METHOD_VERSION, Method
from load.step_load import StepLoad

SAMPLE_EVERY_S = 1.0
START_TRIES = 3
PORT_SHOWN = "65536"
"""No port there is: where the records show the command, a free one stands for it."""

OVERTIME_S = 60.0
"""How much longer than its duration a load may take before the generator is said to hang."""

ITS_LAST_LINES = "; its last lines:"
Pause = Callable[[float], None]
Watch = Callable[[str, float, Counts], None]
"""Told the phase ("starting", "verifying", "loading", before it maybe "waiting for load workers"), the seconds of load
so far, and how far it is."""


@dataclass(frozen=True)
class RawRound:
    """What a round wrote, read again: the window, the request rows, the samples of each second."""

    round: int
    started_at: str
    window: Window
    rows: pd.DataFrame
    samples: pd.DataFrame
    generator: pd.DataFrame
    cores: int
    """Of the machine that was sampled."""

    children_cpu_percent: float
    """Of one core: what processes that the workers started used, the mean over the load."""

    workers_replaced: int = 0
    cut_bytes: int = 0
    """What the app and the load generator printed beyond what their logs keep."""

    streams: pd.DataFrame | None = None
    """A row for each response of an endpoint that streams, by the monotonic clock; None: none does."""

    processes: Sequence[pd.DataFrame] = ()
    """What each process that sent the load wrote about itself; `generator` is of the one that leads them."""


@dataclass(frozen=True)
class Job:
    """One round that is to be measured. The app is started in `home`.

    `to_verify`: what is asked once before the load. `step_load`: instead of loading with the profile's users.
    `variables`: what the app finds in its environment beside ours.
    """

    plan: Plan
    endpoint: Endpoint
    round: int
    to_verify: Sequence[Endpoint]
    directory: Path
    home: Path
    step_load: StepLoad | None = None
    sample_every_s: float = SAMPLE_EVERY_S
    variables: Mapping[str, str] = field(default_factory=dict)


def utc_now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def label(endpoint: Endpoint, round_number: int) -> str:
    """Directory name of a round. A label for people; nothing reads it back."""
    return f"{re.sub(r'[^A-Za-z0-9_-]+', '-', endpoint.name)[:60]}-{round_number}"


def jobs(plan: Plan, directory: Path, home: Path) -> list[Job]:
    """List the rounds in their order: all endpoints once, then all again, so that a slow hour hits them alike.

    The first round verifies every endpoint, so that a broken one is found at the start and not after minutes. The
    others verify their own, after all before it that may make what it needs: each has a fresh server.
    """
    listed: list[Job] = []
    for number in range(1, plan.profile.rounds + 1):
        for position, endpoint in enumerate(plan.endpoints):
            makers = [earlier for earlier in plan.endpoints[:position] if not earlier.only_reads]
            to_verify = (*makers, endpoint) if listed else plan.endpoints
            place = directory / f"{position + 1:02d}-{label(endpoint, number)}"
            listed.append(Job(plan, endpoint, number, to_verify, place, home))
    return listed


def measure(job: Job, pause: Pause, watch: Watch) -> RawRound:
    """Measure one round.

    AppError: the app cannot be started or verified. InvalidRunError: something broke under load;
    UnwritableRunError: what was measured could not be written. InterruptedRunError: somebody asked to stop.
    No process is left in any case.
    """
    started_at = utc_now()
    try:
        job.directory.mkdir(parents=True)
        before_round(job.plan, job.home, job.directory, pause)
        with ExitStack() as stack:
            server, test = _ready(job, stack, pause, watch)
            with test.child:
                pinned = pinning(job.plan)
                if pinned is not None:
                    pin(test.child.pid, pinned.generator)
                children_percent = _watch_load(job, test, server, pause, watch)
                test.require_success()
        cut_bytes = test.child.log.cut_bytes + (server.child.log.cut_bytes if server else 0)
        window, rows = test.read()
        processes, streams = test.read_processes(), test.read_streams()
    except OSError as error:
        message = f"what was measured could not be written: {error}; free some space, or name another --out"
        raise UnwritableRunError(message) from None
    return RawRound(
        round=job.round,
        started_at=started_at,
        window=window,
        rows=rows,
        samples=pd.read_csv(job.directory / "server.csv"),
        generator=pd.read_csv(job.directory / "generator.csv"),
        cores=psutil.cpu_count() or 1,
        children_cpu_percent=children_percent,
        workers_replaced=server.replaced if server else 0,
        cut_bytes=cut_bytes,
        streams=streams,
        processes=processes,
    )


def _ready(job: Job, stack: ExitStack, pause: Pause, watch: Watch) -> tuple[Server | None, LoadTest]:
    """The server, started and verified, and what will load it. AppError says what to do, and what the app printed."""
    server, target = None, job.plan.target
    try:
        server = start_server(job, stack, pause, watch)
        return server, _load_test(job, server.base_url if server else str(target.url), pause, watch)
    except AppError as error:
        printed = error.printed or (server.child.tail() if server else "")
        told = [error.message.removesuffix(ITS_LAST_LINES).removesuffix(".")]
        if server is not None and (why := cause(printed, target, target.python or sys.executable)):
            told.append(f"{why[0].upper()}{why[1:]}")
        if (job.round > 1 or job.endpoint != job.plan.endpoints[0]) and target.before_round is None:
            told.append('An earlier round went well: reset what it wrote, before_round = "python reset.py" in [app]')
        raise AppError(f"{'. '.join(told)}{ITS_LAST_LINES if printed else '.'}", printed) from None


def _load_test(job: Job, base_url: str, pause: Pause, watch: Watch) -> LoadTest:
    """Verify what has to be verified, and prepare the load. A step load begins with one user: that verifies as well."""
    directory, home = job.directory, job.home
    if job.step_load is not None:
        return LoadTest(job.plan, job.endpoint, base_url, 0.0, directory=directory, home=home, step_load=job.step_load)
    watch("verifying", 0.0, Counts())
    answers_s = verify(
        job.plan,
        job.to_verify,
        base_url,
        directory=directory,
        home=home,
        pause=pause,
        say=lambda text: watch(text, 0.0, Counts()),
    )
    spread_s = job.endpoint.own_work_s(job.plan.profile.task_seconds) or answers_s[job.endpoint.name]
    return LoadTest(job.plan, job.endpoint, base_url, spread_s, directory=directory, home=home)


def start_server(job: Job, stack: ExitStack, pause: Pause, watch: Watch) -> Server | None:
    """Start a job's server, to be stopped by `stack`, and wait until it is ready; None for an app elsewhere."""
    if job.plan.target.url is not None:
        return None
    watch("starting", 0.0, Counts())
    for attempt in range(1, START_TRIES + 1):
        server = Server(job.plan, job.home, job.directory / "server.log", job.variables)
        stack.enter_context(server.child)
        pinned = pinning(job.plan)
        if pinned is not None:
            pin(server.child.pid, pinned.server)
        try:
            server.wait_until_ready(pause)
        except AppError as error:
            # The free port was somebody else's a moment later.
            taken = job.plan.target.port is None and "address already in use" in str(error).lower()
            if not taken or attempt == START_TRIES:
                raise
        else:
            return server
    raise BenchmarkError("unreachable: the last try returns or raises")


def _watch_load(job: Job, test: LoadTest, server: Server | None, pause: Pause, watch: Watch) -> float:
    """Sample every second, or as often as asked, until Locust ends. The clock is kept, not the pauses added up.

    Gives `RawRound.children_cpu_percent`.
    """
    workers: Sequence[psutil.Process] = server.workers if server else ()
    begin = loading_since = due = time.monotonic()
    longest_s = job.plan.profile.duration_s + OVERTIME_S
    longest_s += job.plan.profile.workers_within_s if job.plan.profile.load_workers else 0
    port, server_pid = (server.port, server.child.pid) if server else (0, None)
    with Sampler(job.directory / "server.csv", workers, port, test.child.pid, server_pid) as sampler:
        if job.step_load is not None:
            sampler.sample()  # how the workers are before anything is asked
        while test.child.exit_code is None:
            due += job.sample_every_s
            while test.child.exit_code is None and (left := due - time.monotonic()) > 0:
                pause(min(left, 0.1))
            if test.child.exit_code is None:
                sampler.sample()
            phase = "waiting for load workers" if test.waits else "loading"
            loading_since = loading_since if phase == "loading" else time.monotonic()
            watch(phase, time.monotonic() - loading_since, test.progress())
            test.check_processes()
            if server is not None and test.child.exit_code is None:
                server.check_alive()
            if time.monotonic() - begin > longest_s:
                message = f"the load generator was still running {OVERTIME_S:g} s after the load; its last lines:"
                raise InvalidRunError(message, test.child.tail())
        return sampler.children_cpu_percent()


LATENCY = "Latency runs from sending a request to its complete response; the first one includes connecting."
LATENCY_OF_A_RATE = "Latency runs from when a request was due to its complete response, also where it was sent later."


def describe_method(plan: Plan) -> Method:
    profile, target = plan.profile, plan.target
    server = target.command
    if target.import_path is not None:
        words = [word.replace(PORT_SHOWN, "PORT") for word in server_command(target, target.port or int(PORT_SHOWN))]
        server = " ".join(["python", *words]).replace(str(OWN_SOCKETS), f"benchmark/measure/{OWN_SOCKETS.name}")
    base_url = target.url or f"http://{target.host}:PORT"
    generator = " ".join(["python", *generator_command(profile, base_url, ["load/locustfile.py"])])
    return Method(
        version=METHOD_VERSION,
        server_command=server,
        generator_command=generator.replace(str(START), f"load/{START.name}"),
        start=_start(profile),
        latency=LATENCY if profile.rate_per_s is None else LATENCY_OF_A_RATE,
        pinning=pinning(plan),
        garbage_collection="Garbage collection is off in the load generator: users would see its pauses.",
    )


def _start(profile: Profile) -> str:
    rate = profile.spawn_rate_per_s
    each_second = f"{rate:g} at each full second" if rate.is_integer() else f"{rate:g} per second"
    at_once = "all at once" if rate >= profile.users else each_second
    stages = ", ".join(profile.stages)
    if profile.rate_per_s is not None:
        how = "evenly spaced" if profile.arrivals == "even" else f"at random (Poisson, seed {profile.seed})"
        rates = f"the stages {stages}" if stages else f"{profile.rate_per_s:g} requests per second"
        return f"connected {at_once}; then {rates} were due, {how}"
    if stages:
        return f"started {at_once} as the stages begin ({stages})"
    if profile.start == "spread":
        return f"connected {at_once}, their first requests spread over one answer time"
    return f"started {at_once}"
