"""What queueing theory says, in sentences and tables: the limit that holds, what would move it, how far off it is."""

from collections.abc import Sequence

from benchmark.formatting import ms, percent, rate, seconds, signed_percent
from benchmark.plan import Endpoint, Plan
from benchmark.record import Alternative, Columns, Limit
from benchmark.theory.predict import OpenAnswer, Prediction

AFFECTED = ("avg_ms", "median_ms", "p95_ms", "max_ms")
"""What depends on how the connections were dealt."""

RANGE_WORTH_SAYING = 0.01


def limit_sentence(limit: Limit, endpoint: Endpoint, plan: Plan, users: int) -> str:
    """Say what limits an endpoint: its seats or its users; without a full stop."""
    if plan.profile.rate_per_s is not None:
        return _limit_of_a_rate(limit, endpoint, plan, plan.profile.rate_per_s)
    if limit.seats is None or limit.seats_rps is None:
        return (
            f"nothing to queue for. {users} users who each {_cycle(limit, plan)} ask for at most "
            f"{rate(limit.users_rps)} req/s"
        )
    if limit.seats_rps < limit.users_rps:
        return (
            f"{_seats(limit, endpoint, plan)} of {seconds(limit.own_work_s)} each: no more than "
            f"{rate(limit.seats_rps)} req/s, whatever the number of users; "
            f"{users} users wait {users / limit.seats - plan.profile.wait_s / limit.own_work_s:.3g} rounds"
        )
    enough = f"{_seats(limit, endpoint, plan)} are enough for {users} users"
    return f"{enough}, who ask for at most {rate(limit.users_rps)} req/s"


def _limit_of_a_rate(limit: Limit, endpoint: Endpoint, plan: Plan, rate_per_s: float) -> str:
    come = f"{rate(rate_per_s)} requests come every second, whoever was answered"
    if limit.seats is None or limit.seats_rps is None:
        return f"nothing to queue for; {come}"
    seats = f"{_seats(limit, endpoint, plan)} of {seconds(limit.own_work_s)} each"
    if rate_per_s >= limit.seats_rps:
        more = f"{rate(rate_per_s - limit.seats_rps)} more wait with every second"
        return f"{seats}: no more than {rate(limit.seats_rps)} req/s. {come}, so it never settles: {more}"
    used = percent(100 * rate_per_s / limit.seats_rps)
    return f"{seats} can answer {rate(limit.seats_rps)} req/s; {come}, which uses {used} of them"


def open_sentence(answer: OpenAnswer) -> str:
    """What arrivals at a rate of their own do to an endpoint."""
    if answer.utilisation_ratio is None or answer.capacity_rps is None:
        return _without_seats(answer)
    capacity = f"seats give {rate(answer.capacity_rps)} answers per second; the busiest worker's"
    used = percent(100 * answer.utilisation_ratio)
    if not answer.settles:
        return (
            f"{capacity} would have to be used to {used}: it never settles. {rate(answer.growth_per_s)} more requests "
            f"wait every second, each longer than the one before; {answer.in_flight} were under way after "
            f"{seconds(answer.duration_s)}"
        )
    if answer.mean_wait_ms is None:
        return f"{capacity} are used to {used}. How long evenly spaced requests wait is simulated: no formula"
    return (
        f"{capacity} are used to {used}. In the long run about {percent(100 * (answer.chance_to_wait or 0))} of the "
        f"requests wait for a seat; over all of them the mean wait is {ms(answer.mean_wait_ms)} ms, the mean answer "
        f"takes {ms(answer.mean_answer_ms)} ms, {answer.mean_under_way:.4g} are under way"
    )


def _without_seats(answer: OpenAnswer) -> str:
    loops = "" if answer.loops_rps is None else f"some {answer.loops_rps:.0f} requests per second"
    if answer.loops_rps is not None and answer.rate_per_s >= answer.loops_rps:
        return f"more than the workers' event loops can handle, {loops}"
    waiting = f"{answer.mean_under_way:.4g} requests under way on average"
    return f"nothing to queue for: {waiting}, none of them waits while the workers' event loops keep up ({loops})"


def _cycle(limit: Limit, plan: Plan) -> str:
    work, rest = seconds(limit.own_work_s), plan.profile.wait_s
    return f"need {work} and rest {seconds(rest)}" if rest else f"wait {work}"


def _seats(limit: Limit, endpoint: Endpoint, plan: Plan) -> str:
    workers, count = plan.target.workers, limit.seats
    if endpoint.served == "blocked event loop":
        return f"one request at a time in each of {workers} blocked event loops, {count} seats"
    if endpoint.served == "cpu":
        return f"one request at a time computes in each of {workers} workers, {count} seats"
    if endpoint.served == "pool":
        return f"{workers} workers x a pool of {endpoint.seats} = {count} seats"
    return f"{workers} workers x {plan.target.threads} threads = {count} seats"


def alternatives(limit: Limit) -> list[str]:
    """What would move the limit, each with the bounds it would give."""
    return [
        f"{change(item)}: at most {rate(item.throughput_rps)} req/s, a mean answer in {seconds(item.answer_time_s)} "
        "or more"
        for item in limit.alternatives
    ]


def change(item: Alternative) -> str:
    return {
        "threads": f"{item.to} threads in each worker",
        "pool": f"{item.to} seats in each worker's pool",
        "workers": f"{item.to} workers",
        "def": f"`def` instead of `async def`, so that it blocks one of {item.to} threads and not the event loop",
        "await": "awaiting instead of blocking, without a seat",
        "gather": "`asyncio.gather`, if no task needs the output of another",
        "await and gather": "awaiting all tasks at once, `await asyncio.gather`, if none needs the output of another",
        "cores": f"{item.to} workers, on as many cores",
    }[item.change]


def range_sentence(prediction: Prediction) -> str:
    """How far likely splits of the connections are apart; empty where it makes no difference."""
    parts = []
    for name, label in zip(AFFECTED, ("mean", "median", "p95", "max"), strict=True):
        spread = prediction.spread.get(name)
        if spread is not None and spread.high > spread.low * (1 + RANGE_WORTH_SAYING):
            parts.append(f"{label} {ms(spread.low)} to {ms(spread.high)} ms")
    if not parts:
        return ""
    cause = "likely splits of the connections between the workers"
    if prediction.connections_per_worker is not None:
        cause = "orders in which the users connect"
    return f"{', '.join(parts)} over {prediction.draws} {cause}"


def difference_percent(measured: Columns, predicted: Columns, column: str) -> float | None:
    """How much more was measured than predicted; None where one of them is unknown or nothing was predicted."""
    seen, expected = getattr(measured, column), getattr(predicted, column)
    return 100 * (seen / expected - 1) if seen is not None and expected else None


def difference_cells(measured: Columns, predicted: Columns, columns: Sequence[str]) -> list[str]:
    """Differences as they are shown in a table: "+0.2 %", or nothing where there is none to tell."""
    values = [difference_percent(measured, predicted, column) for column in columns]
    return ["" if value is None else signed_percent(value) for value in values]
