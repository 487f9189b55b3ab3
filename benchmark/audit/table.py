"""A published table as rows of numbers: CSV with any separator, Markdown, or JSON."""

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from io import StringIO
from pathlib import Path
from typing import Any

from benchmark.audit import cells
from benchmark.audit.cells import Printed, Writing, exactly
from benchmark.audit.columns import RATES, TIMES, Column, column
from benchmark.errors import UsageError

LARGEST_BYTES = 50 * 2**20
FEWEST_COLUMNS = 2  # that are recognised, before a line is taken for the names of columns
SEPARATORS = (",", ";", "\t", "|")
NAMES = {"name", "label", "endpoint", "server", "framework", "test", "run"}
_RULE = re.compile(r"\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*")
_TOTAL = re.compile(r"\b(?:aggregated?|total|all|overall|sum)\b", re.IGNORECASE)

Line = tuple[int, list[str]]
"""The number of a line, from 1, and its cells."""


@dataclass(frozen=True, slots=True)
class Row:
    """One load test. Latencies in ms, rates per second, percentiles by percent.

    `times`: its other columns by name, see `columns.Column.field`. `shares_users`: other rows of the table had the same
    users at the same time.
    """

    name: str
    line: int
    latencies: Mapping[str, Printed] = field(default_factory=dict)
    percentiles: Mapping[float, Printed] = field(default_factory=dict)
    rates: Mapping[str, Printed] = field(default_factory=dict)
    counts: Mapping[str, Printed] = field(default_factory=dict)
    shares_users: bool = False

    @property
    def label(self) -> str:
        return f"{self.name} (line {self.line})" if self.line else self.name


@dataclass(frozen=True, slots=True)
class Assumed:
    """What a table does not say: users, think time (s), the unit of its times, open requests of each user."""

    users: int | None = None
    think_s: float = 0.0
    unit: str | None = None
    pipelined: int = 1


@dataclass(frozen=True, slots=True)
class Table:
    """`used`, `ignored`: names of columns. `unreadable`: cells without such a number. `unit_assumed`: not written."""

    rows: tuple[Row, ...]
    used: tuple[str, ...]
    ignored: tuple[str, ...]
    unreadable: tuple[str, ...] = ()
    unit_assumed: bool = False


def read_tables(path: Path, text: str, assumed: Assumed) -> list[Table]:
    """Every table of a text in which at least two columns are recognised. UsageError: there is none."""
    found = [table for header, lines in _blocks(text) if (table := _table(header, lines, assumed)).rows]
    if not found:
        raise UsageError(
            f"{path}: no table was found: its first line must name the columns, e.g. "
            "name,users,throughput_rps,mean_ms,p50_ms,p99_ms; docs/auditing.md lists the names that are known"
        )
    return found


def read_text(path: Path) -> str:
    """UsageError: it cannot be read, or is no text."""
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise UsageError(f"{path} is larger than {LARGEST_BYTES // 2**20} MiB; name a table")
        raw = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}; name a file with a table") from None
    return decoded(raw, str(path))


def decoded(raw: bytes, source: str) -> str:
    """What people's programs save: UTF-8, UTF-16 with its mark, or Latin-1. UsageError: binary."""
    for encoding in ("utf-16",) if raw[:2] in {b"\xff\xfe", b"\xfe\xff"} else ("utf-8-sig", "latin-1"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise UsageError(f"{source} is no text; save the table as CSV")


def _blocks(text: str) -> Iterator[tuple[Line, list[Line]]]:
    """Every header with its lines."""
    if text.lstrip()[:1] in {"{", "["} and (found := _of_json(text)):
        yield found
        return
    lines = text.splitlines()
    rules = [number for number, line in enumerate(lines) if "-" in line and "|" in line and _RULE.fullmatch(line)]
    if rules:
        yield from (_of_markdown(lines, number) for number in rules if number)
        return
    if found := _of_csv(text):
        yield found


def _of_json(text: str) -> tuple[Line, list[Line]] | None:
    """A list of objects, or the object of objects that stands under "rows" or "endpoints"."""
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError):
        return None
    above: dict[str, Any] = {}
    if isinstance(found, dict):
        above = _plain(found.get("conditions"))
        found = next((found[key] for key in ("rows", "results", "endpoints", "data") if key in found), found)
    if isinstance(found, dict):
        found = [{"name": name, **row} for name, row in found.items() if isinstance(row, dict)]
    objects = [_plain(row) | _plain(row.get("summary")) | above for row in found if isinstance(row, dict)]
    names = list(dict.fromkeys(name for row in objects for name in row))
    return (0, names), [(0, [row.get(name, "") for name in names]) for row in objects]


def _plain(found: Any) -> dict[str, str]:
    return {
        str(key): str(value)
        for key, value in (found.items() if isinstance(found, dict) else ())
        if isinstance(value, str | int | float) and not isinstance(value, bool)
    }


def _of_markdown(lines: Sequence[str], rule: int) -> tuple[Line, list[Line]]:
    end = rule + 1
    while end < len(lines) and "|" in lines[end]:
        end += 1
    rows = [(number + 1, _split(lines[number])) for number in range(rule + 1, end)]
    return (rule, _split(lines[rule - 1])), rows


def _split(line: str) -> list[str]:
    """Cells of a line of Markdown; links, emphasis and escapes leave their words."""
    line = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", line.strip())
    parts = re.split(r"(?<!\\)\|", line.removeprefix("|").removesuffix("|"))
    return [re.sub(r"<br ?/?>.*", "", part).replace("\\", "").replace("&nbsp;", " ").strip(" *`") for part in parts]


