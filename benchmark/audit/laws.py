"""What no load test can give: the laws that a row of a table must keep, whatever was measured.

Every number counts as the interval that its printed digits leave open; a row contradicts a law only if no values
within these intervals keep it. docs/auditing.md derives them.

Little's law: J. D. C. Little, "A Proof for the Queuing Formula: L = λW", Operations Research 9 (1961), 383-387. Bounds
of a percentile by mean and standard deviation: F. P. Cantelli (1928). Of the standard deviation by mean and extremes:
R. Bhatia and C. Davis, "A Better Bound on the Variance", American Mathematical Monthly 107 (2000), 353-357.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from benchmark.audit.cells import Printed, exactly
from benchmark.audit.table import Assumed, Row, Table, read_tables
from benchmark.formatting import figure, latency, percent, seconds, three_digits

HISTOGRAM = 1.001  # percentiles out of a histogram of three digits, such as HdrHistogram's, may be as far off
FEWEST_ACCOUNTED = 0.75
"""Of the users' time: less than that is a contradiction. The rest is ramp-up, and what the load generator loses between
a response and the next request."""

FEW_USERS, MANY_EACH = 10, 1000
"""So few users with no more requests each may spend much of their time in requests that did not end."""

HEAVIEST_TAIL = 10.0
"""How many times the highest percentile the slowest requests may take on average where no maximum is printed."""

TAIL_FROM_PERCENT = 90.0
MOST_FAILED = 0.01  # with more, users may have waited for what no latency counts: a timeout
MOST_OF_RATE = 1.1  # random arrivals may be so many more than the rate says
OTHER_UNITS = ("s", "us")  # of times that name none
PACED_SLACK = 1.1  # the last think time of each user may be cut off by the end of the load


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A law that a row breaks, and the numbers."""

    law: str
    why: str


def contradictions(row: Row, assumed: Assumed) -> list[Contradiction]:
    """Every law that a row breaks."""
    found = [*_order(row)]
    if not found:
        found += [*_mean(row), *_deviation(row)]
    return [*found, *_counts(row), *_little(row, assumed)]


def is_checked(row: Row) -> bool:
    """Whether a row has two numbers at least that a law connects."""
    timed = len(row.latencies) + len(row.percentiles)
    return timed > 1 or bool(timed and "throughput" in row.rates and "users" in row.counts)


def _points(row: Row) -> list[tuple[float, str, Printed]]:
    """Minimum, percentiles and maximum, by their share of the requests."""
    found = [(percent_ / 100, f"p{percent_:g}", value) for percent_, value in sorted(row.percentiles.items())]
    ends = ((0.0, "min"), (1.0, "max"))
    found += [(share, name, row.latencies[name]) for share, name in ends if name in row.latencies]
    return sorted(found, key=lambda point: point[0])


def _order(row: Row) -> Iterator[Contradiction]:
    """Minimum, percentiles and maximum rise; the mean lies between minimum and maximum."""
    highest: tuple[str, Printed] | None = None
    for _, name, value in _points(row):
        if highest and _is_above(*highest, name, value):
            why = f"{highest[0]} {_ms(highest[1])} is above {name} {_ms(value)}"
            yield Contradiction("order of percentiles", why)
        if highest is None or value.low > highest[1].low:
            highest = (name, value)
    mean, least, most = (row.latencies.get(name) for name in ("mean", "min", "max"))
    if mean and least and mean.high * HISTOGRAM < least.low:
        yield Contradiction("order", f"mean {_ms(mean)} is below min {_ms(least)}")
    if mean and most and mean.low > most.high * HISTOGRAM:
        yield Contradiction("order", f"mean {_ms(mean)} is above max {_ms(most)}")


def _is_above(name: str, value: Printed, of: str, other: Printed) -> bool:
    """Whether one number must be larger than another one.

    Percentiles are rounded alike, by one program: of two of one unit the larger one was the larger one before.
    """
    if {name, of} & {"min", "max"} or value.unit != other.unit:
        return value.low > other.high * HISTOGRAM
    return value.value > other.value


def _rank(row: Row) -> float:
    """By how much of all requests definitions of a percentile differ: one of them."""
    requests = row.counts.get("requests")
    return 1 / requests.low if requests and requests.low else 0.0


def least_mean(row: Row) -> float:
    """What the mean is at least (ms): each request takes as long as the percentile below it."""
    points = [(share, value.low) for share, _, value in _points(row)]
    borders = [min(1.0, share + _rank(row)) if share else 0.0 for share, _ in points] + [1.0]
    return math.fsum((end - start) * low for (start, end), (_, low) in zip(pairwise(borders), points, strict=True))


def most_mean(row: Row, tail: float = math.inf) -> float:
    """What the mean is at most (ms): each request takes as long as the percentile above it.

    `tail`: where no maximum is printed, how many times the highest percentile the requests above it take on average.
    """
    points = [(share, value.high) for share, _, value in _points(row) if share]
    if not points:
        return math.inf
    if points[-1][0] < 1:
        points.append((1.0, points[-1][1] * tail))
    borders = [0.0] + [share if share == 1 else max(0.0, share - _rank(row)) for share, _ in points]
    return math.fsum((end - start) * high for (start, end), (_, high) in zip(pairwise(borders), points, strict=True))


