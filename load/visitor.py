"""A user whose requests are not all alike: it has a row of data, a token, and what earlier responses gave it.

What is sent before a load and under it is worked out here, by the same code.
"""

import json
import random
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from time import monotonic
from typing import Any

from load.arrivals import choices
from load.clients import Client, json_in, prepared, problem_of
from load.expectation import Expectation, value_at
from load.http_client import PreparedBytes, Response
from load.spec import SECRET_NAME, STRIKE_MARK, LoginSpec, RequestSpec
from load.values import Row, Table, as_text, fill_text

BY_CLIENTS = ("written", "reconnected", "closed", "withheld")
MOST_KEPT = 10_000
"""Prepared requests of drawn rows: more of them would fill the memory."""

MOST_KEPT_BYTES = 64 * 1024
"""Of a request with a file, which ten thousand users would each keep their own of."""

UNSENDABLE = "a value that was filled in cannot be sent"


class Step:
    """One request of a user. `fixed`: what all users send. `lasting`: a user sends the same each time."""

    def __init__(self, spec: RequestSpec, rows: Sequence[Row], *, keeps_body: bool) -> None:
        self.spec, self.rows = spec, rows
        self.expectation = Expectation.of(spec)
        self.keeps_body = keeps_body or self.expectation.reads_body or bool(spec.take)
        columns = set(rows[0]) if rows else set[str]()
        self.names = spec.places
        self.drawn = bool(spec.data and spec.data.drawn and self.names & columns)
        self.lasting = not self.drawn and self.names <= columns
        self.is_fixed = not self.names and spec.login is None
        self.fixed: PreparedBytes | None = None
        self.kept: dict[int, PreparedBytes] = {}


class Script:
    """What users do: one of several requests by their weights, or all of them in order, again and again."""

    def __init__(
        self,
        specs: Sequence[RequestSpec],
        base_url: str,
        environment: Mapping[str, str],
        *,
        is_flow: bool = False,
        seed: int = 0,
        keeps_bodies: bool = False,
    ) -> None:
        self.base_url, self.environment, self.is_flow, self.seed = base_url, environment, is_flow, seed
        self._tables: dict[Table, Sequence[Row]] = {}
        self.steps = [self._step(spec, keeps_body=keeps_bodies) for spec in specs]
        self.weights = [spec.weight for spec in specs]
        logins = {spec.login.request.name: spec.login for spec in specs if spec.login}
        self.logins = {name: (login, self._step(login.request, keeps_body=True)) for name, login in logins.items()}
        self.kept_rows = {step.spec.data for _, step in self.logins.values()}
        """Data of which a user keeps the row that it has logged in with."""

    def _step(self, spec: RequestSpec, *, keeps_body: bool) -> Step:
        rows = self._rows(spec.data) if spec.data and spec.places else ()
        step = Step(spec, rows, keeps_body=keeps_body)
        if step.is_fixed:
            step.fixed = prepared(spec, self.base_url, self.environment, keeps_body=step.keeps_body)
        return step

    def _rows(self, table: Table) -> Sequence[Row]:
        if table not in self._tables:
            self._tables[table] = table.read()
        return self._tables[table]


