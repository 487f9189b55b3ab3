"""Connections are dealt to workers in whole numbers, none lost, and as unevenly as was measured."""

import json
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from benchmark.record import Dealt
from benchmark.theory.connections import assigned, assigned_as_seen, likely_split, scaled
from benchmark.theory.simulation import Load


@given(weights=st.lists(st.floats(0, 1000), min_size=1, max_size=20).filter(any), users=st.integers(1, 5000))
def test_scaling_keeps_every_user_and_nearly_the_ratio(weights: list[float], users: int) -> None:
    found = scaled(weights, users)
    assert sum(found) == users
    assert all(abs(n - users * w / sum(weights)) <= 1 for n, w in zip(found, weights, strict=True))


@given(users=st.integers(1, 2000), workers=st.integers(1, 16), rate=st.floats(0.5, 500))
def test_a_likely_split_deals_every_user(users: int, workers: int, rate: float) -> None:
    load = Load(users=users, spawn_rate_per_s=rate, duration_s=5)
    found = likely_split(load, workers, np.random.default_rng(0))
    assert len(found) == workers
    assert sum(found) == users


def test_own_sockets_share_evenly_however_users_come() -> None:
    load = Load(users=500, spawn_rate_per_s=1, duration_s=5)
    splits = [likely_split(load, 2, np.random.default_rng(seed), own_sockets=True) for seed in range(200)]
    assert all(sum(split) == 500 for split in splits)
    assert 0.50 < np.median([max(split) / 500 for split in splits]) < 0.53


def shares(spawn_rate_per_s: float) -> set[float]:
    """Drawn shares of the busier one of two workers."""
    random = np.random.default_rng(1)
    load = Load(users=500, spawn_rate_per_s=spawn_rate_per_s, duration_s=5)
    return {round(max(likely_split(load, 2, random)) / 500, 3) for _ in range(300)}


def test_splits_are_drawn_from_those_that_were_measured_when_users_come_alike(repository: Path) -> None:
    measured = json.loads((repository / "tests/data/quick-sync-baseline.json").read_text())["rounds"]
    splits = [one["connections_per_worker"] for one in measured]
    assert {round(max(split) / sum(split), 2) for split in splits} == {round(share, 2) for share in shares(500)}
    assert 0.5 < min(shares(50)) < max(shares(50)) < min(shares(1))
    assert min(shares(1)) > 0.87


def test_the_worker_that_wakes_first_takes_nearly_all_of_few_users() -> None:
    """Of 14 measured loads with 2 to 9 users 12 had all on one worker; of 21 with 11 to 46 the middle lead was 7."""
    random = np.random.default_rng(1)
    few = [max(likely_split(Load(6, 1000, 5), 2, random)) for _ in range(300)]
    assert few.count(6) > 150
    some = [likely_split(Load(30, 1000, 5), 2, random) for _ in range(300)]
    assert 5 <= np.median([max(split) - min(split) for split in some]) <= 9
    three = likely_split(Load(9, 9, 5), 3, random)
    assert sum(three) == 9
    assert max(three) > 3


def test_dealing_shuffles_and_loses_nobody() -> None:
    found = assigned((3, 5), np.random.default_rng(0))
    assert sorted(found) == [0, 0, 0, 1, 1, 1, 1, 1]
    assert found != sorted(found)


def test_what_was_seen_while_users_arrived_is_dealt_again_batch_by_batch() -> None:
    seen = (Dealt(at_s=0.8, connections_per_worker=(9, 1)), Dealt(at_s=1.8, connections_per_worker=(10, 10)))
    found = assigned_as_seen(seen, Load(users=20, spawn_rate_per_s=10, duration_s=5), np.random.default_rng(0))
    assert (found[:10].count(1), found[10:].count(1)) == (1, 9)


def test_a_sample_from_before_all_have_connected_is_passed_over() -> None:
    """Two load generators never begin in the same moment; the first one's users may all have one worker."""
    seen = (Dealt(at_s=0.5, connections_per_worker=(10, 0)), Dealt(at_s=1.0, connections_per_worker=(11, 9)))
    found = assigned_as_seen(seen, Load(users=20, spawn_rate_per_s=20, duration_s=5), np.random.default_rng(0))
    assert (found.count(0), found.count(1)) == (11, 9)


@given(
    seen=st.lists(st.tuples(st.integers(0, 50), st.integers(1, 50)), min_size=1, max_size=5),
    users=st.integers(1, 60),
    rate=st.floats(0.5, 70),
)
def test_whatever_was_seen_every_user_is_dealt_to_a_worker(
    seen: list[tuple[int, int]], users: int, rate: float
) -> None:
    samples = [Dealt(at_s=float(n + 1), connections_per_worker=held) for n, held in enumerate(seen)]
    load = Load(users=users, spawn_rate_per_s=rate, duration_s=10)
    found = assigned_as_seen(samples, load, np.random.default_rng(0))
    assert len(found) == users
    assert set(found) <= {0, 1}
