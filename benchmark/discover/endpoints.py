"""`bench endpoints`: what an app can be asked, written into benchmark.toml, and each safe request tried once."""

import tomllib
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmark.config import Config, validated
from benchmark.discover.curl import curl_operation, is_curl
from benchmark.discover.openapi import operations, require_openapi
from benchmark.discover.operation import Operation
from benchmark.discover.recorded import har_operations, is_har
from benchmark.discover.source import app_document, file_document, url_document
from benchmark.discover.tries import ROOT, Tried, plan_of, running, try_all
from benchmark.discover.write import extended, known_endpoints, matched, renamed, table_text
from benchmark.errors import AppError, UsageError
from benchmark.measure.process import listening
from benchmark.measure.server import check_target
from benchmark.plan import Target
from benchmark.store import write_whole
from benchmark.toml_file import read_toml
from load.spec import READING

APP = "app"
WITHOUT = {"users": 1, "spawn_rate": 1, "duration": "1s"}


@dataclass(frozen=True)
class Found:
    """What a source describes, and what of it was passed over, in words."""

    where: str
    operations: Sequence[Operation]
    left_out: Sequence[str] = ()


@dataclass(frozen=True)
class Outcome:
    """What was found, what benchmark.toml lacked, what it cannot hold and why, and what the app said.

    `not_tried`: why nothing was asked.
    """

    found: Found
    written: tuple[Operation, ...]
    refused: tuple[tuple[Operation, str], ...]
    tried: tuple[Tried, ...]
    not_tried: str | None


def add_endpoints(source: str, file: Path, *, python: str | None, only: str, tries: bool) -> Outcome:
    """Write the endpoints that benchmark.toml lacks, and ask for those that change nothing.

    UsageError, AppError: nothing was written. An app that does not start is told in `not_tried`, unless it is the one
    that has to say what there is.
    """
    if not file.exists():
        raise UsageError(f"{file} does not exist; `bench init` writes it, with the endpoints of the app of this folder")
    raw = read_toml(file)
    text = file.read_bytes().decode()
    config = _validated(raw, file)
    home, target = file.resolve().parent, config.app
    target = target.model_copy(update={"python": python}) if python else target
    with ExitStack() as stack, listening() as interrupt:

        def started() -> str:
            checked = check_target(plan_of(target, [ROOT]), home, interrupt.pause)
            return stack.enter_context(running(checked, home, interrupt.pause))

        base_url = started() if source == APP else None
        found = _only(find(source, target, home, base_url, only), only)
        written, refused, active, made = _added(text, found.operations, file)
        if written:
            config = _validated(tomllib.loads(made), file)
            _write(file, made)
        asked = [config.endpoints[name] for name in active if config.endpoints[name].method in READING]
        if not tries:
            return Outcome(found, written, refused, (), "--no-try")
        try:
            tried = try_all(target, asked, base_url or started(), home, interrupt.pause) if asked else []
        except (AppError, UsageError) as error:
            return Outcome(found, written, refused, (), error.message)
    return Outcome(found, written, refused, tuple(_explained(one, active[one.endpoint.name]) for one in tried), None)


def _explained(tried: Tried, operation: Operation) -> Tried:
    """The same, with what to do where a value of ours was not what the app has."""
    if tried.is_right or tried.answer_s is None or not operation.made_up or tried.endpoint.path != operation.path:
        return tried
    return replace(tried, problem=f"{tried.problem}; its values were made up: write ones that exist")


def _validated(raw: dict[str, Any], file: Path) -> Config:
    """A benchmark.toml, which may have no endpoints and no profiles yet."""
    endpoints = raw.get("endpoints") or {"root": {"path": "/"}}
    first = next(iter(endpoints)) if isinstance(endpoints, dict) else "root"
    profiles = raw.get("profiles") or {"try": {**WITHOUT, "endpoints": [first]}}
    return validated({**raw, "endpoints": endpoints, "profiles": profiles}, file)


def find(source: str, target: Target, home: Path, base_url: str | None, only: str = "") -> Found:
    """What a source describes; `base_url`: of the app that runs, if it is the source. UsageError: it cannot be read."""
    own_path = target.url or target.root_path
    ca_file = target.ca_path(home)
    if base_url is not None:
        return Found("the app's openapi.json", operations(app_document(base_url, ca_file), own_path or base_url, only))
    if is_curl(source):
        return Found("the curl command", [curl_operation(source, target.url)])
    if source.startswith(("http://", "https://")):
        document, where = url_document(source, ca_file)
        return Found(where, operations(document, own_path or source, only))
    document = file_document(Path(source))
    if is_har(document):
        made, left_out = har_operations(document, source, target.url)
        return Found(source, made, left_out)
    return Found(source, operations(require_openapi(document, source), own_path, only))


def _only(found: Found, only: str) -> Found:
    wanted = [one for one in found.operations if only in one.name or only in one.template]
    if not wanted:
        without = f" with {only!r} in its path or name; omit --only" if only else ""
        raise UsageError(f"{found.where} describes no operation{without}")
    return Found(found.where, wanted, found.left_out)


Added = tuple[tuple[Operation, ...], tuple[tuple[Operation, str], ...], dict[str, Operation], str]


def _added(text: str, wanted: Sequence[Operation], file: Path) -> Added:
    """What a benchmark.toml lacks, what it cannot hold, what it has then by name, and its new text."""
    tables = tomllib.loads(text).get("endpoints", {})
    known = known_endpoints(text, tables)
    there = matched(wanted, known)
    problems = {one.name: one.problem() for one in wanted if one.name not in there}
    refused = tuple((one, problem) for one in wanted if (problem := problems.get(one.name)) is not None)
    sound = [one for one in wanted if one.name in problems and problems[one.name] is None]
    written = renamed(sound, [one.name for one in known])
    active = {there[one.name].name: one for one in wanted if one.name in there and there[one.name].is_active}
    active |= {one.name: one for one in written if one.is_ready}
    made = extended(text, [table_text(one) for one in written], file) if written else text
    return tuple(written), refused, active, made


def _write(file: Path, text: str) -> None:
    try:
        write_whole(file.resolve(), text)
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}; nothing was changed") from None
