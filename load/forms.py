"""Forms and files that are sent: what stands in benchmark.toml, as what a client needs of it. Pure but for reading."""

import mimetypes
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path, PurePath

FORM, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
MOST_FILE_BYTES = 64 * 1024**2
MOST_FILES = 64
_FILE = re.compile(r"@(?!@)(?P<path>.*?)(?P<options>(;(type|filename)=[^;]*)*)", re.DOTALL)
_KIND = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+", re.ASCII)
_COMPRESSED = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}
_KINDS = mimetypes.MimeTypes()  # those of Python: what a system adds would make the same request another one


@dataclass(frozen=True)
class Attachment:
    """A file that is sent as it is. `content`: of it on other machines, which have no such file."""

    path: str
    kind: str
    sha256: str = ""
    content: bytes | None = field(default=None, compare=False, repr=False)

    def read(self) -> bytes:
        return _content(self.path, self.sha256) if self.content is None else self.content


@lru_cache(maxsize=MOST_FILES)
def _content(path: str, _sha256: str) -> bytes:
    """Read once in a process, however many users send it."""
    return Path(path).read_bytes()


@dataclass(frozen=True)
class Part:
    """A field of a form; `text` is its value, or the name that its file is sent under."""

    name: str
    text: str
    file: Attachment | None = None


@dataclass(frozen=True)
class Named:
    """What "@photo.jpg;type=image/jpeg;filename=me.jpg" says, as `curl -F` reads it."""

    path: str
    kind: str
    filename: str


def fields(form: Mapping[str, str | Sequence[str]]) -> Iterator[tuple[str, str]]:
    """The fields one by one: those of a list have the same name."""
    for name, value in form.items():
        yield from ((name, one) for one in ([value] if isinstance(value, str) else value))


def named_file(value: str) -> Named | None:
    """The file that a field names; None where it is a text. ValueError: it names none, or an impossible type."""
    found = _FILE.fullmatch(value)
    if found is None:
        return None
    options = dict(option.split("=", 1) for option in found["options"].split(";")[1:])
    path = found["path"].strip()
    kind, filename = options.get("type", "").strip(), options.get("filename", PurePath(path).name).strip('"')
    if not path:
        raise ValueError('"@" is followed by the name of a file; a text that begins with it is written "@@..."')
    if kind and not _KIND.fullmatch(kind):
        raise ValueError(f'type={kind[:60]} is no type; write it like ";type=image/jpeg"')
    return Named(path, kind or guessed(path), filename)


def text_of_field(value: str) -> str:
    return value[1:] if value.startswith("@@") else value


def guessed(path: str) -> str:
    """The Content-Type of a file, by its name."""
    kind, compressed = _KINDS.guess_type(PurePath(path).name, strict=False)
    return _COMPRESSED.get(compressed, "application/octet-stream") if compressed else kind or "application/octet-stream"
