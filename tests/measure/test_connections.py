"""Counting the connections of a worker, often enough and not more often."""

import socket
import time
from contextlib import ExitStack

import psutil
import pytest

from benchmark.measure import samples
from benchmark.measure.samples import Connections


def test_each_new_connection_is_counted_and_each_closed_one_is_not() -> None:
    with ExitStack() as stack:
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        port = listening.getsockname()[1]
        connections = Connections(psutil.Process(), port)
        assert connections.held() == 0
        for number in (1, 2, 3):
            stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            stack.enter_context(listening.accept()[0])
            assert settled(connections, number)


def settled(connections: Connections, number: int) -> bool:
    """Whether the number is reached once the pause is over."""
    until = time.monotonic() + 10
    while connections.held() != number and time.monotonic() < until:
        time.sleep(0.05)
    return connections.held() == number


def test_nothing_is_looked_through_while_the_number_of_open_files_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []

    def count(_process: psutil.Process, port: int) -> int:
        looked.append(port)
        return 0

    monkeypatch.setattr(samples, "connection_count", count)
    connections = Connections(psutil.Process(), 1)
    for _ in range(5):
        connections.held()
    assert looked == [1]
