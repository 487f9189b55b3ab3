"""What is asked for: the app, the endpoints and the load, as frozen models that refuse what they do not know.

The same models are read from benchmark.toml and stored in every record, so that a record says for itself
what was measured. Lengths of time may be written as text ("5m"); they are kept in seconds.
"""

import json
import os
import re
from pathlib import Path
from string import Template
from typing import Annotated, Any, Literal, Self
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator, AliasChoices, Field, model_validator

from benchmark.model import Frozen, Line
from benchmark.profile import Profile
from benchmark.units import Count, Number, Seconds

SHORTEST_SECRET = 4

Served = Literal["thread pool", "event loop", "blocked event loop", "pool", "cpu"]
"""How requests are served: by AnyIO's threads, by nothing they could queue for, one at a time because the handler
blocks its event loop, by another pool of `seats` in each worker (a semaphore, a database pool), or by computing.
"""


SECRET_HEADER = re.compile(r"(?i)^(proxy-)?authorization$|^cookie$|token|secret|api-?key")
"""Headers whose values are secrets by their name."""


def _base_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        message = 'must start with "http://" or "https://" and name a host'
        raise ValueError(message)
    if parts.username or parts.password:
        message = "must not hold a user or password, it would end up in reports; send a header with a $VARIABLE instead"
        raise ValueError(message)
    if parts.query or parts.fragment:
        message = "must end with the path; a query belongs into the endpoints' paths"
        raise ValueError(message)
    return text.rstrip("/")


def _import_path(text: str) -> str:
    module, _, attribute = text.partition(":")
    if not all(part.isidentifier() for part in [*module.split("."), *attribute.split(".")]):
        message = 'must look like "package.module:app"'
        raise ValueError(message)
    return text


class Target(Frozen):
    """The app that is measured: one that this tool starts (`import`), or one that runs elsewhere (`url`)."""

    import_path: Annotated[str, AfterValidator(_import_path)] | None = Field(
        default=None, validation_alias=AliasChoices("import", "import_path")
    )
    url: Annotated[str, AfterValidator(_base_url)] | None = None
    ca_file: Line | None = None
    """With `url`: a file with the certificate of one more CA to trust, relative to the folder of benchmark.toml."""

    workers: Count = Field(default=2, ge=1, le=256)
    threads: Count = Field(default=40, ge=1, le=10_000)
    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,253}$")] = "127.0.0.1"
    """The address that the app listens on and is asked at: other machines do not reach the default one. With 0.0.0.0 it
    listens on all, and is asked at the one that this machine shows to others."""
    port: Count | None = Field(default=None, ge=1, le=65_535)
    loop: Literal["uvloop", "asyncio"] = "uvloop"
    sockets: Literal["shared", "per-worker"] = "shared"
    startup_timeout_s: Seconds = Field(
        default=30.0, gt=0, le=3600, validation_alias=AliasChoices("startup_timeout", "startup_timeout_s")
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.import_path is None) == (self.url is None):
            message = 'needs exactly one of import = "package.module:app" and url = "http://..."'
            raise ValueError(message)
        if self.ca_file is not None and not (self.url or "").startswith("https://"):
            message = 'ca_file goes with url = "https://...": nothing else shows a certificate'
            raise ValueError(message)
        return self

    def ca_path(self, home: Path) -> str | None:
        """Where `ca_file` lies, as text for the processes that send requests."""
        return None if self.ca_file is None else str((home / self.ca_file).resolve())


class Expectation(Frozen):
    """What a right answer is."""

    status: Count = Field(default=200, ge=100, le=599)
    contains: str | None = None
    pointer: str | None = Field(default=None, pattern=r"^(/.*)?$")


