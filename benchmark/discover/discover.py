"""An app nobody has described yet: it is found, started, asked what it has, and written down or loaded for a moment."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from pathlib import Path
from urllib.parse import urlsplit

from benchmark.config import DEFAULT_FILE, DEFAULT_PROFILE, Config
from benchmark.discover.find import Found, find_apps
from benchmark.discover.operation import Operation
from benchmark.discover.source import PLACES, read_operations
from benchmark.discover.tries import PROFILE, ROOT, USERS, Tried, plan_of, running, try_all
from benchmark.discover.write import table_text
from benchmark.errors import AppError, BenchmarkError, UsageError
from benchmark.formatting import latency
from benchmark.measure.process import listening
from benchmark.measure.round import Pause
from benchmark.measure.server import check_target
from benchmark.plan import Endpoint, Target
from benchmark.record import EndpointResult, Record

MOST_PATHS, MOST_IN_PROFILE = 3, 5
MOST_TRIED = 12
MOST_TEXT = 100_000  # characters of endpoints in a new file: more than people read, less than a file may hold
QUEUES_FROM = 1.5
"""Times the fastest response from which half of the responses are said to wait."""

BUSY_PERCENT = 85.0
FULL_WORKER_PERCENT = 65.0  # of a core: on two cores, two workers and the load generator share them


@dataclass(frozen=True)
class Discovered:
    """An app that answers, how it was found, and what its openapi.json says (() where it has none).

    `first`: the first of them that can be loaded without knowing anything more. `unfit`: paths before those that do
    not respond as they declare, and what is wrong with their responses. `tried`: what all of them said that were asked.
    """

    target: Target
    found: str
    operations: tuple[Operation, ...]
    first: tuple[Endpoint, ...] = ()
    unfit: Mapping[str, str] = field(default_factory=dict)
    tried: tuple[Tried, ...] = ()

    def simple(self) -> tuple[Endpoint, ...]:
        """What can be requested without knowing anything more, best with no value that was made up; else "/"."""
        ready = [one for one in self.kept() if one.method == "GET" and one.is_ready]
        plain = [one.endpoint() for one in sorted(ready, key=lambda one: one.made_up)]
        return tuple(one for one in plain if not one.variables) or (ROOT,)

    def kept(self) -> tuple[Operation, ...]:
        """What benchmark.toml can hold."""
        return tuple(one for one in self.operations if one.problem() is None)

    def answered(self) -> list[str]:
        """Names of the endpoints that responded as they should."""
        return [one.endpoint.name for one in self.tried if one.is_right]


def discover(
    app: str | None, home: Path, python: str | None, written: Target | None = None, *, tries: bool = False
) -> Discovered:
    """Find the app that `app` names (an import path or a URL; None: the one of this folder) and ask what it has.

    `written`: [app] of a benchmark.toml that is there. It is the app of this folder; another one that is named is
    started with its Python and its environment. `tries`: everything that changes nothing is asked for once.
    UsageError: there is none, or more is needed to start it. AppError: it crashes.
    """
    if app is not None and app.startswith(("http://", "https://")):
        return discover_url(app, tries=tries)
    if app is None and written is not None and written.url is not None:
        return discover_url(written.url, written.ca_file, home, tries=tries)
    python = python or (written.python if written else None)
    if app is None and written is not None:
        with listening() as interrupt:
            target = written.model_copy(update={"python": python})
            return _asked(target, DEFAULT_FILE.name, home, interrupt.pause, tries=tries)
    candidates = [Found(app, None, home)] if app is not None else list(find_apps(home))
    if not candidates:
        message = "no FastAPI app was found here (pyproject.toml, main.py, app.py, api.py, app/, src/)"
        remedy = 'or write how it is started into benchmark.toml, and repeat this: [app] command = "PROGRAM {port}"'
        raise UsageError(f"{message}; name it: package.module:app, or a URL; {remedy}")
    with listening() as interrupt:
        env = written.env if written else {}
        return _started(candidates, home, {"python": python, "env": env}, interrupt.pause, tries=tries)


def discover_url(url: str, ca_file: str | None = None, home: Path = Path(), *, tries: bool = False) -> Discovered:
    """Ask an app that runs what it has. A path is its prefix where an openapi.json lies below; else it alone is loaded.

    UsageError: it is no URL of an app.
    """
    plain, _, query = url.partition("?")
    whole = _valid_target({"url": plain, "ca_file": ca_file})
    parts = urlsplit(plain)
    is_alone = not parts.path.strip("/")
    places = PLACES if is_alone else PLACES[:1]
    found = () if query else read_operations(str(whole.url), whole.ca_path(home), places)
    if found or (is_alone and not query):
        with listening() as interrupt:
            asked = Discovered(whole, url, found)
            return _looked_at(str(whole.url), asked, home, interrupt.pause, tries=tries)
    origin = whole.model_copy(update={"url": f"{parts.scheme}://{parts.netloc}"})
    path = (parts.path or "/") + (f"?{query}" if query else "")
    one = Operation("endpoint", "GET", path)
    if (problem := one.problem()) is not None:
        raise UsageError(f"{origin.url}: {problem}")
    return Discovered(origin, url, (one,))


def loading(found: Discovered, config: Config) -> str:
    """What is found, and what of it is loaded."""
    left_out = "".join(f"; not {path} ({problem})" for path, problem in found.unfit.items() if found.first)
    return f"{found.found}: {', '.join(endpoint.path for endpoint in config.endpoints.values())}{left_out}"


def _valid_target(values: Mapping[str, object]) -> Target:
    try:
        return Target.model_validate(values)
    except ValueError as error:
        reason = str(getattr(error, "errors", list)()[0]["msg"]).removeprefix("Value error, ")
        named = re.sub(r"//.*@", "//...@", str(next(iter(values.values()))))  # no password
        raise UsageError(f"{named}: {reason}") from None


def _looked_at(base_url: str, asked: Discovered, home: Path, pause: Pause, *, tries: bool) -> Discovered:
    """What is known of an app that runs, once the first of its paths were asked for, or all of them."""
    if not asked.operations:
        return asked
    simple = asked.simple()
    every = [one.endpoint() for one in asked.kept() if one.is_ready]
    tried = try_all(asked.target, every if tries else simple[:MOST_TRIED], base_url, home, pause)
    names = {one.name for one in simple[:MOST_TRIED]}
    problems = {one.endpoint.path: one.problem for one in tried if one.endpoint.name in names}
    first = tuple(one for one in simple[:MOST_TRIED] if problems.get(one.path, "") is None)[:MOST_PATHS]
    before = problems if len(first) < MOST_PATHS else list(problems)[: list(problems).index(first[-1].path)]
    unfit = {path: problem.partition(":")[0] for path in before if (problem := problems[path])}
    return replace(asked, first=first, unfit=unfit, tried=tuple(tried))


def _asked(target: Target, found: str, home: Path, pause: Pause, *, tries: bool) -> Discovered:
    target = check_target(plan_of(target, [ROOT]), home, pause)
    with running(target, home, pause) as base_url:
        asked = Discovered(target, found, read_operations(base_url, own_path=target.root_path))
        return _looked_at(base_url, asked, home, pause, tries=tries)


def _started(
    candidates: Sequence[Found], home: Path, more: Mapping[str, object], pause: Pause, *, tries: bool
) -> Discovered:
    """Of several ways to import an app the first that works; where none does, what is wrong with the first."""
    first: BenchmarkError | None = None
    for found in candidates:
        where = str(found.file.relative_to(home) if found.file != home else found.import_path)
        try:
            target = _valid_target({"import": found.import_path, "app_dir": found.app_dir, **more})
            return _asked(target, where, home, pause, tries=tries)
        except (UsageError, AppError) as error:
            first = first or error
    raise first or UsageError("no app was found")


def config_of(found: Discovered) -> Config:
    """The benchmark.toml of a first look, which no file holds."""
    endpoints = found.first or found.simple()[:MOST_PATHS]
    plan = plan_of(found.target, endpoints)
    return Config(
        app=found.target,
        endpoints={endpoint.name: endpoint for endpoint in plan.endpoints},
        profiles={PROFILE: plan.profile},
    )


def in_a_sentence(record: Record) -> list[str]:
    """What the load of a few seconds says of each endpoint, and no more than that."""
    return [
        f"{result.name}: {_sentence(result)}"
        for result in record.endpoints
        if result.summary is not None and result.summary.requests > result.summary.failures
    ]


def _sentence(result: EndpointResult) -> str:
    summary, (measured,) = result.summary, result.rounds
    if summary is None or not (summary.median_ms and summary.min_ms and summary.throughput_rps):
        return "nothing can be said."
    took = f"half of the responses took {latency(summary.median_ms)}, the fastest {latency(summary.min_ms)}"
    if summary.median_ms < QUEUES_FROM * summary.min_ms:
        return f"{USERS} users do not queue: {took}. Its limit shows with more users."
    used = measured.resources
    computing_ms = 10 * sum(used.worker_cpu_mean_percent or ()) / summary.throughput_rps
    full = max(used.worker_cpu_mean_percent or (0.0,)) >= FULL_WORKER_PERCENT
    if computing_ms > summary.min_ms / 2 and full:
        return f"{USERS} users queue for the CPU, of which a request takes {latency(computing_ms)}: {took}."
    if (used.machine_cpu_mean_percent or 0.0) > BUSY_PERCENT:
        return f"{USERS} users queue: {took}. The machine had no CPU left, so the reason cannot be said."
    slots = max(1, round(summary.throughput_rps * summary.min_ms / 1000))
    return f"{USERS} users queue: {took}. About {slots} at a time get a response; `bench diagnose` finds out why."


HEAD = """\
# What `bench` measures, and under which load. `bench run` measures it; all keys: docs/own-endpoints.md.
# Found: {found}

