"""What queueing theory says, in sentences and tables: the limit that holds, what would move it, how far off it is."""

from collections.abc import Callable, Sequence

from benchmark.formatting import count, figure, inert, latency, listed, percent, rate, seconds, signed_percent
from benchmark.plan import Endpoint, Plan
from benchmark.record import Alternative, Columns, Limit
from benchmark.theory.bounds import asked_rps
from benchmark.theory.computing import Bound, bounds, service, unknown_members
from benchmark.theory.predict import OpenAnswer, Prediction
from benchmark.theory.processors import Machine
from benchmark.theory.simulation import OVERHEAD, Mix

AFFECTED = ("avg_ms", "median_ms", "p95_ms", "max_ms")
"""What depends on how the connections were distributed."""

RANGE_WORTH_SAYING = 0.01


def limit_sentence(limit: Limit, endpoint: Endpoint, plan: Plan, users: int, measured: str = "") -> str:
    """Say what limits an endpoint: its slots or its users; without the last full stop. `measured`: in req/s."""
    seen = f" (measured: {measured})" if measured else ""
    if plan.profile.rate_per_s is not None:
        return _limit_of_a_rate(limit, endpoint, plan, plan.profile.rate_per_s, seen)
    work, think = seconds(limit.own_work_s), plan.profile.think_s(limit.own_work_s)
    thinking = f" and {seconds(think)} of think time" if think else ""
    asked = f"can generate at most {rate(limit.users_rps)} req/s{seen}"
    if limit.processor_rps is not None and limit.processor_rps <= limit.most_rps:
        return f"{_computes(limit, endpoint, plan)} caps throughput at {rate(limit.processor_rps)} req/s{seen}"
    if limit.seats is None or limit.seats_rps is None:
        return f"No queueing. {_users(users)} with {work} responses{thinking} {asked}"
    served = _served(limit, endpoint, plan)
    if limit.seats_rps < limit.users_rps:
        cap = f"caps throughput at {rate(limit.seats_rps)} req/s, however many users there are"
        return f"{served}. At {work} per request that {cap}{seen}"
    return f"{served}, enough for {_users(users)}. With {work} responses{thinking} they {asked}"


def _computes(limit: Limit, endpoint: Endpoint, plan: Plan) -> str:
    """Say how much of a response is computing, up to the verb: "Each request computes 5.8 ms of 10.6 ms. That"."""
    workers = "One worker" if plan.target.workers == 1 else f"Each of {plan.target.workers} workers"
    part = f"{latency(1000 * (endpoint.cpu_s or 0))} of the {latency(1000 * limit.own_work_s)} of a response"
    return f"{workers} computes {part}, one request at a time. That"


def _limit_of_a_rate(limit: Limit, endpoint: Endpoint, plan: Plan, rate_per_s: float, seen: str) -> str:
    arrive = f"{rate(rate_per_s)} requests arrive per second"
    if limit.seats is None or limit.seats_rps is None:
        return f"No queueing. {arrive}, independent of responses{seen}"
    cap = f"{_served(limit, endpoint, plan)}. At {seconds(limit.own_work_s)} per request that"
    if rate_per_s >= limit.seats_rps:
        grows = f"the queue grows by {rate(rate_per_s - limit.seats_rps)} requests per second and never settles"
        return f"{cap} caps throughput at {rate(limit.seats_rps)} req/s{seen}. {arrive}, so {grows}"
    used = percent(100 * rate_per_s / limit.seats_rps)
    return f"{cap} allows {rate(limit.seats_rps)} req/s. {arrive}, {used} of that{seen}"


