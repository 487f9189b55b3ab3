"""Two load workers on hosts of their own measure what one host measures by itself."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest

from benchmark.record import Record
from tests.networks import Host, end, needs_networks, network, press_ctrl_c, start_workers

pytestmark = needs_networks

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

ENDPOINTS = ("sleeping", "pooled")
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
reference = 0
endpoints = ["sleeping", "pooled"]
"""


TRIES = 6


class Best(NamedTuple):
    """Most requests per second, shortest median and p95 of all rounds."""

    throughput_rps: float
    median_ms: float
    p95_ms: float

    def agrees(self, other: "Best") -> bool:
        """Whether they are as near as they have to be."""
        near = [self.throughput_rps == pytest.approx(other.throughput_rps, rel=0.01)]
        near += [self.median_ms == pytest.approx(other.median_ms, rel=0.03)]
        return all([*near, self.p95_ms == pytest.approx(other.p95_ms, rel=0.03)])


@dataclass
class Both:
    """What was measured from one host, and from two others, and where the rows of the latter are."""

    one: list[Record]
    three: list[Record]
    results: Path

    def best(self, endpoint: str) -> tuple[Best, Best]:
        """The best rounds of both: other programs only ever slow a load down, so that least was in the way of these."""
        return best(self.one, endpoint), best(self.three, endpoint)


def best(records: list[Record], endpoint: str) -> Best:
    """The best of all rounds of an endpoint, each column by itself."""
    results = [result for record in records for result in record.endpoints if result.name == endpoint]
    spreads = [result.summary.spread for result in results if result.summary is not None]
    return Best(
        max(spread["throughput_rps"].high for spread in spreads),
        min(spread["median_ms"].low for spread in spreads),
        min(spread["p95_ms"].low for spread in spreads),
    )


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Both:
    """The same load from one host and from two others; a round more where the machine was too busy for one."""
    with network(tmp_path_factory.mktemp("agreement"), "app", "one", "two") as net:
        alone = Host(net.folder / "alone", inside=net.first.inside)
        alone.folder.mkdir()
        for host in (net.first, alone):
            (host.folder / "app_under_test.py").write_text(AGREEMENT_APP)
            (host.folder / "benchmark.toml").write_text(AGREEMENT)
        workers = start_workers(net, "one", "two")
        made = Both([], [], net.first.folder / "results")
        for _ in range(TRIES):
            for running in (alone.start("run"), net.first.start("run", "--expect-workers", "2")):
                code, said = end(running)
                assert code == 0, said
            made = replace(made, one=alone.records(), three=net.first.records())
            if all(one.agrees(three) for one, three in map(made.best, ENDPOINTS)):
                break
        assert [press_ctrl_c(worker)[0] for worker in workers.values()] == [130, 130]
        return made


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_three_hosts_measure_what_one_host_measures(both: Both, endpoint: str) -> None:
    one, three = both.best(endpoint)
    assert one.agrees(three), f"{one} from one host, {three} from three"


def test_the_table_of_three_hosts_is_made_of_the_rows_of_all(both: Both) -> None:
    for record in both.three:
        for result in record.endpoints:
            for measured in result.rounds:
                (folder,) = (both.results / record.id).glob(f"*-{result.name}-{measured.round}")
                window = json.loads((folder / "window.json").read_text())
                load_s = min(LOAD_S, window["stop_s"] - window["start_s"])
                each = [pd.read_csv(file) for file in sorted(folder.glob("requests-*.csv"))]
                assert len(each) == 2
                rows = pd.concat(each)
                in_time = rows["timestamp"] + rows["response_time_ms"] / 1000 - window["start_s"] <= load_s
                assert in_time.sum() == measured.requests
                assert not rows["exception"].notna().any()
                assert measured.silences == {}
                assert measured.resources.worker_cpu_mean_percent is not None, "the app is on this machine"
