"""What is asked for: the app, the endpoints and the load."""

import os
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from string import Template
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    AliasChoices,
    BeforeValidator,
    Field,
    SkipValidation,
    field_serializer,
    field_validator,
    model_validator,
)

from benchmark.fields import (
    MAX_DURATION_S,
    MAX_USERS,
    SHORTEST_S,
    SHORTEST_TIMEOUT_S,
    SLOWEST_PER_S,
    Count,
    Frozen,
    Line,
    Number,
    Processes,
    Rate,
    Seconds,
    WholeSeconds,
    _one_line,
    as_text,
    checked_base_url,
    checked_import_path,
    known_as,
    mean_wait,
    no_zero,
    parsed_wait,
)
from benchmark.service import MeasuredService
from benchmark.slo import Promise
from benchmark.stages import MOST_STAGES, filled_in, named, parsed_stages
from benchmark.streams import StreamKind, Until
from benchmark.uploads import HEADER_NAME, Sending, check_headers, check_sent
from load.arrivals import Stage, Think
from load.spec import READING, SECRETS_VARIABLE, Secrets, hidden_values, secret_texts
from load.values import NAME, Table, names_in


class Profile(Frozen):
    """A named load.

    `headline`: the README shows its newest run. `start`: users send as soon as they are spawned, or first requests are
    spread over one response time. `reference_s`: how long each round loads the reference workload, which tells a slow
    machine from a slow endpoint; 0: not. `rate_per_s`: requests that are due whether others were answered or not; None:
    users send again after their response. With a rate, `users` is how many requests may be under way at a time, and
    `arrivals` are evenly spaced, or have exponentially distributed gaps (the same `seed`, the same gaps). `processes`
    send the load; AUTO: one for each core that the app's workers leave, at least one. `load_workers` on other machines
    send it instead; 0: this machine does. `wait_s`: think time between a response and the next request; its mean where
    `wait_as` has it drawn, "1s..5s" or "normal 2s 0.5s". `pacing_s`: time from one request of a user to its next one.
    `stages`: the load changes, "30s@50" users or "30s@50/s"; then `users`, or the rate, is the highest of them.
    """

    name: Line
    description: str = ""
    headline: bool = False
    users: Count = Field(ge=1, le=MAX_USERS)
    spawn_rate_per_s: Number = Field(ge=SLOWEST_PER_S, le=MAX_USERS, validation_alias=known_as("spawn_rate_per_s"))
    duration_s: WholeSeconds = Field(ge=1, le=MAX_DURATION_S, validation_alias=known_as("duration_s"))
    task_seconds: Seconds = Field(default=5.0, ge=SHORTEST_S, le=3600)
    rounds: Count = Field(default=1, ge=1, le=1000)
    endpoints: tuple[str, ...] = Field(min_length=1)
    client: Literal["fast", "requests", "stock"] = "fast"
    timeout_s: Seconds = Field(
        default=60.0, ge=SHORTEST_TIMEOUT_S, le=MAX_DURATION_S, validation_alias=known_as("timeout_s")
    )
    wait_s: Seconds = Field(default=0.0, ge=0, le=3600, validation_alias=known_as("wait_s"))
    wait_as: str | None = Field(default=None, max_length=100)
    pacing_s: Seconds | None = Field(default=None, gt=0, le=3600, validation_alias=known_as("pacing_s"))
    start: Literal["batch", "spread"] = "batch"
    reference_s: WholeSeconds = Field(default=5.0, ge=0, le=600, validation_alias=known_as("reference_s"))
    rate_per_s: Rate | None = Field(default=None, ge=SLOWEST_PER_S, le=100_000, validation_alias=known_as("rate_per_s"))
    arrivals: Literal["even", "poisson"] = "even"
    seed: Count = Field(default=0, ge=0, le=2**31)
    processes: Processes = Field(default=1, ge=0, le=256)
    load_workers: Count = Field(default=0, ge=0, le=1000)
    workers_within_s: Seconds = Field(
        default=60.0, gt=0, le=MAX_DURATION_S, validation_alias=known_as("workers_within_s")
    )
    stages: tuple[Line, ...] = Field(default=(), max_length=MOST_STAGES)

    @model_validator(mode="before")
    @classmethod
    def _said_otherwise(cls, values: Any) -> Any:
        return filled_in(mean_wait(values))

    @field_validator("endpoints")
    @classmethod
    def _each_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(names)) < len(names):
            raise ValueError("names an endpoint twice; to measure each several times, use rounds")
        return names

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.rate_per_s is not None and (self.wait_s or self.pacing_s):
            key = "wait" if self.wait_s else "pacing"
            raise ValueError(f"takes rate or {key}, not both: requests of a rate do not wait for responses")
        if self.pacing_s is not None and self.wait_s:
            raise ValueError(
                "takes wait or pacing, not both: with a pacing users think until their next request is due"
            )
        if self.start == "spread" and self.client == "requests":
            message = 'start = "spread" needs client = "fast": `requests` cannot connect ahead of its first request'
            raise ValueError(message)
        return self

    @property
    def think(self) -> Think:
        if self.pacing_s is not None:
            return Think("pacing", self.pacing_s)
        return Think(first_s=self.wait_s) if self.wait_as is None else parsed_wait(self.wait_as)

    def think_s(self, response_s: float) -> float:
        """Mean think time after a response that took so long (s)."""
        return self.wait_s if self.pacing_s is None else self.think.mean_s(response_s)

    @property
    def thinking(self) -> bool:
        """Whether users think between a response and their next request."""
        return self.wait_s > 0 or self.pacing_s is not None

    @property
    def course(self) -> tuple[Stage, ...]:
        return parsed_stages(self.stages)[0]

    @property
    def load(self) -> str:
        """What the load is, in two words for a title."""
        if self.stages:
            return named(self.course, "users" if self.rate_per_s is None else "requests per second")
        return f"{self.users:,} users" if self.rate_per_s is None else f"{self.rate_per_s:g} requests per second"


