"""Endpoints as text of benchmark.toml: new tables behind those that are there; every other byte stays as it is."""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import tomlkit

from benchmark.discover.operation import Operation, name_of
from benchmark.errors import UsageError, one_line
from benchmark.toml_file import MOST_BYTES
from load.forms import fields

MOST_SHOWN = 300
_HEADER = re.compile(r"^[ \t]*\[\[?[^\[\]\n]*\]?\][ \t]*(?:#.*)?$", re.MULTILINE)
_OF_ENDPOINT = re.compile(r"[ \t]*\[[ \t]*\"?endpoints\"?[ \t]*\.")
_COMMENTED = re.compile(r"(?m)^#[ \t]*\[endpoints\.[^\n]*\n(?:#[^\n]*(?:\n|\Z))*")


@dataclass(frozen=True)
class Known:
    """An endpoint that benchmark.toml has already; `is_active`: not in comments."""

    name: str
    method: str
    path: str
    body: Any
    is_active: bool


def known_endpoints(text: str, tables: Mapping[str, Any]) -> list[Known]:
    """All endpoints of a benchmark.toml, those in comments among them."""
    found = [_known(name, table, is_active=True) for name, table in tables.items() if isinstance(table, dict)]
    for match in _COMMENTED.finditer(text.replace("\r\n", "\n")):
        plain = re.sub(r"(?m)^#[ \t]?", "", match[0])
        try:
            inside = tomllib.loads(plain)["endpoints"]
        except (ValueError, KeyError, RecursionError):
            continue
        found += [_known(name, table, is_active=False) for name, table in inside.items() if isinstance(table, dict)]
    return found


def _known(name: str, table: Mapping[str, Any], *, is_active: bool) -> Known:
    body = next((table[key] for key in ("json", "body", "form", "file") if key in table), None)
    return Known(name, str(table.get("method", "GET")), str(table.get("path", "")), body, is_active)


def matched(operations: Sequence[Operation], known: Iterable[Known]) -> dict[str, Known]:
    """Which operations benchmark.toml has already, by name: under their own name, or whose path fits best."""
    found: dict[str, Known] = {}
    by_method: dict[str, list[Operation]] = {}
    for one in operations:
        by_method.setdefault(one.method, []).append(one)
    for there in known:
        path, _, query = there.path.partition("?")
        fitting = [one for one in by_method.get(there.method, ()) if _fits(one, path, query, there.body)]
        if fitting:
            best = min(fitting, key=lambda one: (one.name != there.name, one.template.count("{"), one.name in found))
            if best.name not in found or there.is_active:
                found[best.name] = there
    return found


def _fits(operation: Operation, path: str, query: str, body: Any) -> bool:
    """Whether a path is one of an operation's; of a recording, whether it has the same names in its query, too."""
    template = operation.template
    if not _same_place(template, path):
        return False
    if operation.is_recorded:
        asked = operation.path.partition("?")[2]
        same = sorted(name for name, _ in _query(asked)) == sorted(name for name, _ in _query(query))
        if operation.form is not None and isinstance(
            body, str
        ):  # as forms were written before there was a key for them
            return same and sorted(name for name, _ in _query(body)) == sorted(
                name for name, _ in fields(operation.form)
            )
        sent = (operation.json, operation.body, operation.form, operation.file)
        return same and body == next((one for one in sent if one is not None), None)
    return True


def _query(text: str) -> list[tuple[str, str]]:
    return parse_qsl(text, keep_blank_values=True)


def _same_place(template: str, path: str) -> bool:
    """Part by part, not by a regular expression: a template may have been made to keep one busy."""
    wanted, given = template.split("/"), path.split("/")
    return len(wanted) == len(given) and all(_same_part(one, part) for one, part in zip(wanted, given, strict=True))


def _same_part(wanted: str, given: str) -> bool:
    before, brace, _ = wanted.partition("{")
    if not brace:
        return wanted == given
    after = wanted.rpartition("}")[2]
    return len(given) > len(before) + len(after) and given.startswith(before) and given.endswith(after)


