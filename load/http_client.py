"""A small HTTP/1.1 client for one user: one connection, one request at a time, and every request accounted for.

Locust's own clients hide what a benchmark must not hide. Its fast one sends a GET, HEAD, PUT or DELETE again, up to
eleven times, when the connection dies, and takes a response that breaks off for a complete one; both of them apply a
time-out to each read and not to the request. This one never sends a request again that was sent, not even in part. It
costs a quarter of the faster one's processor time: its bytes are prepared once, and llhttp parses the responses.

It follows no redirect and decodes no body (load/expectation.py does, where an expectation reads it).
All moments are on the monotonic clock (s), so setting the wall clock changes nothing.
"""

import re
import ssl
from collections.abc import Mapping
from email.message import Message
from functools import cached_property
from http.cookiejar import CookieJar
from select import POLLIN
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import certifi
import gevent.socket
import gevent.ssl
from gevent import Timeout, get_hub, getcurrent
from gevent.monkey import get_original
from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser
from requests import Request
from requests.cookies import MockRequest, MockResponse, get_cookie_header
from requests.structures import CaseInsensitiveDict

from load.expectation import described
from load.streams import StreamSpec

DEFAULT_HEADERS = {
    "User-Agent": "fastapi-load-benchmark",
    "Accept": "*/*",
    "Accept-Encoding": "gzip, deflate, br, zstd",
}
"""What every client of ours sends unless benchmark.toml says otherwise: an app must not be able to tell them apart."""

READ_BYTES = MOST_HEAD_BYTES = 256 * 1024
"""A response's head, or what stands between two parts of its body, that is longer is broken."""
MOST_BODY_BYTES = 1024**3
TOO_LATE = "no complete response within"
MORE_THAN_ANNOUNCED = "the server sent more than the response it had announced"

PORTS = {"http": 80, "https": 443}
INFORMATIONAL, SWITCHING_PROTOCOLS, FINAL = 100, 101, 200
WITHOUT_BODY = {204, 304}
LAST_IS_CHUNKED = re.compile(r"(.*,)?\s*chunked\s*", re.IGNORECASE)
"""Of a Transfer-Encoding: otherwise the body goes on until the connection is closed."""

_Socket = get_original("socket", "socket")
try:
    _poll = get_original("select", "poll")
except AttributeError:  # pragma: no cover - Windows
    _poll = None


class BrokenResponseError(Exception):
    """What came is no complete HTTP response; the message says in a few words why."""


class Response:
    """What became of one request. `error` is "" when a complete response came.

    `due_s`: when an open load had it due, maybe before `sent_s`; None: it was sent as soon as its user could.
    `sent_s`: when the request began, which includes connecting where there was no connection. `first_byte_s`: when the
    first byte of the final response came (None: never). `end_s`: when its last byte came, or the request was given up.
    `written`: whether at least one byte of the request was written. `length`: bytes of the body as they came.
    """

    __slots__ = (
        "body", "due_s", "end_s", "error", "first_byte_s", "headers", "length", "sent_s", "status_code", "written",
    )  # fmt: skip

    def __init__(self) -> None:
        self.status_code = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""
        self.length = 0
        self.error = ""
        self.sent_s = self.end_s = 0.0
        self.due_s: float | None = None
        self.first_byte_s: float | None = None
        self.written = False

    def header(self, name: bytes) -> str | None:
        found = [value.decode("latin-1") for key, value in self.headers if key.lower() == name]
        return ", ".join(found) if found else None


