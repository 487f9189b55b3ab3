"""What a diagnosis starts from and what it leaves, here and in benchmark.toml."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import tomlkit
from tomlkit.items import InlineTable, Table

from benchmark.errors import UsageError
from benchmark.fields import Frozen
from benchmark.plan import Endpoint, Served
from benchmark.record import Quantiles
from benchmark.store import write_whole

MORE_THAN_ONE_CORE = 1.1
LATE = 0.95  # connections accepted before the end of a level, of its users, below which some had to wait


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

    @property
    def accepted_late(self) -> bool:
        """Whether connections waited for a worker to accept them."""
        return sum(self.connections_per_worker or (self.users,)) < LATE * self.users

    @property
    def busiest_percent(self) -> float:
        return max(self.worker_cpu_percent or (0.0,))


class Level(Step):
    """One level and what its requests say. `busy_seats`: requests that were being served at a time, on average.

    `tail`: the 99th percentile over the median, but for the first fifth of the level, in which users still connect.
    """

    answers: int
    throughput_rps: float
    median_ms: float | None
    busy_seats: float
    tail: float = 0.0


class Interval(Frozen):
    """An estimate with the range that 95 of 100 such measurements should cover; `high` None: no upper end."""

    value: float
    low: float
    high: float | None


class Setting(Frozen):
    """What is known about the server beforehand. `workers`, `threads`: None for an app that was not started here.

    `cores`: of this machine, if the app runs on it; None: it runs on another one. `replaced`: workers that the server
    replaced meanwhile.
    """

    endpoint: str
    workers: int | None
    threads: int | None
    cores: int | None
    replaced: int = 0


class Diagnosis(Frozen):
    """What an endpoint is served by. `regime` None: it cannot be told; `finding` says why, `change` what to do.

    `seats_per_worker` of an app elsewhere are the seats of all its workers together. `seats` is the whole number in
    the middle of them, None where nothing queues or where it cannot be told. `most_at_once`: most requests that
    were being served at a time, on average over a level. `on_threads`: requests wait for the slots of a pool on
    threads, of which a worker started more than slots. Processor time of a request: `cpu_per_request_s` of the
    workers (of an app on this machine that was not started here: what the machine computed more for each response),
    `generator_cpu_s` of the load generator. `quantiles`: of the `unqueued` responses, which waited for
    nobody else's; None where it cannot be told.
    """

    schema_version: Literal[1] = 1
    setting: Setting
    regime: Served | None
    service_s: Interval | None
    seats_per_worker: Interval | None
    seats: int | None
    most_at_once: int | None
    on_threads: bool = False
    cpu_per_request_s: float | None
    generator_cpu_s: float | None = None
    quantiles: Quantiles | None = None
    unqueued: int = 0
    finding: str
    evidence: str
    change: str
    gain: str
    levels: tuple[Level, ...]

    @property
    def most_cores(self) -> float:
        """Cores that one worker used at most: more than one where its threads compute at once."""
        return max((level.busiest_percent for level in self.levels), default=0.0) / 100


WHOLE_MS = 100


def contradiction(found: Diagnosis, endpoint: Endpoint) -> str | None:
    """Say how a declaration differs from what was found; None when it does not, or nothing is declared."""
    if endpoint.served is None or found.regime is None:
        return None
    told = (found.regime, found.seats if found.regime == "pool" else None)
    if told == (endpoint.served, endpoint.seats):
        return None
    return f"benchmark.toml declares {_words(endpoint.served, endpoint.seats)}, this measurement says {_words(*told)}"


def _words(served: str, seats: int | None) -> str:
    return f'"{served}"' if seats is None else f'"{served}" of {seats}'


def declaration(found: Diagnosis, endpoint: Endpoint) -> dict[str, Any]:
    """Keys and values that the endpoint's table lacks. Empty when nothing was found, or a declaration says otherwise.

    The slots of an app elsewhere are those of all its workers, while `slots` are those of one: they are not declared.
    """
    if found.regime is None or found.service_s is None or contradiction(found, endpoint):
        return {}
    if found.setting.workers is None and found.regime not in {"event loop", "mixed"}:
        return {}
    lacking: dict[str, Any] = {}
    if endpoint.served is None:
        lacking["served"] = found.regime
        lacking |= {"slots": found.seats} if found.regime == "pool" else {}
        lacking |= {"on_threads": True} if found.on_threads else {}
    computes_s = found.cpu_per_request_s or 0.0
    if endpoint.work_s is None and endpoint.work_tasks is None:
        lacking["work"] = _duration(computes_s if found.regime == "cpu" else found.service_s.value)
    if endpoint.cpu_s is None and found.regime == "mixed":
        lacking["cpu"] = _duration(computes_s)
    return lacking


def _duration(value_s: float) -> str:
    return f"{round(1000 * value_s)}ms" if 1000 * value_s >= WHOLE_MS else f"{1000 * value_s:.3g}ms"


def declare(path: Path, name: str, keys: Mapping[str, Any]) -> None:
    """Add keys behind the `path` of an endpoint's table of a benchmark.toml; every other byte stays as it is.

    UsageError: its table is in parts, or the file cannot be written; it holds what to paste.
    """
    try:
        document: Any = tomlkit.parse(path.read_bytes().decode("utf-8"))
        table = document["endpoints"][name]
        if not isinstance(table, Table | InlineTable):
            message = f"{path}: there is no simple [endpoints.{name}] to write into; add to it yourself:"
            raise UsageError(message, tomlkit.dumps(keys))
        ending = table["path"].trivia.trail or "\n"
        for key, value in reversed(list(keys.items())):
            item = tomlkit.item(value)
            item.trivia.trail = ending
            table.value._insert_after("path", key, item)  # noqa: SLF001 - at the end they would follow comments
        write_whole(path.resolve(), tomlkit.dumps(document))
    except OSError as error:
        message = f"{path} cannot be written ({error.strerror}); add to [endpoints.{name}] yourself:"
        raise UsageError(message, tomlkit.dumps(keys)) from None
