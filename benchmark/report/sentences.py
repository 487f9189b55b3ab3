"""What a table shows, and what changed since earlier runs, in sentences made from the record and true of it."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence

from benchmark.formatting import count, factor, figure, inert, latency, ms, percent, rate
from benchmark.record import RATE_NOT_KEPT, EndpointResult, Record, Round
from benchmark.theory.wording import limit_sentence

ALIKE_RATIO = 1.05
MOST_NAMED = 3


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
        return f"{measured} of {len(record.plan.endpoints)} endpoints were measured; an incomplete run ranks nothing."
    if record.profile.rate_per_s is not None:
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
        return f"{_listed([named(name) for name in rates])} handled about the same load: {span} requests/s."
    fastest = [named(name) for name, value in rates.items() if value * ALIKE_RATIO > best]
    last = next(named(name) for name, value in rates.items() if value == least)
    times = f"{factor(best / least)} the load of {last}" if least else f"more load than {last}"
    return f"{_listed(fastest)} handled {times}: {figure(best)} vs {figure(least)} requests/s."


def _slowest(results: Sequence[EndpointResult], what: str, named: Callable[[str], str]) -> str:
    slowest = max(results, key=lambda one: (one.summary and one.summary.p95_ms) or 0.0)
    if len(results) == 1:
        return f"{named(slowest.name)} handled {figure(right_rps(slowest))} requests/s{_took(slowest)}."
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
    found = [f"{_listed([named(name) for name in silent])} gave no correct response."] if silent else []
    if len(failed) > MOST_NAMED:
        return [*found, f"Requests to {len(failed)} endpoints failed."]
    for one in record.endpoints:
        if one.name in failed:
            sent = sum(item.requests for item in one.rounds)
            found.append(f"{count(failed[one.name])} of {count(sent)} requests to {named(one.name)} failed.")
    return found


def _listed(names: Sequence[str]) -> str:
    """Names as a sentence has them: "a, b and c"; of many the first ones, "a, b and 7 more"."""
    shown = [*names] if len(names) <= MOST_NAMED else [*names[: MOST_NAMED - 1], f"{len(names) - MOST_NAMED + 1} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


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
        names = _listed([named(name) for name in behind])
        sentences.append(f"{names} did not reach the target rate of {record.profile.load}.")
    return sentences


def right_rps(result: EndpointResult) -> float:
    summary = result.summary
    return 0.0 if summary is None else (summary.throughput_rps or 0.0) - (summary.failures_rps or 0.0)


def ranking(record: Record) -> list[tuple[str, float]]:
    rates = [
        (result.name, right_rps(result))
        for result in record.endpoints
        if result.summary is not None and result.summary.requests > result.summary.failures
    ]
    return sorted(rates, key=lambda item: -item[1])


def reason(result: EndpointResult, record: Record) -> str:
    if result.summary is None:
        return "not measured."
    limit = result.limit
    if limit is None:
        return (
            "how it is served, from how many seats, or how long its own work takes is not known: no limit to work out."
        )
    endpoint = next(endpoint for endpoint in record.plan.endpoints if endpoint.name == result.name)
    crowded = "" if limit.seats is None else _crowded(result, limit.seats // record.plan.target.workers)
    is_open = record.profile.rate_per_s is not None
    crowded = "" if is_open else crowded
    measured = f"measured {rate(result.summary.throughput_rps)}{'' if is_open else ', ramp included'}"
    limits = f"{limit_sentence(limit, endpoint, record.plan, result.users)}{crowded}"
    return f"{limits}; {measured}. {_excess(result, record)}".strip()


def kept_rate(result: EndpointResult) -> list[str]:
    """How a rate of its own was kept, and what it makes of latencies: a line for each round."""
    lines = []
    for measured in result.rounds:
        found = measured.open_load
        if found is not None:
            kept = f"{rate(found.achieved_rps)} of {rate(found.offered_rps)} requests per second could be sent"
            from_sent = f"{ms(found.from_sent.p99_ms)} ms from when they were sent"
            lines.append(f"{kept}; p99 {ms(measured.p99_ms)} ms from when they were due, {from_sent}")
    return lines


def accounts(measured: Round) -> str:
    """What became of the requests of a round, how soon responses began, and what sending cost; "": not known."""
    parts = []
    if measured.sent is not None and measured.in_flight is not None:
        late = f", {measured.after_end} were begun too late to count" if measured.after_end else ""
        parts.append(
            f"{measured.sent} requests were sent: {measured.requests - measured.failures} answered right, "
            f"{measured.failures} failed, {measured.in_flight} still waiting at the end{late}"
        )
    if measured.reconnected:
        parts.append(f"{measured.reconnected} of them needed a new connection, as the server had closed the idle one")
    if measured.first_byte is not None:
        begin = measured.first_byte
        parts.append(
            f"Half of the right responses began within {ms(begin.median_ms)} ms, 99 % within {ms(begin.p99_ms)} ms"
        )
    cost_us = measured.resources.generator_cpu_us_per_request
    if cost_us is not None:
        parts.append(f"The load generator spent {cost_us:.0f} µs of processor time on each request")
    return "".join(f"{part}. " for part in parts).strip()


def _crowded(result: EndpointResult, seats_per_worker: int) -> str:
    """Seats that are enough together may be too few on the worker that got most connections."""
    limit = result.limit
    if limit is None or limit.seats_rps is None or limit.seats_rps < limit.users_rps:
        return ""
    most = max((max(item.connections_per_worker or (0,)) for item in result.rounds), default=0)
    return f", but {most} of them met on one worker with {seats_per_worker}" if most > seats_per_worker else ""


def _excess(result: EndpointResult, record: Record) -> str:
    summary, limit = result.summary, result.limit
    if summary is None or limit is None or summary.excess_mean_ms is None:
        return ""
    if (summary.failures and not record.method.right_alone) or summary.excess_mean_ms < 0:
        return ""  # a failure may be faster than the work, so the difference says nothing
    queued = limit.seats_rps is not None and limit.seats_rps < limit.users_rps
    if queued:
        share = 100 * summary.excess_mean_ms / (summary.excess_mean_ms + limit.own_work_s * 1000)
        return f"Of a mean answer time {percent(share)} was waiting for a seat."
    return f"Beyond its own work an answer took {ms(summary.excess_mean_ms)} ms on average."
