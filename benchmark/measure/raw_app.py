"""The least that an ASGI server can be asked to do: the reference workload."""

from collections.abc import Awaitable, Callable
from typing import Any

BODY = b"ok"
START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"text/plain"), (b"content-length", str(len(BODY)).encode())],
}


async def app(scope: dict[str, Any], _receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Any]) -> None:
    """Answer every request at once."""
    if scope["type"] != "http":
        return
    await send(START)
    await send({"type": "http.response.body", "body": BODY})
