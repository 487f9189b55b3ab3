"""The turns of a comparison: in which order sides are asked, and what one turn gave.

A round makes PASSES passes over the endpoints. In each pass an endpoint is asked A B B A, in the next one B A A B: a
machine that slows down evenly meanwhile slows both sides alike, and what disturbs it for a second spoils one pass.
Connections are fresh in every pass and servers in every round, because what chance decides once (which worker gets
which connection, the seed of Python's hashes) would look like a difference between sides.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from benchmark.comparison import SIDES, SideName, Turn
from benchmark.plan import Endpoint, Plan
from benchmark.summary import columns

ABBA: tuple[SideName, ...] = ("base", "head", "head", "base")
BAAB: tuple[SideName, ...] = ("head", "base", "base", "head")
PATTERNS = (ABBA, BAAB)
PASSES = 4
TURNS_PER_ENDPOINT = PASSES * len(ABBA)
"""A profile's duration is the load of one endpoint in one round, both sides together."""


@dataclass(frozen=True)
class Planned:
    """One turn of a round, in its place: `number` counts the passes of the whole comparison from 0.

    One of `position` -1 opens the connections, and is not counted.
    """

    endpoint: Endpoint
    side: SideName
    number: int
    position: int


def planned_turns(endpoints: Sequence[Endpoint], round_number: int) -> list[Planned]:
    """List the turns of a round: in each pass one request of each user to each side, then each endpoint A B B A.

    In the first pass that one request goes to every endpoint, as much is done only once in a process.
    """
    listed = []
    for number in range(round_number * PASSES, (round_number + 1) * PASSES):
        opened = endpoints if number % PASSES == 0 else endpoints[:1]
        listed += [Planned(endpoint, side, number, -1) for side in SIDES for endpoint in opened]
        for place, endpoint in enumerate(endpoints):
            pattern = PATTERNS[(number + place) % 2]
            listed += [Planned(endpoint, side, number, position) for position, side in enumerate(pattern)]
    return listed


def turn_of(rows: pd.DataFrame, one: Planned, plan: Plan, cpu_s: float | None = None) -> Turn:
    """Sum up the rows of one turn.

    A turn is short, so requests per second are not counted within a window, whose borders would cut some off: they are
    what users did divided by the time it took them, each from its first question to its last answer. `cpu_s`: processor
    time of the load generator.
    """
    profile = plan.profile
    by_user = rows.groupby("user")
    ends_s = (rows["start_s"] + rows["latency_ms"] / 1000).groupby(rows["user"]).max()
    asking_s = float((ends_s - by_user["start_s"].min() + profile.wait_s).sum())
    waiting_s = float((rows["latency_ms"] / 1000 + profile.wait_s).sum())
    work_s = one.endpoint.own_work_s(profile.task_seconds)
    return Turn(
        **columns(rows, asking_s / len(by_user), work_s).model_dump(),
        number=one.number,
        endpoint=one.endpoint.name,
        side=one.side,
        position=one.position,
        waiting_ratio=round(waiting_s / asking_s, 4) if asking_s else 0.0,
        pause_ms=round(max(0.0, 1000 * (asking_s - waiting_s) / len(rows)), 4),
        generator_cpu_us_per_request=None if cpu_s is None else round(1e6 * cpu_s / len(rows), 1),
    )
