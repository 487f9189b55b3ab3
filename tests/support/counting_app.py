"""An app that does what its requests ask for, and counts them: what the record says is held against its count.

In a file of its own, so that tests can copy it into the folder that they measure in.
"""

import asyncio
import os
import random
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

COUNTED, WRONG = (os.open(f"{name}.counted", os.O_CREAT | os.O_APPEND | os.O_WRONLY) for name in ("requests", "wrong"))
"""A byte for each request of all workers, and for each wrong response: the files' sizes are their numbers."""

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
BODY = b'{"a": [1, 2, 3]}' * 50


async def app(scope: dict[str, Any], _receive: Receive, send: Send) -> None:
    """Take `wait` ms; of all responses close, break off or fail the shares that the query names, but not the first."""
    if scope["type"] != "http":
        return
    os.write(COUNTED, b"x")
    asked = {name: float(values[0]) for name, values in parse_qs(scope["query_string"].decode()).items()}
    await asyncio.sleep(asked.get("wait", 0.0) / 1000)
    draw = random.random
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())]
    if draw() < asked.get("close", 0.0):
        headers.append((b"connection", b"close"))
    first = os.fstat(COUNTED).st_size == 1  # it verifies the endpoint
    status = 500 if draw() < asked.get("fail", 0.0) and not first else 200
    breaks = draw() < asked.get("break", 0.0) and not first
    if breaks or status != 200:
        os.write(WRONG, b"x")
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": BODY[:100], "more_body": True})
    if breaks:
        raise RuntimeError("the database went away")
    await send({"type": "http.response.body", "body": BODY[100:]})
