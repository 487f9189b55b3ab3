"""What each number of users would get: the steady part of simulated loads, where the knee is, what a promise takes."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from benchmark.errors import UsageError
from benchmark.fields import Frozen, parse_seconds
from benchmark.plan import Endpoint, Plan
from benchmark.record import Spread
from benchmark.summary import quantiles_ms, since_due_ms, within
from benchmark.theory.computing import Bound, bounds, resampled, service, unknown_members
from benchmark.theory.connections import assigned, likely_split
from benchmark.theory.processors import Machine
from benchmark.theory.simulation import OVERHEAD, Load, Mix, simulate

MOST_USERS = 10_000
MOST_WORKERS = 64
POINTS = 12
REPLICATES = 10
FEWEST_REPLICATES = 3
ANSWERS = 2500  # that one simulated load counts at least
ANSWERS_PER_USER = 6
WARM_CYCLES = 2.5  # after which a queue is as long as it stays
MOST_ANSWERS = 40_000  # of one number of users, in all of its loads together
MORE_THAN_BOUND = 1.03  # of a simulated load that ends, which may count a little more than the bound
BAND = (0.05, 0.95)
METRICS = ("throughput", "mean", "p50", "p95", "p99")
On = Callable[[Plan], Machine]
"""Gives the machine that a plan runs on."""


class Point(Frozen):
    """Medians over several simulated loads, and the band in which nine of ten of them were.

    The loads differ in what the measured service time might have been, in connections, and by chance.
    """

    users: int
    throughput_rps: float
    mean_ms: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    band: dict[str, Spread]


class Knee(Frozen):
    """From `users` on more of them only wait longer, as no more than `most_rps` get through; `by` what limits it.

    `pool`: where it is slots of a mix, whose; "": they are threads.
    """

    users: float
    most_rps: float
    by: Literal["slots", "workers", "cores", "generator"]
    pool: str = ""


class Curve(Frozen):
    """`most_users`: up to how many were measured; None: none was, all is declared."""

    endpoint: str
    points: tuple[Point, ...]
    knee: Knee | None
    most_users: int | None
    seed: int


class Promise(Frozen):
    """A bound that a metric has to keep: at most so many ms, or of the throughput at least so many req/s."""

    metric: Literal["throughput", "mean", "p50", "p95", "p99"]
    value: float

    def kept(self, found: dict[str, float]) -> bool:
        value = found[self.metric]
        return value >= self.value if self.metric == "throughput" else value <= self.value


class Take(Frozen):
    """How many workers, threads or slots a promise takes (each worker has its own slots); None: no number does."""

    what: Literal["workers", "threads", "slots"]
    now: int
    number: int | None
    why_not: str | None = None


class Met(Frozen):
    """For which users promises hold, `first` to `last`; None: for none. `takes`: what it would take for `users`."""

    promises: tuple[Promise, ...]
    first: int | None
    last: int | None
    most: int
    users: int
    holds: bool
    takes: tuple[Take, ...]


def users_range(text: str) -> tuple[int, int]:
    """Read "1..1000". UsageError says what is wrong with it."""
    found = re.fullmatch(r"\s*(\d{1,9})\s*\.\.\s*(\d{1,9})\s*", text)
    if found is None:
        raise UsageError(f"--users: {text!r} is no range; write it like 1..1000")
    first, last = int(found[1]), int(found[2])
    if first < 1 or last <= first:
        raise UsageError(f"--users: {text!r} must begin at 1 or more and end above that, like 1..1000")
    if last > MOST_USERS:
        raise UsageError(f"--users: a curve goes up to {MOST_USERS} users (got {last}); beyond, ask for one number")
    return first, last


def promises(text: str) -> tuple[Promise, ...]:
    """Read "p95=300ms, throughput=200/s". UsageError says what is wrong with it."""
    found = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        metric, _, value = (side.strip() for side in part.partition("="))
        if metric not in METRICS:
            raise UsageError(f"--meet: {metric!r} is none of {', '.join(METRICS)}; write it like p95=300ms")
        if metric in found:
            raise UsageError(f"--meet: {metric} is promised twice; give it once")
        found[metric] = Promise.model_validate({"metric": metric, "value": _value(metric, value)})
    if not found:
        raise UsageError(f"--meet: {text!r} promises nothing; write it like p95=300ms,throughput=200/s")
    return tuple(found.values())


def _value(metric: str, text: str) -> float:
    try:
        value = float(text.removesuffix("/s")) if metric == "throughput" else 1000 * float(parse_seconds(text))
    except ValueError:
        like = "throughput=200/s" if metric == "throughput" else f"{metric}=300ms"
        raise UsageError(f"--meet: {text!r} is no value of {metric}; write it like {like}") from None
    if not 0 < value < 1e9:  # noqa: PLR2004 - eleven days, or more than any server
        raise UsageError(f"--meet: {metric} must be above 0 (got {text!r})")
    return value


@dataclass
class Simulator:
    """Loads of one endpoint, each with any number of users; what was simulated once is kept."""

    plan: Plan
    endpoint: Endpoint
    machine: Machine
    seed: int
    _seen: dict[int, dict[str, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.served = _served(self.endpoint, self.plan)
        self.on = self.machine if self.served.computes else None

    def bounds(self) -> list[Bound]:
        return bounds(self.served, self.on, OVERHEAD[self.plan.profile.client])

    def knee(self) -> Knee | None:
        first = next(iter(self.bounds()), None)
        if first is None:
            return None
        alone_s = self.served.alone_s
        users = first.rps * (alone_s + self.plan.profile.think_s(alone_s))
        return Knee.model_validate({"users": users, "most_rps": first.rps, "by": first.by, "pool": first.pool})

    def once(self, users: int) -> dict[str, float]:
        """What this many users get, as medians over a few loads."""
        if users not in self._seen:
            loads = [self._load(users, self.served, number) for number in range(FEWEST_REPLICATES)]
            self._seen[users] = {name: float(np.median([load[name] for load in loads])) for name in METRICS}
        return self._seen[users]

    def point(self, users: int) -> Point:
        random = np.random.default_rng(self.seed)
        most = MOST_ANSWERS // max(ANSWERS, ANSWERS_PER_USER * users)
        loads = []
        for number in range(min(REPLICATES, max(FEWEST_REPLICATES, most))):
            again = _served(resampled(self.endpoint, random), self.plan)
            loads.append(self._load(users, again, number))
        columns = {name: np.array([load[name] for load in loads]) for name in METRICS}
        named = {name: "throughput_rps" if name == "throughput" else f"{name}_ms" for name in METRICS}
        ends = {named[name]: np.quantile(values, BAND).round(3).tolist() for name, values in columns.items()}
        middle = {named[name]: round(float(np.median(values)), 3) for name, values in columns.items()}
        band = {name: Spread(low=low, high=high) for name, (low, high) in ends.items()}
        return Point.model_validate({"users": users, **middle, "band": band})

    def _load(self, users: int, served: Mix, number: int) -> dict[str, float]:
        """Simulate users who begin spread over a cycle; of a flow over all of its steps, so that none comes first."""
        profile, random = self.plan.profile, np.random.default_rng((self.seed, number))
        alone_s = served.alone_s
        most_rps = min((bound.rps for bound in self.bounds()), default=float("inf"))
        cycle_s = served.steps * max(alone_s + profile.think_s(alone_s), users / most_rps)
        begins = Load(users, profile.spawn_rate_per_s, duration_s=1.0)
        split = likely_split(begins, served.workers, random, own_sockets=self.plan.target.sockets == "per-worker")
        overhead = OVERHEAD[profile.client]
        warm_s = overhead.begin_s + users * overhead.connect_s + WARM_CYCLES * cycle_s
        lasts_s = max(ANSWERS / users / served.steps, ANSWERS_PER_USER / served.steps, 1.0) * cycle_s
        load = Load(
            users=users,
            spawn_rate_per_s=users,
            duration_s=warm_s + lasts_s,
            wait_s=profile.wait_s,
            think=profile.think,
            seed=number,
            start="spread",
            spread_s=cycle_s,
        )
        seed = int(random.integers(2**31))
        found = simulate(load, served, assigned(split, random), overhead, machine=self.on, seed=seed)
        rows = within(found.rows, warm_s, warm_s + lasts_s)
        latencies = since_due_ms(rows)
        exact = quantiles_ms(latencies, (50.0, 95.0, 99.0)).tolist()
        values = (len(rows) / lasts_s, float(latencies.mean()), *exact)
        return dict(zip(METRICS, values, strict=True))


def _served(endpoint: Endpoint, plan: Plan) -> Mix:
    served = service(endpoint, plan)
    if served is None:
        raise UsageError(undeclared(endpoint, plan))
    return Mix.of(served)


def undeclared(endpoint: Endpoint, plan: Plan) -> str:
    """What to do about an endpoint of which too little is known, or about those of a mix."""
    unknown = unknown_members(endpoint, plan)
    names = ", ".join(repr(one.name) for one in unknown)
    who = f"endpoint {names}" if len(unknown) == 1 else f"endpoints {names}"
    message = f"{who}: its service time, or how it is served, is not declared"
    declare = "declare work and served in benchmark.toml, or give --service-seconds and --seats"
    if endpoint.mix is not None:
        message = f"mix {endpoint.name!r}: the service time of its {who}, or how it is served, is not declared"
        declare = "declare work and served in benchmark.toml"
    commands = "; ".join(f"bench diagnose {one.name} --keep" for one in unknown)
    return f"{message}; {declare}, or have them measured: {commands}"


def grid(first: int, last: int) -> list[int]:
    """Numbers of users from `first` to `last`, each about as many times the one before."""
    return sorted({round(users) for users in np.geomspace(first, last, POINTS).tolist()})


def curve(found: Simulator, users: Sequence[int], watch: Callable[[int], None]) -> Curve:
    """Simulate each number of users. `watch` is told each before it begins."""
    points = []
    for number in users:
        watch(number)
        points.append(found.point(number))
    measured = [one.measured.most_users for one in found.endpoint.members if one.measured is not None]
    return Curve(
        endpoint=found.endpoint.name,
        points=tuple(points),
        knee=found.knee(),
        most_users=min(measured, default=None),
        seed=found.seed,
    )


def meet(found: Simulator, asked: tuple[Promise, ...], on: On, watch: Callable[[int], None]) -> Met:
    """Say for which users promises hold, and what it would take for those of the profile."""

    def kept(simulator: Simulator, users: int, of: Sequence[Promise]) -> bool:
        most_rps = min((bound.rps for bound in simulator.bounds()), default=float("inf"))
        if any(promise.metric == "throughput" and promise.value > MORE_THAN_BOUND * most_rps for promise in of):
            return False
        watch(users)
        got = simulator.once(users)
        return all(promise.kept(got) for promise in of)

    flow = [promise for promise in asked if promise.metric == "throughput"]
    times = [promise for promise in asked if promise.metric != "throughput"]
    users = found.plan.profile.users
    last = _last(lambda number: kept(found, number, times), MOST_USERS) if times else MOST_USERS
    first = _first(lambda number: kept(found, number, flow), max(last, 1)) if flow else 1
    holds = kept(found, users, asked)
    takes = [] if holds else [_take(found, change, asked, on, kept) for change in _changes(found)]
    some = first is not None and first <= last
    return Met(
        promises=asked,
        first=first if some else None,
        last=last if some else None,
        most=MOST_USERS,
        users=users,
        holds=holds,
        takes=tuple(takes),
    )


def _last(kept: Callable[[int], bool], most: int) -> int:
    """The largest number for which it is kept, where it is kept up to some number; 0: for none."""
    low, high = 0, 1
    while high <= most and kept(high):
        low, high = high, 2 * high
    high = min(high, most + 1)
    while high - low > max(1, low // 100):
        middle = (low + high) // 2
        low, high = (middle, high) if kept(middle) else (low, middle)
    return low


def _first(kept: Callable[[int], bool], most: int) -> int | None:
    """The smallest number for which it is kept, where it is kept from some number on; None: for none."""
    until = _last(lambda number: not kept(number), most)
    number = min(until + max(1, until // 100), most)
    return number if until < most and kept(number) else None


def _changes(found: Simulator) -> Iterator[tuple[Literal["workers", "threads", "slots"], int, int]]:
    """What could be more: its name, how many there are now, and how many it makes sense to try."""
    target, users = found.plan.target, found.plan.profile.users
    yield "workers", target.workers, MOST_WORKERS
    if any(one.served == "thread pool" for one in found.endpoint.members):
        yield "threads", target.threads, max(users, target.threads)
    if (pooled := only_pool(found.endpoint)) is not None:
        yield "slots", pooled, max(users, pooled)


def only_pool(endpoint: Endpoint) -> int | None:
    """The slots of the one endpoint that has a pool of its own; None: none has, or several have."""
    found = [one.seats for one in endpoint.members if one.seats is not None]
    return found[0] if len(found) == 1 else None


def with_slots(endpoint: Endpoint, slots: int) -> Endpoint:
    """The same with so many in its pool, or in the one pool of its mix."""
    if endpoint.mix is None:
        return endpoint.model_copy(update={"served": "pool", "seats": slots})
    requests = tuple(one if one.seats is None else with_slots(one, slots) for one in endpoint.mix.requests)
    return endpoint.model_copy(update={"mix": endpoint.mix.model_copy(update={"requests": requests})})


def _take(
    found: Simulator,
    change: tuple[Literal["workers", "threads", "slots"], int, int],
    asked: tuple[Promise, ...],
    on: On,
    kept: Callable[[Simulator, int, Sequence[Promise]], bool],
) -> Take:
    what, now, most = change

    def changed(number: int) -> Simulator:
        target, endpoint = found.plan.target, found.endpoint
        if what == "slots":
            endpoint = with_slots(endpoint, number)
        else:
            target = target.model_copy(update={what: number})
        plan = found.plan.model_copy(update={"target": target})
        return Simulator(plan, endpoint, on(plan), found.seed)

    users, why_not = found.plan.profile.users, _why_not(found, changed(most), asked)
    if why_not != "connections":
        return Take(what=what, now=now, number=None, why_not=why_not)
    more = _first(lambda number: kept(changed(now + number), users, asked), most - now)
    if more is not None:
        return Take(what=what, now=now, number=now + more)
    return Take(what=what, now=now, number=None, why_not=why_not)


def _why_not(found: Simulator, most: Simulator, asked: tuple[Promise, ...]) -> str:
    """What no number of something changes; where bounds would allow the promise only the connections can."""
    alone, users = found.once(1), found.plan.profile.users
    slow = any(promise.metric != "throughput" and not promise.kept(alone) for promise in asked)
    limit = next(iter(most.bounds()), None)
    if slow or limit is None:
        return "alone"
    # what all would get if each worker had as many connections
    least_ms = 1000 * (users / limit.rps - found.plan.profile.think_s(users / limit.rps))
    at_best = {"throughput": limit.rps, **dict.fromkeys(("mean", "p50", "p95", "p99"), max(least_ms, alone["mean"]))}
    possible = all(promise.kept(at_best) for promise in asked)
    return "connections" if possible else limit.by
