"""What to request and what a right response is: the JSON file that BENCH_LOAD_SPEC names, written by `benchmark`.

Path, headers and body may name environment variables (`$TOKEN`). The file holds the name; the value is looked up
in the process that sends the request, and never written anywhere. Pure: no gevent, no Locust.
"""

import base64
import html
import json
import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from string import Template
from typing import Any, Self
from urllib.parse import quote, quote_plus, unquote, urlsplit

from load.arrivals import Stage, Think
from load.forms import FORM, MULTIPART, Attachment, Part
from load.step_load import StepLoad
from load.streams import StreamSpec
from load.values import Row, Table, names_in

SPEC_VARIABLE = "BENCH_LOAD_SPEC"
NEWS_VARIABLE = "BENCH_LOAD_WORKER_NEWS"
"""Names the file into which a load worker writes a line whenever it is told something."""

SPARE_FILES = 200
"""Open files of a process that holds the connections of users, beside one for each."""

READING = {"GET", "HEAD", "OPTIONS"}  # methods that change nothing (RFC 9110, 9.2.1)
SHORTEST_SECRET = 4
FEW_SECRETS = 200
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
    form: tuple[Part, ...] | None = None
    file: Attachment | None = None
    status: int = 200
    contains: str | None = None
    pointer: str | None = None
    take: Mapping[str, str] = field(default_factory=dict)
    """Names, and the JSON pointers of their values in the response; later requests of the user hold "{name}"."""

    data: Table | None = None
    login: "LoginSpec | None" = None
    weight: float = 1.0
    stream: StreamSpec | None = None

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Self:
        data = Table(**raw["data"]) if raw.get("data") else None
        stream = StreamSpec(**raw["stream"]) if raw.get("stream") else None
        login = raw.get("login") and LoginSpec(**{**raw["login"], "request": cls.of(raw["login"]["request"])})
        form = None if raw.get("form") is None else tuple(Part(**{**one, "file": _file(one)}) for one in raw["form"])
        return cls(**{**raw, "data": data, "login": login, "form": form, "file": _file(raw), "stream": stream})

    @property
    def variables(self) -> set[str]:
        asked: defaultdict[str, str] = defaultdict(str)
        filled(self._texts, asked)
        return set(asked) | (self.login.request.variables if self.login else set())

    @property
    def places(self) -> set[str]:
        """Names in braces for which a value stands in what is sent."""
        return names_in(self._texts)

    @property
    def _texts(self) -> list[Any]:
        form = [text for part in self.form or () for text in (part.name, part.text)]
        return [self.path, list(self.headers.values()), self.json, self.body, form]

    @property
    def form_type(self) -> str:
        """How a form is sent: as multipart where it has a file, or where a header says so."""
        kinds = [text.strip().lower() for name, text in self.headers.items() if name.lower() == "content-type"]
        return MULTIPART if MULTIPART in kinds or any(part.file for part in self.form or ()) else FORM

    @property
    def attachments(self) -> list[Attachment]:
        """Every file that it sends, and its login."""
        own = [one for one in (self.file, *(part.file for part in self.form or ())) if one]
        return [*own, *(self.login.request.attachments if self.login else ())]

    @property
    def tables(self) -> list[Table]:
        return [table for table in (self.data, self.login and self.login.request.data) if table]


def _file(raw: Mapping[str, Any]) -> Attachment | None:
    return Attachment(**raw["file"]) if raw.get("file") else None


@dataclass(frozen=True)
class LoginSpec:
    """What gives a user a token, at the JSON pointer `take`, and the header that sends it: "X-Token: {token}"."""

    request: RequestSpec
    take: str
    header: str


@dataclass(frozen=True)
class Turn:
    """One app, one endpoint, `duration_s` long; 0: every user asks once. First requests are spread over `spread_s`.

    `requests`: one that is the same for all users, or what each user sends by a script. `fresh`: every user opens a new
    connection.
    """

    base_url: str
    requests: tuple[RequestSpec, ...]
    duration_s: float
    spread_s: float
    fresh: bool = False
    script: str = ""
    """What the script is called: users go on with it in their next turn with the same app."""

    flow: bool = False