def _mean(row: Row) -> Iterator[Contradiction]:
    mean = row.latencies.get("mean")
    if mean is None or not row.percentiles:
        return
    least, most = least_mean(row), most_mean(row)
    if mean.high * HISTOGRAM < least:
        yield Contradiction("mean", f"{_named(row)} make a mean of {_time(least)} at least, printed is {_ms(mean)}")
    elif mean.low > most * HISTOGRAM:
        yield Contradiction("mean", f"{_named(row)} make a mean of {_time(most)} at most, printed is {_ms(mean)}")
    elif "max" not in row.latencies:
        share, name, top = _points(row)[-1]
        if mean.low > top.high and 100 * share >= TAIL_FROM_PERCENT and mean.low > most_mean(row, HEAVIEST_TAIL):
            yield Contradiction("mean", f"mean {_ms(mean)} is above {name} {_ms(top)}; {_tail(row, mean.low)}")


def _tail(row: Row, mean_ms: float) -> str:
    """What the requests above the highest percentile had to take for a mean."""
    share = _points(row)[-1][0]
    rest = mean_ms - most_mean(row, 0.0)
    return f"the slowest {percent(100 * (1 - share))} would have taken {_time(rest / (1 - share))} on average"


def _deviation(row: Row) -> Iterator[Contradiction]:
    """Cantelli: a percentile is at most sqrt(p / (1 - p)) deviations above the mean, and sqrt((1 - p) / p) below it."""
    mean, deviation = row.latencies.get("mean"), row.latencies.get("stdev")
    if mean is None or deviation is None:
        return
    given = f"mean {_ms(mean)} and standard deviation {_ms(deviation)}"
    for percent_, value in sorted(row.percentiles.items()):
        share = percent_ / 100
        above = (mean.high + deviation.high * math.sqrt(share / (1 - share))) * HISTOGRAM
        below = (mean.low - deviation.high * math.sqrt((1 - share) / share)) / HISTOGRAM
        if value.low > above:
            yield Contradiction("Cantelli", f"{given} allow p{percent_:g} {_time(above)} at most, not {_ms(value)}")
        elif value.high < below:
            yield Contradiction("Cantelli", f"{given} allow p{percent_:g} {_time(below)} at least, not {_ms(value)}")
    least, most = row.latencies.get("min"), row.latencies.get("max")
    if least and most:
        middle = min(max((least.low + most.high) / 2, mean.low), mean.high)
        widest = math.sqrt(max(0.0, (most.high - middle) * (middle - least.low)))
        if deviation.low > widest * HISTOGRAM * math.sqrt(1 + 2 * _rank(row)):
            why = f"min {_ms(least)}, mean {_ms(mean)} and max {_ms(most)} allow a standard deviation of "
            yield Contradiction("Bhatia-Davis", f"{why}{_time(widest)} at most, not {_ms(deviation)}")


def _counts(row: Row) -> Iterator[Contradiction]:
    for part, whole, unit in (("failures", "requests", "requests"), ("failures_rps", "throughput", "req/s")):
        known = {**row.counts, **row.rates}
        few, all_ = known.get(part), known.get(whole)
        if few and all_ and few.low > all_.high:
            yield Contradiction("counts", f"{figure(few.value)} of {figure(all_.value)} {unit} failed")
    share = row.counts.get("failed_share")
    if share and share.low > 1:
        yield Contradiction("counts", f"{percent(100 * share.value)} failed, which is more than all")
    offered, came = row.rates.get("offered"), row.rates.get("throughput")
    if offered and came and came.low > offered.high * MOST_OF_RATE:
        yield Contradiction("counts", f"{_rps(came)} were served, but only {_rps(offered)} were sent")


@dataclass(frozen=True, slots=True)
class _Load:
    """A closed load: so many users, each with one request at a time (or `in_flight` of all together)."""

    users: Printed
    served: Printed
    right_low_rps: float
    think: Printed
    pipelined: int

    @property
    def in_flight(self) -> Printed:
        return self.users.times(self.pipelined)


def _little(row: Row, assumed: Assumed) -> Iterator[Contradiction]:
    """N = X (R + Z): users are always either waiting for a response or thinking."""
    users, served = row.counts.get("users"), row.rates.get("throughput")
    if users is None or served is None or not served.value or "offered" in row.rates:
        return  # at a rate of their own requests may wait for users, too, and their latency counts from then on
    failed = _failed_share(row, served)
    think = row.counts.get("think", exactly(assumed.think_s))
    load = _Load(users, served, served.low * (1 - failed), think, assumed.pipelined)
    yield from _too_slow(row, load)
    if not row.shares_users and failed <= MOST_FAILED:
        yield from _too_fast(row, load)


