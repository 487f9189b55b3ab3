"""What to request and what a right response is: the JSON file that BENCH_LOAD_SPEC names, written by `benchmark`.

Path, headers and body may name environment variables (`$TOKEN`). The file holds the name; the value is looked up
in the process that sends the request, and never written anywhere. Pure: no gevent, no Locust.
"""

import base64
import json
import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from string import Template
from typing import Any, Self
from urllib.parse import quote, quote_plus

from load.arrivals import Think
from load.step_load import StepLoad

SPEC_VARIABLE = "BENCH_LOAD_SPEC"
NEWS_VARIABLE = "BENCH_LOAD_WORKER_NEWS"
"""Names the file into which a load worker writes a line whenever it is told something."""

SPARE_FILES = 200
"""Open files of a process that holds the connections of users, beside one for each."""

READING = {"GET", "HEAD", "OPTIONS"}  # methods that change nothing (RFC 9110, 9.2.1)
SHORTEST_SECRET = 4
REDACTED = "[redacted]"
ESCAPE = re.compile(r"%[0-9A-F]{2}")


@dataclass(frozen=True)
class RequestSpec:
    """One request and the response it must get."""

    name: str
    path: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    body: str | None = None
    status: int = 200
    contains: str | None = None
    pointer: str | None = None

    @property
    def variables(self) -> set[str]:
        asked: defaultdict[str, str] = defaultdict(str)
        filled([self.path, list(self.headers.values()), self.json, self.body], asked)
        return set(asked)


@dataclass(frozen=True)
class Turn:
    """One app, one endpoint, `duration_s` long; 0: every user asks once. First requests are spread over `spread_s`.

    `fresh`: every user opens a new connection.
    """

    base_url: str
    request: RequestSpec
    duration_s: float
    spread_s: float
    fresh: bool = False


@dataclass(frozen=True)
class LoadSpec:
    """What one Locust process does. `request` is None when the user's own locustfile brings the users, or for turns."""

    base_url: str
    output_directory: Path
    request: RequestSpec | None = None
    turns: tuple[Turn, ...] = ()
    """Two apps that are asked in turns (see interleaved.py), instead of one request."""

    client: str = "fast"
    timeout_s: float = 60.0
    ca_file: str | None = None
    """One more CA whose certificates are trusted."""

    wait_s: float = 0.0
    think: Think | None = None
    """Where think time is not always `wait_s`."""

    users: int = 1
    start: str = "batch"
    spread_s: float = 0.0
    """With `start = "spread"`: the time (s) over which the users' first requests are spread."""

    step_load: StepLoad | None = None
    """None: a fixed number of users."""

    secret_variables: tuple[str, ...] = ()
    """Environment variables whose values must not be written down."""

    rate_per_s: float | None = None
    """Requests per second that are due whether others were answered or not; None: users ask again when answered."""

    arrivals: str = "even"
    seed: int = 0

    processes: int = 1
    """How many processes of this machine, or of others, send the load together."""

    load_workers: int = 0
    """How many of them run on other machines; 0: all on this one."""

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Self:
        steps = StepLoad(**raw["step_load"]) if raw["step_load"] else None
        turns = tuple(Turn(**{**turn, "request": RequestSpec(**turn["request"])}) for turn in raw["turns"])
        request = RequestSpec(**raw["request"]) if raw["request"] else None
        directory = Path(raw["output_directory"])
        think = Think(**raw["think"]) if raw["think"] else None
        made = {"request": request, "turns": turns, "step_load": steps, "think": think, "output_directory": directory}
        return cls(**{**raw, **made})

    def message(self) -> dict[str, Any]:
        """Say it to another machine, which writes nothing into a directory of this one."""
        return asdict(self) | {"output_directory": ""}

    def write(self, file: Path) -> None:
        """Write it for the process that SPEC_VARIABLE leads to the file."""
        file.write_text(json.dumps(asdict(self), default=str))


def read_load_spec() -> LoadSpec:
    return LoadSpec.of(json.loads(Path(os.environ[SPEC_VARIABLE]).read_text()))


def in_order(specs: Sequence[RequestSpec]) -> list[list[RequestSpec]]:
    """Groups of requests that may be sent together: neighbours that only read; each other one is alone."""
    groups: list[list[RequestSpec]] = []
    for spec in specs:
        if groups and spec.method in READING and groups[-1][0].method in READING:
            groups[-1].append(spec)
        else:
            groups.append([spec])
    return groups


def filled(value: Any, environment: Mapping[str, str]) -> Any:
    """A JSON value with the values of the environment in place of "$NAME", in keys as well.

    KeyError names an unset variable.
    """
    if isinstance(value, str):
        return Template(value).substitute(environment)
    if isinstance(value, dict):
        return {filled(key, environment): filled(part, environment) for key, part in value.items()}
    return [filled(part, environment) for part in value] if isinstance(value, list | tuple) else value


def spellings(value: str) -> set[str]:
    """A secret value as a log may spell it, and each of its lines.

    A value of fewer than SHORTEST_SECRET characters is no secret: striking "1" out would spoil every log.
    """
    lines = {value, *value.splitlines()}
    found = lines | {spelled for text in lines for spelled in (repr(text)[1:-1], json.dumps(text)[1:-1])}
    raws = {text.encode(errors="surrogateescape") for text in lines}
    found |= {spelled for raw in raws for spelled in (quote(raw), quote(raw, safe=""), quote_plus(raw))}
    found |= {spelled for text in found for spelled in (text.lower(), text.upper(), text.title(), text.capitalize())}
    found |= {ESCAPE.sub(lambda escape: escape[0].lower(), text) for text in found}
    found |= {spelled for raw in raws for spelled in _base64(raw)}
    return {text for text in found if len(text) >= SHORTEST_SECRET}


def _base64(value: bytes) -> Iterator[str]:
    """What base64 makes of a value wherever it begins in what is encoded, without what depends on its neighbours."""
    for before in range(3):
        whole = base64.b64encode(bytes(before) + value).decode()
        core = whole[-(-8 * before // 6) : 8 * (before + len(value)) // 6]
        yield from (core, core.translate(str.maketrans("+/", "-_")))


SECRETS_VARIABLE = "BENCH_HIDDEN_VALUES"
"""Tells the processes that send requests which values of the app's own environment must not be written down."""


def secret_texts(variables: Sequence[str], values: Sequence[str] = ()) -> tuple[str, ...]:
    """What must not be written down of these environment variables, as logs may spell it, longest first."""
    values = [*values, *json.loads(os.environ.get(SECRETS_VARIABLE, "[]"))]
    spelled = {
        text for value in (*(os.environ.get(name, "") for name in variables), *values) for text in spellings(value)
    }
    return tuple(sorted(spelled, key=len, reverse=True))


def redact(text: str, secrets: Sequence[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, REDACTED)
    return text
