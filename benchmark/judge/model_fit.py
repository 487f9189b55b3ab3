"""When a measurement is not what theory says: how far apart they are, and which evidence explains it best."""

from collections.abc import Iterator
from typing import Literal

from benchmark.judge.pause import GENERATOR_CPU_PERCENT, held_up, is_late
from benchmark.plan import Endpoint, Plan
from benchmark.record import Resources, Round

Seen = tuple[Literal["error", "warning", "note"], str, str]
"""What a rule of findings.py saw: how grave it is, what it is, and what to do about it."""

AGREED_PERCENT = 3.0  # measurement and prediction agree within this; docs/method.md shows how near random set-ups come
MUCH_PERCENT = 10.0
COMPARED = {"throughput_rps": "req/s", "avg_ms": "mean", "median_ms": "median"}

SERVER_CPU_PERCENT = 90.0
MACHINE_CPU_PERCENT = 95.0
OTHERS_BUSY_PERCENT = 85.0
OTHERS_CPU_PERCENT = 50.0
STEAL_PERCENT = 2.0
GENERATOR_LAG_MS = 100.0
SHORT_WORK_S = 0.1
SURROUNDS_MS = 5.0  # what framework, network and load generator may add to every answer
FEW_ROUNDS = 5


def busy_with_others(used: Resources) -> bool:
    """Whether hardly a processor was free, and other programs had more of them than server and load generator.

    Theirs may be a database that the app asks: while that computes less than the app, it is a part of what is measured.
    And half of one at least. At 14,000 answers per second, 3 % of one were nobody's (2 cores, 2026-11-26). Not known
    where the app runs elsewhere, or is not started here: it may be what is busy.
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
    for column, label in COMPARED.items():
        seen, expected = getattr(measured, column), getattr(measured.prediction, column)
        if seen is not None and expected and abs(seen / expected - 1) * 100 > AGREED_PERCENT:
            found[label] = 100 * (seen / expected - 1)
    if not found:
        return None
    off = ", ".join(f"{label} {percent:+.1f} %" for label, percent in found.items())
    cause, remedy = next(_causes(measured, endpoint, plan))
    severity: Literal["warning", "note"] = "warning" if max(map(abs, found.values())) > MUCH_PERCENT else "note"
    return severity, f"Measured beside the prediction: {off}. Likeliest cause: {cause}.", remedy


def _causes(measured: Round, endpoint: Endpoint, plan: Plan) -> Iterator[tuple[str, str]]:
    """What speaks for a cause, the strongest evidence first; the last one always applies."""
    used = measured.resources
    if measured.failures:
        yield f"{measured.failures} failed requests, which took another time", "Fix the failures first."
    if (
        held_up(measured, plan.profile)
        or is_late(measured)
        or (used.generator_cpu_p90_percent or 0) > GENERATOR_CPU_PERCENT
    ):
        yield "the load generator was saturated", "Take fewer users, or more cores for the generator."
    if (used.busiest_worker_p90_percent or 0) > SERVER_CPU_PERCENT:
        yield "a worker's processor was saturated, which the declared work leaves out", 'Declare served = "cpu".'
    if busy_with_others(used):
        yield "other programs kept the processors busy", "Run again with nothing else on the machine."
    elif (used.machine_cpu_mean_percent or 0) > MACHINE_CPU_PERCENT:
        yield "the machine's processors were saturated", "Take fewer users, or a larger machine."
    if (used.steal_percent or 0) > STEAL_PERCENT or (used.generator_lag_p99_ms or 0) > GENERATOR_LAG_MS:
        yield "the machine was taken away for moments (steal, or lag of the load generator)", "Run again."
    yield from _causes_in_the_model(measured, endpoint, plan)


def _causes_in_the_model(measured: Round, endpoint: Endpoint, plan: Plan) -> Iterator[tuple[str, str]]:
    work_s = endpoint.own_work_s(plan.profile.task_seconds) or 0.0
    dealt = measured.connections_per_worker
    if endpoint.served == "blocked event loop":
        yield (
            "a blocked event loop does not answer in the order of asking, as the model has it",
            "Only the throughput is worth comparing.",
        )
    if dealt and abs(sum(dealt) - measured.users_started) > measured.users_started * AGREED_PERCENT / 100:
        yield (
            f"{sum(dealt)} connections were seen for {measured.users_started} users, so who waited where is not known",
            "Look for refused or closed connections in server.log.",
        )
    if measured.min_ms is not None and measured.min_ms > (1 + AGREED_PERCENT / 100) * work_s * 1000 + SURROUNDS_MS:
        fastest = f"even the fastest answer took {measured.min_ms:.0f} ms"
        yield f"{fastest}, with {work_s * 1000:.0f} ms of own work declared", "Correct the work in benchmark.toml."
    if measured.load_end_s < FEW_ROUNDS * (measured.avg_ms or 0) / 1000:
        yield "the load was too short for more than a few answers per user", "Lengthen the duration."
    if work_s < SHORT_WORK_S:
        yield "the work is so short that what surrounds it counts, which the model knows roughly", "Read it with care."
    yield "nothing that was recorded explains it", "How it is served may be declared wrongly in benchmark.toml."
