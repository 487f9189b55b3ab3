"""The simulated system keeps the laws that every such system keeps."""

from itertools import repeat

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.summary import mean_waiting, since_due_ms
from benchmark.theory.bounds import answer_time_bound_s, throughput_bound_rps
from benchmark.theory.simulation import Load, Overhead, Service, Simulated, simulate, simulate_open

NOTHING = Overhead(generator_s=0, worker_s=0, latency_s=0, begin_s=0, connect_s=0, accept_s=0, thread_s=0)


def one_worker(users: int, seats: int | None, *, work_s: float, duration_s: float, wait_s: float = 0.0) -> Simulated:
    """Simulate users that all start at once at one worker."""
    asked = Load(users=users, spawn_rate_per_s=users, duration_s=duration_s, wait_s=wait_s)
    served = Service(work_s, None if seats is None else (seats,), workers=1)
    return simulate(asked, served, [0] * users, NOTHING)


def test_three_users_and_two_seats_are_served_in_the_order_in_which_they_asked() -> None:
    found = one_worker(3, 2, work_s=1.0, duration_s=3.5)
    assert found.rows["end_s"].tolist() == [1, 1, 2, 2, 3, 3]
    assert since_due_ms(found.rows).tolist() == [1000, 1000, 2000, 1000, 2000, 1000]
    assert found.in_flight == 3


def test_without_seats_nobody_waits_for_anybody() -> None:
    found = one_worker(100, None, work_s=1.0, duration_s=5.5)
    assert len(found.rows) == 500
    assert set(since_due_ms(found.rows)) == {1000}


def test_users_are_spawned_in_batches_as_locust_does() -> None:
    load = Load(users=10, spawn_rate_per_s=4, duration_s=10)
    assert [load.spawned_at_s(number) for number in range(10)] == [0] * 4 + [1] * 4 + [2] * 2
    slow = Load(users=3, spawn_rate_per_s=0.5, duration_s=10)
    assert [slow.spawned_at_s(number) for number in range(3)] == [0, 2, 4]
    uneven = Load(users=5, spawn_rate_per_s=2.5, duration_s=10)
    assert [uneven.spawned_at_s(number) for number in range(5)] == [0, 0, 0.8, 0.8, 1.6]


def test_users_that_rest_ask_less_often() -> None:
    found = one_worker(1, None, work_s=1.0, duration_s=10.5, wait_s=1.0)
    assert found.rows["end_s"].tolist() == [1, 3, 5, 7, 9]


def test_spread_starts_divide_one_answer_time_evenly() -> None:
    load = Load(users=4, spawn_rate_per_s=4, duration_s=2.9, start="spread", spread_s=1.0)
    found = simulate(load, Service(1.0, None, 1), [0] * 4, NOTHING)
    assert found.rows["end_s"].tolist() == [1, 1.25, 1.5, 1.75, 2, 2.25, 2.5, 2.75]


def test_a_saturated_load_generator_is_part_of_the_system() -> None:
    load = Load(users=100, spawn_rate_per_s=100, duration_s=10)
    found = simulate(load, Service(0.01, None, 1), [0] * 100, Overhead(generator_s=0.01))
    assert len(found.rows) == pytest.approx(10 / 0.01, rel=0.02)


@settings(max_examples=60, deadline=None)
@given(
    users=st.integers(1, 60),
    seats=st.integers(1, 20),
    work_s=st.floats(0.1, 2.0),
    wait_s=st.sampled_from([0.0, 0.5]),
)
def test_no_simulation_passes_the_bounds_of_denning_and_buzen(
    users: int, seats: int, work_s: float, wait_s: float
) -> None:
    found = one_worker(users, seats, work_s=work_s, duration_s=60.0, wait_s=wait_s)
    most = throughput_bound_rps(users, work_s, seats=seats, wait_s=wait_s)
    assert len(found.rows) <= most * 60 + users
    assert since_due_ms(found.rows).min() >= work_s * 1000 - 1e-6
    late = found.rows[found.rows["end_s"] > 30]
    rounds = users * work_s / seats
    if rounds < 5:
        assert since_due_ms(late).mean() / 1000 >= answer_time_bound_s(users, work_s, seats=seats, wait_s=wait_s) * 0.8


@settings(max_examples=30, deadline=None)
@given(users=st.integers(1, 60), seats=st.integers(1, 20), work_s=st.floats(0.1, 1.0))
def test_littles_law_holds_exactly_without_rests(users: int, seats: int, work_s: float) -> None:
    found = one_worker(users, seats, work_s=work_s, duration_s=20.0)
    assert found.in_flight == users
    finished = found.rows.assign(end_s=found.rows["end_s"].clip(upper=20.0))
    waiting_s = mean_waiting(finished, [], 0.0, 20.0)
    assert waiting_s <= users + 1e-9


def test_arrivals_that_wait_for_nobody_pile_up_above_capacity() -> None:
    arrivals = zip(repeat(0.5), repeat(0))
    found = simulate_open(arrivals, 100.25, Service(1.0, (1,), 1), NOTHING)
    assert len(found.rows) == 99
    assert found.in_flight == 101
    assert since_due_ms(found.rows)[-1] == pytest.approx(1000 * (100 - 0.5 * 99), rel=0.01)


def test_a_random_draw_of_users_to_workers_changes_who_waits_and_not_how_many_are_served() -> None:
    load = Load(users=50, spawn_rate_per_s=50, duration_s=20.5)
    served = Service(1.0, (5, 5), 2)
    counts = set()
    for seed in range(5):
        dealt = np.random.default_rng(seed).permutation([0] * 30 + [1] * 20).tolist()
        counts.add(len(simulate(load, served, dealt, NOTHING).rows))
    assert counts == {200}
