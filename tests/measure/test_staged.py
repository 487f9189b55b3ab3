"""What became of each stage, from rows whose queue is worked out by arithmetic."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.measure.staged import staged_load
from load.arrivals import Stage, due_within, starts_s

BORDERS = np.arange(21.0)


def served(stages: list[Stage], slow_start_s: float = 0.0) -> pd.DataFrame:
    """Requests of a rate to a server that takes 100 in a second, one after the other, each for 0.1 s."""
    ends, free_s = [], slow_start_s
    begins = starts_s(stages)
    due = [
        begin + number / one.level
        for begin, one in zip(begins, stages, strict=False)
        for number in range(round(one.level * one.duration_s))
    ]
    for due_s in due:
        free_s = max(free_s, due_s) + 0.01
        ends.append(free_s + 0.09)
    return pd.DataFrame({"due_s": due, "sent_s": due, "end_s": ends, "error": ""})


@given(burst_rps=st.integers(150, 400), calm_rps=st.integers(20, 60), slow_start_s=st.sampled_from([0.0, 0.5]))
def test_recovery_takes_as_long_as_the_queue_needs(burst_rps: int, calm_rps: int, slow_start_s: float) -> None:
    stages = [Stage(4, calm_rps), Stage(1, burst_rps), Stage(15, calm_rps)]
    found = staged_load(served(stages, slow_start_s), stages, 20.0, BORDERS)
    drain_s = (burst_rps - 100) / (100 - calm_rps)
    assert found.stages[2].recovery is not None
    assert found.stages[2].recovery.after_s == pytest.approx(drain_s, abs=0.1 * drain_s + 2 / calm_rps)
    assert [one.requests for one in found.stages] == [4 * calm_rps, burst_rps, 15 * calm_rps]


def test_a_stage_that_ends_before_the_queue_is_gone_did_not_recover() -> None:
    stages = [Stage(4, 50), Stage(2, 300), Stage(4, 50)]
    rows = served(stages)
    found = staged_load(rows[rows["end_s"] < 10], stages, 10.0, BORDERS).stages[2].recovery
    assert found is not None
    assert found.after_s is None


def test_a_stage_that_follows_no_spike_has_nothing_to_recover_from() -> None:
    stages = [Stage(2, 90), Stage(2, 50), Stage(2, 80)]
    assert [one.recovery for one in staged_load(served(stages), stages, 6.0, BORDERS).stages] == [None, None, None]


@given(st.lists(st.builds(Stage, st.integers(1, 9), st.integers(1, 200)), min_size=1, max_size=5))
def test_each_stage_has_its_own_rate(stages: list[Stage]) -> None:
    ends = starts_s(stages)[1:]
    counted = [due_within(1.0, "even", 0, end - 1e-6, stages) for end in ends]
    assert np.diff([0, *counted]).tolist() == [stage.level * stage.duration_s for stage in stages]
