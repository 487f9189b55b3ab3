"""What a table shows, and what changed since earlier runs, in sentences made from the record and true of it."""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmark.formatting import (
    MOST_NAMED,
    WHOLE_PERCENT_FROM,
    count,
    factor,
    figure,
    inert,
    latency,
    listed,
    ms,
    percent,
    rate,
)
from benchmark.judge.findings import GRAVITY, RULE_OF, in_todays_words
from benchmark.plan import Mix
from benchmark.record import RATE_NOT_KEPT, Columns, EndpointResult, Finding, Limit, Record, Round
from benchmark.report import staged
from benchmark.theory.computing import machine
from benchmark.theory.wording import difference_percent, limit_sentence, mix_sentence
from benchmark.traffic import part_label

ALIKE_RATIO = 1.05
MUCH_OFF_PERCENT = 3.0


def headline(record: Record, named: Callable[[str], str] = inert) -> str:
    """Say first what a reader looks for: what is fastest and by how much, what is slowest, what failed.

    Only endpoints that do the same work are ranked, and only in a complete run.
    `named` makes an endpoint's name fit for where the sentence goes; Markdown by default.
    """
    ranked = dict(ranking(record))
    if not ranked:
        return "No request got a correct response, so there is nothing to compare."
    if record.state != "complete":
        measured = sum(result.summary is not None for result in record.endpoints)
        were = "was" if measured == 1 else "were"
        return f"{measured} of {len(record.plan.endpoints)} endpoints {were} measured; an incomplete run ranks nothing."
    if record.profile.stages:
        found = staged.of_stages([one for one in record.endpoints if one.name in ranked][:MOST_NAMED], record, named)
    elif record.profile.rate_per_s is not None:
        found = _at_a_rate(record, ranked, named)
    elif len(ranked) == 1:
        (result,) = (one for one in record.endpoints if one.name in ranked)
        found = [f"{named(result.name)} handled {figure(ranked[result.name])} requests/s{_took(result)}."]
    else:
        found = _compared(record, ranked, named)
    return " ".join([*found, *_failed(record, ranked, named)])


def _compared(record: Record, ranked: Mapping[str, float], named: Callable[[str], str]) -> list[str]:
    """Rank each group of endpoints that do the same work; of all others only the slowest is named."""
    groups: dict[str, dict[str, float]] = defaultdict(dict)
    for endpoint in record.plan.endpoints:
        if endpoint.name in ranked and endpoint.ranked_in is not None:
            groups[endpoint.ranked_in][endpoint.name] = ranked[endpoint.name]
    several = [group for group in groups.values() if len(group) > 1]
    inside = {name for group in several for name in group}
    others = [result for result in record.endpoints if result.name in ranked and result.name not in inside]
    found = [_ranked(group, named) for group in several]
    return [*found, *([_slowest(others, "other endpoints" if found else "endpoints", named)] if others else [])]


def _ranked(rates: Mapping[str, float], named: Callable[[str], str]) -> str:
    best, least = max(rates.values()), min(rates.values())
    if best < least * ALIKE_RATIO:
        span = figure(best) if figure(least) == figure(best) else f"{figure(least)} to {figure(best)}"
        return f"{listed([named(name) for name in rates])} handled about the same load: {span} requests/s."
    fastest = [named(name) for name, value in rates.items() if value * ALIKE_RATIO > best]
    last = next(named(name) for name, value in rates.items() if value == least)
    times = f"{factor(best / least)} the load of {last}" if least else f"more load than {last}"
    return f"{listed(fastest)} handled {times}: {figure(best)} vs {figure(least)} requests/s."


def _slowest(results: Sequence[EndpointResult], what: str, named: Callable[[str], str]) -> str:
    tails_ms = {one.name: (one.summary and one.summary.p95_ms) or 0.0 for one in results}
    slowest = max(results, key=lambda one: tails_ms[one.name])
    if len(results) == 1:
        return f"{named(slowest.name)} handled {figure(slowest.right_rps)} requests/s{_took(slowest)}."
    if max(tails_ms.values()) < min(tails_ms.values()) * ALIKE_RATIO:
        return f"{listed([named(name) for name in tails_ms])} were about equally fast{_took(slowest)}."
    return f"{named(slowest.name)} was the slowest of {len(results)} {what}{_took(slowest)}."


def _took(result: EndpointResult) -> str:
    summary = result.summary
    if summary is None or summary.p95_ms is None:
        return ""
    return f": 95% of responses within {latency(summary.p95_ms)}, 99% within {latency(summary.p99_ms)}"


