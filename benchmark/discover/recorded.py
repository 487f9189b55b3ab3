"""Requests that were made already, as a HAR file of a browser has them. None of their secrets is kept.

Whatever a header, a cookie or a field holds that may be a secret becomes a "$VARIABLE" whose value is written nowhere.
"""

import json
import re
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from email import message_from_bytes
from pathlib import PurePath
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from benchmark.discover.operation import (
    BASIC_LOGIN,
    IN_PATH,
    JSON_TYPE,
    TOKEN,
    FileName,
    Operation,
    body_of,
    escaped,
    form_of,
    name_of,
    query_of,
    variable_of,
)
from benchmark.discover.pattern import NoValueError
from benchmark.errors import UsageError
from load.forms import FORM, MULTIPART

METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}
MOST_REQUESTS = 500
STATIC = re.compile(
    r"(?i)\.(js|mjs|css|map|png|jpe?g|gif|svg|ico|webp|avif|woff2?|ttf|otf|eot|mp[34]|webm|wasm|txt|webmanifest)$"
)
STATIC_TYPES = re.compile(r"(?i)^(image|font|audio|video)/|^text/(css|javascript)|javascript")
HARMLESS = {"accept", "accept-language", "content-type", "x-requested-with", "prefer"}
"""Headers whose value is kept. Of all others only the name is, unless the client sends its own."""

NOT_SENT = re.compile(
    r"(?i):.*|host|connection|keep-alive|content-length|transfer-encoding|te|trailer|upgrade.*|user-agent|accept-encoding"
    r"|origin|referer|dnt|priority|pragma|cache-control|if-.*|sec-.*|proxy-.*|x-forwarded-.*|expect|via|purpose"
)
SECRETS = re.compile(
    r"(?i)pass(word|wd|phrase|code)?s?$|pwd|secret|token|api.?key|auth(?!or(?!i))|session|^sid|sid$|jwt|signature|^sig$"
    r"|credential|^code$|otp|^pin$|csrf|xsrf|^key$|assertion|ssn|cvv|cvc|card.?(no|num)|iban|nonce|private|bearer|ticket"
)
# A JWT, a login, keys of known shops, and what nobody typed: long mixtures of letters and digits that are no UUID.
LOOKS_SECRET = re.compile(
    r"eyJ[\w-]{8,}\.[\w-]+|(?i:bearer|basic)\s+\S{8,}|\b(?:sk|pk|ghp|gho|xox[abp])[-_]\w{10,}"
    r"|\b(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[A-Za-z0-9]{32,}|\b(?=\w*[a-z])(?=\w*[A-Z])(?=\w*\d)\w{20,}"
)
SHORTEST = 8  # characters: shorter parts of a header may stand anywhere
SUCCESS, NOT_MODIFIED, OK = range(200, 300), 304, 200
_VARIABLE = re.compile(r"(?:(Bearer|Basic|Token) )?\$(?:\{(\w+)\}|(\w+))")


class Secrets:
    """Tells a secret by its name, by how it looks, or because a header held it, too."""

    def __init__(self, requests: Iterable["Request"]) -> None:
        held = (value for one in requests for name, value in one.headers if not _is_harmless(name, value))
        parts = {part for value in held for part in re.split(r"[\s;,=\"]+", value)}
        self._known = {part for part in parts if len(part) >= SHORTEST}

    def __call__(self, name: str, value: Any) -> bool:
        return bool(SECRETS.search(name)) or (isinstance(value, str) and self.looks(value))

    def looks(self, text: str) -> bool:
        return bool(LOOKS_SECRET.search(text)) or any(known in text for known in self._known)


def _is_harmless(name: str, value: str) -> bool:
    key = name.lower()
    return bool(NOT_SENT.fullmatch(key)) or (key in HARMLESS and not LOOKS_SECRET.search(value))


@dataclass
class Request:
    """One request as it was made. `fields`: of a multipart form; `file`: what its body is the content of."""

    method: str
    url: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: str | None = None
    status: int = 200
    fields: list[tuple[str, str]] = field(default_factory=list)
    file: str | None = None

    @property
    def origin(self) -> str:
        return origin_of(self.url)

    @property
    def kind(self) -> str:
        found = next((value for name, value in self.headers if name.lower() == "content-type"), "")
        return found.partition(";")[0].strip().lower()


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL, without a user or a password; "" where it is none."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return ""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}:{port}" if host and port else ""


