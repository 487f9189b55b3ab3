"""When a measurement is not what theory says: users who lost time in the load generator, and other predictions.

Little's law is an alarm for time that users lost inside the load generator and that is not its known cost.

A user waits for a response, thinks, and sends again. With N users and X requests per second such a cycle lasts N / X on
average (Little 1961, L = lambda W), so what is neither response nor think time is a pause between two requests:

    pause = (1 - accounted) N / X        accounted: the part of the users' time that they waited or thought

A pause alone proves nothing: to take a response and to send the next request costs the generator processor time, C for
each request, which is measured. After a response of half a millisecond 40 us of it are 7% of a user's time. When the
generator is busy a part u of the time, that cost queues behind other users' as in any queue of one server (M/M/1;
Lazowska et al. 1984, chapter 3):

    allowed = C / (1 - u)                u: capped at 0.9, as a saturated generator would explain any pause

That much belongs to the cycle: no latency lacks it, the users just send a little less often. What is beyond it is a
response that lay there unread, and hid from the latency. So users lost a part

    lost = (pause - allowed) X / N = (1 - accounted) (1 - allowed / pause)

of their time. 3% are let pass. Where the cost is not known, as in older records, nothing is allowed.

Where a prediction is off, the evidence that was recorded says which cause is the likeliest.
"""

from collections.abc import Iterator
from typing import Literal

from benchmark.formatting import count, latency, signed_percent
from benchmark.plan import Endpoint, Plan, Profile
from benchmark.record import Columns, Resources, Round

MOST_LOST_RATIO = 0.03
MOST_UTILISATION = 0.9

GENERATOR_CPU_PERCENT = 85.0
MOST_LATE_RATIO = 0.05
LEAST_LATE_MS = 10.0
"""A generator is late, too, when responses lie unread inside a latency. Below that, or where it is not saturated,
it may be the machine, which gives each process some ms at a time: that is noise.
"""


def allowed_ms(cpu_us_per_request: float, utilisation: float) -> float:
    """How long a pause may be for what a request costs the generator, busy this part (0 to 1) of the time."""
    return cpu_us_per_request / 1000 / (1 - min(max(utilisation, 0.0), MOST_UTILISATION))


def lost_ratio(accounted: float, pause_ms: float | None, most_ms: float | None) -> float:
    """The part of the users' time that was lost beyond a pause of `most_ms`; None: not known."""
    if pause_ms is None or most_ms is None:
        return 1 - accounted
    return (1 - accounted) * (1 - most_ms / pause_ms) if pause_ms > most_ms else 0.0


def allowed_in_round_ms(measured: Round, profile: Profile) -> float | None:
    used = measured.resources
    if used.generator_cpu_us_per_request is None:
        return None
    processes = profile.load_workers or profile.processes or 1
    busy = (used.generator_cpu_mean_percent or 0.0) / 100 / processes
    return allowed_ms(used.generator_cpu_us_per_request, busy)


def lost_in_round(measured: Round, profile: Profile) -> float | None:
    """The part of the users' time that was lost in a round; None where users need not wait, or it is not known."""
    if measured.users_waiting_ratio is None:
        return None
    return lost_ratio(measured.users_waiting_ratio, measured.pause_ms, allowed_in_round_ms(measured, profile))


def late_ratio(measured: Round) -> float:
    """The part of the mean latency in which responses lay unread, as the generator was busy with others; 0: little."""
    used = measured.resources
    late_ms, busy_percent = used.generator_lag_mean_ms or 0.0, used.generator_cpu_p90_percent or 0.0
    is_its_own = busy_percent > GENERATOR_CPU_PERCENT and late_ms > LEAST_LATE_MS
    return late_ms / measured.avg_ms if measured.avg_ms and is_its_own else 0.0


def held_up(measured: Round, profile: Profile) -> bool:
    return is_too_much(lost_in_round(measured, profile) or 0.0)


def is_late(measured: Round) -> bool:
    """Whether the load generator itself is more of the latencies than chance would be."""
    return late_ratio(measured) > MOST_LATE_RATIO