def _of_csv(text: str) -> tuple[Line, list[Line]] | None:
    """The separator with which most names of columns are recognised, in the first line that has some.

    Where there is none, as a terminal prints it: columns are two spaces apart.
    """
    found = [block for separator in SEPARATORS if (block := _headed(_separated(text, separator)))]
    if not found:
        spaced = [(number, re.split(r"\s{2,}", line.strip())) for number, line in enumerate(text.splitlines(), start=1)]
        found = [block] if (block := _headed(spaced)) else []
    if not found:
        return None
    header, lines = max(found, key=lambda block: _known(block[0]))
    width = len(header[1])
    comments = [row for _, row in lines if row and row[0].lstrip().startswith("#") and len(row) < width]
    return header, [line for line in lines if line[1] not in comments and any(cell.strip() for cell in line[1])]


def _separated(text: str, separator: str) -> list[Line]:
    reader = csv.reader(StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    try:
        return [(reader.line_num, row) for row in reader]
    except csv.Error:
        return []


def _known(header: Line) -> int:
    return sum(column(name) is not None for name in header[1])


def _headed(lines: Sequence[Line]) -> tuple[Line, list[Line]] | None:
    at = next((at for at, line in enumerate(lines) if _known(line) >= FEWEST_COLUMNS), None)
    return None if at is None else (lines[at], list(lines[at + 1 :]))


def _table(header: Line, lines: Sequence[Line], assumed: Assumed) -> Table:
    names = header[1]
    columns = _chosen([column(name) for name in names])
    known = {at: one for at, one in enumerate(columns) if one is not None}
    if len(known) < FEWEST_COLUMNS:
        return Table((), (), tuple(names))
    every = [cell for _, row in lines for at, cell in enumerate(row) if at in known]
    comma = cells.decimal_comma(every)
    written = _writings(columns, lines, comma=comma)
    unreadable: list[str] = []
    texts = [at for at, one in enumerate(columns) if one is None]
    texts.sort(key=lambda at: names[at].strip().lower() not in NAMES)
    rows = [
        row
        for number, line in lines
        for row in _rows(number, line, known, texts, written, assumed, unreadable)
        if row.latencies or row.percentiles or row.rates
    ]
    total = {row.name for row in rows if _TOTAL.search(row.name)}
    if total and "users" not in {one.field for one in known.values()}:
        rows = [replace(row, shares_users=row.name not in total) for row in rows]
    timed = [at for at, one in known.items() if one.is_latency and one.unit is None]
    bare = any(re.search(r"\d\s*$", row[at]) for _, row in lines for at in timed if at < len(row))
    used = tuple(name for at, name in enumerate(names) if at in known)
    ignored = tuple(name for at, name in enumerate(names) if at not in known and name.strip())
    return Table(tuple(rows), used, ignored, tuple(unreadable), bare)


def _chosen(columns: Sequence[Column | None]) -> list[Column | None]:
    """Of several columns for one thing the first of those that say it best."""
    best: dict[tuple[str, str | None], Column] = {}
    for one in columns:
        if one is not None:
            known = best.setdefault((one.field, one.group), one)
            if one.rank > known.rank:
                best[one.field, one.group] = one
    return [one if one is not None and best[one.field, one.group] is one else None for one in columns]


def _writings(columns: Sequence[Column | None], lines: Sequence[Line], *, comma: bool) -> dict[int, Writing]:
    """How each column is written; percentiles come from one program, and are rounded alike."""

    def texts(places: Sequence[int]) -> list[str]:
        return [row[at] for _, row in lines for at in places if at < len(row)]

    percentiles = [at for at, one in enumerate(columns) if one and one.percentile is not None]
    together = cells.fills_up(texts(percentiles), comma=comma)
    return {
        at: Writing(comma, together if at in percentiles else cells.fills_up(texts([at]), comma=comma))
        for at, one in enumerate(columns)
        if one is not None
    }


def _rows(
    number: int,
    line: Sequence[str],
    known: Mapping[int, Column],
    texts: Sequence[int],
    written: Mapping[int, Writing],
    assumed: Assumed,
    unreadable: list[str],
) -> Iterator[Row]:
    """One row, or one for each number of users in the names of columns."""
    labels = [line[at].strip() for at in texts if at < len(line)]
    name = next((label for label in labels if re.search(r"[^\W\d_]", label)), f"row {number}")
    groups = dict.fromkeys(one.group for one in known.values() if one.group)
    for group in groups or (None,):
        row = Row(name if group is None else f"{name}, {group} users", number)
        latencies, percentiles = dict[str, Printed](), dict[float, Printed]()
        rates, counts = dict[str, Printed](), dict[str, Printed]()
        for at, one in known.items():
            if at >= len(line) or one.group not in {None, group} or cells.is_missing(line[at]):
                continue
            value = _value(line[at], one, written[at], assumed)
            if value is None:
                unreadable.append(f"line {number}: {line[at].strip()!r}")
            elif (percent := one.percentile) is not None:
                percentiles[percent] = value
            else:
                (latencies if one.is_latency else rates if one.field in RATES else counts)[one.field] = value
        if group is not None:
            counts["users"] = exactly(float(group))
        elif assumed.users is not None:
            counts.setdefault("users", exactly(float(assumed.users)))
        yield replace(row, latencies=latencies, percentiles=percentiles, rates=rates, counts=counts)


def _value(text: str, one: Column, written: Writing, assumed: Assumed) -> Printed | None:
    if one.is_latency:
        return cells.latency(text, one.unit or assumed.unit or "ms", written)
    if one.field in RATES:
        return cells.rate(text, one.per_s, written)
    if one.field in TIMES:  # they were set, so that no digit of them is open
        found = cells.latency(text, one.unit or "s", Writing(written.decimal_comma))
        return exactly(found.value / 1000) if found else None
    return cells.share(text, written) if one.field == "failed_share" else cells.amount(text, written)