def _served(limit: Limit, endpoint: Endpoint, plan: Plan) -> str:
    """Say who serves how much: "2 workers with 40 threads each serve 80 requests at a time"."""
    workers, several = plan.target.workers, plan.target.workers > 1
    each = " each" if several else ""
    has = {
        "blocked event loop": " with a blocked event loop",
        "cpu": " that compute" if several else " that computes",
        "pool": f" with a pool of {endpoint.seats}",
    }.get(endpoint.served or "", f" with {plan.target.threads} threads")
    each = "" if endpoint.served == "cpu" else each
    requests = "1 request" if limit.seats == 1 else f"{count(limit.seats)} requests"
    who = f"{workers} worker{'s' if several else ''}{has}{each}"
    return f"{who} {'serve' if several else 'serves'} {requests} at a time"


def _users(users: int) -> str:
    return "1 user" if users == 1 else f"{count(users)} users"


def several(number: int, what: str) -> str:
    return f"{count(number)} {what}" if number == 1 else f"{count(number)} {what}s"


Named = Callable[[str], str]
"""Makes the name of an endpoint safe for where it is shown."""


def bound_cause(bound: Bound, mix: Mix, on: Machine | None, named: Named = inert) -> str:
    """Say what a bound comes from: "40 slots, which a request holds for 15 ms"."""
    of_mix, held = len(mix.services) > 1, latency(1000 * bound.held_s)
    who = "the average request" if of_mix else "a request"
    computes = f"computes {held} for {'the average' if of_mix else 'each'} request"
    if bound.by == "slots":
        slots = several(sum(mix.pools[bound.pool]), "slot" if bound.pool or not of_mix else "thread")
        return f"{slots}{f' of {named(bound.pool)}' if bound.pool else ''}, which {who} holds for {held}"
    if bound.by == "workers":
        busy = f"{who} keeps busy for {held}" if any(one.blocks for one in mix.services) else computes
        workers = "the worker, which" if mix.workers == 1 else f"the {mix.workers} workers, each of which"
        return f"{workers} {busy}"
    if bound.by == "cores" and on is not None:
        apart = "the workers have" if on.apart else "workers and load generator share"
        return f"the {several(on.cores, 'core')} that {apart}; a worker {computes}"
    return "the load generator, not the server"


def mix_sentence(endpoint: Endpoint, plan: Plan, on: Machine, measured: str = "", named: Named = inert) -> str:
    """Say how much of a mix can get through, and what limits it, or why that is not known."""
    served, profile = service(endpoint, plan), plan.profile
    if served is None:
        return _not_predicted(unknown_members(endpoint, plan), plan, named)
    mix, seen = Mix.of(served), f" (measured: {measured})" if measured else ""
    limits = [one for one in bounds(mix, on, OVERHEAD[profile.client]) if one.by != "generator"]
    most_rps, alone = asked_rps(profile, mix.alone_s), latency(1000 * mix.alone_s)
    if limits and (profile.stages or limits[0].rps < most_rps):
        most = f"At most {rate(limits[0].rps)} req/s get through{seen}"
        return f"{most}, limited by {bound_cause(limits[0], mix, on, named)}."
    if profile.stages:
        return "No queueing: as far as it is declared, its endpoints share nothing that users would wait for."
    if profile.rate_per_s is not None:
        most = f"; at most {rate(limits[0].rps)} could be served" if limits else ""
        return f"{rate(most_rps)} requests arrive per second{most}{seen}."
    think_s = profile.think_s(mix.alone_s)
    thinking = f" and {seconds(think_s)} of think time" if think_s else ""
    users = f"{_users(profile.users)} with responses of {alone} on average{thinking}"
    return f"{users} can generate about {rate(most_rps)} req/s{seen}."


def _not_predicted(unknown: Sequence[Endpoint], plan: Plan, named: Named) -> str:
    names = listed([named(one.name) for one in unknown])
    if plan.target.url is not None and all(one.served is not None for one in unknown):
        return f"Not predicted: it runs elsewhere, and how many requests {names} can serve at a time is unknown."
    commands = listed([f"`bench diagnose {named(one.name)} --keep`" for one in unknown])
    are, take, find = ("is", "it takes", "finds") if len(unknown) == 1 else ("are", "they take", "find")
    return f"Not predicted: how {names} {are} served, or how long {take}, is not declared. {commands} {find} out."


