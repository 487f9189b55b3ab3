"""Our HTTP client for endpoints that stream: it notes when each event came, and ends a stream where it is told to.

The time-out of a stream is the longest time to its first byte, and then between two events; a stream as a whole may
take longer. One that is ended early costs its connection, as it does a browser: nothing else tells an HTTP/1.1 server
to stop.
"""

import json
import math
from collections import Counter
from collections.abc import Sequence
from time import monotonic
from typing import Any

from gevent import Timeout, get_hub, getcurrent

from load.expectation import DECODERS, MOST_TYPE_LENGTH, WRONG_DATA, Decoder, encodings
from load.http_client import TOO_LATE, BrokenResponseError, HttpClient, PreparedBytes, Response, Server
from load.streams import KINDS, StreamSpec

UNTIL, END = "until", "end"
SAME_INSTANT_S = 0.001
"""What comes within this time of the event before it came with it."""

GAP_DIGITS = 4


class StreamResponse(Response):
    """What became of a stream.

    `ended`: UNTIL as the client was told to, END by the server; "" not at all. `gaps`: how often so many milliseconds,
    to GAP_DIGITS digits, lay between two events. `instants`: how many moments events came in. `first`: what the first
    event held. `coding`: its Content-Encoding, or "length" where its length was known before it began. `wrong`: why it
    is no right stream, whatever is expected of it.
    """

    __slots__ = (
        "coding", "ended", "events", "first", "first_event_s", "gaps", "instants", "last_event_s", "wrong",
    )  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self.coding = self.ended = self.wrong = ""
        self.events = self.instants = 0
        self.first = b""
        self.first_event_s: float | None = None
        self.last_event_s = 0.0
        self.gaps: Counter[float] = Counter()


class Reader:
    """Reads one stream. `kept`: where its decoded bytes are put, if anybody looks at them."""

    def __init__(self, spec: StreamSpec, response: StreamResponse, kept: list[bytes] | None) -> None:
        self.spec = spec
        self._response, self._kept = response, kept
        self._events = KINDS[spec.kind]()
        self._decoders: list[Decoder] = []
        self._text = spec.text.encode() if spec.text else b""
        self._before = b""

    def begin(self) -> None:
        """Look at the head of the response."""
        response = self._response
        coding = response.header(b"content-encoding")
        response.coding = ",".join(encodings(coding))
        if not response.coding and response.header(b"content-length") is not None:
            response.coding = "length"
        for name in reversed(encodings(coding)):
            if name not in DECODERS:
                response.wrong = f"the response's encoding {name[:40]!r} is not known"
                return
            self._decoders.append(Decoder(name))
        # what is kept is plain
        response.headers = [pair for pair in response.headers if pair[0].lower() != b"content-encoding"]

    def take(self, data: bytes, at_s: float) -> None:
        if self._response.wrong:
            return
        try:
            for decoder in self._decoders:
                data = decoder.feed(data)
        except WRONG_DATA:
            self._response.wrong = f"the response could not be decoded: it is not {self._response.coding}"
            return
        if self._kept is not None:
            self._kept.append(data)
        self._note(self._events.feed(data), at_s)

    def end_of_chunk(self, at_s: float) -> None:
        self._note(self._events.end_of_chunk(), at_s)

    def finish(self, ended: str, at_s: float) -> None:
        """Take note of the end: the client's own, or the server's."""
        response = self._response
        if ended == END:
            self._note(self._events.finish(), at_s)
        response.ended = response.ended or ended
        response.wrong = response.wrong or self._wrong()

    def _note(self, events: Sequence[bytes], at_s: float) -> None:
        response, spec = self._response, self.spec
        for data in events:
            if response.first_event_s is None:
                response.first_event_s, response.first, response.instants = at_s, data, 1
            else:
                gap_s = at_s - response.last_event_s
                response.gaps[float(f"{gap_s * 1000:.{GAP_DIGITS}g}")] += 1
                response.instants += gap_s >= SAME_INSTANT_S
            response.last_event_s = at_s
            response.events += 1
            if response.events == spec.events or (self._text and self._holds_text(data)):
                response.ended = UNTIL
                return

    def _holds_text(self, data: bytes) -> bool:
        if self.spec.kind != "chunks":
            return self._text in data
        data = self._before + data
        self._before = data[max(0, len(data) - len(self._text) + 1) :]  # it may lie in two chunks
        return self._text in data

    def _wrong(self) -> str:
        response, spec = self._response, self.spec
        if not response.events:
            if response.ended == UNTIL:
                return f"no event came within {spec.after_s:g} s"
            kind = (response.header(b"content-type") or "unknown")[:MOST_TYPE_LENGTH].partition(";")[0][:60]
            return f"the stream has no event of {spec.kind}; its Content-Type is {kind.strip()}"
        if spec.kind == "ndjson" and not _is_json(response.first):
            return "the stream's first line is not JSON"
        return ""


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


