"""The way of a self-test, from wishes to what was found: what `bench selftest` does."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field
from rich.console import Console

from benchmark.config import Flag, checked, read_config
from benchmark.errors import InvalidRunError, UnwritableRunError, UsageError
from benchmark.judge.findings import warnings
from benchmark.judge.noise_floor import COMPUTING, WAITING, Ceiling, Crowd, Delay, SelfTest
from benchmark.measure.load_test import ROOT
from benchmark.measure.machine import FILES_BESIDE, raise_open_file_limit, read_environment
from benchmark.measure.process import Interrupt, listening
from benchmark.measure.progress import Reporter, reporting
from benchmark.measure.round import Job, jobs, measure, utc_now
from benchmark.measure.server import check_target
from benchmark.measure.summarize import summarize
from benchmark.pipeline import measure_job, open_notebook
from benchmark.plan import (
    MAX_USERS,
    Count,
    Endpoint,
    Frozen,
    Plan,
    Profile,
    Seconds,
    Target,
    parse_seconds,
    whole_seconds,
)
from benchmark.record import Environment, Record, Round
from benchmark.report.noise_floor import CROWD_S, DELAY_VARIABLE, WAITING_S
from benchmark.selftest.judge import doubt, injection, sights
from benchmark.theory.bounds import limit

USERS = 10
CEILING_USERS = 50
CEILING_S = 3.0
APP = "benchmark.selftest.app:app"
RAW_APP = "benchmark.measure.raw_app:app"
ENDPOINTS = (
    Endpoint(name=WAITING, path="/waiting", served="event loop", work_s=WAITING_S),
    Endpoint(name=COMPUTING, path="/computing", served="cpu"),
)
CROWDED = Endpoint(name="crowd", path="/crowd", served="event loop", work_s=CROWD_S)
RAW = Endpoint(name="raw", path="/")
CONFIRMING_RUNS = 2
NOTHING = Delay(label="none", delay_ms=0.0)
MOST_DELAY_S = 1.0
NONE = "none"
DEFAULT: Mapping[str, Any] = {"delays": ("1%", "5%", "20%", "5ms")}
QUICK: Mapping[str, Any] = {"runs": 6, "round_s": 1.0, "delays": ("20%",), "crowds": (100, 500)}
FLAGS = {
    "runs": Flag("--runs", "Runs without any change.", default="12"),
    "round_s": Flag("--duration", "How long each round loads.", default="2s"),
    "delays": Flag(
        "--delay",
        'Delay of one endpoint: "5%", "5ms"; several times; none: no.',
        default="1%,5%,20%,5ms",
        several=True,
    ),
    "crowds": Flag("--users", "Users of a crowd; several times; none: no.", default="100,500,1000,2000", several=True),
}


class Scale(Frozen):
    """How much is measured: runs without any change, seconds of each round, delays, numbers of users in a crowd."""

    runs: Annotated[Count, Field(ge=1, le=1000)] = 12
    round_s: Annotated[Seconds, Field(ge=1, le=600), AfterValidator(whole_seconds)] = 2.0
    delays: tuple[Delay, ...] = ()
    crowds: tuple[Annotated[Count, Field(ge=1, le=MAX_USERS)], ...] = (100, 500, 1000, 2000)

    @property
    def rounds(self) -> int:
        """Everything that is measured, counted in rounds."""
        return (self.runs + CONFIRMING_RUNS * len(self.delays)) * len(ENDPOINTS) + 1 + len(self.crowds)


def examine(scale: Scale, config_file: Path, console: Console) -> SelfTest:
    """Measure all of it with the server and the thresholds of a benchmark.toml. All errors of a round may occur."""
    config = read_config(config_file)
    target = {"import_path": APP, "workers": config.app.workers, "threads": config.app.threads, "loop": config.app.loop}
    plan = _plan(Target(**target), ENDPOINTS, USERS, scale.round_s)
    most_files = raise_open_file_limit()
    machine = read_environment(ROOT)
    began = utc_now()
    with listening() as interrupt, tempfile.TemporaryDirectory() as folder:
        check_target(plan, ROOT, interrupt.pause)
        with reporting(console, plan.profile, scale.rounds) as reporter:
            sitting = _Sitting(plan, machine, Path(folder), interrupt, reporter)
            runs = [(delay, sitting.run(delay)) for delay in order(scale)]
            ceiling = sitting.ceiling()
            crowds = [sitting.crowd(users, most_files) for users in scale.crowds]
    quiet = [record for delay, record in runs if delay == NOTHING]
    return SelfTest(
        at=began,
        cpu=machine.cpu,
        python=machine.python,
        workers=config.app.workers,
        users=USERS,
        round_s=scale.round_s,
        sights=sights(quiet, config.judging),
        injections=tuple(
            injection(delay, WAITING, quiet, [record for other, record in runs if other == delay], config.judging)
            for delay in scale.delays
        ),
        ceiling=ceiling,
        crowds=tuple(crowds),
    )


def order(scale: Scale) -> list[Delay]:
    """In which order runs are measured: those with a delay in turns with those without, in the middle of these.

    What drifts meanwhile, as a machine does that others use, hits all alike. The two runs that have to confirm a
    delay are as far apart as they can be: real ones are days apart, and no moment of bad luck may spoil both.
    """
    delayed = [*scale.delays] * CONFIRMING_RUNS
    ahead = max(0, scale.runs - len(delayed)) // 2
    quiet = [NOTHING] * (scale.runs - ahead)
    turns = [delay for pair in zip_longest(delayed, quiet) for delay in pair if delay is not None]
    return [*[NOTHING] * ahead, *turns]


def _plan(target: Target, endpoints: tuple[Endpoint, ...], users: int, duration_s: float) -> Plan:
    """All users connect at once and begin spread over one answer time: what is seen is not their own crowd."""
    profile = Profile(
        name="selftest",
        users=users,
        spawn_rate_per_s=users,
        duration_s=duration_s,
        start="spread",
        endpoints=tuple(endpoint.name for endpoint in endpoints),
    )
    return Plan(target=target, profile=profile, endpoints=endpoints)


class _Sitting:
    """One sitting on one machine: counts the rounds as they are measured, and keeps nothing but what was found."""

    def __init__(
        self, plan: Plan, machine: Environment, folder: Path, interrupt: Interrupt, reporter: Reporter
    ) -> None:
        self._plan = plan
        self._machine = machine
        self._folder = folder
        self._interrupt = interrupt
        self._reporter = reporter
        self._done = 0

    def run(self, delay: Delay) -> Record:
        """Measure one run, as `bench run` does, with the waiting endpoint made slower."""
        notebook = open_notebook(
            self._folder,
            self._plan,
            self._machine,
            sweep=None,
            command="",
            customised=(),
            limits=[limit(endpoint, self._plan) for endpoint in self._plan.endpoints],
        )
        todo = jobs(self._plan, notebook.directory, ROOT)
        for job in todo:
            self._done += 1
            slowed = replace(job, variables={DELAY_VARIABLE: f"{delay.delay_ms:g}"})
            measure_job(self._done, slowed, notebook, self._interrupt, self._reporter)
        notebook.close(todo)
        return notebook.record

    def ceiling(self) -> Ceiling | None:
        """Ask for a bare answer as often as one generator process can; None when that could not be measured."""
        target = self._plan.target.model_copy(update={"import_path": RAW_APP})
        try:
            measured, _ = self._round(_plan(target, (RAW,), CEILING_USERS, CEILING_S), "bare answer")
        except InvalidRunError:
            return None
        return Ceiling(
            users=CEILING_USERS,
            throughput_rps=measured.throughput_rps,
            generator_cpu_percent=measured.resources.generator_cpu_mean_percent,
            worker_cpu_percent=measured.resources.worker_cpu_mean_percent,
        )

    def crowd(self, users: int, most_files: int | None) -> Crowd:
        """Measure what is added to an answer of one second. A crowd that this machine cannot hold is none."""
        if most_files is not None and users + FILES_BESIDE > most_files:
            return Crowd(users=users, doubt=f"skipped: this user may open {most_files} files only (ulimit -n)")
        try:
            measured, found = self._round(
                _plan(self._plan.target, (CROWDED,), users, crowd_s(users)), f"crowd of {users}"
            )
        except UnwritableRunError:
            raise
        except InvalidRunError as error:
            return Crowd(users=users, doubt=error.message)
        if measured.steady is None:
            return Crowd(users=users, doubt=found or "not all of them were answered before the load ended")
        steady = measured.steady
        return Crowd(
            users=users,
            mean_ms=steady.excess_mean_ms,
            p50_ms=steady.excess_p50_ms,
            p99_ms=steady.excess_p99_ms,
            doubt=found,
        )

    def _round(self, plan: Plan, title: str) -> tuple[Round, str | None]:
        """Measure one round outside of any run; gives it, and why its figures can be doubted."""
        self._done += 1
        (endpoint,) = plan.endpoints
        self._reporter.begin(self._done, title, 1, plan.profile.duration_s)
        job = Job(plan, endpoint, 1, (endpoint,), self._folder / f"{self._done}", ROOT)
        measured = summarize(measure(job, self._interrupt.pause, self._reporter.watch), endpoint, plan.profile)
        return measured, doubt(warnings(measured, endpoint, plan))


def crowd_s(users: int) -> float:
    """Seconds of load that let so many users connect, be answered once, and ask some more times."""
    return 4.0 + users // 250


def scale(wishes: Mapping[str, Any], *, quick: bool) -> Scale:
    """Combine the usual scale with what the command line asks for. UsageError names the flag."""
    usual = QUICK if quick else DEFAULT
    asked = {**usual, **{key: value for key, value in wishes.items() if value not in {None, ()}}}
    asked["delays"] = _delays(asked["delays"])
    if asked.get("crowds") == (NONE,):
        asked["crowds"] = ()
    return checked(Scale, asked, FLAGS)


def _delays(texts: Sequence[str]) -> tuple[Delay, ...]:
    """Read "5%" (of the waiting endpoint's own time) or "5ms"; "none" alone: no delay. UsageError: neither."""
    return () if list(texts) == [NONE] else tuple(_delay(text) for text in texts)


def _delay(text: str) -> Delay:
    number = text.removesuffix("%").strip()
    try:
        delay_s = float(number) / 100 * WAITING_S if text.endswith("%") else float(parse_seconds(text))
    except ValueError:
        delay_s = -1.0
    if not 0 < delay_s <= MOST_DELAY_S:
        raise UsageError(f'--delay: {text!r} is no delay of at most {MOST_DELAY_S:g} s; write it like "5%" or "5ms"')
    return Delay(label=f"{number} %" if text.endswith("%") else text, delay_ms=round(1000 * delay_s, 3))
