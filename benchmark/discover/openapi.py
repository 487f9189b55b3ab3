"""The requests that an OpenAPI specification describes (3.0 and 3.1), with the values that it names or allows."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from mimetypes import guess_extension
from typing import Any
from urllib.parse import quote, urlsplit

from benchmark.discover.operation import (
    API_KEY,
    BASIC_LOGIN,
    IN_PATH,
    JSON_TYPE,
    LONGEST_NAME,
    TOKEN,
    FileName,
    Operation,
    body_of,
    escaped,
    form_of,
    hidden,
    is_secret,
    name_of,
    query_of,
    quoted,
    variable_of,
)
from benchmark.discover.pattern import NoValueError
from benchmark.discover.values import MISSING, Binary, Maker, example_of, resolved, usable
from benchmark.errors import UsageError
from benchmark.uploads import SECRET_HEADER
from load.forms import FORM, MULTIPART, guessed

METHODS = ("get", "post", "put", "patch", "delete", "head", "options")
READING = {"get", "head", "options"}
MOST_OPERATIONS = 2_000
NOT_SENT = {"accept", "content-type"}  # headers that a specification may not describe as parameters
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_DOTS = re.compile(r"(?i)(?:^|/)(?:\.|%2e){1,2}(?=/|$)")


def require_openapi(document: Any, where: str) -> dict[str, Any]:
    """The document, if it is an OpenAPI specification of version 3. UsageError: it is none."""
    if not isinstance(document, dict) or not isinstance(document.get("openapi"), str):
        if isinstance(document, dict) and "swagger" in document:
            message = f"{where} is a specification of Swagger 2; convert it to OpenAPI 3 first (`npx swagger2openapi`)"
            raise UsageError(message)
        raise UsageError(f'{where} is no OpenAPI specification: it has no openapi = "3..." at its top')
    version = document["openapi"]
    if not version.startswith("3."):
        raise UsageError(f"{where} is a specification of OpenAPI {version[:10]}; bench reads 3.0 and 3.1")
    if not isinstance(document.get("paths"), dict) or not document["paths"]:
        raise UsageError(f"{where} describes no paths")
    return document


def operations(document: Mapping[str, Any], base_url: str | None = None, only: str = "") -> tuple[Operation, ...]:
    """The operations of a specification in its own order; what is no operation in it is passed over.

    `base_url`: where the app is asked, if the specification says it, too. `only`: a part of the paths or names that
    are wanted. UsageError: there are too many.
    """
    found: dict[str, Operation] = {}
    maker, prefix = Maker(document), _prefix(document, base_url)
    paths = document.get("paths")
    for path, item in paths.items() if isinstance(paths, dict) else ():
        whole = resolved(item, document) if str(path).startswith("/") else {}
        for method in METHODS:
            if not isinstance(whole.get(method), dict):
                continue
            name = name_of(_function(whole[method], method, path), f"{method}_{path}", found)
            if only not in name and only not in path:
                continue
            if len(found) >= MOST_OPERATIONS:
                message = f"the specification describes more than {MOST_OPERATIONS:,} operations"
                raise UsageError(f"{message}; choose some with --only, for example --only /orders")
            maker.begin()
            found[name] = _Reader(document, maker, whole, method).operation(name, f"{prefix}{path}")
    return tuple(found.values())


def _function(operation: Mapping[str, Any], method: str, path: str) -> str:
    """The function's name, which FastAPI puts before path and method into `operationId`."""
    given = str(operation.get("operationId") or f"{method}_{path}")
    tail = re.sub(r"\W", "_", f"{path}_{method}")
    return given.removesuffix(tail) or given


def _prefix(document: Mapping[str, Any], base_url: str | None) -> str:
    """The path that the first of `servers` puts before all others; "" if it speaks of another host."""
    servers = document.get("servers")
    first = servers[0] if isinstance(servers, list) and servers and isinstance(servers[0], dict) else {}
    variables = first.get("variables")
    known = variables if isinstance(variables, dict) else {}

    def value(match: re.Match[str]) -> str:
        one = known.get(match[1])
        return str(one.get("default", "")) if isinstance(one, dict) else ""

    url = _PLACEHOLDER.sub(value, str(first.get("url") or ""))
    try:
        parts, asked = urlsplit(url), urlsplit(base_url or "")
    except ValueError:
        return ""
    if parts.netloc and (parts.scheme, parts.netloc) != (asked.scheme, asked.netloc):
        return ""
    path = parts.path.rstrip("/")
    return path if path.startswith("/") and not asked.path.endswith(path) else ""


