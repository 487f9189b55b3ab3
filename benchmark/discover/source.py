"""Where endpoints are described: the openapi.json of an app that runs, a URL or a file of it, a HAR file."""

import http.client
import json
import re
import ssl
import stat
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urljoin, urlsplit

from benchmark.discover.openapi import operations, require_openapi
from benchmark.discover.operation import Operation
from benchmark.errors import AppError, UsageError

PLACES = ("/openapi.json", "/api/openapi.json", "/api/v1/openapi.json", "/schema/openapi.json")
PAGES = ("/docs", "/", "/redoc")
"""Where an app that keeps its specification elsewhere links to it: Swagger UI, Redoc, rel="service-desc" (RFC 8631)."""

LINKS = (
    re.compile(r"""\burl:\s*['"]([^'"\s]+)['"]"""),
    re.compile(r"""\bspec-url=['"]([^'"\s]+)['"]"""),
    re.compile(r"""<link\b(?=[^>]*\brel=['"]service-desc['"])[^>]*\bhref=['"]([^'"\s]+)['"]"""),
)
MOST_BYTES = 32 * 1024 * 1024
TIMEOUT_S, WITHIN_S = 10.0, 30.0
PIECE = 64 * 1024
# What JSON can spell and no file can hold: a half of a character, without the other one.
HALF_A_CHARACTER = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)


def read_operations(
    base_url: str, ca_file: str | None = None, places: Sequence[str] = PLACES, own_path: str | None = None
) -> tuple[Operation, ...]:
    """All operations of an app that runs, in its own order; () where it shows no specification.

    UsageError: `ca_file`, one more CA to trust, holds no certificates.
    """
    _opener(ca_file)
    try:
        return operations(app_document(base_url, ca_file, places), own_path or base_url)
    except (UsageError, AppError):
        return ()


def app_document(base_url: str, ca_file: str | None = None, places: Sequence[str] = PLACES) -> dict[str, Any]:
    """The specification of an app that runs. UsageError: it shows none. AppError: it does not answer."""
    unanswered = ""
    for place in chain(places, _linked_places(base_url, ca_file) if places == PLACES else ()):
        try:
            content = _fetched(f"{base_url}{place}", ca_file)
        except urllib.error.HTTPError:
            continue
        except OSError as error:
            unanswered = _why(error)
            continue
        try:
            document = _parsed(content, f"{base_url}{place}")
        except UsageError:
            if content.lstrip()[:1] != b"{":
                continue  # a page that an app shows for every path
            raise
        return require_openapi(document, f"{base_url}{place}")
    if unanswered:
        raise AppError(f"{base_url} cannot be read: {unanswered}; check that the app runs there")
    message = f"the app at {base_url} shows no {', '.join(places)}"
    raise UsageError(f"{message}; name its specification: --from URL, or --from FILE")


def _linked_places(base_url: str, ca_file: str | None) -> Iterator[str]:
    """Where the pages of an app say that its specification is, as paths of that app."""
    for page in PAGES:
        try:
            text = _fetched(f"{base_url}{page}", ca_file).decode("utf-8", errors="replace")
        except OSError:
            continue
        for link in linked(text):
            try:
                yield urlsplit(urljoin(f"{base_url}{page}", link)).path.removeprefix(urlsplit(base_url).path)
            except ValueError:
                continue


def linked(page: str) -> list[str]:
    """Links to a specification of a page, which is HTML or JSON."""
    try:
        document = json.loads(page)
    except (ValueError, RecursionError):
        return [found for link in LINKS for found in link.findall(page)]
    links = document.get("links") if isinstance(document, dict) else None
    kept = [link for link in links if isinstance(link, dict)] if isinstance(links, list) else []
    return [str(link.get("href")) for link in kept if link.get("rel") == "service-desc"]


def url_document(url: str, ca_file: str | None = None) -> tuple[dict[str, Any], str]:
    """The specification at a URL, or of the app at it; and the URL without what may be a secret."""
    try:
        parts = urlsplit(url)
        shown = f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"
    except ValueError:
        raise UsageError("--from names an impossible URL") from None
    if not parts.hostname or not url.isprintable() or " " in url:
        raise UsageError("--from names an impossible URL")
    if parts.username or parts.password:
        raise UsageError("--from: the URL must not hold a user or a password; save its openapi.json and name the file")
    if not parts.path.strip("/") and not parts.query:
        try:
            return app_document(shown.rstrip("/"), ca_file), shown.rstrip("/")
        except AppError as error:
            raise UsageError(error.message) from None
    try:
        content = _fetched(url, ca_file)
    except urllib.error.HTTPError as error:
        raise UsageError(f"{shown} cannot be read: it responds with {error.code}") from None
    except OSError as error:
        raise UsageError(f"{shown} cannot be read: {_why(error)}") from None
    return require_openapi(_parsed(content, shown), shown), shown


def _why(error: OSError) -> str:
    reason = getattr(error, "reason", None) or error
    return str(getattr(reason, "strerror", None) or reason)


def _fetched(url: str, ca_file: str | None) -> bytes:
    """All bytes, within a time and a size. OSError: they do not come."""
    deadline, pieces, length = time.monotonic() + WITHIN_S, [], 0
    try:
        with _opener(ca_file).open(url, timeout=TIMEOUT_S) as response:
            while piece := response.read1(PIECE):
                pieces.append(piece)
                length += len(piece)
                if length > MOST_BYTES:
                    raise OSError(f"it is larger than {MOST_BYTES // 2**20} MiB")
                if time.monotonic() > deadline:
                    raise OSError(f"it does not end within {WITHIN_S:g} s")
    except (ValueError, http.client.HTTPException) as error:
        raise OSError(str(error)) from None
    return b"".join(pieces)


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


def file_document(file: Path) -> Any:
    """The JSON of a file. UsageError: it is none, or cannot be read."""
    try:
        if not stat.S_ISREG(file.stat().st_mode):  # a pipe would keep us waiting, and a device may never end
            raise UsageError(f"--from: {file} is a folder, a pipe or a device; name a file")
        with file.open("rb") as opened:
            content = opened.read(MOST_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        _refuse_unknown(str(file))
    except (OSError, ValueError) as error:
        raise UsageError(f"--from: {file} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(content) > MOST_BYTES:
        raise UsageError(f"--from: {file} is larger than {MOST_BYTES // 2**20} MiB")
    return _parsed(content, str(file))


def _refuse_unknown(text: str) -> NoReturn:
    kinds = 'app, a URL, an openapi.json, a .har file, or "curl ..." in quotes'
    raise UsageError(f"--from: there is no file {text}; give {kinds}")


def _parsed(content: bytes, where: str) -> Any:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{where} is no JSON: it is not UTF-8 (byte {error.start + 1})") from None
    try:
        return json.loads(HALF_A_CHARACTER.sub(r"\\ufffd", text), parse_constant=_refuse_constant)
    except RecursionError:
        raise UsageError(f"{where} cannot be read: its values are nested too deep") from None
    except ValueError as error:
        what = str(error) if isinstance(error, json.JSONDecodeError) else "it holds a number that JSON does not have"
        yaml = text.lstrip()[:8] in {"openapi:", "swagger:", "---\nopen"} or where.endswith((".yaml", ".yml"))
        hint = "; a specification in YAML must be converted to JSON first" if yaml else ""
        raise UsageError(f"{where} is no JSON: {what}{hint}") from None


def _refuse_constant(_text: str) -> NoReturn:
    raise ValueError("no constant of JSON")
