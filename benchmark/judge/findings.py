"""What limits how reliable one round is. Each rule looks at one kind of evidence and says what to do."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from benchmark.formatting import count, percent, seconds
from benchmark.judge import generator, streams
from benchmark.judge.model_fit import (
    MACHINE_CPU_PERCENT,
    SERVER_CPU_PERCENT,
    STEAL_PERCENT,
    Seen,
    busy_with_others,
    disagreement,
)
from benchmark.plan import Endpoint, Plan
from benchmark.record import (
    HIDDEN_BY_CLIENT,
    LARGEST_LOG_BYTES,
    LONGEST_LINE_BYTES,
    RATE_NOT_KEPT,
    EndpointResult,
    Finding,
    Record,
    Round,
)
from load.values import names_in

OFTEN_RECONNECTED = 0.01
UVICORN_KEEPS_S = 5  # an idle connection, unless --timeout-keep-alive says otherwise
FEWEST_REQUESTS = 100
MOST_UNEVEN = 1.2  # connections of the busiest worker over a fair share: 60% with two workers
MOST_LOST = 0.10
MUCH_CUT_BYTES = 2**20
OFTEN_CLOSED = 0.01
LIMITED = "limit_concurrency"  # what failures say that uvicorn itself refused (load/clients.py)
SMALLEST_SHOWN_PERCENT = 0.1
GRAVITY = {"error": 0, "warning": 1, "note": 2}


@dataclass(frozen=True, slots=True)
class Rule:
    """Looks at one kind of evidence about a round, and says what it saw, if anything.

    `title`: what it is about, in two or three words. `effect` on the validity of the run (validity.py): invalid once
    the finding is an error, or noisy. `about_generator`: the load generator made users wait. `about_failures`:
    failures are the number that it is about.
    """

    kind: str
    title: str
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


def _hidden(measured: Round, endpoint: Endpoint, _plan: Plan) -> Seen | None:
    repeated, cut_off = measured.repeated or 0, measured.cut_off or 0
    seen = [f"sent {count(repeated)} requests again on its own"] if repeated else []
    seen += [f"counted {count(cut_off)} broken-off responses as correct"] if cut_off else []
    if not seen:
        return None
    return (
        "error",
        f"Locust's client {' and '.join(seen)}.",
        "See docs/method.md for what your locustfile can do." if endpoint.locustfile else 'Use client = "fast".',
    )


def _reconnected(measured: Round, _endpoint: Endpoint, plan: Plan) -> Seen | None:
    if measured.reconnected is None or measured.reconnected <= OFTEN_RECONNECTED * measured.requests:
        return None
    wait_s = plan.profile.pacing_s or plan.profile.wait_s
    kept = f"; uvicorn keeps them for {UVICORN_KEEPS_S} s" if wait_s >= UVICORN_KEEPS_S else ""
    slower = f" sooner than users think ({seconds(wait_s)}{kept})" if wait_s else ""
    return (
        "note",
        f"{count(measured.reconnected)} requests needed a new connection: the server closes idle connections{slower}.",
        "Latencies include connecting. If your server keeps connections for longer (--timeout-keep-alive), measure it "
        "by its url, or use a shorter wait."
        if wait_s
        else "Latencies include connecting. Let the server keep connections for longer, if real users return.",
    )


def _nothing_answered(measured: Round, _endpoint: Endpoint, _plan: Plan) -> Seen | None:
    if measured.requests > measured.failures:
        return None
    return (
        "error",
        "No request got a correct response.",
        "Look at the failures and at server.log, or use a duration longer than one response.",
    )


def _failures(measured: Round, _endpoint: Endpoint, plan: Plan) -> Seen | None:
    if not measured.failures:
        return None
    failed_percent = 100 * measured.failures / max(1, measured.requests)
    share = percent(failed_percent) if failed_percent >= SMALLEST_SHOWN_PERCENT else "less than 0.1%"
    why, remedy = _why_failed(measured, plan)
    return (
        "error" if failed_percent > 1 else "warning",
        (
            f"{count(measured.failures)} of {count(measured.requests)} requests failed ({share}){why}. "
            "Latencies cover correct responses only; failed requests have a row of their own."
        ),
        remedy,
    )


def _why_failed(measured: Round, plan: Plan) -> tuple[str, str]:
    limited = sum(kind.count for kind in measured.failures_by_kind if LIMITED in kind.message)
    if not limited:
        return "", "Fix the failures before comparing latencies."
    why = f", {count(limited)} of them because uvicorn allows no more connections at a time ({LIMITED})"
    return why, f"Raise --limit-concurrency of the server above {plan.profile.users}, or use fewer users."


def _not_kept(measured: Round, _endpoint: Endpoint, _plan: Plan) -> Seen | None:
    if not measured.closed or measured.closed <= OFTEN_CLOSED * measured.requests:
        return None
    return (
        "note",
        (
            f"The server closed the connection after {count(min(measured.closed, measured.requests))} of "
            f'{count(measured.requests)} responses ("connection: close", or HTTP/1.0), so the next request had to '
            "connect again."
        ),
        "Latencies include connecting. Let the server keep connections, if it does in production.",
    )


def _withheld(measured: Round, _endpoint: Endpoint, plan: Plan) -> Seen | None:
    if not measured.withheld:
        return None
    return (
        "warning" if measured.failures else "note",
        (
            f"The server set {count(measured.withheld)} cookies marked Secure, which are not sent back over http: "
            "every request came without them, like that of a new visitor."
        ),
        "Set them without Secure for the test" + (", or measure over https." if plan.target.url else "."),
    )


def _from_cache(measured: Round, endpoint: Endpoint, plan: Plan) -> Seen | None:
    """Different users may ask for the same on purpose; who asks for one thing alone measures the cache."""
    alike = [one for one in endpoint.members if not (names_in(one.path) and (one.data or endpoint.is_flow))]
    found = {one.name: measured.from_cache[one.name] for one in alike if one.name in measured.from_cache}
    if not found:
        return None
    of, each = (f" of {', '.join(found)}", " of each") if endpoint.mix is not None else ("", "")
    behind = "measure the app behind the cache by its own url" if plan.target.url else "switch the cache off"
    return (
        "warning",
        (
            f"Responses{of} came from a cache ({next(iter(found.values()))}). All requests{each} asked for one URL, so "
            "these are the latencies of the cache."
        ),
        (
            'Let users ask for different URLs (path = "/orders/{order}", data = "orders.csv"), '
            f"or {behind}. Leave it if the cache is what you measure."
        ),
    )


def _users_not_started(measured: Round, _endpoint: Endpoint, plan: Plan) -> Seen | None:
    if measured.users_started >= plan.profile.users:
        return None
    return (
        "error",
        f"Only {count(measured.users_started)} of {count(plan.profile.users)} users were started.",
        "Raise the spawn rate, or use a duration longer than users / spawn rate.",
    )


def _users_never_answered(measured: Round, _endpoint: Endpoint, plan: Plan) -> Seen | None:
    started, answered = measured.users_started, measured.users_answered
    if started < plan.profile.users or answered is None or answered >= started:
        return None
    return (
        "warning",
        (
            f"{count(started - answered)} of {count(started)} users never got a response, so the slowest responses "
            "are missing and there is no steady part."
        ),
        "Use a longer duration, or fewer users.",
    )


def _no_steady_part(measured: Round, endpoint: Endpoint, plan: Plan) -> Seen | None:
    """Where users never got a response another finding says that there is no steady part; stages have none."""
    if (
        plan.profile.stages
        or measured.steady is not None
        or measured.users_answered not in {None, measured.users_started}
    ):
        return None
    return (
        "note",
        "There was no steady part, so it is unknown whether the load generator made users wait.",
        "With your own locustfile it cannot be known." if endpoint.locustfile else "Use a longer duration.",
    )


def _server_cpu(measured: Round, _endpoint: Endpoint, plan: Plan) -> Seen | None:
    used = measured.resources
    worker = used.busiest_worker_p90_percent
    if worker is not None and worker > SERVER_CPU_PERCENT:
        message = f"The busiest worker used {percent(worker)} of a core or more in one second out of ten."
    elif (used.machine_cpu_mean_percent or 0) > MACHINE_CPU_PERCENT and not busy_with_others(used):
        message = f"CPU was {percent(used.machine_cpu_mean_percent)} busy on average."
    else:
        return None
    return (
        "warning",
        f"{message} These are the numbers of a saturated machine.",
        f"Fine if you are looking for its limit; otherwise use {_less_load(plan)}.",
    )


def _less_load(plan: Plan) -> str:
    if plan.profile.rate_per_s is not None:
        return f"a rate below {plan.profile.rate_per_s:g}/s"
    return f"fewer than {count(plan.profile.users)} users" if plan.profile.users > 1 else "a faster machine"


def _other_programs(measured: Round, _endpoint: Endpoint, _plan: Plan) -> Seen | None:
    used = measured.resources
    if not busy_with_others(used):
        return None
    return (
        "warning",
        (
            f"CPU was {percent(used.machine_cpu_mean_percent)} busy, mostly with other programs "
            f"({(used.others_cpu_mean_percent or 0) / 100:.1f} cores). Latencies include that delay."
        ),
        "Run again on an idle machine; host databases elsewhere.",
    )


def _few_requests(measured: Round, _endpoint: Endpoint, _plan: Plan) -> Seen | None:
    if measured.requests >= FEWEST_REQUESTS:
        return None
    return (
        "warning",
        f"Only {measured.requests} requests: with fewer than {FEWEST_REQUESTS}, p99 is just the slowest one.",
        "Use a longer duration, or more users.",
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
        (
            f"The busiest worker held {percent(100 * share)} of the connections "
            f"({count(max(dealt))} of {count(sum(dealt))}). {meaning}"
        ),
        "The kernel distributes connections differently in each round: use more rounds"
        + (', or a socket for each worker ([app] sockets = "per-worker").' if plan.target.sockets == "shared" else "."),
    )


def _what_the_split_means(most: int, endpoint: Endpoint, plan: Plan) -> tuple[bool, str]:
    if endpoint.served is None:
        return (
            False,
            "Whether its users had to queue is unknown: `served` is not declared.",
        )
    seats = endpoint.seats_per_worker(plan.target.threads)
    if seats is not None and most > seats:
        return True, "Its users waited longer, so p50 and max depend on this split."
    return False, "No user had to queue, so this hardly matters."


def _in_flight(measured: Round, _endpoint: Endpoint, _plan: Plan) -> Seen | None:
    if not measured.in_flight:
        return None
    total = measured.in_flight + measured.requests
    lost_ratio = measured.in_flight / total
    return (
        "warning" if lost_ratio > MOST_LOST else "note",
        (
            f"{count(measured.in_flight)} requests ({percent(100 * lost_ratio)}) were unfinished when the load stopped "
            "and are not counted."
        ),
        "Use a longer duration to reduce this share.",
    )


def _steal(measured: Round, _endpoint: Endpoint, _plan: Plan) -> Seen | None:
    steal_percent = measured.resources.steal_percent
    if steal_percent is None or steal_percent <= STEAL_PERCENT:
        return None
    return (
        "warning",
        f"The host gave {percent(steal_percent)} of this machine's CPU time to others (steal).",
        "Latencies include the pauses. Run again and compare.",
    )


def _printed_too_much(measured: Round, _endpoint: Endpoint, _plan: Plan) -> Seen | None:
    cut = measured.cut_bytes or 0
    if not cut:
        return None
    amount = f"{cut / 1024:.0f} KiB" if cut < MUCH_CUT_BYTES else f"{cut / 2**20:.0f} MiB"
    kept = f"lines up to {LONGEST_LINE_BYTES // 1024} KiB, logs up to {LARGEST_LOG_BYTES // 2**20} MiB"
    return (
        "note" if cut < MUCH_CUT_BYTES else "warning",
        (
            f"The app or the load generator printed {amount} more than their logs keep ({kept}). "
            "Printing takes time, which latencies include."
        ),
        "Print less: lower the log level of the app.",
    )


def _replaced(measured: Round, _endpoint: Endpoint, _plan: Plan) -> Seen | None:
    replaced = measured.workers_replaced
    seen = f"Workers that the server replaced under load, as it is configured to do: {count(replaced)}."
    return ("note", seen, "Requests in progress at that moment may fail.") if replaced else None


def _slow_loop(_measured: Round, _endpoint: Endpoint, plan: Plan) -> Seen | None:
    target = plan.target
    uneventful = target.loop == "uvloop" or target.workers == 1 or target.sockets == "per-worker"
    if target.import_path is None or target.server != "uvicorn" or uneventful:
        return None
    return (
        "warning",
        f"{target.workers} workers without uvloop respond to each request about 45 ms late.",
        'Install "uvicorn[standard]" and use loop = "uvloop", or set sockets = "per-worker".',
    )


RULES = (
    Rule("no-right-answer", "no correct response", _nothing_answered, "invalidates", about_failures=True),
    Rule("failures", "failed requests", _failures, "invalidates", about_failures=True),
    Rule("users-not-started", "users not started", _users_not_started, "invalidates"),
    Rule("users-never-answered", "users without a response", _users_never_answered),
    Rule("no-steady-part", "no steady part", _no_steady_part),
    Rule("littles-law", "slow load generator", generator.little, "invalidates", about_generator=True),
    Rule("generator-late", "slow load generator", generator.late, "invalidates", about_generator=True),
    Rule("generator-cpu", "busy load generator", generator.generator_cpu, "disturbs", about_generator=True),
    Rule("generator-lag", "late load generator", generator.generator_lag, "disturbs", about_generator=True),
    Rule("generator-garbage-collection", "garbage collection", generator.generator_collects, "disturbs"),
    Rule("load-worker-silent", "silent load worker", generator.silences, "disturbs"),
    Rule(HIDDEN_BY_CLIENT, "requests sent again", _hidden, "invalidates"),
    Rule("reconnected", "new connections", _reconnected),
    Rule(RATE_NOT_KEPT, "target rate not reached", generator.rate_not_kept, "invalidates"),
    Rule("rate-late", "requests sent late", generator.rate_late),
    Rule("server-cpu", "CPU saturated", _server_cpu),
    Rule("other-programs", "other programs", _other_programs, "disturbs"),
    Rule("few-requests", "few requests", _few_requests),
    Rule("uneven-workers", "uneven connections", _uneven_workers),
    Rule("in-flight", "unfinished requests", _in_flight),
    Rule("connections-not-kept", "closed connections", _not_kept),
    Rule("stream-buffered", "buffered stream", streams.buffered),
    Rule("stream-in-groups", "events in groups", streams.in_groups),
    Rule("stream-gaps-short", "gaps not measurable", streams.short_gaps),
    Rule("stream-until-unmet", "until not met", streams.never_until),
    Rule("secure-cookies", "Secure cookies", _withheld),
    Rule("from-cache", "a cache", _from_cache),
    Rule("steal", "CPU steal", _steal, "disturbs"),
    Rule("asyncio-loop", "no uvloop", _slow_loop),
    Rule("output-cut", "long logs", _printed_too_much),
    Rule("workers-replaced", "replaced workers", _replaced),
    Rule("theory", "off the prediction", disagreement),
)
RULE_OF = {rule.kind: rule for rule in RULES}


def in_todays_words(record: Record, result: EndpointResult, measured: Round) -> Iterator[Finding]:
    """Findings of a round as they would be worded now. What was found, and how grave it is, stays as it is recorded.

    Where the rule sees nothing any more, or latencies meant something else, the recorded words stay, too.
    """
    endpoint = next(one for one in record.plan.endpoints if one.name == result.name)
    for finding in measured.warnings:
        rule = RULE_OF.get(finding.kind) if record.method.right_alone else None
        seen = rule.look(measured, endpoint, record.plan) if rule else None
        if seen is None or seen[0] != finding.severity:
            yield finding
        else:
            yield finding.model_copy(update={"message": seen[1], "remedy": seen[2]})


ABOUT_GENERATOR = frozenset(rule.kind for rule in RULES if rule.about_generator)
ABOUT_FAILURES = frozenset(rule.kind for rule in RULES if rule.about_failures)