# By threads of AnyIO, by nothing they could queue for, one at a time because the handler blocks its event loop, by
# another pool of `seats` in each worker (a semaphore, a database pool), by computing, or by waiting and computing.
Served = Literal["thread pool", "event loop", "blocked event loop", "pool", "cpu", "mixed"]


Server = Literal["uvicorn", "granian", "hypercorn", "gunicorn"]
Command = Annotated[str, Field(min_length=1, max_length=2000), AfterValidator(_one_line)]
VariableName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=200)]
VariableValue = Annotated[str, BeforeValidator(as_text), AfterValidator(no_zero)]
RECYCLING = re.compile(r"max[-_]requests|workers[-_]lifetime")


class Target(Frozen):
    """The app that is measured: one that this tool starts (`import`, `command`), or one that runs elsewhere (`url`).

    Paths are relative to the folder of benchmark.toml. `ca_file`: the certificate of one more CA to trust. `host`: the
    address that the app listens on and is asked at; other machines do not reach the default one. With 0.0.0.0 it
    listens on all, and is asked at the one that this machine shows to others. `command`: starts any other server; it
    holds {port}, and maybe {host} and {workers}. `env`: with what `env_file` holds, once benchmark.toml has been read;
    records keep the names only. `python`: has the app's packages; no record keeps it. `ready`: a path that answers
    when the app can be loaded.
    """

    import_path: Annotated[str, AfterValidator(checked_import_path)] | None = Field(
        default=None, validation_alias=AliasChoices("import", "import_path")
    )
    url: Annotated[str, AfterValidator(checked_base_url)] | None = None
    command: Command | None = None
    ca_file: Line | None = None
    python: Line | None = Field(default=None, exclude=True)
    app_dir: Line | None = None
    factory: bool = False
    root_path: Annotated[str, Field(pattern=r"^/\S*$", max_length=200)] | None = None
    server: Server = "uvicorn"
    server_args: tuple[Line, ...] = ()
    env: dict[VariableName, VariableValue] = Field(default_factory=dict)
    env_file: Line | None = None
    ready: Annotated[str, Field(pattern=r"^/\S*$", max_length=2000)] | None = None
    before: Command | None = None
    before_round: Command | None = None
    before_timeout_s: Seconds = Field(default=300.0, gt=0, le=86_400, validation_alias=known_as("before_timeout_s"))
    compose: Line | None = None
    workers: Count = Field(default=2, ge=1, le=256)
    threads: Count = Field(default=40, ge=1, le=10_000)
    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,253}$")] = "127.0.0.1"
    port: Count | None = Field(default=None, ge=1, le=65_535)
    loop: Literal["uvloop", "asyncio"] = "uvloop"
    sockets: Literal["shared", "per-worker"] = "shared"
    startup_timeout_s: Seconds = Field(default=30.0, gt=0, le=3600, validation_alias=known_as("startup_timeout_s"))

    @model_validator(mode="before")
    @classmethod
    def _one_process(cls, values: Any) -> Any:
        """A command that is not told how many workers there are starts one, as far as anyone knows."""
        if isinstance(values, dict) and "{workers}" not in str(values.get("command") or "{workers}"):
            return {"workers": 1, **values}
        return values

    @field_serializer("env", when_used="json")
    def _names_of(self, env: dict[str, str]) -> dict[str, str]:
        return {name: f"${name}" for name in env}

    @model_validator(mode="after")
    def _one_of_three(self) -> Self:
        if sum(way is not None for way in (self.import_path, self.url, self.command)) != 1:
            message = 'needs exactly one of import = "package.module:app", command = "..." and url = "http://..."'
            raise ValueError(message)
        self._check_keys()
        if self.command is not None and "{port}" not in self.command and self.port is None:
            raise ValueError("command: write {port} where the server takes it, or say port = N where it listens")
        if self.root_path is not None and self.server == "gunicorn":
            raise ValueError("root_path: gunicorn has no option for it; write FastAPI(root_path=...) in the app")
        if self.sockets == "per-worker" and (self.server != "uvicorn" or self.server_args):
            raise ValueError('sockets = "per-worker" is for uvicorn without server_args; leave one of them out')
        if self.ca_file is not None and not (self.url or "").startswith("https://"):
            raise ValueError('ca_file goes with url = "https://...": nothing else shows a certificate')
        return self

    def _check_keys(self) -> None:
        """Refuse keys that do nothing for the way in which the app is started."""
        imported = ("app_dir", "factory", "root_path", "server", "server_args")
        started = ("env", "env_file", "ready")
        unused = [*(imported if self.import_path is None else ()), *(started if self.url is not None else ())]
        for key in unused:
            if getattr(self, key) != type(self).model_fields[key].get_default(call_default_factory=True):
                way = "import" if key in imported else "import or command"
                raise ValueError(f"{key} goes with {way} = ...; leave it out")

    @property
    def recycles(self) -> bool:
        """Whether the server was told to replace its workers from time to time."""
        return any(RECYCLING.search(text) for text in (*self.server_args, self.command or ""))

    @property
    def name(self) -> str:
        """What is measured, for people."""
        return self.url or self.import_path or str(self.command)

    def ca_path(self, home: Path) -> str | None:
        """Where `ca_file` lies, as text for the processes that send requests."""
        return None if self.ca_file is None else str((home / self.ca_file).resolve())


