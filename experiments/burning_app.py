"""A bare ASGI app that burns the milliseconds of its path, "/5", and writes what its process used while it answered."""

import json
import os
import time
from pathlib import Path
from typing import Any

used_s: list[float] = []


def leave(text: str) -> None:
    """Write what this process says of itself."""
    Path(f"used-{os.getpid()}.json").write_text(text)


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer with nothing; at the end leave used-PID.json: responses, and processor time between the first and last."""
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        spent_s = used_s[-1] - used_s[0] if used_s else 0.0
        leave(json.dumps([len(used_s) - 1, spent_s]))
        await send({"type": "lifespan.shutdown.complete"})
        return
    end_s = time.thread_time() + float(scope["path"][1:]) / 1000
    while time.thread_time() < end_s:
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})
    used_s.append(time.process_time())
