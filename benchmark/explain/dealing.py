"""How connections come to workers: one socket that all accept from deals them unevenly, once for the whole load.

The shares were measured (docs/method.md): users that arrive in batches are dealt roughly evenly, the busier one of two
workers getting 0.52 to 0.64 of them; users that arrive one after another nearly all go to the worker that slept last.
"""

from collections.abc import Sequence

import numpy as np

from benchmark.explain.simulation import Load
from benchmark.record import Dealt

EVENNESS = 20.0
"""Concentration of the Dirichlet distribution of shares for batches: half of the draws give the busier one of two
workers more than 0.55 of the connections, one in ten more than 0.63."""

CONNECTED_AFTER_S = 0.1
"""A sample this long after a batch was spawned shows its connections."""

PACED_SHARE = (0.88, 0.94)
"""Share of the busiest worker when users arrive one after another."""


def likely_split(users: int, workers: int, batch: int, random: np.random.Generator) -> tuple[int, ...]:
    """Draw how many connections each worker gets; `batch` users arrive at the same moment."""
    if workers == 1:
        return (users,)
    if batch == 1 < users:
        busiest = random.uniform(*PACED_SHARE)
        shares = np.array([busiest, *[(1 - busiest) / (workers - 1)] * (workers - 1)])
    else:
        shares = random.dirichlet([EVENNESS] * workers)
    return scaled(shares.tolist(), users)


def scaled(weights: Sequence[float], users: int) -> tuple[int, ...]:
    """Whole numbers in the ratio of `weights` that add up to `users` (largest remainders)."""
    total = sum(weights)
    exact = [users * weight / total for weight in weights]
    whole = [int(share) for share in exact]
    by_remainder = sorted(range(len(exact)), key=lambda worker: whole[worker] - exact[worker])
    for worker in by_remainder[: users - sum(whole)]:
        whole[worker] += 1
    return tuple(whole)


def dealt(split: Sequence[int], random: np.random.Generator) -> list[int]:
    """For each user in the order of arrival the number of its worker: `split[w]` users for worker `w`, shuffled."""
    workers = np.repeat(np.arange(len(split)), split)
    random.shuffle(workers)
    return [int(worker) for worker in workers]


def dealt_as_seen(seen: Sequence[Dealt], load: Load, random: np.random.Generator) -> list[int]:
    """The same where it was seen, second by second, how many connections each worker held: batch by batch.

    It matters while users arrive: a worker that got few of the first batch has seats to spare until the next.
    """
    placed = np.zeros(len(seen[0].connections_per_worker), dtype=int)
    users: list[int] = []
    while len(users) < load.users:
        size = min(load.batch, load.users - len(users))
        arrived_s = load.spawned_at_s(len(users)) + CONNECTED_AFTER_S
        sample = next((item for item in seen if item.at_s >= arrived_s), seen[-1])
        wanted = np.array(scaled(sample.connections_per_worker, len(users) + size)) - placed
        batch = scaled(np.clip(wanted, 0, None).tolist(), size)
        users += dealt(batch, random)
        placed += np.array(batch)
    return users
