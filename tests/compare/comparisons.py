"""Comparisons made up for tests."""

import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmark.compare.interleaved import PATTERNS
from benchmark.compare.model import Comparison, Side, SideName, Turn
from benchmark.compare.statistics import Rule, compare
from benchmark.plan import Endpoint, Plan, Profile, Target
from benchmark.record import Cpu
from tests.support.records import some_columns

Latency = Callable[[str, SideName, int, int], float]
"""Latency (ms) of an endpoint and a side in a pass and at a position."""


def make_turn(
    endpoint: str = "alpha",
    side: SideName = "base",
    number: int = 0,
    position: int = 0,
    latency_ms: float = 50.0,
    **changes: float,
) -> Turn:
    """A turn of 20 users whose answers all take `latency_ms`."""
    values = {"median_ms": latency_ms, "p95_ms": latency_ms, "avg_ms": latency_ms}
    columns = some_columns(requests=100, failures=0, throughput_rps=20_000 / latency_ms, **values)
    extra = {"number": number, "endpoint": endpoint, "side": side, "position": position, "waiting_ratio": 1.0}
    return Turn.model_validate({**columns, **extra, **changes})


def make_turns(latency_ms: Latency, passes: int = 16, endpoints: Sequence[str] = ("alpha", "beta")) -> list[Turn]:
    """All turns of a comparison in their real order."""
    return [
        make_turn(name, side, number, position, latency_ms(name, side, number, position))
        for number in range(passes)
        for place, name in enumerate(endpoints)
        for position, side in enumerate(PATTERNS[(number + place) % 2])
    ]


def make_comparison(
    turns: Sequence[Turn], endpoints: Sequence[str] = ("alpha", "beta"), **changes: object
) -> Comparison:
    """The comparison that these turns make."""
    side = Side(
        ref="main", commit="a" * 40, extra_requirements=(), python="CPython 3.13.1", packages={"fastapi": "1.0"}
    )
    profile = Profile(name="compare", users=20, spawn_rate_per_s=20, duration_s=1, endpoints=tuple(endpoints))
    made = Comparison(
        started_at="2026-11-23T20:00:00Z",
        finished_at="2026-11-23T20:01:20Z",
        command="bench compare main HEAD",
        plan=Plan(
            target=Target(import_path="app.main:app"),
            profile=profile,
            endpoints=tuple(Endpoint(name=name, path="/") for name in endpoints),
        ),
        base=side,
        head=side.model_copy(update={"ref": "HEAD", "commit": "b" * 40, "packages": {"fastapi": "2.0"}}),
        cpu=Cpu(model="A processor", count=2),
        smallest_effect_percent=5.0,
        error_rate=0.05,
        differences=compare(turns, endpoints, Rule()),
        turns=tuple(turns),
    )
    return made.model_copy(update=changes)


def make_wheel(directory: Path) -> Path:
    """Make a directory that holds a package `slower` 1.0, as pip finds it."""
    directory.mkdir()
    about = "slower-1.0.dist-info"
    file = directory / "slower-1.0-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as wheel:
        wheel.writestr("slower.py", "DELAY_S = 0.06\n")
        wheel.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: slower\nVersion: 1.0\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/RECORD", f"slower.py,,\n{about}/METADATA,,\n{about}/WHEEL,,\n{about}/RECORD,,\n")
    return file
