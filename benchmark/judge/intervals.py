"""How far off the numbers of a run may be: 95% intervals from the responses of all its rounds.

A percentile has the distribution-free interval of order statistics: of n independent responses, the number within the
true percentile is binomial, whatever their distribution (Conover 1999, "Practical Nonparametric Statistics", 3.2).
A share of failures has the exact interval of Clopper and Pearson (1934, Biometrika 26, 404-413). Each end is wrong in
2.5% of all cases at most.

Responses of one run are not independent: those that queue together are slow together. So n is divided by the design
effect (Kish 1965, "Survey Sampling", 8.2): by how much the shares of slow responses in consecutive batches (Schmeiser
1982, Operations Research 30, 556-568: 10 to 30 of them) vary more than independent responses would. Rounds that differ
by more than that are the unit, with Student's t for so few of them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from benchmark.slo import FIRST_BYTE, Evidence, Promise, PromisedMetric, percent_of
from benchmark.summary import Floats, Sample, quantiles_ms

ONE_SIDED = 0.025
NORMAL = float(special.ndtri(1 - ONE_SIDED))
BATCHES = 20
SMALLEST_BATCH = 3
FEWEST_OF_A_RATE = 30
"""Right responses, of which a rate is known at all: some in each part of the load."""

Flags = npt.NDArray[np.bool_]


def evidence(samples: Sequence[Sample], promises: Sequence[Promise]) -> tuple[Evidence, ...]:
    """What the rounds of one endpoint say about each promise."""
    return tuple(_of(promise.metric, samples) for promise in promises)


def _of(metric: PromisedMetric, samples: Sequence[Sample]) -> Evidence:
    if metric == "failures":
        return _failures(samples)
    if metric == "throughput":
        return _throughput(samples)
    percent = percent_of(metric) or 0.0
    rounds = [one.first_byte_ms if metric.startswith(FIRST_BYTE) else one.latency_ms for one in samples]
    return _percentile(metric, percent / 100, rounds)


def _percentile(metric: PromisedMetric, share: float, rounds: Sequence[Floats]) -> Evidence:
    ordered = np.sort(np.concatenate(rounds))
    if not len(ordered):
        return Evidence(metric=metric, value=None, low=None, high=None, responses=0, independent=0)
    value = float(quantiles_ms(ordered, (100 * share,))[0])
    effect = design_effect([one > value for one in rounds])
    independent = int(len(ordered) / effect.factor)
    low, high = (None if rank is None else ordered[rank - 1] for rank in ranks(len(ordered), independent, share))
    return Evidence(
        metric=metric,
        value=_rounded(value),
        low=_rounded(low),
        high=_rounded(high),
        responses=len(ordered),
        independent=independent,
        rounds_differ=effect.rounds_differ,
    )


def ranks(responses: int, independent: int, share: float) -> tuple[int | None, int | None]:
    """Which of the ordered responses (from 1) are the ends of the interval of a percentile; None: it has no end there.

    They are found for as many responses as are independent, and lie at the same place among all.
    """
    within = special.bdtr(np.arange(independent + 1), independent, share)  # P(at most k within the true percentile)
    low = int(np.searchsorted(within, ONE_SIDED, side="right"))  # the most with P(fewer within) still at most 2.5%
    high = int(np.searchsorted(within, 1 - ONE_SIDED, side="left")) + 1
    scale = responses / max(1, independent)
    return (
        math.floor((low - 1) * scale) + 1 if low >= 1 else None,
        min(responses, math.ceil(high * scale)) if high <= independent else None,
    )


@dataclass(frozen=True)
class Effect:
    """By how much fewer responses there are than it seems, and whether that is because rounds differ."""

    factor: float
    rounds_differ: bool = False


def design_effect(rounds: Sequence[Flags]) -> Effect:
    """Divide what the shares of flagged responses vary by what they would vary if responses were independent."""
    rounds = [one for one in rounds if len(one)]
    total = sum(map(len, rounds))
    share = sum(int(one.sum()) for one in rounds) / total if total else 0.0
    expected = share * (1 - share)
    if not expected:
        return Effect(1.0)
    found = [_within(one) for one in rounds]
    freedom = sum(degrees for _, degrees in found)
    within = max(1.0, sum(squares for squares, _ in found) / freedom / expected) if freedom else 1.0
    if len(rounds) > 1:
        between = sum(len(one) * (float(one.mean()) - share) ** 2 for one in rounds) / (len(rounds) - 1) / expected
        if between > within:
            return Effect(between * (_student(len(rounds) - 1) / NORMAL) ** 2, rounds_differ=True)
    return Effect(within)


def _within(flags: Flags) -> tuple[float, int]:
    """Sum of squares between the batches of a round, weighted with their sizes, and its degrees of freedom."""
    number = min(BATCHES, len(flags) // SMALLEST_BATCH)
    if number <= 1:
        return 0.0, 0
    borders = np.linspace(0, len(flags), number + 1).astype(int)
    sizes = np.diff(borders)
    counts = np.diff(np.concatenate([[0], np.cumsum(flags)])[borders])
    return float(((counts - sizes * flags.mean()) ** 2 / sizes).sum()), number - 1


def _student(degrees: int) -> float:
    return float(special.stdtrit(degrees, 1 - ONE_SIDED))


def _failures(samples: Sequence[Sample]) -> Evidence:
    """In percent of the requests."""
    rounds = [one.failed for one in samples]
    requests, failed = sum(map(len, rounds)), sum(int(one.sum()) for one in rounds)
    if not requests:
        return Evidence(metric="failures", value=None, low=None, high=None, responses=0, independent=0)
    effect = design_effect(rounds)
    low, high = exact_share(failed / effect.factor, requests / effect.factor)
    return Evidence(
        metric="failures",
        value=_rounded(100 * failed / requests),
        low=_rounded(100 * low),
        high=_rounded(100 * high),
        responses=requests,
        independent=int(requests / effect.factor),
        rounds_differ=effect.rounds_differ,
    )


def exact_share(hits: float, trials: float) -> tuple[float, float]:
    """The interval of Clopper and Pearson for a share. As many trials as are independent may be no whole number."""
    low = float(special.betaincinv(hits, trials - hits + 1, ONE_SIDED)) if hits > 0 else 0.0
    high = float(special.betaincinv(hits + 1, trials - hits, 1 - ONE_SIDED)) if hits < trials else 1.0
    return low, high


def _throughput(samples: Sequence[Sample]) -> Evidence:
    """Right responses per second: Student's interval over the parts of the load, or over rounds that differ by more."""
    rates = np.array([one.right_rps or 0.0 for one in samples])
    responses = int(sum(len(one.latency_ms) for one in samples))
    value = float(rates.mean())
    parts = [one.ended for one in samples]
    found = Evidence(
        metric="throughput", value=_rounded(value), low=None, high=None, responses=responses, independent=responses
    )
    number = len(samples)
    parted = all(len(part) > 1 and part.sum() for part in parts)
    if responses < FEWEST_OF_A_RATE or not value or not (parted or number > 1):
        return found
    # squared relative errors of the mean rate: as the parts of each round say, and as the rounds do
    parts = parts if parted else []
    within = sum(float(part.var(ddof=1)) / len(part) / float(part.mean()) ** 2 for part in parts) / number**2
    degrees = sum(len(part) - 1 for part in parts)
    between = float(rates.var(ddof=1)) / number / value**2 if number > 1 else 0.0
    differ = number > 1 and (between > within or not parted)
    if differ:
        within, degrees = between, number - 1
    half = max(_student(degrees) * math.sqrt(within), 1 / responses)  # one response more or less is chance
    return found.model_copy(
        update={
            "low": _rounded(max(0.0, value * (1 - half))),
            "high": _rounded(value * (1 + half)),
            "rounds_differ": differ,
        }
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 6)
