"""What theory lets an endpoint do at most, in closed form: figures that a record keeps beside the measured ones."""

from typing import Annotated, Literal

from pydantic import Field

from benchmark.model import Amount, Frozen, Whole

Change = Literal["threads", "pool", "workers", "cores", "def", "await", "gather", "await and gather"]


class Alternative(Frozen):
    """One thing that could be served otherwise, and the bounds that it would give.

    `change` "threads", "pool", "workers" and "cores" (workers on as many): `to` as many of them; "def": leave the event
    loop for `to` threads; "await": wait without a seat; "gather": wait for all tasks at once.
    """

    change: Change
    to: Whole | None
    throughput_rps: Amount
    answer_time_s: Amount


class Limit(Frozen):
    """The most that queueing theory lets an endpoint answer. Bounds of Denning and Buzen (1978).

    `seats`: requests that can be served at a time, None where there is nothing to queue for.
    """

    seats: Annotated[Whole, Field(ge=1)] | None
    own_work_s: Annotated[Amount, Field(gt=0)]
    users_rps: Amount
    seats_rps: Amount | None
    alternatives: tuple[Alternative, ...] = ()
