"""The closed forms of operational analysis: what no endpoint can pass, and where its seats begin to be the limit.

N users who rest Z s between requests, m seats, S s of an endpoint's own work (the service time). Sources:

Little, "A Proof for the Queuing Formula L = lambda W", Operations Research 9(3), 1961.
Denning and Buzen, "The Operational Analysis of Queueing Network Models", Computing Surveys 10(3), 1978.
Lazowska, Zahorjan, Graham and Sevcik, "Quantitative System Performance", 1984, chapters 3 and 5.
"""

from collections.abc import Iterator

from benchmark.plan import Endpoint, Plan, Profile
from benchmark.record import Alternative, Change, Limit


def service_demand_s(work_s: float, seats: int) -> float:
    """Time (s) that one request takes of a station of `seats`: D = S / m (Lazowska et al., chapter 3).

    >>> service_demand_s(15, seats=80)
    0.1875
    """
    return work_s / seats


def requests_under_way(throughput_rps: float, latency_s: float) -> float:
    """Little's law, L = X R: mean number of requests in a system from which as many leave as come (Little 1961).

    >>> requests_under_way(80 / 15, latency_s=93.75)
    500.0
    """
    return throughput_rps * latency_s


def throughput_bound_rps(users: float, work_s: float, *, seats: int | None = None, wait_s: float = 0.0) -> float:
    """The most answers per second: X <= min(N / (S + Z), m / S) (Denning and Buzen 1978, asymptotic bounds).

    >>> round(throughput_bound_rps(500, 15, seats=80), 2)
    5.33
    """
    asked_rps = users / (work_s + wait_s)
    return asked_rps if seats is None else min(asked_rps, 1 / service_demand_s(work_s, seats))


def answer_time_bound_s(users: float, work_s: float, *, seats: int | None = None, wait_s: float = 0.0) -> float:
    """The least mean answer time (s) in the steady part: R >= max(S, N D - Z) (Denning and Buzen 1978).

    >>> answer_time_bound_s(500, 15, seats=80)
    93.75
    """
    return work_s if seats is None else max(work_s, users * service_demand_s(work_s, seats) - wait_s)


def knee_users(work_s: float, seats: int, *, wait_s: float = 0.0) -> float:
    """Number of users at which both bounds meet: N* = (S + Z) / D. Beyond it more users only wait longer.

    >>> knee_users(15, seats=80)
    80.0
    """
    return (work_s + wait_s) / service_demand_s(work_s, seats)


def seats(endpoint: Endpoint, plan: Plan) -> int | None:
    """Requests that can be served at a time in all workers; None where requests need not queue for anything."""
    each = endpoint.seats_per_worker(plan.target.threads)
    return None if each is None else plan.target.workers * each


def limit(endpoint: Endpoint, plan: Plan) -> Limit | None:
    """Bounds on the throughput (req/s); None when how it is served, or its own work, is not declared.

    None, too, for an app elsewhere that serves from seats, whose number is not known here, for users of one's own
    locustfile, who may do anything, and for stages, which have no one load.
    """
    own_work_s = endpoint.own_work_s(plan.profile.task_seconds)
    if own_work_s is None or endpoint.served is None or endpoint.locustfile is not None:
        return None
    if plan.profile.stages or (plan.target.url is not None and endpoint.served not in {"event loop", "mixed"}):
        return None
    found = seats(endpoint, plan)
    profile = plan.profile
    return Limit(
        seats=found,
        own_work_s=own_work_s,
        users_rps=asked_rps(profile, own_work_s),
        seats_rps=None if found is None else 1 / service_demand_s(own_work_s, found),
        processor_rps=None if endpoint.cpu_s is None else 1 / service_demand_s(endpoint.cpu_s, plan.target.workers),
        alternatives=tuple(_alternatives(endpoint, plan, own_work_s, found)),
    )


def asked_rps(profile: Profile, work_s: float) -> float:
    """Requests per second that users ask for at most when nobody queues, or that a rate of its own brings."""
    if profile.rate_per_s is not None:
        return profile.rate_per_s
    return throughput_bound_rps(profile.users, work_s, wait_s=profile.think_s(work_s))


def least_response_s(profile: Profile, work_s: float, slots: int | None) -> float:
    """The least mean response time (s) of a profile's users; paced ones do not think once their cycle is longer."""
    cycle_s = 0.0 if slots is None else profile.users * service_demand_s(work_s, slots)
    think_s = profile.think_s(cycle_s if cycle_s > (profile.pacing_s or 0.0) else work_s)
    return answer_time_bound_s(profile.users, work_s, seats=slots, wait_s=think_s)


def _alternatives(endpoint: Endpoint, plan: Plan, work_s: float, now: int | None) -> Iterator[Alternative]:
    """What would move the limit that holds, one change at a time, and the bounds that each would give."""
    profile, target = plan.profile, plan.target

    def changed(change: Change, to: int | None, seats: int | None, work_s: float = work_s) -> Alternative:
        most_rps = asked_rps(profile, work_s)
        least_s = work_s
        if profile.rate_per_s is None:
            least_s = least_response_s(profile, work_s, seats)
        return Alternative(
            change=change,
            to=to,
            throughput_rps=most_rps if seats is None else min(most_rps, 1 / service_demand_s(work_s, seats)),
            answer_time_s=least_s,
        )

    if now is not None and asked_rps(profile, work_s) > 1 / service_demand_s(work_s, now):
        if endpoint.served == "thread pool":
            yield changed("threads", 2 * target.threads, 2 * now)
        if endpoint.seats is not None:
            yield changed("pool", 2 * endpoint.seats, 2 * now)
        if endpoint.served == "blocked event loop":
            yield changed("def", target.threads, target.workers * target.threads)
        yield changed("cores" if endpoint.served == "cpu" else "workers", 2 * target.workers, 2 * now)
        if endpoint.served in {"thread pool", "blocked event loop"}:
            yield changed("await", None, None)
    if endpoint.work_tasks is not None and endpoint.work_tasks > 1 and endpoint.served not in {"cpu", "pool"}:
        change: Change = "gather" if endpoint.served == "event loop" else "await and gather"
        yield changed(change, None, None, work_s / endpoint.work_tasks)
