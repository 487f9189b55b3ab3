"""Whether head differs from base, from turns that were measured in passes of the order A B B A.

The neighbours of a pass are paired: base and head of one pair were measured a moment apart, on the same machine in the
same mood. Each pair gives log(head / base), and a pass gives the mean of its two pairs, in which a machine that slows
down evenly cancels. The passes are the sample, and not the requests: all requests of a turn share its moment and its
connections, and counting them as independent would find differences between a thing and itself.

A few passes are spoilt by whatever else the machine does, and then a mean and a standard deviation mean nothing. So a
fifth of the passes is cut off at each end: the trimmed mean, with the interval of Tukey and McLaughlin (1963), "Less
vulnerable confidence and significance procedures for location based on a single sample", Sankhya A 25, 331-352, which
takes the standard error from the winsorized sample. All intervals of a table hold at once with the promised certainty
(Bonferroni): the error rate is shared out evenly among its endpoints and metrics. At such small rates a bootstrap of 20
values is too narrow; docs/measurements/comparisons.md has the figures.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import get_args

import numpy as np
from scipy import stats

from benchmark.compare.model import SIDES, ComparedMetric, Comparison, Difference, SideName, Turn, Word
from benchmark.formatting import minus
from benchmark.judge.metrics import JUDGED, Metric
from benchmark.judge.model_fit import allowed_ms, is_too_much, lost_ratio
from benchmark.judge.slo import Outcome, decided
from benchmark.judge.validity import Reason
from benchmark.traffic import labels, part_label

FEWEST_PASSES = 8
TRIMMED = 0.2
COMPARED = tuple(metric for metric in JUDGED if metric.name in get_args(ComparedMetric))
"""Not the excess: both sides do the same work, so that its change is that of the latency, and is not said twice."""

MOST_FAILURES_RATIO = 0.01


@dataclass(frozen=True)
class Rule:
    """When sides differ. `error_rate`: how often any cell of a whole table may be called different by chance."""

    smallest_effect_percent: float = 5.0
    error_rate: float = 0.05


@dataclass(frozen=True)
class Interval:
    """A mean and its confidence interval, in the unit of the sample."""

    middle: float
    low: float
    high: float


def trimmed_interval(sample: Sequence[float], error_rate: float, trimmed: float = TRIMMED) -> Interval:
    """Confidence interval of the trimmed mean (four values at least), wrong in a share `error_rate` of all cases.

    `trimmed` of the values are cut off at each end; with 0 it is Student's interval for the mean.
    Values that are all equal have an interval without width.
    """
    values = np.sort(np.asarray(sample, dtype=np.float64))
    cut = int(trimmed * len(values))
    kept = values[cut : len(values) - cut]
    winsorized = np.clip(values, kept[0], kept[-1])
    standard_error = float(winsorized.std(ddof=1)) * math.sqrt(len(values)) / len(kept)
    half = float(stats.t.ppf(1 - error_rate / 2, len(kept) - 1)) * standard_error
    middle = float(kept.mean())
    return Interval(middle, middle - half, middle + half)


def compare(turns: Sequence[Turn], endpoints: Sequence[str], rule: Rule) -> tuple[Difference, ...]:
    """Compare endpoints, and what a mix consists of; what speaks against all of its turns speaks against each part."""
    rows = list(_rows(turns, endpoints))
    error_rate = rule.error_rate / (len(rows) * len(COMPARED))
    return tuple(
        _difference(metric, label, mine, rule, error_rate, whole) for label, mine, whole in rows for metric in COMPARED
    )


def _rows(turns: Sequence[Turn], endpoints: Sequence[str]) -> Iterator[tuple[str, list[Turn], list[Turn]]]:
    for name in endpoints:
        every = [turn for turn in turns if turn.endpoint == name]
        whole = [turn for turn in every if turn.part is None]
        yield name, whole, whole
        for part in dict.fromkeys(turn.part for turn in every if turn.part is not None):
            yield part_label(name, part), [turn for turn in every if turn.part == part], whole


def is_precise(turns: Sequence[Turn], endpoints: Sequence[str], rule: Rule) -> bool:
    """Whether req/s and p50 of every endpoint are known well enough to tell no difference from the smallest effect.

    No interval then holds both, as each is narrower than the smallest effect from end to end. It asks how wide the
    intervals are and not where they lie: who measures on until there is a difference finds one (Chow and Robbins 1965,
    "On the asymptotic theory of fixed-width sequential confidence intervals", The Annals of Mathematical Statistics 36,
    457-462).
    """
    leading = {"throughput_rps", "median_ms"}
    turns = [turn for turn in turns if turn.part is None]  # of a rare request they may never be
    widths = [
        found.high_percent - found.low_percent
        for found in compare(turns, endpoints, rule)
        if found.metric in leading and found.high_percent is not None and found.low_percent is not None
    ]
    return len(widths) == len(leading) * len(endpoints) and max(widths) < rule.smallest_effect_percent


def value(turn: Turn, metric: Metric) -> float | None:
    if metric.name == "failure_ratio":
        return turn.failures / turn.requests if turn.requests else None
    found = getattr(turn, metric.name)
    return None if found is None else float(found)


def effects(turns: Sequence[Turn], metric: Metric) -> list[float]:
    """Effect of each pass: the mean log(head / base) of its pairs; for failures the mean difference of the ratios.

    Passes in which a number is missing are left out.
    """
    found = []
    for number in sorted({turn.number for turn in turns}):
        ordered = sorted((turn for turn in turns if turn.number == number), key=lambda turn: turn.position)
        pairs = [_pair_effect(ordered[at : at + 2], metric) for at in range(0, len(ordered), 2)]
        known = [effect for effect in pairs if effect is not None]
        if known and len(known) == len(pairs):
            found.append(sum(known) / len(known))
    return found


def _pair_effect(pair: Sequence[Turn], metric: Metric) -> float | None:
    by_side: dict[SideName, float | None] = {turn.side: value(turn, metric) for turn in pair}
    base, head = by_side.get("base"), by_side.get("head")
    if base is None or head is None:
        return None
    if metric.name == "failure_ratio":
        return head - base
    return math.log(head / base) if base > 0 and head > 0 else None


def _difference(
    metric: Metric, endpoint: str, turns: Sequence[Turn], rule: Rule, error_rate: float, whole: Sequence[Turn]
) -> Difference:
    sample = effects(turns, metric)
    base, head = (_middle(turns, side, metric) for side in SIDES)
    known = {"endpoint": endpoint, "metric": metric.name, "base": base, "head": head}
    if len(sample) < FEWEST_PASSES:
        too_few = f"only {len(sample)} passes have this number, at least {FEWEST_PASSES} are needed"
        return Difference(**known, verdict="inconclusive", reason=too_few)
    # Failures in few passes are all the failures there may be: nothing of them is cut off.
    found = trimmed_interval(sample, error_rate, 0.0 if metric.name == "failure_ratio" else TRIMMED)
    in_percent = Interval(*(_percent(part, metric) for part in (found.middle, found.low, found.high)))
    verdict, reason = next(_verdicts(in_percent, metric, whole, rule))
    return Difference(
        **known,
        verdict=verdict,
        reason=reason,
        change_percent=_rounded(in_percent.middle),
        low_percent=_rounded(in_percent.low),
        high_percent=_rounded(in_percent.high),
        change_ms=_rounded((base or 0.0) * in_percent.middle / 100) if metric.unit == "ms" else None,
    )


def _middle(turns: Sequence[Turn], side: str, metric: Metric) -> float | None:
    found = [number for turn in turns if turn.side == side and (number := value(turn, metric)) is not None]
    return _rounded(median(found)) if found else None


def _percent(effect: float, metric: Metric) -> float:
    return 100 * (effect if metric.name == "failure_ratio" else math.expm1(effect))


def _rounded(number: float) -> float:
    return round(float(number), 4)


def _verdicts(found: Interval, metric: Metric, turns: Sequence[Turn], rule: Rule) -> Iterator[tuple[Word, str | None]]:
    """Yield the verdict first, and then what it would be without that evidence."""
    if metric.name != "failure_ratio":
        yield from _objections(turns)
        smallest = rule.smallest_effect_percent
    else:
        smallest = 100 * metric.smallest_difference
    if abs(found.middle) >= smallest and found.low * found.high > 0:
        worse = (found.middle > 0) == (metric.better == "lower")
        yield "regressed" if worse else "improved", None
    if -smallest < found.low and found.high < smallest:
        yield "unchanged", None
    yield (
        "inconclusive",
        minus(f"between {found.low:+.1f}% and {found.high:+.1f}%; run more rounds for a narrower interval"),
    )


def promises_of(comparison: Comparison, side: SideName = "head") -> tuple[Outcome, ...]:
    """What became of the promises in a side. What speaks against its turns speaks against all but failures."""
    found = []
    promised = comparison.promised if side == "head" else comparison.promised_before
    for promise in comparison.plan.slo:
        turns = [one for one in comparison.turns if one.side == side and one.part is None]
        owner = next(one.name for one in comparison.plan.endpoints if promise.endpoint in labels(one))
        turns = [one for one in turns if one.endpoint == owner]
        against = [reason for _, reason in _objections(turns) if reason] if promise.metric != "failures" else []
        against = [*comparison.lost[:1], *against]
        briefly = re.compile("[,:]")
        reasons = [Reason(kind=briefly.split(text)[0], level="invalid", message=text) for text in against]
        of_endpoint = promised.get(promise.endpoint, ())
        known = next((one for one in of_endpoint if one.metric == promise.metric), None)
        found.append(decided(promise, known, reasons))
    return tuple(found)


def newly_broken(comparison: Comparison) -> list[str]:
    """The promises, in words, that base kept and head breaks."""
    kept = {one.promise for one in promises_of(comparison, "base") if one.word == "kept"}
    return [
        f"{one.promise.endpoint}: {one.promise.metric}"
        for one in promises_of(comparison)
        if one.word == "broken" and one.promise in kept
    ]


def _objections(turns: Sequence[Turn]) -> Iterator[tuple[Word, str | None]]:
    requests = sum(turn.requests for turn in turns)
    failures = sum(turn.failures for turn in turns)
    if failures > MOST_FAILURES_RATIO * requests:
        reason = "requests failed, so the correct responses had another load; fix the failures first"
        yield "inconclusive", reason
    if turns and is_too_much(median(map(lost_in_turn, turns))):
        yield "inconclusive", "the load generator, not the app, was the bottleneck; use fewer --users"


def lost_in_turn(turn: Turn) -> float:
    """The part of the users' time that was lost in a turn of a comparison, whose load is sent by one process."""
    cost_us = turn.generator_cpu_us_per_request
    busy = 1e-6 * (cost_us or 0.0) * (turn.throughput_rps or 0.0)
    return lost_ratio(turn.waiting_ratio, turn.pause_ms, None if cost_us is None else allowed_ms(cost_us, busy))