def is_too_much(lost: float) -> bool:
    """Whether so much was lost that latencies are not those of the server. 1 - 0.97 is a little more than 0.03."""
    return round(lost, 6) > MOST_LOST_RATIO


Seen = tuple[Literal["error", "warning", "note"], str, str]
"""What a rule of findings.py saw: how grave it is, what it is, and what to do about it."""

AGREED_PERCENT = 3.0  # measurement and prediction agree within this; figures: docs/measurements/predictions.md
MUCH_PERCENT = 10.0
MUCH_MORE = 1.05  # times the CPU per response of the diagnosis: then throughput is lower by as much
LEAST_OF_PART = 100  # requests of an endpoint in a mix: the median of fewer is left to chance
COMPARED = {"throughput_rps": "req/s", "avg_ms": "mean", "median_ms": "median"}

SERVER_CPU_PERCENT = 90.0
MACHINE_CPU_PERCENT = 95.0
OTHERS_BUSY_PERCENT = 85.0
OTHERS_CPU_PERCENT = 50.0
STEAL_PERCENT = 2.0
GENERATOR_LAG_MS = 100.0
SHORT_WORK_S = 0.1
SURROUNDS_MS = 5.0  # what framework, network and load generator may add to every response
FEW_ROUNDS = 5


def busy_with_others(used: Resources) -> bool:
    """Whether hardly a processor was free, and other programs had more of them than server and load generator.

    Theirs may be a database that the app uses: while that computes less than the app, it is a part of what is measured.
    And half of one at least. At 14,000 responses per second, 3% of one belonged to no program (2 cores, 2026-11-26).
    Not known where the app runs elsewhere, or is not started here: it may be what is busy.
    """
    others_percent = used.others_cpu_mean_percent
    if others_percent is None or (used.machine_cpu_mean_percent or 0) <= OTHERS_BUSY_PERCENT:
        return False
    own_percent = sum(used.worker_cpu_mean_percent or ()) + (used.generator_cpu_mean_percent or 0)
    return others_percent > max(OTHERS_CPU_PERCENT, own_percent)


def disagreement(measured: Round, endpoint: Endpoint, plan: Plan) -> Seen | None:
    if measured.prediction is None:
        return None
    found = {}
    for label, seen, expected in _compared(measured, measured.prediction):
        if seen is not None and expected and abs(seen / expected - 1) * 100 > AGREED_PERCENT:
            found[label] = 100 * (seen / expected - 1)
    if not found:
        return None
    off = ", ".join(f"{label} {signed_percent(percent)}" for label, percent in found.items())
    cause, remedy = next(_causes(measured, endpoint, plan))
    severity: Literal["warning", "note"] = "warning" if max(map(abs, found.values())) > MUCH_PERCENT else "note"
    return severity, f"Measured differs from the prediction: {off}. Likeliest cause: {cause}.", remedy


def _compared(measured: Round, predicted: Columns) -> Iterator[tuple[str, float | None, float | None]]:
    """What is held against its prediction. The median of a mix lies anywhere between those of its endpoints."""
    parts = [part for part in measured.parts if part.prediction is not None]
    for column, label in COMPARED.items():
        if column != "median_ms" or not parts:
            yield label, getattr(measured, column), getattr(predicted, column)
    for part in parts:
        if part.requests >= LEAST_OF_PART and part.prediction is not None:
            yield f"median of {part.name}", part.median_ms, part.prediction.median_ms


def _causes(measured: Round, endpoint: Endpoint, plan: Plan) -> Iterator[tuple[str, str]]:
    """What speaks for a cause, the strongest evidence first; the last one always applies."""
    used = measured.resources
    if measured.failures:
        yield f"{count(measured.failures)} failed requests, which took a different time", "Fix the failures first."
    if (
        held_up(measured, plan.profile)
        or is_late(measured)
        or (used.generator_cpu_p90_percent or 0) > GENERATOR_CPU_PERCENT
    ):
        yield "the load generator was saturated", "Use fewer users, or more cores for the load generator."
    yield from _cost_more(used, endpoint)
    computing = any(one.served in {"cpu", "mixed"} or one.measured is not None for one in endpoint.members)
    if (used.busiest_worker_p90_percent or 0) > SERVER_CPU_PERCENT and not computing:
        yield "a worker's core was saturated, which the declaration leaves out", "Run `bench diagnose` on it."
    if busy_with_others(used):
        yield "other programs kept the CPU busy", "Run again on an idle machine."
    elif (used.machine_cpu_mean_percent or 0) > MACHINE_CPU_PERCENT:
        yield "the CPU was saturated", "Use fewer users, or a larger machine."
    if (used.steal_percent or 0) > STEAL_PERCENT or (used.generator_lag_p99_ms or 0) > GENERATOR_LAG_MS:
        yield "the machine had pauses (steal, or lag of the load generator)", "Run again."
    yield from _causes_in_the_model(measured, endpoint, plan)


