"""What to request and what a right answer is, read from the JSON file named by `BENCH_LOAD_SPEC`.

Path, headers and body may name environment variables (`$TOKEN`). The file holds the name; the value is looked up
here, in the process that sends the request, and never written anywhere.
"""

import base64
import json
import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import quote, quote_plus

from load.expectation import Expectation
from load.http_client import PreparedBytes

SPEC_VARIABLE = "BENCH_LOAD_SPEC"
SHORTEST_SECRET = 4
ESCAPE = re.compile(r"%[0-9A-F]{2}")


@dataclass(frozen=True)
class RequestSpec:
    """One request and the answer it must get."""

    name: str
    path: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    body: str | None = None
    status: int = 200
    contains: str | None = None
    pointer: str | None = None

    def prepared(self, base_url: str, environment: Mapping[str, str]) -> PreparedBytes:
        """What is sent, the same by every client, before a load and under it. KeyError names an unset variable."""
        quoted = {name: quote(environment[name], safe="") for name in Template(self.path).get_identifiers()}
        return PreparedBytes(
            self.method,
            base_url + Template(self.path).substitute(quoted),
            headers={name: Template(value).substitute(environment) for name, value in self.headers.items()},
            json=filled(self.json, environment),
            body=filled(self.body, environment),
            keeps_body=self.expectation.reads_body,
        )

    @property
    def variables(self) -> set[str]:
        """Environment variables that the request names."""
        asked: defaultdict[str, str] = defaultdict(str)
        filled([self.path, list(self.headers.values()), self.json, self.body], asked)
        return set(asked)

    @cached_property
    def expectation(self) -> Expectation:
        """What a right response is."""
        return Expectation(self.status, self.contains, self.pointer)


@dataclass(frozen=True)
class LoadSpec:
    """What one Locust process does. `request` is None when the user's own locustfile brings the user classes."""

    base_url: str
    output_directory: Path
    request: RequestSpec | None
    client: str = "fast"
    timeout_s: float = 60.0
    ca_file: str | None = None
    """One more CA whose certificates are trusted."""

    wait_s: float = 0.0
    users: int = 1
    start: str = "batch"
    spread_s: float = 0.0
    """With `start = "spread"`: the time (s) over which the users' first requests are spread."""

    ladder: Mapping[str, Any] = field(default_factory=dict)
    """How to climb (see load.step_load.Ladder); empty for a load with a fixed number of users."""

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
    def of(cls, raw: Mapping[str, Any]) -> "LoadSpec":
        """Read what `asdict` or JSON made of one."""
        request = RequestSpec(**raw["request"]) if raw["request"] else None
        directory = Path(raw["output_directory"])
        return cls(**{**raw, "request": request, "output_directory": directory})

    def message(self) -> dict[str, Any]:
        """Say it to another machine, which writes nothing into a directory of this one."""
        return asdict(self) | {"output_directory": ""}


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
    """A secret value as a log may spell it, and each of its lines; one that is too short to be a secret has none.

    What reads logs knows the same ones (benchmark/plan.py): neither side imports the other.
    """
    lines = {value, *value.splitlines()}
    found = lines | {spelled for text in lines for spelled in (repr(text)[1:-1], json.dumps(text)[1:-1])}
    raws = {text.encode(errors="surrogateescape") for text in lines}
    found |= {spelled for raw in raws for spelled in (quote(raw), quote(raw, safe=""), quote_plus(raw))}
    found |= {spelled for text in found for spelled in (text.lower(), text.upper(), text.title(), text.capitalize())}
    found |= {ESCAPE.sub(_lower, text) for text in found}
    found |= {spelled for raw in raws for spelled in _base64(raw)}
    return {text for text in found if len(text) >= SHORTEST_SECRET}


def _lower(found: re.Match[str]) -> str:
    return found[0].lower()


def _base64(value: bytes) -> Iterator[str]:
    """What base64 makes of a value wherever it begins in what is encoded, without what depends on its neighbours."""
    for before in range(3):
        whole = base64.b64encode(bytes(before) + value).decode()
        core = whole[-(-8 * before // 6) : 8 * (before + len(value)) // 6]
        yield from (core, core.translate(str.maketrans("+/", "-_")))


def secret_texts(variables: Sequence[str]) -> list[str]:
    """What must not be written down of these environment variables, as logs may spell it, longest first."""
    spelled = {text for name in variables for text in spellings(os.environ.get(name, ""))}
    return sorted(spelled, key=len, reverse=True)


def without_secrets(problem: object, secrets: Sequence[str]) -> str:
    """The text of a problem with secret values struck out."""
    text = str(problem)
    for secret in secrets:
        text = text.replace(secret, "[redacted]")
    return text


def read_load_spec() -> LoadSpec:
    """Read the specification this process was started with."""
    return LoadSpec.of(json.loads(Path(os.environ[SPEC_VARIABLE]).read_text()))
