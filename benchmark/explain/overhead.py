"""What a request costs beside its own work. Measured, not fitted to a table: docs/method.md says where and how."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Overhead:
    """Seconds, of one request unless it says otherwise.

    `generator_s` and `worker_s` keep the load generator and the worker's event loop busy: requests queue for them, one
    after another. `latency_s` passes without keeping anybody busy: timers, wake-ups, the way there and back.

    Once: the generator needs `begin_s` until it spawns the first user and `connect_s` for each; a worker's event loop
    is busy for `accept_s` with each connection and for `thread_s` with starting the thread of each seat.
    """

    generator_s: float = 0.0001
    worker_s: float = 0.0004
    latency_s: float = 0.001
    begin_s: float = 0.02
    connect_s: float = 0.0002
    accept_s: float = 0.0003
    thread_s: float = 0.0008


OVERHEAD = {
    "fast": Overhead(),
    "stock": Overhead(generator_s=0.0004),
    "requests": Overhead(generator_s=0.0007, connect_s=0.0008),
}
"""By the client of a profile."""
