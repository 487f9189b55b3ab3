"""What the load generator itself does to the numbers: rules of `findings`, with Little's law as an alarm."""

from benchmark.formatting import count, figure, ms, percent
from benchmark.judge.model_fit import (
    GENERATOR_CPU_PERCENT,
    GENERATOR_LAG_MS,
    Seen,
    allowed_in_round_ms,
    held_up,
    is_late,
    late_ratio,
    lost_in_round,
)
from benchmark.plan import Endpoint, Plan
from benchmark.record import Round

KEPT_RATIO = 0.99  # a rate of which less was sent was not offered


def little(measured: Round, _endpoint: Endpoint, plan: Plan) -> Seen | None:
    if measured.users_waiting_ratio is None or not held_up(measured, plan.profile):
        return None
    most_ms = allowed_in_round_ms(measured, plan.profile)
    lost = lost_in_round(measured, plan.profile) or 0.0
    if measured.pause_ms is None or most_ms is None:
        seen = (
            f"Throughput x latency accounts for only {percent(100 * (1 - lost))} of the users' time (Little's law). "
            "The rest"
        )
    else:
        seen = (
            f"Users paused for {ms(measured.pause_ms)} ms between a response and the next request (Little's law); "
            f"sending explains {ms(most_ms)} ms of it. The rest, {percent(100 * lost)} of their time,"
        )
    return (
        "error",
        f"{seen} was lost inside the load generator, so real latencies are longer than shown.",
        _relieve(plan),
    )


def _relieve(plan: Plan) -> str:
    """What helps an overloaded load generator, but what is so already."""
    ways = ["fewer users"] if plan.profile.users > 1 else []
    ways += ['client = "fast"'] if plan.profile.client != "fast" else []
    ways += ["more cores for the load generator (processes)"]
    return f"Use {' or '.join([', '.join(ways[:-1]), ways[-1]] if len(ways) > 1 else ways)}."


def late(measured: Round, _endpoint: Endpoint, plan: Plan) -> Seen | None:
    if not is_late(measured):
        return None
    return (
        "error",
        (
            f"The load generator was {ms(measured.resources.generator_lag_mean_ms)} ms late on average: "
            f"{percent(100 * late_ratio(measured))} of the mean latency is its own."
        ),
        _relieve(plan),
    )


def generator_cpu(measured: Round, _endpoint: Endpoint, _plan: Plan) -> Seen | None:
    used = measured.resources.generator_cpu_p90_percent
    if used is None or used <= GENERATOR_CPU_PERCENT:
        return None
    return (
        "warning",
        f"The load generator used {percent(used)} of a core or more in one second out of ten.",
        "Latencies include its own delays. Use fewer users, or a machine with more cores.",
    )


def generator_lag(measured: Round, _endpoint: Endpoint, _plan: Plan) -> Seen | None:
    lag_ms = measured.resources.generator_lag_p99_ms
    if lag_ms is None or lag_ms <= GENERATOR_LAG_MS:
        return None
    return (
        "warning",
        f"The load generator's event loop was {ms(lag_ms)} ms late or more in 1% of the samples.",
        "Latencies include that delay. Leave the machine to the benchmark, or use fewer users.",
    )


def generator_collects(measured: Round, _endpoint: Endpoint, _plan: Plan) -> Seen | None:
    if not measured.resources.generator_collects_garbage:
        return None
    return (
        "warning",
        "The load generator grew so large that its garbage collection was switched on again.",
        "Latencies include its pauses. Use a shorter duration, or fewer users.",
    )


def silences(measured: Round, _endpoint: Endpoint, _plan: Plan) -> Seen | None:
    if not measured.silences:
        return None
    named = ", ".join(f"{name} ({silent_s:g} s)" for name, silent_s in measured.silences.items())
    return (
        "warning",
        f"No sign of a load worker for a while, though it came back: {named}.",
        "Check the network between the machines, then run again.",
    )


def rate_not_kept(measured: Round, _endpoint: Endpoint, plan: Plan) -> Seen | None:
    found = measured.open_load
    if found is None or found.sent >= KEPT_RATIO * found.due:
        return None
    busy_percent = measured.resources.generator_cpu_p90_percent or 0.0
    if busy_percent > GENERATOR_CPU_PERCENT:
        why = "the load generator had no CPU left"
        remedy = "Use more load processes (--processes auto), or more machines: docs/scaling.md."
    else:
        why = f"all {count(plan.profile.users)} users were waiting for responses"
        remedy = "The app is too slow for this rate, or more users have to be allowed in progress (--users)."
    shares = f"Of {figure(found.offered_rps)} requests per second that were due, only {figure(found.achieved_rps)}"
    return "error", f"{shares} were sent: {why}.", remedy


def rate_late(measured: Round, _endpoint: Endpoint, _plan: Plan) -> Seen | None:
    found = measured.open_load
    if found is None or (found.late_p99_ms or 0) <= GENERATOR_LAG_MS or found.sent < KEPT_RATIO * found.due:
        return None
    return (
        "warning",
        f"1% of the requests were sent {ms(found.late_p99_ms)} ms or more after they were due.",
        "Latencies include that delay. Allow more users in progress (--users), or give the load generator a core.",
    )
