"""The three clients that a profile can choose, behind one way to send a request.

"fast"       ours (http_client.py): every request accounted for, a quarter of the processor time of "stock"
"requests"   the library `requests`, on which Locust's HttpUser stands; to repeat the published set-up
"stock"      what Locust's FastHttpUser stands on, as it is, to compare with

All send the same headers and body. The check before a load and the load itself use the same client.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from string import Template
from time import monotonic
from typing import Any, Protocol
from urllib.parse import quote, quote_plus, urlencode

import requests
import urllib3
from gevent import Timeout
from requests.adapters import HTTPAdapter
from urllib3.fields import RequestField
from urllib3.filepost import encode_multipart_formdata

from load.expectation import DECODERS, WRONG_DATA, Expectation, described, encodings, text_of
from load.forms import FORM
from load.http_client import (
    MOST_BODY_BYTES,
    READ_BYTES,
    TOO_LATE,
    BrokenResponseError,
    HttpClient,
    PreparedBytes,
    Response,
    Server,
)
from load.spec import RequestSpec
from load.stream_client import StreamClient, StreamResponse
from load.values import fill, fill_text

HTTP_1_0 = 10
"""As http.client counts versions."""


def prepared(
    spec: RequestSpec,
    base_url: str,
    environment: Mapping[str, str],
    *,
    keeps_body: bool = False,
    values: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> PreparedBytes:
    """What is sent, the same by every client, before a load and under it. KeyError names an unset variable.

    `keeps_body`: also where no expectation looks at it. `values`: what stands for "{name}"; `headers`: more of them.
    ValueError: a value cannot be sent.
    """
    values = values or {}
    body, kind = _body(spec, environment, values)
    in_path = {name: quote(environment[name], safe="") for name in Template(spec.path).get_identifiers()}
    return PreparedBytes(
        spec.method,
        base_url + fill_text(spec.path, in_path, values, _in_path),
        headers={
            **({} if kind is None else {"Content-Type": kind}),
            **{name: fill_text(text, environment, values) for name, text in _headers(spec).items()},
            **(headers or {}),
        },
        json=fill(spec.json, environment, values),
        body=body,
        keeps_body=keeps_body or Expectation.of(spec).reads_body,
        stream=spec.stream,
    )


def _headers(spec: RequestSpec) -> Mapping[str, str]:
    """All but the type of a multipart form, which names what stands between its parts."""
    if spec.form is None or spec.form_type == FORM:
        return spec.headers
    return {name: text for name, text in spec.headers.items() if name.lower() != "content-type"}


def _body(
    spec: RequestSpec, environment: Mapping[str, str], values: Mapping[str, Any]
) -> tuple[str | bytes | None, str | None]:
    """A body, and the type that it has unless a header says otherwise (None: no type of its own)."""
    if spec.form is not None:
        return _form(spec, environment, values)
    if spec.file is not None:
        return spec.file.read(), spec.file.kind
    if spec.body is None:
        return None, None
    kind = next((text for name, text in spec.headers.items() if name.lower() == "content-type"), "")
    written = next((how for of, how in IN_BODIES.items() if of in kind.lower()), str)
    return fill_text(spec.body, environment, values, written), None


def _form(spec: RequestSpec, environment: Mapping[str, str], values: Mapping[str, Any]) -> tuple[str | bytes, str]:
    """The same bytes each time, whoever sends them."""
    form = spec.form or ()
    pairs = [
        (fill_text(part.name, environment, values), fill_text(part.text, environment, values), part.file)
        for part in form
    ]
    if spec.form_type == FORM:
        return urlencode([(name, text) for name, text, _ in pairs]), FORM
    known = "\n".join(f"{part.name}\n{part.text}\n{part.file and part.file.sha256}" for part in form)
    boundary = f"bench-{hashlib.sha256(known.encode()).hexdigest()[:32]}"
    return encode_multipart_formdata(
        [
            RequestField.from_tuples(name, text if file is None else (text, file.read(), file.kind))
            for name, text, file in pairs
        ],
        boundary,
    )


def _in_path(text: str) -> str:
    return quote(text, safe="")


IN_BODIES: dict[str, Callable[[str], str]] = {
    "json": lambda text: json.dumps(text)[1:-1],
    "x-www-form-urlencoded": quote_plus,
}
"""How a value stands in a body, by its Content-Type; in any other body as it is."""


class Client(Protocol):
    """What a user sends its requests with: one connection.

    `written`: requests of which at least one byte was written; `reconnected`: how many of them found the idle
    connection closed; `closed`: responses that announced its end; `withheld`: Secure cookies without TLS. None: not
    known.
    """

    @property
    def written(self) -> int | None: ...
    @property
    def reconnected(self) -> int | None: ...
    @property
    def closed(self) -> int | None: ...
    @property
    def withheld(self) -> int | None: ...

    def send(self, request: PreparedBytes) -> Response:
        """Send a request and wait for its response; what went wrong is in `Response.error`."""

    def connect(self) -> None:
        """Connect ahead of the first request, where the client can. OSError: it could not."""

    def close(self) -> None:
        """Close the connection, if there is one."""


class RequestsClient:
    """On `requests`, with one time-out for the whole request, which that library does not have."""

    written = reconnected = withheld = None

    def __init__(self, timeout_s: float, ca_file: str | None) -> None:
        self.closed = 0
        self._timeout_s = timeout_s
        self._verify = ca_file or True
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy and no .netrc: what is measured is the app
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_connections=1, pool_maxsize=1, max_retries=0))

    def connect(self) -> None:
        """Do nothing: it cannot connect ahead."""

    def close(self) -> None:
        self._session.close()

    def send(self, request: PreparedBytes) -> Response:
        found, source = Response(), request.source
        if len(self._session.cookies) and "Cookie" not in source.headers:
            source = source.copy()
            source.prepare_cookies(self._session.cookies)
        found.sent_s = monotonic()
        try:
            with Timeout(self._timeout_s) as timeout:
                self._exchange(source, found)
        except (Timeout, requests.Timeout, urllib3.exceptions.TimeoutError) as error:
            if isinstance(error, Timeout) and error is not timeout:
                raise
            found.error = f"{TOO_LATE} {self._timeout_s:g} s"
        except BrokenResponseError as error:
            found.error = str(error)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            found.error = in_few_words(error)
        found.end_s = monotonic()
        return found

    def _exchange(self, source: requests.PreparedRequest, found: Response) -> None:
        with self._session.send(
            source, timeout=self._timeout_s, allow_redirects=False, verify=self._verify, stream=True
        ) as got:
            found.status_code, found.headers = got.status_code, in_bytes(got.headers)
            pieces: list[bytes] = []
            for piece in got.raw.stream(READ_BYTES, decode_content=False):
                pieces.append(piece)
                found.length += len(piece)
                # gevent's time-out waits for a pause, which a server that never stops does not make.
                if monotonic() - found.sent_s > self._timeout_s:
                    raise requests.Timeout
                if found.length > MOST_BODY_BYTES:
                    raise BrokenResponseError(f"the response is longer than {MOST_BODY_BYTES} bytes")
            found.body = b"".join(pieces)
            kept = got.raw.version != HTTP_1_0 and "close" not in got.headers.get("Connection", "").lower()
            self.closed += not kept and "close" not in str(source.headers.get("Connection", "")).lower()


def keep(found: Response, status: int, content: bytes, headers: Mapping[str, str]) -> None:
    """Take over what another client received: it has undone the encoding of the body already, if it knows it."""
    found.status_code, found.body, found.length = status, content, len(content)
    found.headers = [
        (name, value)
        for name, value in in_bytes(headers)
        if name != b"content-encoding" or not set(encodings(value.decode("latin-1"))) <= DECODERS.keys()
    ]


def in_bytes(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [
        (name.lower().encode("latin-1", "replace"), value.encode("latin-1", "replace"))
        for name, value in headers.items()
    ]


NAMED: tuple[tuple[type[BaseException], str], ...] = (
    (requests.exceptions.SSLError, "its certificate is invalid, or it does not speak TLS"),
    (requests.exceptions.ConnectTimeout, "no connection in time"),
    (requests.exceptions.ChunkedEncodingError, "the response broke off"),
    (urllib3.exceptions.ProtocolError, "the response broke off"),
    (requests.exceptions.InvalidHeader, "the response's headers contradict each other"),
    (requests.exceptions.ConnectionError, "the connection was refused or broken off"),
    *((kind, "the response could not be decoded") for kind in WRONG_DATA),
)


def in_few_words(error: BaseException) -> str:
    """What a client's exception says, without the addresses and numbers that would make each a kind of its own."""
    named = next((words for kind, words in NAMED if isinstance(error, kind)), None)
    return named or (described(error) if isinstance(error, OSError) else type(error).__name__)


