"""The slow work that every endpoint does three times: waiting, as for a database or another service.

The wait is a sleep because a sleep takes the same time on every machine, so whatever an answer takes
beyond it was added by the framework, the server, the machine or a queue.
"""

import asyncio
import time


def blocking_task(name: str, seconds: float) -> str:
    """Hold the calling thread for `seconds`, as a driver without async support does."""
    time.sleep(seconds)
    return f"{name} done"


async def awaited_task(name: str, seconds: float) -> str:
    """Wait for `seconds` and let the event loop serve others meanwhile."""
    await asyncio.sleep(seconds)
    return f"{name} done"
