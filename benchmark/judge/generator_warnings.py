"""What the load generator itself does to the numbers of a round: the part of warnings.py that is about it."""

from collections.abc import Callable

from benchmark.judge.disagreement import GENERATOR_CPU_PERCENT, GENERATOR_LAG_MS, LITTLE_RATIO
from benchmark.plan import Endpoint, Plan
from benchmark.record import RATE_NOT_KEPT, Finding, Round

KEPT_RATIO = 0.99
"""A rate of which less was sent was not offered."""

Rule = Callable[[Round, Endpoint, Plan], Finding | None]


def _little(measured: Round, _endpoint: Endpoint, plan: Plan) -> Finding | None:
    ratio = measured.users_waiting_ratio
    if ratio is None or ratio >= LITTLE_RATIO:
        return None
    return Finding(
        kind="littles-law",
        severity="error",
        message=f"Throughput x latency accounts for {ratio:.1%} of the {plan.profile.users} users (Little's law). "
        "The rest of their time was spent inside the load generator, so real latencies are longer than shown.",
        remedy='Take fewer users, client = "fast", or more cores for the generator.',
    )


def _generator_cpu(measured: Round, _endpoint: Endpoint, _plan: Plan) -> Finding | None:
    percent = measured.resources.generator_cpu_p90_percent
    if percent is None or percent <= GENERATOR_CPU_PERCENT:
        return None
    return Finding(
        kind="generator-cpu",
        severity="warning",
        message=f"The load generator used {percent:.0f} % of a core or more in one second out of ten.",
        remedy="Its own delays are in the latencies. Take fewer users or a machine with more cores.",
    )


def _generator_lag(measured: Round, _endpoint: Endpoint, _plan: Plan) -> Finding | None:
    lag_ms = measured.resources.generator_lag_p99_ms
    if lag_ms is None or lag_ms <= GENERATOR_LAG_MS:
        return None
    return Finding(
        kind="generator-lag",
        severity="warning",
        message=f"The load generator's own event loop was up to {lag_ms:.0f} ms late.",
        remedy="Latencies hold that delay. Leave the machine to the benchmark, or take fewer users.",
    )


def _generator_collects(measured: Round, _endpoint: Endpoint, _plan: Plan) -> Finding | None:
    if not measured.resources.generator_collects_garbage:
        return None
    return Finding(
        kind="generator-garbage-collection",
        severity="warning",
        message="The load generator grew so large that its garbage collection was switched on again.",
        remedy="Latencies hold its pauses. Shorten the duration, or take fewer users.",
    )


def _silences(measured: Round, _endpoint: Endpoint, _plan: Plan) -> Finding | None:
    if not measured.silences:
        return None
    named = ", ".join(f"{name} ({silent_s:g} s)" for name, silent_s in measured.silences.items())
    return Finding(
        kind="load-worker-silent",
        severity="warning",
        message=f"Not heard under load for a while, though it came back: {named}.",
        remedy="See to the network between the machines, and run again.",
    )


def _rate_not_kept(measured: Round, _endpoint: Endpoint, plan: Plan) -> Finding | None:
    found = measured.open_load
    if found is None or found.sent >= KEPT_RATIO * found.due:
        return None
    busy_percent = measured.resources.generator_cpu_p90_percent or 0.0
    if busy_percent > GENERATOR_CPU_PERCENT:
        why = "the load generator had no more time"
        remedy = "Let more processes send it (--processes auto), or other machines: docs/scaling.md."
    else:
        why = f"all {plan.profile.users} users waited for answers"
        remedy = "The app is too slow for this rate, or more users have to be allowed under way (--users)."
    shares = f"Of {found.offered_rps:.4g} requests per second that were due, {found.achieved_rps:.4g} could be sent"
    return Finding(kind=RATE_NOT_KEPT, severity="error", message=f"{shares}: {why}.", remedy=remedy)


def _rate_late(measured: Round, _endpoint: Endpoint, _plan: Plan) -> Finding | None:
    found = measured.open_load
    if found is None or (found.late_p99_ms or 0) <= GENERATOR_LAG_MS or found.sent < KEPT_RATIO * found.due:
        return None
    return Finding(
        kind="rate-late",
        severity="warning",
        message=f"One request in a hundred was sent {found.late_p99_ms:.0f} ms or more after it was due.",
        remedy="It is part of the latencies. Allow more users under way (--users), or give the generator a core.",
    )


ABOUT_THE_GENERATOR: tuple[Rule, ...] = (
    _little,
    _generator_cpu,
    _generator_lag,
    _generator_collects,
    _silences,
    _rate_not_kept,
    _rate_late,
)
