"""Arrivals at a rate of their own: formulas against textbook values, and against the simulation."""

from collections.abc import Iterator
from itertools import accumulate, islice, takewhile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.plan import Profile
from benchmark.theory.predict import chance_to_wait, mean_wait_s, open_columns, predict_open
from benchmark.theory.simulation import Overhead, Service, Simulated, simulate_open
from benchmark.theory.wording import open_sentence
from load.arrivals import due_offsets

NOTHING = Overhead(generator_s=0, worker_s=0, latency_s=0, begin_s=0, connect_s=0, accept_s=0, thread_s=0)


def test_erlangs_formula_gives_the_values_of_its_tables() -> None:
    assert chance_to_wait(1, 0.8) == pytest.approx(0.8)
    assert chance_to_wait(2, 1.0) == pytest.approx(1 / 3)
    assert chance_to_wait(5, 4.0) == pytest.approx(0.5541, abs=1e-4)
    assert chance_to_wait(10, 8.0) == pytest.approx(0.4092, abs=1e-4)


@given(seats=st.integers(1, 500), busy=st.floats(0.01, 0.99))
def test_a_chance_is_a_chance_and_grows_with_the_load(seats: int, busy: float) -> None:
    assert 0 <= chance_to_wait(seats, seats * busy) <= chance_to_wait(seats, seats * min(busy * 1.01, 0.999)) <= 1


@pytest.mark.parametrize(("seats", "rate"), [(1, 0.7), (4, 3.2), (40, 36.0)])
def test_the_formula_for_the_mean_wait_and_the_simulation_agree(seats: int, rate: float) -> None:
    found = predict_open(rate, 30_000 / rate, Service(1.0, (seats,), 1), split=None, overhead=NOTHING, seed=1)
    assert found.mean_wait_ms is not None
    assert found.simulated.excess_mean_ms == pytest.approx(found.mean_wait_ms, rel=0.15)
    assert mean_wait_s(rate, 1.0, seats) * 1000 == pytest.approx(found.mean_wait_ms)


@pytest.mark.parametrize("arrivals", ["even", "poisson"])
def test_the_very_requests_of_the_load_are_simulated(arrivals: str, monkeypatch: pytest.MonkeyPatch) -> None:
    profile = Profile(
        name="a", users=9, spawn_rate_per_s=9, duration_s=60, endpoints=("a",), rate_per_s=30, arrivals=arrivals, seed=4
    )
    gaps_s: list[float] = []

    def noted(asked: Iterator[tuple[float, int]]) -> Iterator[tuple[float, int]]:
        for gap_s, worker in asked:
            gaps_s.append(gap_s)
            yield gap_s, worker

    def simulated(asked: Iterator[tuple[float, int]], *rest: Any, **more: Any) -> Simulated:
        return simulate_open(noted(asked), *rest, **more)

    monkeypatch.setattr("benchmark.theory.predict.simulate_open", simulated)
    found = open_columns(profile, 60.0, Service(0.5, None, 2), (5, 4), seed=0)
    offsets = list(accumulate(gaps_s))
    assert offsets[-1] >= 60, "the whole load is simulated"
    assert offsets == pytest.approx(list(islice(due_offsets(30, arrivals, 4), len(offsets))))
    due = list(takewhile(lambda offset: offset < 59.49, offsets))
    assert found.requests == pytest.approx(len(due), abs=1)


def test_a_profile_with_a_rate_is_answered_for_its_own_arrivals() -> None:
    profile = Profile(name="a", users=9, spawn_rate_per_s=9, duration_s=60, endpoints=("a",), rate_per_s=3)
    pool = Service(1.0, (4,), 1)
    even = predict_open(3, 60, pool, split=None, overhead=NOTHING, profile=profile)
    assert (even.chance_to_wait, even.mean_wait_ms) == (None, None), "the formula is that of random arrivals"
    assert even.simulated.excess_p99_ms == pytest.approx(0, abs=1), "three come each second to four seats"
    assert "no formula" in open_sentence(even)
    poisson = profile.model_copy(update={"arrivals": "poisson"})
    at_random = predict_open(3, 60, pool, split=None, overhead=NOTHING, profile=poisson)
    assert at_random.mean_wait_ms is not None
    assert (at_random.simulated.excess_p99_ms or 0) > 100


def test_at_capacity_and_above_it_never_settles() -> None:
    found = predict_open(6, 300, Service(15, (40, 40), 2), split=None, overhead=NOTHING)
    assert not found.settles
    assert found.mean_wait_ms is None
    assert found.growth_per_s == pytest.approx(6 - 80 / 15)
    assert not predict_open(80 / 15, 30, Service(15, (40, 40), 2), split=None, overhead=NOTHING).settles


def test_an_uneven_deal_overloads_one_worker_while_the_other_has_seats_left() -> None:
    served = Service(1.0, (10, 10), 2)
    assert predict_open(15, 30, served, split=None, overhead=NOTHING).settles
    uneven = predict_open(15, 30, served, split=(3, 1), overhead=NOTHING)
    assert not uneven.settles
    assert uneven.growth_per_s == pytest.approx(1.25)


def test_where_nothing_queues_little_says_how_many_are_under_way() -> None:
    found = predict_open(20, 100, Service(2.0, None, 2), split=None, overhead=NOTHING)
    assert found.utilisation_ratio is None
    assert found.settles
    assert found.mean_under_way == pytest.approx(40)
    assert found.in_flight == pytest.approx(40, abs=20)
