"""A stream whose moments are known: its head after 50 ms, the first event after 300, then one every 100 ms."""

import asyncio
from typing import Any

HEAD_S, FIRST_S, GAP_S, EVENTS = 0.05, 0.3, 0.1, 21


async def app(scope: dict[str, Any], _receive: Any, send: Any) -> None:
    """Keep to moments since the request came, so that one late event delays no other."""
    if scope["type"] != "http":
        return
    began_s = asyncio.get_running_loop().time()
    await _until(began_s + HEAD_S)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
    for number in range(EVENTS):
        await _until(began_s + FIRST_S + number * GAP_S)
        await send({"type": "http.response.body", "body": b"data: %d\n\n" % number, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _until(moment_s: float) -> None:
    await asyncio.sleep(moment_s - asyncio.get_running_loop().time())