class Expectation(Frozen):
    """What a right answer is."""

    status: Count = Field(default=200, ge=100, le=599)
    contains: str | None = None
    pointer: str | None = Field(default=None, pattern=r"^(/([^~]|~[01])*)?$")


Pointer = Annotated[str, Field(pattern=r"^(/([^~]|~[01])*)?$", max_length=2000)]
ValueName = Annotated[str, Field(pattern=f"^{NAME.pattern}$", max_length=100)]


class Endpoint(Sending):
    """One thing that is requested. Its path, headers and body may name environment variables: "Bearer $TOKEN".

    `seats`: requests that one worker serves at a time, with `served = "pool"`; benchmark.toml calls them slots.
    `on_threads`: who waits for a slot, or has one, holds a thread of its worker (a `def` that needs a connection).
    `take`: values of the response, by their names and JSON pointers, that later requests of a flow hold as "{name}".
    `data`: a CSV file next to benchmark.toml; each user has its own row of it, or draws one for each request (`rows`),
    and "{column}" stands for its values. `table` holds it once benchmark.toml has been read; no record does.
    `mix`: several endpoints that are loaded together, see traffic.py; its own path is none.
    `group`: endpoints of one group do the same work, so that reports may rank them. `cpu_s`: the part of the service
    time that a worker computes. `service`: a file of `bench diagnose --keep` next to benchmark.toml; `measured` holds
    it once benchmark.toml has been read. `stream`: what its response is made of, which the client ends at `until`.
    """

    name: Line
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"] = "GET"
    path: str = Field(pattern=r"^/\S*$", max_length=2000)
    headers: dict[str, str] = Field(default_factory=dict)
    json_body: Any = Field(default=None, validation_alias=AliasChoices("json", "json_body"))
    body: str | None = None
    expect: Expectation = Expectation()
    served: Served | None = None
    seats: Count | None = Field(default=None, ge=1, le=100_000, validation_alias=AliasChoices("slots", "seats"))
    on_threads: bool = Field(default=False, exclude_if=lambda value: not value)
    work_tasks: Number | None = Field(default=None, ge=0.001, le=1000)
    work_s: Seconds | None = Field(default=None, ge=SHORTEST_S, le=3600, validation_alias=known_as("work_s"))
    cpu_s: Seconds | None = Field(default=None, ge=SHORTEST_S, le=3600, validation_alias=known_as("cpu_s"))
    service: Line | None = None
    measured: MeasuredService | None = None
    locustfile: Line | None = None
    group: Line | None = None
    take: dict[ValueName, Pointer] = Field(default_factory=dict)
    data: Line | None = None
    rows: Literal["own", "drawn"] = "own"
    unique: bool = False
    login: "Login | None" = None
    stream: StreamKind | None = Field(default=None, exclude_if=lambda value: value is None)
    until: Until | None = Field(default=None, exclude_if=lambda value: value is None)
    mix: "Mix | None" = None
    table: SkipValidation[Table | None] = Field(default=None, exclude=True, repr=False)

    @model_validator(mode="after")
    def _not_both(self) -> Self:
        sent = {"json": self.json_body, "body": self.body, "form": self.form, "file": self.file}
        check_sent(self.method, self.headers, sent)
        if self.work_tasks is not None and self.work_s is not None:
            raise ValueError("takes work_tasks or work, not both")
        if (self.served == "pool") != (self.seats is not None):
            raise ValueError('served = "pool" and slots = N go together: N requests at a time in each worker')
        if self.on_threads and self.served != "pool":
            raise ValueError('on_threads = true goes with served = "pool": who waits for a slot holds a thread')
        self._check_computing()
        check_headers(self.headers)
        return self

    def _check_computing(self) -> None:
        if self.served == "mixed" and self.cpu_s is None:
            raise ValueError('served = "mixed" needs cpu = "...": the part of work that a worker computes')
        if self.cpu_s is not None and self.served == "cpu":
            raise ValueError('served = "cpu" computes all of its work; leave cpu out, or use served = "mixed"')
        if self.cpu_s is not None and self.work_s is not None and self.cpu_s > self.work_s:
            raise ValueError("cpu is a part of work, and cannot be longer")

    def own_work_s(self, task_seconds: float) -> float | None:
        """Service time of one request (s); None when nothing is declared."""
        return self.work_s if self.work_tasks is None else self.work_tasks * task_seconds

    def seats_per_worker(self, threads: int) -> int | None:
        """Requests that one worker can serve at a time; None where nothing queues, or nothing is declared.

        Computing counts as one seat: Python runs the bytecode of one thread at a time.
        """
        if self.served == "thread pool" or (self.on_threads and self.seats is not None and self.seats > threads):
            return threads
        return 1 if self.served in {"blocked event loop", "cpu"} else self.seats

    @property
    def ranked_in(self) -> str | None:
        """Which endpoints do the same work as this one: those with the same value; None where no other does.

        Without a group, `work_tasks` says it: all such endpoints do the tasks of the profile.
        """
        return self.group if self.group is not None or self.work_tasks is None else ""

    @property
    def members(self) -> tuple["Endpoint", ...]:
        """The endpoints of a mix, each once; of another one itself."""
        return (self,) if self.mix is None else tuple({one.name: one for one in self.mix.requests}.values())

    @property
    def tables(self) -> set[Table]:
        """The data that its requests, and what they log in with, are filled from."""
        requests = [request for one in self.members for request in (one, one.login.request if one.login else None)]
        return {request.table for request in requests if request is not None and request.table is not None}

    @property
    def is_flow(self) -> bool:
        return self.mix is not None and self.mix.weights is None

    @property
    def is_scripted(self) -> bool:
        """Whether users send several requests, or not all the same."""
        return self.mix is not None or self.login is not None or self.table is not None

    @property
    def only_reads(self) -> bool:
        return all(one.method in READING for one in self.members)

    def texts(self) -> Iterator[tuple[str, str]]:
        """Everything in which "$NAME" is replaced when a request is sent, each with its key in benchmark.toml."""
        if self.mix is not None:
            yield from (text for one in self.members for text in one.texts())
            return
        if self.login is not None:
            yield "login", self.login.header
            yield from (("login", text) for _, text in (self.login.request.texts() if self.login.request else ()))
        yield "path", self.path
        yield from (("headers", value) for value in self.headers.values())
        yield from (("json", text) for text in strings(self.json_body))
        yield "body", self.body or ""
        yield from (("form", text) for text in self.form_texts)

    @property
    def variables(self) -> tuple[str, ...]:
        return _identifiers(text for _, text in self.texts())

    @property
    def header_variables(self) -> tuple[str, ...]:
        if self.mix is not None:
            return tuple(sorted({name for one in self.members for name in one.header_variables}))
        login = self.login.request.header_variables if self.login and self.login.request else ()
        return tuple(sorted({*login, *_identifiers(self.headers.values())}))


