"""What a table shows, and what changed since earlier runs, in sentences made from the record and true of it."""

from collections.abc import Callable, Collection

from benchmark.formatting import inert, ms, percent, rate
from benchmark.record import RATE_NOT_KEPT, EndpointResult, Record, Round
from benchmark.theory.wording import limit_sentence

ALIKE_RATIO = 1.05


def headline(record: Record, named: Callable[[str], str] = inert) -> str:
    """Say which endpoint answered most and by how much, or why that cannot be said.

    `named` makes an endpoint's name fit for where the sentence goes; Markdown by default.
    """
    ranked = ranking(record)
    if not ranked:
        return "Nothing was answered, so there is nothing to compare."
    if record.state != "complete":
        measured = sum(result.summary is not None for result in record.endpoints)
        return f"{measured} of {len(record.plan.endpoints)} endpoints were measured; an incomplete run ranks nothing."
    failed = [result.name for result in record.endpoints if result.name not in dict(ranked)]
    silent = f" {', '.join(named(name) for name in failed)} gave no right answer." if failed else ""
    if record.profile.rate_per_s is not None:
        return f"{_at_a_rate(record, dict(ranked), named)}{silent}"
    if len(ranked) == 1:
        name, best = ranked[0]
        return f"{named(name)} gave {rate(best)} right answers per second.{silent}"
    best, (last, least) = ranked[0][1], ranked[-1]
    if best < least * ALIKE_RATIO:
        all_of_them = "All others" if failed else "All endpoints"
        return f"{all_of_them} answered about as much: {rate(least)} to {rate(best)} requests per second.{silent}"
    alike = [name for name, value in ranked if value * ALIKE_RATIO > best]
    names = ", ".join(named(name) for name in alike)
    factor = best / least
    shown = f"{factor:.0f}" if factor >= 10 else f"{factor:.1f}"  # noqa: PLR2004 - two digits either way
    return (
        f"{names} answered most: {rate(best)} requests per second, "
        f"{shown} times as many as {named(last)} ({rate(least)}).{silent}"
    )


def _at_a_rate(record: Record, answered: Collection[str], named: Callable[[str], str]) -> str:
    """All answer as many as come, if they can: what differs is how long it takes."""
    measured = [result for result in record.endpoints if result.name in answered]
    behind = [
        named(result.name)
        for result in measured
        if any(finding.kind == RATE_NOT_KEPT for item in result.rounds for finding in item.warnings)
    ]
    kept = [result for result in measured if named(result.name) not in behind]
    kept.sort(key=lambda result: (result.summary and result.summary.p99_ms) or 0.0)
    took = [
        f"within {ms(one.summary.median_ms)} ms, 99 % within {ms(one.summary.p99_ms)} ms ({named(one.name)})"
        for one in kept
        if one.summary is not None
    ]
    sentences = [f"At {record.profile.load} half of the answers came {'; '.join(took)}."] if took else []
    sentences += [f"{', '.join(behind)} could not keep up with {record.profile.load}."] if behind else []
    return " ".join(sentences)


def ranking(record: Record) -> list[tuple[str, float]]:
    rates = [
        (result.name, (result.summary.throughput_rps or 0.0) - (result.summary.failures_rps or 0.0))
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
