"""The way of a self-test, from a request to what was found: what `bench selftest` does.

The runs are judged as a history is, by the same series and the same rule, one by one and each against the runs before
it. They are minutes apart on one machine, so that nothing is divided by a reference workload.
"""

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field
from rich.console import Console

from benchmark.config import Flag, Judging, checked, read_config
from benchmark.errors import UsageError
from benchmark.fields import Count, Frozen, Seconds, parse_seconds, whole_seconds
from benchmark.judge.noise_floor import COMPUTING, WAITING, Delay, Injection, SelfTest, Sight
from benchmark.judge.series import Series, gather
from benchmark.judge.verdict import Judgement, baseline, judge
from benchmark.measure.load_test import ROOT
from benchmark.measure.machine import raise_open_file_limit, read_environment
from benchmark.measure.process import Interrupt, listening
from benchmark.measure.progress import Reporter, reporting
from benchmark.measure.round import jobs, utc_now
from benchmark.measure.server import check_target
from benchmark.pipeline import RecordWriter, measure_job
from benchmark.plan import Endpoint, Plan, Profile, Target
from benchmark.record import Environment, Record
from benchmark.report.noise_floor import DELAY_VARIABLE, WAITING_S

USERS = 10
APP = "benchmark.selftest.app:app"
ENDPOINTS = (
    Endpoint(name=WAITING, path="/waiting", served="event loop", work_s=WAITING_S),
    Endpoint(name=COMPUTING, path="/computing", served="cpu"),
)
CONFIRMING_RUNS = 2
NOTHING = Delay(label="none", delay_ms=0.0)
MOST_DELAY_S = 1.0
BEYOND = {"suspected", "confirmed"}
JUDGED = {*BEYOND, "steady", "recovered"}
DEFAULT: Mapping[str, Any] = {"delays": ("1%", "5%", "20%", "5ms")}
QUICK: Mapping[str, Any] = {"runs": 6, "round_s": 1.0, "delays": ("20%",)}
FLAGS = {
    "runs": Flag("--runs", "Runs without a change.", default="12"),
    "round_s": Flag("--duration", "Load of each round.", "duration", default="2s"),
    "delays": Flag(
        "--delay",
        'Delay added to one endpoint, e.g. "5%" or "5ms"; repeatable; "none" disables it.',
        "percent|duration",
        default="1%,5%,20%,5ms",
        several=True,
    ),
}


class Settings(Frozen):
    """How much is measured. `runs`: those without any change; each of the `delays` has more of its own."""

    runs: Annotated[Count, Field(ge=1, le=1000)] = 12
    round_s: Annotated[Seconds, Field(ge=1, le=600), AfterValidator(whole_seconds)] = 2.0
    delays: tuple[Delay, ...] = ()


def settings(wishes: Mapping[str, Any], *, quick: bool) -> Settings:
    """Combine the usual settings with what the command line asks for. UsageError names the flag."""
    usual = QUICK if quick else DEFAULT
    asked = {**usual, **{key: value for key, value in wishes.items() if value not in {None, ()}}}
    asked["delays"] = () if asked["delays"] == ("none",) else tuple(map(_delay, asked["delays"]))
    return checked(Settings, asked, FLAGS)


def _delay(text: str) -> Delay:
    """Read "5%" (of the waiting endpoint's service time) or "5ms"."""
    number = text.removesuffix("%").strip()
    try:
        delay_s = float(number) / 100 * WAITING_S if text.endswith("%") else float(parse_seconds(text))
    except ValueError:
        delay_s = -1.0
    if not 0 < delay_s <= MOST_DELAY_S:
        raise UsageError(f'--delay: {text!r} is not a delay of at most {MOST_DELAY_S:g} s; write it like "5%" or "5ms"')
    return Delay(label=f"{number}%" if text.endswith("%") else text, delay_ms=round(1000 * delay_s, 3))


def examine(asked: Settings, config_file: Path, console: Console) -> SelfTest:
    """Measure all of it with the server and the thresholds of a benchmark.toml. All errors of a round may occur."""
    config = read_config(config_file)
    server = {"workers": config.app.workers, "threads": config.app.threads, "loop": config.app.loop}
    profile = Profile(
        name="selftest",
        users=USERS,
        spawn_rate_per_s=USERS,
        duration_s=asked.round_s,
        start="spread",  # what is seen is not the users' own crowd
        endpoints=(WAITING, COMPUTING),
    )
    plan = Plan(target=Target(import_path=APP, **server), profile=profile, endpoints=ENDPOINTS)
    raise_open_file_limit()
    machine = read_environment(ROOT)
    began = utc_now()
    runs: dict[Delay, list[Record]] = {NOTHING: [], **{delay: [] for delay in asked.delays}}
    todo = order(asked)
    with listening() as interrupt, tempfile.TemporaryDirectory() as folder:
        check_target(plan, ROOT, interrupt.pause)
        with reporting(console, profile, len(todo) * len(ENDPOINTS)) as reporter:
            for number, delay in enumerate(todo):
                runs[delay].append(_run(number, delay, plan, machine, Path(folder), interrupt, reporter))
    return SelfTest(
        at=began,
        cpu=machine.cpu,
        python=machine.python,
        workers=config.app.workers,
        users=USERS,
        round_s=asked.round_s,
        sights=sights(runs[NOTHING], config.judging),
        injections=tuple(
            injection(delay, WAITING, runs[NOTHING], runs[delay], config.judging) for delay in asked.delays
        ),
    )


