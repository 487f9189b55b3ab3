"""Endpoints that wait, compute and queue as their query says: what `bench diagnose` has to tell apart."""

import asyncio
import fcntl
import tempfile
import threading
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from fastapi import FastAPI

app = FastAPI()
semaphores: dict[int, threading.Semaphore] = {}
async_semaphores: dict[int, asyncio.Semaphore] = {}
guard = threading.Lock()
LOCK_FILE = Path(tempfile.gettempdir()) / "bench-mixed-app.lock"


def compute(milliseconds: float) -> None:
    """Burn so much processor time of this thread, however long that takes."""
    end_s = time.thread_time() + milliseconds / 1000
    while time.thread_time() < end_s:
        sum(range(50))


@app.get("/threads", response_model=None)
def threads(wait: float = 0, burn: float = 0, pool: int = 0) -> dict[str, Any]:
    """Wait and compute on a thread, maybe with one of `pool` permits."""
    held: AbstractContextManager[Any] = nullcontext()
    if pool:
        with guard:
            held = semaphores.setdefault(pool, threading.Semaphore(pool))
    with held:
        time.sleep(wait / 1000)
        compute(burn)
    return {"ok": True}


@app.get("/loop", response_model=None)
async def loop(wait: float = 0, burn: float = 0, pool: int = 0) -> dict[str, Any]:
    """The same on the event loop, which computing keeps from all else."""
    semaphore = async_semaphores.setdefault(pool, asyncio.Semaphore(pool)) if pool else None
    async with semaphore or nullcontext():
        await asyncio.sleep(wait / 1000)
        compute(burn)
    return {"ok": True}


@app.get("/blocking", response_model=None)
async def blocking(wait: float = 0, burn: float = 0) -> dict[str, Any]:
    """Block the event loop while it waits."""
    time.sleep(wait / 1000)  # noqa: ASYNC251 - that is the point
    compute(burn)
    return {"ok": True}


@app.get("/polled_lock", response_model=None)
def polled_lock(hold: float = 2, burn: float = 0) -> dict[str, Any]:
    """Hold a lock of all workers; who finds it taken sleeps longer each time, as SQLite's busy handler does."""
    compute(burn)
    with LOCK_FILE.open("w") as file:
        pause_s = 0.001
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(pause_s)
                pause_s = min(0.1, 2 * pause_s)
        time.sleep(hold / 1000)
    return {"ok": True}


@app.get("/shared_lock", response_model=None)
def shared_lock(hold: float = 10) -> dict[str, Any]:
    """Hold a lock of all workers, for which the system lets requests wait in turn."""
    with LOCK_FILE.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        time.sleep(hold / 1000)
    return {"ok": True}
