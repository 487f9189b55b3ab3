"""Every request is in the record: as many as the app itself counts, to the last one."""

import random
import shutil

import pytest

from tests.support.bench import COUNTING_APP, Bench

LOADS = 12
CONFIG = """
schema_version = 1
[app]
import = "counting_app:app"
workers = {workers}
[endpoints.x]
path = "/x?wait={wait}&close={close}&break={breaks}&fail={fail}"
[profiles.p]
users = {users}
spawn_rate = {users}
duration = "{duration}s"
reference = 0
timeout = "10s"
endpoints = ["x"]
{load}
"""


def drawn(number: int) -> dict[str, object]:
    """One random load; the same number gives the same."""
    draw = random.Random(number)  # noqa: S311 - nothing secret
    rate = draw.choice([0, 0, 20, 150, 400])
    load = f'rate = {rate}\narrivals = "{draw.choice(["even", "poisson"])}"' if rate else ""
    closed = draw.choice(["", 'start = "spread"', 'wait = "0.05s"'])
    return {
        "users": draw.choice([1, 3, 20, 100]),
        "duration": draw.choice([1, 2]),
        "workers": draw.choice([1, 2]),
        "wait": draw.choice([0, 1, 20, 300]),
        "close": draw.choice([0, 0, 0.1, 1]),
        "breaks": draw.choice([0, 0, 0.1, 0.5]),
        "fail": draw.choice([0, 0, 0.05, 0.5]),
        "load": load or closed,
    }


@pytest.mark.parametrize("number", range(LOADS))
def test_the_app_counts_as_many_requests_as_the_record(bench: Bench, number: int) -> None:
    shutil.copy(COUNTING_APP, bench.folder)
    (bench.folder / "benchmark.toml").write_text(CONFIG.format(**drawn(number)))
    done = bench.call("run", "--profile", "p")
    assert done.returncode in {0, 3}, done.stderr
    (found,) = bench.record().endpoints[0].rounds
    verified = 1
    assert found.sent is not None
    assert found.written is not None
    assert found.written + verified == (bench.folder / "requests.counted").stat().st_size, done.stderr
    assert found.sent - found.written <= (found.in_flight or 0) + (found.after_end or 0), "they were connecting"
    assert found.requests + (found.in_flight or 0) + (found.after_end or 0) == found.sent
