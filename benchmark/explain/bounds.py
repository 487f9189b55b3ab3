"""The two bounds that no endpoint can pass, in closed form.

Operational analysis of a closed system (Denning and Buzen, "The Operational Analysis of Queueing Network
Models", Computing Surveys 10(3), 1978): N users who each wait Z s between requests of D s can not ask for more
than N / (D + Z) answers per second, and m seats that serve D s each can not give more than m / D.
"""

from benchmark.plan import Endpoint, Plan
from benchmark.record import Limit


def seats(endpoint: Endpoint, plan: Plan) -> int | None:
    """Requests that can be served at a time in all workers; None where requests need not queue for anything."""
    each = endpoint.seats_per_worker(plan.target.threads)
    return None if each is None else plan.target.workers * each


def limit(endpoint: Endpoint, plan: Plan) -> Limit | None:
    """Bounds on the throughput (req/s); None when how it is served, or its own work, is not declared.

    None, too, for an app elsewhere that serves from seats, whose number is not known here, and for users of one's
    own locustfile, who may do anything.
    """
    own_work_s = endpoint.own_work_s(plan.profile.task_seconds)
    if own_work_s is None or endpoint.served is None or endpoint.locustfile is not None:
        return None
    if plan.target.url is not None and endpoint.served != "event loop":
        return None
    found = seats(endpoint, plan)
    return Limit(
        seats=found,
        own_work_s=own_work_s,
        users_rps=plan.profile.users / (own_work_s + plan.profile.wait_s),
        seats_rps=None if found is None else found / own_work_s,
    )
