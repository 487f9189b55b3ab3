"""One round of a comparison: fresh servers of both sides, one load generator, interleaved blocks."""

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from benchmark.compare.model import SIDES, SideName, Turn
from benchmark.errors import BenchmarkError, InvalidRunError, UnwritableRunError
from benchmark.measure.load_test import (
    EXIT_TIMEOUT_S,
    ONE_PROCESS,
    ROOT,
    UNWRITABLE,
    Counts,
    generator_command,
    load_environment,
    module_file,
    request_specs,
)
from benchmark.measure.prepare import before_round
from benchmark.measure.process import Child, wait_for_exit
from benchmark.measure.round import OVERTIME_S, Job, Pause, Watch, start_server
from benchmark.measure.server import Server
from benchmark.measure.verify import verify
from benchmark.plan import Endpoint, Plan, Target
from benchmark.summary import Sample, columns, sample
from load.spec import SPEC_VARIABLE, LoadSpec
from load.spec import Turn as SentTurn

PATTERNS: tuple[tuple[SideName, ...], ...] = (("base", "head", "head", "base"), ("head", "base", "base", "head"))
PASSES = 4
TURNS_PER_ENDPOINT = PASSES * len(PATTERNS[0])
"""A profile's duration is the load of one endpoint in one round, both sides together."""


@dataclass(frozen=True)
class PlannedTurn:
    """One turn of a round, in its place: `number` counts the passes of the whole comparison from 0.

    One of `position` -1 opens the connections, and is not counted.
    """

    endpoint: Endpoint
    side: SideName
    number: int
    position: int


def planned_turns(endpoints: Sequence[Endpoint], round_number: int) -> list[PlannedTurn]:
    """List the turns of a round: in each pass one request of each user to each side, then each endpoint A B B A.

    In the first pass that one request goes to every endpoint, as much is done only once in a process.
    """
    listed = []
    for number in range(round_number * PASSES, (round_number + 1) * PASSES):
        opened = endpoints if number % PASSES == 0 else endpoints[:1]
        listed += [PlannedTurn(endpoint, side, number, -1) for side in SIDES for endpoint in opened]
        for place, endpoint in enumerate(endpoints):
            pattern = PATTERNS[(number + place) % 2]
            listed += [PlannedTurn(endpoint, side, number, position) for position, side in enumerate(pattern)]
    return listed


def turns_of(rows: pd.DataFrame, one: PlannedTurn, plan: Plan, cpu_s: float | None = None) -> list[tuple[Turn, Sample]]:
    """Sum up the rows of one turn, all together and, of a mix, by their names; a turn has few of a rare request."""
    whole = turn_of(rows, one, plan, cpu_s)
    found = [(whole, sample(rows, whole, 0.0, plan.profile.duration_s, 1))]
    for member in one.endpoint.members if one.endpoint.mix is not None else ():
        mine = rows[rows["name"] == member.name]
        if len(mine):
            over_s = len(rows) / (whole.throughput_rps or 1.0)
            of_part = columns(mine, over_s, member.own_work_s(plan.profile.task_seconds))
            part = whole.model_copy(update={**of_part.model_dump(), "part": member.name})
            found.append((part, sample(mine, part, 0.0, plan.profile.duration_s, 1)))
    return found


def turn_of(rows: pd.DataFrame, one: PlannedTurn, plan: Plan, cpu_s: float | None = None) -> Turn:
    """Sum up the rows of one turn.

    A turn is short, so requests per second are not counted within a window, whose borders would cut some off: they are
    what users did divided by the time it took them, each from its first question to its last answer. `cpu_s`: processor
    time of the load generator.
    """
    profile = plan.profile
    by_user = rows.groupby("user")
    asking_s = float((by_user["end_s"].max() - by_user["sent_s"].min() + profile.wait_s).sum())
    waiting_s = float((rows["end_s"] - rows["sent_s"] + profile.wait_s).sum())
    work_s = one.endpoint.own_work_s(profile.task_seconds)
    return Turn(
        **columns(rows, asking_s / len(by_user), work_s).model_dump(),
        number=one.number,
        endpoint=one.endpoint.name,
        side=one.side,
        position=one.position,
        waiting_ratio=round(waiting_s / asking_s, 4) if asking_s else 0.0,
        pause_ms=round(max(0.0, 1000 * (asking_s - waiting_s) / len(rows)), 4),
        generator_cpu_us_per_request=None if cpu_s is None else round(1e6 * cpu_s / len(rows), 1),
    )


