"""What a diagnosis means in words, what to change, and what that would give.

The figures are bounds (see theory.bounds): users / S, slots / S, and workers / CPU time of one request. What is
promised is "up to".
"""

from collections.abc import Callable, Sequence
from math import ceil, floor

from benchmark.diagnose.model import MORE_THAN_ONE_CORE, Diagnosis, Level
from benchmark.formatting import factor, figure, latency
from benchmark.plan import Served

WHOLE_MS = 100
ON_THE_PLATEAU = 0.75
FELL = 0.8  # of the best level: from there on the evidence says that throughput fell
ALMOST = 0.9


def advice(found: Diagnosis, full: Sequence[Level]) -> dict[str, str]:
    """Texts of a diagnosis whose regime is known. `full`: the levels at which requests queued."""
    if found.regime is None:
        return {}
    finding, change, gain = TEXTS[found.regime](found)
    return {"finding": finding, "change": change, "gain": gain, "evidence": _evidence(found, full)}


def _evidence(found: Diagnosis, full: Sequence[Level]) -> str:
    if found.regime == "event loop" or not full:
        first, last = found.levels[0], found.levels[-1]
        return (
            f"From {first.users} to {last.users} users throughput grew from {figure(first.throughput_rps)} to "
            f"{figure(last.throughput_rps)} req/s, {factor(last.throughput_rps / first.throughput_rps)}."
        )
    # While one worker has no connection yet, a level can be full and answer half.
    most = max(level.throughput_rps for level in full)
    full = [level for level in full if level.throughput_rps >= ON_THE_PLATEAU * most]
    rates = [level.throughput_rps for level in full]
    users = f"{full[0].users} to {full[-1].users} users" if len(full) > 1 else f"{full[0].users} users"
    rate = " to ".join(dict.fromkeys([figure(min(rates)), figure(max(rates))]))
    said = f"With {users} throughput stayed at {rate} req/s"
    last = found.levels[-1]
    if 0 < last.throughput_rps < FELL * most and last not in full:
        said += f", with {last.users} users it fell to {figure(last.throughput_rps)}"
    if full[-1].worker_cpu_percent is None or full[-1].threads_grown_per_worker is None:
        return f"{said}."
    busy, grown = max(full[-1].worker_cpu_percent), max(full[-1].threads_grown_per_worker)
    return f"{said}; the busiest worker used {busy:.0f}% of a core and had started {grown} threads."


def _took(found: Diagnosis) -> str:
    if found.service_s is None:
        return "an unknown time"
    value_ms = 1000 * found.service_s.value
    return f"{value_ms:,.0f} ms" if value_ms >= WHOLE_MS else f"{value_ms:.3g} ms"


def _at_a_time(found: Diagnosis) -> str:
    """Where, by which estimate, and for how long each request takes its slot."""
    workers, slots = found.setting.workers, found.seats_per_worker
    where = "in all" if workers is None else "in one worker" if workers == 1 else f"in each of {workers} workers"
    upper = "" if slots is None or slots.high is None else f" to {figure(slots.high)}"
    estimate = "" if slots is None else f"{figure(slots.low)}{upper} measured, 95% confidence"
    return f"at a time {where} ({estimate}), {_took(found)} each"


def _users_rps(found: Diagnosis, users: int) -> float:
    """Responses a second when nothing queues, as far as the workers' processors follow."""
    service_s = found.service_s.value if found.service_s else 1.0
    workers = min(found.setting.workers or 1, found.setting.cores or 1)
    processor_rps = workers / found.cpu_per_request_s if found.cpu_per_request_s else float("inf")
    return min(users / service_s, processor_rps)


def _up_to(found: Diagnosis, rate_rps: float) -> str:
    last = found.levels[-1]
    best = max(level.throughput_rps for level in found.levels)
    return f"With {last.users} users up to {figure(max(rate_rps, best))} req/s instead of {figure(best)}."


def _event_loop(found: Diagnosis) -> tuple[str, str, str]:
    finding = f"Event loop: nothing queues; {found.most_at_once} requests were served at a time, {_took(found)} each."
    if not found.cpu_per_request_s or not found.setting.workers or not found.setting.cores:
        return finding, "Nothing: it grows with the users.", ""
    most = min(found.setting.workers, found.setting.cores) / found.cpu_per_request_s
    cpu = f"{1000 * found.cpu_per_request_s:.2g} ms of CPU per request"
    gain = f"At {cpu}, the workers reach their limit near {most:,.0f} req/s."
    return finding, "Nothing: it grows with the users until the CPU is full.", gain


def _thread_pool(found: Diagnosis) -> tuple[str, str, str]:
    finding = f"Thread pool: {found.seats} requests {_at_a_time(found)}."
    change = (
        "If an async client exists for what it waits for, use `async def` and `await`: nothing queues then. Otherwise "
        "use more threads: anyio.to_thread.current_default_thread_limiter().total_tokens."
    )
    return finding, change, _up_to(found, _users_rps(found, found.levels[-1].users))


