"""How connections are distributed: a socket that all workers accept from does it unevenly, once for the whole load.

Likely splits are drawn from measured ones (docs/explanation.md). They were measured with two workers; for
more of them a distribution that is about as uneven stands in.
"""

from collections.abc import Sequence

import numpy as np

from benchmark.record import Dealt
from benchmark.theory.simulation import Load

ALL_AT_ONCE = (*[0.524] * 4, *[0.528] * 11, 0.54, 0.554, 0.584, 0.636, 0.78)
"""Shares of the busier one of two workers when all users connect at once: 20 rounds of the profile quick."""

IN_BATCHES = (0.524, 0.526, *[0.528] * 4, 0.536, 0.546, 0.548, 0.598, 0.722, 0.784)
"""The same when they connect 50 a second: the twelve rounds of three runs of the profile blog."""

ONE_BY_ONE = (0.88, 0.92, 0.94)
"""The same when they connect one after another: nearly all go to the worker that slept last."""

LEADS = (1, *[2] * 3, *[3] * 2, *[4] * 2, *[6] * 2, *[7] * 3, *[10] * 2, *[11] * 3, 12, 13, 14)
"""How many more connections than the other the busier one of two workers has where few users connect at once: who wakes
first accepts all that have come. 21 loads with 11 to 46 users of `experiments/predict_curves.py`; of its 14 with 2 to 9
users 12 had all on one worker (2026-11-29, AMD EPYC, 2 cores)."""

LED = 50  # users up to which that was measured

CONNECTED_AFTER_S = 0.1  # after a batch was spawned a sample shows its connections
EVENNESS = 20.0  # concentration of the Dirichlet distribution of shares for more than two workers; not measured


def likely_split(
    load: Load, workers: int, random: np.random.Generator, *, own_sockets: bool = False
) -> tuple[int, ...]:
    """Draw how many connections each worker gets. `own_sockets`: the kernel deals each by a hash of its addresses."""
    if workers == 1:
        return (load.users,)
    if own_sockets:
        return tuple(int(count) for count in random.multinomial(load.users, [1 / workers] * workers))
    if load.batch == 1 < load.users:
        busiest = float(random.choice(ONE_BY_ONE))
        shares = [busiest, *[(1 - busiest) / (workers - 1)] * (workers - 1)]
    elif workers == 2:  # noqa: PLR2004 - that is what was measured
        busiest = float(random.choice(ALL_AT_ONCE if load.batch >= load.users else IN_BATCHES))
        shares = [busiest, 1 - busiest]
    else:
        shares = random.dirichlet([EVENNESS] * workers).tolist()
    if load.users <= min(LED, load.batch):
        shares = _led(shares, min(float(random.choice(LEADS)) / load.users, 1.0))
    return scaled(shares, load.users)


def _led(shares: Sequence[float], lead: float) -> list[float]:
    """Give the busiest worker no less than this part of all connections and its share of the others.

    >>> _led([0.5, 0.5], 0.2)
    [0.6, 0.4]
    """
    busiest, *others = sorted(shares, reverse=True)
    least = max(busiest, lead + (1 - lead) / len(shares))
    return [least, *(share * (1 - least) / (1 - busiest) if busiest < 1 else 0.0 for share in others)]


def scaled(weights: Sequence[float], users: int) -> tuple[int, ...]:
    """Whole numbers in the ratio of `weights` that add up to `users` (largest remainders)."""
    total = sum(weights)
    exact = [users * weight / total for weight in weights]
    whole = [int(share) for share in exact]
    by_remainder = sorted(range(len(exact)), key=lambda worker: whole[worker] - exact[worker])
    for worker in by_remainder[: users - sum(whole)]:
        whole[worker] += 1
    return tuple(whole)


def assigned(split: Sequence[int], random: np.random.Generator) -> list[int]:
    """For each user in the order of arrival the number of its worker: `split[w]` users for worker `w`, shuffled."""
    workers = np.repeat(np.arange(len(split)), split)
    random.shuffle(workers)
    return [int(worker) for worker in workers]


def assigned_as_seen(seen: Sequence[Dealt], load: Load, random: np.random.Generator) -> list[int]:
    """The same where it was seen, second by second, how many connections each worker held: batch by batch.

    It matters while users arrive: a worker that got few of the first batch has seats to spare until the next.
    """
    placed = np.zeros(len(seen[0].connections_per_worker), dtype=int)
    users: list[int] = []
    while len(users) < load.users:
        size = min(load.batch, load.users - len(users))
        arrived_s = load.spawned_at_s(len(users)) + CONNECTED_AFTER_S
        all_of_them = len(users) + size  # several load generators do not start in the same moment
        late = (item for item in seen if item.at_s >= arrived_s and sum(item.connections_per_worker) >= all_of_them)
        sample = next(late, seen[-1])
        wanted = np.array(scaled(sample.connections_per_worker, len(users) + size)) - placed
        batch = scaled(np.clip(wanted, 0, None).tolist(), size)
        users += assigned(batch, random)
        placed += np.array(batch)
    return users
