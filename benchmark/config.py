"""benchmark.toml and the command line become a Plan, once, at the edge."""

import datetime as dt
import os
import shlex
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any, Literal, Self, TypeVar, get_args

from pydantic import Field, ValidationError, model_validator

from benchmark import traffic
from benchmark.cores import usable_cores
from benchmark.errors import UsageError
from benchmark.fields import AUTO, Count, Frozen, Line, Number
from benchmark.handover import SECRETS, env_lines, handed_over, how_to_set
from benchmark.plan import Endpoint, Plan, Profile, Target, own_locustfile
from benchmark.service import MeasuredService
from benchmark.slo import PromisedMetric, Tables, in_the_file, problem_of_slo
from benchmark.stages import asked_stages, follows
from benchmark.toml_file import cut, place, read_toml

DEFAULT_FILE = Path("benchmark.toml")
DEFAULT_PROFILE = "quick"
Model = TypeVar("Model", bound=Frozen)
MetricName = Literal[
    "throughput_rps",
    "median_ms",
    "p95_ms",
    "p99_ms",
    "excess_p50_ms",
    "failure_ratio",
    "server_cpu_us_per_request",
]


class Judging(Frozen):
    """When a number counts as changed (docs/judging.md says why these values)."""

    smallest_effect_percent: Number = Field(default=5.0, gt=0, le=100)
    band_mads: Number = Field(default=3.0, gt=0, le=100)
    fewest_runs: Count = Field(default=5, ge=2, le=1000)
    most_runs: Count = Field(default=20, ge=2, le=1000)

    @model_validator(mode="after")
    def _fewest_fit(self) -> Self:
        if self.fewest_runs > self.most_runs:
            raise ValueError("fewest_runs is more than most_runs: no baseline could ever be used")
        return self


class Accepted(Frozen):
    """A change that is known and wanted: from this run or this day (UTC) on the baseline starts anew.

    Without `endpoint` or `metric` it holds for all of them.
    """

    endpoint: Line | None = None
    metric: MetricName | None = None
    run: Line | None = None
    date: dt.date | None = None
    reason: Line

    @model_validator(mode="after")
    def _run_or_date(self) -> Self:
        if (self.run is None) == (self.date is None):
            raise ValueError('needs exactly one of run = "ID" and date = 2026-01-31')
        return self


class Config(Frozen):
    """The whole of benchmark.toml."""

    schema_version: int = Field(default=1, ge=1, le=1)
    app: Target
    endpoints: dict[str, Endpoint] = Field(min_length=1)
    profiles: dict[str, Profile] = Field(min_length=1)
    mixes: dict[str, traffic.MixTable] = Field(default_factory=dict)
    judging: Judging = Judging()
    accepted: tuple[Accepted, ...] = ()
    slo: dict[str, Tables] = Field(default_factory=dict)
    folder: Path = Field(default=Path(), exclude=True)

    @property
    def loadable(self) -> dict[str, Endpoint | traffic.MixTable]:
        """What a profile can name."""
        return {**self.endpoints, **self.mixes}

    def knows(self, name: str) -> bool:
        """Whether that is an endpoint or a mix, or the requests of one name of it."""
        return any(name == one or name.startswith(traffic.part_label(one, "")) for one in self.loadable)


@dataclass(frozen=True)
class Flag:
    """The flag that fills a field: its option, and what messages and the command of a record call it.

    `value`: what the help calls its value. `variable`: sets the same from the environment. `default`: what the help
    shows for it. `several`: may be given several times, or as a,b.
    """

    name: str
    help: str = ""
    value: str = "number"
    variable: str | None = None
    default: str | None = None
    several: bool = False


# Of the app: what the command line can say of one that runs already.
ELSEWHERE = {"url", "ca_file"}