POLL_S = 0.1


class Checkout(NamedTuple):
    """Where a side's app lies, and how it is started there."""

    home: Path
    target: Target


@dataclass(frozen=True)
class InterleavedRound:
    """One round that is to be measured; `directory` is made."""

    plan: Plan
    number: int
    checkouts: Mapping[SideName, Checkout]
    directory: Path


Measured = tuple[Turn, Sample]
"""A turn, and its responses, which are too few to be looked at in parts."""


def measure_interleaved(asked: InterleavedRound, pause: Pause, watch: Watch) -> tuple[Measured, ...]:
    """Measure one round.

    AppError names the side whose app cannot be started or verified. InvalidRunError: something broke under load;
    UnwritableRunError: it could not be written. InterruptedRunError: the user asked to stop. No process is left.
    """
    planned = planned_turns(asked.plan.endpoints, asked.number)
    try:
        asked.directory.mkdir(parents=True)
        watch("starting", 0.0, Counts())
        first = asked.checkouts["base"]
        before_round(asked.plan, first.home, asked.directory, pause)
        with _stopped_together() as stacks:
            with ThreadPoolExecutor(len(SIDES)) as pool:
                ready = list(pool.map(lambda side: _ready(asked, side, stacks[side], pause), SIDES))
            servers = dict(zip(SIDES, (server for server, _ in ready), strict=True))
            spec = _spec(asked, planned, servers, [answers_s for _, answers_s in ready])
            with _generator(asked, spec) as child:
                _watch_turns(asked, child, servers, len(planned), pause, watch)
        return _read(asked, planned)
    except OSError as error:
        message = f"what was measured could not be written: {error}; free some space, or name another --out"
        raise UnwritableRunError(message) from None


@contextmanager
def _stopped_together() -> Iterator[Mapping[SideName, ExitStack]]:
    stacks = {side: ExitStack() for side in SIDES}
    try:
        yield stacks
    finally:
        with ThreadPoolExecutor(len(stacks)) as pool:  # a graceful stop takes two seconds of every round
            list(pool.map(ExitStack.close, stacks.values()))


def _ready(asked: InterleavedRound, side: SideName, stack: ExitStack, pause: Pause) -> tuple[Server, dict[str, float]]:
    """Start and verify a side, while a thread does the other; gives how long its responses took (s), too."""
    mine, directory = asked.checkouts[side], asked.directory / side
    plan = asked.plan.model_copy(update={"target": mine.target})
    directory.mkdir()
    with named(side):
        job = Job(plan, plan.endpoints[0], asked.number, plan.endpoints, directory, mine.home)
        server = start_server(job, stack, pause, lambda *_: None)
        if server is None:
            raise BenchmarkError("unreachable: an app that runs elsewhere is refused before")
        responses_s = verify(plan, plan.endpoints, server.base_url, directory=directory, home=mine.home, pause=pause)
        return server, responses_s


@contextmanager
def named(side: SideName) -> Iterator[None]:
    try:
        yield
    except BenchmarkError as error:
        raise error.told(side) from None


