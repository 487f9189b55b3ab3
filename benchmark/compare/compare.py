"""The way of a comparison, from two refs to a verdict: what `bench compare` does."""

import secrets
import shlex
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console

from benchmark.compare.interleaved import Checkout, InterleavedRound, Measured, measure_interleaved, named
from benchmark.compare.model import FILE_NAME, SIDES, Comparison, Side, SideName, Turn
from benchmark.compare.statistics import FEWEST_PASSES, Rule, compare, is_precise, newly_broken
from benchmark.compare.versions import already_installed, check_out, check_requirement, python_with, resolve
from benchmark.compare.wording import CompareReporter, render_comparison, reporting, sentence
from benchmark.config import FLAGS, Config, Flag, Judging, check_plan, checked, make_plan, read_config
from benchmark.errors import BenchmarkError, InvalidRunError, UnwritableRunError, UsageError
from benchmark.judge.intervals import evidence
from benchmark.measure.machine import describe, raise_open_file_limit, read_environment
from benchmark.measure.prepare import prepared
from benchmark.measure.process import Interrupt, listening
from benchmark.measure.round import utc_now
from benchmark.measure.server import check_target
from benchmark.plan import Plan, Target
from benchmark.slo import Evidence
from benchmark.store import save, write_whole
from benchmark.traffic import part_label

SMALLEST_EFFECT = Flag("--smallest-effect", "Ignore changes below this size (%).", "percent")
LONGEST_LOST = 200
FEWEST_ROUNDS = 2
MOST_TIMES = 3  # the rounds of the profile, where the machine is too noisy to tell after them
BESIDE_LOAD_S = 5.0  # of each round: servers and generator start and stop

Promised = dict[str, tuple[Evidence, ...]]
Extras = Mapping[SideName, Sequence[str]]
"""Requirements that are installed over those of a side."""


@dataclass(frozen=True)
class ComparisonRequest:
    """What the command line asks for. `refs`: an empty one is HEAD. `values` change the profile, and the target."""

    refs: Mapping[SideName, str]
    extras: Extras
    profile: str
    values: Mapping[str, Any]
    smallest_effect: str | None = None


def compare_sides(
    request: ComparisonRequest, config_file: Path, out: Path, console: Console
) -> tuple[Comparison, Path]:
    """Check everything, make both sides ready, measure all rounds, judge, and write compare.json and compare.md.

    Gives the directory of both, too. Nothing is left running or checked out, whatever happens.
    """
    config, home = read_config(config_file), config_file.resolve().parent
    plan = comparable(config, request)
    check_plan(plan, home)
    rule = _rule(config, request)
    refs = _refs(request)
    commits = {side: resolve(home, refs[side]) for side in SIDES}
    extras = {side: tuple(map(check_requirement, request.extras[side])) for side in SIDES}
    if commits["base"] == commits["head"] and extras["base"] == extras["head"]:
        same = " with ".join([f"Both sides are commit {commits['head'][:12]}", *extras["head"]])
        console.print(f"{same}: this shows the noise of this machine, not a difference.", markup=False)
    started_at = utc_now()
    with listening() as interrupt, TemporaryDirectory(prefix="bench-compare-") as temporary, ExitStack() as stack:
        guess_s = len(plan.endpoints) * plan.profile.duration_s * 1.3 + BESIDE_LOAD_S
        with reporting(console, plan.profile.rounds, guess_s) as reporter:
            stack.enter_context(prepared(plan, home, interrupt.pause, console))
            checkouts = _checkouts(home, plan.target, commits, extras, Path(temporary), interrupt, reporter)
            for side, (folder, target) in checkouts.items():
                with named(side):
                    started = plan.model_copy(update={"target": target})
                    checkouts[side] = Checkout(folder, check_target(started, folder, interrupt.pause))
            pythons = {side: checkouts[side].target.python or sys.executable for side in SIDES}
            sides = {side: _side(refs[side], commits[side], extras[side], pythons[side]) for side in SIDES}
            directory = _directory(out, started_at)
            measured, lost = _measure(plan, rule, checkouts, directory, interrupt, reporter)
    comparison = Comparison(
        started_at=started_at,
        finished_at=utc_now(),
        command=_command(request),
        plan=plan,
        **sides,
        cpu=read_environment(home).cpu,
        smallest_effect_percent=rule.smallest_effect_percent,
        error_rate=rule.error_rate,
        turns=tuple(turn for turn, _ in measured),
        lost=lost,
        **_judged(plan, measured, rule),
    )
    _write(comparison, directory)
    return comparison, directory