# Every field of a profile or the app that the command line can change.
FLAGS = {
    "users": Flag(
        "--users", "Concurrent users; for a sweep repeat it, or write 20,50.", variable="BENCH_USERS", several=True
    ),
    "spawn_rate_per_s": Flag("--spawn-rate", "Users started per second.", variable="BENCH_SPAWN_RATE"),
    "duration_s": Flag("--duration", 'Load of each round, e.g. "30s" or "5m".', "duration", "BENCH_DURATION"),
    "task_seconds": Flag(
        "--task-seconds", "Duration of each of the app's three tasks, in seconds.", variable="BENCH_TASK_SECONDS"
    ),
    "rounds": Flag("--rounds", "Rounds per endpoint; tables show medians."),
    "endpoints": Flag(
        "--endpoint", "Only this endpoint; repeatable, or a,b.", "endpoint", "BENCH_ENDPOINTS", several=True
    ),
    "rate_per_s": Flag(
        "--rate",
        'Requests sent per second, independent of responses, e.g. "200/s"; at most --users of them in flight.',
        "rate",
    ),
    "stages": Flag(
        "--stages",
        'Stages of users, "30s@50,5s@500,30s@50", or of a rate, "30s@50/s,...", instead of --users and --duration.',
        "stages",
        several=True,
    ),
    "arrivals": Flag("--arrivals", "How requests of --rate are spaced: evenly, or at random.", "even|poisson"),
    "seed": Flag("--seed", "Seed of all random draws.", default="0"),
    "processes": Flag(
        "--processes", 'Processes that send the load; "auto": one for each core that the app leaves.', "number|auto"
    ),
    "load_workers": Flag(
        "--expect-workers", "Number of remote load workers to wait for: bench worker --master THIS_MACHINE."
    ),
    "workers_within_s": Flag(
        "--workers-within", 'How long each round waits for load workers, e.g. "60s" or "5m".', "duration"
    ),
    "workers": Flag("--workers", "uvicorn worker processes.", variable="BENCH_WORKERS"),
    "threads": Flag("--threads", "Threads in the pool of each worker."),
    "port": Flag("--port", "Port of the app; a free one by default."),
    "loop": Flag("--loop", "Event loop; asyncio where uvloop cannot be installed.", "uvloop|asyncio"),
    "url": Flag(
        "--url", "Load the app that runs at this address; none is started, whatever benchmark.toml says.", "url"
    ),
    "ca_file": Flag("--ca-file", "Of an app at https://...: the certificate of one more CA to trust.", "file"),
    "python": Flag("--python", "Python that has the app's packages.", "file", "BENCH_PYTHON", default="that of bench"),
}


def read_config(path: Path) -> Config:
    """Read and validate a benchmark.toml. UsageError names the file and the key's path."""
    return _with_environment(parse_config(path), path)


def parse_config(path: Path) -> Config:
    """Read and validate what stands in the files alone: enough to judge and to predict, where there are no secrets."""
    return _parsed(read_toml(path), path)


def read_app(path: Path) -> tuple[Target, bool]:
    """[app] of a benchmark.toml, and whether that is all that the file says so far: how the app is started."""
    raw = read_toml(path)
    alone = not (raw.get("endpoints") or raw.get("profiles"))
    if alone:
        load = {"users": 1, "spawn_rate": 1, "duration": "1s", "endpoints": ["root"]}
        raw |= {"endpoints": {"root": {"path": "/"}}, "profiles": {DEFAULT_PROFILE: load}}
    return validated(raw, path).app, alone


def validated(raw: dict[str, Any], path: Path) -> Config:
    """What a benchmark.toml holds, as a Config. UsageError names the file and the key's path."""
    return _with_environment(_parsed(raw, path), path)


def _parsed(raw: dict[str, Any], path: Path) -> Config:
    if "folder" in raw:
        raise UsageError(f"{path}: folder: unknown key")
    for section in ("endpoints", "profiles", "mixes"):
        tables = raw.get(section)
        for name, table in tables.items() if isinstance(tables, dict) else ():
            if not isinstance(table, dict):
                continue
            if "name" in table:
                raise UsageError(f"{path}: {section}.{name}.name: unknown key; the name is the one in [{section}.NAME]")
            if ours := next((key for key in ("mix", "table", "uploads", "wait_as") if key in table), None):
                raise UsageError(f"{path}: {section}.{name}.{ours}: unknown key")
            login = table.get("login")
            if isinstance(login, dict) and "request" in login:
                raise UsageError(f"{path}: {section}.{name}.login.request: unknown key")
            table["name"] = name
    try:
        config = Config.model_validate(raw)
    except ValidationError as error:
        raise UsageError(f"{path}: {_first_problem(error)}") from None
    config = config.model_copy(update={"folder": path.parent})
    return _with_services(_checked_as_a_whole(config, path), path)


def _with_services(config: Config, path: Path) -> Config:
    """Read the service times that `bench diagnose --keep` left next to benchmark.toml."""
    read = {name: _measured(endpoint, path) for name, endpoint in config.endpoints.items() if endpoint.service}
    if not read:
        return config
    kept = {name: one.model_copy(update={"measured": read.get(name)}) for name, one in config.endpoints.items()}
    return config.model_copy(update={"endpoints": kept})