class PreparedBytes:
    """A request, worked out once: the quoted target, all headers (whatever their spelling), the body as bytes.

    The rules are those of the library `requests`, and all clients send the same. A text body has no type unless a
    header says so. `keeps_body`: whether somebody will look at the response's body. `stream`: how it streams, which
    stream_client.py reads. `source`: what `requests` sends.
    """

    def __init__(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        body: str | bytes | None = None,
        keeps_body: bool = False,
        stream: StreamSpec | None = None,
    ) -> None:
        merged = CaseInsensitiveDict(DEFAULT_HEADERS)
        merged.update(headers or {})
        data = body.encode() if isinstance(body, str) else body
        self.source = source = Request(method, url, headers=dict(merged), json=json, data=data).prepare()
        self.keeps_body, self.stream = keeps_body, stream
        self.is_head = method == "HEAD"
        self.keeps_alive = "close" not in str(source.headers.get("Connection", "")).lower()
        fields = {**({} if "Host" in source.headers else {"Host": host_header(str(source.url))}), **source.headers}
        lines = [f"{source.method} {source.path_url} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
        self._head = "\r\n".join(lines).encode("latin-1") + b"\r\n"
        self._body = source.body.encode() if isinstance(source.body, str) else source.body or b""
        self.plain = self._head + b"\r\n" + self._body

    def with_cookies(self, cookies: str) -> bytes:
        return self._head + f"Cookie: {cookies}\r\n\r\n".encode("latin-1") + self._body


def host_header(url: str) -> str:
    """Name of the server as a Host header gives it: without the usual port, an IPv6 address in brackets."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else str(parts.hostname)
    return host if parts.port in {None, PORTS[parts.scheme]} else f"{host}:{parts.port}"


class Server:
    """Where requests go, for all users. `ca_file`: one more CA whose certificates are trusted."""

    def __init__(self, base_url: str, ca_file: str | None = None) -> None:
        parts = urlsplit(base_url)
        self.host = str(parts.hostname)
        self._port = parts.port or PORTS[parts.scheme]
        self.context = tls_context(ca_file) if parts.scheme == "https" else None

    @cached_property
    def addresses(self) -> tuple[tuple[Any, Any], ...]:
        """Family and address, looked up once: ten thousand users must not wait for as many look-ups.

        OSError: there is no server of that name.
        """
        try:
            found = gevent.socket.getaddrinfo(self.host, self._port, type=gevent.socket.SOCK_STREAM)
        except UnicodeError as error:
            raise OSError("the server's name is not valid") from error
        return tuple(dict.fromkeys((family, address) for family, _type, _protocol, _name, address in found))


def _under_tls(sock: Any, context: ssl.SSLContext, host: str) -> Any:
    wrapped = context.wrap_socket(sock, server_hostname=host, suppress_ragged_eofs=False, do_handshake_on_connect=False)
    try:
        wrapped.do_handshake()
    except BaseException:
        wrapped.close()
        raise
    return wrapped


def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """Certificates and names are checked, against the system's CAs, those that `requests` knows, and `ca_file`."""
    context: ssl.SSLContext = gevent.ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_default_certs()
    context.load_verify_locations(certifi.where())
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context


class HttpClient:
    """The client of one user. It is its own parser's listener (the `on_` methods).

    `written`: requests of which at least one byte was written. `reconnected`: how many of them found that the server
    had closed the idle connection, and were written to a new one. `closed`: complete responses after which the server
    did not keep the connection. `withheld`: cookies that it marked Secure and that do not go back, as there is no TLS.
    """

    def __init__(self, server: Server, timeout_s: float) -> None:
        self.written = self.reconnected = self.closed = self.withheld = 0
        self._server = server
        self._timeout_s = timeout_s
        self._timeout = Timeout()
        # A gevent Timeout that is started again has only the time that it had left; again() gives a timer all of it.
        self._timer = get_hub().loop.timer(timeout_s, timeout_s)
        self._too_late = f"{TOO_LATE} {timeout_s:g} s"
        self._cookies: CookieJar | None = None
        self._sock: Any = None
        self._tls = self._unfinished = False

    def _begin(self, request: PreparedBytes) -> Response:
        self._response = Response()
        self._is_head, self._keeps_body = request.is_head, request.keeps_body
        self._keep = self._complete = self._stray = self._headed = self._until_close = False
        self._unfinished = True
        self._silent_bytes = 0
        self._parts: list[bytes] = []
        return self._response

    def send(self, request: PreparedBytes) -> Response:
        """Send one request and wait for its response, for at most the time-out from here to its last byte.

        Whatever the network or the server does is said in `Response.error`. No exception leaves here but those with
        which gevent ends a user.
        """
        if self._unfinished:
            self.close()  # a response that is still to come must not be taken for that of this request
        response = self._begin(request)
        response.sent_s = self._received_s = monotonic()
        self._timer.again(getcurrent().throw, self._timeout, update=True)
        try:
            self._exchange(request)
        except Timeout as expired:
            if expired is not self._timeout:
                raise
            self._received_s = monotonic()
            response.error = self._too_late
        except BrokenResponseError as error:
            response.error = str(error)
        except OSError as error:
            self._received_s = monotonic()
            response.error = f"{self._where()}: {described(error)}"
        finally:
            self._timer.stop()
        return self._finished(response, request)

    def _finished(self, response: Response, request: PreparedBytes) -> Response:
        self._unfinished = False
        response.end_s = self._received_s
        if not response.error and response.end_s - response.sent_s > self._timeout_s:
            response.error = self._too_late  # because the generator was busy
        if response.error or not (self._keep and request.keeps_alive):
            self.closed += request.keeps_alive and not response.error
            self.close()
        if self._parts:
            response.body = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        return response

    @property
    def is_receiving(self) -> bool:
        return self._unfinished and self._headed

    def _where(self) -> str:
        if not self._response.written:
            return "the request could not be sent"
        return "no response came" if self._response.first_byte_s is None else "the response broke off"

    def _exchange(self, request: PreparedBytes) -> None:
        fresh = self._sock is None or not self._is_open()
        if self._sock is None:
            self.connect()
        elif fresh:
            self._reconnect()
        data = request.plain if self._cookies is None else self._with_cookies(request)
        try:
            written = self._write_some(data)
        except OSError:
            if fresh or self._response.written:
                raise
            # Not one byte was taken: the server had closed the idle connection. So nothing is sent a second time.
            self._reconnect()
            written = self._write_some(data)
        self._keep = True
        if written < len(data):
            self._write_rest(memoryview(data)[written:])
        self._read()
        if self._cookies is not None or any(name.lower() == b"set-cookie" for name, _ in self._response.headers):
            self._keep_cookies(request)

    def connect(self) -> None:
        """Open the connection ahead of the first request. OSError: nobody listens, or its certificate is invalid."""
        self.close()
        failed: OSError = OSError("the server has no address")
        for family, address in self._server.addresses:
            sock = gevent.socket.socket(family, gevent.socket.SOCK_STREAM)
            try:
                sock.connect(address)
                sock.setsockopt(gevent.socket.IPPROTO_TCP, gevent.socket.TCP_NODELAY, 1)
            except OSError as error:
                sock.close()
                failed = error
                continue
            except BaseException:
                sock.close()
                raise
            self._use(sock)
            return
        raise failed

    def _use(self, sock: Any) -> None:
        self._parser = HttpResponseParser(self)
        context = self._server.context
        self._tls = context is not None
        if context is None:
            # gevent tries to read first and waits then; a plain socket lets us wait first, which costs half as much.
            self._sock = _Socket(fileno=sock.detach())
        else:
            self._sock = _under_tls(sock, context, self._server.host)
        self._sock.settimeout(0.0)
        self._readable = get_hub().loop.io(self._sock.fileno(), 1)
        self._poller = _poll and _poll()
        if self._poller:
            self._poller.register(self._sock, POLLIN)

    def _is_open(self) -> bool:
        """Whether the idle connection can be used: if there is anything to read, that is its end, or nobody's bytes."""
        if not self._poller or not self._poller.poll(0):
            return True
        if not self._tls:
            return False
        try:
            self._sock.recv(1)  # under TLS it may be a session ticket, which reading takes in
        except OSError as error:
            return isinstance(error, ssl.SSLWantReadError)
        return False

    def _reconnect(self) -> None:
        self.reconnected += 1
        self.connect()

    def close(self) -> None:
        if self._sock is not None:
            self._readable.close()
            self._sock.close()
            self._sock = None

    def _write_some(self, data: bytes | memoryview) -> int:
        """Write what the system takes at once; gives the number of bytes."""
        if self._tls:
            self._count_written()  # an error under TLS does not say that nothing was written
        try:
            written = int(self._sock.send(data))
        except BlockingIOError:
            return 0
        self._count_written()
        return written

    def _count_written(self) -> None:
        if not self._response.written:
            self._response.written = True
            self.written += 1

    def _write_rest(self, rest: memoryview) -> None:
        """Write a long body, and read meanwhile: once the head of a response has come, the rest is not sent."""
        while rest:
            gevent.socket.wait_readwrite(self._sock.fileno())
            self._take()
            if self._headed:
                self._keep = False
                return
            try:
                rest = rest[self._write_some(rest) :]
            except (BrokenPipeError, ConnectionResetError):
                self._keep = False  # it may have said why before it closed
                return

    def _read(self) -> None:
        while not self._complete:
            if not self._tls:
                gevent.socket.wait(self._readable)
                self._take()
            elif not self._take():  # what OpenSSL holds already makes no socket readable
                gevent.socket.wait(self._readable)
            elif not self._complete:
                gevent.sleep(0)  # or a server that never stops would keep the time-out from coming

    def _take(self) -> bool:
        """Read what has come; gives whether anything has."""
        try:
            data = self._sock.recv(READ_BYTES)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        self._received_s = monotonic()
        if not data:
            self._ended()
        elif self._is_head:
            self._feed_head(data)
        else:
            self._feed(data)
        return True

    def _feed_head(self, data: bytes) -> None:
        """Look whether anything follows the head, which llhttp takes for the body: it cannot be told of HEAD."""
        for line in data.splitlines(keepends=True):
            if self._complete:
                raise BrokenResponseError(MORE_THAN_ANNOUNCED)
            self._feed(line)
        if self._complete:
            self._parser = HttpResponseParser(self)

    def _feed(self, data: bytes) -> None:
        before = self._response.length
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            self._keep = False
        except HttpParserError as error:
            if not self._complete:
                raise BrokenResponseError(f"what came is not HTTP ({described(error)})") from None
            self._stray = self._response.status_code != SWITCHING_PROTOCOLS
        if self._stray:
            raise BrokenResponseError(MORE_THAN_ANNOUNCED)
        if self._complete:
            return
        if self._response.length > MOST_BODY_BYTES:
            raise BrokenResponseError(f"the response is longer than {MOST_BODY_BYTES} bytes")
        self._silent_bytes = 0 if self._response.length > before else self._silent_bytes + len(data)
        if self._silent_bytes > MOST_HEAD_BYTES:
            raise BrokenResponseError(f"the response has a head of more than {MOST_HEAD_BYTES} bytes")

    def _ended(self) -> None:
        """The server has closed the connection before the parser saw the end."""
        response = self._response
        if self._headed and self._until_close:
            self._complete, self._keep = True, False
        elif response.first_byte_s is None:
            raise BrokenResponseError("no response came: the connection was closed")
        elif not self._headed:
            raise BrokenResponseError("the response broke off within its head")
        else:
            announced = response.header(b"content-length") is not None
            how = "less came than Content-Length said" if announced else "its last chunk did not come"
            raise BrokenResponseError(f"the response broke off: {how}")

    def on_message_begin(self) -> None:
        if self._complete:
            self._stray = True
        else:
            self._response.first_byte_s = self._received_s

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header, or a trailer behind a chunked body, which nothing reads."""
        if not self._headed and not self._complete:
            self._response.headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self._complete:
            return
        status = self._parser.get_status_code()
        if status < FINAL and status != SWITCHING_PROTOCOLS:
            self._stray = status < INFORMATIONAL
            return
        response, self._headed = self._response, True
        response.status_code = status
        if self._is_head:
            self._complete, self._keep = True, self._keep and self._persists()
            return
        self._keep = self._keep and self._parser.should_keep_alive()
        if not self._keep and status not in WITHOUT_BODY:
            coding = response.header(b"transfer-encoding")
            announced = response.header(b"content-length") if coding is None else LAST_IS_CHUNKED.fullmatch(coding)
            self._until_close = announced is None

    def _persists(self) -> bool:
        """Whether the connection stays open behind a head. llhttp says no if there is no length, as of a GET."""
        closes = "close" in (self._response.header(b"connection") or "").lower()
        return not closes and self._parser.get_http_version() == "1.1"

    def on_body(self, body: bytes) -> None:
        if self._complete or not self._headed:  # informational responses have none
            self._stray = True
            return
        self._response.length += len(body)
        if self._keeps_body:
            self._parts.append(body)

    def on_message_complete(self) -> None:
        if self._headed:
            self._complete = True
        else:
            self._response.headers.clear()
            self._response.first_byte_s = None

    def _with_cookies(self, request: PreparedBytes) -> bytes:
        cookies = None if "Cookie" in request.source.headers else get_cookie_header(self._cookies, request.source)  # type: ignore[no-untyped-call]
        return request.with_cookies(cookies) if cookies else request.plain

    def _keep_cookies(self, request: PreparedBytes) -> None:
        """Keep what the server sets, by the standard library's rules."""
        if self._cookies is None:
            self._cookies = CookieJar()
        message = Message()
        for name, value in self._response.headers:
            if name.lower() == b"set-cookie":
                message["Set-Cookie"] = text = value.decode("latin-1")
                marks = {mark.strip().lower() for mark in text.split(";")[1:]}
                self.withheld += self._server.context is None and "secure" in marks
        self._cookies.extract_cookies(MockResponse(message), MockRequest(request.source))  # type: ignore[arg-type]
