"""Serves an app like `uvicorn --workers N`, but for one thing: each worker listens on a socket of its own.

All listen on the same port (SO_REUSEPORT), and the kernel deals connections by a hash of their addresses: evenly,
however they arrive. uvicorn's workers share one socket, from which the one that slept last takes most. Run by its path,
with the Python that has the app's packages; it imports nothing of this repository.
"""

import argparse
import multiprocessing
import signal
import socket
import sys
from multiprocessing.connection import wait
from types import FrameType
from typing import NoReturn

import uvicorn


def serve(asked: argparse.Namespace) -> None:
    host = asked.host
    # asyncio sends small answers at once (TCP_NODELAY) only where the socket says that it is TCP; else 40 ms late
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, proto=socket.IPPROTO_TCP) as own:
        own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        own.bind((host, asked.port))
        config = uvicorn.Config(
            asked.app,
            loop=asked.loop,
            factory=asked.factory,
            root_path=asked.root_path,
            http="httptools",
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=1,
        )
        uvicorn.Server(config).run(sockets=[own])


def main() -> int:
    """Run the workers until asked to stop. One that ends by itself ends the others: whoever measures must notice."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("app")
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workers", type=int, required=True)
    parser.add_argument("--loop", required=True)
    parser.add_argument("--factory", action="store_true")
    parser.add_argument("--root-path", default="")
    asked = parser.parse_args()
    sys.path.insert(0, ".")  # where uvicorn looks for the app, too
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=serve, args=(asked,)) for _ in range(asked.workers)]
    signal.signal(signal.SIGTERM, _stop)
    try:
        for worker in workers:
            worker.start()
        wait([worker.sentinel for worker in workers])
    finally:
        started = [worker for worker in workers if worker.pid is not None]
        for worker in started:
            worker.terminate()
        for worker in started:
            worker.join()
    return 1


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())
