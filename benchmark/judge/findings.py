"""What limits how far one round can be believed. Each rule looks at one kind of evidence and says what to do.

Among them is what the load generator itself does to the numbers, with Little's law as an alarm.
"""

from collections.abc import Callable

from benchmark.judge.model_fit import (
    GENERATOR_LAG_MS,
    MACHINE_CPU_PERCENT,
    SERVER_CPU_PERCENT,
    STEAL_PERCENT,
    busy_with_others,
    disagreement_finding,
)
from benchmark.judge.pause import (
    GENERATOR_CPU_PERCENT,
    allowed_in_round_ms,
    held_up,
    is_late,
    late_ratio,
    lost_in_round,
)
from benchmark.plan import Endpoint, Plan
from benchmark.record import HIDDEN_BY_CLIENT, LARGEST_LOG_BYTES, LONGEST_LINE_BYTES, RATE_NOT_KEPT, Finding, Round

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


FEWEST_REQUESTS = 100
MOST_UNEVEN = 1.2
"""Connections of the busiest worker over a fair share; 1.2 is 60 % with two workers."""
MOST_LOST = 0.10
MUCH_CUT_BYTES = 2**20
OFTEN_CLOSED = 0.01
LIMITED = "limit_concurrency"
"""What failures say that uvicorn itself refused (load/clients.py)."""


def warnings(measured: Round, endpoint: Endpoint, plan: Plan) -> tuple[Finding, ...]:
    """All findings about a round, the gravest first."""
    found = [finding for rule in RULES if (finding := rule(measured, endpoint, plan)) is not None]
    order = {"error": 0, "warning": 1, "note": 2}
    return tuple(sorted(found, key=lambda finding: order[finding.severity]))


def _nothing_answered(measured: Round, _endpoint: Endpoint, _plan: Plan) -> Finding | None:
    if measured.requests > measured.failures:
        return None
    return Finding(
        kind="no-right-answer",
        severity="error",
        message="No request was answered correctly.",
        remedy="Look at the failures below and at server.log; or lengthen the duration beyond one answer time.",
    )


def _failures(measured: Round, _endpoint: Endpoint, plan: Plan) -> Finding | None:
    if not measured.failures:
        return None
    percent = 100 * measured.failures / measured.requests
    why, remedy = _why_failed(measured, plan)
    return Finding(
        kind="failures",
        severity="error" if percent > 1 else "warning",
        message=f"{measured.failures} of {measured.requests} requests failed ({percent:.3g} %){why}. "
        "Latencies are of right responses; a row of its own says how long failed requests took.",
        remedy=remedy,
    )


def _why_failed(measured: Round, plan: Plan) -> tuple[str, str]:
    """The cause of failures, where they name one, and what to do."""
    limited = sum(kind.count for kind in measured.failures_by_kind if LIMITED in kind.message)
    if not limited:
        return "", "Fix what the failures say before comparing."
    why = f", {limited} of them as uvicorn allows no more connections at a time ({LIMITED})"
    return why, f"Raise --limit-concurrency of the server above {plan.profile.users}, or take fewer users."


def _not_kept(measured: Round, _endpoint: Endpoint, _plan: Plan) -> Finding | None:
    if not measured.closed or measured.closed <= OFTEN_CLOSED * measured.requests:
        return None
    return Finding(
        kind="connections-not-kept",
        severity="note",
        message=f"Connections are not kept: the server closed them after {min(measured.closed, measured.requests)} of "
        f"{measured.requests} "
        'responses ("connection: close", or HTTP/1.0), and the next request had to connect.',
        remedy="Latencies hold the connecting. Let the server keep connections, if it does so for its visitors.",
    )


def _withheld(measured: Round, _endpoint: Endpoint, plan: Plan) -> Finding | None:
    if not measured.withheld:
        return None
    return Finding(
        kind="secure-cookies",
        severity="warning" if measured.failures else "note",
        message=f"The server set {measured.withheld} cookies marked Secure, which do not go back over http: all "
        "requests came without them, as from visitors who are new.",
        remedy="Let the app set them without Secure for the test"
        + (", or measure it over https." if plan.target.url else "."),
    )


def _users_not_reached(measured: Round, _endpoint: Endpoint, plan: Plan) -> Finding | None:
    if measured.users_started < plan.profile.users:
        return Finding(
            kind="users-not-started",
            severity="error",
            message=f"Only {measured.users_started} of {plan.profile.users} users were started.",
            remedy="Raise the spawn rate, or lengthen the duration beyond users / spawn rate.",
        )
    if measured.users_answered is not None and measured.users_answered < measured.users_started:
        never = measured.users_started - measured.users_answered
        return Finding(
            kind="users-never-answered",
            severity="warning",
            message=f"{never} of {measured.users_started} users never got an answer, so the slowest are missing "
            "from the table and there is no steady part.",
            remedy="Lengthen the duration, or take fewer users.",
        )
    return None


def _no_steady_part(measured: Round, _endpoint: Endpoint, _plan: Plan) -> Finding | None:
    """Where users were never answered another finding says that there is no steady part."""
    if measured.steady is not None or measured.users_answered not in {None, measured.users_started}:
        return None
    return Finding(
        kind="no-steady-part",
        severity="note",
        message="There was no steady part to look at, so nothing says whether the load generator made users wait.",
        remedy="Lengthen the duration; with a locustfile of one's own it cannot be known.",
    )