def renamed(operations: Sequence[Operation], taken: Iterable[str]) -> list[Operation]:
    """The same operations under names that no other endpoint has."""
    names, found = set(taken), []
    for one in operations:
        name = name_of(one.name, "endpoint", names)
        names.add(name)
        found.append(replace(one, name=name))
    return found


def table_text(operation: Operation) -> str:
    """Its table; in comments, with what to do, where it may change something or needs what is not known."""
    lines = [f"[endpoints.{_key(operation.name)}]"]
    lines += [f"{key} = {_inline(value)}" for key, value in operation.table().items()]
    if operation.is_ready:
        return "\n".join(lines) + "\n"
    hint = f"# {_hint(operation)}"
    return "\n".join([hint, *(f"# {line}" for line in lines)]) + "\n"


def _hint(operation: Operation) -> str:
    hints = []
    if operation.needs:
        hints.append(f"It needs {', '.join(one_line(need, MOST_SHOWN) for need in operation.needs)}.")
    if not operation.is_safe:
        hints.append(f"{operation.method} may change data.")
    return f'{" ".join(hints)} To load it, remove the "# " of these lines.'


def _key(name: str) -> str:
    return tomlkit.key(name).as_string()


def _inline(value: Any) -> str:
    """A value of TOML on one line, in which everything that is not seen is escaped."""
    if isinstance(value, dict):
        pairs = ", ".join(f"{_printable(_key(key))} = {_inline(part)}" for key, part in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, list):
        return f"[{', '.join(map(_inline, value))}]"
    return _printable(tomlkit.item(value).as_string())


def _printable(text: str) -> str:
    """In a quoted string of TOML, where the escape means the same."""
    return "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in text)


def extended(text: str, blocks: Sequence[str], where: Path) -> str:
    """The text of a benchmark.toml with more tables, behind the last endpoint; every byte that was there stays.

    UsageError: the file would be too large, or TOML does not allow it there.
    """
    newline = "\r\n" if "\r\n" in text else "\n"
    before = tomllib.loads(text)
    new = "".join(f"\n{block}" for block in blocks).replace("\n", newline)
    if len(text.encode()) + len(new.encode()) > MOST_BYTES - 10:
        message = f"{where} would be larger than {MOST_BYTES // 1024} KiB with {len(blocks):,} more endpoints"
        raise UsageError(f"{message}; choose some with --only, for example --only /orders")
    for place in dict.fromkeys([_behind_endpoints(text), len(text)]):
        head, tail = text[:place], text[place:]
        before_it = newline if head and not head.endswith("\n") else ""
        begun = new.removeprefix(newline) if not head or head.endswith(newline * 2) else new
        behind_it = newline if tail.strip() and not tail.startswith(("\n", "\r\n")) else ""
        made = f"{head}{before_it}{begun}{behind_it}{tail}"
        if _keeps(before, made):
            return made
    raise UsageError(f"{where} has no place for [endpoints.NAME]; write its endpoints as tables of that form")


def _behind_endpoints(text: str) -> int:
    """Where the last table of an endpoint ends, before comments that follow it; the end where there is none."""
    headers = [*_HEADER.finditer(text)]
    last = next((n for n in reversed(range(len(headers))) if _OF_ENDPOINT.match(headers[n][0])), None)
    if last is None:
        return len(text)
    begin = headers[last].end()
    end = headers[last + 1].start() if last + 1 < len(headers) else len(text)
    lines = text[begin:end].splitlines(keepends=True)
    while lines and (not lines[-1].strip() or lines[-1].lstrip().startswith("#")):
        lines.pop()
    return begin + len("".join(lines)) if lines else end


def _keeps(before: Mapping[str, Any], made: str) -> bool:
    """Whether the new text says all that the old one did, besides new endpoints."""
    try:
        after = tomllib.loads(made)
    except ValueError:
        return False
    old = before.get("endpoints", {})
    if not isinstance(old, dict):
        return False
    kept = {name: table for name, table in after.get("endpoints", {}).items() if name in old}
    rest = [{key: value for key, value in one.items() if key != "endpoints"} for one in (before, after)]
    return kept == old and rest[0] == rest[1]
