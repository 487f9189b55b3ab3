"""How many requests an endpoint serves at a time, from a load that climbs.

Operational analysis of a closed system (Denning and Buzen, Computing Surveys 10(3), 1978), worker by worker: users
keep their connection, so a worker with c of them that has m seats of S seconds answers min(c, m) / S a second. The
sum over the workers is what was measured at each level; S and m are what fits all levels best. Connections are
dealt unevenly, and a worker with fewer connections than seats is not full: hence no simple maximum of throughput.

Answers of constant length come in waves, and a window cuts waves. So answers are not counted: each occupied a seat
for S seconds before it came, and what is averaged is how many did so at a time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.diagnose.model import Interval, Level, Step
from benchmark.summary import right, since_due_ms, within

Floats = npt.NDArray[np.float64]

FEWEST_ANSWERS = 2
FEWEST_FOR_A_SLOPE = 3
SETTLING = 0.2  # of a level is left out at its begin: new users connect, and the queue that they make builds up
SMOOTH_SPREAD = 0.1
HICCUPS = 0.02  # of the answers, the slowest, may be chance
MODEL_ERROR = 0.03  # relative, of a level, whatever the number of responses: the machine is never quite the same
SLOWER_UNDER_LOAD = 0.05  # how much longer (relative) a request may take among others, as one standard error
MOST_MISFIT = 16.0  # squared, in standard errors; beyond it a level is no worse: one slow second must not bend the rest
CHI2_95 = 3.84
GRID = 600
LITTLE = 0.05  # of the service time is waited for a processor; then it is taken off
QUIET_PERCENT, QUIET_WORKER_PERCENT = 70.0, 50.0  # of the machine, of a core: beyond, what is waited shows no more
KNOWN = 0.01  # relative 95% error of a mean that more responses need not make better
LIMIT = 0.95  # of the most that were served at a time, or of the users: from there on all slots or all users were
SHORTEST_SILENCE_S = 0.5
SILENT_SERVICE_TIMES = 3  # without any response are no chance: each slot gives one in each
NO_SLOPE = 0.05  # relative standard deviation of throughput up to which it is the same at all levels
BUSY = 0.5  # of the most processor time that a level took: from there on a level tells what a response costs
SAME = 1e-4  # variance of how much the levels idle, below which it tells nothing
LEAST_COST = 0.75  # of the CPU per response that was measured: so much it is at the limit at least
MOST_WAKING_S = 0.0003  # of it that falls away where many responses come at once


@dataclass(frozen=True)
class Fit:
    """Seats of each worker and service time that fit all levels best. `high` of the seats None: perhaps no limit."""

    seats: Interval
    service: Interval


def service_time(rows: pd.DataFrame, alone: Step) -> Interval | None:
    """Time (s) that one request takes when nobody else asks; None without three answers.

    The median where answers take nearly the same time, so that one hiccup does not count; else the mean, which is
    what decides how many answers seats can give: where a fifth takes six times as long, too. The first answer is left
    out: it may have warmed something up.
    """
    latencies = since_due_ms(within(rows, alone.start_s, alone.end_s))[1:] / 1000
    if len(latencies) < FEWEST_ANSWERS:
        return None
    low, middle, high = np.quantile(latencies, [0.25, 0.5, 0.75])
    quick = np.sort(latencies)[: -max(1, round(HICCUPS * len(latencies)))]
    smooth = (high - low) < SMOOTH_SPREAD * middle and quick.mean() < (1 + SMOOTH_SPREAD / 2) * middle
    value = float(middle if smooth else latencies.mean())
    spread = float((high - low) / 1.349 if smooth else latencies.std(ddof=1))
    error = 1.96 * spread / np.sqrt(len(latencies))
    return Interval(value=value, low=max(value - error, 0.0), high=value + error)


def levels(steps: Sequence[Step], rows: pd.DataFrame, service_s: float) -> list[Level]:
    """Say for each level how many answers it gave, and how many seats were busy on average."""
    ends = rows["end_s"].to_numpy(dtype=np.float64)
    found = []
    for number, step in enumerate(steps):
        start_s = step.start_s + SETTLING * (step.end_s - step.start_s)
        # What ends after a level shows which seats were busy at its end; after the last level nothing is answered.
        end_s = step.end_s if number < len(steps) - 1 else max(step.end_s - service_s, (start_s + step.end_s) / 2)
        overlap = np.clip(np.minimum(ends, end_s) - np.maximum(ends - service_s, start_s), 0, None)
        busy = float(overlap.sum()) / (end_s - start_s)
        answered_ms = since_due_ms(within(rows, step.start_s, step.end_s))
        settled_ms = since_due_ms(within(rows, start_s, step.end_s))
        middle, slow = np.quantile(settled_ms, [0.5, 0.99]) if len(settled_ms) else (1.0, 0.0)
        found.append(
            Level(
                **step.model_dump(),
                answers=len(answered_ms),
                throughput_rps=round(busy / service_s, 3),
                median_ms=round(float(np.median(answered_ms)), 3) if len(answered_ms) else None,
                busy_seats=round(busy, 3),
                tail=round(float(slow / middle), 2),
            )
        )
    return found


def connections(level: Level) -> tuple[float, ...]:
    """Connections of each worker; of an app elsewhere all are taken for one worker's.

    A worker that is blocked accepts late: connections that wait for it are dealt out in proportion, in parts.
    """
    held = level.connections_per_worker
    if not held or not sum(held):
        return (float(level.users),)
    return tuple(count * level.users / sum(held) for count in held)


def served_at_once(level: Level, seats_per_worker: float) -> float:
    """Requests of a level that so many seats can serve at a time: a worker with fewer connections is not full."""
    return sum(min(held, seats_per_worker) for held in connections(level))


def capacity(level: Level, seats_per_worker: Floats) -> Floats:
    """The same for many numbers of seats."""
    held = np.asarray(connections(level), dtype=np.float64)
    served: Floats = np.minimum(held[:, None], seats_per_worker[None, :]).sum(axis=0)
    return served


def fit(found: Sequence[Level], service: Interval, variation: float) -> Fit:
    """Fit seats per worker and service time to all levels that were answered.

    `variation`: standard deviation of the service time over its mean. The interval is that of the profile
    likelihood: all numbers of seats that fit not much worse than the best.
    """
    answered = evenly_full([level for level in found if level.answers > 0 and level.busy_seats > 0])
    most = max(max(connections(level)) for level in answered)
    grid = np.unique(np.concatenate([np.geomspace(0.4, most, GRID), np.arange(1.0, most + 1)]))
    expected = np.log(np.stack([capacity(level, grid) for level in answered]))
    measured = np.log([level.busy_seats for level in answered])[:, None]
    error = np.sqrt(MODEL_ERROR**2 + variation**2 / np.asarray([level.answers for level in answered]))[:, None]
    # How much longer a request takes among others than alone, the same for all levels: unknown, but not anything.
    unsure = (service.high or service.value) / service.value - 1
    most_slower = 3 * float(np.hypot(SLOWER_UNDER_LOAD, unsure))
    slower = np.clip(np.median(expected - measured, axis=0), -most_slower, most_slower)
    misfit = np.minimum(((expected - measured - slower) / error) ** 2, MOST_MISFIT).sum(axis=0)
    misfit += (3 * slower / most_slower) ** 2
    best = int(misfit.argmin())
    scale = max(1.0, float(misfit[best]) / max(1, len(answered) - 2))
    accepted = misfit <= misfit[best] + CHI2_95 * scale
    factors = np.exp(slower)
    return Fit(
        seats=_interval(grid[best], grid[accepted], open_above=bool(accepted[-1])),
        service=_interval(service.value * factors[best], service.value * factors[accepted], open_above=False),
    )


def evenly_full(answered: Sequence[Level]) -> Sequence[Level]:
    """Without levels at which one worker may be full and another not: which has how many connections is not known."""
    limit = LIMIT * max(level.busy_seats for level in answered)
    return [
        level
        for number, level in enumerate(answered)
        if level.connections_per_worker
        or level.busy_seats > LIMIT * level.users
        or any(earlier.busy_seats >= limit for earlier in answered[: number + 1])
    ]


def mean_latency(rows: pd.DataFrame) -> Interval:
    """Mean response time (s) of at least one row."""
    latencies = since_due_ms(rows) / 1000
    value = float(latencies.mean())
    error = 1.96 * float(latencies.std(ddof=min(1, len(latencies) - 1))) / np.sqrt(len(latencies))
    return Interval(value=value, low=max(value - error, 0.0), high=value + error)


def unqueued(rows: pd.DataFrame, found: Sequence[Level], seats: float | None, cpu_s: float | None) -> pd.DataFrame:
    """Rows of the levels at which nothing had to wait: of one user, and of more of them as long as none queued.

    More responses tell the mean of what varies better; levels are added until it is KNOWN. `seats` of each worker,
    None: any number. `cpu_s`: of one request; not known means one user only.
    """
    first, *others = found
    kept = [within(rows, first.start_s, first.end_s)[1:]]
    mean_ms = float(since_due_ms(kept[0]).mean())
    for level in others:
        so_far = pd.concat(kept)
        if len(so_far) >= FEWEST_ANSWERS and _error(mean_latency(so_far)) <= KNOWN:
            break
        settled_s = level.start_s + SETTLING * (level.end_s - level.start_s)
        # by when they were sent: of those that end within a short level more are short
        more = rows[(rows["sent_s"] >= settled_s) & (rows["sent_s"] < level.end_s)]
        waits_s = _waits_s(level, seats, cpu_s)
        if 1000 * waits_s > LITTLE * mean_ms or more.empty:
            break
        kept.append(more.assign(end_s=more["end_s"] - waits_s))
    return pd.concat(kept)


def better_known(
    service: Interval, fitted: Fit, found: Sequence[Level], rows: pd.DataFrame, cpu_s: float | None
) -> Interval | None:
    """Service time (s) of all levels at which nothing queued; None where that of one user is known as well."""
    seats = fitted.seats
    alone = right(unqueued(rows, found, seats.value if seats.high is not None else None, cpu_s))
    if _error(service) <= KNOWN or len(alone) < FEWEST_ANSWERS:
        return None
    mean = mean_latency(alone)
    return mean if _error(mean) < _error(service) else None


def _error(mean: Interval) -> float:
    """Relative, of 95% confidence."""
    return (mean.high or float("inf")) / mean.value - 1


def _waits_s(level: Level, seats: float | None, cpu_s: float | None) -> float:
    """How long (s) a request of a level waits for a processor, on average; inf: for a slot, or it is not known.

    The mean of Pollaczek and Khinchine, where others than the user who asks keep a worker `busy`.
    """
    queues = max(connections(level)) > (seats or float("inf"))
    if cpu_s is None or level.worker_cpu_percent is None or queues or level.busiest_percent > QUIET_WORKER_PERCENT:
        return float("inf")
    if level.machine_cpu_percent > QUIET_PERCENT:
        return float("inf")
    worst = 0.0
    for held, percent in zip(connections(level), level.worker_cpu_percent, strict=False):
        busy = percent / 100 * (held - 1) / held if held > 1 else 0.0
        worst = max(worst, busy / (2 * (1 - busy)))
    return cpu_s * worst


def seat_time_s(rows: pd.DataFrame, full: Sequence[Level], seats: float) -> tuple[float, int]:
    """How long (s) seats were taken where all were, together, and by how many responses."""
    seat_s, answers = 0.0, 0
    for level in full:
        start_s = level.start_s + SETTLING * (level.end_s - level.start_s)
        seat_s += served_at_once(level, seats) * (level.end_s - start_s)
        answers += len(within(rows, start_s, level.end_s))
    return seat_s, answers


def before_standstill(found: list[Level], rows: pd.DataFrame, service_s: float) -> tuple[list[Level], Level | None]:
    """Levels that were answered, and the first one from which on nothing was; None: something was, to the end."""
    if not found:
        return found, None
    silent_s = found[-1].end_s - float(rows["end_s"].max())
    if silent_s < max(SHORTEST_SILENCE_S, SILENT_SERVICE_TIMES * service_s):
        return found, None
    rates = [level.throughput_rps for level in found]
    first = next(n for n in range(1, len(found) + 1) if max(rates[n:], default=0.0) < max(rates[:n]) / 2)
    return found[:first], found[min(first, len(found) - 1)]


def cpu_per_request_s(found: Sequence[Level], cores: int | None) -> float | None:
    """Processor time of one request (s): of the workers, or what the machine computes more for each response.

    At their limit, see `_cost_s`. Of an app that was not started here the slope is taken (least squares): what others
    compute all the time is no part of a request. It is no more than all that was computed, for each response, and as
    much where one user makes an endpoint respond as often as many do: then there is no slope. None: not known.
    """
    if found[0].worker_cpu_percent is not None:
        return _cost_s(found, [level.worker_cpu_percent or () for level in found])
    if cores is None or len(found) < FEWEST_FOR_A_SLOPE:
        return None
    return _grows_s(found, [cores * level.machine_cpu_percent - level.generator_cpu_percent for level in found])


def others_cpu_s(found: Sequence[Level], cores: int | None) -> float:
    """Processor time (s) that neither workers nor load generator compute more for each response; 0: not known."""
    if found[0].worker_cpu_percent is None or cores is None or len(found) < FEWEST_FOR_A_SLOPE:
        return 0.0
    busy = [cores * level.machine_cpu_percent - level.generator_cpu_percent for level in found]
    own = [sum(level.worker_cpu_percent or ()) for level in found]
    return _grows_s(found, np.subtract(busy, own), no_slope_s=0.0)


def _grows_s(found: Sequence[Level], percent: Sequence[float] | Floats, no_slope_s: float | None = None) -> float:
    """Processor time (s) that is used more for each response, of that in all; None: all of it, where none grows."""
    rates = np.array([level.answers / (level.end_s - level.start_s) for level in found])
    varies = rates - rates.mean()
    all_s = float(np.sum(percent)) / 100 / max(float(rates.sum()), 1e-9)
    if varies.std() < NO_SLOPE * rates.mean():
        return all_s if no_slope_s is None else no_slope_s
    return min(max(0.0, float((varies * np.asarray(percent)).sum() / 100 / (varies**2).sum())), all_s)


def generator_cpu_s(found: Sequence[Level]) -> float | None:
    return _cost_s(found, [(level.generator_cpu_percent,) for level in found])


def _cost_s(found: Sequence[Level], percent: Sequence[Sequence[float]]) -> float | None:
    """Processor time of one response where the processes have no time to spare. `percent`: of each, level by level.

    A process that idles is woken for each request, and one that is busy finds several at once: the cost falls in
    proportion to the time in which it does not idle (weighted least squares). It is no more than what the busy levels
    measured, and not much less. The first level may have warmed something up.
    """
    later = list(zip(found, percent, strict=True))[1:]
    used = np.array([sum(each) / 100 for _, each in later])
    spent_s = used * [level.end_s - level.start_s for level, _ in later]
    answers = np.array([level.answers for level, _ in later], dtype=np.float64)
    busy = (answers > 0) & (used >= BUSY * used.max(initial=0.0))
    if not busy.any():
        return None
    measured_s = float(spent_s[busy].sum() / answers[busy].sum())
    idles = 1 - used / [max(1, len(each)) for _, each in later]
    at_limit_s = _at_zero(idles, spent_s / np.maximum(answers, 1), answers)
    return min(max(at_limit_s, LEAST_COST * measured_s, measured_s - MOST_WAKING_S), measured_s)


def _at_zero(x: Floats, y: Floats, weights: Floats) -> float:
    """Where the line that fits best crosses x = 0; inf: it may be any line."""
    mean, level = np.average(x, weights=weights), np.average(y, weights=weights)
    spread = float((weights * (x - mean) ** 2).sum())
    if spread <= SAME * float(weights.sum()):
        return float("inf")
    return float(level - mean * (weights * (x - mean) * (y - level)).sum() / spread)


def _interval(value: float, accepted: Floats, *, open_above: bool) -> Interval:
    return Interval(value=float(value), low=float(accepted.min()), high=None if open_above else float(accepted.max()))
