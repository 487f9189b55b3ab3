"""Two load workers on hosts of their own send what one host sends by itself, and all their rows reach the table.

How near latencies come is measured by `make experiment NAME=three_hosts` (docs/measurements/load.md). Here responses
take long enough, compared with what a busy machine adds, that each user gets the same number of them in any case.
"""

import json
from math import ceil

import pandas as pd
import pytest

from benchmark.record import Record
from experiments.three_hosts import ENDPOINTS, Hosts, Load, hosts, rounds
from tests.support.networks import needs_networks

pytestmark = needs_networks

LOAD = Load(users=8, seats=4, sleeping_s=2.05, queueing_s=2.05, duration_s=6, start="batch")
ANSWERS = {"sleeping": 2 * LOAD.users, "queueing": 2 * LOAD.seats}
"""The load ends after 6 s. Second answers are due after 4.1 s, and may be late by 1.9 s; third ones, after 6.15 s, can
not be early."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Hosts, Record, Record]:
    """The hosts, and a run from one and from three of them."""
    with hosts(tmp_path_factory.mktemp("agreement"), LOAD) as found:
        return found, found.measure(alone=True), found.measure(alone=False)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_three_hosts_get_as_many_answers_as_one_host(made: tuple[Hosts, Record, Record], endpoint: str) -> None:
    _, one, three = made
    assert rounds(one)[endpoint].requests == ANSWERS[endpoint]
    assert rounds(three)[endpoint].requests == ANSWERS[endpoint]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_the_table_of_three_hosts_is_made_of_the_rows_of_all(made: tuple[Hosts, Record, Record], endpoint: str) -> None:
    found, _, record = made
    measured = rounds(record)[endpoint]
    (folder,) = (found.master.folder / "results" / record.id).glob(f"*-{endpoint}-1")
    window = json.loads((folder / "window.json").read_text())
    each = [pd.read_csv(file) for file in sorted(folder.glob("requests-*.csv"))]
    assert len(each) == 2
    rows = pd.concat(each)
    answered_s = rows["end_s"] - window["start_s"]
    rows = rows[answered_s <= min(LOAD.duration_s, window["stop_s"] - window["start_s"])]
    latencies_ms = sorted((rows["end_s"] - rows["sent_s"]) * 1000)
    assert len(rows) == measured.requests
    assert measured.throughput_rps == pytest.approx(len(rows) / answered_s[rows.index].max(), rel=0.001)
    for column, share in {"median_ms": 0.5, "p95_ms": 0.95}.items():
        assert getattr(measured, column) == pytest.approx(latencies_ms[ceil(share * len(rows)) - 1], abs=0.01)
    assert not rows["exception"].notna().any()
    assert measured.silences == {}
    assert measured.resources.worker_cpu_mean_percent is not None, "the app is on this machine"