def _refs(request: ComparisonRequest) -> dict[SideName, str]:
    if not any([*request.refs.values(), *request.extras.values()]):
        message = 'name what to compare: bench compare main HEAD, or bench compare HEAD --head-with "fastapi==0.116.0"'
        raise UsageError(message)
    return {side: request.refs[side] or "HEAD" for side in SIDES}


def comparable(config: Config, request: ComparisonRequest) -> Plan:
    """Plan what is asked for. UsageError: there is no such profile, or it cannot be interleaved."""
    plan = make_plan(config, request.profile, request.values)
    if plan.target.url is not None:
        raise UsageError("compare starts both versions of the app itself: [app] needs import instead of url")
    for endpoint in plan.endpoints:
        if endpoint.locustfile is not None:
            message = f"endpoint {endpoint.name!r} has its own locustfile, which cannot be interleaved; leave it out"
            raise UsageError(message)
    if plan.profile.think.kind != "constant":
        message = f"--profile: users of {plan.profile.name!r} think for no constant time, which cannot be interleaved"
        raise UsageError(f'{message}; name a profile with wait = "1s", or without wait')
    if plan.profile.stages:
        message = f"--profile: {plan.profile.name!r} has stages, and compare needs a load that stays the same"
        raise UsageError(f"{message}; name a profile without stages")
    if plan.profile.rate_per_s is not None:
        message = f"--profile: {plan.profile.name!r} has a rate, and compare needs users who wait for responses"
        raise UsageError(f"{message}; name a profile without a rate")
    if plan.profile.rounds < FEWEST_ROUNDS:
        raise UsageError(f"--rounds must be at least {FEWEST_ROUNDS}, or chance decides (got {plan.profile.rounds})")
    # Both servers run at once, so neither gets the port that the app has elsewhere.
    return plan.model_copy(update={"target": plan.target.model_copy(update={"port": None})})


def _rule(config: Config, request: ComparisonRequest) -> Rule:
    asked = {"smallest_effect_percent": request.smallest_effect} if request.smallest_effect else {}
    judging = checked(Judging, config.judging.model_dump() | asked, {"smallest_effect_percent": SMALLEST_EFFECT})
    return Rule(smallest_effect_percent=judging.smallest_effect_percent)


def _checkouts(
    home: Path,
    target: Target,
    commits: Mapping[SideName, str],
    extras: Extras,
    directory: Path,
    interrupt: Interrupt,
    reporter: CompareReporter,
) -> dict[SideName, Checkout]:
    if target.python is not None and any(extras.values()):
        message = "--python: packages of one side are installed into environments of their own; leave it out"
        raise UsageError(f"{message}, or --base-with and --head-with")
    homes = {side: check_out(home, commits[side], directory / side) for side in SIDES}
    if target.python is not None or already_installed(list(homes.values()), list(extras.values())):
        return {side: Checkout(homes[side], target) for side in SIDES}
    found: dict[SideName, Checkout] = {}
    for side in SIDES:
        environment = directory / f"{side}-environment"
        say = partial(reporter.say, whose=side)
        try:
            python = python_with(homes[side], extras[side], environment, interrupt.pause, say)
        except UsageError as error:
            raise error.told(side) from None
        found[side] = Checkout(homes[side], target.model_copy(update={"python": python}))
    return found


def _directory(out: Path, started_at: str) -> Path:
    directory = out / f"compare-{started_at.translate(str.maketrans('', '', ':-Z'))}-{secrets.token_hex(2)}"
    try:
        directory.mkdir(parents=True)
    except OSError as error:
        message = f"--out: {out} cannot be written ({error.strerror or error}); name another directory"
        raise UsageError(message) from None
    return directory


