"""What the self-test measures: endpoints whose own time is known, one of which can be made slower on purpose.

The delay comes by the environment, so that the same request is sent to the same endpoint before and after it.
"""

import asyncio
import math
import os

from fastapi import FastAPI

from benchmark.report.noise_floor import DELAY_VARIABLE, WAITING_S

STEPS = 60_000  # a few milliseconds of plain Python


class Delay:
    """Whole milliseconds, which is all that uvloop's timers know, that make up a delay (ms): 0, 1, 0, 1 ... for 0.5."""

    def __init__(self, delay_ms: float) -> None:
        self._delay_ms = delay_ms
        self._owed_ms = 0.0

    def next_ms(self) -> int:
        self._owed_ms += self._delay_ms
        whole_ms = math.floor(self._owed_ms)
        self._owed_ms -= whole_ms
        return whole_ms


delay = Delay(float(os.environ.get(DELAY_VARIABLE, "0")))
app = FastAPI()


@app.get("/waiting", response_model=None)
async def waiting() -> dict[str, str]:
    await asyncio.sleep(WAITING_S + delay.next_ms() / 1000)
    return {"answer": "waited"}


@app.get("/computing", response_model=None)
async def computing() -> dict[str, int]:
    return {"answer": sum(step * step for step in range(STEPS))}
