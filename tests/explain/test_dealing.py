"""Connections are dealt to workers in whole numbers, none lost, and as unevenly as was measured."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from benchmark.explain.dealing import dealt, dealt_as_seen, likely_split, scaled
from benchmark.explain.simulation import Load
from benchmark.record import Dealt


@given(weights=st.lists(st.floats(0, 1000), min_size=1, max_size=20).filter(any), users=st.integers(1, 5000))
def test_scaling_keeps_every_user_and_nearly_the_ratio(weights: list[float], users: int) -> None:
    found = scaled(weights, users)
    assert sum(found) == users
    assert all(abs(n - users * w / sum(weights)) <= 1 for n, w in zip(found, weights, strict=True))


@given(users=st.integers(1, 2000), workers=st.integers(1, 16), batch=st.integers(1, 500))
def test_a_likely_split_deals_every_user(users: int, workers: int, batch: int) -> None:
    found = likely_split(users, workers, batch, np.random.default_rng(0))
    assert len(found) == workers
    assert sum(found) == users


def test_batches_are_dealt_as_unevenly_as_was_measured() -> None:
    """Measured with 500 connections: 0.56, of 0.52 to 0.64, for the busier one of two workers."""
    random = np.random.default_rng(1)
    shares = [max(likely_split(500, 2, 50, random)) / 500 for _ in range(1000)]
    assert 0.54 < float(np.median(shares)) < 0.57
    assert float(np.quantile(shares, 0.9)) < 0.65


def test_users_that_come_one_by_one_nearly_all_go_to_one_worker() -> None:
    assert 0.87 < max(likely_split(500, 2, 1, np.random.default_rng(1))) / 500 < 0.95


def test_dealing_shuffles_and_loses_nobody() -> None:
    found = dealt((3, 5), np.random.default_rng(0))
    assert sorted(found) == [0, 0, 0, 1, 1, 1, 1, 1]
    assert found != sorted(found)


def test_what_was_seen_while_users_arrived_is_dealt_again_batch_by_batch() -> None:
    seen = (Dealt(at_s=0.8, connections_per_worker=(9, 1)), Dealt(at_s=1.8, connections_per_worker=(10, 10)))
    found = dealt_as_seen(seen, Load(users=20, spawn_rate_per_s=10, duration_s=5), np.random.default_rng(0))
    assert (found[:10].count(1), found[10:].count(1)) == (1, 9)


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
    found = dealt_as_seen(samples, load, np.random.default_rng(0))
    assert len(found) == users
    assert set(found) <= {0, 1}
