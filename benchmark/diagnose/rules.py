"""How an endpoint is served, told from a step load; or that it cannot be told, and why.

Each rule looks at the evidence and either says what it means or passes it on.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from benchmark.diagnose.advice import advice
from benchmark.diagnose.evidence import FLAT, FULL, Evidence, evidence_of, machine_is_full
from benchmark.diagnose.fit import (
    SMOOTH_SPREAD,
    before_standstill,
    better_known,
    generator_cpu_s,
    levels,
    mean_latency,
    seat_time_s,
    served_at_once,
    service_time,
    unqueued,
)
from benchmark.diagnose.model import Diagnosis, Interval, Level, Setting, Step
from benchmark.formatting import figure
from benchmark.plan import Served
from benchmark.summary import quantile_grid, right, since_due_ms
from benchmark.theory.computing import outside_seat_s

SHORTEST_S = 0.002
THREAD_WAY_S = (0.0, 0.0021, 0.004)
"""So much longer than it holds a slot takes a response by a thread (two machines, 2026-11-29): least, middle, most."""
AROUND_SLOT_S = 0.0004  # of the computing of an async endpoint that has a slot is the framework's, before and after
STEADY = 0.9  # of the service time takes even the fastest tenth: it is always the same
COMPUTES = 0.9  # of the service time is computing: from there on the processor is what serves
COMPUTES_SOME = 0.1
PROCESSOR_FULL, PROCESSOR_NEARLY_FULL = 0.8, 0.65
ONE_CORE_FULL = 0.8  # what one worker can take, and how many an app that was not started here has is not known
LONG_TAIL = 8.0
MUCH_OF_OTHERS = 0.5  # cores
WARMED = 2.0  # times as fast as the fastest tenth of the first responses
BUSY_GENERATOR_PERCENT = 85.0
MANY = 64  # requests that have to be served at a time before it is said that they queue for nothing
STILL_GROWS = 1.25  # growth of throughput over the last level, which doubles the users
FALLS = 0.7
FITS_ALL = 1.1  # misfit of the worst level up to which a limit is believed even on a machine that others use
FITS_NO_SLOTS = 1.2  # misfit or unevenness from which on no number of slots explains the levels; of pools at most 1.13
ACCEPTS_LATE_S = 0.1  # service time from which on a blocked event loop was always seen to accept late
CLOSE = 0.15
MOST_SHARED = 0.75  # slots of each worker, of one that all of them share
MOST_PROCESSORS = 64  # of another machine: what serves more at a time is no processor
WAITED_FOR = 1.5  # threads over slots, from which on threads wait for another pool
MOST_WIDE = 1.6  # largest over smallest number of slots that still counts as knowing how many there are


@dataclass(frozen=True)
class Verdict:
    """What a rule concludes. `regime` None: it cannot be told, for this reason, and this is what to do."""

    regime: Served | None
    seats: int | None = None
    reason: str = ""
    remedy: str = ""


Rule = Callable[[Evidence], Verdict | None]


def _unknown(reason: str, remedy: str) -> Verdict:
    return Verdict(None, reason=reason, remedy=remedy)


def _too_short(evidence: Evidence) -> Verdict | None:
    if evidence.service.value >= SHORTEST_S:
        return None
    reason = f"one response takes {1000 * evidence.service.value:.2g} ms, mostly framework and load generator"
    remedy = "It hardly waits. To find its maximum throughput, use a load generator written in C."
    if evidence.cpu_s:
        most = f"so one worker serves up to {figure(1 / evidence.cpu_s)} req/s"
        remedy += f" It costs a worker {1000 * evidence.cpu_s:.2g} ms of CPU, {most}."
    return _unknown(reason, remedy)


def _warms(evidence: Evidence) -> Verdict | None:
    """What the first user saw is over: half of all that ask together wait less than half as long as its fastest did."""
    later_ms = min((level.median_ms for level in evidence.levels[1:] if level.median_ms), default=float("inf"))
    if WARMED * later_ms > 1000 * evidence.quick_s:
        return None
    seen = f"{1000 * evidence.service.value:.3g} ms at first, and {later_ms:.3g} ms with more users later"
    remedy = "Let it warm up before it says that it is ready ([app] ready), or ask for what is not cached."
    return _unknown(f"responses got faster while it was measured, as when a cache fills: {seen}", remedy)


def _others_compute(evidence: Evidence) -> Verdict | None:
    """A database or a process pool on this machine computes for the endpoint, until no processor is left."""
    looked_at, used = evidence.at_the_limit, evidence.others_cores
    if used < MUCH_OF_OTHERS or 2 * sum(map(machine_is_full, looked_at)) < len(looked_at):
        return None
    busy = f"{figure(used)} of the {evidence.setting.cores} cores were used by processes that are no workers"
    reason = f"{busy}, the more responses the more. Then the CPU is the limit: of a process pool, or a database"
    return _unknown(reason, "Compute less there, or use a machine with more cores. If other programs did it, repeat.")


def _long_tail(evidence: Evidence) -> Verdict | None:
    """Queues for slots or processors serve in order, so that all wait alike; who waits for a lock may starve."""
    if evidence.tail < LONG_TAIL:
        return None
    full = "; the CPU was full, too" if evidence.processor_full >= PROCESSOR_FULL else ""
    reason = (
        f"some requests wait far longer than others: of 100 the slowest took {evidence.tail:.0f} times the median. "
        f"That is no queue for a pool or a processor but a lock, which requests try to get again and again{full}"
    )
    remedy = "Look for what all workers write to: a database file, a row, a file lock; then let fewer write at a time."
    return _unknown(reason, remedy)


def _computes(evidence: Evidence) -> Verdict | None:
    if evidence.computing < COMPUTES or evidence.setting.workers is None:
        return None
    return Verdict("cpu", 1)


def _computes_here(evidence: Evidence) -> Verdict | None:
    """An app on this machine that was not started here: what its processes compute is told from the whole machine."""
    if evidence.setting.workers is not None or evidence.setting.cores is None:
        return None
    full = evidence.processor_full >= PROCESSOR_NEARLY_FULL or evidence.cores_taken >= ONE_CORE_FULL
    if evidence.computing < COMPUTES_SOME or not full:
        return None
    takes_s, computes_s = evidence.service.value, evidence.cpu_s or 0.0
    computes = f"{1000 * computes_s:.2g} of the" if computes_s < takes_s else "all of the"
    busy = f"{evidence.cores_taken:.2g} of the {evidence.setting.cores} cores of this machine were busy"
    reason = f"{busy}, and it computed {computes} {1000 * takes_s:.3g} ms that a response takes. If the app runs here"
    kind = "it is CPU-bound" if evidence.computing >= COMPUTES else "it waits and computes, and the CPU is its limit"
    return _unknown(f"{reason}, {kind}; a pool may be a limit, too", "Start it here ([app] import) to be sure.")


def _elsewhere(evidence: Evidence) -> Verdict | None:
    """Few at a time, on a machine that cannot be seen: slots, blocked workers and processors look alike."""
    if evidence.setting.workers is not None or evidence.setting.cores is not None:
        return None
    slots = max(1, round(evidence.fit.seats.value))
    if slots > MOST_PROCESSORS:
        return None
    reason = f"it serves {slots} at a time in all: a pool, blocked workers, or {slots} processors that compute"
    return _unknown(reason, "Watch the CPU of its machine under this load, or measure it where it can be started.")


def _still_grows(evidence: Evidence) -> Verdict | None:
    """No limit, or one beyond the users that there were."""
    *before, last = evidence.levels
    if last.throughput_rps < STILL_GROWS * max(level.throughput_rps for level in before):
        return None
    if evidence.most_at_once >= MANY and not evidence.on_threads:
        return Verdict("event loop")
    started = f", and a worker started {evidence.threads_grown} threads" if evidence.on_threads else ""
    most = (evidence.setting.threads or 0) * (evidence.setting.workers or 1)
    reason = f"throughput still grew at {last.users} users, the last that there was time for{started}"
    return _unknown(
        reason, f"Use more users (--most-users {max(4 * last.users, 4 * most)}), with shorter tasks if needed."
    )


def _processor_full(evidence: Evidence) -> Verdict | None:
    """Growth ended because the processor was full, though a request computes only for a part of its time.

    Threads of a worker wait for each other and never fill it. A pool would do that, too, but then slots fit all levels.
    """
    creeps_up = max(evidence.misfit, evidence.unevenness) > FITS_NO_SLOTS
    threads = evidence.on_threads and evidence.computing >= COMPUTES_SOME and creeps_up
    enough = PROCESSOR_NEARLY_FULL if threads else PROCESSOR_FULL
    if evidence.setting.workers is None or evidence.processor_full < enough:
        return None
    if evidence.computing >= COMPUTES_SOME:
        return Verdict("mixed")
    if not evidence.on_threads:
        return Verdict("event loop")
    users = evidence.at_the_limit[0].users
    reason = f"the CPU was full at {users} users, before a limit of the endpoint itself showed"
    return _unknown(
        reason, "Let each request wait longer or compute less for the test, or give the machine more cores."
    )


def _processor_nearly_full(evidence: Evidence) -> Verdict | None:
    """A worker whose threads wait for each other never fills its processor: it may be the limit, or a pool."""
    if evidence.setting.workers is None or evidence.processor_full < PROCESSOR_NEARLY_FULL or _thread_pool(evidence):
        return None
    slots = max(1, round(evidence.fit.seats.value))
    computes = f"{1000 * (evidence.cpu_s or 0):.2g} of its {1000 * evidence.service.value:.3g} ms"
    reason = (
        f"two causes fit. A request computes {computes}, and the workers took {evidence.processor_full:.0%} of the CPU "
        f"that there was for them: the processor; or a pool of {slots} in each worker"
    )
    return _unknown(reason, "Diagnose again with one worker (--workers 1): a pool stays, a full processor does not.")


def _crowded(evidence: Evidence) -> Verdict | None:
    """Other programs took the processor: a limit that fits every level counts, and how many were served at a time."""
    looked_at = evidence.at_the_limit
    if 2 * sum(machine_is_full(level) for level in looked_at) < len(looked_at) or evidence.on_threads:
        return None
    seen = evidence.setting.workers is not None
    if seen and len(evidence.full) > 1 and evidence.misfit <= FITS_ALL:
        return None
    if evidence.most_at_once >= MANY and seen:
        return Verdict("event loop")
    unseen = not seen and evidence.setting.cores is not None
    others = "the app itself, if it runs on this machine, or other programs" if unseen else "other programs"
    reason = f"{others} used the CPU and may be what ended the growth"
    return _unknown(reason, "Diagnose again when the machine is quiet.")


def _generator_full(evidence: Evidence) -> Verdict | None:
    if all(level.generator_cpu_percent < BUSY_GENERATOR_PERCENT for level in evidence.full):
        return None
    reason = "the load generator used a whole core and may be what ended the growth"
    return _unknown(reason, "Let each request wait longer for the test, or take a machine with more cores.")


def _not_flat(evidence: Evidence) -> Verdict | None:
    """A limit is a limit when twice the users bring no more: one full level may be a slow second."""
    if len(evidence.full) > 1 and evidence.unevenness <= FLAT:
        return None
    reason = "throughput grew less than the number of users, but did not stop growing"
    return _unknown(reason, "Diagnose again on a quieter machine, or with more --most-users.")


def _falls(evidence: Evidence) -> Verdict | None:
    rates = [level.throughput_rps for level in evidence.levels]
    if min(rates[rates.index(max(rates)) :]) >= FALLS * max(rates):
        return None
    reason = "throughput fell with more users: each request takes longer the more of them there are"
    return _unknown(
        reason, "Look for a lock or a resource that all requests share; or diagnose again on a quieter machine."
    )


def _shared_by_workers(evidence: Evidence) -> Verdict | None:
    """As many in all however connections are distributed, or less than one in each worker though processors idle."""
    workers, seats = evidence.setting.workers or 1, evidence.fit.seats
    if workers == 1:
        return None
    most = max(level.busy_seats for level in evidence.levels)
    shared = evidence.misfit_of(lambda level: min(level.users, most))
    if shared <= FITS_ALL and evidence.misfit > FITS_ALL * shared and most < MANY:
        number = round(most)
    elif seats.value <= MOST_SHARED and (seats.high or 1) < 1:
        number = max(1, round(workers * seats.value))
    else:
        return None
    reason = (
        f"{workers} workers serve {number} at a time in all: a lock, a pool or another resource that all workers share"
    )
    return _unknown(reason, "Look for what all workers write to, or wait for, outside of them.")


def _too_wide(evidence: Evidence) -> Verdict | None:
    seats = evidence.fit.seats if evidence.threads_grown > 1 else _slots(evidence)
    if seats.high is not None and seats.high <= MOST_WIDE * seats.low:
        return None
    high = "many" if seats.high is None else figure(seats.high)
    reason = f"each worker serves between {figure(seats.low)} and {high} requests at a time, too wide a range"
    return _unknown(reason, "Diagnose again on a quieter machine, or let each request take longer.")


def _blocked(evidence: Evidence) -> Verdict | None:
    seats = evidence.fit.seats
    if seats.value > 1 + CLOSE and not seats.low <= 1 <= (seats.high or 1):
        return None
    if evidence.setting.workers is None:
        return Verdict("pool", 1)
    if evidence.threads_grown:
        return None
    if not evidence.accepted_late and evidence.service.value >= ACCEPTS_LATE_S:
        return Verdict("pool", 1)  # its event loop is free to accept: a lock lets in one request at a time
    return Verdict("blocked event loop", 1)


def _thread_pool(evidence: Evidence) -> Verdict | None:
    seats, threads = evidence.fit.seats, evidence.setting.threads
    if threads is None or not _near(seats, threads):
        return None
    as_many = abs(evidence.threads_grown - threads) <= max(1, CLOSE * threads)
    return Verdict("thread pool", threads) if as_many else None


def _pool(evidence: Evidence) -> Verdict:
    """Some other pool. Where as many threads were started, their number is the exact one."""
    seats, grown = evidence.fit.seats, evidence.threads_grown
    if grown > 1 and _near(seats, grown):
        return Verdict("pool", grown)
    return Verdict("pool", max(1, round(_slots(evidence).value)))


def _slots(evidence: Evidence) -> Interval:
    """How many slots there are, where how long a request holds one is not quite its response time to one user."""
    seats, alone_s = evidence.fit.seats, evidence.service.value
    if evidence.threads_grown > 1:  # it does not hold one on the way to its thread and back
        most, middle, least = (max(0.0, 1 - way_s / alone_s) for way_s in THREAD_WAY_S)
        return Interval(value=middle * seats.value, low=least * seats.low, high=seats.high and most * seats.high)
    computes_s = max(0.0, (evidence.cpu_s or 0.0) - AROUND_SLOT_S)
    if evidence.setting.workers is None or evidence.quick_s < STEADY * alone_s:
        return seats
    # requests that take the same may come in step: those that hold all slots then compute one after another
    busy = min(PROCESSOR_FULL, computes_s * seats.value / evidence.fit.service.value)
    in_step = max(1.0, (1 - computes_s / alone_s) / (1 - busy))
    return Interval(value=(1 + in_step) / 2 * seats.value, low=seats.low, high=seats.high and in_step * seats.high)


def _wait_on_threads(evidence: Evidence, verdict: Verdict) -> bool:
    return verdict.regime == "pool" and evidence.threads_grown > WAITED_FOR * (verdict.seats or 1)


def _near(seats: Interval, number: float) -> bool:
    return seats.low <= number <= (seats.high or number) or abs(seats.value - number) <= CLOSE * number


PROCESSOR: tuple[Rule, ...] = (_processor_full, _computes_here, _crowded, _generator_full)
LIMIT: tuple[Rule, ...] = (_shared_by_workers, _not_flat, _falls, _processor_nearly_full, _too_wide, _elsewhere)
KIND: tuple[Rule, ...] = (_blocked, _thread_pool, _pool)
RULES: tuple[Rule, ...] = (
    _too_short,
    _warms,
    _others_compute,
    _long_tail,
    _computes,
    _still_grows,
    *PROCESSOR,
    *LIMIT,
    *KIND,
)
"""Asked one after another; the last always concludes."""

FEWEST_LEVELS, FEWEST_FULL = 3, 2


def diagnose(steps: Sequence[Step], rows: pd.DataFrame, setting: Setting) -> Diagnosis:
    """Conclude from the levels of a load that climbs, and its request rows (see benchmark.summary). Never fails."""
    report = _concluded(steps, rows, setting)
    if not report.levels or report.regime is None:
        return report
    alone = unqueued(rows, report.levels, report.seats, report.cpu_per_request_s)
    grid = quantile_grid(alone)
    if grid is not None:
        longer = _longer(right(alone), report, rows)
        grid = grid.model_copy(update={"latency_ms": tuple(round(longer * ms, 3) for ms in grid.latency_ms)})
    return report.model_copy(update={"quantiles": grid, "unqueued": len(right(alone))})


def _longer(alone: pd.DataFrame, report: Diagnosis, rows: pd.DataFrame) -> float:
    """By what to multiply response times: responses that took one of the full seats tell of their mean, too.

    Within the interval of the mean of those that did not queue: how many seats there are may be mistaken. What hardly
    varies is known from few.
    """
    seats, mean = report.seats, mean_latency(alone)
    full = [level for level in report.levels if seats and served_at_once(level, seats) <= FULL * level.users]
    steady = float(since_due_ms(alone).std()) < 1000 * SMOOTH_SPREAD * mean.value
    if not seats or len(full) < FEWEST_FULL or steady:
        return 1.0
    taken_s, number = seat_time_s(rows, full, seats)
    pooled_s = mean.value * len(alone) + taken_s + number * outside_seat_s(report.generator_cpu_s or 0.0)
    return min(max(pooled_s / (len(alone) + number), mean.low), mean.high or mean.value) / mean.value


def _concluded(steps: Sequence[Step], rows: pd.DataFrame, setting: Setting) -> Diagnosis:
    alone = service_time(rows, steps[0]) if steps else None
    found = levels(steps, rows, alone.value) if alone else []
    answering, still = before_standstill(found, rows, alone.value) if alone else (found, None)
    if alone is None or sum(level.answers > 1 for level in answering) < FEWEST_LEVELS:
        remedy = "Diagnose an endpoint that responds within seconds, or shorten its tasks for the test."
        verdict = _unknown("there were too few responses to conclude anything", remedy)
        return _with_standstill(_report(verdict, setting, tuple(found), alone, None), still)
    if setting.replaced and not all(level.answers for level in answering):
        verdict = _replaced(setting, next(level for level in answering if not level.answers))
        return _report(verdict, setting, tuple(found), alone, None)
    evidence = evidence_of(tuple(answering), rows, alone, setting)
    if better := better_known(evidence.service, evidence.fit, evidence.levels, rows, evidence.cpu_s):
        found = levels(steps, rows, better.value)
        evidence = evidence_of(tuple(found[: len(answering)]), rows, better, setting)
    verdict = next(told for rule in RULES if (told := rule(evidence)) is not None)
    return _with_standstill(_report(verdict, setting, tuple(found), evidence.fit.service, evidence), still)


def _replaced(setting: Setting, silent: Level) -> Verdict:
    workers = "a worker" if setting.replaced == 1 else f"{setting.replaced} workers"
    reason = f"the server replaced {workers}, and nothing answered with {silent.users} users"
    return _unknown(reason, "Diagnose without the limit of requests per worker (max_requests, workers-lifetime).")


def _with_standstill(report: Diagnosis, still: Level | None) -> Diagnosis:
    if still is None:
        return report
    grown = max(still.threads_grown_per_worker or (0,))
    full = report.setting.threads is not None and grown >= report.setting.threads
    likely = " Probably threads wait for connections whose holders wait for threads." if full else ""
    found = f"{report.finding} At {still.users} users it deadlocks: no request gets a response any more."
    change = f"Requests wait for each other: each holds a resource that others need.{likely}"
    remedy = "Let a request hold only one of them at a time, or provide as many of one as of the other."
    return report.model_copy(update={"finding": found, "change": f"{change} {remedy}", "gain": ""})


def _report(
    verdict: Verdict, setting: Setting, found: tuple[Level, ...], service: Interval | None, evidence: Evidence | None
) -> Diagnosis:
    on_threads = evidence is not None and _wait_on_threads(evidence, verdict)
    seats = evidence and (_slots(evidence) if verdict.regime == "pool" else evidence.fit.seats)
    bare = Diagnosis(
        setting=setting,
        regime=verdict.regime,
        service_s=service,
        seats_per_worker=seats if verdict.regime != "event loop" else None,
        seats=verdict.seats,
        most_at_once=evidence.most_at_once if evidence else None,
        on_threads=on_threads,
        cpu_per_request_s=evidence.cpu_s if evidence else None,
        generator_cpu_s=generator_cpu_s(found),
        finding=f"How it is served could not be determined: {verdict.reason}.",
        evidence="",
        change=verdict.remedy,
        gain="",
        levels=found,
    )
    return bare if verdict.regime is None else bare.model_copy(update=advice(bare, evidence.full if evidence else ()))
