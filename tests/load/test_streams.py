"""Events of streams: however the bytes are cut, the same events; what a person can count by hand."""

import json
import sys
import zlib
from collections.abc import Sequence
from itertools import pairwise

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from load.expectation import Decoder
from load.streams import KINDS, Lines, ServerSentEvents

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    at = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in pairwise(at)]


def events_of(kind: str, pieces: Sequence[bytes]) -> list[bytes]:
    events = KINDS[kind]()
    return [event for piece in pieces for event in events.feed(piece)] + events.finish()


def by_hand(text: str) -> list[str]:
    """The rules of the HTML standard, read from a whole text at a time and written as they stand there."""
    found, data = [], ""
    for line in text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")[:-1]:
        if not line:
            if data:
                found.append(data.removesuffix("\n"))
            data = ""
        elif line.startswith("data:"):
            data += line[len("data:") :].removeprefix(" ") + "\n"
        elif line == "data":
            data += "\n"
    return found


PLACES = st.lists(st.integers(min_value=0, max_value=10_000), max_size=12)
LINE = st.sampled_from(
    [
        "",
        "",
        "data: a",
        "data:b",
        "data",
        "data: ",
        "data:  c",
        ": ping",
        "event: x",
        "id: 1",
        "retry: 9",
        "dat: no",
        "Ä",
    ]
)
ENDED_LINE = st.tuples(LINE, st.sampled_from(["\n", "\r", "\r\n"])).map("".join)
STREAM = st.tuples(st.sampled_from(["", "\ufeff"]), st.lists(ENDED_LINE, max_size=30).map("".join)).map("".join)


@given(STREAM, PLACES)
def test_server_sent_events_are_those_of_the_standard_however_they_are_cut(text: str, places: list[int]) -> None:
    data = text.encode()
    assert [event.decode() for event in events_of("sse", cut(data, places))] == by_hand(text)


@given(st.binary(max_size=200), PLACES, st.sampled_from(["sse", "ndjson", "chunks"]))
def test_any_bytes_give_the_same_events_however_they_are_cut(data: bytes, places: list[int], kind: str) -> None:
    assert events_of(kind, cut(data, places)) == events_of(kind, [data])


@given(
    st.lists(st.dictionaries(st.text(max_size=3), st.integers(), max_size=2), max_size=9),
    PLACES,
    st.sampled_from([b"", b"\n"]),
)
def test_lines_of_json_are_the_values_that_were_written(
    values: list[dict[str, int]], places: list[int], end: bytes
) -> None:
    data = "\r\n\n".join(json.dumps(value) for value in values).encode() + end
    assert [json.loads(line) for line in events_of("ndjson", cut(data, places))] == values


@pytest.mark.parametrize(
    ("data", "events"),
    [
        (b"data: a\n\n", [b"a"]),
        (b"data: a\r\rdata: b\r\n\r\n", [b"a", b"b"]),
        (b"\xef\xbb\xbfdata: a\n\n", [b"a"]),
        (b"data: a\ndata: b\n\n", [b"a\nb"]),
        (b": a comment\n\ndata: a\n: another\n\n", [b"a"]),
        (b"event: nothing\n\n", []),
        (b"data\n\n", [b""]),
        (b"data: unfinished\n", []),
        (b'data: {"a": ": \xc3\xa4"}\n\n', [b'{"a": ": \xc3\xa4"}']),
    ],
)
def test_an_event_is_what_browsers_take_for_one(data: bytes, events: list[bytes]) -> None:
    assert events_of("sse", [data]) == events
    assert events_of("sse", [bytes([one]) for one in data]) == events


def test_an_event_is_known_as_soon_as_its_blank_line_has_begun() -> None:
    events = ServerSentEvents()
    assert events.feed(b"data: a\r\n\r") == [b"a"]
    assert events.feed(b"\ndata: b\r\n") == []
    assert events.feed(b"\r\n") == [b"b"]


def test_many_pieces_of_one_long_line_are_put_together_once() -> None:
    lines = Lines()
    assert not any(lines.feed(b"x" * 100) for _ in range(20_000))
    assert [len(line) for line in lines.finish()] == [2_000_000]


ENCODERS = {
    "gzip": lambda data: _deflated(data, zlib.MAX_WBITS | 16),
    "deflate": lambda data: _deflated(data, zlib.MAX_WBITS),
    "br": brotli.compress,
    "zstd": zstd.compress,
}


def _deflated(data: bytes, window_bits: int) -> bytes:
    part = zlib.compressobj(wbits=window_bits)
    return part.compress(data) + part.flush()


@given(st.binary(min_size=1, max_size=300), PLACES, st.sampled_from(sorted(ENCODERS)))
def test_what_is_compressed_is_read_piece_by_piece(data: bytes, places: list[int], name: str) -> None:
    decoder = Decoder(name)
    assert b"".join(map(decoder.feed, cut(ENCODERS[name](data), places))) == data


def test_deflate_without_its_head_and_gzip_in_two_parts_are_read_as_well() -> None:
    assert Decoder("deflate").feed(_deflated(b"ab" * 50, -zlib.MAX_WBITS)) == b"ab" * 50
    assert Decoder("gzip").feed(ENCODERS["gzip"](b"a") + ENCODERS["gzip"](b"b")) == b"ab"