def _spec(
    asked: InterleavedRound,
    planned: Sequence[PlannedTurn],
    servers: Mapping[SideName, Server],
    answers_s: Sequence[Mapping[str, float]],
) -> LoadSpec:
    profile = asked.plan.profile

    requests = {endpoint.name: request_specs(endpoint) for endpoint in asked.plan.endpoints}

    def turn(one: PlannedTurn, before: PlannedTurn | None) -> SentTurn:
        name = one.endpoint.name
        # Both sides get the same spread, or the start alone would make a difference.
        spread_s = one.endpoint.own_work_s(profile.task_seconds) or max(answers[name] for answers in answers_s)
        counted = one.position >= 0
        return SentTurn(
            servers[one.side].base_url,
            requests[name],
            duration_s=profile.duration_s / TURNS_PER_ENDPOINT if counted else 0.0,
            spread_s=spread_s if counted and profile.start == "spread" else 0.0,
            fresh=before is None or before.number != one.number,
            script=name if one.endpoint.is_scripted else "",
            flow=one.endpoint.is_flow,
        )

    return LoadSpec(
        servers[planned[0].side].base_url,
        asked.directory.resolve(),
        turns=tuple(turn(one, before) for one, before in zip(planned, [None, *planned], strict=False)),
        users=profile.users,
        client=profile.client,
        timeout_s=profile.timeout_s,
        wait_s=profile.wait_s,
        seed=profile.seed,
        secret_variables=asked.plan.secret_variables(),
    )


def _generator(asked: InterleavedRound, spec: LoadSpec) -> Child:
    profile = asked.plan.profile
    spec_file = asked.directory / "turns.json"
    spec.write(spec_file)
    at_once = {"duration_s": 24 * 3600.0, "spawn_rate_per_s": float(profile.users)}
    endless = profile.model_copy(update={**at_once, **ONE_PROCESS})
    return Child(
        [sys.executable, *generator_command(endless, spec.base_url, [module_file("load.locustfile")])],
        log=asked.directory / "locust.log",
        directory=ROOT,
        environment=load_environment(asked.plan.hidden_values()) | {SPEC_VARIABLE: str(spec_file.resolve())},
        secrets=asked.plan.secrets(),
    )


def _watch_turns(
    asked: InterleavedRound, child: Child, servers: Mapping[SideName, Server], turns: int, pause: Pause, watch: Watch
) -> None:
    """Wait for the generator to succeed; a turn that does not end is the generator hanging."""
    profile = asked.plan.profile
    allowed_s = profile.duration_s + profile.timeout_s + OVERTIME_S
    done, since = 0, time.monotonic()
    file = asked.directory / "turns.csv"
    while child.exit_code is None:
        pause(POLL_S)
        for side in SIDES:
            with named(side):
                if child.exit_code is None:
                    servers[side].check_alive()
        now = max(0, len(file.read_text().splitlines()) - 1) if file.exists() else 0
        if now > done:
            done, since = now, time.monotonic()
        watch("loading", done / turns, Counts(users=profile.users))
        if time.monotonic() - since > allowed_s:
            message = f"the load generator made no progress for {allowed_s:g} s; its last lines:"
            raise InvalidRunError(message, child.tail())
    code = wait_for_exit(child, EXIT_TIMEOUT_S)
    if code == os.EX_IOERR:
        raise UnwritableRunError(f"{UNWRITABLE}; last lines:", child.tail())
    if code != 0:
        raise InvalidRunError(f"the load generator ended with exit code {code}; its last lines:", child.tail())


def _read(asked: InterleavedRound, planned: Sequence[PlannedTurn]) -> tuple[Measured, ...]:
    rows = pd.read_csv(asked.directory / "rows.csv", dtype={"error": "string", "name": "string"}, keep_default_na=False)
    if sorted(set(rows["turn"])) != list(range(len(planned))):
        raise InvalidRunError("the load generator left turns out; its log says why")
    finished = pd.read_csv(asked.directory / "turns.csv").set_index("turn")
    cpu_s = finished["cpu_s"].to_dict() if "cpu_s" in finished else {}
    found: list[Measured] = []
    for number, one in enumerate(planned):
        if one.position >= 0:
            of_turn = rows[rows["turn"] == number]
            found += turns_of(of_turn, one, asked.plan, cpu_s.get(number))
    return tuple(found)
