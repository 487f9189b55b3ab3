"""The published table and the committed run can be worked out."""

from pathlib import Path

import pytest

from benchmark.config import make_plan, read_config
from benchmark.plan import Endpoint, Plan, Target
from benchmark.record import PERCENTILES, Columns, Dealt
from benchmark.report.published import PublishedRow, read_published
from benchmark.store import read_record
from benchmark.theory.computing import service
from benchmark.theory.predict import Prediction, predict, predict_round
from tests.support.records import some_plan, some_round

TABLE = ("requests", "avg_ms", "min_ms", "max_ms", "median_ms", "throughput_rps")
ASYNCHRONOUS = ("async_independent", "async_dependent", "async_concurrent")


def published(repository: Path, name: str) -> PublishedRow:
    """A row of the experiment of 2025-01-18."""
    (table,) = read_published(repository / "reports" / "published")
    return table.rows[name]


def predicted(repository: Path, name: str, split: tuple[int, ...] | None = (290, 210), **wishes: str) -> Prediction:
    """What theory says of an endpoint of this repository under the published load."""
    plan = make_plan(read_config(repository / "benchmark.toml"), "blog", {**wishes, "endpoints": (name,)})
    served = service(plan.endpoints[0], plan)
    assert served is not None
    return predict(plan, served, split=split)


def off_percent(found: Columns, expected: Columns | PublishedRow, column: str) -> float:
    """How far a column is from what it should be."""
    values: tuple[float, float] = (getattr(found, column), getattr(expected, column))
    return abs(100 * (values[0] / values[1] - 1))


def test_the_published_row_of_the_thread_pool_comes_out_of_theory(repository: Path) -> None:
    found, row = predicted(repository, "sync_baseline"), published(repository, "sync_baseline")
    assert found.requests == row.requests == 1520
    assert found.failures == row.failures == 0
    assert max(off_percent(found, row, column) for column in TABLE) < 1
    assert max(off_percent(found, row, column) for column in PERCENTILES) < 2


@pytest.mark.parametrize("name", ASYNCHRONOUS)
def test_the_published_asynchronous_rows_come_out_of_theory(repository: Path, name: str) -> None:
    found, row = predicted(repository, name), published(repository, name)
    assert name == "async_concurrent" or found.requests == row.requests == 9500
    assert max(off_percent(found, row, column) for column in TABLE if column != "max_ms") < 1


COMMITTED = ("20261123T114926-blog-500-a645", "20261123T202933-blog-500-2fc1", "20261125T190256-blog-500-2e2f")
"""Not those that come by themselves: what a machine does next week is no test of this code."""
EXTREMES = {"max_ms", "p999_ms"}
"""A pause of the machine is in the slowest thousandth before it is in anything else."""


@pytest.mark.parametrize("name", ["sync_baseline", *ASYNCHRONOUS])
def test_every_row_of_the_committed_runs_comes_out_of_theory(repository: Path, name: str) -> None:
    folders = [folder for name in COMMITTED if (folder := repository / "reports" / "runs" / name).is_dir()]
    if not folders:
        pytest.skip("`bench init` cleared the runs that this repository came with")
    for record in map(read_record, folders):
        result = record.result(name)
        assert result is not None
        for measured in result.rounds:
            endpoint = next(endpoint for endpoint in record.plan.endpoints if endpoint.name == name)
            found = predict_round(record.plan, endpoint, measured)
            assert found is not None
            assert max(off_percent(measured, found, column) for column in {*TABLE, *PERCENTILES} - EXTREMES) < 1
            assert max(off_percent(measured, found, column) for column in EXTREMES) < 3


def test_an_even_split_lets_nobody_wait_longer_than_seven_rounds_of_the_seats(repository: Path) -> None:
    assert (predicted(repository, "sync_baseline", (250, 250)).max_ms or 0) < 7.01 * 15_000


def test_without_a_split_likely_ones_are_drawn_and_their_range_is_given(repository: Path) -> None:
    found = predicted(repository, "sync_baseline", None)
    assert found.connections_per_worker is None
    assert found.draws > 10
    assert found.spread["max_ms"].low < found.spread["max_ms"].high
    assert found.spread["requests"].low == found.spread["requests"].high == 1520


def test_the_same_seed_gives_the_same_figures(repository: Path) -> None:
    assert predicted(repository, "sync_baseline", None) == predicted(repository, "sync_baseline", None)


def test_where_nothing_queues_one_draw_is_enough(repository: Path) -> None:
    assert predicted(repository, "async_concurrent", None).draws == 1


def test_a_round_is_predicted_for_the_connections_that_were_seen() -> None:
    plan = some_plan()
    measured = some_round(connections_per_worker=(4, 6))
    assert predict_round(plan, plan.endpoints[0], measured) is not None
    assert predict_round(plan, plan.endpoints[0], measured.model_copy(update={"connections_per_worker": None})) is None


def test_nothing_is_predicted_of_what_is_not_known() -> None:
    plan = some_plan()
    elsewhere = Plan(target=Target(url="http://example.com"), profile=plan.profile, endpoints=plan.endpoints)
    pooled, awaiting = plan.endpoints
    assert service(Endpoint(name="e", path="/", served="event loop"), plan) is None
    assert service(Endpoint(name="e", path="/", work_s=1), plan) is None
    assert service(Endpoint(name="e", path="/", served="event loop", work_s=1, locustfile="own.py"), plan) is None
    assert service(pooled, elsewhere) is None
    assert service(awaiting, elsewhere) is not None


@pytest.mark.parametrize("left", [(5, 0), (0, 5), (2, 3)])
def test_a_spike_is_predicted_for_how_its_users_were_dealt_and_not_for_who_is_left(
    repository: Path, left: tuple[int, int]
) -> None:
    """60 users of ten slots in each of two workers: 20 at a time, whoever has the five of the last stage."""
    plan = make_plan(read_config(repository / "benchmark.toml"), "smoke", {"stages": "3s@5,2s@60,5s@5"})
    pooled = Endpoint(name="pooled", path="/", served="pool", seats=10, work_s=0.1)
    plan = plan.model_copy(update={"endpoints": (pooled,), "target": Target(import_path="a:app", workers=2)})
    dealt = [Dealt(at_s=0.5, connections_per_worker=left), Dealt(at_s=3.5, connections_per_worker=(30, 30))]
    measured = some_round(connections_per_worker=left, dealt=dealt, users_started=60, load_end_s=10.0)
    found = predict_round(plan, pooled, measured)
    assert found is not None
    assert found.requests == pytest.approx(8 * 5 / 0.1 + 2 * 20 / 0.1, rel=0.06)
