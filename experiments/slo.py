"""How often "kept" and "broken" are wrong, and how often they are found, on latencies whose true percentile is known.

    make experiment NAME=slo      (two minutes, prints Markdown for docs/measurements/slo.md)

Nothing is measured: latencies are drawn with fixed seeds.
"""

import datetime as dt
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from scipy import optimize, stats

from benchmark.judge import intervals
from benchmark.judge.intervals import evidence
from benchmark.judge.slo import Word, judged
from benchmark.measure.machine import read_environment
from benchmark.slo import Promise, PromisedMetric, percent_of
from benchmark.summary import Floats, Sample
from experiments.verdict_replay import table

RUNS = 500
SIZES = (60, 100, 300, 1000, 3000, 10_000)
BEYOND = 0.2
PARTS = 20
Source = np.random.Generator
Draw = Callable[[Source, int], Floats]
Quantile = Callable[[float], float]


def bimodal(source: Source, size: int) -> Floats:
    fast = source.normal(100, 10, size)
    return np.where(source.random(size) < 0.9, fast, source.normal(500, 50, size))


def bimodal_quantile(share: float) -> float:
    within = lambda x: 0.9 * stats.norm.cdf(x, 100, 10) + 0.1 * stats.norm.cdf(x, 500, 50) - share  # noqa: E731
    return float(optimize.brentq(within, 1, 1000))


LATENCIES: dict[str, tuple[Draw, Quantile]] = {
    "exponential": (lambda source, size: source.exponential(100, size), lambda share: -100 * float(np.log(1 - share))),
    "log-normal": (
        lambda source, size: source.lognormal(np.log(100), 0.5, size),
        lambda share: float(stats.lognorm.ppf(share, 0.5, scale=100)),
    ),
    "bimodal": (bimodal, bimodal_quantile),
}
"""How to draw some (ms), and where the true percentile lies."""

WIDE: dict[str, tuple[Draw, Quantile]] = {
    "log-normal, sigma 1": (
        lambda source, size: source.lognormal(np.log(100), 1.0, size),
        lambda share: float(stats.lognorm.ppf(share, 1.0, scale=100)),
    )
}
"""Wider than most: 5% of the responses take 5 times the median, where these above take 2.3 times."""


def sample_of(latency_ms: Floats, failed: Sequence[bool] = (), ended: Floats | None = None) -> Sample:
    """Right responses of one round, as a run keeps them."""
    parts = np.ones(PARTS) if ended is None else ended
    return Sample(
        failed=np.asarray(failed or np.zeros(len(latency_ms)), dtype=np.bool_),
        latency_ms=latency_ms,
        first_byte_ms=np.empty(0),
        right_rps=float(parts.sum()),
        ended=parts,
    )


def said(metric: PromisedMetric, limit: float, rounds: Sequence[Sample]) -> Word:
    """What is said of a promise whose run nothing speaks against."""
    promise = Promise(endpoint="simulated", metric=metric, limit=limit)
    (found,) = evidence(rounds, [promise])
    return judged(promise, found)


def words(metric: PromisedMetric, name: str, size: int, factor: float, runs: int = RUNS) -> Counter[Word]:
    """What is said of so many runs whose true percentile is `factor` times the limit."""
    draw, quantile = (LATENCIES | WIDE)[name]
    limit = quantile((percent_of(metric) or 0) / 100) / factor
    source = np.random.default_rng([size, len(name), round(100 * factor)])
    return Counter(said(metric, limit, [sample_of(draw(source, size))]) for _ in range(runs))


def shares(found: Counter[Word], *wanted: Word) -> list[str]:
    return [f"{100 * found[word] / found.total():.1f}%" for word in wanted]


def at_the_limit(metric: PromisedMetric, sizes: Sequence[int] = SIZES) -> str:
    rows = []
    for name in LATENCIES:
        cells = [" / ".join(shares(words(metric, name, size, 1.0), "broken", "kept")) for size in sizes]
        rows.append([name, *cells])
    return table(["Broken / kept", *(f"{size:,}" for size in sizes)], rows)


def beyond_the_limit() -> str:
    """Truth 20% beyond either side: how often it is found."""
    rows = []
    for size in (300, 1000, 3000):
        for name in LATENCIES | WIDE:
            slow = shares(words("p95", name, size, 1 + BEYOND), "broken", "kept")
            fast = shares(words("p95", name, size, 1 - BEYOND), "kept", "broken")
            rows.append([f"{size:,} responses, {name}", *slow, *fast])
    head = ["", "p95 is 20% above: broken", "wrongly kept", "20% below: kept", "wrongly broken"]
    return table(head, rows)


