"""What the load generator itself does to the numbers of a round: the part of warnings.py that is about it."""

from collections.abc import Callable

from benchmark.judge.disagreement import GENERATOR_LAG_MS
from benchmark.judge.pause import (
    GENERATOR_CPU_PERCENT,
    allowed_in_round_ms,
    held_up,
    is_late,
    late_ratio,
    lost_in_round,
)
from benchmark.plan import Endpoint, Plan
from benchmark.record import HIDDEN_BY_CLIENT, RATE_NOT_KEPT, Finding, Round

OFTEN_RECONNECTED = 0.01
UVICORN_KEEPS_S = 5
"""An idle connection, unless --timeout-keep-alive says otherwise."""

KEPT_RATIO = 0.99
"""A rate of which less was sent was not offered."""

Rule = Callable[[Round, Endpoint, Plan], Finding | None]


def _little(measured: Round, _endpoint: Endpoint, plan: Plan) -> Finding | None:
    if measured.users_waiting_ratio is None or not held_up(measured, plan.profile):
        return None
    most_ms = allowed_in_round_ms(measured, plan.profile)
    lost = lost_in_round(measured, plan.profile) or 0.0
    if measured.pause_ms is None or most_ms is None:
        seen = f"Throughput x latency accounts for {1 - lost:.1%} of the {plan.profile.users} users (Little's law)"
    else:
        seen = (
            f"Between a response and the next request users paused for {measured.pause_ms:.3g} ms (Little's law), "
            f"of which sending explains {most_ms:.3g} ms"
        )
    fewer = "fewer users, " if plan.profile.users > 1 else ""
    return Finding(
        kind="littles-law",
        severity="error",
        message=f"{seen}. The rest, {lost:.1%} of their time, was spent inside the load generator, so real latencies "
        "are longer than shown.",
        remedy=f'Take {fewer}client = "fast", or more cores for the generator.',
    )


def _late(measured: Round, _endpoint: Endpoint, _plan: Plan) -> Finding | None:
    if not is_late(measured):
        return None
    return Finding(
        kind="generator-late",
        severity="error",
        message=f"The load generator was {measured.resources.generator_lag_mean_ms:.0f} ms late on average: "
        f"{late_ratio(measured):.0%} of the mean latency is its own.",
        remedy='Take fewer users, client = "fast", or more cores for the generator (processes).',
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


def _hidden(measured: Round, _endpoint: Endpoint, _plan: Plan) -> Finding | None:
    repeated, cut_off = measured.repeated or 0, measured.cut_off or 0
    seen = [f"sent {repeated} requests again by itself"] if repeated else []
    seen += [f"counted {cut_off} broken-off responses as right"] if cut_off else []
    if not seen:
        return None
    return Finding(
        kind=HIDDEN_BY_CLIENT,
        severity="error",
        message=f"Locust's client {' and '.join(seen)}.",
        remedy='Take client = "fast"; what a locustfile of your own can do: docs/method.md.',
    )


def _reconnected(measured: Round, _endpoint: Endpoint, plan: Plan) -> Finding | None:
    if measured.reconnected is None or measured.reconnected <= OFTEN_RECONNECTED * measured.requests:
        return None
    wait_s = plan.profile.wait_s
    kept = f"; uvicorn keeps them for {UVICORN_KEEPS_S} s" if wait_s >= UVICORN_KEEPS_S else ""
    slower = f" sooner than users think ({wait_s:g} s{kept})" if wait_s else ""
    return Finding(
        kind="reconnected",
        severity="note",
        message=f"{measured.reconnected} requests went over a new connection: the server closes idle connections"
        f"{slower}.",
        remedy="Latencies hold the connecting. Where your server keeps them for longer (--timeout-keep-alive), measure "
        "it by its url, or take a shorter wait."
        if wait_s
        else "Latencies hold the connecting. Let it keep them for longer, if real users come back.",
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
    _late,
    _generator_cpu,
    _generator_lag,
    _generator_collects,
    _silences,
    _hidden,
    _reconnected,
    _rate_not_kept,
    _rate_late,
)