def is_har(document: Any) -> bool:
    log = document.get("log") if isinstance(document, dict) else None
    return isinstance(log, dict) and isinstance(log.get("entries"), list)


def har_operations(document: Mapping[str, Any], where: str, base_url: str | None) -> tuple[list[Operation], list[str]]:
    """The requests of a HAR file to one origin, each kind once; and what was left out, in words.

    UsageError: it holds none to `base_url`.
    """
    requests = [found for entry in document["log"]["entries"] if (found := _of_entry(entry)) is not None]
    dynamic = [one for one in requests if one.origin and not STATIC.search(urlsplit(one.url).path)]
    origins = Counter(one.origin for one in dynamic)
    if not origins:
        raise UsageError(f"{where} holds no request that an app answers: record one with the browser's network tools")
    wanted = origin_of(base_url) if base_url else origins.most_common(1)[0][0]
    if wanted not in origins:
        asked = ", ".join(sorted(origins)[:3])
        raise UsageError(
            f"{where} holds no request to {wanted}, which [app] url names, but to {asked}; record that app"
        )
    right = [one for one in dynamic if one.origin == wanted]
    answered = [one for one in right if one.status in SUCCESS]
    made = _each_once(answered, path_of(base_url), Secrets(requests))
    if not made:
        raise UsageError(f"{where}: no request to {wanted} below {path_of(base_url) or '/'} was answered with 2xx")
    numbers = {
        "to other origins": len(dynamic) - len(right),
        "for static files": len(document["log"]["entries"]) - len(dynamic),
        "that were not answered with 2xx": len(right) - len(answered),
    }
    left = [f"{number:,} {what}" for what, number in numbers.items() if number]
    left += [f"all after the first {MOST_REQUESTS:,}"] if len(made) == MOST_REQUESTS else []
    return made, left


def _of_entry(entry: Any) -> Request | None:
    """A request of a HAR file; None for a static file, and for what is no request."""
    asked, answer = _table(entry, "request"), _table(entry, "response")
    if not isinstance(asked.get("url"), str) or asked.get("method") not in METHODS:
        return None
    if STATIC_TYPES.search(str(_table(answer, "content").get("mimeType") or "")):
        return None
    headers = [(str(one.get("name")), str(one.get("value"))) for one in _tables(asked, "headers")]
    posted, body, fields = _table(asked, "postData"), None, list[tuple[str, str]]()
    if posted:
        fields = [(str(one.get("name")), _text(one)) for one in _tables(posted, "params")]
        body = posted["text"] if isinstance(posted.get("text"), str) else urlencode(fields)
        if not any(name.lower() == "content-type" for name, _ in headers):
            headers.append(("Content-Type", str(posted.get("mimeType") or "")))
    status = answer.get("status")
    known = status if isinstance(status, int) else 0
    return Request(asked["method"], asked["url"], headers, body, OK if known == NOT_MODIFIED else known, fields)


def _text(field: Mapping[str, Any]) -> str:
    """What a field holds; of a file only its name is recorded."""
    name = field.get("fileName")
    return FileName(PurePath(name).name) if isinstance(name, str) and name else str(field.get("value", ""))


def _table(item: Any, key: str) -> dict[str, Any]:
    found = item.get(key) if isinstance(item, dict) else None
    return found if isinstance(found, dict) else {}


