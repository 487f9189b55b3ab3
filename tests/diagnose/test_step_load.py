"""A climb is cut into its levels, each with what the samples say about it."""

from pathlib import Path

import pandas as pd
import pytest

from benchmark.diagnose.step_load import keep, measure_step_load
from benchmark.errors import InvalidRunError
from benchmark.measure.load_test import Window
from benchmark.measure.round import Job, RawRound
from tests.diagnose.climbs import Climb
from tests.support.records import some_plan

BEGAN_S = 1000.0
WINDOW = Window(
    start_s=BEGAN_S,
    spawned_s=BEGAN_S,
    all_answered_s=None,
    stop_s=BEGAN_S + 4,
    users_spawned=2,
    users_answered=2,
    waiting_since_s=[],
    requests=4,
    garbage_collection_on=False,
)
SAMPLES = pd.DataFrame(
    {
        "time_s": [BEGAN_S - 1, BEGAN_S + 1, BEGAN_S + 3],
        "generator_cpu_percent": [90.0, 10.0, 20.0],
        "machine_cpu_percent": [50.0, 20.0, 40.0],
        "worker0_cpu_s": [7.0, 7.6, 8.8],
        "worker0_threads": [2, 3, 4],
        "worker0_connections": [0, 1, 2],
    }
)


def raw(errors: list[str]) -> RawRound:
    """A round of so many answers, one for each error text ("": a right one)."""
    rows = pd.DataFrame({"end_s": [float(n) for n in range(len(errors))], "error": errors})
    rows["sent_s"] = rows["end_s"] - 0.5
    return RawRound(1, "2026-11-23T00:00:00Z", WINDOW, rows, SAMPLES, pd.DataFrame(), 2, 0.0)


def job(directory: Path) -> Job:
    """Where a climb from one user to two was written."""
    (directory / "levels.csv").write_text(f"{BEGAN_S},1\n{BEGAN_S + 2},2\n{BEGAN_S + 4},0\n")
    plan = some_plan()
    return Job(plan, plan.endpoints[0], 1, (), directory, directory)


def test_each_level_has_what_was_sampled_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmark.diagnose.step_load.measure", lambda *_: raw(["", "", "", ""]))
    (first, second), measured = measure_step_load(job(tmp_path), lambda _: None, lambda *_: None)
    assert len(measured.rows) == 4
    assert (first.users, first.start_s, first.end_s) == (1, 0.0, 2.0)
    assert (second.users, second.start_s, second.end_s) == (2, 2.0, 4.0)
    assert (first.connections_per_worker, second.connections_per_worker) == ((1,), (2,))
    assert (first.threads_grown_per_worker, second.threads_grown_per_worker) == ((1,), (2,))
    # A sample speaks of the two seconds before it: half of the second one lies in the first level.
    assert first.worker_cpu_percent == ((30.0 + 60.0) / 2,)
    assert second.worker_cpu_percent == (60.0,)
    assert (first.generator_cpu_percent, second.machine_cpu_percent) == (15.0, 40.0)


@pytest.mark.parametrize(
    ("errors", "said"),
    [
        pytest.param([], "no response in time", id="nothing"),
        pytest.param(["", "status 500 instead of 200"], "1 of 2 requests", id="half"),
        pytest.param(["late"] * 2 + [""] * 100, "2 of 102 requests", id="two in a hundred"),
    ],
)
def test_nothing_is_concluded_from_failures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, errors: list[str], said: str
) -> None:
    monkeypatch.setattr("benchmark.diagnose.step_load.measure", lambda *_: raw(errors))
    with pytest.raises(InvalidRunError, match=said):
        measure_step_load(job(tmp_path), lambda _: None, lambda *_: None)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    written = tmp_path / "benchmark.toml"
    app, load = '[app]\nimport = "a:app"\n', 'users = 1\nspawn_rate = 1\nduration = "1s"\nendpoints = ["made up"]\n'
    written.write_text(f'{app}[endpoints."made up"]\npath = "/"\n[profiles.p]\n{load}')
    return written


def test_what_computes_on_several_threads_at_once_is_not_kept_for_predictions(file: Path) -> None:
    before = file.read_bytes()
    found = Climb(seats=1, service_s=lambda _: 0.1, computes_s=0.15).diagnosis()
    assert found.regime == "cpu"
    assert "a worker used 165% of a core" in keep(found, file, write=True)
    assert file.read_bytes() == before


def test_keep_says_so_where_nothing_was_found(tmp_path: Path, file: Path) -> None:
    unknown = Climb(seats=None, users=(1, 2, 4), level_s=0.11).diagnosis()
    assert keep(unknown, file, write=True) == "Nothing to save to benchmark.toml."
    assert keep(unknown, file, write=False) == ""
    assert not (tmp_path / "diagnosed").exists()
