"""Counting the connections of a worker, often enough and not more often."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from benchmark.measure import sampler as samples
from benchmark.measure.sampler import Connections

WORKER = """
import asyncio

async def serve():
    async def hold(reader, writer):
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(serve())
"""


@pytest.fixture
def worker() -> Iterator[tuple[psutil.Process, int]]:
    """A process that holds connections as long as they are open on the other side, and its port."""
    with subprocess.Popen([sys.executable, "-c", WORKER], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        try:
            yield psutil.Process(child.pid), int(child.stdout.readline())
        finally:
            child.kill()


def test_each_new_connection_is_counted_and_each_closed_one_is_not(worker: tuple[psutil.Process, int]) -> None:
    process, port = worker
    connections = Connections(process, port)
    assert connections.held() == 0
    open_ones = []
    for number in (1, 2, 3):
        open_ones.append(socket.create_connection(("127.0.0.1", port)))
        assert settled(connections, number)
    for number in (2, 1, 0):
        open_ones.pop().close()
        assert settled(connections, number)


def settled(connections: Connections, number: int) -> bool:
    """Whether the number is reached once the pause is over."""
    until = time.monotonic() + 10
    while connections.held() != number and time.monotonic() < until:
        time.sleep(0.05)
    return connections.held() == number


def test_nothing_is_looked_through_while_the_number_of_open_files_is_the_same(
    worker: tuple[psutil.Process, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []

    def count(_process: psutil.Process, port: int) -> int:
        looked.append(port)
        return sum(range(100_000)) * 0  # it takes a while, and so does the pause after it

    monkeypatch.setattr(samples, "connection_count", count)
    process, port = worker
    connections = Connections(process, port)
    assert [connections.held() for _ in range(5)] == [0] * 5
    assert looked == [port]


def test_a_connection_that_came_when_another_went_is_counted_some_time_later(
    worker: tuple[psutil.Process, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    process, port = worker
    seen = iter([3, 4])
    monkeypatch.setattr(samples, "connection_count", lambda *_: next(seen, 4))
    connections = Connections(process, port)
    assert connections.held() == 3
    assert settled(connections, 4)


def test_of_very_many_connections_each_further_open_file_is_one(
    worker: tuple[psutil.Process, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    process, port = worker
    monkeypatch.setattr(samples, "MOST_COUNTED", 2)
    connections = Connections(process, port)
    assert connections.held() == 0
    open_ones = [socket.create_connection(("127.0.0.1", port)) for _ in range(5)]
    assert settled(connections, 5)
    monkeypatch.setattr(samples, "connection_count", None)  # nothing is looked through any more
    open_ones.append(socket.create_connection(("127.0.0.1", port)))
    assert settled(connections, 6)
    open_ones.pop().close()
    assert settled(connections, 5)
    for one in open_ones:
        one.close()


def test_connections_that_changed_before_it_is_time_to_count_them_are_not_known(
    worker: tuple[psutil.Process, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samples, "LOOKING_PAUSE", 1e9)
    process, port = worker
    connections = Connections(process, port)
    assert connections.held() == 0
    with socket.create_connection(("127.0.0.1", port)):
        until = time.monotonic() + 10
        while connections.held() is not None and time.monotonic() < until:
            time.sleep(0.05)
        assert connections.held() is None
