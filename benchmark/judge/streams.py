"""What limits how far the figures of streams can be believed, and servers that do not stream: rules of `findings`."""

from collections.abc import Iterator

from benchmark.formatting import count, figure, latency
from benchmark.judge.model_fit import Seen
from benchmark.plan import Endpoint, Plan
from benchmark.record import Round
from benchmark.streams import StreamFigures

LAGS = 3
"""A gap between events that is shorter than so many lags of the load generator is its own as well as the server's."""

MOST = 0.75
LATE_MS = 50.0
TOGETHER_MS = 5.0
LUMP = 3.0


def is_measurable(gap_ms: float | None, lag_ms: float | None) -> bool:
    return gap_ms is None or lag_ms is None or gap_ms >= LAGS * lag_ms


def is_buffered(found: StreamFigures, lag_ms: float | None) -> bool:
    """Whether all events of a stream came together, and late in even the quickest one, unlike quick events."""
    late = (found.fastest_event_ms or 0.0) >= LATE_MS
    together = (found.gap_p50_ms or 0.0) <= max(TOGETHER_MS, LAGS * (lag_ms or 0.0))
    return found.complete > 0 and found.at_once >= MOST * found.complete and late and together


def buffered(measured: Round, _endpoint: Endpoint, _plan: Plan) -> Seen | None:
    found = [one for one in measured.streams if is_buffered(one, measured.resources.generator_lag_mean_ms)]
    if not found:
        return None
    return "warning", " ".join(map(_gathered, found)), " ".join(dict.fromkeys(map(_remedy, found)))


def _gathered(found: StreamFigures) -> str:
    events = found.events / found.complete
    early = (found.first_event_ms or 0.0) - (found.first_byte_ms or 0.0)
    head = f", though its head came after {latency(found.first_byte_ms)}" if early >= LATE_MS else ""
    told = ""
    if found.compressed:
        told = " The response is compressed."
    elif found.announced:
        told = " Its Content-Length shows that all of it was there before it began."
    return (
        f"{found.name} is buffered: all {figure(events) if events % 1 else count(int(events))} events of a stream "
        f"arrived within {latency(found.spread_ms)}, but not before {latency(found.first_event_ms)}{head}.{told}"
    )


def _remedy(found: StreamFigures) -> str:
    if found.compressed:
        return (
            "Exclude this response from compression (GZipMiddleware, or that of a proxy), which gathers what it packs."
        )
    if found.announced:
        return "Yield the events from a generator in StreamingResponse, instead of returning a list of them."
    return (
        "Unless the app makes them all at once: yield each one when it is made, from a generator in StreamingResponse "
        "and not from a list; no GZipMiddleware, no proxy that buffers (X-Accel-Buffering: no)."
    )


def in_groups(measured: Round, _endpoint: Endpoint, _plan: Plan) -> Seen | None:
    """A proxy with a buffer of some kB, or a server that sends several events at a time."""
    said = [
        f"{one.name}: {figure(one.events / one.instants)} events arrived at a time, on average."
        for one in measured.streams
        if one.instants > one.complete
        and one.events >= LUMP * one.instants
        and not is_buffered(one, measured.resources.generator_lag_mean_ms)
    ]
    remedy = "If the app sends them one by one, a proxy or a compression gathers them; clients see them in jerks."
    return ("note", " ".join(said), remedy) if said else None


def short_gaps(measured: Round, _endpoint: Endpoint, _plan: Plan) -> Seen | None:
    used = measured.resources
    said = list(_short(measured, used.generator_lag_mean_ms, used.generator_lag_p99_ms))
    if not said:
        return None
    listed = ", ".join(said)
    return (
        "note",
        f"Gaps between events are less than {LAGS} lags of the load generator, and cannot be measured: {listed}.",
        "Use fewer users or more processes, if the gaps matter.",
    )


def _short(measured: Round, mean_ms: float | None, p99_ms: float | None) -> Iterator[str]:
    for one in measured.streams:
        if is_buffered(one, mean_ms):
            continue
        for name, gap_ms, lag_ms in (("p50", one.gap_p50_ms, mean_ms), ("p99", one.gap_p99_ms, p99_ms)):
            if not is_measurable(gap_ms, lag_ms):
                yield f"{one.name}, {name} {latency(gap_ms)} (lag {latency(lag_ms)})"


def never_until(measured: Round, endpoint: Endpoint, _plan: Plan) -> Seen | None:
    until = {one.name: one.until for one in endpoint.members if one.stream and one.until is not None}
    said = [
        f"None of the {count(one.complete)} streams of {one.name} met until = {until[one.name]!r}: the server ended "
        "them before."
        for one in measured.streams
        if one.name in until and one.complete and not one.by_until
    ]
    return ("note", " ".join(said), "Fine if that is their proper end; otherwise correct until.") if said else None