def _blocked(found: Diagnosis) -> tuple[str, str, str]:
    finding = (
        f"Blocked event loop: one request {_at_a_time(found)}, while the CPU idles: something inside `async def` "
        "blocks."
    )
    if all(sum(level.connections_per_worker or (level.users,)) >= level.users for level in found.levels):
        finding = finding[:-1] + ", or a lock lets in one request at a time."
    change = "Await an async client instead of the blocking call; or use `def`, which moves it to the thread pool."
    threads = (found.setting.threads or 40) * (found.setting.workers or 1)
    users = found.levels[-1].users
    return finding, change, _up_to(found, _users_rps(found, min(users, threads)))


def _cpu(found: Diagnosis) -> tuple[str, str, str]:
    share = min(1.0, (found.cpu_per_request_s or 0.0) / (found.service_s.value if found.service_s else 1.0))
    finding = f"CPU-bound: of the {_took(found)} per response, computing takes {share:.0%}."
    return finding, *_more_or_less_computing(found, "Threads and `async` do not help.")


def _mixed(found: Diagnosis) -> tuple[str, str, str]:
    computes = latency(1000 * (found.cpu_per_request_s or 0.0))
    computing = f"a worker computes {computes} of the {_took(found)} per response"
    finding = f"Waits and computes: {computing}. The CPU is the limit."
    return finding, *_more_or_less_computing(found, "More threads do not help: waiting overlaps, computing does not.")


def _more_or_less_computing(found: Diagnosis, why: str) -> tuple[str, str]:
    """What to change where processors are the limit, and what it would give.

    A worker may use several cores: libraries that compute without Python's lock do.
    """
    cores, workers = found.setting.cores or 1, found.setting.workers or 1
    best = max(level.throughput_rps for level in found.levels)
    of_a_worker = found.most_cores if found.most_cores > MORE_THAN_ONE_CORE else 1.0
    cost_s = found.cpu_per_request_s or 1 / best
    if workers * of_a_worker < cores * ALMOST:
        gain = f"Up to {figure(max(best, cores / cost_s))} req/s with {cores} workers instead of {figure(best)}."
        return f"Run {cores} workers, one for each core, or compute less. {why}", gain
    most = max(best, min(cores, workers * of_a_worker) / cost_s)
    gain = f"Half the computing: up to {figure(2 * most)} req/s instead of {figure(best)}."
    return f"Compute less, or take a machine with more cores and as many workers. {why}", gain


def _number(found: Diagnosis) -> str:
    """How many slots, or between which numbers: how long a request holds one is not known to the millisecond."""
    low = high = found.seats or 1
    if found.seats_per_worker is not None:
        low = min(low, ceil(found.seats_per_worker.low))
        high = max(high, floor(found.seats_per_worker.high or high))
    return f"{low}" if low == high else f"{low} to {high}"


def _pool(found: Diagnosis) -> tuple[str, str, str]:
    grown = max((max(level.threads_grown_per_worker or (0,)) for level in found.levels), default=0)
    threads = found.seats is not None and found.seats > 1 and grown == found.seats
    kind = "an executor of its own, or a thread pool of that size" if threads else "a semaphore or a connection pool"
    if found.on_threads:
        kind = f"a connection pool or a lock, which threads wait for: a worker started {grown} of them"
    seats, workers = found.seats or 1, found.setting.workers or 1
    if not (threads or found.on_threads):
        every = latency(1000 * workers / max(level.throughput_rps for level in found.levels))
        kind += f"; or a lock, a rate limit or a blocking call that lets one request through every {every}"
    if workers > 1 and not threads:
        kind += f"; or something that the workers share, {seats * workers} at a time in all"
    number = f"{seats}" if threads else _number(found)
    finding = f"Another pool: {number} {_at_a_time(found)}: {kind}."
    if not found.setting.workers:
        finding = f"Some pool: {found.seats} {_at_a_time(found)}: threads, connections, a semaphore, or workers that "
        finding += "are blocked. Which one shows only where the workers can be observed: with [app] import."
    change = f"Make it larger: {2 * seats} instead of {seats}, if the resource behind it can take that."
    if not (threads or found.on_threads):
        change += " Hold a lock for less time, and await what blocks."
    if not found.setting.workers:
        change = f"If it is a pool, make it larger: {2 * seats} instead of {seats}. If workers are blocked, find why."
    service_s = found.service_s.value if found.service_s else 1.0
    users = found.levels[-1].users
    rate = min(2 * seats * workers / service_s, _users_rps(found, users))
    return finding, change, _up_to(found, rate)


TEXTS: dict[Served, Callable[[Diagnosis], tuple[str, str, str]]] = {
    "event loop": _event_loop,
    "thread pool": _thread_pool,
    "blocked event loop": _blocked,
    "cpu": _cpu,
    "pool": _pool,
    "mixed": _mixed,
}
