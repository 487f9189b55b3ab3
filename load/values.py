"""What stands for "{name}" in a request: a column of a data file, a value of an earlier response, a token. Pure."""

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PLACE = re.compile(rf"\$\$|\$\{{[^}}]*\}}|\{{({NAME.pattern})\}}")
"""A place for a value, or what a Template makes of dollars, which is none."""

MOST_DATA_BYTES = 64 * 1024**2
Row = Mapping[str, str]


def names_in(value: Any) -> set[str]:
    """Every name that stands for a value in a JSON value, in keys as well."""
    if isinstance(value, str):
        return {match[1] for match in _PLACE.finditer(value) if match[1]}
    if isinstance(value, dict):
        return {name for pair in value.items() for part in pair for name in names_in(part)}
    return {name for part in value for name in names_in(part)} if isinstance(value, list | tuple) else set()


def fill(value: Any, environment: Mapping[str, str], values: Mapping[str, Any]) -> Any:
    """A JSON value with environment variables in place of "$NAME", and `values` in place of "{name}".

    A text that is nothing but "{name}" becomes the value itself, a number too. KeyError names an unset variable.
    """
    if isinstance(value, dict):
        filled = ((fill_text(key, environment, values), part) for key, part in value.items())
        return {key: fill(part, environment, values) for key, part in filled}
    if isinstance(value, list | tuple):
        return [fill(part, environment, values) for part in value]
    if not isinstance(value, str):
        return value
    whole = _PLACE.fullmatch(value)
    return values[whole[1]] if whole and whole[1] in values else fill_text(value, environment, values)


def fill_text(
    text: str, environment: Mapping[str, str], values: Mapping[str, Any], written: Callable[[str], str] = str
) -> str:
    """The same of a text. What is filled in is never looked at again; `written`: how it stands there."""
    done, at = [], 0
    for match in _PLACE.finditer(text):
        if match[1] in values:
            done += [Template(text[at : match.start()]).substitute(environment), written(as_text(values[match[1]]))]
            at = match.end()
    return "".join([*done, Template(text[at:]).substitute(environment)])


def as_text(value: Any) -> str:
    """A JSON value that is no list and no table, as a path or a header holds it."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return str(value)


def read_rows(file: Path) -> list[Row]:
    """Read the rows of a CSV file by the names in its first line. ValueError says in a few words what is wrong."""
    try:
        if file.stat().st_size > MOST_DATA_BYTES:
            raise ValueError(f"is larger than {MOST_DATA_BYTES // 1024**2} MiB")
        with file.open(encoding="utf-8-sig", newline="") as text:
            return list(_rows(csv.reader(text, strict=True)))
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8") from None
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror or error}") from None
    except csv.Error as error:
        raise ValueError(f"is no CSV file: {error}") from None


def _rows(lines: Any) -> Iterator[Row]:
    names: list[str] = next(lines, [])
    if not names:
        raise ValueError("is empty; its first line must name the columns")
    if unfit := next((name for name in names if not NAME.fullmatch(name)), None):
        raise ValueError(f"has a column {unfit[:40]!r} in its first line; names are letters, digits and _")
    if len(set(names)) < len(names):
        raise ValueError("names a column twice in its first line")
    for cells in lines:
        if cells and len(cells) != len(names):
            columns = "column" if len(names) == 1 else "columns"
            raise ValueError(f"has {len(cells)} cells in line {lines.line_num}, but {len(names)} {columns}")
        if cells:
            yield dict(zip(names, cells, strict=True))


@dataclass(frozen=True)
class Table:
    """A data file: each user has a row of its own, or draws one for each request. `rows` travel to other machines."""

    file: str
    drawn: bool = False
    rows: Sequence[Row] = field(default=(), compare=False)

    def read(self) -> Sequence[Row]:
        return self.rows or read_rows(Path(self.file))
