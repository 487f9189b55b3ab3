"""A request that a specification or a recording describes, with "$VARIABLE" in the place of every secret."""

import json
import re
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from pydantic import ValidationError

from benchmark.discover.pattern import NoValueError
from benchmark.plan import Endpoint
from benchmark.traffic import problem_of_texts
from load.spec import READING, SECRET_NAME

JSON_TYPE = "application/json"
MOST_BODY = 20_000  # characters: a longer one belongs in no file that people read
DEEPEST = 10
LONGEST_NAME = 60
IN_PATH = "/:@!&'()*+,;=~-._%"
USUAL_VARIABLES = {"PASSWORD", "SECRET", "TOKEN", "ACCESS_TOKEN", "REFRESH_TOKEN", "API_KEY"}
TOKEN, BASIC_LOGIN, API_KEY = "TOKEN", "BASIC_LOGIN", "API_KEY"


@dataclass(frozen=True)
class Operation:
    """One request, and how it is known again.

    `template`: its path with `{name}` for what differs from request to request, without a query. `needs`: what is not
    known of it, "query page" or "a login (mutualTLS)". `made_up`: a value of its path, query or body is neither an
    example nor a default. `is_recorded`: other names in the query, or another body, make it another request.
    """

    name: str
    method: str
    path: str
    template: str = ""
    status: int = 200
    needs: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    body: str | None = None
    form: Mapping[str, str | list[str]] | None = None
    file: str | None = None
    made_up: bool = False
    is_recorded: bool = False

    @property
    def is_safe(self) -> bool:
        """Whether it changes nothing (RFC 9110, 9.2.1)."""
        return self.method in READING

    @property
    def is_ready(self) -> bool:
        """Whether it may be sent as it stands, if its variables are set."""
        return self.is_safe and not self.needs

    def table(self) -> dict[str, Any]:
        """What its table in benchmark.toml holds; what is the default anyway is left out."""
        whole: dict[str, Any] = {"method": self.method, "path": self.path, "headers": dict(self.headers)}
        whole |= {"json": self.json, "body": self.body, "form": self.form, "file": self.file}
        whole |= {"expect": {"status": self.status}}
        usual: dict[str, Any] = {"method": "GET", "headers": {}, "expect": {"status": 200}}
        usual |= dict.fromkeys(("json", "body", "form", "file"))
        return {key: value for key, value in whole.items() if key not in usual or value != usual[key]}

    def endpoint(self) -> Endpoint:
        return Endpoint.model_validate({"name": self.name, **self.table()})

    def problem(self) -> str | None:
        """Why benchmark.toml could not hold it; None where it can."""
        try:
            return problem_of_texts(self.endpoint())
        except ValidationError as error:
            return str(error.errors(include_url=False)[0]["msg"]).removeprefix("Value error, ")


def name_of(wanted: str, otherwise: str, taken: Container[str]) -> str:
    """A name that needs no quotes in TOML, and that no other endpoint has."""
    plain = re.sub(r"[^A-Za-z0-9_]+", "_", wanted).strip("_") or re.sub(r"[^A-Za-z0-9_]+", "_", otherwise).strip("_")
    plain = plain[:LONGEST_NAME].strip("_") or "endpoint"
    number, name = 1, plain
    while name in taken:
        number += 1
        name = f"{plain}_{number}"
    return name


def variable_of(name: str) -> str:
    """The environment variable for a secret: no one that a shell has anyway, whatever a specification calls it."""
    snake = re.sub(r"[^A-Za-z0-9]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)).strip("_").upper()[:LONGEST_NAME]
    return snake if snake in USUAL_VARIABLES else f"API_{snake or 'SECRET'}"


def escaped(text: str) -> str:
    """A text from outside, in which no "$NAME" is one of our variables."""
    return text.replace("$", "$$")


Secret = Callable[[str, Any], bool]
"""Whether a field of this name and value is a secret."""


def is_secret(name: str, _value: Any = None) -> bool:
    return bool(SECRET_NAME.fullmatch(name))


def hidden(value: Any, secret: Secret = is_secret, name: str = "") -> Any:
    """A JSON value with a variable in the place of each secret, and with no other variable in it."""
    if isinstance(value, dict):
        return {escaped(str(key)): hidden(part, secret, str(key)) for key, part in value.items()}
    if isinstance(value, list):
        return [hidden(part, secret, name) for part in value]
    if value and not isinstance(value, bool) and secret(name, value):
        return f"${variable_of(name)}"
    return escaped(value) if isinstance(value, str) else value


def query_of(pairs: Sequence[tuple[str, str]], secret: Secret = is_secret) -> str:
    """A query, or a form: secrets are variables, all else is quoted."""
    return "&".join(
        f"{quote(name, safe='')}={f'${variable_of(name)}' if value and secret(name, value) else quoted(value)}"
        for name, value in pairs
    )


class FileName(str):
    """A file in the place of a field's text; behind its name maybe ";type=image/png"."""

    __slots__ = ()


def form_of(pairs: Sequence[tuple[str, str]], secret: Secret = is_secret) -> dict[str, str | list[str]]:
    """The fields of a form: secrets are variables, and several of one name are a list.

    NoValueError: it is too large, or a field has no name.
    """
    if any(not name for name, _ in pairs) or sum(len(name) + len(value) for name, value in pairs) > MOST_BODY:
        raise NoValueError(f"a form of fields with names, of at most {MOST_BODY:,} characters")
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(escaped(name), []).append(_field(name, value, secret))
    return {name: texts if len(texts) > 1 else texts[0] for name, texts in found.items()}


def _field(name: str, value: str, secret: Secret) -> str:
    if isinstance(value, FileName):
        return f"@{value}"
    if value and secret(name, value):
        return f"${variable_of(name)}"
    return escaped(f"@{value}" if value.startswith("@") else value)


def quoted(value: str) -> str:
    return quote(value, safe=":,@/~")


def body_of(value: Any, kind: str, secret: Secret = is_secret) -> dict[str, Any]:
    """The keys of a table that send a JSON value. NoValueError: it is too large, or no JSON that a file can hold."""
    try:
        value = hidden(value, secret)
        dumped = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (ValueError, RecursionError):
        raise NoValueError("its example is no JSON") from None
    if len(dumped) > MOST_BODY:
        raise NoValueError(f"its example is longer than {MOST_BODY:,} characters")
    headers = {} if kind == JSON_TYPE else {"Content-Type": kind}
    if value is not None and _fits(value):
        return {"json": value, "headers": headers}
    return {"body": dumped, "headers": {"Content-Type": kind}}


def _fits(value: Any, depth: int = 0) -> bool:
    """Whether TOML has it: no null, whole numbers of 64 bits; and whether people can read it."""
    if isinstance(value, dict):
        return depth < DEEPEST and all(_fits(key) and _fits(part, depth + 1) for key, part in value.items())
    if isinstance(value, list):
        return depth < DEEPEST and all(_fits(part, depth + 1) for part in value)
    if isinstance(value, str | float):
        return True
    return isinstance(value, int) and -(2**63) <= value < 2**63
