"""Traffic that is more than one URL: mixes and flows, data that requests are filled from, and logins."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Annotated, Any, Literal, Self
from urllib.parse import parse_qsl, urlsplit

from pydantic import Field, model_validator

from benchmark.errors import UsageError
from benchmark.fields import Frozen, Line, Number
from benchmark.plan import Endpoint, Login, Mix, Plan
from benchmark.slo import Promise, Slo, promises
from benchmark.streams import stream_spec
from benchmark.uploads import read_uploads
from load.forms import fields
from load.spec import SECRET_NAME
from load.values import Row, Table, names_in, read_rows

MOST_NAMED = 12
Weight = Annotated[Number, Field(gt=0, le=1_000_000)]


class MixTable(Frozen):
    """A table [mixes.NAME] of benchmark.toml: endpoints and their weights, or the steps of a flow.

    What is said of data and login here holds for those of its endpoints that say nothing of it themselves.
    """

    name: Line
    requests: dict[str, Weight] | None = Field(default=None, min_length=1)
    flow: tuple[str, ...] | None = Field(default=None, min_length=1)
    data: Line | None = None
    rows: Literal["own", "drawn"] = "own"
    unique: bool = False
    login: Login | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.requests is None) == (self.flow is None):
            raise ValueError('needs exactly one of requests = { NAME = 80, OTHER = 20 } and flow = ["NAME", "OTHER"]')
        return self

    @property
    def names(self) -> tuple[str, ...]:
        return self.flow or tuple(self.requests or ())

    @property
    def part_labels(self) -> list[str]:
        return [part_label(self.name, one) for one in dict.fromkeys(self.names)]


def part_label(endpoint: str, part: str) -> str:
    """What the requests of one name of an endpoint are called in tables and in the history."""
    return f"{endpoint}: {part}"


def labels(endpoint: Endpoint) -> list[str]:
    """What can be promised of: an endpoint, and of a mix also the requests of each name."""
    parts = [part_label(endpoint.name, one.name) for one in endpoint.members if endpoint.mix is not None]
    return [endpoint.name, *parts]


def promised(endpoints: Sequence[Endpoint], slo: Mapping[str, Sequence[Slo]], profile: str) -> tuple[Promise, ...]:
    """What is promised of what a profile loads."""
    names = [name for endpoint in endpoints for name in labels(endpoint)]
    return tuple(one for name in names for one in promises(slo.get(name, ()), profile, name))


def promisable(names: Iterable[str], mixes: Mapping[str, MixTable]) -> list[str]:
    """Endpoints and mixes by name, and the requests of each name of a mix."""
    return [one for name in names for one in (name, *(mixes[name].part_labels if name in mixes else ()))]


def problem_of_names(endpoints: Mapping[str, Endpoint], mixes: Mapping[str, MixTable]) -> str | None:
    """What is wrong with the names in mixes and logins, after the key in benchmark.toml; None: nothing."""
    for mix in mixes.values():
        if mix.name in endpoints:
            return f"mixes.{mix.name}: there is an endpoint of this name, too; give the mix another"
        for name in mix.names:
            if name not in endpoints:
                return f"mixes.{mix.name}: {unknown('endpoint', name, endpoints)}"
            if endpoints[name].locustfile:
                return f"mixes.{mix.name}: endpoint {name!r} has a locustfile, whose users cannot be mixed with others"
    logins = [(f"endpoints.{name}", one.login) for name, one in endpoints.items()]
    logins += [(f"mixes.{name}", one.login) for name, one in mixes.items()]
    for where, login in logins:
        if login is not None and login.endpoint not in endpoints:
            return f"{where}.login.endpoint: {unknown('endpoint', login.endpoint, endpoints)}"
        if login is not None and endpoints[login.endpoint].login is not None:
            return f"{where}.login.endpoint: {login.endpoint!r} has a login itself; a login must not need another"
    return None


def unknown(what: str, name: str, known: Mapping[str, Any]) -> str:
    return f"there is no {what} {name!r}; there are: {', '.join(known)}"


def loadable(name: str, endpoints: Mapping[str, Endpoint], mixes: Mapping[str, MixTable], folder: Path) -> Endpoint:
    """What a profile names, with everything that it needs. UsageError: its data cannot be used."""
    if name not in mixes:
        # by itself it gives nothing to a later request
        return _complete(endpoints[name].model_copy(update={"take": {}}), endpoints, folder)
    table = mixes[name]
    shared = {"data": table.data, "rows": table.rows, "unique": table.unique}
    requests = []
    for member in (endpoints[one] for one in table.names):
        changes: dict[str, Any] = shared if member.data is None else {}
        own_login = member.login is not None or (table.login is not None and table.login.endpoint == member.name)
        changes = changes if own_login else {**changes, "login": table.login}
        changes = changes if table.flow else {**changes, "take": {}}
        requests.append(_complete(member.model_copy(update=changes), endpoints, folder))
    weights = None if table.requests is None else tuple(table.requests.values())
    return Endpoint(name=name, path="/", mix=Mix(requests=tuple(requests), weights=weights))


def _complete(endpoint: Endpoint, endpoints: Mapping[str, Endpoint], folder: Path) -> Endpoint:
    """Read its data, and find what it logs in with, which is filled from the same data unless it has its own."""
    login = endpoint.login
    if login is not None:
        asked = endpoints[login.endpoint]
        data = {"data": endpoint.data, "rows": endpoint.rows} if asked.data is None else {}
        asked = asked.model_copy(update={**data, "take": {}, "login": None})
        login = login.model_copy(update={"request": _with_files(asked, folder)})
    return _with_files(endpoint.model_copy(update={"login": login}), folder)


def _with_files(endpoint: Endpoint, folder: Path) -> Endpoint:
    uploads = read_uploads(endpoint, f"endpoint {endpoint.name!r}", folder)
    return endpoint.model_copy(update={"table": _table(endpoint, folder), "uploads": uploads})


def _table(endpoint: Endpoint, folder: Path) -> Table | None:
    if endpoint.data is None:
        return None
    file = folder.absolute() / endpoint.data
    try:
        rows = read_rows(file)
    except ValueError as error:
        raise UsageError(f"endpoint {endpoint.name!r}: data: {endpoint.data} {error}") from None
    if not rows:
        raise UsageError(f"endpoint {endpoint.name!r}: data: {endpoint.data} has no row below its first line")
    return Table(str(file), endpoint.rows == "drawn", rows)


def check_traffic(plan: Plan) -> None:
    """UsageError: a value that nothing gives, or fewer rows of data than users who need one each."""
    for endpoint in plan.endpoints:
        given: set[str] = set()
        for member in endpoint.mix.requests if endpoint.mix else (endpoint,):
            if member.locustfile and (member.data or member.login):
                message = "its locustfile brings its own users, for whom data and login do nothing"
                raise UsageError(f"endpoint {member.name!r}: {message}; leave them out")
            _check_stream(member, plan)
            for request in (member.login.request, member) if member.login and member.login.request else (member,):
                _check_names(request, given if endpoint.is_flow else None)
                _check_values(request)
                _check_rows(request, plan)
            given |= set(member.take)


def _places(endpoint: Endpoint) -> set[str]:
    sent = [endpoint.json_body, endpoint.body, endpoint.form_texts]
    return names_in([endpoint.path, list(endpoint.headers.values()), sent])


def _columns(endpoint: Endpoint) -> tuple[str, ...]:
    return tuple(endpoint.table.rows[0]) if endpoint.table else ()


def _check_names(endpoint: Endpoint, taken: set[str] | None) -> None:
    """`taken`: what the steps of a flow before it took; None: it is in no flow."""
    columns = _columns(endpoint)
    who = f"endpoint {endpoint.name!r}"
    in_head = names_in([endpoint.path, list(endpoint.headers.values())])
    needed = _places(endpoint) if endpoint.table or taken is not None else in_head
    for name in sorted(needed - set(columns) - (taken or set())):
        if endpoint.table is not None and taken is None:
            listed = ", ".join(columns[:MOST_NAMED])
            raise UsageError(f"{who} names {{{name}}}, and {endpoint.data} has no such column; it has: {listed}")
        if taken is not None:
            gives = f"no step before it takes it, and {endpoint.data or 'no data'} has it"
            raise UsageError(f'{who} names {{{name}}}, but {gives}; write take = {{ {name} = "/POINTER" }} earlier')
        message = f'{who} names {{{name}}} in path or headers, and nothing gives it; write data = "FILE.csv" with it'
        raise UsageError(f"{message}, or put it into a flow behind an endpoint that takes it")


def _check_values(endpoint: Endpoint) -> None:
    """Headers carry one line of ASCII."""
    in_headers = names_in(list(endpoint.headers.values())) & set(_columns(endpoint))
    for number, row in enumerate(endpoint.table.rows if endpoint.table and in_headers else (), start=1):
        for name in in_headers:
            if not (row[name].isascii() and row[name].isprintable()):
                where = f"row {number} of {endpoint.data}, column {name}"
                raise UsageError(f"endpoint {endpoint.name!r}: {where}: a header cannot hold this value")


def _check_rows(endpoint: Endpoint, plan: Plan) -> None:
    if not endpoint.unique:
        return
    who = f"endpoint {endpoint.name!r}: unique = true"
    if endpoint.table is None:
        raise UsageError(f'{who} goes with data = "FILE.csv"; give it one, or leave unique out')
    if endpoint.table.drawn:
        raise UsageError(f'{who} gives each user its own row, rows = "drawn" does not; leave one of them out')
    rows, users = endpoint.table.rows, plan.profile.users
    if len(rows) < users:
        raise UsageError(
            f"{who}: {endpoint.data} has {len(rows):,} rows for {users:,} users; add rows, or use fewer users"
        )
    if twice := _twice(rows[:users]):
        raise UsageError(f"{who}: rows {twice[0]} and {twice[1]} of {endpoint.data} are the same; change one of them")


def _twice(rows: Sequence[Row]) -> tuple[int, int] | None:
    seen: dict[tuple[str, ...], int] = {}
    for number, row in enumerate(rows, start=1):
        before = seen.setdefault(tuple(row.values()), number)
        if before != number:
            return before, number
    return None


def check_senders(plan: Plan) -> None:
    """Refuse a rate that could not be kept, and what load workers of other machines could not do."""
    profile, target = plan.profile, plan.target
    own = next((endpoint.name for endpoint in plan.endpoints if endpoint.locustfile), None)
    if profile.rate_per_s is not None and own is not None:
        message = f"--rate: endpoint {own!r} has a locustfile of its own, whose users do not follow a rate"
        raise UsageError(f"{message}; leave it out with --endpoint")
    processes = profile.load_workers or profile.processes
    if profile.rate_per_s is not None and profile.users < processes:
        message = f"--rate: {profile.users} users cannot send it from {processes} processes"
        raise UsageError(f"{message}, each needs one; use --users {processes} or more")
    if profile.load_workers and target.url is None and target.host in {"127.0.0.1", "localhost"}:
        message = f"--expect-workers: load workers on other machines cannot reach an app that listens on {target.host}"
        raise UsageError(f"{message}; write [app] host = this machine's address")
    if profile.load_workers and own is not None:
        message = f"--expect-workers: endpoint {own!r} has a locustfile of its own, which other machines do not have"
        raise UsageError(f"{message}; leave it out with --endpoint")


def draws(plan: Plan) -> bool:
    """Whether anything of a load is drawn by its seed."""
    weighted = any(endpoint.mix and endpoint.mix.weights for endpoint in plan.endpoints)
    drawn = any(table.drawn for endpoint in plan.endpoints for table in endpoint.tables)
    return weighted or drawn or plan.profile.wait_as is not None or plan.profile.arrivals == "poisson"


def problem_of_texts(endpoint: Endpoint) -> str | None:
    """What is wrong with what is sent. Not the model's matter: older records say what was sent as it stands."""
    if problem := _problem_of_stream(endpoint):
        return problem
    for key, text in endpoint.texts():
        if not Template(text).is_valid():
            return f'{key}: a "$" that names no variable is written "$$"'
    for key, name, value in _named_values(endpoint):
        if SECRET_NAME.fullmatch(name) and value and not (Template(value).get_identifiers() or names_in(value)):
            variable = re.sub(r"\W", "_", name.upper())
            return f'{key}: the value of {name!r} would end up in reports; put it into a variable: "${variable}"'
    return None


