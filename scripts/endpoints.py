"""`bench endpoints`: write what an app can be asked into benchmark.toml."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from typer import Option

from benchmark.config import DEFAULT_FILE
from benchmark.discover.endpoints import APP, Outcome, add_endpoints
from benchmark.discover.operation import Operation
from benchmark.discover.tries import Tried
from benchmark.errors import one_line
from benchmark.formatting import latency, say
from scripts import options

MOST_LISTED = 40
FROM = 'app (the one of benchmark.toml), a URL, an openapi.json, a HAR file, or "curl ..." in quotes.'


def endpoints(
    *,
    source: Annotated[str, Option("--from", metavar="<source>", help=f"What describes them: {FROM}")] = APP,
    only: Annotated[str, Option(metavar="<text>", help="Only operations with this text in their path or name.")] = "",
    tries: Annotated[bool, Option("--try/--no-try", help="Send each request that changes nothing once.")] = True,
    python: options.Python = None,
    config: options.ConfigFile = DEFAULT_FILE,
    as_json: options.AsJson = False,
) -> None:
    """Write the endpoints of an app into benchmark.toml, from its OpenAPI specification or from recorded requests.

    Path, query and body come from the specification's examples and defaults, else from its schemas; the same
    specification gives the same requests. Logins become variables such as $TOKEN, and of a HAR file or a curl command
    no secret is kept. What may change data (POST, PUT, PATCH, DELETE) is written as a comment. Then the app is
    started, and asked once for each of the others. Endpoints that are there already stay as they are.

    Examples:
        bench endpoints
        bench endpoints --from openapi.json --only /orders
        bench endpoints --from "curl http://localhost:8000/orders?limit=20"

    """
    done = add_endpoints(source, config, python=python, only=only, tries=tries)
    if as_json:
        sys.stdout.write(json.dumps(_as_json(done), indent=1) + "\n")
    else:
        _show(done, config)


def _show(done: Outcome, file: Path) -> None:
    found = done.found
    number = len(found.operations)
    left = f" Left out: {', '.join(found.left_out)}." if found.left_out else ""
    _say(f"{found.where}: {number:,} operation{'s' if number != 1 else ''}.{left}")
    ready = [one for one in done.written if one.is_ready]
    others = [one for one in done.written if not one.is_ready]
    if done.written:
        counts = [f"{len(ready):,} endpoint{'s' if len(ready) != 1 else ''}"] if ready else []
        counts += [f"{len(others):,} as comments, which may change data or need more"] if others else []
        _say(f"Wrote to {file}: {', and '.join(counts)}.")
    else:
        _say(f"{file} has all of them already; nothing was changed.")
    for one, problem in done.refused[:MOST_LISTED]:
        _say(f"  {one.method} {one.path} was left out: {problem}")
    _list_needs(others)
    if done.not_tried is not None and done.not_tried != "--no-try":
        _say(f"Nothing was tried: {done.not_tried}")
    print_tried(done.tried)
    right = [one.endpoint.name for one in done.tried if one.is_right]
    if right:
        _say(f"Next: `bench run --endpoint {right[0]}`, or name them in a profile of {file}.")


def _list_needs(others: Sequence[Operation]) -> None:
    """Say what is missing, beyond that a request may change data."""
    for one in [one for one in others if one.needs][:MOST_LISTED]:
        _say(f"  {one.name} needs {', '.join(one.needs)}")


def print_tried(tried: Sequence[Tried]) -> None:
    """A line for each endpoint that was asked once."""
    if not tried:
        return
    _say(f"Tried once: {sum(one.is_right for one in tried):,} of {len(tried):,} responded as expected.")
    for one in tried[:MOST_LISTED]:
        took = latency(1000 * one.answer_s) if one.answer_s is not None else ""
        what = one.problem or f"{one.endpoint.expect.status} in {took}"
        _say(f"  {one.endpoint.name} ({one.endpoint.method} {one.endpoint.path}): {what}")
    if len(tried) > MOST_LISTED:
        _say(f"  ... and {len(tried) - MOST_LISTED:,} more; --json lists all")


def _say(text: str) -> None:
    """One line: what it names comes from outside."""
    indent = len(text) - len(text.lstrip())
    say(" " * indent + one_line(text), sys.stdout, hang=2)


def _as_json(done: Outcome) -> dict[str, Any]:
    return {
        "source": done.found.where,
        "left_out": list(done.found.left_out),
        "written": [
            {"name": one.name, "is_comment": not one.is_ready, "needs": list(one.needs), **one.table()}
            for one in done.written
        ],
        "refused": [{"method": one.method, "path": one.path, "problem": problem} for one, problem in done.refused],
        "tried": [
            {
                "name": one.endpoint.name,
                "problem": one.problem,
                "status": one.endpoint.expect.status if one.is_right else None,
                "answer_ms": None if one.answer_s is None else round(1000 * one.answer_s, 3),
            }
            for one in done.tried
        ],
        "not_tried": done.not_tried,
    }