def _server_cpu(measured: Round, _endpoint: Endpoint, plan: Plan) -> Finding | None:
    used = measured.resources
    worker = used.busiest_worker_p90_percent
    if worker is not None and worker > SERVER_CPU_PERCENT:
        message = f"The busiest worker used {worker:.0f} % of a core or more in one second out of ten."
    elif (used.machine_cpu_mean_percent or 0) > MACHINE_CPU_PERCENT and not busy_with_others(used):
        message = f"The machine's processors were {used.machine_cpu_mean_percent:.0f} % busy on average."
    else:
        return None
    return Finding(
        kind="server-cpu",
        severity="warning",
        message=f"{message} The figures are those of a saturated machine.",
        remedy=f"Fine if its limit is what you look for; else take fewer than {plan.profile.users} users.",
    )


def _other_programs(measured: Round, _endpoint: Endpoint, _plan: Plan) -> Finding | None:
    used = measured.resources
    if not busy_with_others(used):
        return None
    return Finding(
        kind="other-programs",
        severity="warning",
        message=f"The machine's processors were {used.machine_cpu_mean_percent:.0f} % busy, and mostly not with this: "
        f"other programs used {(used.others_cpu_mean_percent or 0) / 100:.1f} of them.",
        remedy="Latencies hold the delays. Run again with nothing else on the machine; a database belongs on another.",
    )


def _few_requests(measured: Round, _endpoint: Endpoint, _plan: Plan) -> Finding | None:
    if measured.requests >= FEWEST_REQUESTS:
        return None
    return Finding(
        kind="few-requests",
        severity="warning",
        message=f"Only {measured.requests} requests: a p99 of fewer than {FEWEST_REQUESTS} is just the slowest one.",
        remedy="Lengthen the duration, or take more users.",
    )


def _uneven_workers(measured: Round, endpoint: Endpoint, plan: Plan) -> Finding | None:
    dealt = measured.connections_per_worker
    if dealt is None or len(dealt) < 2 or not sum(dealt):  # noqa: PLR2004 - one worker cannot be uneven
        return None
    share = max(dealt) / sum(dealt)
    if share * len(dealt) <= MOST_UNEVEN:
        return None
    queued, meaning = _what_the_split_means(max(dealt), endpoint, plan)
    return Finding(
        kind="uneven-workers",
        severity="warning" if queued else "note",
        message=f"The busiest worker held {share:.0%} of the connections ({' / '.join(map(str, dealt))}). {meaning}",
        remedy="The kernel deals connections anew in each round: take more rounds"
        + (
            ', or give each worker a socket of its own ([app] sockets = "per-worker").'
            if plan.target.sockets == "shared"
            else "."
        ),
    )


def _what_the_split_means(most: int, endpoint: Endpoint, plan: Plan) -> tuple[bool, str]:
    """Whether users of the worker with the most connections queued, as far as that is known, and what follows."""
    if endpoint.served is None:
        return (
            False,
            "Whether its users queued, so that the figures follow this split, is not known: nothing is declared.",
        )
    seats = endpoint.seats_per_worker(plan.target.threads)
    if seats is not None and most > seats:
        return True, "Its users queued longer than the others: median and maximum follow this split."
    return False, "None of its users had to queue, so the figures hardly depend on it."


def _in_flight(measured: Round, _endpoint: Endpoint, plan: Plan) -> Finding | None:
    if not measured.in_flight:
        return None
    total = measured.in_flight + measured.requests
    lost_ratio = measured.in_flight / total
    return Finding(
        kind="in-flight",
        severity="warning" if lost_ratio > MOST_LOST else "note",
        message=f"{measured.in_flight} requests were still waiting when the load stopped and are in no figure: "
        f"{lost_ratio:.1%} of all that were sent.",
        remedy=f"Lengthen the {plan.profile.duration_s:g} s, so that they weigh less.",
    )


def _steal(measured: Round, _endpoint: Endpoint, _plan: Plan) -> Finding | None:
    percent = measured.resources.steal_percent
    if percent is None or percent <= STEAL_PERCENT:
        return None
    return Finding(
        kind="steal",
        severity="warning",
        message=f"The host gave {percent:.1f} % of this machine's processor time to others.",
        remedy="Latencies hold the pauses. Run again, and compare rounds.",
    )


def _printed_too_much(measured: Round, _endpoint: Endpoint, _plan: Plan) -> Finding | None:
    cut = measured.cut_bytes or 0
    if not cut:
        return None
    amount = f"{cut / 1024:.0f} KiB" if cut < MUCH_CUT_BYTES else f"{cut / 2**20:.0f} MiB"
    kept = f"a line up to {LONGEST_LINE_BYTES // 1024} KiB, a log up to {LARGEST_LOG_BYTES // 2**20} MiB"
    return Finding(
        kind="output-cut",
        severity="note" if cut < MUCH_CUT_BYTES else "warning",
        message=f"The app or the load generator printed {amount} more than their logs keep ({kept}). "
        "Printing takes time, which latencies hold.",
        remedy="Print less: lower the log level of the app.",
    )


def _slow_loop(_measured: Round, _endpoint: Endpoint, plan: Plan) -> Finding | None:
    target = plan.target
    uneventful = target.loop == "uvloop" or target.workers == 1 or target.sockets == "per-worker"
    if target.import_path is None or uneventful:
        return None
    return Finding(
        kind="asyncio-loop",
        severity="warning",
        message=f"{target.workers} workers without uvloop answer each request about 45 ms late.",
        remedy='pip install "uvicorn[standard]" and take loop = "uvloop", or sockets = "per-worker".',
    )


RULES: tuple[Rule, ...] = (
    _nothing_answered,
    _failures,
    _users_not_reached,
    _no_steady_part,
    *ABOUT_THE_GENERATOR,
    _server_cpu,
    _other_programs,
    _few_requests,
    _uneven_workers,
    _in_flight,
    _not_kept,
    _withheld,
    _steal,
    _slow_loop,
    _printed_too_much,
    disagreement_finding,
)
