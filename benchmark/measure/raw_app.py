"""The least that an ASGI server can be asked to do: the reference workload.

It counts its requests, so that the load generator's own count can be held against it: on shutdown each worker writes
its number into a file of its own in the folder that COUNTS_VARIABLE names.
"""

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

COUNTS_VARIABLE = "BENCH_REFERENCE_COUNTS"
BODY = b"ok"
START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"text/plain"), (b"content-length", str(len(BODY)).encode())],
}

_received = 0


async def app(scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Any]) -> None:
    global _received  # noqa: PLW0603 - one number for each worker process
    if scope["type"] == "lifespan":
        await _live(receive, send)
    elif scope["type"] == "http":
        _received += 1
        await send(START)
        await send({"type": "http.response.body", "body": BODY})


async def _live(receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Any]) -> None:
    while (await receive())["type"] != "lifespan.shutdown":
        await send({"type": "lifespan.startup.complete"})
    if COUNTS_VARIABLE in os.environ:
        (Path(os.environ[COUNTS_VARIABLE]) / f"received-{os.getpid()}.txt").write_text(str(_received))
    await send({"type": "lifespan.shutdown.complete"})
