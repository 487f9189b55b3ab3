"""The app of this repository, and three endpoints more that `bench diagnose` has to tell apart."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

from app.main import Results, TaskSeconds, app
from app.tasks import awaited_task, blocking_task

BURN_S = 0.02

seven = asyncio.Semaphore(7)
twelve = ThreadPoolExecutor(12)


@app.get("/semaphore", response_model=None)
async def semaphore(seconds: TaskSeconds) -> Results:
    """Await one task behind a semaphore that all requests of this worker share."""
    async with seven:
        return {"results": [await awaited_task("task 1", seconds)]}


@app.get("/executor", response_model=None)
async def executor(seconds: TaskSeconds) -> Results:
    """Block a thread of a pool that is not the framework's."""
    return {"results": [await asyncio.get_running_loop().run_in_executor(twelve, blocking_task, "task 1", seconds)]}


@app.get("/burner", response_model=None)
async def burner() -> Results:
    """Compute for 20 ms of processor time, however long that takes."""
    end_s = time.thread_time() + BURN_S
    while time.thread_time() < end_s:
        pass
    return {"results": ["burnt"]}