def _problem_of_stream(endpoint: Endpoint) -> str | None:
    if endpoint.stream is None:
        goes = 'until: goes with stream = "sse", "ndjson" or "chunks"; add it, or leave until out'
        return None if endpoint.until is None else goes
    if endpoint.locustfile:
        return "stream: its locustfile brings its own users, who read no streams; leave one of them out"
    return "stream: a response to HEAD has no body; use another method" if endpoint.method == "HEAD" else None


def _check_stream(endpoint: Endpoint, plan: Plan) -> None:
    spec, profile = stream_spec(endpoint.stream, endpoint.until), plan.profile
    if spec is None:
        return
    who = f"endpoint {endpoint.name!r}"
    if profile.client != "fast":
        message = f'{who}: stream needs client = "fast"; "{profile.client}" does not say when events come'
        raise UsageError(f"{message}; change the client of profile {profile.name!r}, or leave the endpoint out")
    if spec.after_s is not None and spec.after_s >= profile.duration_s:
        message = f"{who}: until = {endpoint.until!r} ends no stream within a load of {profile.duration_s:g} s"
        raise UsageError(f"{message}; use a longer duration, or a shorter until")


def _named_values(endpoint: Endpoint) -> Iterator[tuple[str, str, str]]:
    """Values that a request gives a name, each with its key in benchmark.toml: fields of queries, forms and JSON."""
    body = endpoint.body or ""
    try:
        body_fields = list(_fields(json.loads(body)))
    except (ValueError, RecursionError):
        body_fields = parse_qsl(body)
    named = {"path": parse_qsl(urlsplit(endpoint.path).query), "json": _fields(endpoint.json_body), "body": body_fields}
    named["form"] = fields(endpoint.form or {})
    yield from ((key, name, value) for key, pairs in named.items() for name, value in pairs)


def _fields(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        yield from ((name, part) for name, part in value.items() if isinstance(part, str))
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ():
        yield from _fields(part)
