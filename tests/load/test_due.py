"""When requests of a rate are due."""

from itertools import islice
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from load.arrivals import due_offsets


def test_evenly_spaced_requests_begin_at_once() -> None:
    assert list(islice(due_offsets(4.0, "even", 0), 5)) == [0.0, 0.25, 0.5, 0.75, 1.0]


@given(rate=st.floats(0.1, 10_000), number=st.integers(0, 100_000))
def test_even_spacing_does_not_drift(rate: float, number: int) -> None:
    (offset,) = islice(due_offsets(rate, "even", 0), number, number + 1)
    assert offset == number / rate


@given(rate=st.floats(0.1, 10_000), seed=st.integers(0, 1000))
def test_the_same_seed_draws_the_same_moments_in_order(rate: float, seed: int) -> None:
    first = list(islice(due_offsets(rate, "poisson", seed), 50))
    assert first == list(islice(due_offsets(rate, "poisson", seed), 50))
    assert first == sorted(first)


def test_random_gaps_are_exponential() -> None:
    """Mean 1/rate, and as much as that in their standard deviation; e^-1 of them are longer than the mean."""
    moments = list(islice(due_offsets(10.0, "poisson", 1), 20_000))
    gaps = [after - before for before, after in zip([0.0, *moments], moments, strict=False)]
    assert mean(gaps) == pytest.approx(0.1, rel=0.03)
    assert mean(gap > 0.1 for gap in gaps) == pytest.approx(0.3679, abs=0.01)


@given(processes=st.integers(1, 8), arrivals=st.sampled_from(["even", "poisson"]))
def test_processes_share_the_moments_without_gap_or_double(processes: int, arrivals: str) -> None:
    parts = [islice(due_offsets(50.0, arrivals, 3), index, 96, processes) for index in range(processes)]
    together = sorted(moment for part in parts for moment in part)
    assert together == list(islice(due_offsets(50.0, arrivals, 3), 96))
