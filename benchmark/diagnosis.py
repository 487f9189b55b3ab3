"""What a diagnosis starts from and what it leaves: the levels of a load that climbs, and what was found in them."""

from typing import Literal

from benchmark.model import Frozen
from benchmark.plan import Served


class Step(Frozen):
    """One level as it was measured. Times in seconds since the load started; CPU in percent of one core.

    Per worker: connections at the end of the level, CPU over it, threads beyond those that it had before the first
    request. None for an app that runs elsewhere.
    """

    users: int
    start_s: float
    end_s: float
    connections_per_worker: tuple[int, ...] | None
    worker_cpu_percent: tuple[float, ...] | None
    threads_grown_per_worker: tuple[int, ...] | None
    generator_cpu_percent: float
    machine_cpu_percent: float


class Level(Step):
    """One level and what its requests say. `busy_seats`: requests that were being served at a time, on average."""

    answers: int
    throughput_rps: float
    median_ms: float | None
    busy_seats: float


class Interval(Frozen):
    """An estimate with the range that 95 of 100 such measurements should cover; `high` None: no upper end."""

    value: float
    low: float
    high: float | None


class Setting(Frozen):
    """What is known about the server beforehand. `workers`, `threads`, `cores`: None for an app that runs elsewhere."""

    endpoint: str
    workers: int | None
    threads: int | None
    cores: int | None


class Diagnosis(Frozen):
    """What an endpoint is served by. `regime` None: it can not be told; `finding` says why, `change` what to do.

    `seats_per_worker` of an app elsewhere are the seats of all its workers together. `seats` is the whole number in
    the middle of them, None where nothing queues or where it can not be told. `most_at_once`: most requests that
    were being served at a time, on average over a level. `cpu_per_request_s`: processor time of the workers.
    """

    schema_version: Literal[1] = 1
    setting: Setting
    regime: Served | None
    service_s: Interval | None
    seats_per_worker: Interval | None
    seats: int | None
    most_at_once: int | None
    cpu_per_request_s: float | None
    finding: str
    evidence: str
    change: str
    gain: str
    levels: tuple[Level, ...]