def _measure(
    plan: Plan,
    rule: Rule,
    checkouts: Mapping[SideName, Checkout],
    directory: Path,
    interrupt: Interrupt,
    reporter: CompareReporter,
) -> tuple[list[Measured], tuple[str, ...]]:
    """Measure all rounds, and more of them while the intervals are too wide; gives their turns, and what broke.

    A round that breaks under load is left out and named; too few are an InvalidRunError.
    """
    measured: list[Measured] = []
    lost: list[str] = []
    problem: InvalidRunError | None = None
    raise_open_file_limit()
    names = [endpoint.name for endpoint in plan.endpoints]
    for number in range(MOST_TIMES * plan.profile.rounds):
        if number >= plan.profile.rounds and is_precise([turn for turn, _ in measured], names, rule):
            break
        reporter.begin(number + 1)
        asked = InterleavedRound(plan, number, checkouts, directory / f"round-{number + 1:02d}")
        try:
            measured += measure_interleaved(asked, interrupt.pause, reporter.watch)
        except UnwritableRunError:
            raise
        except InvalidRunError as error:
            problem = error
            why = error.message.removesuffix("; its last lines:")
            lost.append(f"round {number + 1} is lost: {why}"[:LONGEST_LOST])
            reporter.say(lost[-1])
    if lost and len({turn.number for turn, _ in measured}) < FEWEST_PASSES:
        raise InvalidRunError(f"{len(lost)} rounds were lost, too few are left to compare: {problem}")
    return measured, tuple(lost)


def _judged(plan: Plan, measured: Sequence[Measured], rule: Rule) -> dict[str, Any]:
    """What turns say of the differences, and of the promises of both sides."""
    names = [endpoint.name for endpoint in plan.endpoints]
    found = {"differences": compare([turn for turn, _ in measured], names, rule)}
    return found | {"promised": _promised(plan, measured, "head"), "promised_before": _promised(plan, measured, "base")}


def _promised(plan: Plan, measured: Sequence[Measured], side: SideName) -> Promised:
    """What a side's turns say about the promises of each endpoint: turns are the rounds here, and never independent."""
    found = {}
    for name in dict.fromkeys(promise.endpoint for promise in plan.slo):
        samples = [sample for turn, sample in measured if turn.side == side and _label(turn) == name]
        found[name] = evidence(samples, [promise for promise in plan.slo if promise.endpoint == name])
    return found


def _label(turn: Turn) -> str:
    return turn.endpoint if turn.part is None else part_label(turn.endpoint, turn.part)


def _side(ref: str, commit: str, extras: tuple[str, ...], python: str) -> Side:
    version, packages = describe(python)
    return Side(ref=ref, commit=commit, extra_requirements=extras, python=version, packages=packages)


def _command(request: ComparisonRequest) -> str:
    words = ["bench", "compare", *_refs(request).values(), "--profile", request.profile]
    for side in SIDES:
        words += [word for text in request.extras[side] for word in (f"--{side}-with", text)]
    for key, given in request.values.items():
        values = given if isinstance(given, tuple) else (given,)
        words += [word for one in values if one not in {None, ""} for word in (FLAGS[key].name, str(one))]
    words += ["--smallest-effect", request.smallest_effect] if request.smallest_effect else []
    return shlex.join(words)


def _write(comparison: Comparison, directory: Path) -> None:
    try:
        save(comparison, directory / FILE_NAME)
        write_whole(directory / "compare.md", render_comparison(comparison))
    except OSError as error:
        message = f"the comparison could not be written: {error}; free some space, or name another --out"
        raise UnwritableRunError(message) from None


def refuse_regressions(comparison: Comparison, *, gate: bool) -> None:
    """With `gate`: a BenchmarkError that says what regressed, or broke, if anything did.

    A promise that base did not keep, either, is no matter of this change.
    """
    if not gate:
        return
    if comparison.lost or any(item.verdict == "regressed" for item in comparison.differences):
        raise BenchmarkError(sentence(comparison, str))
    if broken := newly_broken(comparison):
        raise BenchmarkError(f"broken promises, which {comparison.base.ref} keeps: {', '.join(broken)}")
