"""What a self-test shows: how often the rule alarms without a cause, from which change on it can, what it finds.

The runs are judged as a history is, by the same series and the same rule, one by one and each against the runs before
it. They are minutes apart on one machine, so that nothing is divided by a reference workload.
"""

from collections.abc import Iterable, Sequence

from benchmark.config import Judging
from benchmark.judge.noise_floor import Delay, Injection, Sight
from benchmark.judge.series import Series, gather
from benchmark.judge.validity import DISTURBING, INVALIDATING
from benchmark.judge.verdict import Baseline, Judgement, baseline, judge
from benchmark.record import Finding, Record

BEYOND = {"suspected", "confirmed"}
JUDGED = {*BEYOND, "steady", "recovered"}


def sights(records: Iterable[Record], rule: Judging) -> tuple[Sight, ...]:
    """Judge runs between which nothing was changed, and sum up each series."""
    return tuple(_sight(one, rule) for one in gather(records) if _has_numbers(one))


def _has_numbers(one: Series) -> bool:
    """A number that an endpoint never has, such as the excess over work that nobody declared, is no series."""
    return any(point.value is not None for point in one.points)


def _sight(one: Series, rule: Judging) -> Sight:
    said = one.judgements(rule)
    known = _known(one, said, rule)
    return Sight(
        endpoint=one.endpoint,
        metric=one.metric.title,
        unit=one.metric.unit,
        runs=len(said),
        judged=sum(found.stage in JUDGED for found in said),
        beyond=sum(found.stage in BEYOND for found in said),
        announced=sum(found.stage == "confirmed" for found in said),
        level=known.median if known else None,
        band=known.band if known else None,
        band_percent=known.percent(known.band) if known else None,
        reason=_why_not(said),
    )


def _known(one: Series, said: Iterable[Judgement], rule: Judging) -> Baseline | None:
    """What the next run would be compared with, as nothing changed: all runs that compare, however they were judged."""
    usable = [found.value for found in said if found.value is not None]
    if len(usable) < rule.fewest_runs:
        return None
    return baseline(usable[-rule.most_runs :], rule, one.points[-1].smallest_difference)


def _why_not(said: Iterable[Judgement]) -> str | None:
    return next((found.reason for found in said if found.stage == "not judged"), None)


def injection(
    delay: Delay, slowed: str, quiet: Iterable[Record], delayed: Iterable[Record], rule: Judging
) -> Injection:
    """Judge the runs in which the endpoint `slowed` was slower as if they had come behind those in which nothing was.

    They were measured in turns, so that a machine which became slower meanwhile is not taken for the delay.
    """
    found_by: list[str] = []
    suspected_by: list[str] = []
    elsewhere: list[str] = []
    mine: list[Judgement] = []
    behind = {(one.endpoint, one.metric.name): one for one in gather(delayed)}
    for one in gather(quiet):
        last = behind[one.endpoint, one.metric.name].points
        said = judge((*one.points, *last), one.metric.better, rule)[-len(last) :]
        if one.endpoint != slowed:
            announced = any(found.stage == "confirmed" for found in said)
            elsewhere += [f"{one.metric.title} of {one.endpoint}"] if announced else []
            continue
        mine += said if _has_numbers(one) else []
        if any(found.verdict == "regressed" for found in said):
            found_by.append(one.metric.title)
        elif any(found.stage in BEYOND for found in said):
            suspected_by.append(one.metric.title)
    return Injection(
        delay=delay,
        found_by=tuple(found_by),
        suspected_by=tuple(suspected_by),
        elsewhere=tuple(elsewhere),
        reason=None if any(found.stage in JUDGED for found in mine) else _why_nothing(mine),
    )


def _why_nothing(said: Sequence[Judgement]) -> str:
    return next((found.reason for found in said if found.reason), "nothing was measured")


def doubt(findings: Iterable[Finding]) -> str | None:
    """Why the figures of one round are not what they are called, or not of the harness alone; None: they are."""
    return next((found.message for found in findings if found.kind in INVALIDATING | DISTURBING), None)
