"""Our own client: any bytes end in a response, valid ones as http.client reads them; TLS; connecting ahead."""

import http.client
import io
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import gevent
import pytest
import trustme
from hypothesis import given, settings
from hypothesis import strategies as st

from load.http_client import HttpClient, PreparedBytes, Response, Server
from tests.load.raw_server import (
    Await,
    Pause,
    RawServer,
    Read,
    ReadHead,
    Reset,
    Script,
    Send,
    SendForever,
    WaitForEnd,
    exchange,
    raw_server,
)

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
UPLOAD = "x" * 8_000_000


def get(server: RawServer, method: str = "GET", **request: Any) -> PreparedBytes:
    """A request whose response's body is kept."""
    return PreparedBytes(method, f"{server.url}/", keeps_body=True, **request)


@contextmanager
def client_of(server: RawServer, timeout_s: float = 10.0, ca_file: str | None = None) -> Iterator[HttpClient]:
    """A client, closed at the end."""
    client = HttpClient(Server(server.url, ca_file), timeout_s)
    yield client
    client.close()


# --- any bytes -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server() -> Iterator[RawServer]:
    """One server for all examples; each connection serves the newest script."""
    with raw_server([]) as running:
        yield running


def outcome_of(server: RawServer, pieces: list[bytes], method: str) -> Response:
    """Send a request to which the server replies with these pieces, and then closes."""
    server.scripts[:] = [[Read(), *map(Send, pieces)]]
    with client_of(server) as client:
        return client.send(get(server, method))


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """The same bytes in pieces."""
    at = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in pairwise(at)]


PLACES = st.lists(st.integers(min_value=0, max_value=100_000), max_size=6)
TOKEN = st.text("abcXYZ-019", min_size=1, max_size=8).map(lambda name: f"X-{name}")
VALUE = st.text('abc \t;,="äÿ09', max_size=12).map(str.strip)
FIELDS = st.lists(st.tuples(TOKEN, VALUE), max_size=4)
BODY = st.binary(max_size=300)
FINAL_STATUS = st.integers(min_value=200, max_value=599)
INFORMATIONAL = st.lists(st.sampled_from([100, 102, 103, 150]), max_size=3)
FRAMINGS = st.sampled_from(["length", "chunked", "close"])


def lines(fields: list[tuple[str, str]]) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in fields).encode("latin-1")


def chunks(body: bytes, places: list[int], trailers: list[tuple[str, str]]) -> bytes:
    """A body as chunks, with trailers."""
    parts = [b"%x;a=b\r\n%s\r\n" % (len(part), part) for part in cut(body, places)]
    return b"".join(parts) + b"0\r\n" + lines(trailers) + b"\r\n"


@st.composite
def valid_responses(draw: st.DrawFn) -> tuple[bytes, bytes, str]:
    """The final response, what comes before it, and the method to which it responds."""
    status, fields, body = draw(FINAL_STATUS), lines(draw(FIELDS)), draw(BODY)
    reason = draw(st.sampled_from(["", " ", " OK", " Nöt Found"])).encode("latin-1")
    before = b"".join(b"HTTP/1.1 %d X\r\n%s\r\n" % (early, lines(draw(FIELDS))) for early in draw(INFORMATIONAL))
    method = draw(st.sampled_from(["GET", "GET", "HEAD"]))
    framing = draw(FRAMINGS if status not in {204, 304} else st.just("length"))  # http.client reads chunks even there
    if framing == "length":
        fields += b"Content-Length: %d\r\n" % len(body)
    elif framing == "chunked":
        fields += b"Transfer-Encoding: chunked\r\n"
        body = chunks(body, draw(PLACES), draw(FIELDS))
    if method == "HEAD" or status in {204, 304}:
        body = b""
    return b"HTTP/1.1 %d%s\r\n%s\r\n%s" % (status, reason, fields, body), before, method


