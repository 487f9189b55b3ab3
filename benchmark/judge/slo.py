"""Whether a run kept what benchmark.toml promises: kept, broken, or cannot tell, each from its 95% interval.

    broken        all of the interval is beyond the limit
    kept          all of it is within
    cannot tell   the limit lies in it, there are too few responses, or the run speaks for something else than the app

An invalid run keeps and breaks nothing. What makes a run noisy makes responses slower, so on a noisy run a promise is
kept or it cannot be told, but it is broken only where not even the fastest response was within the limit.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from benchmark.config import Config
from benchmark.errors import UsageError
from benchmark.formatting import count
from benchmark.judge.findings import ABOUT_FAILURES, RULE_OF
from benchmark.judge.validity import Reason, endpoint_validity
from benchmark.plan import Endpoint, Plan
from benchmark.record import EndpointResult, PartResult, Record
from benchmark.slo import FIRST_BYTE, Evidence, Promise, PromisedMetric, percent_of
from benchmark.traffic import labels, part_label, promisable

Word = Literal["broken", "cannot tell", "kept"]
WORDS: tuple[Word, ...] = ("broken", "cannot tell", "kept")
"""The worst first."""

ERROR_PERCENT = 2.5  # either way; what intervals are made with
FEWEST_BEYOND = 3  # responses beyond a percentile that are expected: the rule of three
MOST_TIMES = 50  # as many responses: beyond, "measure longer" is no advice
THE_RUN = "the run is"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one promise. `evidence`: None where nothing was measured.

    `reason`: why it cannot be told; `briefly`: the same for a line on a phone.
    """

    promise: Promise
    word: Word
    evidence: Evidence | None
    reason: str = ""
    briefly: str = ""

    @property
    def is_of_the_run(self) -> bool:
        """Whether the run is the reason, so that its numbers do not matter."""
        return self.evidence is None or self.briefly.startswith(THE_RUN)


def outcomes(record: Record) -> tuple[Outcome, ...]:
    """Of all promises, in the order of the plan."""
    return tuple(_outcome(record, promise) for promise in record.plan.slo)


def by_endpoint(found: Sequence[Outcome]) -> list[list[Outcome]]:
    """Group outcomes by endpoint, those with the worst first; also within each."""
    names = dict.fromkeys(one.promise.endpoint for one in found)
    groups = [[one for one in found if one.promise.endpoint == name] for name in names]
    ordered = [sorted(group, key=lambda one: WORDS.index(one.word)) for group in groups]
    return sorted(ordered, key=lambda group: WORDS.index(group[0].word))


def fewest(metric: PromisedMetric) -> int:
    """The least number of independent responses that can say something of a percentile: 60 for p95, 300 for p99."""
    percent = percent_of(metric)
    return 1 if percent is None else round(FEWEST_BEYOND / (1 - percent / 100))


def _outcome(record: Record, promise: Promise) -> Outcome:
    result = _measured(record, promise)
    evidence = next((one for one in result.slo if one.metric == promise.metric), None) if result else None
    fastest_ms = result.summary.min_ms if result and result.summary else None
    found = decided(promise, evidence, _reasons(record, promise), fastest_ms)
    if why := _by_the_load(record, promise, found.word):
        return Outcome(promise, "cannot tell", evidence, why, why)
    return found


def _measured(record: Record, promise: Promise) -> EndpointResult | PartResult | None:
    """What is promised of: an endpoint, or the requests of one name of a mix."""
    whole = record.result(owner(record.plan, promise).name)
    if whole is None or whole.name == promise.endpoint:
        return whole
    return next((one for one in whole.parts if part_label(whole.name, one.name) == promise.endpoint), None)


def owner(plan: Plan, promise: Promise) -> Endpoint:
    """The endpoint that is loaded for a promise."""
    return next(one for one in plan.endpoints if promise.endpoint in labels(one))


def decided(
    promise: Promise, evidence: Evidence | None, against: Sequence[Reason], fastest_ms: float | None = None
) -> Outcome:
    """Decide about one promise. `against`: what speaks against the run, the gravest first."""
    if against and against[0].level == "invalid":
        return _of_the_run(promise, evidence, against[0])
    if evidence is None or evidence.value is None:
        return Outcome(promise, "cannot tell", None, "it was not measured", "it was not measured")
    word = judged(promise, evidence)
    if word == "cannot tell":
        return Outcome(promise, word, evidence, *why_open(promise, evidence))
    slower_than_noise = promise.metric.startswith("p") and fastest_ms is not None and fastest_ms > promise.limit
    if word == "broken" and against and not slower_than_noise:
        return _of_the_run(promise, evidence, against[0])
    return Outcome(promise, word, evidence)


def _of_the_run(promise: Promise, evidence: Evidence | None, reason: Reason) -> Outcome:
    about = RULE_OF[reason.kind].title if reason.kind in RULE_OF else reason.kind.replace("-", " ")
    brief = f"{THE_RUN} {reason.level}" + (f" ({about})" if about != reason.level else "")
    return Outcome(promise, "cannot tell", evidence, f"{THE_RUN} {reason.level}: {reason.message}", brief)


def judged(promise: Promise, evidence: Evidence) -> Word:
    """Compare an interval with a limit. No failure at all is promised of the requests of a run, not of all others."""
    limit, low, high = promise.limit, evidence.low, evidence.high
    if promise.metric == "failures" and not limit:
        return "broken" if evidence.value else "kept"
    if evidence.independent < fewest(promise.metric):
        return "cannot tell"
    if promise.metric == "throughput":
        return (
            "broken" if high is not None and high < limit else "kept" if low is not None and low >= limit else WORDS[1]
        )
    return "broken" if low is not None and low > limit else "kept" if high is not None and high <= limit else WORDS[1]