class Visitor:
    """One user's way through a script.

    `logins`, `renewals`: tokens that it got, at first and after a response said 401; `failed_logins`: those it did not
    get. All of these requests are in no figure; `aside` is what the client counted of them.
    """

    def __init__(self, script: Script, client: Client, number: int) -> None:
        self.logins = self.renewals = self.failed_logins = 0
        self.aside: Counter[str] = Counter()
        self._script, self._client, self._number = script, client, number
        self._choices = choices(script.weights, script.seed, number)
        self._draw = random.Random(f"{script.seed} data {number}")  # noqa: S311 - nothing secret
        self._rows: dict[Table, Row] = {}
        self._taken: dict[str, Any] = {}
        self._tokens: dict[str, Mapping[str, str]] = {}
        self._kept: dict[Step, PreparedBytes] = {}
        self._at = 0
        self._request: PreparedBytes | None = None
        self.step = script.steps[0]

    def next(self) -> RequestSpec:
        """Choose the next request and get it ready, which takes a moment that must be in no latency."""
        script = self._script
        if script.is_flow:
            if self._at == 0:
                self._forget()
            self.choose(script.steps[self._at])
        elif len(script.steps) == 1:
            self.choose(self.step)
        else:
            self.choose(script.steps[next(self._choices)])
        return self.step.spec

    def choose(self, step: Step) -> None:
        self.step = step
        if step.drawn and not self._script.is_flow and step.spec.data not in self._script.kept_rows:
            self._rows.pop(step.spec.data, None)  # type: ignore[arg-type] # what is drawn has data
        login = step.spec.login
        self._request = None
        if step.fixed or login is None or login.request.name in self._tokens:
            self._request = self._prepared(step)

    def _forget(self) -> None:
        self._taken.clear()
        for table in [table for table in self._rows if table.drawn and table not in self._script.kept_rows]:
            del self._rows[table]

    def log_in(self) -> None:
        """Get all tokens ahead of the first request. One that does not come is tried again with each request."""
        for login, step in self._script.logins.values():
            self._log_in(login, step)

    def exchange(self) -> tuple[Response, str | None]:
        """Send the chosen request; gives its response and what is wrong with it."""
        step, login = self.step, self.step.spec.login
        if login is not None and login.request.name not in self._tokens:
            response, problem = self._log_in(*self._script.logins[login.request.name])
            if problem is not None:
                return self._done(response, f"login {login.request.name}: {problem}")
        request = self._request or self._prepared(step)
        if request is None:
            return self._done(_unsent(), UNSENDABLE)
        before = self._counts()
        response = self._client.send(request)
        refused = response.status_code == HTTPStatus.UNAUTHORIZED != step.expectation.status and not response.error
        if login is not None and refused:
            self._set_aside(before)
            response, problem = self._log_in(*self._script.logins[login.request.name], again=True)
            request = self._prepared(step)
            if problem is not None or request is None:
                return self._done(response, f"login {login.request.name}: {problem or UNSENDABLE}")
            response = self._client.send(request)
        problem = problem_of(response, step.expectation)
        return self._done(response, self._take(response) if problem is None else problem)

    def _done(self, response: Response, problem: str | None) -> tuple[Response, str | None]:
        """Go on to the next step of a flow; after a wrong response it begins again."""
        self._at = 0 if problem is not None else (self._at + 1) % len(self._script.steps)
        return response, problem

    def _take(self, response: Response) -> str | None:
        for name, pointer in self.step.spec.take.items():
            value, problem = _value(response, pointer)
            if problem is not None:
                return problem
            self._taken[name] = value
            if SECRET_NAME.fullmatch(name):
                _tell(value)
        return None

    def _log_in(self, login: LoginSpec, step: Step, *, again: bool = False) -> tuple[Response, str | None]:
        name = login.request.name
        self._tokens.pop(name, None)
        self._kept.clear()
        request = step.fixed or self._prepared(step)
        before = self._counts()
        if request is None:
            return _unsent(), UNSENDABLE
        response = self._client.send(request)
        self._set_aside(before)
        problem = problem_of(response, step.expectation)
        value, problem = _value(response, login.take) if problem is None else (None, problem)
        if problem is not None:
            self.failed_logins += 1
            return response, problem
        _tell(value)
        header, _, text = login.header.partition(":")
        values = {**self._row(step), "token": value}
        self._tokens[name] = {header.strip(): fill_text(text.strip(), self._script.environment, values)}
        self.logins += not again
        self.renewals += again
        return response, None

    def _prepared(self, step: Step) -> PreparedBytes | None:
        """None: a value cannot be sent where it is to stand, as a line break in a header."""
        if found := step.fixed or self._kept.get(step):
            return found
        row = self._row(step)
        login = step.spec.login
        sharing = step.drawn and login is None and step.names <= set(row)
        if sharing and (kept := step.kept.get(id(row))):
            return kept
        script = self._script
        try:
            found = prepared(
                step.spec,
                script.base_url,
                script.environment,
                keeps_body=step.keeps_body,
                values={**row, **self._taken},
                headers=self._tokens[login.request.name] if login else {},
            )
        except ValueError:
            return None
        if step.spec.attachments and len(found.plain) > MOST_KEPT_BYTES:
            return found
        if step.lasting:
            self._kept[step] = found
        elif sharing and len(step.kept) < MOST_KEPT:
            step.kept[id(row)] = found
        return found

    def _row(self, step: Step) -> Row:
        table = step.spec.data
        if not step.rows or table is None:
            return {}
        if table not in self._rows:
            at = self._draw.randrange(len(step.rows)) if table.drawn else self._number % len(step.rows)
            self._rows[table] = step.rows[at]
        return self._rows[table]

    def _counts(self) -> list[int | None]:
        return [getattr(self._client, name) for name in BY_CLIENTS]

    def _set_aside(self, before: Sequence[int | None]) -> None:
        """Count what the client did since then as none of the load."""
        for name, then, now in zip(BY_CLIENTS, before, self._counts(), strict=True):
            if then is not None and now is not None:
                self.aside[name] += now - then


def _tell(token: object) -> None:
    """Say what no log may hold: the app may print it. It goes through a pipe, into no file."""
    sys.stdout.write(f"{STRIKE_MARK}{json.dumps(as_text(token))}\n")
    sys.stdout.flush()


def _unsent() -> Response:
    response = Response()
    response.sent_s = response.end_s = monotonic()
    return response


def _value(response: Response, pointer: str) -> tuple[Any, str | None]:
    """What a response holds at a JSON pointer, and why it cannot be used."""
    return value_at(pointer, lambda: json_in(response))