@dataclass(frozen=True)
class LoadSpec:
    """What one Locust process does. `request` is None when the user's own locustfile brings the users, or for turns."""

    base_url: str
    output_directory: Path
    request: RequestSpec | None = None
    requests: tuple[RequestSpec, ...] = ()
    """Instead of one request that is the same for all users: those of a mix by their weights, or of a flow in order."""

    flow: bool = False
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
    spawn_rate_per_s: float = 1.0
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
    stages: tuple[Stage, ...] = ()
    """Of users, or of the rate where there is one; empty: it stays the same. `users` then is the most of them."""

    processes: int = 1
    """How many processes of this machine, or of others, send the load together."""

    load_workers: int = 0
    """How many of them run on other machines; 0: all on this one."""

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Self:
        steps = StepLoad(**raw["step_load"]) if raw["step_load"] else None
        turns = tuple(
            Turn(**{**turn, "requests": tuple(map(RequestSpec.of, turn["requests"]))}) for turn in raw["turns"]
        )
        request = RequestSpec.of(raw["request"]) if raw["request"] else None
        requests = tuple(map(RequestSpec.of, raw["requests"]))
        directory = Path(raw["output_directory"])
        think = Think(**raw["think"]) if raw["think"] else None
        made = {
            "request": request,
            "requests": requests,
            "turns": turns,
            "step_load": steps,
            "think": think,
            "stages": tuple(Stage(**stage) for stage in raw["stages"]),
            "output_directory": directory,
        }
        return cls(**{**raw, **made})

    def message(self) -> dict[str, Any]:
        """Say it to another machine, which writes nothing into a directory of this one, and has no files of ours."""
        said = asdict(self) | {"output_directory": ""}
        asked = [*said["requests"], *filter(None, [said["request"]])]
        for one in [*asked, *(request["login"]["request"] for request in asked if request["login"])]:
            if one["data"]:
                one["data"]["rows"] = [dict(row) for row in Table(**one["data"]).read()]
            for sent in (one, *(one["form"] or ())):
                if sent["file"]:
                    sent["file"]["content"] = Attachment(**sent["file"]).read()
        return said

    @property
    def variables(self) -> set[str]:
        return {name for one in (*self.requests, *filter(None, [self.request])) for name in one.variables}

    @property
    def names(self) -> list[str]:
        return [one.name for one in (*self.requests, *filter(None, [self.request]))]

    @property
    def streams(self) -> set[str]:
        """Names of the requests whose responses stream."""
        return {one.name for one in (*self.requests, *filter(None, [self.request])) if one.stream}

    def secrets(self) -> "Secrets":
        """What this process must not write down, longest first."""
        return secret_texts(self.secret_variables, data=self.data_values())

    def data_values(self) -> tuple[str, ...]:
        """What the data files hold that must not be written down."""
        requests = [*self.requests, *(request for turn in self.turns for request in turn.requests)]
        every = {table for request in requests for table in request.tables}
        return tuple(value for table in every for value in hidden_values(table.read()))

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
    lines = {value, *value.splitlines(), *_inner(value)}
    found = lines | {spelled[1:-1] for text in lines for spelled in (repr(text), json.dumps(text), _json(text))}
    raws = {text.encode(errors="surrogateescape") for text in lines}
    found |= {spelled for raw in raws for spelled in (quote(raw), quote(raw, safe=""), quote_plus(raw))}
    found |= {spelled for text in found for spelled in (text.lower(), text.upper(), text.title(), text.capitalize())}
    found |= {ESCAPE.sub(lambda escape: escape[0].lower(), text) for text in found}
    found |= {spelled for raw in raws for spelled in _base64(raw)}
    found |= {html.escape(text) for text in lines}
    return {text for text in found if len(text) >= SHORTEST_SECRET}