def _reasons(record: Record, promise: Promise) -> list[Reason]:
    """What speaks against the run, the gravest first. Rounds that disagree are in the intervals already.

    Failures are evidence on the promise about them, even if nothing else can be said of such a run.
    """
    found = [
        one
        for one in endpoint_validity(record, owner(record.plan, promise).name).reasons
        if one.kind != "rounds-disagree"
    ]
    if promise.metric != "failures":
        return found
    measured = {(result.name, one.round) for result in record.endpoints for one in result.rounds}
    only_failed = record.reason is None and all((one.endpoint, one.round) in measured for one in record.missing)
    return [one for one in found if one.kind not in ABOUT_FAILURES and not (one.kind == "incomplete" and only_failed)]


def _by_the_load(record: Record, promise: Promise, word: Word) -> str:
    """Say why the load itself decides about a promise, whatever the app does; "" where it does not."""
    profile = record.profile
    loaded = owner(record.plan, promise)
    own = bool(loaded.locustfile)
    pause_s = profile.pacing_s or profile.wait_s
    asked_rps = profile.rate_per_s or (profile.users / pause_s if pause_s and not own else math.inf)
    asked_rps *= _share(loaded, promise)
    if promise.metric == "throughput" and word == "broken" and promise.limit >= asked_rps:
        return f"the load asks for {asked_rps:,.4g} requests/s at most; use a higher rate, or more users"
    is_time = promise.metric not in {"throughput", "failures"} and profile.rate_per_s is None and not own
    if is_time and word == "kept" and promise.limit >= 1000 * profile.timeout_s:
        return f"requests fail after {profile.timeout_s:g} s, so no response can be slower; use a longer timeout"
    return ""


def _share(loaded: Endpoint, promise: Promise) -> float:
    """Of all requests of what is loaded, those that a promise is about."""
    if loaded.mix is None or promise.endpoint == loaded.name:
        return 1.0
    weights = loaded.mix.weights or (1.0,) * len(loaded.mix.requests)
    mine = (
        weight
        for one, weight in zip(loaded.mix.requests, weights, strict=True)
        if part_label(loaded.name, one.name) == promise.endpoint
    )
    return sum(mine) / sum(weights)


def why_open(promise: Promise, evidence: Evidence) -> tuple[str, str]:
    """Say what is missing for an answer, in a sentence and briefly."""
    of = "requests" if promise.metric == "failures" else "correct responses"
    counted, least = f"{count(evidence.responses)} {of}", fewest(promise.metric)
    if promise.metric != "throughput" and 2 * evidence.independent < evidence.responses:
        alike = "slow ones" if promise.metric != "failures" else "failures"
        why = "rounds differ" if evidence.rounds_differ else f"{alike} come together"
        counted += f" say as much as {count(evidence.independent)} independent ones ({why})"
    if evidence.independent < least:
        return (
            f"{counted}; at least {count(least)} are needed: use a longer duration",
            f"{counted}, {count(least)} needed",
        )
    times = _times(promise, evidence)
    if times is None:
        return f"{counted}; too close to the limit to tell", "too close to the limit"
    needed = count(int(float(f"{evidence.responses * times:.2g}")))
    return f"{counted}; about {needed} would tell: use a longer duration", f"about {needed} {of} would tell"


def _times(promise: Promise, evidence: Evidence) -> float | None:
    """How many times as many responses would tell: intervals shrink with their square root. None: no use."""
    value, limit = evidence.value or 0.0, promise.limit
    if promise.metric == "failures" and not value:  # the interval of no failure shrinks in proportion
        return max(1.1, (evidence.high or 100.0) / limit)
    end = evidence.high if value <= limit else evidence.low
    if end is None:  # not even the slowest response is an end of the interval yet
        least = math.log(ERROR_PERCENT / 100) / math.log((percent_of(promise.metric) or 50.0) / 100)
        return max(1.1, least / max(1, evidence.independent))
    distance = abs(limit - value)
    times = (abs(end - value) / distance) ** 2 if distance else math.inf
    return max(1.1, times) if times <= MOST_TIMES else None


def check_promises(config: Config, plan: Plan) -> None:
    """Refuse what is promised and cannot be measured: under this load, or at all."""
    loaded = {*plan.profile.endpoints, *(name for one in config.profiles.values() for name in one.endpoints)}
    measured = promisable(loaded, config.mixes)
    for name in config.slo:
        if name not in measured:
            message = f"[slo.{name}]: no profile measures {name}, so nothing checks it"
            raise UsageError(f"{message}; add it to the endpoints of a profile, or name it with --endpoint")
    for promise in plan.slo:
        if promise.metric.startswith(FIRST_BYTE) and (why := _hides_first_byte(plan, owner(plan, promise))):
            message = f"[slo.{promise.endpoint}] {promise.metric}: when responses begin is not known {why}"
            raise UsageError(f"{message}; promise {promise.metric.removeprefix(FIRST_BYTE)} instead")


def require_promises(plans: Sequence[Plan]) -> None:
    """UsageError: nothing is promised of what these plans measure, so that a gate would never close."""
    if not any(plan.slo for plan in plans):
        profile = plans[0].profile.name
        message = f"--gate: benchmark.toml promises nothing of what profile {profile!r} measures here"
        raise UsageError(f'{message}; write for example [slo.{plans[0].profile.endpoints[0]}] p95 = "300ms"')


def _hides_first_byte(plan: Plan, endpoint: Endpoint) -> str:
    if endpoint.locustfile:
        return "of its own locustfile"
    if plan.profile.load_workers:
        return "of load workers on other machines (--expect-workers)"
    return "" if plan.profile.client == "fast" else f'of client = "{plan.profile.client}"'