def _cost_more(used: Resources, endpoint: Endpoint) -> Iterator[tuple[str, str]]:
    """Where the CPU is the limit, what a response costs decides; what it cost one user more or less does not."""
    busiest_percent = max(used.busiest_worker_p90_percent or 0.0, used.machine_cpu_mean_percent or 0.0)
    lone, cost_us = endpoint.measured, used.server_cpu_us_per_request
    if lone is None or lone.server_cpu_us is None or cost_us is None or busiest_percent <= OTHERS_BUSY_PERCENT:
        return
    if busy_with_others(used):  # which makes responses cost more, too
        return
    if cost_us > MUCH_MORE * lone.server_cpu_us:
        diagnosed = f"{lone.server_cpu_us:,.0f} µs when it was diagnosed with up to {count(lone.most_users)} users"
        likely = "Python's garbage collector looks through all that is in flight, or the machine was slower"
        yield (
            f"a response cost the workers {cost_us:,.0f} µs of CPU, and {diagnosed}: {likely}",
            "To see which, call gc.disable() where the app starts, for the test.",
        )


def _causes_in_the_model(measured: Round, endpoint: Endpoint, plan: Plan) -> Iterator[tuple[str, str]]:
    dealt, members = measured.connections_per_worker, endpoint.members
    if plan.profile.stages:  # at the end only users of the last stage are left
        dealt = measured.dealt[-1].connections_per_worker if measured.dealt else None
    if any(one.served == "blocked event loop" for one in members):
        yield (
            "a blocked event loop does not respond in the order of requests, as the model assumes",
            "Compare only the throughput.",
        )
    if dealt and abs(sum(dealt) - measured.users_started) > measured.users_started * AGREED_PERCENT / 100:
        yield (
            (
                f"{count(sum(dealt))} connections were seen for {count(measured.users_started)} users, "
                "so it is unknown how many waited at each worker"
            ),
            "Look for refused or closed connections in server.log.",
        )
    yield from _too_slow(measured, endpoint, plan)
    if measured.load_end_s < FEW_ROUNDS * (measured.avg_ms or 0) / 1000:
        yield "the load was too short for more than a few responses per user", "Use a longer duration."
    if min(one.own_work_s(plan.profile.task_seconds) or 0.0 for one in members) < SHORT_WORK_S:
        yield "with work this short, overhead counts, which the model only estimates", "Read it with care."
    yield "nothing in the record explains it", "Check how it is declared in benchmark.toml (served, work)."


def _too_slow(measured: Round, endpoint: Endpoint, plan: Plan) -> Iterator[tuple[str, str]]:
    """Even the fastest response took longer than is declared, of an endpoint or of one in a mix."""
    rows: dict[str, Columns] = {part.name: part for part in measured.parts}
    for one in endpoint.members:
        work_s, row = one.own_work_s(plan.profile.task_seconds) or 0.0, rows.get(one.name, measured)
        if row.min_ms is None or (endpoint.mix is not None and not work_s):
            continue
        if row.min_ms > (1 + AGREED_PERCENT / 100) * work_s * 1000 + SURROUNDS_MS:
            of = f" of {one.name}" if endpoint.mix is not None else ""
            fastest = f"even the fastest response{of} took {latency(row.min_ms)}"
            yield f"{fastest}, with a declared work of {latency(work_s * 1000)}", "Correct the work in benchmark.toml."
