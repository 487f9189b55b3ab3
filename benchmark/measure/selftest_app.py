"""What the self-test measures: endpoints whose own time is known, one of which can be made slower on purpose.

The delay comes by the environment, so that the same request is sent to the same endpoint before and after it.
"""

import asyncio
import math
import os
import time

from fastapi import FastAPI

from benchmark.selftest import CROWD_S, DELAY_VARIABLE, WAITING_S

STEPS = 60_000
"""A few milliseconds of plain Python."""

app = FastAPI()


@app.get("/waiting", response_model=None)
async def waiting() -> dict[str, str]:
    """Wait 50 ms, and the delay."""
    delay_ms = float(os.environ.get(DELAY_VARIABLE, "0"))
    rest_ms, whole_ms = math.modf(delay_ms)
    await asyncio.sleep(WAITING_S + whole_ms / 1000)
    time.sleep(rest_ms / 1000)  # noqa: ASYNC251 - uvloop's timers know whole milliseconds only; it is less than one
    return {"answer": "waited"}


@app.get("/computing", response_model=None)
async def computing() -> dict[str, int]:
    """Compute, always the same."""
    return {"answer": sum(step * step for step in range(STEPS))}


@app.get("/crowd", response_model=None)
async def crowd() -> dict[str, str]:
    """Wait one second, so that many users ask for little."""
    await asyncio.sleep(CROWD_S)
    return {"answer": "waited"}