def _json(text: str) -> str:
    """As most web frameworks write it."""
    return json.dumps(text, ensure_ascii=False)


def _inner(value: str) -> Iterator[str]:
    """What is a secret by itself inside a value: the password of a URL, or of a login that is ready for a header."""
    with suppress(ValueError):  # the address of a host that is none
        if password := urlsplit(value).password:
            yield from (password, unquote(password))
    with suppress(ValueError):  # no base64, or none of a text
        login = base64.b64decode(value.removeprefix("Basic "), validate=True).decode()
        name, colon, password = login.partition(":")
        if colon and name.isprintable():
            yield from (login, password)


def _base64(value: bytes) -> Iterator[str]:
    """What base64 makes of a value wherever it begins in what is encoded, without what depends on its neighbours."""
    for before in range(3):
        whole = base64.b64encode(bytes(before) + value).decode()
        core = whole[-(-8 * before // 6) : 8 * (before + len(value)) // 6]
        yield from (core, core.translate(str.maketrans("+/", "-_")))


STRIKE_MARK = "\x1ebench-token:"
"""Begins a line in which a process that sends requests says, to the one that reads its output, what to strike out."""

SECRET_NAME = re.compile(
    r"(?i)(.*[_-])?(password|passwd|pwd|secret)|((access|refresh|auth|api)[_-]?)?token|api[_-]?key"
)
_LITTLE = re.compile(r"\d{1,6}")
MOST_SPELLED = 2_000


def hidden_values(rows: Sequence[Row]) -> tuple[str, ...]:
    """The values of a data file, without those that would spoil every log: short numbers, but for passwords."""
    shown = (item for row in rows for item in row.items())
    return tuple(
        dict.fromkeys(text for name, text in shown if SECRET_NAME.fullmatch(name) or not _LITTLE.fullmatch(text))
    )


class Secrets(tuple[str, ...]):  # noqa: SLOT001 - it keeps what it has worked out
    """Texts that must not be written down, longest first; many of them are found by how they begin."""

    @cached_property
    def by_beginning(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for secret in self:
            found.setdefault(secret[:SHORTEST_SECRET], []).append(secret)
        return found

    def redact(self, text: str) -> str:
        known, done, at, begins = self.by_beginning, [], 0, 0
        while at < len(text):
            alike = known.get(text[at : at + SHORTEST_SECRET], ())
            secret = next((one for one in alike if text.startswith(one, at)), None)
            if secret is None:
                at += 1
                continue
            done += [text[begins:at], REDACTED]
            at = begins = at + len(secret)
        return "".join([*done, text[begins:]])


SECRETS_VARIABLE = "BENCH_HIDDEN_VALUES"
"""Tells the processes that send requests which values of the app's own environment must not be written down."""


def secret_texts(variables: Sequence[str], values: Sequence[str] = (), data: Sequence[str] = ()) -> Secrets:
    """What must not be written down of these environment variables, as logs may spell it, longest first.

    `data`: of data files; of many such values fewer spellings are known.
    """
    values = [*values, *json.loads(os.environ.get(SECRETS_VARIABLE, "[]"))]
    spelled = {
        text for value in (*(os.environ.get(name, "") for name in variables), *values) for text in spellings(value)
    }
    for text in data:
        few = {text, quote(text), quote(text, safe=""), quote_plus(text), json.dumps(text)[1:-1]}
        spelled |= spellings(text) if len(data) <= MOST_SPELLED else {one for one in few if len(one) >= SHORTEST_SECRET}
    return Secrets(sorted(spelled, key=len, reverse=True))


def redact(text: str, secrets: Sequence[str]) -> str:
    if len(secrets) > FEW_SECRETS and isinstance(secrets, Secrets):
        return secrets.redact(text)
    for secret in secrets:
        text = text.replace(secret, REDACTED)
    return text