def _measured(endpoint: Endpoint, path: Path) -> MeasuredService:
    file, where = path.parent / str(endpoint.service), f"{path}: endpoints.{endpoint.name}.service"
    again = f"write it again: bench diagnose {endpoint.name} --keep"
    try:
        return MeasuredService.model_validate_json(file.read_bytes())
    except OSError as error:
        raise UsageError(f"{where}: {file} cannot be read: {error.strerror}; {again}") from None
    except ValidationError as error:
        raise UsageError(f"{where}: {file}: {_first_problem(error)}; {again}") from None


def _with_environment(config: Config, path: Path) -> Config:
    """Fill in what the app finds in its environment: of `env_file` what ours does not hold already, and `env` over it.

    A request may name these variables, too, as those of our own environment. There, an empty variable is none: that is
    how a workflow hands over a secret that its repository does not have.
    """
    app, ours = config.app, {name: value for name, value in os.environ.items() if value}
    env = {name: ours.get(name, value) for name, value in read_env_file(app, path).items()}
    for name, text in app.env.items():
        try:
            env[name] = Template(text).substitute(ours | env)
        except KeyError as error:
            variable = error.args[0]
            message = f"{path}: app.env.{name} names ${variable}, which is not set; {how_to_set(variable)}"
            raise UsageError(f'{message} (a dollar is written "$$")') from None
        except ValueError:
            raise UsageError(f'{path}: app.env.{name}: a "$" that names no variable is written "$$"') from None
    for name in {name for endpoint in config.endpoints.values() for name in endpoint.variables} & env.keys():
        os.environ[name] = ours.get(name, env[name])
    python = app.python and str(path.parent.absolute() / app.python if os.sep in app.python else app.python)
    return config.model_copy(update={"app": app.model_copy(update={"env": env, "python": python})})


def read_env_file(app: Target, path: Path) -> dict[str, str]:
    """What the app's env_file holds. UsageError: it cannot be read, or a line of it is no NAME=value.

    It is in no checkout of a workflow. There, what BENCH_SECRETS held takes its place.
    """
    if app.env_file is None:
        return {}
    file = path.parent / app.env_file
    if not file.exists() and (names := handed_over()):
        return {name: os.environ[name] for name in names if name in os.environ}
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        message = f"{path}: app.env_file: {file} does not exist; write it, or hand its values over in {SECRETS}"
        raise UsageError(f"{message}, which workflows fill from the secret of that name") from None
    except (OSError, UnicodeDecodeError) as error:
        why = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else error.strerror
        raise UsageError(f"{path}: app.env_file: {file} cannot be read: {why}") from None
    return env_lines(text, f"{path}: app.env_file: {file}:")


def _checked_as_a_whole(config: Config, path: Path) -> Config:
    for endpoint in config.endpoints.values():
        if problem := traffic.problem_of_texts(endpoint):
            raise UsageError(f"{path}: endpoints.{endpoint.name}.{problem}")
    for profile in config.profiles.values():
        for name in profile.endpoints:
            if name not in config.loadable:
                wrong = traffic.unknown("endpoint", name, config.loadable)
                raise UsageError(f"{path}: profiles.{profile.name}.endpoints: {wrong}")
    if problem := traffic.problem_of_names(config.endpoints, config.mixes):
        raise UsageError(f"{path}: {problem}")
    if len(marked := [name for name, profile in config.profiles.items() if profile.headline]) > 1:
        message = f"{path}: profiles {' and '.join(marked)} have headline = true; the README shows only one of them"
        raise UsageError(message)
    for position, accepted in enumerate(config.accepted):
        if accepted.endpoint is not None and not config.knows(accepted.endpoint):
            wrong = traffic.unknown("endpoint", accepted.endpoint, config.loadable)
            raise UsageError(f"{path}: accepted.{position}.endpoint: {wrong}")
    _check_slo(config, path)
    return config


def _check_slo(config: Config, path: Path) -> None:
    measured = {one.name: traffic.promisable(one.endpoints, config.mixes) for one in config.profiles.values()}
    if problem := problem_of_slo(config.slo, traffic.promisable(config.loadable, config.mixes), measured):
        raise UsageError(f"{path}: {problem}")


