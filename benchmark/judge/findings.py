"""What limits how far one round can be believed. Each rule looks at one kind of evidence and says what to do.

Among them is what the load generator itself does to the numbers, with Little's law as an alarm.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from benchmark.judge.model_fit import (
    GENERATOR_CPU_PERCENT,
    GENERATOR_LAG_MS,
    MACHINE_CPU_PERCENT,
    SERVER_CPU_PERCENT,
    STEAL_PERCENT,
    Seen,
    allowed_in_round_ms,
    busy_with_others,
    disagreement,
    held_up,
    is_late,
    late_ratio,
    lost_in_round,
)
from benchmark.plan import Endpoint, Plan
from benchmark.record import HIDDEN_BY_CLIENT, LARGEST_LOG_BYTES, LONGEST_LINE_BYTES, RATE_NOT_KEPT, Finding, Round

OFTEN_RECONNECTED = 0.01
UVICORN_KEEPS_S = 5  # an idle connection, unless --timeout-keep-alive says otherwise
KEPT_RATIO = 0.99  # a rate of which less was sent was not offered
FEWEST_REQUESTS = 100
MOST_UNEVEN = 1.2  # connections of the busiest worker over a fair share: 60 % with two workers
MOST_LOST = 0.10
MUCH_CUT_BYTES = 2**20
OFTEN_CLOSED = 0.01
LIMITED = "limit_concurrency"  # what failures say that uvicorn itself refused (load/clients.py)
GRAVITY = {"error": 0, "warning": 1, "note": 2}


@dataclass(frozen=True, slots=True)
class Rule:
    """Looks at one kind of evidence about a round, and says what it saw, if anything.

    `effect` on how far the run can be believed (validity.py): invalid once the finding is an error, or noisy.
    `about_generator`: the load generator made users wait. `about_failures`: failures are the number that it is about.
    """

    kind: str
    look: Callable[[Round, Endpoint, Plan], Seen | None]
    effect: Literal["invalidates", "disturbs", "none"] = "none"
    about_generator: bool = False
    about_failures: bool = False


def warnings(measured: Round, endpoint: Endpoint, plan: Plan) -> tuple[Finding, ...]:
    """All findings about a round, the gravest first."""
    found = []
    for rule in RULES:
        if (seen := rule.look(measured, endpoint, plan)) is not None:
            severity, message, remedy = seen
            found.append(Finding(kind=rule.kind, severity=severity, message=message, remedy=remedy))
    return tuple(sorted(found, key=lambda finding: GRAVITY[finding.severity]))


def _little(measured: Round, _endpoint: Endpoint, plan: Plan) -> Seen | None:
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
    return (
        "error",
        (
            f"{seen}. The rest, {lost:.1%} of their time, was spent inside the load generator, so real latencies "
            "are longer than shown."
        ),
        f'Take {fewer}client = "fast", or more cores for the generator.',
    )


def _late(measured: Round, _endpoint: Endpoint, _plan: Plan) -> Seen | None:
    if not is_late(measured):
        return None
    return (
        "error",
        (
            f"The load generator was {measured.resources.generator_lag_mean_ms:.0f} ms late on average: "
            f"{late_ratio(measured):.0%} of the mean latency is its own."
        ),
        'Take fewer users, client = "fast", or more cores for the generator (processes).',
    )


def _generator_cpu(measured: Round, _endpoint: Endpoint, _plan: Plan) -> Seen | None:
    percent = measured.resources.generator_cpu_p90_percent
    if percent is None or percent <= GENERATOR_CPU_PERCENT:
        return None
    return (
        "warning",
        f"The load generator used {percent:.0f} % of a core or more in one second out of ten.",
        "Its own delays are in the latencies. Take fewer users or a machine with more cores.",
    )


def _generator_lag(measured: Round, _endpoint: Endpoint, _plan: Plan) -> Seen | None:
    lag_ms = measured.resources.generator_lag_p99_ms
    if lag_ms is None or lag_ms <= GENERATOR_LAG_MS:
        return None
    return (
        "warning",
        f"The load generator's own event loop was up to {lag_ms:.0f} ms late.",
        "Latencies hold that delay. Leave the machine to the benchmark, or take fewer users.",
    )


def _generator_collects(measured: Round, _endpoint: Endpoint, _plan: Plan) -> Seen | None:
    if not measured.resources.generator_collects_garbage:
        return None
    return (
        "warning",
        "The load generator grew so large that its garbage collection was switched on again.",
        "Latencies hold its pauses. Shorten the duration, or take fewer users.",
    )


def _silences(measured: Round, _endpoint: Endpoint, _plan: Plan) -> Seen | None:
    if not measured.silences:
        return None
    named = ", ".join(f"{name} ({silent_s:g} s)" for name, silent_s in measured.silences.items())
    return (
        "warning",
        f"Not heard under load for a while, though it came back: {named}.",
        "See to the network between the machines, and run again.",
    )


def _hidden(measured: Round, _endpoint: Endpoint, _plan: Plan) -> Seen | None:
    repeated, cut_off = measured.repeated or 0, measured.cut_off or 0
    seen = [f"sent {repeated} requests again by itself"] if repeated else []
    seen += [f"counted {cut_off} broken-off responses as right"] if cut_off else []
    if not seen:
        return None
    return (
        "error",
        f"Locust's client {' and '.join(seen)}.",
        'Take client = "fast"; what a locustfile of your own can do: docs/method.md.',
    )


def _reconnected(measured: Round, _endpoint: Endpoint, plan: Plan) -> Seen | None:
    if measured.reconnected is None or measured.reconnected <= OFTEN_RECONNECTED * measured.requests:
        return None
    wait_s = plan.profile.wait_s
    kept = f"; uvicorn keeps them for {UVICORN_KEEPS_S} s" if wait_s >= UVICORN_KEEPS_S else ""
    slower = f" sooner than users think ({wait_s:g} s{kept})" if wait_s else ""
    return (
        "note",
        f"{measured.reconnected} requests went over a new connection: the server closes idle connections{slower}.",
        "Latencies hold the connecting. Where your server keeps them for longer (--timeout-keep-alive), measure "
        "it by its url, or take a shorter wait."
        if wait_s
        else "Latencies hold the connecting. Let it keep them for longer, if real users come back.",
    )


def _rate_not_kept(measured: Round, _endpoint: Endpoint, plan: Plan) -> Seen | None:
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
    return "error", f"{shares}: {why}.", remedy


def _rate_late(measured: Round, _endpoint: Endpoint, _plan: Plan) -> Seen | None:
    found = measured.open_load
    if found is None or (found.late_p99_ms or 0) <= GENERATOR_LAG_MS or found.sent < KEPT_RATIO * found.due:
        return None
    return (
        "warning",
        f"One request in a hundred was sent {found.late_p99_ms:.0f} ms or more after it was due.",
        "It is part of the latencies. Allow more users under way (--users), or give the generator a core.",
    )


def _nothing_answered(measured: Round, _endpoint: Endpoint, _plan: Plan) -> Seen | None:
    if measured.requests > measured.failures:
        return None
    return (
        "error",
        "No request was answered correctly.",
        "Look at the failures below and at server.log; or lengthen the duration beyond one answer time.",
    )


def _failures(measured: Round, _endpoint: Endpoint, plan: Plan) -> Seen | None:
    if not measured.failures:
        return None
    percent = 100 * measured.failures / measured.requests
    why, remedy = _why_failed(measured, plan)
    return (
        "error" if percent > 1 else "warning",
        (
            f"{measured.failures} of {measured.requests} requests failed ({percent:.3g} %){why}. "
            "Latencies are of right responses; a row of its own says how long failed requests took."
        ),
        remedy,
    )


def _why_failed(measured: Round, plan: Plan) -> tuple[str, str]:
    limited = sum(kind.count for kind in measured.failures_by_kind if LIMITED in kind.message)
    if not limited:
        return "", "Fix what the failures say before comparing."
    why = f", {limited} of them as uvicorn allows no more connections at a time ({LIMITED})"
    return why, f"Raise --limit-concurrency of the server above {plan.profile.users}, or take fewer users."


def _not_kept(measured: Round, _endpoint: Endpoint, _plan: Plan) -> Seen | None:
    if not measured.closed or measured.closed <= OFTEN_CLOSED * measured.requests:
        return None
    return (
        "note",
        (
            f"Connections are not kept: the server closed them after {min(measured.closed, measured.requests)} of "
            f"{measured.requests} "
            'responses ("connection: close", or HTTP/1.0), and the next request had to connect.'
        ),
        "Latencies hold the connecting. Let the server keep connections, if it does so for its visitors.",
    )


def _withheld(measured: Round, _endpoint: Endpoint, plan: Plan) -> Seen | None:
    if not measured.withheld:
        return None
    return (
        "warning" if measured.failures else "note",
        (
            f"The server set {measured.withheld} cookies marked Secure, which do not go back over http: all "
            "requests came without them, as from visitors who are new."
        ),
        "Let the app set them without Secure for the test"
        + (", or measure it over https." if plan.target.url else "."),
    )


def _users_not_started(measured: Round, _endpoint: Endpoint, plan: Plan) -> Seen | None:
    if measured.users_started >= plan.profile.users:
        return None
    return (
        "error",
        f"Only {measured.users_started} of {plan.profile.users} users were started.",
        "Raise the spawn rate, or lengthen the duration beyond users / spawn rate.",
    )


def _users_never_answered(measured: Round, _endpoint: Endpoint, plan: Plan) -> Seen | None:
    started, answered = measured.users_started, measured.users_answered
    if started < plan.profile.users or answered is None or answered >= started:
        return None
    return (
        "warning",
        (
            f"{started - answered} of {started} users never got an answer, so the slowest are missing "
            "from the table and there is no steady part."
        ),
        "Lengthen the duration, or take fewer users.",
    )


def _no_steady_part(measured: Round, _endpoint: Endpoint, _plan: Plan) -> Seen | None:
    """Where users were never answered another finding says that there is no steady part."""
    if measured.steady is not None or measured.users_answered not in {None, measured.users_started}:
        return None
    return (
        "note",
        "There was no steady part to look at, so nothing says whether the load generator made users wait.",
        "Lengthen the duration; with a locustfile of one's own it cannot be known.",
    )


def _server_cpu(measured: Round, _endpoint: Endpoint, plan: Plan) -> Seen | None:
    used = measured.resources
    worker = used.busiest_worker_p90_percent
    if worker is not None and worker > SERVER_CPU_PERCENT:
        message = f"The busiest worker used {worker:.0f} % of a core or more in one second out of ten."
    elif (used.machine_cpu_mean_percent or 0) > MACHINE_CPU_PERCENT and not busy_with_others(used):
        message = f"The machine's processors were {used.machine_cpu_mean_percent:.0f} % busy on average."
    else:
        return None
    return (
        "warning",
        f"{message} The figures are those of a saturated machine.",
        f"Fine if its limit is what you look for; else take fewer than {plan.profile.users} users.",
    )


def _other_programs(measured: Round, _endpoint: Endpoint, _plan: Plan) -> Seen | None:
    used = measured.resources
    if not busy_with_others(used):
        return None
    return (
        "warning",
        (
            f"The machine's processors were {used.machine_cpu_mean_percent:.0f} % busy, and mostly not with this: "
            f"other programs used {(used.others_cpu_mean_percent or 0) / 100:.1f} of them."
        ),
        "Latencies hold the delays. Run again with nothing else on the machine; a database belongs on another.",
    )


def _few_requests(measured: Round, _endpoint: Endpoint, _plan: Plan) -> Seen | None:
    if measured.requests >= FEWEST_REQUESTS:
        return None
    return (
        "warning",
        f"Only {measured.requests} requests: a p99 of fewer than {FEWEST_REQUESTS} is just the slowest one.",
        "Lengthen the duration, or take more users.",
    )


def _uneven_workers(measured: Round, endpoint: Endpoint, plan: Plan) -> Seen | None:
    dealt = measured.connections_per_worker
    if dealt is None or len(dealt) < 2 or not sum(dealt):  # noqa: PLR2004 - one worker cannot be uneven
        return None
    share = max(dealt) / sum(dealt)
    if share * len(dealt) <= MOST_UNEVEN:
        return None
    queued, meaning = _what_the_split_means(max(dealt), endpoint, plan)
    return (
        "warning" if queued else "note",
        f"The busiest worker held {share:.0%} of the connections ({' / '.join(map(str, dealt))}). {meaning}",
        "The kernel deals connections anew in each round: take more rounds"
        + (
            ', or give each worker a socket of its own ([app] sockets = "per-worker").'
            if plan.target.sockets == "shared"
            else "."
        ),
    )


def _what_the_split_means(most: int, endpoint: Endpoint, plan: Plan) -> tuple[bool, str]:
    if endpoint.served is None:
        return (
            False,
            "Whether its users queued, so that the figures follow this split, is not known: nothing is declared.",
        )
    seats = endpoint.seats_per_worker(plan.target.threads)
    if seats is not None and most > seats:
        return True, "Its users queued longer than the others: median and maximum follow this split."
    return False, "None of its users had to queue, so the figures hardly depend on it."


def _in_flight(measured: Round, _endpoint: Endpoint, plan: Plan) -> Seen | None:
    if not measured.in_flight:
        return None
    total = measured.in_flight + measured.requests
    lost_ratio = measured.in_flight / total
    return (
        "warning" if lost_ratio > MOST_LOST else "note",
        (
            f"{measured.in_flight} requests were still waiting when the load stopped and are in no figure: "
            f"{lost_ratio:.1%} of all that were sent."
        ),
        f"Lengthen the {plan.profile.duration_s:g} s, so that they weigh less.",
    )


def _steal(measured: Round, _endpoint: Endpoint, _plan: Plan) -> Seen | None:
    percent = measured.resources.steal_percent
    if percent is None or percent <= STEAL_PERCENT:
        return None
    return (
        "warning",
        f"The host gave {percent:.1f} % of this machine's processor time to others.",
        "Latencies hold the pauses. Run again, and compare rounds.",
    )


def _printed_too_much(measured: Round, _endpoint: Endpoint, _plan: Plan) -> Seen | None:
    cut = measured.cut_bytes or 0
    if not cut:
        return None
    amount = f"{cut / 1024:.0f} KiB" if cut < MUCH_CUT_BYTES else f"{cut / 2**20:.0f} MiB"
    kept = f"a line up to {LONGEST_LINE_BYTES // 1024} KiB, a log up to {LARGEST_LOG_BYTES // 2**20} MiB"
    return (
        "note" if cut < MUCH_CUT_BYTES else "warning",
        (
            f"The app or the load generator printed {amount} more than their logs keep ({kept}). "
            "Printing takes time, which latencies hold."
        ),
        "Print less: lower the log level of the app.",
    )


def _slow_loop(_measured: Round, _endpoint: Endpoint, plan: Plan) -> Seen | None:
    target = plan.target
    uneventful = target.loop == "uvloop" or target.workers == 1 or target.sockets == "per-worker"
    if target.import_path is None or uneventful:
        return None
    return (
        "warning",
        f"{target.workers} workers without uvloop answer each request about 45 ms late.",
        'pip install "uvicorn[standard]" and take loop = "uvloop", or sockets = "per-worker".',
    )


RULES = (
    Rule("no-right-answer", _nothing_answered, "invalidates", about_failures=True),
    Rule("failures", _failures, "invalidates", about_failures=True),
    Rule("users-not-started", _users_not_started, "invalidates"),
    Rule("users-never-answered", _users_never_answered),
    Rule("no-steady-part", _no_steady_part),
    Rule("littles-law", _little, "invalidates", about_generator=True),
    Rule("generator-late", _late, "invalidates", about_generator=True),
    Rule("generator-cpu", _generator_cpu, "disturbs", about_generator=True),
    Rule("generator-lag", _generator_lag, "disturbs", about_generator=True),
    Rule("generator-garbage-collection", _generator_collects, "disturbs"),
    Rule("load-worker-silent", _silences, "disturbs"),
    Rule(HIDDEN_BY_CLIENT, _hidden, "invalidates"),
    Rule("reconnected", _reconnected),
    Rule(RATE_NOT_KEPT, _rate_not_kept, "invalidates"),
    Rule("rate-late", _rate_late),
    Rule("server-cpu", _server_cpu),
    Rule("other-programs", _other_programs, "disturbs"),
    Rule("few-requests", _few_requests),
    Rule("uneven-workers", _uneven_workers),
    Rule("in-flight", _in_flight),
    Rule("connections-not-kept", _not_kept),
    Rule("secure-cookies", _withheld),
    Rule("steal", _steal, "disturbs"),
    Rule("asyncio-loop", _slow_loop),
    Rule("output-cut", _printed_too_much),
    Rule("theory", disagreement),
)
RULE_OF = {rule.kind: rule for rule in RULES}
ABOUT_GENERATOR = frozenset(rule.kind for rule in RULES if rule.about_generator)
ABOUT_FAILURES = frozenset(rule.kind for rule in RULES if rule.about_failures)