def _failed_share(row: Row, served: Printed) -> float:
    """Which share of the requests failed at most. They may have taken any time, and the mean may leave them out."""
    rate, share, some, all_ = (
        {**row.rates, **row.counts}.get(name) for name in ("failures_rps", "failed_share", "failures", "requests")
    )
    found = [rate.high / served.low if rate and rate.value and served.low else 0.0, share.high if share else 0.0]
    found += [some.high / all_.low if some and all_ and all_.low else 0.0]
    return min(1.0, max(found))


def _too_slow(row: Row, load: _Load) -> Iterator[Contradiction]:
    """More requests under way than there are users to send them."""
    mean = row.latencies.get("mean")
    least = mean.low if mean else least_mean(row)
    slack = PACED_SLACK if load.think.high else 1.0
    least_in_flight = load.right_low_rps * (least / 1000 + load.think.low)
    if least_in_flight > load.in_flight.high * slack * HISTOGRAM:
        what = f"a mean of {_ms(mean)}" if mean else f"{_named(row)}, a mean of {_time(least)} at least,"
        think = f" and {seconds(load.think.value)} of think time" if load.think.high else ""
        why = f"{_rps(load.served)} x {what}{think} keep {_many(least_in_flight)} busy, there are {_users(load)}"
        yield Contradiction("Little's law", why)


def _too_fast(row: Row, load: _Load) -> Iterator[Contradiction]:
    """Users that wait for nothing: they had sent more."""
    mean = row.latencies.get("mean")
    highest = max(row.percentiles, default=0.0)
    if mean is None and "max" not in row.latencies and highest < TAIL_FROM_PERCENT:
        return
    requests = row.counts.get("requests")
    if requests and load.in_flight.low < FEW_USERS and requests.high < MANY_EACH * load.in_flight.low:
        return  # one request that was still under way at the end, and is in no column, may be what is missing
    most = mean.high if mean else most_mean(row, HEAVIEST_TAIL)
    most_in_flight = load.served.high * (most / 1000 + load.think.high)
    if most_in_flight >= load.in_flight.low * FEWEST_ACCOUNTED:
        return
    demanded_ms = 1000 * (load.in_flight.value / load.served.value - load.think.value)
    pause = f"with {seconds(load.think.value)} of think time" if load.think.high else "without think time"
    why = f"{_users(load)} {pause} at {_rps(load.served)} take {_time(demanded_ms)} for each request on average"
    if mean:
        keep = f"printed is a mean of {_ms(mean)}, which keeps {_many(most_in_flight)} busy"
        yield Contradiction("Little's law", f"{why}; {keep}")
    elif "max" in row.latencies:
        yield Contradiction("Little's law", f"{why}; {_named(row)} make {_time(most)} at most")
    else:
        _, name, top = _points(row)[-1]
        above = "above" if demanded_ms > top.high else "next to"
        yield Contradiction("Little's law", f"{why}, {above} {name} {_ms(top)}: {_tail(row, demanded_ms)}")


def _named(row: Row) -> str:
    points = [f"{name} {_ms(value)}" for _, name, value in _points(row)]
    return f"{', '.join(points[:-1])} and {points[-1]}" if len(points) > 1 else "".join(points)


def _ms(value: Printed) -> str:
    return _time(value.value)


def _time(value_ms: float) -> str:
    """Three digits: with fewer, two numbers that contradict each other may look the same."""
    return f"{three_digits(value_ms)} ms" if value_ms < 1000 else latency(value_ms)  # noqa: PLR2004 - ms in a second


def _rps(value: Printed) -> str:
    return f"{figure(value.value)} req/s"


def _users(load: _Load) -> str:
    each = f" with {load.pipelined} requests each" if load.pipelined > 1 else ""
    return f"{_many(load.users.value)}{each}"


def _many(users: float) -> str:
    return f"{figure(users) if users != int(users) else f'{users:,.0f}'} users"


@dataclass(frozen=True, slots=True)
class Audited:
    """`flagged`: rows that contradict a law, in their order. `unit`: of times that name none, where there are some."""

    table: Table
    flagged: tuple[tuple[Row, list[Contradiction]], ...]
    unit: str | None


def audit(path: Path, text: str, assumed: Assumed) -> list[Audited]:
    """Hold every table of a text against the laws. UsageError: there is none.

    Times without a unit are in ms; where every row would then contradict Little's law, and with another unit fewer do,
    they are in that.
    """
    found = []
    for number, table in enumerate(read_tables(path, text, assumed)):
        unit = assumed.unit or "ms"
        best = _flagged(table, assumed)
        if table.unit_assumed and table.rows and len(best) == len(table.rows):
            for other in OTHER_UNITS:
                again = read_tables(path, text, replace(assumed, unit=other))[number]
                if len(tried := _flagged(again, assumed)) < len(best):
                    table, best, unit = again, tried, other  # noqa: PLW2901 - the same table, read with that unit
        found.append(Audited(table, tuple(best), unit if table.unit_assumed else None))
    return found


def _flagged(table: Table, assumed: Assumed) -> list[tuple[Row, list[Contradiction]]]:
    every = [(row, contradictions(row, assumed)) for row in table.rows]
    return [(row, broken) for row, broken in every if broken]