# What pydantic finds, in words for people; all else in its own.
_PROBLEMS = {
    "missing": "is missing",
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be less than {lt}",
    "literal_error": "must be {expected}",
    "int_from_float": "must be a whole number",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "string_type": "must be text in quotes",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "tuple_type": "must be a list in brackets",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "string_pattern_mismatch": "must match {pattern}",
    "string_too_short": "must not be empty",
    "extra_forbidden": ": unknown key",
}


def _first_problem(error: ValidationError, flags: Mapping[str, Flag] | None = None) -> str:
    problems = error.errors(include_url=False)
    first = problems[0]
    flag = (flags or {}).get(str(first["loc"][0]) if first["loc"] else "")
    where = flag.name if flag else place(in_the_file(first["loc"]))
    of = {name: f"{it:,.15g}" if isinstance(it, int | float) else it for name, it in first.get("ctx", {}).items()}
    known = _PROBLEMS.get(first["type"])
    what = known.format(**of) if known else f": {first['msg'].removeprefix('Value error, ')}"
    given = first["input"]
    if first["type"] == "extra_forbidden" and first["loc"][:1] == ("slo",):
        what += f"; there are: {', '.join((*get_args(PromisedMetric), 'profile'))}"
    hidden = first["type"] in {"value_error", "extra_forbidden"} or first["loc"][:2] == ("app", "env")
    quoted = isinstance(given, str | int | float) and not hidden
    shown = f" (got {cut(repr(given))})" if quoted else ""
    more = f"; and {len(problems) - 1} more" if len(problems) > 1 else ""
    joint = "" if what.startswith(":") else " "
    return f"{where}{joint}{what}{shown}{more}" if where else f"{what.removeprefix(': ')}{more}"


def usual_profile(config: Config) -> str:
    """Name of the profile that is meant where none is named: `quick`, or the only one that there is."""
    return next(iter(config.profiles)) if len(config.profiles) == 1 else DEFAULT_PROFILE


def headline_profile(config: Config) -> str:
    """Name of the profile that the README shows. UsageError when benchmark.toml marks none."""
    name = next((profile.name for profile in config.profiles.values() if profile.headline), None)
    if name is None:
        raise UsageError("no profile of benchmark.toml has headline = true; set it for one, or use --profile")
    return name


def make_plan(config: Config, profile_name: str, values: Mapping[str, Any]) -> Plan:
    """Combine a profile with what the command line asks for. Values that are None or empty ask for nothing."""
    if profile_name not in config.profiles:
        raise UsageError(f"--profile: {traffic.unknown('profile', profile_name, config.profiles)}")
    asked = {key: value for key, value in values.items() if value not in (None, (), [])}
    asked = asked_stages(asked, config.profiles[profile_name].stages, {key: flag.name for key, flag in FLAGS.items()})
    for name in asked.get("endpoints", ()):
        if name not in config.loadable:
            raise UsageError(f"--endpoint: {traffic.unknown('endpoint', name, config.loadable)}")
    app = elsewhere(config.app, asked)
    for key in Target.model_fields.keys() - ELSEWHERE if app.url is not None else ():
        if key in asked:
            message = f"{FLAGS[key].name}: the app at {app.url} is not started here; omit the flag"
            raise UsageError(message)
    profile = _changed(config.profiles[profile_name], asked)
    target = _changed(app, asked)
    endpoints = tuple(
        traffic.loadable(name, config.endpoints, config.mixes, config.folder) for name in profile.endpoints
    )
    plan = Plan(
        target=target,
        profile=counted(profile, target),
        endpoints=endpoints,
        other_variables=(*handed_over(), *(name for one in config.endpoints.values() for name in one.variables)),
        slo=traffic.promised(endpoints, config.slo, profile_name),
    )
    for key in ("arrivals", "seed"):
        if profile.rate_per_s is None and key in asked and not (key == "seed" and traffic.draws(plan)):
            message = f"{FLAGS[key].name}: only applies to a rate, and there is none"
            raise UsageError(f"{message}; add --rate, or omit the flag")
    traffic.check_senders(plan)
    traffic.check_traffic(plan)
    return plan


def elsewhere(app: Target, asked: Mapping[str, Any]) -> Target:
    """The app at --url in the place of [app], of which nothing holds that is about starting one."""
    if "url" not in asked:
        return app
    kept = Target.model_fields if app.url is not None else ()
    values = {field: getattr(app, field) for field in kept} | {"url": asked["url"]}
    if not asked["url"].startswith("https://"):
        values["ca_file"] = None
    return checked(Target, values, FLAGS)