class _Socket:
    """What http.client reads from."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def makefile(self, _mode: str) -> io.BytesIO:
        return io.BytesIO(self.data)


@settings(max_examples=400)
@given(valid_responses(), PLACES)
def test_a_valid_response_in_any_pieces_is_what_http_client_reads(
    server: RawServer, response: tuple[bytes, bytes, str], places: list[int]
) -> None:
    final, before, method = response
    expected = http.client.HTTPResponse(_Socket(final), method=method)  # type: ignore[arg-type]
    expected.begin()
    body = expected.read()
    found = outcome_of(server, cut(before + final, places), method)
    assert (found.error, found.status_code, found.body, found.length) == ("", expected.status, body, len(body))
    assert found.first_byte_s is not None
    assert found.sent_s <= found.first_byte_s <= found.end_s


ALMOST_HTTP = st.lists(
    st.one_of(
        st.sampled_from(
            [
                b"HTTP/1.1 200 OK\r\n",
                b"HTTP/1.1 100 C\r\n\r\n",
                b"HTTP/1.0 204 \r\n",
                b"HTTP/1.1 101 X\r\n",
                b"HTTP/",
                b"Content-Length: 3\r\n",
                b"Content-Length: 99999999999999999999\r\n",
                b"Transfer-Encoding: chunked\r\n",
                b"Transfer-Encoding: gzip\r\n",
                b"Connection: close\r\n",
                b"Connection: upgrade\r\nUpgrade: x\r\n",
                b'Set-Cookie: a=b; Expires=x; Path="\r\n',
                b"\r\n",
                b"\n",
                b"\r",
                b": ",
                b"0\r\n\r\n",
                b"3\r\nabc\r\n",
                b"abc",
                b"ffffffffffffffffff\r\n",
            ]
        ),
        st.binary(max_size=8),
    ),
    max_size=10,
).map(b"".join)


@settings(max_examples=400)
@given(st.one_of(ALMOST_HTTP, st.binary(max_size=60)), PLACES, st.sampled_from(["GET", "HEAD", "POST"]))
def test_any_bytes_end_in_a_status_or_an_error(server: RawServer, data: bytes, places: list[int], method: str) -> None:
    found = outcome_of(server, cut(data, places), method)
    assert bool(found.error) or 101 <= found.status_code <= 999
    assert "\n" not in found.error
    assert len(found.error) < 120


# --- the connection --------------------------------------------------------------------------------------------------


def test_a_connection_is_opened_ahead_and_used_once_it_is_needed() -> None:
    with raw_server(exchange(OK)) as server, client_of(server) as client:
        client.connect()
        assert (client.send(get(server)).status_code, client.reconnected, client.written) == (200, 0, 1)
    assert server.connections == 1


def test_a_user_that_is_stopped_leaves_no_response_to_the_next_request() -> None:
    late: Script = [Read(), Await(), Send(OK.replace(b"hello", b"stale")), *exchange(OK)]
    with raw_server(late, exchange(OK)) as server, client_of(server) as client:
        with gevent.Timeout(0.1, exception=False):
            client.send(get(server))
        server.go.release()
        assert client.send(get(server)).body == b"hello"
    assert server.connections == 2


def test_a_server_s_name_that_cannot_be_one_is_an_error_of_the_request() -> None:
    url = f"http://{'a' * 70}.example"
    found = HttpClient(Server(url), 10.0).send(PreparedBytes("GET", f"{url}/"))
    assert found.error.startswith("the request could not be sent: ")


# --- TLS -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Authority:
    """A CA of the tests, and the file that names it."""

    ca: trustme.CA
    ca_file: str

    def context(self, *names: str, **issued: Any) -> ssl.SSLContext:
        """What a server of these names presents."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.ca.issue_cert(*names, **issued).configure_cert(context)
        return context


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    ca = trustme.CA()
    ca_file = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.cert_pem.write_to_path(str(ca_file))
    return Authority(ca, str(ca_file))


def says(context: ssl.SSLContext, ca_file: str | None, script: Script, **request: Any) -> str:
    """What the client says after one request over TLS."""
    with raw_server(script, tls=context) as server, client_of(server, ca_file=ca_file) as client:
        found = client.send(get(server, **request))
        return found.error or f"{found.status_code} {found.body.decode()}"


