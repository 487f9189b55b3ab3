"""The endpoints that an app describes in its openapi.json."""

import http.client
import json
import re
import ssl
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmark.errors import UsageError
from benchmark.plan import Endpoint, Expectation

METHODS = ("get", "post", "put", "patch", "delete", "head", "options")
PLACES = ("/openapi.json", "/api/openapi.json", "/api/v1/openapi.json")
MOST_BYTES = 16 * 1024 * 1024
TIMEOUT_S = 10.0
MOST_SHOWN = 5


@dataclass(frozen=True)
class Operation:
    """One method of one path. `needs`: what a request must hold that is not known yet, "query page" or "a body"."""

    name: str
    method: str
    path: str
    needs: tuple[str, ...]
    status: int

    def endpoint(self) -> Endpoint:
        return Endpoint.model_validate(
            {"name": self.name, "method": self.method, "path": self.path, "expect": Expectation(status=self.status)}
        )


def read_operations(base_url: str, ca_file: str | None = None, places: Sequence[str] = PLACES) -> tuple[Operation, ...]:
    """All operations of an app that runs, in its own order; () where it shows no openapi.json.

    UsageError: `ca_file`, one more CA to trust, holds no certificates.
    """
    opener = _opener(ca_file)
    for place in places:
        try:
            with opener.open(f"{base_url}{place}", timeout=TIMEOUT_S) as response:
                document = json.loads(response.read(MOST_BYTES))
        except (OSError, ValueError, http.client.HTTPException):
            continue
        if isinstance(document, dict) and isinstance(document.get("paths"), dict):
            return operations(document)
    return ()


def _opener(ca_file: str | None) -> urllib.request.OpenerDirector:
    trusted = ssl.create_default_context()
    try:
        if ca_file is not None:
            trusted.load_verify_locations(ca_file)
    except OSError as error:
        raise UsageError(f"{ca_file} holds no certificates: {error.strerror or error}") from None
    # no proxy: what sends the load uses none either
    no_proxy, tls = urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trusted)
    return urllib.request.build_opener(no_proxy, tls)


def operations(document: Mapping[str, Any]) -> tuple[Operation, ...]:
    """The operations of a specification; what is no operation in it is passed over."""
    found: dict[str, Operation] = {}
    for path, item in document["paths"].items():
        for method in METHODS if isinstance(item, dict) and str(path).startswith("/") else ():
            operation = item.get(method)
            if not isinstance(operation, dict):
                continue
            shared = [*_listed(item.get("parameters")), *_listed(operation.get("parameters"))]
            name = _name(operation, method, path, found)
            needs = _needs(path, shared, operation, document)
            found[name] = Operation(name, method.upper(), path, needs, _status(operation))
    return tuple(found.values())


def _listed(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _name(operation: Mapping[str, Any], method: str, path: str, taken: Mapping[str, Any]) -> str:
    """The function's name, which FastAPI puts before path and method into `operationId`."""
    given = str(operation.get("operationId") or f"{method}_{path}")
    tail = re.sub(r"\W", "_", f"{path}_{method}")
    name = re.sub(r"\W+", "_", given.removesuffix(tail)).strip("_") or f"{method}_root"
    return name if name not in taken else f"{name}_{len(taken)}"


def _needs(
    path: str, parameters: Sequence[dict[str, Any]], operation: Mapping[str, Any], document: Mapping[str, Any]
) -> tuple[str, ...]:
    needs = [f"path {name}" for name in re.findall(r"\{([^}]*)\}", path)]
    resolved = [_resolved(item, document) for item in parameters]
    needs += [
        f"{item['in']} {item.get('name')}" for item in resolved if item.get("required") and item.get("in") != "path"
    ]
    body = _resolved(operation.get("requestBody") or {}, document)
    needs += ["a body"] if body.get("required") or (body and operation.get("requestBody")) else []
    ways = operation.get("security", document.get("security"))  # {} among them: none is needed
    needs += ["a login"] if isinstance(ways, list) and ways and all(ways) else []
    return tuple(needs)


def _resolved(item: Any, document: Mapping[str, Any]) -> dict[str, Any]:
    """What `$ref` leads to, inside the document; {} where it leads nowhere."""
    reference = item.get("$ref") if isinstance(item, dict) else None
    if not isinstance(reference, str):
        return item if isinstance(item, dict) else {}
    found: Any = document
    for part in reference.removeprefix("#/").split("/"):
        found = found.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _status(operation: Mapping[str, Any]) -> int:
    """The first success that it declares."""
    declared = [int(code) for code in operation.get("responses") or {} if re.fullmatch(r"2\d\d", str(code))]
    return min(declared, default=200)