def open_sentence(answer: OpenAnswer) -> str:
    """Say what arrivals at a fixed rate do to an endpoint; without the last full stop."""
    if answer.utilisation_ratio is None or answer.capacity_rps is None:
        return _without_slots(answer)
    what = {"slots": "The slots serve", "processors": "The workers' processors serve"}[answer.limited_by]
    capacity = f"{what} up to {rate(answer.capacity_rps)} requests per second"
    used = percent(100 * answer.utilisation_ratio)
    if not answer.settles:
        return (
            f"{capacity}. The busiest worker would have to be {used} busy, so the queue never settles: it grows by "
            f"{rate(answer.growth_per_s)} requests per second, and each waits longer than the one before. "
            f"{count(answer.in_flight)} were unfinished after {seconds(answer.duration_s)}"
        )
    busy = f"{capacity}; those of the busiest worker are {used} busy"
    if answer.mean_wait_ms is None:
        return f"{busy}. The wait is simulated: there is no formula for it"
    return (
        f"{busy}. In the long run about {percent(100 * (answer.chance_to_wait or 0))} of the requests wait for a slot. "
        f"On average a request waits {latency(answer.mean_wait_ms)}, a response takes "
        f"{latency(answer.mean_answer_ms)}, and {figure(answer.mean_under_way)} requests are in progress"
    )


def _without_slots(answer: OpenAnswer) -> str:
    loops = "" if answer.loops_rps is None else f"about {answer.loops_rps:,.0f} requests per second"
    if answer.loops_rps is not None and answer.rate_per_s >= answer.loops_rps:
        return f"The rate is more than the workers' event loops can handle ({loops})"
    waiting = f"{figure(answer.mean_under_way)} requests are in progress on average"
    return f"No queueing: {waiting}, and none waits while the workers' event loops keep up ({loops})"


def alternatives(limit: Limit) -> list[str]:
    """What would move the limit, each with the bounds it would give."""
    return [
        f"{change(item)}: at most {rate(item.throughput_rps)} req/s, mean response time at least "
        f"{seconds(item.answer_time_s)}"
        for item in limit.alternatives
    ]


def change(item: Alternative) -> str:
    return {
        "threads": f"{item.to} threads per worker",
        "pool": f"{item.to} slots in each worker's pool",
        "workers": f"{item.to} workers",
        "def": f"`def` instead of `async def`: blocks one of {item.to} threads, not the event loop",
        "await": "use `await` instead of blocking",
        "gather": "`asyncio.gather`, if the tasks are independent",
        "await and gather": "`await asyncio.gather` of all tasks, if they are independent",
        "cores": f"{item.to} workers, on as many cores",
    }[item.change]


def range_sentence(prediction: Prediction) -> str:
    """How far likely connection splits are apart, without a full stop; empty where it makes no difference."""
    parts = []
    for name, label in zip(AFFECTED, ("mean", "median", "p95", "max"), strict=True):
        spread = prediction.spread.get(name)
        if spread is not None and spread.high > spread.low * (1 + RANGE_WORTH_SAYING):
            parts.append(f"{label} {latency(spread.low)} to {latency(spread.high)}")
    if not parts:
        return ""
    known = prediction.connections_per_worker is not None
    cause = "orders in which users connect" if known else "likely splits of connections between workers"
    return f"Over {prediction.draws} {cause}: {', '.join(parts)}"


def difference_percent(measured: Columns, predicted: Columns, column: str) -> float | None:
    """How much more was measured than predicted; None where one of them is unknown or nothing was predicted."""
    seen, expected = getattr(measured, column), getattr(predicted, column)
    return 100 * (seen / expected - 1) if seen is not None and expected else None


def difference_cells(measured: Columns, predicted: Columns, columns: Sequence[str]) -> list[str]:
    """Differences as they are shown in a table: "+0.2%", or nothing where there is none."""
    values = [difference_percent(measured, predicted, column) for column in columns]
    return ["" if value is None else signed_percent(value) for value in values]
