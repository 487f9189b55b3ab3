"""What a diagnosis starts from and what it leaves, here and in benchmark.toml."""

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from benchmark.errors import UsageError
from benchmark.plan import Endpoint, Frozen, Served
from benchmark.store import write_whole


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
    """What an endpoint is served by. `regime` None: it cannot be told; `finding` says why, `change` what to do.

    `seats_per_worker` of an app elsewhere are the seats of all its workers together. `seats` is the whole number in
    the middle of them, None where nothing queues or where it cannot be told. `most_at_once`: most requests that
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


WHOLE_MS = 100
HEADER = re.compile(r"^\s*\[.*\]\s*(#.*)?$")
PATH_LINE = re.compile(r"""^\s*path\s*=\s*("[^"]*"|'[^']*')\s*(#.*)?$""")


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

    The seats of an app elsewhere are those of all its workers, while `seats` are those of one: they are not declared.
    """
    if found.regime is None or found.service_s is None or contradiction(found, endpoint):
        return {}
    if found.setting.workers is None and found.regime != "event loop":
        return {}
    lacking: dict[str, Any] = {}
    if endpoint.served is None:
        lacking["served"] = found.regime
        lacking |= {"seats": found.seats} if found.regime == "pool" else {}
    if endpoint.work_s is None and endpoint.work_tasks is None:
        lacking["work"] = _milliseconds(found.service_s.value)
    return lacking


def _milliseconds(value_s: float) -> str:
    """Write a time as benchmark.toml reads it, in three digits."""
    value_ms = 1000 * value_s
    return f"{round(value_ms)}ms" if value_ms >= WHOLE_MS else f"{value_ms:.3g}ms"


def as_toml(keys: Mapping[str, Any]) -> str:
    """Write keys as lines of TOML. Text is ASCII without control characters, so JSON writes it the same way."""
    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items())


def declare(path: Path, name: str, keys: Mapping[str, Any]) -> None:
    """Add keys to an endpoint's table of a benchmark.toml; every other byte stays as it is.

    The lines go behind its `path`. What comes out is read again before it replaces the file, and has to say the same
    as before, and the keys. UsageError where that is not so, or the file cannot be written: it holds what to paste.
    """
    try:
        before = path.read_bytes().decode("utf-8")
        wanted = tomllib.loads(before)
        wanted["endpoints"][name] |= keys
        after = _with_lines(before, name, as_toml(keys))
        if after is None or tomllib.loads(after) != wanted:
            message = f"{path}: there is no simple [endpoints.{name}] to write into; add to it yourself:"
            raise UsageError(message, as_toml(keys))
        write_whole(path.resolve(), after)
    except OSError as error:
        message = f"{path} cannot be written ({error.strerror}); add to [endpoints.{name}] yourself:"
        raise UsageError(message, as_toml(keys)) from None


def _with_lines(text: str, name: str, added: str) -> str | None:
    """Put lines behind the `path` of an endpoint's table; None when there is no such table with such a line."""
    lines = text.splitlines(keepends=True)
    inside = False
    for number, line in enumerate(lines):
        if HEADER.match(line):
            inside = _is_table_of(line, name)
        elif inside and PATH_LINE.match(line):
            ending = "\r\n" if line.endswith("\r\n") else "\n"
            lines[number] = line.rstrip("\r\n") + ending
            return "".join([*lines[: number + 1], added.replace("\n", ending), *lines[number + 1 :]])
    return None


def _is_table_of(header: str, name: str) -> bool:
    try:
        return tomllib.loads(header) == {"endpoints": {name: {}}}
    except tomllib.TOMLDecodeError:
        return False