def make_plans(config: Config, profile_name: str, values: Mapping[str, Any]) -> list[Plan]:
    """One plan for each number of `users`: several are a sweep."""
    return [make_plan(config, profile_name, {**values, "users": number}) for number in values["users"] or (None,)]


def _changed(model: Model, asked: Mapping[str, Any]) -> Model:
    values = {field: getattr(model, field) for field in type(model).model_fields}
    return checked(type(model), values | {key: value for key, value in asked.items() if key in values}, FLAGS)


def checked(model: type[Model], values: Mapping[str, Any], flags: Mapping[str, Flag]) -> Model:
    """Make a model of what the command line says. UsageError names the flag (`flags`: by field)."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise UsageError(_first_problem(error, flags)) from None


def check_plan(plan: Plan, directory: Path) -> None:
    """Refuse a plan that this machine cannot start: a variable or a locustfile that is not there."""
    for endpoint, variable in plan.missing_variables():
        message = f"endpoint {endpoint.name!r} names ${variable}, which is not set; {how_to_set(variable)}"
        raise UsageError(f'{message} (a "$" that names no variable is written "$$")')
    if (file := plan.target.ca_path(directory)) is not None:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
        except OSError as error:  # what OpenSSL says, too
            message = f"[app] ca_file: {plan.target.ca_file} holds no certificates: {error.strerror or error}"
            raise UsageError(message) from None
    for variable in sorted({name for endpoint in plan.endpoints for name in endpoint.header_variables}):
        if not (os.environ[variable].isascii() and os.environ[variable].isprintable()):
            message = f"${variable} cannot be sent in a header: it holds a line break or a character beyond ASCII"
            raise UsageError(message)
    for variable in sorted({name for endpoint in plan.endpoints for name in endpoint.variables}):
        if any("\ud800" <= char <= "\udfff" for char in os.environ[variable]):
            raise UsageError(f"${variable} cannot be sent: it holds bytes that are not UTF-8")
    for endpoint in plan.endpoints:
        locustfile = own_locustfile(endpoint, directory)
        if locustfile is not None and not locustfile.is_file():
            raise UsageError(f"endpoint {endpoint.name!r}: its locustfile {endpoint.locustfile} does not exist")


def customised(config: Config, plan: Plan) -> tuple[str, ...]:
    """Flags whose values differ from what benchmark.toml says, in a fixed order."""
    before = counted(config.profiles[plan.profile.name], plan.target).model_dump() | config.app.model_dump()
    now = plan.profile.model_dump() | plan.target.model_dump()
    idle = Target.model_fields.keys() - ELSEWHERE if plan.target.url is not None else set()
    idle |= follows(now["stages"]).keys() - {"stages"} if now["stages"] else set()
    idle |= {"spawn_rate_per_s"} if now["stages"] and now["spawn_rate_per_s"] == now["users"] else set()
    return tuple(
        flag.name for field, flag in FLAGS.items() if field in now.keys() - idle and before[field] != now[field]
    )


def command_line(
    plan: Plan,
    changed: tuple[str, ...],
    file: Path = DEFAULT_FILE,
    *,
    python: str | None = None,
    url: str | None = None,
) -> str:
    """What to type to repeat a run. `python`: what was asked for, where benchmark.toml does not name it.

    `url`: what was asked for in the place of a benchmark.toml.
    """
    values = plan.profile.model_dump() | plan.target.model_dump()
    words = ["bench", "run", *(["--url", url] if url else ["--profile", plan.profile.name])]
    words += [] if file.name == DEFAULT_FILE.name else ["--config", file.name]
    words += ["--python", python] if python else []
    for field, flag in FLAGS.items():
        value = values[field] if flag.name in changed else ()
        for item in value if isinstance(value, tuple) else (value,):
            unit = "s" if field == "duration_s" else ""
            words += [flag.name, f"{item:.12g}{unit}" if isinstance(item, float) else str(item)]
    return shlex.join(words)


def cores_left(target: Target) -> int:
    """Cores of this machine that the workers of the app leave to processes that send the load; at least one."""
    return max(1, len(usable_cores()) - (0 if target.url else target.workers))


def counted(profile: Profile, target: Target) -> Profile:
    return profile if profile.processes != AUTO else profile.model_copy(update={"processes": cores_left(target)})
