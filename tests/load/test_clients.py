"""What each client says of what a server may do to it, on real sockets; no failure is a success, none is sent twice."""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.load.raw_client import ClientProcess, client_process
from tests.load.raw_server import (
    Await,
    HalfClose,
    Pause,
    Read,
    ReadHead,
    Reset,
    Script,
    Send,
    SendForever,
    Step,
    WaitForEnd,
    byte_by_byte,
    exchange,
    raw_server,
)

CLIENTS = ("fast", "requests")
HEAD = b"HTTP/1.1 200 OK\r\n"
OK = HEAD + b"Content-Length: 5\r\n\r\nhello"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
CHUNKS = CHUNKED + b"2;a=b\r\nhe\r\n3\r\nllo\r\n0\r\nX-Sum: 1\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LARGE = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 5\r\n"
UPLOAD = "x" * 8_000_000
"""More than the buffers of both sides hold."""

BROKEN_OFF = "the response broke off"
LESS = "the response broke off: less came than Content-Length said"
NO_LAST_CHUNK = "the response broke off: its last chunk did not come"
IN_HEAD = "the response broke off within its head"
NOTHING = "no response came: the connection was closed"
NO_CONNECTION = "the connection was refused or broken off"
RESET_IN = "the response broke off: connection reset by peer"
MORE = "the server sent more than the response it had announced"
LONG_HEAD = "the response has a head of more than 262144 bytes"
TOO_LATE = "no complete response within 0.3 s"
NOT_GZIP = "the response could not be decoded: it is not gzip, or not all of it"
UNKNOWN = "the response's encoding 'rot13' is not known"
NOT_HTTP = "what came is not HTTP"


def reply(*steps: bytes | Step) -> Script:
    """Read a request, and send this back; then the connection is closed."""
    return [Read(), *(Send(step) if isinstance(step, bytes) else step for step in steps)]


def status(line: str, headers: str = "", body: str = "") -> Script:
    """Reply with this, headers parted by semicolons."""
    fields = "".join(f"{header.strip()}\r\n" for header in headers.split(";") if header)
    return reply(f"HTTP/1.1 {line}\r\n{fields}\r\n{body}".encode())


@dataclass(frozen=True)
class Case:
    """What a server does, and what each client says; where `requests` is None, it says the same."""

    name: str
    script: Script
    fast: str
    requests: str | None = None
    method: str = "GET"
    sent: dict[str, Any] = field(default_factory=dict)
    timeout_s: float = 10.0


def posted(case: str, script: Script, fast: str, requests: str | None = None, **more: Any) -> Case:
    """A large upload, to which the server may respond early."""
    return Case(case, script, fast, requests, "POST", {"body": UPLOAD, **more.pop("sent", {})}, **more)


def late(case: str, *steps: bytes | Step) -> Case:
    """What takes longer than the time-out of the whole request, however often a part of it comes."""
    return Case(case, reply(*steps), TOO_LATE, timeout_s=0.3)


FAILED_LATE = {"slow body", "Content-Length too long", "no last chunk", "reset in the body"}
GZIPPED = gzip.compress(b"hello" * 9)

