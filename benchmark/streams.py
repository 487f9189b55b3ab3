"""When responses begin, and those that stream: what benchmark.toml says of them, and what a record keeps."""

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from benchmark.fields import Amount, Frozen, Whole, parse_seconds
from load.streams import StreamSpec

LONGEST_S = 3600.0
_WEB_SOCKET = re.compile(r"(?i)\s*(web[ _-]?sockets?|wss?)\s*")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
_LENGTH = re.compile(r"(?i)[+-]?\d[\d.]*\s*(ms|s|m|h|d|secs?|seconds?|mins?|minutes?|hours?|days?)")
HOW = 'write a text that its last event contains ("[DONE]"), a number of events (20), or a duration ("5s")'


def _no_web_socket(value: Any) -> Any:
    if isinstance(value, str) and _WEB_SOCKET.fullmatch(value):
        raise ValueError(
            'WebSocket is not supported: load it with a locustfile; stream takes "sse", "ndjson", "chunks"'
        )
    return value


def _checked_until(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(HOW)  # noqa: TRY004 - pydantic turns only this into a message
    if isinstance(value, str):
        _parsed(value)
        return value
    if value != int(value) or not 1 <= value <= 10**9:
        raise ValueError(f"a number of events must be whole, and at least 1; {HOW}")
    return int(value)


def _parsed(text: str) -> float | None:
    """The duration (s) that a text is; None: it is a text of an event. ValueError: neither."""
    if not text.strip() or len(text) > 1000:  # noqa: PLR2004 - of an event's text
        raise ValueError(f"must not be empty, or longer than 1,000 characters; {HOW}")
    if _NUMBER.fullmatch(text.strip()):
        raise ValueError(f"{text!r} may be a number of events or of seconds; {HOW}")
    try:
        length_s = float(parse_seconds(text))
    except ValueError:
        if _LENGTH.fullmatch(text.strip()):
            raise ValueError(f"{text!r} is no duration; {HOW}") from None
        return None
    if not 0 < length_s <= LONGEST_S:
        raise ValueError(f"a duration must be more than 0, and at most {LONGEST_S:g} s; {HOW}")
    return length_s


StreamKind = Annotated[Literal["sse", "ndjson", "chunks"], BeforeValidator(_no_web_socket)]
Until = Annotated[int | str, BeforeValidator(_checked_until)]


def stream_spec(kind: str | None, until: int | str | None) -> StreamSpec | None:
    """What the load generator is told of an endpoint's stream; None: it does not stream."""
    if kind is None:
        return None
    after_s = _parsed(until) if isinstance(until, str) else None
    text = until if isinstance(until, str) and after_s is None else None
    return StreamSpec(kind, text, until if isinstance(until, int) else None, after_s)


class FirstByte(Frozen):
    """How long right responses took to begin (ms), from where their latency counts."""

    median_ms: Amount
    p95_ms: Amount
    p99_ms: Amount


class StreamFigures(Frozen):
    """What is known of the streams of one endpoint in a round: times in ms, those of `complete` ones alone.

    `streams`: responses in all; `complete`: right ones that ended as `until` says (`by_until` of them), or as the
    server ended them. Times to the first byte and the first event are medians, from where latencies count; gaps lie
    between an event and the next of the same stream. `events_rps`: events of all streams per second. `instants`: how
    many moments `events` came in; `at_once`: streams of which all events, several, came in a small part of the time to
    the first; `spread_ms`: median time from the first to the last. `fastest_event_ms`: the least time to a first one.
    `compressed`: streams with a Content-Encoding; `announced`: with a Content-Length.
    """

    name: Annotated[str, Field(min_length=1, max_length=200)]
    streams: Whole
    complete: Whole
    by_until: Whole
    events: Whole
    events_rps: Amount | None = None
    first_byte_ms: Amount | None = None
    first_event_ms: Amount | None = None
    first_event_p95_ms: Amount | None = None
    fastest_event_ms: Amount | None = None
    gap_p50_ms: Amount | None = None
    gap_p99_ms: Amount | None = None
    instants: Whole = 0
    at_once: Whole = 0
    spread_ms: Amount | None = None
    compressed: Whole = 0
    announced: Whole = 0