def _failed(record: Record, ranked: Collection[str], named: Callable[[str], str]) -> list[str]:
    silent = [one.name for one in record.endpoints if one.summary is not None and one.name not in ranked]
    failed = {one.name: sum(item.failures for item in one.rounds) for one in record.endpoints if one.name in ranked}
    failed = {name: failures for name, failures in failed.items() if failures}
    found = [f"{listed([named(name) for name in silent])} gave no correct response."] if silent else []
    if len(failed) > MOST_NAMED:
        return [*found, f"Some requests to {len(failed)} endpoints failed."]
    for one in record.endpoints:
        if one.name in failed:
            sent = sum(item.requests for item in one.rounds)
            found.append(f"{count(failed[one.name])} of {count(sent)} requests to {named(one.name)} failed.")
    return found


def _at_a_rate(record: Record, right: Collection[str], named: Callable[[str], str]) -> list[str]:
    """All handle as many requests as come, if they can: what differs is how long it takes."""
    measured = [result for result in record.endpoints if result.name in right]
    behind = [
        result.name
        for result in measured
        if any(finding.kind == RATE_NOT_KEPT for item in result.rounds for finding in item.warnings)
    ]
    kept = sorted(
        (result for result in measured if result.name not in behind),
        key=lambda result: (result.summary and result.summary.p99_ms) or 0.0,
    )
    took = [
        f"{named(one.name)} {latency(one.summary.median_ms)} (p99 {latency(one.summary.p99_ms)})"
        for one in kept[-MOST_NAMED:]
        if one.summary is not None
    ]
    slowest = "" if len(kept) <= MOST_NAMED else f", the slowest {MOST_NAMED} of {len(kept)}"
    sentences = [f"Median response at {record.profile.load}{slowest}: {', '.join(took)}."] if took else []
    if behind:
        names = listed([named(name) for name in behind])
        sentences.append(f"{names} did not reach the target rate of {record.profile.load}.")
    return sentences


def ranking(record: Record) -> list[tuple[str, float]]:
    rates = [
        (result.name, result.right_rps)
        for result in record.endpoints
        if result.summary is not None and result.summary.requests > result.summary.failures
    ]
    return sorted(rates, key=lambda item: -item[1])


def reasons(record: Record) -> list[tuple[str, str]]:
    """Why the numbers are as they are: names and a sentence for all endpoints that have the same explanation."""
    groups: dict[str, list[EndpointResult]] = defaultdict(list)
    for result in record.endpoints:
        groups[_explanation(result, record)].append(result)
    found = []
    for alike in groups.values():
        rates = sorted(value for one in alike if one.summary and (value := one.summary.throughput_rps) is not None)
        measured = _span([rate(value) for value in rates])
        limits = _explanation(alike[0], record, measured)
        found.append((", ".join(inert(one.name) for one in alike), f"{limits} {_overhead(alike, record)}".strip()))
    return found


def _explanation(result: EndpointResult, record: Record, measured: str = "") -> str:
    limit = result.limit
    if result.summary is None:
        return "Not measured."
    endpoint = next(endpoint for endpoint in record.plan.endpoints if endpoint.name == result.name)
    if endpoint.locustfile is not None:
        return "Its own locustfile decides what users do, so its limit is unknown."
    if endpoint.mix is not None or record.profile.stages:
        on = machine(record.plan, record.environment.cpu.count, record.method.pinning)
        steady = "" if record.profile.stages else mix_sentence(endpoint, record.plan, on, measured)
        mixed = [_mixed(endpoint.mix)] if endpoint.mix else []
        return " ".join([*mixed, steady or "The load changed by design, so no single limit holds."])
    if limit is None and endpoint.served is not None and endpoint.own_work_s(record.profile.task_seconds) is not None:
        return "It runs elsewhere, so it is unknown how many requests it serves at a time."
    if limit is None:
        return (
            "How it is served, or how long its work takes, is not declared, so its limit is unknown. "
            "`bench diagnose ENDPOINT --keep` finds both."
        )
    if result.refutes_limit:
        sentence = _refuted(limit, endpoint.name, measured)
    else:
        sentence = limit_sentence(limit, endpoint, record.plan, result.users, measured)
    return f"{sentence}.{_crowded(result, record)}"


def _refuted(limit: Limit, name: str, measured: str) -> str:
    """Say that a declaration is wrong, and how to correct it; without the last full stop."""
    seen = f" (measured: {measured})" if measured else ""
    allows = f"What is declared of it (served, work, cpu, slots) would allow {rate(limit.most_rps)} req/s at most"
    correct = f"Correct it in benchmark.toml, or remove it there and run `bench diagnose {inert(name)} --keep`"
    return f"{allows}, and more was measured{seen}, so the declaration is wrong. {correct}"


