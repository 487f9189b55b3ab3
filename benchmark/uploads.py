"""Headers, forms and files that an endpoint sends: what benchmark.toml says, and what a record keeps of the files."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Template
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from benchmark.errors import InvalidRunError, UsageError
from benchmark.fields import Frozen, Line, Whole
from load.forms import MOST_FILE_BYTES, MOST_FILES, MULTIPART, Attachment, Part, fields, guessed, named_file
from load.forms import text_of_field as text_of
from load.spec import READING
from load.values import names_in

MOST_FIELDS = 1000
SECRET_HEADER = re.compile(r"(?i)^(proxy-)?authorization$|^cookie$|token|secret|api-?key")
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # what RFC 9110 calls a token
_COMMON_WAY = 'write photo = "@photo.jpg" for a file, and name = "ada" for a text'


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    raise ValueError("must be a text, a number, true or false, or a list of them")


def _as_texts(value: Any) -> str | list[str]:
    return [_as_text(one) for one in value] if isinstance(value, list | tuple) else _as_text(value)


FieldName = Annotated[str, Field(min_length=1, max_length=200)]
FieldValue = Annotated[str | tuple[str, ...], BeforeValidator(_as_texts)]


class Upload(Frozen):
    """A file that is sent, by the name that benchmark.toml gives it. Records keep this of it, and not its content.

    `path`: where it lies, in no record.
    """

    name: Line
    kind: Annotated[str, Field(max_length=200)]
    size_bytes: Whole
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    path: str = Field(default="", exclude=True, repr=False)


class Sending(Frozen):
    """What an endpoint sends besides `json` and `body`.

    `form`: fields, each a text or "@FILE", or several of them. `file`: the body is its content. `uploads`: the files of
    both, once benchmark.toml has been read.
    """

    form: Annotated[dict[FieldName, FieldValue], Field(max_length=MOST_FIELDS)] | None = Field(
        default=None, exclude_if=lambda value: value is None
    )
    file: Line | None = Field(default=None, exclude_if=lambda value: value is None)
    uploads: Annotated[tuple[Upload, ...], Field(max_length=MOST_FILES)] = Field(
        default=(), exclude_if=lambda value: not value
    )

    @property
    def form_texts(self) -> list[str]:
        """Names and values of its fields, in which "$NAME" and "{name}" stand for others."""
        return [text for pair in fields(self.form or {}) for text in pair]


def check_headers(headers: Mapping[str, str]) -> None:
    """ValueError: HTTP does not carry one of them, or its value is a secret that reports would show."""
    for name, value in headers.items():
        if not HEADER_NAME.fullmatch(name):
            raise ValueError(f"{name!r} cannot be the name of a header")
        if value != value.strip():
            raise ValueError(f"header {name}: its value begins or ends with a space, which HTTP does not carry")
        if not Template(value).is_valid():
            raise ValueError(f'header {name}: a "$" that names no variable is written "$$"')
        if not (f"{name}{value}".isascii() and f"{name}{value}".isprintable()):
            raise ValueError(f"header {name!r}: must be one line of ASCII")
        if SECRET_HEADER.search(name) and not (Template(value).get_identifiers() or names_in(value)):
            raise ValueError(f'header {name}: its value would end up in reports; put it into a variable: "$TOKEN"')


def check_sent(method: str, headers: Mapping[str, str], sent: Mapping[str, Any]) -> None:
    """ValueError: a request cannot be sent with all of that. `sent`: json, body, form and file, by their keys."""
    given = [key for key, value in sent.items() if value is not None]
    if len(given) > 1:
        raise ValueError(f"takes {given[0]} or {given[1]}, not both")
    if not set(given) & {"form", "file"}:
        return
    if method in READING:
        raise ValueError(f'{given[0]} needs method = "POST", "PUT", "PATCH" or "DELETE": {method} sends no body')
    has_files = bool(sent["form"] and list(_files(sent["form"])))
    kind = content_type(headers)
    if kind is None or given != ["form"]:
        return
    if kind.lower().startswith("multipart/") and kind.lower() != MULTIPART:
        raise ValueError(f'header Content-Type: write "{MULTIPART}" alone; bench adds the boundary')
    if kind.lower() != MULTIPART and has_files:
        raise ValueError("header Content-Type: a form with files has its own; leave it out")


def content_type(headers: Mapping[str, str]) -> str | None:
    return next((value.strip() for name, value in headers.items() if name.lower() == "content-type"), None)


def _files(form: Mapping[str, Any]) -> Iterator[str]:
    """The values that name a file. ValueError: one does so wrongly."""
    for name, value in fields(form):
        try:
            found = named_file(value)
        except ValueError as error:
            raise ValueError(f"form.{name}: {error}") from None
        if found is not None:
            if names_in(found.path) or "$" in found.path:
                raise ValueError(f"form.{name}: the name of a file is the same for all users: {_COMMON_WAY}")
            yield value


def read_uploads(sending: Sending, where: str, folder: Path) -> tuple[Upload, ...]:
    """Look at the files that an endpoint sends. UsageError, which begins with `where`: one cannot be used."""
    named = [("file", sending.file, guessed(sending.file))] if sending.file else []
    for name, value in fields(sending.form or {}):
        if found := named_file(value):
            named.append((f"form.{name}", found.path, found.kind))
    if len(named) > MOST_FILES:
        raise UsageError(f"{where}: form: names {len(named):,} files; send at most {MOST_FILES} at once")
    return tuple(_upload(f"{where}: {key}", name, kind, folder) for key, name, kind in named)


def _upload(where: str, name: str, kind: str, folder: Path) -> Upload:
    path = folder.absolute() / name
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise ValueError("it is no file")  # noqa: TRY301 - said like what else is wrong with it
        if size > MOST_FILE_BYTES:
            limit = f"{MOST_FILE_BYTES // 1024**2} MiB"
            raise UsageError(f"{where}: {name} has {size / 1024**2:,.0f} MiB; send a file of at most {limit}")
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except (OSError, ValueError) as error:  # a name that no file can have is a ValueError
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        text = f'; a text that begins with "@" is written "@@{name}"' if "form." in where else ""
        raise UsageError(f"{where}: {name} cannot be read ({why}) in the folder of benchmark.toml{text}") from None
    return Upload(name=name, kind=kind, size_bytes=size, sha256=digest, path=str(path))


def attachment(upload: Upload) -> Attachment:
    """What is read to send it. InvalidRunError: it is another file than when the benchmark began."""
    try:
        same = hashlib.sha256(Path(upload.path).read_bytes()).hexdigest() == upload.sha256
    except OSError as error:
        raise InvalidRunError(f"{upload.name} cannot be read any more: {error.strerror}; put it back") from None
    if not same:
        raise InvalidRunError(f"{upload.name} was changed while the benchmark ran; measure again, and leave it alone")
    return Attachment(upload.path, upload.kind, upload.sha256)


def parts(sending: Sending) -> tuple[Part, ...] | None:
    """The fields of a form as they are sent, in their order; None where there is no form."""
    if sending.form is None:
        return None
    uploads, found = iter(sending.uploads), []
    for name, value in fields(sending.form):
        named = named_file(value)
        one = Part(name, text_of(value)) if named is None else Part(name, named.filename, attachment(next(uploads)))
        found.append(one)
    return tuple(found)