def _tables(item: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    found = item.get(key)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def path_of(base_url: str | None) -> str:
    return urlsplit(base_url).path.rstrip("/") if base_url else ""


def _each_once(requests: Sequence[Request], prefix: str, secret: Secrets) -> list[Operation]:
    """One operation for each method, path, names in the query, and body."""
    found: dict[tuple[str, ...], Operation] = {}
    names: set[str] = set()
    for one in requests:
        parts = urlsplit(one.url)
        if not parts.path.startswith(f"{prefix}/") and parts.path != prefix:
            continue
        key = (one.method, parts.path, *sorted(name for name, _ in _query(parts.query)), one.body or "")
        if key in found or len(found) >= MOST_REQUESTS:
            continue
        made = operation_of(one, prefix, secret, names)
        names.add(made.name)
        found[key] = made
    return list(found.values())


def _query(text: str) -> list[tuple[str, str]]:
    return parse_qsl(text, keep_blank_values=True)


def operation_of(request: Request, prefix: str, secret: Secrets, taken: Container[str] = ()) -> Operation:
    """The operation of a request, relative to the path of [app] url."""
    parts = urlsplit(request.url)
    pieces = (parts.path.removeprefix(prefix) or "/").split("/")
    path = "/".join("$API_SECRET" if secret.looks(unquote(one)) else quote(one, safe=IN_PATH) for one in pieces)
    query = query_of(_query(parts.query), secret)
    needs = ['a path without ".."'] if {".", ".."} & {unquote(one) for one in pieces} else []
    try:
        body = _body(request, secret)
    except NoValueError as error:
        body, needs = {}, [*needs, str(error)]
    login = {"Authorization": f"Basic ${BASIC_LOGIN}"} if parts.username else {}
    own, needs = body.pop("headers", {}), [*needs, *body.pop("needs", ())]
    headers = {**own, **login, **_headers(request)}
    if not {"body", "file", "json"} & body.keys() or ("json" in body and request.kind == JSON_TYPE):
        headers = {name: value for name, value in headers.items() if name.lower() != "content-type"}
    return Operation(
        name=name_of(f"{request.method.lower()}{path}", "request", taken),
        method=request.method,
        path=f"{path}?{query}" if query else path,
        template=path,
        status=request.status,
        needs=tuple(needs),
        headers=_one_kind(headers if "form" not in body else {**headers, **own}),
        is_recorded=True,
        **body,
    )


def _one_kind(headers: Mapping[str, str]) -> dict[str, str]:
    """Each header once, whatever case its name is in: the later one."""
    found: dict[str, tuple[str, str]] = {name.lower(): (name, value) for name, value in headers.items()}
    return dict(found.values())


def _headers(request: Request) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in request.headers:
        key = name.lower()
        if NOT_SENT.fullmatch(key) or not value:
            continue
        found[name] = escaped(" ".join(value.split())) if _is_harmless(name, value) else _as_variable(key, value)
    return found


def _as_variable(key: str, value: str) -> str:
    """What stands for the value of a header: a variable that it names already, or one of ours."""
    given = _VARIABLE.fullmatch(value)
    if given:
        return value
    scheme = re.match(r"(?i)(bearer|basic|token|apikey|digest)\s", value)
    if key == "authorization" and scheme:
        word = scheme[1].capitalize()
        return f"{word} ${BASIC_LOGIN if word == 'Basic' else TOKEN}"
    return f"${TOKEN}" if key == "authorization" else f"${variable_of(re.sub(r'^x-', '', key))}"


def _body(request: Request, secret: Secrets) -> dict[str, Any]:
    """The keys of a table that send the same body. NoValueError: nobody knows what it held, or it may hold a secret."""
    text, kind = request.body, request.kind
    if request.file is not None:
        return {"file": request.file}
    if kind.startswith("multipart/") and (text or request.fields):
        return _multipart(request.fields or _fields_in(request), secret)
    if not text:
        return {}
    if kind == FORM:
        return {"form": form_of(_query(text), secret)}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if value is not None and not isinstance(value, str):
        return body_of(value, kind if "json" in kind else JSON_TYPE, secret)
    if secret.looks(text) or SECRETS.search(text):
        raise NoValueError("a body: the recorded one may hold a secret, and is no JSON or form")
    return {"body": escaped(text), "headers": {"Content-Type": kind or "text/plain"}}


def _multipart(fields: Sequence[tuple[str, str]], secret: Secrets) -> dict[str, Any]:
    if not fields:
        raise NoValueError("an upload: its fields, which were not recorded")
    files = [value.partition(";")[0] for _, value in fields if isinstance(value, FileName)]
    if any(not name for name in files):
        raise NoValueError("an upload: the name of its file, which was not recorded")
    return {"form": form_of(fields, secret), "headers": {} if files else {"Content-Type": MULTIPART}}


def _fields_in(request: Request) -> list[tuple[str, str]]:
    """The fields of a recorded multipart body; of files their names."""
    head = next((value for name, value in request.headers if name.lower() == "content-type"), "")
    whole = message_from_bytes(f"Content-Type: {head}\r\n\r\n{request.body}".encode())
    found = []
    for part in whole.walk() if whole.is_multipart() else ():
        if part is whole:
            continue
        name, file = part.get_param("name", header="content-disposition"), part.get_filename()
        content = part.get_payload(decode=True)
        if not isinstance(name, str) or not isinstance(content, bytes):
            return []
        text = content.decode(errors="replace").removesuffix("\r\n")
        found.append((name, text if file is None else FileName(PurePath(file).name)))
    return found
