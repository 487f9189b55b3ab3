"""What `bench capacity` finds: the most users for whom a promise is kept, and the steps that led there."""

from typing import Annotated, Literal

from pydantic import Field

from benchmark.model import Frozen
from benchmark.units import Count, Seconds


class Promise(Frozen):
    """What has to hold of a load: 95 % of the answers within a time, and of the requests at most so many failed."""

    p95_below_s: Annotated[Seconds, Field(gt=0, le=3600)]
    failures_below_percent: Annotated[float, Field(ge=0, le=100)] = 0.1
    most_users: Annotated[Count, Field(ge=1, le=100_000)] = 2000


class Step(Frozen):
    """One load. `broken`: what of the promise did not hold, "" where all did. `limited`: the generator was the limit.

    `predicted_p95_ms`: by theory, for the connections as they were dealt; None where it knows too little.
    """

    users: int
    throughput_rps: float
    p95_ms: float | None
    failures_percent: float
    predicted_p95_ms: float | None
    broken: str
    limited: str = ""


class Capacity(Frozen):
    """The answer. `users`: the promise was kept for so many, twice; 0: not even for one.

    `breaks_at`: the fewest users for whom it was broken twice; None: nobody got that far. `predicted_users`: the same
    `users` by theory, for likely splits of the connections.
    """

    schema_version: Literal[1] = 1
    endpoint: str
    promise: Promise
    users: int
    breaks_at: int | None
    throughput_rps: float | None
    predicted_users: int | None
    ended: Literal["found", "most users", "generator"]
    steps: tuple[Step, ...]