class StreamClient(HttpClient):
    """The client of one user who reads streams, among other requests or not.

    `longest_s`: how long a stream may take in all, beyond what it was told to; None: as long as it goes on.
    """

    def __init__(self, server: Server, timeout_s: float, longest_s: float | None = None) -> None:
        super().__init__(server, timeout_s)
        self._between_s, self._longest_s = timeout_s, longest_s
        self._enough, self._too_long = Timeout(), Timeout()
        self._reader: Reader | None = None
        self._cut = False

    def _begin(self, request: PreparedBytes) -> Response:
        response = super()._begin(request)
        self._reader, self._cut, self._timeout_s = None, False, self._between_s
        if request.stream is not None:
            self._response = response = StreamResponse()
            self._reader = Reader(request.stream, response, self._parts if self._keeps_body else None)
            self._timeout_s = math.inf  # of the whole
        return response

    def _finished(self, response: Response, request: PreparedBytes) -> Response:
        closed = self.closed
        response = super()._finished(response, request)
        if self._cut:
            self.closed = closed  # by this client
        return response

    def _read(self) -> None:
        reader = self._reader
        if reader is None:
            super()._read()
            return
        timers = self._start_timers(reader.spec)
        try:
            super()._read()
        except Timeout as expired:
            self._received_s = monotonic()
            self._expired(expired)
        finally:
            for timer in timers:
                timer.stop()
                timer.close()
        if self._cut:
            self._keep = False
        reader.finish(UNTIL if self._cut else END, self._received_s)

    def _start_timers(self, spec: StreamSpec) -> list[Any]:
        gone_s = monotonic() - self._response.sent_s
        longest_s = None if self._longest_s is None else self._longest_s + (spec.after_s or 0.0)
        timers = []
        for limit_s, reason in ((spec.after_s, self._enough), (longest_s, self._too_long)):
            if limit_s is not None:
                timers.append(get_hub().loop.timer(max(0.0, limit_s - gone_s)))
                timers[-1].start(getcurrent().throw, reason, update=True)
        return timers

    def _expired(self, expired: Timeout) -> None:
        if expired is self._enough:
            self._complete = self._cut = True
        elif expired is self._too_long:
            raise BrokenResponseError(f"{TOO_LATE} {self._longest_s:g} s")
        elif expired is self._timeout:
            what = "byte" if self._response.first_byte_s is None else "event"
            raise BrokenResponseError(f"no {what} of the stream within {self._between_s:g} s")
        else:
            raise expired

    def _feed(self, data: bytes) -> None:
        before = self._progress()
        super()._feed(data)
        if self._reader is not None and self._progress() != before:
            self._timer.again(getcurrent().throw, self._timeout, update=True)

    def _progress(self) -> tuple[bool, int]:
        return self._headed, self._response.events if isinstance(self._response, StreamResponse) else 0

    def on_headers_complete(self) -> None:
        had = self._headed
        super().on_headers_complete()
        if self._reader is not None and self._headed and not had:
            self._reader.begin()

    def on_body(self, body: bytes) -> None:
        if self._cut:
            return  # what came together with the last event
        if self._reader is None or self._complete or not self._headed:
            super().on_body(body)
            return
        self._response.length += len(body)
        self._reader.take(body, self._received_s)
        self._cut_if_told()

    def on_chunk_complete(self) -> None:
        if self._reader is not None and not self._complete:
            self._reader.end_of_chunk(self._received_s)
            self._cut_if_told()

    def _cut_if_told(self) -> None:
        if isinstance(self._response, StreamResponse) and self._response.ended:
            self._complete = self._cut = True

    def on_message_complete(self) -> None:
        super().on_message_complete()
        if self._headed:
            self._cut = False  # its end came together with the last event: the connection can be used again