def _mixed(mix: Mix) -> str:
    """What a mix is made of."""
    if mix.weights is None:
        return f"Each user sends {' → '.join(inert(one.name) for one in mix.requests)}, again and again."
    shares = zip(mix.requests, mix.weights, strict=True)
    parts = [f"{percent(100 * weight / sum(mix.weights))} {inert(one.name)}" for one, weight in shares]
    return f"A mix: {listed(parts)}, drawn at random for each request."


def _span(shown: Sequence[str]) -> str:
    """One number, or "4.9 to 8.3", of numbers as they are shown, sorted."""
    different = list(dict.fromkeys(shown))
    return different[0] if len(different) == 1 else f"{different[0]} to {different[-1]}" if different else ""


def _crowded(result: EndpointResult, record: Record) -> str:
    """Slots that are enough together may be too few on the worker that got most connections."""
    limit = result.kept_limit
    if record.profile.rate_per_s is not None or limit is None or limit.seats is None or limit.seats_rps is None:
        return ""
    slots = limit.seats // record.plan.target.workers
    most = max((max(item.connections_per_worker or (0,)) for item in result.rounds), default=0)
    if limit.seats_rps < limit.users_rps or most <= slots:
        return ""
    return f" But up to {count(most)} of them were connected to one worker, which serves {count(slots)}."


def _overhead(alike: Sequence[EndpointResult], record: Record) -> str:
    """How long responses took beyond their work: waiting for a slot, or overhead."""
    excess_ms = sorted(value for one in alike if (value := _excess_ms(one, record)) is not None)
    limit = alike[0].kept_limit
    if not excess_ms or limit is None:
        return ""
    if limit.seats_rps is not None and limit.seats_rps < limit.users_rps:
        shares = [percent(100 * value / (value + limit.own_work_s * 1000)) for value in excess_ms]
        what = "thread" if alike[0].name in _pooled(record) else "slot"
        return f"On average, {_span(shares)} of the response time was spent waiting for a {what}."
    return f"Overhead averaged {_span([ms(value) for value in excess_ms])} ms per request."


def _pooled(record: Record) -> set[str]:
    return {endpoint.name for endpoint in record.plan.endpoints if endpoint.served == "thread pool"}


def _excess_ms(result: EndpointResult, record: Record) -> float | None:
    summary = result.summary
    if summary is None or summary.excess_mean_ms is None or summary.excess_mean_ms < 0:
        return None  # a failure may be faster than the work, so the difference says nothing
    return summary.excess_mean_ms if record.method.right_alone or not summary.failures else None


PREDICTED = {"req/s": "throughput_rps", "p50": "median_ms", "max": "max_ms"}


def prediction_sentence(record: Record) -> str:
    """How far the measured table is from the predicted one at most; "" without a prediction."""
    parts = []
    for label, column in PREDICTED.items():
        off = [
            (abs(value), name)
            for result in record.endpoints
            for name, measured, predicted in _compared_rows(result, column)
            if (value := difference_percent(measured, predicted, column)) is not None
        ]
        if off:
            most, name = max(off)
            rounded = math.ceil(most) if most > WHOLE_PERCENT_FROM else max(0.1, math.ceil(round(most * 10, 6)) / 10)
            where = f" ({inert(name)})" if most > MUCH_OFF_PERCENT else ""
            parts.append(f"{percent(rounded)} in {label}{where}")
    return f"The prediction is within {listed(parts)}." if parts else ""


def _compared_rows(result: EndpointResult, column: str) -> Iterator[tuple[str, Columns, Columns]]:
    """What was measured and predicted; of a mix the latencies of each endpoint, as those of all lie between them."""
    if column == "throughput_rps" or not result.parts:
        if result.summary is not None and result.prediction is not None:
            yield result.name, result.summary, result.prediction
        return
    for part in result.parts:
        if part.prediction is not None:
            yield part_label(result.name, part.name), part.summary, part.prediction


def reach_sentence(record: Record) -> str:
    """How far the load was beyond what the service times of its endpoints were measured with; "" where it was not."""
    parts = []
    for result in record.endpoints:
        endpoint = next(one for one in record.plan.endpoints if one.name == result.name)
        lone = [one.measured.most_users for one in endpoint.members if one.measured is not None]
        if result.prediction is not None and lone and result.users > min(lone):
            who = f"{inert(result.name)} was" if endpoint.mix is None else f"What {inert(result.name)} asks for was"
            diagnosed = f"{who} diagnosed with up to {count(min(lone))} users"
            beyond = f"the prediction extrapolates {factor(result.users / min(lone))}"
            parts.append(f"{diagnosed}; this load has {count(result.users)}, so {beyond}.")
    return " ".join(parts)


