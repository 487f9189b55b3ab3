"""What `bench capacity` finds: the largest load at which a promise is kept, and the steps that led there."""

from typing import Annotated, Literal

from pydantic import Field

from benchmark.plan import Count, Frozen, Seconds


class Promise(Frozen):
    """What has to hold of a load: 95 % of the answers within a time, and of the requests at most so many failed."""

    p95_below_s: Annotated[Seconds, Field(gt=0, le=3600)]
    failures_below_percent: Annotated[float, Field(ge=0, le=100)] = 0.1
    most: Annotated[Count, Field(ge=1, le=100_000)] = 2000
    by: Literal["users", "rate"] = "users"
    """What is searched for: the most users, or the most requests per second that are due whoever was answered."""


class Step(Frozen):
    """One load: `size` users, or requests per second.

    `broken`: what of the promise did not hold, "" where all did. `limited`: the generator was the limit.
    `predicted_p95_ms`: by theory, for the connections as they were dealt; None where it knows too little.
    """

    size: int
    throughput_rps: float
    p95_ms: float | None
    failures_percent: float
    predicted_p95_ms: float | None
    broken: str
    limited: str = ""


class Capacity(Frozen):
    """The answer. `size`: the promise was kept at so many users, or requests per second, twice; 0: not even at one.

    `breaks_at`: the smallest load at which it was broken twice; None: nobody got that far. `predicted_size`: the same
    `size` by theory, for likely splits of the connections.
    """

    schema_version: Literal[1] = 1
    endpoint: str
    promise: Promise
    size: int
    breaks_at: int | None
    throughput_rps: float | None
    predicted_size: int | None
    ended: Literal["found", "most", "generator"]
    steps: tuple[Step, ...]