def client_maker(
    kind: str,
    base_url: str,
    *,
    timeout_s: float,
    ca_file: str | None,
    streams: bool = False,
    longest_s: float | None = None,
) -> Callable[[], Client]:
    """Give what makes the client of one user. What all users can share is worked out here, once.

    `streams`: whether it has to read streams, which only the fast one does; `longest_s`: see StreamClient.
    """
    if kind == "requests":
        return lambda: RequestsClient(timeout_s, ca_file)
    if kind == "stock":
        from load.stock_clients import StockClient  # noqa: PLC0415 - importing Locust takes longer than most checks

        return lambda: StockClient(timeout_s, base_url)
    server = Server(base_url, ca_file)
    return lambda: StreamClient(server, timeout_s, longest_s) if streams else HttpClient(server, timeout_s)


OF_UVICORN = {b"content-type": "text/plain; charset=utf-8", b"content-length": "19", b"connection": "close"}
"""With status 503: what uvicorn answers by itself to what is beyond its limit_concurrency."""


def problem_of(response: Response, expected: Expectation) -> str | None:
    """What is wrong with a response, None if it is right: the one check of loads, turns and of what comes before."""
    problem = _problem_of(response, expected)
    limited = problem is not None and response.status_code == HTTPStatus.SERVICE_UNAVAILABLE and not response.error
    if limited and all(response.header(name) == value for name, value in OF_UVICORN.items()):
        return f"{problem}: uvicorn's limit_concurrency"
    return problem


def _problem_of(response: Response, expected: Expectation) -> str | None:
    if response.error:
        return response.error
    if isinstance(response, StreamResponse) and response.wrong and response.status_code in {0, expected.status}:
        return response.wrong

    if response.status_code == expected.status and not expected.reads_body:
        return None
    return expected.problem(response.status_code, partial(text_in, response), partial(json_in, response))


def text_in(response: Response) -> str:
    """UnreadableError: it is none."""
    return text_of(response.body, response.header(b"content-encoding"), response.header(b"content-type"))


def json_in(response: Response) -> str:
    """Text in which a JSON pointer leads somewhere: of a stream, that of its first event."""
    return text_of(response.first, None, None) if isinstance(response, StreamResponse) else text_in(response)
