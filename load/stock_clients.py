"""What Locust's fast client hides, where it is used: by client = "stock", and by users' own locustfiles.

It sends a GET, HEAD, PUT, DELETE or OPTIONS again when the connection dies, up to eleven times, as one request; and it
takes a response that breaks off for a complete one. Neither can be changed from outside, but both can be counted.
Locust's other client, HttpUser, does neither.

And before each request it asks select() whether the connection that it kept is still there. select() knows no file
numbered 1024 or above, and fails, which it takes for a closed connection: of 10,000 users 9,000 would connect for
every request. poll() answers the same question for any file.
"""

import select
from dataclasses import dataclass
from functools import wraps
from inspect import unwrap
from time import monotonic
from typing import Any, cast

from gevent.monkey import get_original
from geventhttpclient.client import HTTPClient
from geventhttpclient.connectionpool import ConnectionPool
from geventhttpclient.response import HTTPSocketPoolResponse
from locust.contrib.fasthttp import FastHttpSession
from locust.event import EventHook

from load.clients import in_few_words, keep
from load.expectation import WRONG_DATA
from load.http_client import PreparedBytes, Response


@dataclass
class Hidden:
    """Requests, attempts to send them, and responses that broke off, of all users of this process."""

    requests: int = 0
    attempts: int = 0
    cut_off: int = 0

    @property
    def repeated(self) -> int:
        return max(0, self.attempts - self.requests)


def is_open(_pool: ConnectionPool, connection: Any) -> bool:
    """Whether an idle connection can be used: if it has anything to read, that is its end, or nobody's bytes."""
    if connection is None or connection.fileno() < 0:
        return False
    # gevent's own poll() would set up a watcher in its event loop each time, only to look once.
    asked = get_original("select", "poll")()
    asked.register(connection, select.POLLIN)
    return not asked.poll(0)


def watch_stock_clients() -> Hidden:
    """From now on count what all such clients of this process hide, and keep their connections."""
    hidden = Hidden()
    request, get_socket, feed = HTTPClient.request, ConnectionPool.get_socket, HTTPSocketPoolResponse.feed

    def counted_request(self: HTTPClient, *arguments: Any, **named: Any) -> Any:
        hidden.requests += 1
        return request(self, *arguments, **named)

    @wraps(get_socket)
    def counted_get_socket(self: ConnectionPool) -> Any:
        hidden.attempts += 1
        return get_socket(self)

    def counted_feed(self: HTTPSocketPoolResponse, data: Any) -> None:
        announced = self.headers_complete and (
            self.get("content-length") is not None or "chunked" in str(self.get("transfer-encoding")).lower()
        )
        breaks_off = not data and announced and not self.message_complete
        feed(self, data)  # where this raises, Locust reports a failure
        hidden.cut_off += breaks_off

    HTTPClient.request = counted_request  # type: ignore[method-assign]
    ConnectionPool.get_socket = counted_get_socket  # type: ignore[method-assign]
    HTTPSocketPoolResponse.feed = counted_feed  # type: ignore[assignment, method-assign]
    if hasattr(select, "poll"):
        ConnectionPool._is_socket_alive = is_open  # type: ignore[assignment, method-assign]  # noqa: SLF001
    return hidden


class StockClient:
    """Locust's fast client. What it hides is counted, see above."""

    written = reconnected = closed = withheld = None

    def __init__(self, timeout_s: float, base_url: str) -> None:
        nobody = EventHook()  # the user fires Locust's event, once, whichever client it has
        self._session = FastHttpSession(
            base_url, nobody, None, insecure=False, network_timeout=timeout_s, connection_timeout=timeout_s
        )
        self._base_url = base_url

    def connect(self) -> None:
        """Open the connection and leave it where the first request takes it from."""
        client = self._session.client.clientpool.get_client(self._base_url)
        pool = client._connection_pool  # noqa: SLF001 - geventhttpclient has no public way to connect ahead
        pool.return_socket(unwrap(ConnectionPool.get_socket)(pool))  # sends nothing: not counted as an attempt

    def close(self) -> None:
        self._session.client.clientpool.close()

    def send(self, request: PreparedBytes) -> Response:
        found, source = Response(), request.source
        found.sent_s = monotonic()
        try:
            got: Any = self._session.request(
                str(source.method), str(source.url), data=cast("str", source.body), headers=dict(source.headers),
                allow_redirects=False, catch_response=True,
            )  # fmt: skip
            failed = got.request_meta["exception"]  # such as a body that breaks off where Locust's client notices it
            if failed is not None:
                found.error = in_few_words(failed)
            elif got.status_code:
                keep(found, got.status_code, got.content or b"", got.headers)
            else:
                found.error = in_few_words(got.error)
        except (*WRONG_DATA, OSError, ValueError, LookupError) as error:
            found.error = in_few_words(error)
        found.end_s = monotonic()
        return found
