"""How reliable a run is: usable, noisy or invalid, from the evidence in its record, each with its reasons.

    invalid   the numbers are not what they are called: requests failed, users or responses were missing, the load
              generator was the bottleneck, or rounds are missing
    noisy     they are what they are called, but something else had a share in them: the host, the generator's own
              pauses; or the rounds of one run disagree by more than a verdict could tell apart
    usable    nothing speaks against them

Only usable runs become a baseline, and only they are judged. One bad round makes an endpoint invalid; noise must be in
at least half of the rounds, as the median over the rounds stands a minority of noisy ones.
"""

from collections.abc import Iterator
from typing import Literal

from benchmark.config import MetricName
from benchmark.fields import Frozen
from benchmark.formatting import figure, percent
from benchmark.judge.findings import ABOUT_FAILURES, RULE_OF, in_todays_words
from benchmark.record import EndpointResult, Finding, Record

Level = Literal["usable", "noisy", "invalid"]
_GRAVITY: dict[Level, int] = {"usable": 0, "noisy": 1, "invalid": 2}

ROUNDS_APART_RATIO = 0.10
"""Twice the smallest effect that counts: from rounds further apart a change of 5% cannot be seen."""


class Reason(Frozen):
    """One piece of evidence. `kind`: of the warning, or "incomplete" or "rounds-disagree". `remedy` may be empty."""

    kind: str
    level: Literal["noisy", "invalid"]
    message: str
    remedy: str = ""


class Validity(Frozen):
    """The gravest level of all reasons; usable without any."""

    level: Level
    reasons: tuple[Reason, ...] = ()

    def why_unusable(self, metric: MetricName) -> str | None:
        """Say why a metric must not be judged; None when it may.

        Failures spoil all numbers but their own: an endpoint that begins to fail has to be a regression of something.
        """
        against = [r for r in self.reasons if metric != "failure_ratio" or r.kind not in ABOUT_FAILURES]
        if not against:
            return None
        gravest = max(against, key=lambda reason: _GRAVITY[reason.level])
        return f"the run is {gravest.level}: {gravest.message}"


USABLE = Validity(level="usable")


def endpoint_validity(record: Record, name: str) -> Validity:
    return _validity((*_about_run(record), *_about_endpoint(record, name)))


def run_validity(record: Record) -> Validity:
    named = (
        reason.model_copy(update={"message": f"{endpoint.name}: {reason.message}"})
        for endpoint in record.plan.endpoints
        for reason in _about_endpoint(record, endpoint.name)
    )
    return _validity((*_about_run(record), *named))


def _validity(reasons: tuple[Reason, ...]) -> Validity:
    ordered = tuple(sorted(reasons, key=lambda reason: -_GRAVITY[reason.level]))
    return Validity(level=ordered[0].level if ordered else "usable", reasons=ordered)


def _about_run(record: Record) -> Iterator[Reason]:
    if record.state != "complete":
        why = f": {record.reason}" if record.reason else ""
        yield Reason(kind="incomplete", level="invalid", message=f"it is {record.state}{why}")


def _about_endpoint(record: Record, name: str) -> Iterator[Reason]:
    result = record.result(name)
    if result is None or not result.rounds:
        yield Reason(kind="incomplete", level="invalid", message="nothing was measured")
        return
    missing = sum(round_.endpoint == name for round_ in record.missing)
    if missing:
        planned = missing + len(result.rounds)
        yield Reason(kind="incomplete", level="invalid", message=f"{missing} of {planned} rounds are missing")
    yield from _from_warnings(record, result)
    yield from _from_spread(result)


def _from_warnings(record: Record, result: EndpointResult) -> Iterator[Reason]:
    """One reason for each kind, in the words of the first round that shows it."""
    reasons: dict[str, list[Reason]] = {}
    for measured in result.rounds:
        for finding in in_todays_words(record, result, measured):
            if (level := level_of(finding)) is not None:
                where = f"round {measured.round}: " if len(result.rounds) > 1 else ""
                message = f"{where}{finding.message}"
                reason = Reason(kind=finding.kind, level=level, message=message, remedy=finding.remedy)
                reasons.setdefault(finding.kind, []).append(reason)
    for alike in reasons.values():
        if alike[0].level == "invalid" or 2 * len(alike) >= len(result.rounds):
            yield alike[0]


def level_of(finding: Finding) -> Literal["noisy", "invalid"] | None:
    """What a finding makes of the round that it is about; None: nothing speaks against the numbers."""
    effect = RULE_OF[finding.kind].effect if finding.kind in RULE_OF else "none"
    if effect == "invalidates":
        return "invalid" if finding.severity == "error" else None
    return "noisy" if effect == "disturbs" else None


def _from_spread(result: EndpointResult) -> Iterator[Reason]:
    """Rounds of one run are compared by req/s: unlike latencies it does not follow the split of the connections."""
    spread = result.summary.spread.get("throughput_rps") if result.summary else None
    middle_rps = result.summary.throughput_rps if result.summary else None
    if spread is None or not middle_rps:
        return
    apart = (spread.high - spread.low) / middle_rps
    if apart > ROUNDS_APART_RATIO:
        span = f"{figure(spread.low)} to {figure(spread.high)} req/s"
        message = f"its rounds disagree by {percent(100 * apart)}: {span}"
        yield Reason(kind="rounds-disagree", level="noisy", message=message)
