"""The wall clock may be set while a load runs, as laptops and virtual machines do: no figure follows it."""

import shutil

import pytest

from tests.support.bench import COUNTING_APP, Bench

STEPPED = """
import os, time
real, born, step = time.time, time.monotonic(), float(os.environ.get("CLOCK_STEP", 0))
time.time = lambda: real() + (step if time.monotonic() - born > float(os.environ["CLOCK_AFTER_S"]) else 0)
"""
"""The clock as every Python process of the run sees it: it steps when the process has lived for so long."""

CONFIG = """
schema_version = 1
[app]
import = "counting_app:app"
workers = 1
[endpoints.x]
path = "/x?wait=50"
[profiles.p]
users = 20
spawn_rate = 20
duration = "4s"
reference = 0
timeout = "10s"
client = "{client}"
endpoints = ["x"]
{load}
"""


CLOSED, OPEN = "", "rate = 100"
EACH_PAIR = [
    (step_s, client, load)
    for step_s, first, second in ((-60, CLOSED, OPEN), (-2, OPEN, CLOSED), (5, CLOSED, OPEN), (60, OPEN, CLOSED))
    for client, load in (("fast", first), ("requests", second))
]
"""Each step meets both clients and both kinds of load, and each client both kinds: half of all combinations."""


@pytest.mark.parametrize(("step_s", "client", "load"), EACH_PAIR)
def test_a_clock_that_is_set_changes_no_figure(bench: Bench, step_s: int, client: str, load: str) -> None:
    """The load is on from some 1 to 5 s after the generator's start, so that the step falls into its middle."""
    shutil.copy(COUNTING_APP, bench.folder)
    (bench.folder / "sitecustomize.py").write_text(STEPPED)
    (bench.folder / "benchmark.toml").write_text(CONFIG.format(client=client, load=load))
    bench.environment |= {"PYTHONPATH": str(bench.folder), "CLOCK_STEP": f"{step_s}", "CLOCK_AFTER_S": "3"}
    done = bench.run("run", "--profile", "p")
    assert done.returncode in {0, 3}, done.stderr  # a busy machine may not keep the rate
    (found,) = bench.record().endpoints[0].rounds
    assert found.load_end_s == pytest.approx(4.0, abs=0.1), "an open load begins when all are connected"
    assert found.sent is not None
    counted = (bench.folder / "requests.counted").stat().st_size - 1
    assert found.sent - found.users_started <= counted <= found.sent
    assert found.written in {None, counted}
    assert found.throughput_rps is not None
    least_rps, most_rps = found.requests / found.load_end_s, found.requests / (found.load_end_s - 0.3)
    assert 0.999 * least_rps <= found.throughput_rps <= most_rps
    assert sum(found.timeline.requests) == found.requests
    assert found.max_ms is not None
    assert found.min_ms is not None
    sleep_ms = 50 - 1  # the event loop may wake a moment early: uvloop's timers count whole milliseconds
    assert sleep_ms <= found.min_ms <= found.max_ms < 2000
