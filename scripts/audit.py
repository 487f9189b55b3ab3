"""`bench audit`: which rows of a published table cannot be true."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from benchmark.audit.cells import SPELLED, UNITS_MS
from benchmark.audit.laws import Audited, is_checked
from benchmark.audit.laws import audit as hold
from benchmark.audit.table import Assumed, decoded, read_text
from benchmark.errors import LONGEST_MESSAGE, BenchmarkError, UsageError, one_line
from benchmark.fields import parse_seconds
from benchmark.formatting import plain, say
from benchmark.store import SCHEMA_VERSION
from scripts import options

MOST_NAMED = 3  # of cells that could not be read


class ContradictionError(BenchmarkError):
    """Rows contradict each other, and it was asked to fail then."""


def audit(
    table: Annotated[
        str, Argument(help="CSV (any separator), Markdown or JSON with the names of columns; - reads standard input.")
    ],
    users: Annotated[
        int | None, Option("--users", min=1, metavar="<number>", help="Users of rows that name none.")
    ] = None,
    think_time: Annotated[
        str, Option("--think-time", metavar="<duration>", help="Pause of each user between response and next request.")
    ] = "0s",
    unit: Annotated[
        str | None, Option("--unit", metavar="<unit>", help="Unit of times that name none: ms, s, us, ns. Default: ms.")
    ] = None,
    pipeline: Annotated[
        int,
        Option("--pipeline", min=1, max=10_000, metavar="<number>", help="Requests that each user has open at once."),
    ] = 1,
    as_json: options.AsJson = False,
    gate: Annotated[bool, Option("--gate", help="Exit with code 1 if a row contradicts a law.")] = False,
) -> None:
    """Find rows of anybody's load test table that contradict Little's law, the order of percentiles, or a bound.

    Columns are recognised by the names that people and load generators give them: users or connections, req/s, mean,
    min, max, p50 ... p99.9. Printed digits count as what they leave open. docs/auditing.md has the laws and the names.

    Examples:
        bench audit results.csv
        bench audit stats.csv --users 500 --think-time 1s
        bench audit README.md --unit s

    """
    assumed = Assumed(users, _seconds(think_time), _unit(unit), pipeline)
    path = Path("standard input" if table == "-" else table)
    text = decoded(sys.stdin.buffer.read(), str(path)) if table == "-" else read_text(path)
    found = hold(path, text, assumed)
    broken = sum(len(one.flagged) for one in found)
    if as_json:
        sys.stdout.write(_as_json_text(found))
    else:
        _print(path, found)
    if gate and broken:
        raise ContradictionError(f"{broken} of {sum(len(one.table.rows) for one in found)} rows contradict a law")


def _seconds(text: str) -> float:
    try:
        return float(parse_seconds(text))
    except ValueError as error:
        raise UsageError(f"--think-time: {error}") from None


def _unit(text: str | None) -> str | None:
    found = SPELLED.get(text.lower(), text.lower()) if text else None
    if found is not None and found not in UNITS_MS:
        raise UsageError(f"--unit: {text!r} is no unit of time; write ms, s, us or ns")
    return found


def _print(path: Path, found: Sequence[Audited]) -> None:
    rows = [row for one in found for row in one.table.rows]
    broken = sum(len(one.flagged) for one in found)
    unchecked = sum(not is_checked(row) for row in rows)
    said = f"{broken} contradict{'s' if broken == 1 else ''} a law" if broken else "no contradiction"
    more = f"; {unchecked} with too few numbers to check" if unchecked else ""
    say(f"{plain(str(path))}: {len(rows)} row{'s' if len(rows) != 1 else ''}, {said}{more}", sys.stdout)
    for row, why in (flagged for one in found for flagged in one.flagged):
        laws = "; ".join(f"{one.law}: {one.why}" for one in why)
        say(f"{one_line(row.label)}: {one_line(laws, LONGEST_MESSAGE)}", sys.stdout)
    _print_columns(found)


def _print_columns(found: Sequence[Audited]) -> None:
    """What was read, on standard error: what is not read is not checked."""
    tables = [one.table for one in found]
    used = dict.fromkeys(name for table in tables for name in table.used)
    ignored = dict.fromkeys(name for table in tables for name in table.ignored if name not in used)
    more = f"; not read: {', '.join(ignored)}" if ignored else ""
    say(one_line(f"Columns read: {', '.join(used)}{more}"), sys.stderr)
    for unit in dict.fromkeys(one.unit for one in found if one.unit):
        say(f"Some times have no unit, {unit} is assumed; --unit says another", sys.stderr)
    unreadable = [cell for table in tables for cell in table.unreadable]
    if unreadable:
        left = len(unreadable) - MOST_NAMED
        some = f"{'; '.join(unreadable[:MOST_NAMED])}{f' and {left} more' if left > 0 else ''}"
        say(one_line(f"Left out, as they hold no such number: {some}"), sys.stderr)
    rows = [row for table in tables for row in table.rows if "throughput" in row.rates]
    if rows and not any("users" in row.counts for row in rows):
        say("No column names the users, so Little's law was not checked; say how many with --users", sys.stderr)


def _as_json_text(found: Sequence[Audited]) -> str:
    contradictions = [
        {"row": row.name, "line": row.line, "law": law.law, "why": law.why}
        for one in found
        for row, broken in one.flagged
        for law in broken
    ]
    rows = sum(len(one.table.rows) for one in found)
    return (
        json.dumps({"schema_version": SCHEMA_VERSION, "rows": rows, "contradictions": contradictions}, indent=1) + "\n"
    )
