"""A small valid self-test that was not measured."""

from typing import Any

from benchmark.judge.noise_floor import COMPUTING, WAITING, Delay, Injection, SelfTest, Sight
from benchmark.record import Cpu


def some_sight(endpoint: str, metric: str, band_percent: float | None, **changes: Any) -> Sight:
    """Twelve quiet runs of which seven were judged."""
    level = None if band_percent is None else 100.0
    values: dict[str, Any] = {"endpoint": endpoint, "metric": metric, "unit": "1/s", "runs": 12, "judged": 7}
    values |= {"beyond": 1, "announced": 0, "level": level, "band": band_percent, "band_percent": band_percent}
    return Sight(**(values | changes))


def some_selftest(**changes: Any) -> SelfTest:
    """A self-test of the machine of `tests.support.records`."""
    values: dict[str, Any] = {
        "at": "2026-01-02T03:04:05Z",
        "cpu": Cpu(model="Example CPU 3000", count=2),
        "python": "CPython 3.13.0",
        "workers": 2,
        "users": 10,
        "round_s": 2.0,
        "sights": (
            some_sight(WAITING, "req/s", 5.0),
            some_sight(WAITING, "p50", 5.0),
            some_sight(COMPUTING, "req/s", 12.34),
        ),
        "injections": (
            Injection(
                delay=Delay(label="20 %", delay_ms=10.0), found_by=("req/s", "p50"), suspected_by=(), elsewhere=()
            ),
            Injection(
                delay=Delay(label="5ms", delay_ms=5.0), found_by=(), suspected_by=("p50",), elsewhere=("p95 of x",)
            ),
        ),
    }
    return SelfTest(**(values | changes))