def test_a_certificate_of_a_named_authority_is_trusted(authority: Authority) -> None:
    assert says(authority.context("127.0.0.1"), authority.ca_file, exchange(OK)) == "200 hello"


def test_a_certificate_that_is_not_right_is_said_why(authority: Authority) -> None:
    wrong = "the request could not be sent: its certificate is invalid"
    good = authority.context("127.0.0.1")
    yesterday = datetime.now(UTC) - timedelta(days=1)
    expired = authority.context("127.0.0.1", not_after=yesterday)
    assert says(authority.context("example.com"), authority.ca_file, []) == f"{wrong} (ip address mismatch)"
    assert says(expired, authority.ca_file, []) == f"{wrong} (certificate has expired)"
    assert says(good, None, []) == f"{wrong} (unable to get local issuer certificate)"


def test_a_server_that_does_not_speak_tls_is_named() -> None:
    with raw_server([Send(b"220 ready\r\n"), WaitForEnd()]) as server:
        server.scheme = "https"
        with client_of(server) as client:
            found = client.send(get(server))
    assert found.error == "the request could not be sent: TLS failed (wrong version number)"


def test_a_session_ticket_on_an_idle_connection_does_not_end_it(authority: Authority) -> None:
    context = authority.context("127.0.0.1")
    assert context.num_tickets == 2
    with raw_server(exchange(OK), tls=context) as server, client_of(server, ca_file=authority.ca_file) as client:
        client.connect()
        assert [client.send(get(server)).status_code for _ in range(5)] == [200] * 5
        assert client.reconnected == 0
    assert server.connections == 1


def test_a_closed_idle_connection_under_tls_is_replaced(authority: Authority) -> None:
    script: Script = [Read(), Send(OK), Await()]
    with (
        raw_server(script, exchange(OK), tls=authority.context("127.0.0.1")) as server,
        client_of(server, ca_file=authority.ca_file) as client,
    ):
        client.send(get(server))
        server.go.release()
        server.wait_for_end_of_connection()
        assert (client.send(get(server)).error, client.reconnected) == ("", 1)
    assert len(server.requests) == 2


def test_a_large_upload_under_tls_is_sent_once_and_whole(authority: Authority) -> None:
    script: Script = [ReadHead(), Send(b"HTTP/1.1 100 Continue\r\n\r\n"), *exchange(OK)]
    assert says(authority.context("127.0.0.1"), authority.ca_file, script, method="POST", body=UPLOAD) == "200 hello"


def test_a_large_upload_under_tls_that_breaks_off_is_not_sent_again(authority: Authority) -> None:
    script: Script = [Read(), Send(OK), ReadHead(), Reset()]
    with (
        raw_server(script, exchange(OK), tls=authority.context("127.0.0.1")) as server,
        client_of(server, ca_file=authority.ca_file) as client,
    ):
        client.send(get(server))
        assert client.send(get(server, "PUT", body=UPLOAD)).error
        assert (client.written, client.reconnected) == (2, 0)
    assert server.connections == 1


def test_an_early_response_under_tls_is_taken(authority: Authority) -> None:
    script: Script = [ReadHead(), Send(b"HTTP/1.1 413 L\r\nContent-Length: 5\r\n\r\nlarge"), Pause()]
    assert says(authority.context("127.0.0.1"), authority.ca_file, script, method="POST", body=UPLOAD) == "413 large"


def test_a_body_under_tls_that_never_ends_is_given_up(authority: Authority) -> None:
    script: Script = [Read(), Send(b"HTTP/1.1 200 OK\r\n\r\n"), SendForever(b"x" * 60_000)]
    with (
        raw_server(script, tls=authority.context("127.0.0.1")) as server,
        client_of(server, 0.5, authority.ca_file) as client,
    ):
        assert client.send(get(server)).error == "no complete response within 0.5 s"


def test_a_body_under_tls_that_ends_without_a_farewell_is_broken(authority: Authority) -> None:
    script: Script = [Read(), Send(b"HTTP/1.1 200 OK\r\n\r\nhel")]
    error = "the response broke off: TLS failed (unexpected eof while reading)"
    assert says(authority.context("127.0.0.1"), authority.ca_file, script) == error