[app]
{app}
# env_file = ".env"         # what the app needs in its environment; values are written nowhere
# before_round = "python reset.py"   # runs before each round: a fresh state

"""
LOAD = """\
# `bench run`; flags change a value for one run (`bench run --help`).
[profiles.{profile}]
users = 50
spawn_rate = 50             # users started per second
start = "spread"
duration = "30s"
endpoints = [{names}]

# Then: `bench diagnose {first}` says what limits an endpoint, `bench capacity {first} --p95-below 300ms` how many
# users it can take, `bench compare main HEAD` whether your branch makes it slower.
"""


def config_text(found: Discovered) -> str:
    """A benchmark.toml with all that is known."""
    way = "import" if found.target.import_path else "url"
    app = [f"{way} = {_quoted(found.target.name)}"]
    app += (
        [f"workers = {found.target.workers}                 # worker processes of the server"]
        if way == "import"
        else []
    )
    app += [f"app_dir = {_quoted(found.target.app_dir)}"] if found.target.app_dir else []
    if found.target.python is not None:
        app.append(f"python = {_quoted(os.path.relpath(found.target.python))}     # has the app's packages")
    return HEAD.format(found=found.found, app="\n".join(app)) + endpoints_text(found)


def endpoints_text(found: Discovered) -> str:
    """What follows [app]: all endpoints, of which those that may change data, or need more, are commented out."""
    kept = found.kept()
    ready = [one for one in kept if one.is_ready]
    texts = [f"{table_text(one)}\n" for one in ready] or [f'[endpoints.{ROOT.name}]\npath = "{ROOT.path}"\n\n']
    texts += [f"{table_text(one)}\n" for one in kept if not one.is_ready]
    fitting = [text for text, end in zip(texts, accumulate(map(len, texts)), strict=True) if end <= MOST_TEXT]
    left_out = f"# {len(texts) - len(fitting)} more: `bench endpoints --only /path` adds some of them.\n\n"
    parts = [*fitting, *([left_out] if len(fitting) < len(texts) else [])]
    written = {one.name for one in ready[: len(fitting)]}
    names = [name for name in found.answered() if name in written][:MOST_IN_PROFILE]
    names = names or [ready[0].name if ready else ROOT.name]
    parts.append(LOAD.format(profile=DEFAULT_PROFILE, names=", ".join(map(_quoted, names)), first=names[0]))
    return "".join(parts)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
