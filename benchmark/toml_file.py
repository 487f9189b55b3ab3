"""Read a TOML file that people write: one line says what is wrong with it, and nothing in it can hang the reader."""

import codecs
import datetime as dt
import json
import math
import re
import stat
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from benchmark.errors import UsageError

MOST_BYTES = 256 * 1024
DEEPEST = 50  # values nested in each other: beyond, JSON and its readers begin to fail
MOST_SHOWN = 60  # characters of a key or a value that a message quotes
# Marks of TOML that nest values, or end what is nested, and the strings and comments whose marks are none.
_MARKS = re.compile(
    r'''"""(?:\\.|[^\\])*?(?:"""|\Z)|\'{3}.*?(?:\'{3}|\Z)|"(?:\\.|[^"\\\n])*"?|'[^'\n]*'?|\#[^\n]*|[\[{\]}.,=\n]''',
    re.DOTALL,
)


def read_toml(path: Path) -> dict[str, Any]:
    """Read the file. UsageError names it, and the line or key that is wrong."""
    return _parsed(_text(path), path)


def _text(path: Path) -> str:
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would keep us waiting, and a device may never end
            raise UsageError(f"{path} is a folder, a pipe or a device; name a file with --config")
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        message = f"{path} does not exist; run bench in the folder that holds benchmark.toml, or name it with --config"
        raise UsageError(message) from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    if len(content) > MOST_BYTES:
        message = f"{path} holds more than {MOST_BYTES // 1024} KiB; is it the right file? Name it with --config"
        raise UsageError(message)
    if content.startswith(codecs.BOM_UTF8):
        raise UsageError(f"{path} begins with a byte order mark, as Notepad writes it; save it as UTF-8 without BOM")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not UTF-8 (byte {error.start + 1}); save it as UTF-8 without BOM") from None


def _parsed(text: str, path: Path) -> dict[str, Any]:
    _refuse_nesting(text, path)
    most_digits = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)  # the check behind it names the key of a number that is too long; Python would not
    try:
        raw = tomllib.loads(text)
    except ValueError as error:
        raise UsageError(f"{path} cannot be read: {error}") from None
    finally:
        sys.set_int_max_str_digits(most_digits)
    for where, value in _values(raw):
        if problem := _unfit(where, value):
            raise UsageError(f"{path}: {place(where)}: {problem}")
    return raw


def _refuse_nesting(text: str, path: Path) -> None:
    """Python's parser calls itself for each bracket, and takes minutes for a key of 100,000 parts."""
    depth = dots = 0
    for found in _MARKS.finditer(text):
        mark = found[0]
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(mark, 0)
        dots = dots + 1 if mark == "." else 0 if mark in "[{]},=\n" else dots
        if max(depth, dots) > DEEPEST:
            number = text.count("\n", 0, found.start()) + 1
            key = text.split("\n")[number - 1].partition("=")[0].strip()
            named = f", {place([key])}" if key and key[0] not in "[{" else ""
            raise UsageError(f"{path}: line {number}{named}: values are nested more than {DEEPEST} deep")


def _values(raw: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    waiting: list[tuple[tuple[str, ...], Any]] = [((), raw)]
    while waiting:
        where, value = waiting.pop()
        yield where, value
        inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        waiting += [((*where, str(key)), item) for key, item in inner]


def _unfit(where: tuple[str, ...], value: Any) -> str | None:
    if len(where) > DEEPEST:
        return f"values are nested more than {DEEPEST} deep"
    if isinstance(value, dt.date | dt.time) and where[0] != "accepted":
        kind = "a time" if isinstance(value, dt.time) else "a date"
        return f'holds {kind}, write it as text: "{value.isoformat()}"'
    if isinstance(value, float) and not math.isfinite(value):
        return f"{value} is not a finite number"
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return "holds a number of more than 64 bits; if it is a name, write it as text"
    return None


def place(parts: Iterable[object]) -> str:
    """One printable line. Like TOML, it quotes what is no plain word."""
    return cut(".".join(text if re.fullmatch(r"[\w-]+", text := str(part)) else json.dumps(text) for part in parts))


def cut(text: str) -> str:
    return text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN - 3]}..."