def kept_rate(result: EndpointResult) -> list[str]:
    """How a fixed rate was reached, and what it does to latencies: a line for each round."""
    lines = []
    for measured in result.rounds:
        found = measured.open_load
        if found is not None:
            kept = f"{rate(found.achieved_rps)} of {rate(found.offered_rps)} requests per second were sent"
            from_sent = f"{latency(found.from_sent.p99_ms)} from when they were sent"
            lines.append(f"{kept}; p99 {latency(measured.p99_ms)} from when they were due, {from_sent}")
    return lines


def accounts(measured: Round) -> str:
    """What became of the requests of a round, how soon responses began, and what sending cost; "": not known."""
    parts = []
    if measured.sent is not None and measured.in_flight is not None:
        late = f", {count(measured.after_end)} begun too late to count" if measured.after_end else ""
        parts.append(
            f"{count(measured.sent)} requests were sent: {count(measured.requests - measured.failures)} got a correct "
            f"response, {count(measured.failures)} failed, {count(measured.in_flight)} were unfinished at the end{late}"
        )
    if measured.reconnected:
        parts.append(
            f"{count(measured.reconnected)} of them needed a new connection: the server had closed the old one"
        )
    if measured.logins is not None:
        found = measured.logins
        parts.append(
            f"Not counted among them: {count(found.first)} logins, {count(found.renewed)} renewed tokens, "
            f"{count(found.failed)} failed logins"
        )
    if measured.first_byte is not None:
        begin = measured.first_byte
        parts.append(
            f"Half of the correct responses began within {latency(begin.median_ms)}, 99% within {latency(begin.p99_ms)}"
        )
    cost_us = measured.resources.generator_cpu_us_per_request
    if cost_us is not None:
        parts.append(f"The load generator used {cost_us:,.0f} µs of CPU time per request")
    return "".join(f"{part}. " for part in parts).strip()


_NUMBER = re.compile(r"(?<![\w.\-])\d+(?:,\d{3})*(?:\.\d+)?(?!\w)")


@dataclass(frozen=True)
class Caveat:
    """Findings that say the same but for their numbers, as one. `title`: what it is about; `places`: its endpoints."""

    title: str
    places: tuple[str, ...]
    severity: str
    message: str
    remedy: str

    @property
    def where(self) -> str:
        return ", ".join(self.places)

    @property
    def briefly(self) -> str:
        return f"{self.title} ({self.where if len(self.places) <= MOST_NAMED else f'{len(self.places)} endpoints'})"


def caveats(record: Record, *, notes: bool = False) -> list[Caveat]:
    """What limits how reliable the numbers are, merged by cause, the gravest first; or only what is worth a note."""
    alike: dict[tuple[str, str, tuple[str, ...]], list[tuple[str, Finding]]] = defaultdict(list)
    for result in record.endpoints:
        for finding in (one for measured in result.rounds for one in in_todays_words(record, result, measured)):
            if (finding.severity == "note") == notes:
                words = (*_NUMBER.split(finding.message), "\n", *_NUMBER.split(finding.remedy))
                alike[finding.severity, finding.kind, words].append((result.name, finding))
    found = [
        Caveat(
            title=RULE_OF[kind].title if kind in RULE_OF else kind,
            places=_places([name for name, _ in several], record.profile.rounds),
            severity=severity,
            message=_merged([finding.message for _, finding in several]),
            remedy=_merged([finding.remedy for _, finding in several]),
        )
        for (severity, kind, _), several in alike.items()
    ]
    return sorted(found, key=lambda caveat: GRAVITY[caveat.severity])


def _places(names: Sequence[str], rounds: int) -> tuple[str, ...]:
    seen = Counter(names)
    return tuple(name if times == rounds else f"{name} ({times} of {rounds} rounds)" for name, times in seen.items())


def _merged(texts: Sequence[str]) -> str:
    """Texts that differ in their numbers as one, with the smallest and the largest of each."""
    columns = iter(list(zip(*(_NUMBER.findall(text) for text in texts), strict=True)))

    def span(_: re.Match[str]) -> str:
        return _span(sorted(next(columns), key=lambda number: float(number.replace(",", ""))))

    return _NUMBER.sub(span, texts[0])
