"""The reference workload's server counts, too: another number than was sent ends the run."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.errors import MiscountedRunError
from benchmark.measure.load_test import Window
from benchmark.measure.reference import require_same_count
from tests.support.bench import Bench, assert_measured

WINDOW = Window(
    start_s=0.0, spawned_s=0.0, all_answered_s=0.1, stop_s=2.0, users_spawned=1, users_answered=1,
    waiting_since_s=[], requests=10, garbage_collection_on=False, begun=10, written=10,
)  # fmt: skip


def write(folder: Path, *counts: int) -> None:
    """What the workers of the server wrote."""
    for number, count in enumerate(counts):
        (folder / f"received-{number}.txt").write_text(str(count))


def test_the_same_number_passes_and_any_other_ends_the_run(tmp_path: Path) -> None:
    write(tmp_path, 4, 7)
    require_same_count(WINDOW, tmp_path, 2)
    for written in (9, 11):
        with pytest.raises(MiscountedRunError, match=f"received 11 requests, and {written + 1} were sent"):
            require_same_count(replace(WINDOW, written=written), tmp_path, 2)


def test_where_a_worker_wrote_nothing_nothing_is_said(tmp_path: Path) -> None:
    write(tmp_path, 4)
    require_same_count(WINDOW, tmp_path, 2)


def test_a_real_run_counts_on_both_sides(bench: Bench) -> None:
    bench.configure(target="workers = 2", profile='reference = "2s"')
    text = (bench.folder / "benchmark.toml").read_text().replace("reference = 0\n", "")
    (bench.folder / "benchmark.toml").write_text(text)
    done = bench.call("run")
    assert_measured(done)
    (folder,) = (bench.folder / "results").glob("*/00-reference-1")
    received = [int(file.read_text()) for file in folder.glob("received-*.txt")]
    assert len(received) == 2
    reference = bench.record().reference
    assert reference is not None
    assert sum(received) >= reference.raw[0].requests + 1