def _identifiers(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({name for text in texts for name in Template(text).get_identifiers()}))


class Login(Frozen):
    """How each user gets a token once, outside the figures: what `endpoint` answers, at the JSON pointer `take`.

    `request`: that endpoint, once benchmark.toml has been read.
    """

    endpoint: Line
    take: Pointer
    header: Line
    request: Endpoint | None = None

    @field_validator("header")
    @classmethod
    def _names_the_token(cls, text: str) -> str:
        name, colon, value = text.partition(":")
        if not colon or not HEADER_NAME.fullmatch(name.strip()) or names_in(value) != {"token"}:
            raise ValueError('must look like "Authorization: Bearer {token}"')
        if not text.isascii() or not Template(value).is_valid():
            raise ValueError('must be ASCII; a "$" that names no variable is written "$$"')
        return text


class Mix(Frozen):
    """Requests that each user chooses from, by `weights`, or sends in their order, again and again: None."""

    requests: tuple[Endpoint, ...] = Field(min_length=1)
    weights: tuple[Number, ...] | None = None


Endpoint.model_rebuild()


class Plan(Frozen):
    """Everything a run is going to do: one target, one load, the endpoints in their order.

    `other_variables`: environment variables of endpoints of benchmark.toml that are not asked for here, and those that
    were handed over as secrets. In no record.
    `slo`: what is promised of the endpoints under this profile.
    """

    target: Target
    profile: Profile
    endpoints: tuple[Endpoint, ...] = Field(min_length=1)
    other_variables: tuple[str, ...] = Field(default=(), exclude=True)
    slo: tuple[Promise, ...] = Field(default=(), exclude_if=lambda value: not value)

    def secret_variables(self) -> tuple[str, ...]:
        """Environment variables whose values must not be written anywhere, whether this run sends them or not."""
        return tuple(sorted({*self.other_variables, *(name for one in self.endpoints for name in one.variables)}))

    def secrets(self) -> tuple[str, ...]:
        """Values from the environment that must not be written anywhere, as a log may spell them, longest first."""
        tables = {table for endpoint in self.endpoints for table in endpoint.tables}
        data = tuple(value for table in tables for value in hidden_values(table.rows))
        now = tuple(os.environ.get(name, "") for name in (*self.secret_variables(), SECRETS_VARIABLE))
        return _secret_texts(self.secret_variables(), now, self.hidden_values(), data)

    def hidden_values(self) -> tuple[str, ...]:
        """What only the app's own environment holds."""
        return tuple(self.target.env.values())

    def missing_variables(self) -> tuple[tuple[Endpoint, str], ...]:
        """Variables that a request names and the environment does not hold, or holds empty.

        That is how a workflow hands over a secret that its repository does not have.
        """
        return tuple((e, name) for e in self.endpoints for name in e.variables if not os.environ.get(name))


def strings(value: Any) -> Iterator[str]:
    """Every string in a JSON value, keys among them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for pair in value.items() for part in pair for text in strings(part))
    elif isinstance(value, list | tuple):
        yield from (text for part in value for text in strings(part))


def own_locustfile(endpoint: Endpoint, directory: Path) -> Path | None:
    """Where the user's own locustfile of an endpoint lies, relative to benchmark.toml."""
    return directory / endpoint.locustfile if endpoint.locustfile else None


@lru_cache(maxsize=4)
def _secret_texts(
    variables: tuple[str, ...], _now: tuple[str, ...], values: tuple[str, ...], data: tuple[str, ...]
) -> Secrets:
    """As `secret_texts`: many values of data take a moment to spell."""
    return secret_texts(variables, values, data)