CASES = [
    # --- what is right ---
    Case("Content-Length", reply(OK), "200 hello"),
    Case("Connection: close", status("200 OK", "Connection: close;Content-Length: 5", "hello"), "200 hello"),
    Case("body until close", reply(HEAD + b"\r\nhello"), "200 hello"),
    Case("HTTP/1.0", reply(b"HTTP/1.0 200 OK\r\n\r\nhello"), "200 hello"),
    Case("chunked with trailers", reply(CHUNKS), "200 hello"),
    Case("chunked is not the last coding", status("200 OK", "Transfer-Encoding: xchunked", "hello"), "200 hello"),
    Case("every byte on its own", reply(*byte_by_byte(OK)), "200 hello"),
    Case("every byte of chunks on its own", reply(*byte_by_byte(CHUNKS)), "200 hello"),
    Case("307 is not followed", status("307 T", "Location: /x;Content-Length: 0"), "307"),
    Case("999", status("999 X", "Content-Length: 0"), "999"),
    # --- informational responses; http.client knows none but 100 ---
    Case("100 unasked", reply(CONTINUE, OK), "200 hello"),
    Case("103", reply(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", OK), "200 hello", "103"),
    Case("102, and all at once", reply(b"HTTP/1.1 102 Processing\r\n\r\n" + OK), "200 hello", "102"),
    Case("101", status("101 Switching Protocols", "Upgrade: x;Connection: upgrade", "abc"), "101"),
    Case("101 to nothing", status("101 Switching Protocols"), "101"),
    Case("099", status("099 X", "Content-Length: 0"), MORE, NO_CONNECTION),
    # --- without a body ---
    Case("HEAD", status("200 OK", "Content-Length: 5"), "200", method="HEAD"),
    Case("HEAD in pieces", reply(*byte_by_byte(HEAD + b"Content-Length: 5\r\n\r\n")), "200", method="HEAD"),
    Case("HEAD of chunks", reply(CHUNKED), "200", method="HEAD"),
    Case("HEAD with a forbidden body", reply(OK), MORE, "200", method="HEAD"),
    Case("HEAD with forbidden chunks", reply(CHUNKED + b"0\r\n\r\n"), MORE, "200", method="HEAD"),
    Case("204", reply(b"HTTP/1.1 204 No Content\r\n\r\n", Pause()), "204"),
    Case("304 with Content-Length", reply(b"HTTP/1.1 304 N\r\nContent-Length: 5\r\n\r\n", Pause()), "304"),
    Case("204 with a forbidden body", status("204 No Content", "Content-Length: 5", "hello"), MORE, "204"),
    # --- encodings ---
    Case("gzip", reply(HEAD + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"hello")), "200 hello"),
    Case(
        "gzip twice, in two headers",
        reply(HEAD + b"Content-Encoding: gzip\r\n" * 2 + b"\r\n" + gzip.compress(gzip.compress(b"hello"))),
        "200 hello",
    ),
    Case("wrong gzip", status("200 OK", "Content-Encoding: gzip;Content-Length: 5", "hello"), NOT_GZIP),
    Case("half of a gzip", reply(HEAD + b"Content-Encoding: gzip\r\n\r\n" + GZIPPED[:15]), NOT_GZIP),
    Case(
        "wrong gzip that nobody reads",
        status("200 OK", "Content-Encoding: gzip;Content-Length: 5", "hello"),
        "200",
        sent={"reads": False},
    ),
    Case("unknown encoding", status("200 OK", "Content-Encoding: rot13;Content-Length: 5", "hello"), UNKNOWN),
    # --- lengths that are not so ---
    Case("Content-Length too long", status("200 OK", "Content-Length: 9", "hello"), LESS, BROKEN_OFF),
    Case(
        "Content-Length too long, and nobody reads the body",
        status("200 OK", "Content-Length: 9", "hello"),
        LESS,
        BROKEN_OFF,
        sent={"reads": False},
    ),
    Case("Content-Length too short", status("200 OK", "Content-Length: 3", "hello"), MORE, "200 hel"),
    Case(
        "the same Content-Length twice",
        status("200 OK", "Content-Length: 5;Content-Length: 5", "hello"),
        f"{NOT_HTTP} (Duplicate Content-Length)",
        "200 hello",
    ),
    Case(
        "two Content-Lengths",
        status("200 OK", "Content-Length: 5;Content-Length: 4", "hello"),
        f"{NOT_HTTP} (Duplicate Content-Length)",
        "the response's headers contradict each other",
    ),
    Case("no last chunk", reply(CHUNKED + b"5\r\nhello\r\n"), NO_LAST_CHUNK, BROKEN_OFF),
    Case("the last chunk is cut", reply(CHUNKED + b"5\r\nhello\r\n0\r\n"), NO_LAST_CHUNK, "200 hello"),
    Case(
        "a chunk without a length",
        reply(CHUNKED + b"zz\r\nhello\r\n"),
        f"{NOT_HTTP} (Invalid character in chunk size)",
        BROKEN_OFF,
    ),
    # --- without end; http.client has limits of its own ---
    Case("head of 64 kB", reply(HEAD + b"A: " + b"x" * 65_000 + b"\r\nContent-Length: 5\r\n\r\nhello"), "200 hello"),
    Case(
        "200 headers", reply(HEAD + b"A: b\r\n" * 200 + b"Content-Length: 5\r\n\r\nhello"), "200 hello", NO_CONNECTION
    ),
    Case("endless head", reply(HEAD, SendForever(b"A: " + b"x" * 60_000 + b"\r\n")), LONG_HEAD, NO_CONNECTION),
    Case("endless header", reply(HEAD + b"A: ", SendForever(b"x" * 60_000)), LONG_HEAD, NO_CONNECTION),
    Case("endless chunk extension", reply(CHUNKED + b"1;a=", SendForever(b"b" * 10_000)), LONG_HEAD, BROKEN_OFF),
    late("endless body", HEAD + b"\r\n", SendForever(b"x" * 60_000, 0.01)),
    late("endless body without a pause", HEAD + b"\r\n", SendForever(b"x" * 60_000)),
    late("endless chunks", CHUNKED, SendForever(b"1\r\nx\r\n", 0.01)),
    late("endless 1xx, slowly", SendForever(CONTINUE, 0.1)),
    # --- slow ---
    late("slow first byte", Pause()),
    late("slow head", HEAD + b"A: ", SendForever(b"x", 0.1)),
    late("slow body", HEAD + b"Content-Length: 50\r\n\r\n", SendForever(b"x", 0.1)),
    # --- broken off ---
    Case("closed before the response", reply(), NOTHING, NO_CONNECTION),
    Case("closed within the status", reply(b"HTT"), IN_HEAD, NO_CONNECTION),
    Case("closed within the head, which http.client takes for its end", reply(HEAD), IN_HEAD, "200"),
    Case("half-closed before the response", reply(HalfClose(), WaitForEnd()), NOTHING, NO_CONNECTION),
    Case("half-closed before the request", [HalfClose(), Read(), WaitForEnd()], NOTHING, NO_CONNECTION),
    Case(
        "half-closed in the response",
        reply(HEAD + b"Content-Length: 9\r\n\r\nhello", HalfClose(), WaitForEnd()),
        LESS,
        BROKEN_OFF,
    ),
    Case("half-closed after the response", reply(OK, HalfClose(), WaitForEnd()), "200 hello"),
    Case("half-closed where that ends the body", reply(HEAD + b"\r\nhello", HalfClose(), WaitForEnd()), "200 hello"),
    Case("reset before the response", reply(Reset()), "no response came: connection reset by peer", NO_CONNECTION),
    Case("reset in the head", reply(HEAD, Pause(0.1), Reset()), RESET_IN, NO_CONNECTION),
    Case(
        "reset in the body",
        reply(HEAD + b"Content-Length: 9\r\n\r\nhello", Pause(0.1), Reset()),
        RESET_IN,
        BROKEN_OFF,
    ),
    Case("reset instead of an end", reply(HEAD + b"\r\nhello", Pause(0.1), Reset()), RESET_IN, BROKEN_OFF),
    Case("reset after the response", reply(OK, Pause(0.1), Reset()), "200 hello"),
    # --- large uploads ---
    posted("upload", reply(OK), "200 hello"),
    posted(
        "Expect", [ReadHead(), Send(CONTINUE), *reply(OK)], "200 hello", sent={"headers": {"Expect": "100-continue"}}
    ),
    posted("100 in pieces, unasked", [ReadHead(), *byte_by_byte(CONTINUE), *reply(OK)], "200 hello"),
    posted("413, closed", [ReadHead(), Send(LARGE + b"Connection: close\r\n\r\nlarge")], "413 large"),
    posted("413, reset", [ReadHead(), Send(LARGE + b"\r\nlarge"), Pause(0.1), Reset()], "413 large"),
    posted(
        "413, left open: urllib3 writes to the end before it reads",
        [ReadHead(), Send(LARGE + b"\r\nlarge"), Pause()],
        "413 large",
        "no complete response within 1 s",
        timeout_s=1.0,
    ),
    posted("closed in the upload", [ReadHead()], "no response came: connection reset by peer", NO_CONNECTION),
    # --- not HTTP/1; http.client reads what is not quite right ---
    Case("other protocol", reply(b"220 ready\r\n"), f"{NOT_HTTP} (Expected HTTP/, RTSP/ or ICE/)", NO_CONNECTION),
    Case("HTTP/2", reply(b"HTTP/2 200 OK\r\n\r\n"), f"{NOT_HTTP} (Expected dot)", NO_CONNECTION),
    Case("lines end with LF", reply(OK.replace(b"\r", b"")), NOT_HTTP, "200 hello"),
    Case("NUL", status("200 OK", "A: a\0b;Content-Length: 5", "hello"), NOT_HTTP, "200 hello"),
]


@pytest.fixture(scope="module")
def client() -> Iterator[ClientProcess]:
    with client_process() as process:
        yield process


@pytest.mark.parametrize("kind", CLIENTS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_a_server_does_has_one_outcome_and_is_sent_once(client: ClientProcess, case: Case, kind: str) -> None:
    expected = case.fast if kind == "fast" or case.requests is None else case.requests
    with raw_server(case.script) as server:
        client.make(kind, server.url, timeout_s=case.timeout_s)
        outcome = client.send(case.method, **case.sent)
        assert outcome.says.startswith(expected) if expected == NOT_HTTP else outcome.says == expected
    assert server.connections == 1
    assert len(server.requests) <= 1
    assert outcome.written in {None, 1}


@pytest.mark.parametrize("kind", CLIENTS)
@pytest.mark.parametrize("case", [case for case in CASES if case.name in FAILED_LATE], ids=lambda case: case.name)
def test_nothing_of_a_failed_response_reaches_the_next(client: ClientProcess, case: Case, kind: str) -> None:
    with raw_server(case.script, exchange(OK)) as server:
        client.make(kind, server.url, timeout_s=2.0)
        client.send(case.method, **case.sent)
        assert client.send().says == "200 hello"
    assert server.connections == 2


@pytest.mark.parametrize("kind", CLIENTS)
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
def test_a_connection_is_kept(client: ClientProcess, kind: str, method: str) -> None:
    response = HEAD + b"Content-Length: 5\r\n\r\n" if method == "HEAD" else OK
    with raw_server(exchange(response)) as server:
        client.make(kind, server.url)
        assert {client.send(method).status for _ in range(10)} == {200}
    assert server.connections == 1
    assert len(server.requests) == 10


@pytest.mark.parametrize("kind", CLIENTS)
@pytest.mark.parametrize(
    "response",
    [
        pytest.param(HEAD + b"Content-Length: 0\r\nConnection: close\r\n\r\n", id="close"),
        pytest.param(HEAD + b"Content-Length: 0\r\nConnection: x, Close\r\n\r\n", id="close-among-others"),
        pytest.param(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", id="1.0"),
    ],
)
def test_a_connection_that_the_server_will_close_is_not_used_again(
    client: ClientProcess, kind: str, response: bytes
) -> None:
    with raw_server(exchange(response)) as server:
        client.make(kind, server.url)
        assert [client.send().says for _ in range(3)] == ["200"] * 3
    assert server.connections == 3


@pytest.mark.parametrize("kind", CLIENTS)
@pytest.mark.parametrize(
    "end", [[], [Reset()], [Send(b"HTTP/1.1 408 Request Timeout\r\n\r\n")]], ids=["closed", "reset", "408"]
)
def test_an_idle_connection_that_was_closed_is_replaced(client: ClientProcess, kind: str, end: Script) -> None:
    with raw_server([*reply(OK), Await(), *end], exchange(OK)) as server:
        client.make(kind, server.url)
        client.send()
        server.go.release()
        server.wait_for_end_of_connection()
        outcome = client.send("POST", body="x")
        assert outcome.says == "200 hello"
    assert len(server.requests) == 2
    assert server.connections == 2
    assert outcome.reconnected in {None, 1}
    assert outcome.written in {None, 2}


@pytest.mark.parametrize("kind", CLIENTS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "POST"])
def test_a_request_that_was_written_is_never_sent_again(client: ClientProcess, kind: str, method: str) -> None:
    with raw_server([*reply(OK.replace(b"hello", b"") if method == "HEAD" else OK), Read()], exchange(OK)) as server:
        client.make(kind, server.url)
        assert client.send(method).status == 200
        assert client.send(method).status == 0
    assert server.connections == 1
    assert len(server.requests) == 2


@pytest.mark.parametrize("kind", CLIENTS)
def test_each_request_has_all_of_the_time_out(client: ClientProcess, kind: str) -> None:
    with raw_server([Read(), Pause(0.1), Send(OK)] * 10) as server:
        client.make(kind, server.url, timeout_s=0.9)
        assert {client.send().says for _ in range(10)} == {"200 hello"}


@pytest.mark.parametrize("kind", CLIENTS)
def test_nobody_listens(client: ClientProcess, kind: str) -> None:
    with raw_server([]) as server:
        url = server.url
    client.make(kind, url)
    outcome = client.send()
    assert outcome.says == (
        NO_CONNECTION if kind == "requests" else "the request could not be sent: connection refused"
    )
    assert outcome.written in {None, 0}


@pytest.mark.parametrize("kind", CLIENTS)
def test_ipv6_is_spoken(client: ClientProcess, kind: str) -> None:
    with raw_server(exchange(OK), host="::1") as server:
        client.make(kind, server.url)
        assert client.send().says == "200 hello"
    assert f"Host: [::1]:{server.port}\r\n".encode() in server.requests[0]


def cookies_sent(client: ClientProcess, kind: str, set_cookie: str, path: str = "/", **sent: Any) -> list[bytes]:
    """The Cookie headers of the request after one whose response sets a cookie."""
    setting = HEAD + f"Set-Cookie: {set_cookie}\r\nContent-Length: 0\r\n\r\n".encode("latin-1")
    with raw_server([*reply(setting), *exchange(OK)]) as server:
        client.make(kind, server.url)
        client.send(**sent)
        client.send(path=path, **sent)
    return [line for line in server.requests[1].split(b"\r\n") if line.lower().startswith(b"cookie")]


@pytest.mark.parametrize("kind", CLIENTS)
def test_cookies_are_sent_back_where_they_belong(client: ClientProcess, kind: str) -> None:
    assert cookies_sent(client, kind, "a=1; HttpOnly") == [b"Cookie: a=1"]
    assert cookies_sent(client, kind, "a=1; Path=/in", "/in/x") == [b"Cookie: a=1"]
    assert cookies_sent(client, kind, "a=1; Path=/in", "/out") == []
    assert cookies_sent(client, kind, "a=1; Max-Age=0") == []
    assert cookies_sent(client, kind, "a=1; Expires=Wed, 21 Oct 2015 07:28:00 GMT") == []
    assert cookies_sent(client, kind, "a=1; Secure") == []
    assert cookies_sent(client, kind, "a=1; Domain=example.com") == []
    assert cookies_sent(client, kind, "a=1", headers={"cookie": "mine=2"}) == [b"cookie: mine=2"]


ALMOST_HTTP = st.lists(
    st.one_of(
        st.sampled_from([HEAD, OK, CHUNKED, CONTINUE, b"HTTP/1.0 204 \r\n", b"HTTP/1.1 101 X\r\n\r\n"]),
        st.sampled_from([b"Content-Length: -3\r\n", b"Content-Length: 99999999999999999999\r\n"]),
        st.sampled_from([b"Content-Encoding: br, zstd\r\n\r\n", b"Transfer-Encoding: chunked, gzip\r\n"]),
        st.sampled_from([b"Connection: close\r\n", b"Location: http://[\r\n", b"Content-Type: x; charset=\xff\r\n"]),
        st.sampled_from([b'Set-Cookie: a=b; Expires=x; Path="\r\n', b"Set-Cookie: =\r\n"]),
        st.sampled_from([b"\r\n", b"\n", b": ", b"0\r\n\r\n", b"3\r\nabc\r\n", b"ffffffffffffffffff\r\n"]),
        st.binary(max_size=8),
    ),
    max_size=8,
).map(b"".join)


@settings(max_examples=200)
@given(ALMOST_HTTP, st.sampled_from(["GET", "HEAD", "POST"]), st.sampled_from(CLIENTS))
def test_any_bytes_at_all_have_one_short_outcome(client: ClientProcess, data: bytes, method: str, kind: str) -> None:
    with raw_server(reply(data)) as server:
        client.make(kind, server.url)
        outcome = client.send(method)
    assert outcome.status or outcome.says
    assert outcome.says.startswith(str(outcome.status)) or (len(outcome.says) < 120 and "\n" not in outcome.says)