def _run(
    number: int,
    delay: Delay,
    plan: Plan,
    machine: Environment,
    folder: Path,
    interrupt: Interrupt,
    reporter: Reporter,
) -> Record:
    """Measure one run, as `bench run` does, with the waiting endpoint made slower."""
    writer = RecordWriter(folder, plan, machine)
    todo = jobs(plan, writer.directory, ROOT)
    for place, job in enumerate(todo, start=1 + number * len(todo)):
        slowed = replace(job, variables={DELAY_VARIABLE: f"{delay.delay_ms:g}"})
        measure_job(place, slowed, writer, interrupt, reporter)
    writer.close(todo)
    return writer.record


def order(asked: Settings) -> list[Delay]:
    """In which order runs are measured: those with a delay in turns with those without, in the middle of these.

    What drifts meanwhile, as a machine does that others use, hits all alike. The two runs that have to confirm a
    delay are as far apart as they can be: real ones are days apart, and no moment of bad luck may spoil both.
    """
    delayed = [*asked.delays] * CONFIRMING_RUNS
    ahead = max(0, asked.runs - len(delayed)) // 2
    quiet = [NOTHING] * (asked.runs - ahead)
    turns = [delay for pair in zip_longest(delayed, quiet) for delay in pair if delay is not None]
    return [*[NOTHING] * ahead, *turns]


def sights(records: Iterable[Record], rule: Judging) -> tuple[Sight, ...]:
    """Judge runs between which nothing was changed, and sum up each series."""
    return tuple(_sight(one, rule) for one in gather(records) if _has_numbers(one))


def _has_numbers(one: Series) -> bool:
    """A number that an endpoint never has, such as the excess over work that nobody declared, is no series."""
    return any(point.value is not None for point in one.points)


def _sight(one: Series, rule: Judging) -> Sight:
    said = one.judgements(rule)
    usable = [found.value for found in said if found.value is not None]
    # What the next run would be compared with: nothing changed, so all runs that compare, however they were judged.
    enough = len(usable) >= rule.fewest_runs
    known = baseline(usable[-rule.most_runs :], rule, one.points[-1].smallest_difference) if enough else None
    return Sight(
        endpoint=one.endpoint,
        metric=one.metric.title,
        unit=one.metric.unit,
        runs=len(said),
        judged=sum(found.stage in JUDGED for found in said),
        beyond=sum(found.stage in BEYOND for found in said),
        announced=sum(found.stage == "confirmed" for found in said),
        level=known.median if known else None,
        band=known.band if known else None,
        band_percent=known.percent(known.band) if known else None,
        reason=next((found.reason for found in said if found.stage == "not judged"), None),
    )


def injection(
    delay: Delay, slowed: str, quiet: Sequence[Record], delayed: Sequence[Record], rule: Judging
) -> Injection:
    """Judge the runs in which the endpoint `slowed` was slower as if they had come behind those in which nothing was.

    They were measured in turns, so that a machine which became slower meanwhile is not taken for the delay.
    """
    found_by: list[str] = []
    suspected_by: list[str] = []
    elsewhere: list[str] = []
    mine: list[Judgement] = []
    behind = {(one.endpoint, one.metric.name): one for one in gather(delayed)}
    for one in gather(quiet):
        last = behind[one.endpoint, one.metric.name].points
        said = judge((*one.points, *last), one.metric.better, rule)[-len(last) :]
        if one.endpoint != slowed:
            announced = any(found.stage == "confirmed" for found in said)
            elsewhere += [f"{one.metric.title} of {one.endpoint}"] if announced else []
            continue
        mine += said if _has_numbers(one) else []
        if any(found.verdict == "regressed" for found in said):
            found_by.append(one.metric.title)
        elif any(found.stage in BEYOND for found in said):
            suspected_by.append(one.metric.title)
    judged = any(found.stage in JUDGED for found in mine)
    return Injection(
        delay=delay,
        found_by=tuple(found_by),
        suspected_by=tuple(suspected_by),
        elsewhere=tuple(elsewhere),
        reason=None if judged else next((found.reason for found in mine if found.reason), "nothing was measured"),
    )
