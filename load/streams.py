"""What a streamed response is made of, and what ends it: events, from bytes that come in any pieces. Pure.

"sse"      server-sent events, as browsers read them: https://html.spec.whatwg.org/multipage/server-sent-events.html
"ndjson"   lines that are not blank
"chunks"   the chunks of Transfer-Encoding, as the server sent them
"""

import re
from dataclasses import dataclass
from typing import Protocol

LINE_END = re.compile(rb"\r\n|\n|\r")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class StreamSpec:
    """A kind of stream, and what the client ends it by; without any of them it goes on until the server ends it.

    `text`: an event that contains it; `events`: so many of them; `after_s`: so long after the request was sent.
    """

    kind: str
    text: str | None = None
    events: int | None = None
    after_s: float | None = None


class Events(Protocol):
    """What makes events of bytes."""

    def feed(self, data: bytes) -> list[bytes]:
        """Take some bytes; gives what is in the events that are complete now."""

    def end_of_chunk(self) -> list[bytes]:
        """Take note that a chunk of Transfer-Encoding is complete."""

    def finish(self) -> list[bytes]:
        """Take note that no more bytes come."""


class ServerSentEvents:
    """Gives the data of each event. One that no blank line ends is none."""

    def __init__(self) -> None:
        self._rest: list[bytes] = []
        self._data: list[bytes] = []
        self._begun = self._skips_line_feed = False

    def feed(self, data: bytes) -> list[bytes]:
        if self._skips_line_feed and data:
            self._skips_line_feed = False
            data = data.removeprefix(b"\n")
        if not data:
            return []
        self._skips_line_feed = data.endswith(b"\r")
        first, *others = LINE_END.split(data)
        self._rest.append(first)
        if not others:
            return []
        lines = [b"".join(self._rest), *others[:-1]]
        self._rest = [others[-1]]
        if not self._begun:
            self._begun = True
            lines[0] = lines[0].removeprefix(BYTE_ORDER_MARK)
        return [event for line in lines if (event := self._after(line)) is not None]

    def _after(self, line: bytes) -> bytes | None:
        if line:
            name, _, value = line.partition(b":")
            if name == b"data":  # a comment has no name
                self._data.append(value.removeprefix(b" "))
            return None
        found = b"\n".join(self._data) if self._data else None
        self._data.clear()
        return found

    def end_of_chunk(self) -> list[bytes]:
        return []

    def finish(self) -> list[bytes]:
        return []


class Lines:
    """Gives each line that is not blank; the last one needs no line feed."""

    def __init__(self) -> None:
        self._rest: list[bytes] = []

    def feed(self, data: bytes) -> list[bytes]:
        first, *others = data.split(b"\n")
        self._rest.append(first)
        if not others:
            return []
        lines = [b"".join(self._rest), *others[:-1]]
        self._rest = [others[-1]]
        return [stripped for line in lines if (stripped := line.strip())]

    def end_of_chunk(self) -> list[bytes]:
        return []

    def finish(self) -> list[bytes]:
        return self.feed(b"\n")


class Chunks:
    """Gives each chunk. A response without chunks is one."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def feed(self, data: bytes) -> list[bytes]:
        if data:
            self._parts.append(data)
        return []

    def end_of_chunk(self) -> list[bytes]:
        if not self._parts:
            return []
        found = b"".join(self._parts)
        self._parts.clear()
        return [found]

    def finish(self) -> list[bytes]:
        return self.end_of_chunk()


KINDS: dict[str, type[Events]] = {"sse": ServerSentEvents, "ndjson": Lines, "chunks": Chunks}