class Endpoint(Frozen):
    """One thing that is requested. Header values may name environment variables: "Bearer $TOKEN"."""

    name: Line
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"] = "GET"
    path: str = Field(pattern=r"^/\S*$", max_length=2000)
    headers: dict[str, str] = Field(default_factory=dict)
    json_body: Any = Field(default=None, validation_alias=AliasChoices("json", "json_body"))
    body: str | None = None
    expect: Expectation = Expectation()
    served: Served | None = None
    seats: Count | None = Field(default=None, ge=1, le=100_000)
    """With `served = "pool"`: requests that one worker serves at a time."""
    work_tasks: Number | None = Field(default=None, ge=0.001, le=1000)
    work_s: Seconds | None = Field(default=None, ge=1e-6, le=3600, validation_alias=AliasChoices("work", "work_s"))
    locustfile: Line | None = None

    @model_validator(mode="after")
    def _not_both(self) -> Self:
        if self.json_body is not None and self.body is not None:
            message = "takes json or body, not both"
            raise ValueError(message)
        if self.work_tasks is not None and self.work_s is not None:
            message = "takes work_tasks or work, not both"
            raise ValueError(message)
        if (self.served == "pool") != (self.seats is not None):
            message = 'served = "pool" and seats = N go together: N requests at a time in each worker'
            raise ValueError(message)
        for name, value in self.headers.items():
            if not Template(value).is_valid():
                message = f'header {name}: a "$" that names no variable is written "$$"'
                raise ValueError(message)
            if not (f"{name}{value}".isascii() and f"{name}{value}".isprintable()):
                message = f"header {name!r}: must be one line of ASCII"
                raise ValueError(message)
            if SECRET_HEADER.search(name) and not Template(value).get_identifiers():
                message = f'header {name}: its value would end up in reports; put it into a variable: "$TOKEN"'
                raise ValueError(message)
        return self

    def own_work_s(self, task_seconds: float) -> float | None:
        """Time the endpoint's own work takes for one request (s); None when nothing is declared."""
        if self.work_tasks is not None:
            return self.work_tasks * task_seconds
        return self.work_s

    def seats_per_worker(self, threads: int) -> int | None:
        """Requests that one worker can serve at a time; None where nothing queues, or nothing is declared.

        Computing counts as one seat: Python runs the bytecode of one thread at a time.
        """
        if self.served == "thread pool":
            return threads
        return 1 if self.served in {"blocked event loop", "cpu"} else self.seats

    @property
    def variables(self) -> tuple[str, ...]:
        """Environment variables that the headers name."""
        return tuple(sorted({name for value in self.headers.values() for name in Template(value).get_identifiers()}))


class Plan(Frozen):
    """Everything a run is going to do: one target, one load, the endpoints in their order."""

    target: Target
    profile: Profile
    endpoints: tuple[Endpoint, ...] = Field(min_length=1)

    def secret_variables(self) -> tuple[str, ...]:
        """Environment variables that headers name."""
        return tuple(sorted({name for endpoint in self.endpoints for name in endpoint.variables}))

    def secrets(self) -> tuple[str, ...]:
        """Values from the environment that must not be written anywhere, as a log may spell them, longest first.

        A value of fewer than SHORTEST_SECRET characters is no secret: striking "1" out would spoil every log.
        """
        values = {os.environ.get(name, "") for name in self.secret_variables()}
        spelled = {s for v in values for s in (v, repr(v)[1:-1], json.dumps(v)[1:-1], quote(v, safe=""))}
        return tuple(sorted((s for s in spelled if len(s) >= SHORTEST_SECRET), key=len, reverse=True))

    def missing_variables(self) -> tuple[tuple[Endpoint, str], ...]:
        """Variables that headers name and the environment does not hold, or holds empty.

        That is how a workflow hands over a secret that its repository does not have.
        """
        return tuple((e, name) for e in self.endpoints for name in e.variables if not os.environ.get(name))


def own_locustfile(endpoint: Endpoint, directory: Path) -> Path | None:
    """Where the user's own locustfile of an endpoint lies, relative to benchmark.toml."""
    return directory / endpoint.locustfile if endpoint.locustfile else None
