"""What theory answers when it is asked what a load would show: `bench predict`."""

from benchmark.model import Frozen
from benchmark.record import Columns, Summary


class Prediction(Summary):
    """What a simulation says the columns are: medians over several draws, and how far the draws were apart.

    `connections_per_worker` is None when each draw dealt the connections anew.
    """

    in_flight: int
    connections_per_worker: tuple[int, ...] | None
    draws: int
    seed: int


class OpenAnswer(Frozen):
    """What a rate of arrivals does to an endpoint.

    `loops_rps`: what the workers' event loops can handle at most; None: any. `utilisation_ratio`, of the busiest
    worker's seats, is None where there are none to wait for. `settles`: False at or above capacity, where the queue
    grows by `growth_per_s` requests every second and waits have no mean; nor are they known for evenly spaced arrivals
    at seats. `simulated` is one load of `duration_s` seconds that begins with nobody waiting.
    """

    rate_per_s: float
    capacity_rps: float | None
    loops_rps: float | None
    utilisation_ratio: float | None
    settles: bool
    growth_per_s: float
    chance_to_wait: float | None
    mean_wait_ms: float | None
    mean_answer_ms: float | None
    mean_under_way: float | None
    duration_s: float
    simulated: Columns
    in_flight: int
    seed: int