def queue(source: Source, size: int, load: float) -> Floats:
    """Response times of a queue with one server (M/M/1) in their order, service 1 on average; from its steady state."""
    waits, found = 0.0, np.empty(size + 2000)
    services, gaps = source.exponential(1, size + 2000), source.exponential(1 / load, size + 2000)
    for number in range(len(found)):
        found[number] = waits + services[number]
        waits = max(0.0, found[number] - gaps[number])
    return found[2000:]


def _dependent() -> Iterator[tuple[str, Callable[[Source], list[Floats]], float]]:
    for load in (0.5, 0.8):
        for size in (1000, 10_000):
            limit = -np.log(0.05) / (1 - load)  # a response time of M/M/1 is exponential
            name = f"one round of {size:,}, queue at {100 * load:.0f}% load"
            yield name, lambda source, size=size, load=load: [queue(source, size, load)], float(limit)  # type: ignore[misc]
    for number in (2, 3, 5, 10):
        rounds = lambda source, number=number: [  # noqa: E731
            source.exponential(100, 1000) * source.lognormal(0, 0.1) for _ in range(number)
        ]
        yield f"{number} rounds of 1,000 that differ by 10%", rounds, _mixed_quantile()
    for number in (2, 3, 5, 10):
        rounds = lambda source, number=number: [source.exponential(100, 1000) for _ in range(number)]  # noqa: E731
        yield f"{number} rounds of 1,000 that do not differ", rounds, -100 * float(np.log(0.05))


def _mixed_quantile() -> float:
    """The p95 over many rounds whose means are 100 ms, and 10% apart."""
    scales = 100 * np.exp(0.1 * stats.norm.ppf((np.arange(1000) + 0.5) / 1000))
    return float(optimize.brentq(lambda x: np.exp(-x / scales).mean() - 0.05, 1, 1000))


def dependence(runs: int = RUNS) -> str:
    """Truth at the limit, responses that depend on each other: as it is, and if they counted as independent."""
    rows = []
    for name, draw, limit in _dependent():
        source = np.random.default_rng(7)
        found, naive = Counter[Word](), Counter[Word]()
        for _ in range(runs):
            rounds = draw(source)
            found[said("p95", limit, [sample_of(one) for one in rounds])] += 1
            naive[_as_if_independent(np.concatenate(rounds), limit)] += 1
        rows.append([name, *shares(found, "broken", "kept"), *shares(naive, "broken", "kept")])
    return table(["Truth at the limit", "broken", "kept", "as if independent: broken", "kept"], rows)


def _as_if_independent(latency_ms: Floats, limit: float) -> Word:
    low, high = intervals.ranks(len(latency_ms), len(latency_ms), 0.95)
    ordered = np.sort(latency_ms)
    if low and ordered[low - 1] > limit:
        return "broken"
    return "kept" if high and ordered[high - 1] <= limit else "cannot tell"


def failures_and_rate(runs: int = RUNS) -> str:
    """Truth at the limit for failures of 1%, and for requests per second that come at random."""
    rows = []
    for size in (300, 1000, 10_000):
        source = np.random.default_rng(size)
        found = Counter(
            said("failures", 1.0, [sample_of(np.ones(size), (source.random(size) < 0.01).tolist())])
            for _ in range(runs)
        )
        rows.append([f"failures: 1% of {size:,} requests", *shares(found, "broken", "kept")])
    for size in (100, 1000, 10_000):
        source = np.random.default_rng(size)
        found = Counter(_rate_said(source, size) for _ in range(runs))
        rows.append([f"throughput: {size:,} random arrivals", *shares(found, "broken", "kept")])
    return table(["Truth at the limit", "broken", "kept"], rows)


def _rate_said(source: Source, size: int) -> Word:
    ended = source.poisson(size / PARTS, PARTS).astype(np.float64)
    return said("throughput", float(size), [sample_of(np.ones(int(ended.sum())), ended=ended)])


def main() -> None:
    """Print all tables."""
    machine = read_environment(Path.cwd())
    sys.stdout.write(
        f"{dt.datetime.now(tz=dt.UTC):%Y-%m-%d}, {machine.cpu.model}, {machine.python}, `make experiment NAME=slo`\n\n"
    )
    parts = {
        "p95, truth at the limit": lambda: at_the_limit("p95"),
        "p50, truth at the limit": lambda: at_the_limit("p50"),
        "p99, truth at the limit": lambda: at_the_limit("p99", (300, 1000, 3000, 10_000)),
        "p95, 20% beyond the limit": beyond_the_limit,
        "Failures and throughput": failures_and_rate,
        "Responses that depend on each other": dependence,
    }
    for title, part in parts.items():
        sys.stdout.write(f"### {title}\n\n{part()}\n\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
