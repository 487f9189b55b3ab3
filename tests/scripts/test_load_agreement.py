"""Two load workers on hosts of their own measure what one host measures by itself."""

import json
from pathlib import Path

import pandas as pd
import pytest

from benchmark.record import Record
from tests.networks import NEEDED, Host, end, may_make_networks, network, press_ctrl_c, start_workers

pytestmark = pytest.mark.skipif(not may_make_networks(), reason=NEEDED)

AGREEMENT_APP = """
import asyncio, time
from fastapi import FastAPI

app = FastAPI()

@app.get("/sleeping", response_model=None)
async def sleeping():
    await asyncio.sleep(0.75)

@app.get("/pooled", response_model=None)
def pooled():
    time.sleep(0.375)
"""
"""With 8 users the second one answers after 0.75 s, too: it has 4 threads, and half of that is waiting for one."""

LOAD_S = 4
"""A quarter of a second after the fifth answer of each user."""

AGREEMENT = f"""
schema_version = 1
[app]
import = "app_under_test:app"
host = "0.0.0.0"
workers = 1
threads = 4
[endpoints.sleeping]
path = "/sleeping"
[endpoints.pooled]
path = "/pooled"
[profiles.quick]
users = 8
spawn_rate = 8
duration = "{LOAD_S}s"
rounds = 3
reference = 0
endpoints = ["sleeping", "pooled"]
"""


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Record, Record, Path]:
    """The same load from one host and from two others, at the same time."""
    with network(tmp_path_factory.mktemp("agreement"), "app", "one", "two") as net:
        alone = Host(net.folder / "alone", inside=net.first.inside)
        alone.folder.mkdir()
        for host in (net.first, alone):
            (host.folder / "app_under_test.py").write_text(AGREEMENT_APP)
            (host.folder / "benchmark.toml").write_text(AGREEMENT)
        workers = start_workers(net, "one", "two")
        for running in (alone.start("run"), net.first.start("run", "--expect-workers", "2")):
            code, said = end(running)
            assert code == 0, said
        assert [press_ctrl_c(worker)[0] for worker in workers.values()] == [130, 130]
        return alone.record(), net.first.record(), net.first.folder / "results"


def best(record: Record, name: str) -> tuple[float, float, float]:
    """Of the rounds of an endpoint: most requests per second, shortest median and p95 (ms)."""
    (spread,) = [result.summary.spread for result in record.endpoints if result.name == name and result.summary]
    return spread["throughput_rps"].high, spread["median_ms"].low, spread["p95_ms"].low


@pytest.mark.parametrize("endpoint", ["sleeping", "pooled"])
def test_three_hosts_measure_what_one_host_measures(both: tuple[Record, Record, Path], endpoint: str) -> None:
    """Other programs only ever slow a load down, so the round that they met least is the one to compare."""
    (one_rps, one_p50_ms, one_p95_ms), (three_rps, three_p50_ms, three_p95_ms) = (
        best(record, endpoint) for record in both[:2]
    )
    assert three_rps == pytest.approx(one_rps, rel=0.01)
    assert three_p50_ms == pytest.approx(one_p50_ms, rel=0.03)
    assert three_p95_ms == pytest.approx(one_p95_ms, rel=0.03)


def test_the_table_of_three_hosts_is_made_of_the_rows_of_all(both: tuple[Record, Record, Path]) -> None:
    _, record, results = both
    for result in record.endpoints:
        for measured in result.rounds:
            (folder,) = results.glob(f"*/*-{result.name}-{measured.round}")
            start_s = json.loads((folder / "window.json").read_text())["start_s"]
            each = [pd.read_csv(file) for file in sorted(folder.glob("requests-*.csv"))]
            assert len(each) == 2
            rows = pd.concat(each)
            in_time = rows["timestamp"] + rows["response_time_ms"] / 1000 - start_s <= LOAD_S
            assert in_time.sum() == measured.requests
            assert not rows["exception"].notna().any()
            assert measured.silences == {}
            assert measured.resources.worker_cpu_mean_percent is not None, "the app is on this machine"