class _Reader:
    """Reads one operation: what it needs, and what is sent."""

    def __init__(self, document: Mapping[str, Any], maker: Maker, item: Mapping[str, Any], method: str) -> None:
        self._document, self._maker, self._method = document, maker, method
        self._operation: Mapping[str, Any] = item[method]
        self._shared = item.get("parameters")
        self._needs: list[str] = []
        self._headers: dict[str, str] = {}
        self._cookies: list[str] = []
        self._query: list[str] = []

    def operation(self, name: str, template: str) -> Operation:
        parameters = list(self._parameters())
        # Some tell operations of one path apart by a fragment, or a query, which is no part of it.
        template, _, query = template.partition("#")[0].partition("?")
        self._query += [quote(query, safe="=&%+:/@,~")] if query else []
        path, known_by = self._path(template, [one for one in parameters if one["in"] == "path"])
        for one in parameters:
            if one["in"] != "path" and self._is_wanted(one):
                self._add(one)
        body = self._body()
        self._log_in()
        if self._cookies:
            self._headers["Cookie"] = "; ".join(self._cookies)
        asked = f"?{'&'.join(self._query)}" if self._query else ""
        return Operation(
            name=name,
            method=self._method.upper(),
            path=f"{path}{asked}",
            template=known_by,
            status=_status(self._operation),
            needs=tuple(self._needs),
            headers={**body.pop("headers", {}), **self._headers},
            made_up=self._maker.made_up,
            **body,
        )

    def _parameters(self) -> Iterator[Mapping[str, Any]]:
        """Those of the path, then those of the operation, which take the place of the former."""
        both = [*_listed(self._shared), *_listed(self._operation.get("parameters"))]
        found = {}
        for one in (resolved(item, self._document) for item in both):
            if isinstance(one.get("name"), str) and one.get("in") in {"path", "query", "header", "cookie"}:
                found[one["in"], one["name"]] = one
        yield from found.values()

    def _is_wanted(self, parameter: Mapping[str, Any]) -> bool:
        """Whether it is sent: it must be, or the specification has a value for it. Nothing needs an optional secret."""
        name = parameter["name"]
        if parameter["in"] == "header" and name.lower() in NOT_SENT:
            return False
        if parameter.get("required") is True:
            return True
        if is_secret(name) or (parameter["in"] == "header" and SECRET_HEADER.search(name)):
            return self._method not in READING
        schema = resolved(parameter.get("schema"), self._document)
        named = "example" in schema or schema.get("examples") or schema.get("default") not in (None, "", [], {})
        return parameter["in"] == "query" and (bool(named) or example_of(parameter, self._document) is not MISSING)

    def _add(self, parameter: Mapping[str, Any]) -> None:
        place, name = parameter["in"], parameter["name"]
        if place == "header" and SECRET_HEADER.search(name):
            way = "Bearer $TOKEN" if name.lower() == "authorization" else f"${variable_of(name)}"
            self._headers[name] = way
            return
        try:
            pairs = _pairs(parameter, self._value(parameter))
        except NoValueError as error:
            if parameter.get("required") is True:
                self._needs.append(f"{place} {name} ({error})")
            return
        if place == "query":
            self._query += [query_of(pairs)] if pairs else []
        elif place == "header":
            self._headers[name] = escaped(",".join(value for _, value in pairs)).strip()
        else:
            self._cookies += [f"{key}=${variable_of(key)}" for key, _ in pairs]

    def _value(self, parameter: Mapping[str, Any]) -> Any:
        """Its example, else what its schema allows; what is sent as JSON becomes its text."""
        example = example_of(parameter, self._document)
        content = parameter.get("content")
        if isinstance(content, dict) and content:
            media = resolved(next(iter(content.values())), self._document)
            return json.dumps(self._media(media) if example is MISSING else usable(example))
        return usable(example) if example is not MISSING else self._maker.value(parameter.get("schema", {}))

    def _path(self, template: str, parameters: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
        """What is sent, and the same with "{}" in the place of each value."""
        known = {one["name"]: one for one in parameters}
        pieces: list[str] = []
        blanks: list[str] = []
        end = 0
        for match in _PLACEHOLDER.finditer(template):
            one = known.get(match[1], {"in": "path", "name": match[1], "schema": {}})
            literal = quote(template[end : match.start()], safe=IN_PATH)
            pieces += [literal, self._in_path(one)]
            blanks += [literal, f"{{{quote(match[1], safe='')}}}"]
            end = match.end()
        rest = quote(template[end:], safe=IN_PATH)
        path = "".join([*pieces, rest])
        if _DOTS.search(path):
            self._needs.append('a path without ".."')
        return path, "".join([*blanks, rest])

    def _in_path(self, parameter: Mapping[str, Any]) -> str:
        name, why = parameter["name"], "no part of a path"
        try:
            text = ",".join(value for _, value in _pairs({**parameter, "explode": False}, self._value(parameter)))
        except NoValueError as error:
            text, why = "", str(error)
        if text in {"", ".", ".."}:
            self._needs.append(f"path {name} ({why})")
            return quote(f"{{{name}}}", safe="{}")
        style = {"label": ".", "matrix": f";{quote(name, safe='')}="}.get(str(parameter.get("style")), "")
        return style + quoted(text).replace("/", "%2F")

    def _body(self) -> dict[str, Any]:
        """The keys of a table that send the body; {} where there is none."""
        asked = resolved(self._operation.get("requestBody"), self._document)
        content = asked.get("content")
        if (
            not isinstance(content, dict)
            or not content
            or (self._method in READING and asked.get("required") is not True)
        ):
            return {}
        kinds = {str(kind).partition(";")[0].strip().lower(): media for kind, media in content.items()}
        kind = next((one for test in KINDS for one in kinds if re.fullmatch(test, one)), next(iter(kinds)))
        media = resolved(kinds[kind], self._document)
        if not any(re.fullmatch(test, kind) for test in KINDS):
            return self._from_file(kind)
        try:
            if kind == MULTIPART:
                return self._multipart(media)
            return _sent(self._media(media), kind)
        except NoValueError as error:
            self._needs.append(f"a body ({error})")
            return {}

    def _from_file(self, kind: str) -> dict[str, Any]:
        """What no text of a file that people read can be: nobody knows its content."""
        if kind.startswith("multipart/") or not re.fullmatch(r"[\w.+-]+/[\w.+-]+", kind, re.ASCII):
            self._needs.append(f"a body of the type {kind[:60]}")
            return {}
        name = _file_name("body", kind)
        self._needs.append(f"the file {name} next to benchmark.toml")
        return {"file": name, "headers": {} if guessed(name) == kind else {"Content-Type": kind}}

    def _multipart(self, media: Mapping[str, Any]) -> dict[str, Any]:
        """A form with files, which are known by their fields alone."""
        self._maker.allows_files = True
        try:
            value = self._media(media)
        finally:
            self._maker.allows_files = False
        encodings = media.get("encoding")
        pairs: list[tuple[str, str]] = []
        for name, one in _flat(value):
            how = resolved(encodings.get(name), self._document) if isinstance(encodings, dict) else {}
            if isinstance(one, Binary):
                kind = str(how.get("contentType") or one.kind).partition(",")[0].strip()
                file = _file_name(name, kind)
                self._needs.append(f"the file {file} next to benchmark.toml")
                pairs.append((name, FileName(file)))
            else:
                pairs.append((name, _as_text(one)))
        self._needs = list(dict.fromkeys(self._needs))
        has_files = any(isinstance(text, FileName) for _, text in pairs)
        return {"form": form_of(pairs), "headers": {} if has_files else {"Content-Type": MULTIPART}}

    def _media(self, media: Mapping[str, Any]) -> Any:
        example = example_of(media, self._document)
        return usable(example) if example is not MISSING else self._maker.value(media.get("schema", {}))

    def _log_in(self) -> None:
        """Add the variables of the first way to log in that can be sent."""
        ways = self._operation.get("security", self._document.get("security"))
        needs: list[str] = []
        for way in [one for one in _listed(ways) if isinstance(one, dict)]:
            schemes = {str(name): self._scheme(str(name)) for name in way}
            needs = [f"a login ({name}, {_shown(it)})" for name, it in schemes.items() if _kind(it) is None]
            if not needs:
                for name, scheme in schemes.items():
                    self._send(scheme, self._variable(name, str(_kind(scheme))))
                return
        self._needs += needs

    def _schemes(self) -> dict[str, Any]:
        components = self._document.get("components")
        schemes = components.get("securitySchemes") if isinstance(components, dict) else None
        return schemes if isinstance(schemes, dict) else {}

    def _scheme(self, name: str) -> dict[str, Any]:
        return resolved(self._schemes().get(name), self._document)

    def _variable(self, name: str, kind: str) -> str:
        """One for each kind; where a specification has several of a kind, the scheme's name tells them apart."""
        others = [one for one in self._schemes() if one != name and _kind(self._scheme(one)) == kind]
        return f"{kind}_{variable_of(name).removeprefix('API_')}" if others else kind

    def _send(self, scheme: Mapping[str, Any], variable: str) -> None:
        if variable.startswith(API_KEY):
            name, place = str(scheme.get("name")), scheme.get("in")
            if place == "query":
                self._query.append(f"{quote(name, safe='')}=${variable}")
            elif place == "cookie":
                self._cookies.append(f"{quote(name, safe='')}=${variable}")
            else:
                self._headers[name] = f"${variable}"
        else:
            way = "Basic" if variable.startswith(BASIC_LOGIN) else "Bearer"
            self._headers = {key: value for key, value in self._headers.items() if key.lower() != "authorization"}
            self._headers["Authorization"] = f"{way} ${variable}"


KINDS: tuple[str, ...] = (
    r"application/json",
    r"application/[\w.+-]*\+json",
    r"\*/\*|application/\*",
    FORM,
    MULTIPART,
    r"text/(?!xml)[\w.+*-]+",
)
"""Types of bodies that can be sent, the best first."""


def _kind(scheme: Mapping[str, Any]) -> str | None:
    """Which of our variables holds what a security scheme asks for; None: none does."""
    if scheme.get("type") in {"oauth2", "openIdConnect"}:
        return TOKEN
    if scheme.get("type") == "http":
        return {"bearer": TOKEN, "basic": BASIC_LOGIN}.get(str(scheme.get("scheme")).lower())
    return API_KEY if scheme.get("type") == "apiKey" and scheme.get("name") else None


def _shown(scheme: Mapping[str, Any]) -> str:
    return str(scheme.get("scheme") or scheme.get("type") or "which is not described")


def _sent(value: Any, kind: str) -> dict[str, Any]:
    if kind == FORM:
        return {"form": form_of([(name, _as_text(one)) for name, one in _flat(value)])}
    if kind.startswith("text/"):
        text = value if isinstance(value, str) else json.dumps(value)
        return {"body": hidden(text), "headers": {"Content-Type": "text/plain" if "*" in kind else kind}}
    return body_of(value, JSON_TYPE if "*" in kind else kind)


def _flat(value: Any) -> list[tuple[str, Any]]:
    """The fields of a form, each item of a list by itself."""
    pairs = value.items() if isinstance(value, dict) else ()
    flat = [(str(name), one) for name, part in pairs for one in (part if isinstance(part, list) else [part])]
    return [(name, one) for name, one in flat if one is not None]


def _file_name(name: str, kind: str) -> str:
    plain = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")[:LONGEST_NAME] or "file"
    return plain + (guess_extension(kind) or ".bin")


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)


def _pairs(parameter: Mapping[str, Any], value: Any) -> list[tuple[str, str]]:
    """A value as names and texts, by the parameter's `style` and `explode`."""
    name, style = str(parameter["name"]), parameter.get("style")
    explode = parameter.get("explode", style in {None, "form"} and parameter["in"] in {"query", "cookie"})
    if isinstance(value, list):
        texts = [_as_text(one) for one in value]
        joint = {"spaceDelimited": " ", "pipeDelimited": "|"}.get(str(style), ",")
        return [(name, text) for text in texts] if explode is True else [(name, joint.join(texts))] if texts else []
    if isinstance(value, dict):
        if style == "deepObject":
            return [(f"{name}[{key}]", _as_text(part)) for key, part in value.items()]
        if explode is True:
            return [(str(key), _as_text(part)) for key, part in value.items()]
        return [(name, ",".join(text for key, part in value.items() for text in (str(key), _as_text(part))))]
    return [(name, _as_text(value))]


def _status(operation: Mapping[str, Any]) -> int:
    """The first success that it declares."""
    responses = operation.get("responses")
    declared = [str(code) for code in responses] if isinstance(responses, dict) else []
    return next((int(code) for code in declared if re.fullmatch(r"2\d\d", code)), 200)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
