"""Six ways to serve the same three slow tasks in FastAPI.

The first four are those of the experiment published on 2025-01-18; `async_blocking` is the classic
mistake, `async_taskgroup` the newer spelling of `gather`. All answer `{"results": [...]}`.

`response_model=None` matters: for a `def` endpoint FastAPI checks the answer against its return annotation in
the thread pool too, so that a finished answer would queue for a second seat behind all waiting requests.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from anyio.to_thread import current_default_thread_limiter
from fastapi import Depends, FastAPI, Request

from app.settings import Settings
from app.tasks import awaited_task, blocking_task

CONCURRENCY_LIMIT = 3

Results = dict[str, list[str]]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Read the settings and size the thread pool, once per worker process."""
    settings = Settings()
    current_default_thread_limiter().total_tokens = settings.threads
    app.state.task_seconds = settings.task_seconds
    yield


app = FastAPI(title="Ways to serve slow work", lifespan=lifespan)


async def task_seconds(request: Request) -> float:
    """Length of one task (s). `async def` on purpose: a plain `def` dependency would take a seat of the pool."""
    seconds: float = request.app.state.task_seconds
    return seconds


TaskSeconds = Annotated[float, Depends(task_seconds)]


@app.get("/sync_baseline", response_model=None)
def sync_baseline(seconds: TaskSeconds) -> Results:
    """Block a thread of the pool for three tasks in a row."""
    return {"results": [blocking_task(f"task {number}", seconds) for number in (1, 2, 3)]}


@app.get("/async_independent", response_model=None)
async def async_independent(seconds: TaskSeconds) -> Results:
    """Await three tasks in a row, though none needs another's output."""
    return {"results": [await awaited_task(f"task {number}", seconds) for number in (1, 2, 3)]}


@app.get("/async_dependent", response_model=None)
async def async_dependent(seconds: TaskSeconds) -> Results:
    """Await three tasks in a row, each of which takes the output of the one before."""
    first = await awaited_task("task 1", seconds)
    second = await awaited_task(f"{first}, task 2", seconds)
    third = await awaited_task(f"{second}, task 3", seconds)
    return {"results": [first, second, third]}


@app.get("/async_concurrent", response_model=None)
async def async_concurrent(seconds: TaskSeconds) -> Results:
    """Await three tasks at once with `asyncio.gather`, at most three of this request at a time."""
    limit = asyncio.Semaphore(CONCURRENCY_LIMIT)

    async def limited(name: str) -> str:
        async with limit:
            return await awaited_task(name, seconds)

    return {"results": list(await asyncio.gather(*(limited(f"task {number}") for number in (1, 2, 3))))}


@app.get("/async_taskgroup", response_model=None)
async def async_taskgroup(seconds: TaskSeconds) -> Results:
    """Await three tasks at once with `asyncio.TaskGroup`, which cancels the others when one fails."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(awaited_task(f"task {number}", seconds)) for number in (1, 2, 3)]
    return {"results": [task.result() for task in tasks]}


@app.get("/async_blocking", response_model=None)
async def async_blocking(seconds: TaskSeconds) -> Results:
    """Block the event loop for three tasks in a row: the mistake that looks like async code."""
    return {"results": [blocking_task(f"task {number}", seconds) for number in (1, 2, 3)]}
