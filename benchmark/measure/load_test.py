"""Locust, headless, as a child process: its command line, how far it is, what it wrote.

And a load worker for a benchmark that another machine leads: Locust's own worker, started anew for each round.
"""

import json
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import pandas as pd
from pydantic import Field

from benchmark.errors import InvalidRunError, UnwritableRunError, UsageError, one_line, quoted
from benchmark.fields import Count, Frozen
from benchmark.measure.machine import raise_open_file_limit
from benchmark.measure.process import Child, wait_for_exit
from benchmark.plan import Endpoint, Plan, Profile, own_locustfile
from benchmark.streams import stream_spec
from benchmark.uploads import attachment, parts
from load.spec import NEWS_VARIABLE, SECRETS_VARIABLE, SPEC_VARIABLE, LoadSpec, LoginSpec, RequestSpec, redact
from load.step_load import StepLoad
from load.values import Table

ROOT = Path(__file__).resolve().parents[2]
"""Where `load` lies: in the checkout, or where this repository was installed."""

START = ROOT / "load" / "start.py"
"""Locust's command line, without the settings files that it would look for."""

LOOPBACK = "127.0.0.1"
MASTER_PORT = 5557
"""Where load workers of other machines connect."""


def module_file(name: str) -> str:
    """File of a module of this repository.

    It is not imported, since that would import Locust, and not searched for, since the folder that is measured in
    may hold a module of the same name.
    """
    return str(ROOT.joinpath(*name.split(".")).with_suffix(".py"))


def load_environment(secrets: Sequence[str] = ()) -> dict[str, str]:
    """Environment of the processes that send requests.

    `secrets`: values of the app's environment that none of them may write down. `load` has to be ours, whatever lies
    in the folder they run in, and no LOCUST_ variable may change the load.
    """
    own = {name: value for name, value in os.environ.items() if not name.startswith("LOCUST_")}
    paths = [str(ROOT), *([own["PYTHONPATH"]] if own.get("PYTHONPATH") else [])]
    own |= {SECRETS_VARIABLE: json.dumps(list(secrets))}
    return own | {"PYTHONSAFEPATH": "1", "PYTHONPATH": os.pathsep.join(paths)}


def generator_command(profile: Profile | None, base_url: str, locustfiles: list[str]) -> list[str]:
    """Command line of the load generator. A failed request is a result here, not a failed command.

    Without a profile the locustfile itself says how many users there are, and when it is over.
    """
    command = [str(START), "-f", ",".join(locustfiles), "--headless", "--only-summary", "--host", base_url]
    always = ["--stop-timeout", "0", "--exit-code-on-error", "0"]
    if profile is None:
        return command + always
    if profile.stages and profile.rate_per_s is None:
        return [*command, *always, *_engine(profile)]  # load/locustfile.py has the shape
    load = ["--users", str(profile.users), "--spawn-rate", f"{profile.spawn_rate_per_s:g}"]
    return [*command, *load, "--run-time", f"{profile.duration_s:g}s", *always, *_engine(profile)]


ONE_PROCESS = {"processes": 1, "load_workers": 0}
"""Changes to a profile for what only one process can send: turns, and what stock Locust measures."""


def _engine(profile: Profile) -> list[str]:
    if profile.load_workers:
        wait = ("--expect-workers-max-wait", f"{ceil(profile.workers_within_s)}")
        return ["--master", "--expect-workers", str(profile.load_workers), *wait]
    return ["--processes", str(profile.processes)] if profile.processes > 1 else []


def master_port(profile: Profile) -> list[str]:
    """Where load processes of this machine meet: on a port of their own, so that two benchmarks do not mix."""
    if profile.load_workers or profile.processes == 1:
        return []
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port = str(probe.getsockname()[1])
    return ["--master-bind-host", LOOPBACK, "--master-bind-port", port, "--master-port", port]


def check_master_port(profile: Profile) -> None:
    """UsageError: load workers of other machines could not connect, as something else listens there."""
    if not profile.load_workers:
        return
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", MASTER_PORT))
        except OSError:
            message = f"--expect-workers: port {MASTER_PORT}, where load workers connect, is in use; is there another"
            raise UsageError(f"{message} bench run --expect-workers, or a Locust master? End it") from None


POLL_S = 0.05
EXIT_TIMEOUT_S = 60.0
MOMENTS = ("due_s", "sent_s", "first_byte_s", "end_s")
MOST_ERROR_LENGTH = 200
UNWRITABLE = "what was measured could not be written; free some space, or name another --out"


@dataclass(frozen=True)
class Counts:
    """How far a load is: users running, answers and failures so far."""

    users: int = 0
    requests: int = 0
    failures: int = 0


@dataclass(frozen=True)
class Window:
    """When the load ran, on the monotonic clock (s), and what it left unanswered. None: not known.

    `started_at_unix_s`: the start on the wall clock. `begun`: requests that users began; `written`: of which at least
    one byte was written; `reconnected`: which found the idle connection closed; `closed`, `withheld`: see
    load/clients.py. `generator_cpu_s`: processor time of all processes that sent the load. `repeated`, `cut_off`: what
    Locust's own clients hid, see load/stock_clients.py.
    """

    start_s: float
    spawned_s: float | None
    all_answered_s: float | None
    stop_s: float
    users_spawned: int
    users_answered: int | None
    waiting_since_s: list[float] | None
    requests: int
    garbage_collection_on: bool
    first_answers_s: list[float] | None = None
    opened_s: float | None = None
    """Of an open load: since when requests were due. `due`: how many were until the end; `sent`: how many of those."""
    due: int | None = None
    sent: int | None = None
    started_at_unix_s: float = 0.0
    waiting_for: list[str] | None = None
    """Of each that waits, the name of its request."""
    logins: int | None = None
    renewals: int | None = None
    failed_logins: int | None = None
    begun: int | None = None
    thoughts: int | None = None
    thought_s: float | None = None
    """How often users were told to think, and for how long in all."""
    written: int | None = None
    reconnected: int | None = None
    closed: int | None = None
    withheld: int | None = None
    generator_cpu_s: float | None = None
    repeated: int | None = None
    cut_off: int | None = None
    from_cache: Mapping[str, str] = field(default_factory=dict)
    """Of each request most of whose last responses say that they came from a cache: the header that says so."""
    silences: Mapping[str, float] = field(default_factory=dict)
    """Load processes that were not heard for a while, and for how long (s)."""


def request_specs(endpoint: Endpoint) -> tuple[RequestSpec, ...]:
    """The requests of a mix, or the only one of another endpoint."""
    mix = endpoint.mix
    if mix is None:
        return (_request_spec(endpoint),)
    weights = mix.weights or (1.0,) * len(mix.requests)
    specs = map(_request_spec, mix.requests)
    return tuple(replace(spec, weight=weight) for spec, weight in zip(specs, weights, strict=True))


def _request_spec(endpoint: Endpoint) -> RequestSpec:
    same = {name: getattr(endpoint, name) for name in ("name", "method", "path", "headers", "body", "take")}
    login, table = endpoint.login, endpoint.table
    return RequestSpec(
        **same,
        json=endpoint.json_body,
        form=parts(endpoint),
        file=attachment(endpoint.uploads[0]) if endpoint.file else None,
        **endpoint.expect.model_dump(),
        data=Table(table.file, table.drawn) if table else None,
        login=LoginSpec(_request_spec(login.request), login.take, login.header) if login and login.request else None,
        stream=stream_spec(endpoint.stream, endpoint.until),
    )


MOST_NAME_LENGTH = 200
UNNAMED = "(no name)"


def _raw_rows(file: Path, *, named: bool) -> pd.DataFrame:
    columns = [*MOMENTS, "exception", *(("request_type", "name") if named else ())]
    texts = {"exception": "string", "request_type": "category", "name": "category"}
    return pd.read_csv(file, dtype=texts, keep_default_na=False, usecols=columns)


def _names(raw: pd.DataFrame, secrets: Sequence[str]) -> pd.Series:
    """What each request is called: by its name, and by its method as well where two methods share a name."""
    names, kinds = raw["name"].astype(str), raw["request_type"].astype(str)
    pairs = raw[["request_type", "name"]].drop_duplicates()
    shared = names.isin(pairs["name"][pairs["name"].duplicated()].astype(str))
    called = names.where(~shared, kinds + " " + names)
    shown = {one: one_line(redact(one, secrets), MOST_NAME_LENGTH) or UNNAMED for one in called.unique()}
    return called.map(shown)


class LoadTest:
    """One Locust process that loads one endpoint and writes into one directory."""

    def __init__(
        self,
        plan: Plan,
        endpoint: Endpoint,
        base_url: str,
        spread_s: float,
        *,
        directory: Path,
        home: Path,
        step_load: StepLoad | None = None,
    ) -> None:
        self.directory = directory
        self._profile = plan.profile
        self._master = urlsplit(base_url).hostname if plan.target.url is None else None
        self._secrets = plan.secrets()
        own = own_locustfile(endpoint, home)
        self._named = own is not None or endpoint.mix is not None
        self._of_mix = endpoint.mix is not None
        locustfiles = [module_file("load.locustfile"), *([str(own)] if own else [])]
        same = ("client", "timeout_s", "wait_s", "users", "start", "rate_per_s", "arrivals", "seed", "load_workers")
        spec = LoadSpec(
            base_url,
            directory.resolve(),
            request=None if own or endpoint.is_scripted else _request_spec(endpoint),
            requests=request_specs(endpoint) if endpoint.is_scripted and not own else (),
            flow=endpoint.is_flow,
            ca_file=plan.target.ca_path(home),
            spread_s=spread_s,
            step_load=step_load,
            think=plan.profile.think if plan.profile.think.kind != "constant" else None,
            secret_variables=plan.secret_variables(),
            stages=plan.profile.course,
            spawn_rate_per_s=plan.profile.spawn_rate_per_s,
            processes=plan.profile.load_workers or plan.profile.processes,
            **{name: getattr(plan.profile, name) for name in same},
        )
        spec_file = directory / "load.json"
        spec.write(spec_file)
        command = generator_command(None if step_load else plan.profile, base_url, locustfiles)
        command += [] if step_load else master_port(plan.profile)
        self.child = Child(
            [sys.executable, *command],
            log=directory / "locust.log",
            directory=home,
            environment=load_environment(plan.hidden_values()) | {SPEC_VARIABLE: str(spec_file.resolve())},
            secrets=self._secrets,
        )

    @property
    def waits(self) -> bool:
        """Whether load workers of other machines are missing; the generator writes about itself when all are there."""
        return self._profile.load_workers > 0 and not (self.directory / "generator.csv").exists()

    def progress(self) -> Counts:
        file = self.directory / "generator.csv"
        lines = file.read_text().split("\n")[1:-1] if file.exists() else []  # the last one is not complete
        return Counts(*map(int, lines[-1].split(",")[1:4])) if lines else Counts()

    def check_processes(self) -> None:
        problem = self._problem()
        if problem is not None and problem["kind"] != "missing":
            self._raise(problem)

    def _problem(self) -> dict[str, str] | None:
        file = self.directory / "problem.json"
        found: dict[str, str] | None = json.loads(file.read_text()) if file.exists() else None
        return found

    def _raise(self, problem: dict[str, str]) -> NoReturn:
        if problem["kind"] == "usage":
            raise UsageError(problem["message"])
        if problem["kind"] == "unwritable":
            raise UnwritableRunError(f"{UNWRITABLE}: {problem['message']}")
        what_now = {
            "missing": f" within {self._profile.workers_within_s:g} s; start the missing ones: "
            f"bench worker --master {self._master or 'THIS_MACHINE'}",
            "lost": "; check its output and the network between the machines",
            "ended": "; its last lines, if it printed any:",
        }
        printed = self.child.tail() if problem["kind"] == "ended" else ""
        raise InvalidRunError(problem["message"] + what_now[problem["kind"]], printed)

    def require_success(self) -> None:
        """Wait for the end. InvalidRunError if Locust was killed, failed, or could not write down all it did."""
        code = wait_for_exit(self.child, EXIT_TIMEOUT_S)
        problem = self._problem()
        if problem is not None:
            self._raise(problem)
        if code == os.EX_IOERR:
            raise UnwritableRunError(f"{UNWRITABLE}; last lines:", self.child.tail())
        if code != 0:
            state = "did not end" if code is None else f"ended with exit code {code}"
            raise InvalidRunError(f"the load generator {state}; its last lines:", self.child.tail())
        if self.child.log.error is not None:
            raise InvalidRunError(f"the output of the load generator could not be kept: {self.child.log.error}")

    def read(self) -> tuple[Window, pd.DataFrame]:
        """Read the window and the request rows (see benchmark.summary). InvalidRunError if rows were lost."""
        logs = self._logs("requests")
        try:
            window = Window(**json.loads((self.directory / "window.json").read_text()))
            raw = pd.concat([_raw_rows(file, named=self._named) for file in logs], ignore_index=True)
        except (OSError, ValueError, TypeError) as error:
            raise InvalidRunError(f"what the load generator wrote cannot be read: {error}") from None
        if len(raw) != window.requests:
            message = f"the request log has {len(raw)} rows, Locust counted {window.requests} requests"
            raise InvalidRunError(f"{message}; the load generator's log (locust.log) may say why")
        require_all_accounted_for(window)
        return window, self._rows(raw, window.start_s)

    def read_processes(self) -> tuple[pd.DataFrame, ...]:
        return tuple(pd.read_csv(file) for file in self._logs("generator"))

    def read_streams(self) -> pd.DataFrame | None:
        """Read a row for each response of an endpoint that streams (see load/results.py); None: none does."""
        files = [file for file in self._logs("streams") if file.exists()]
        if not files:
            return None
        texts = dict.fromkeys(("name", "ended", "coding", "gaps"), "string")
        rows = pd.concat([pd.read_csv(file, dtype=texts) for file in files], ignore_index=True)
        return rows.fillna(dict.fromkeys(texts, ""))

    def _logs(self, kind: str) -> list[Path]:
        return sorted(self.directory.glob(f"{kind}-*.csv")) or [self.directory / f"{kind}.csv"]

    def _rows(self, raw: pd.DataFrame, start_s: float) -> pd.DataFrame:
        rows: pd.DataFrame = raw[list(MOMENTS)].apply(pd.to_numeric) - start_s
        rows["due_s"] = rows["due_s"].fillna(rows["sent_s"])
        errors = raw["exception"].map(lambda text: one_line(redact(text, self._secrets), MOST_ERROR_LENGTH))
        rows["error"] = errors.astype(str)
        if self._named:
            rows["name"] = raw["name"].astype(str) if self._of_mix else _names(raw, self._secrets)
        return rows


def require_all_accounted_for(window: Window) -> None:
    """Each request that was begun was right, failed, or still waited at the end. InvalidRunError: some are missing.

    It cannot happen but by a mistake of ours, or by a listener of Locust's events that fails.
    """
    if window.begun is None or window.waiting_since_s is None:
        return
    known = window.requests + len(window.waiting_since_s)
    if known != window.begun:
        message = f"users began {window.begun} requests, and of {window.begun - known} nothing is known"
        raise InvalidRunError(f"{message}; the load generator's log (locust.log) says why")


NEWS_POLL_S = 0.2
TOO_SOON_S = 3.0
"""A Locust process that fails within this time would fail again and again."""


class Master(Frozen):
    """Where the benchmark is led from."""

    host: str = Field(pattern=r"^[A-Za-z0-9._-]{1,253}$")
    port: Count = Field(default=MASTER_PORT, ge=1, le=65_535)


def parse_master(text: str) -> Master:
    host, colon, port = text.strip().partition(":")
    try:
        return Master.model_validate({"host": host, **({"port": port} if colon else {})})
    except ValueError:
        raise UsageError(f'--master: {text!r} is not an address; write it like "10.0.0.5" or "10.0.0.5:5557"') from None


def serve(master: Master, wait_s: float, pause: Callable[[float], None], say: Callable[[str], None]) -> None:
    """Load whenever the master asks for it, round after round, until none was heard for `wait_s`.

    InvalidRunError: Locust cannot even be started. UsageError: nothing was heard from a name that has no address.
    What `pause` raises ends it.
    """
    raise_open_file_limit()
    say(f"waiting for a benchmark on {master.host}:{master.port}; press Ctrl-C to stop")
    if unknown := _unresolved(master):
        say(f"{unknown}; trying again for {wait_s:g} s")  # a container's name is there when the container is
    heard = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        while time.monotonic() - heard < wait_s:
            news = Path(folder) / "news.txt"
            news.write_text("")
            if _one_round(master, news, heard + wait_s, pause, say):
                heard = time.monotonic()
    if unknown and (unknown := _unresolved(master)):
        raise UsageError(f"--master: {unknown}; check the name, or give an IP address")
    say(f"no benchmark on {master.host}:{master.port} within {wait_s:g} s; stopping")


def _unresolved(master: Master) -> str:
    """Say why a name has no address; "": it has one."""
    try:
        socket.getaddrinfo(master.host, master.port)
    except OSError as error:
        return f"{master.host} cannot be resolved ({error.strerror or error})"
    return ""


def _one_round(
    master: Master, news: Path, until: float, pause: Callable[[float], None], say: Callable[[str], None]
) -> bool:
    """Run one Locust worker until it ends, or was told nothing `until` then. Gives whether it was told something."""
    command = [sys.executable, str(START), "-f", module_file("load.distributed.worker_locustfile"), "--worker"]
    address = ["--master-host", master.host, "--master-port", str(master.port)]
    child = Child(
        [*command, *address, "--loglevel", "WARNING", "--exit-code-on-error", "0"],
        log=news.with_name("locust.log"),
        directory=news.parent,
        environment=load_environment() | {NEWS_VARIABLE: str(news)},
        grace_s=2.0,
    )
    began, told = time.monotonic(), 0
    with child:
        while child.exit_code is None and (told or time.monotonic() < until):
            pause(NEWS_POLL_S)
            told = _tell(news, told, say)
        code = child.exit_code
        told = _tell(news, told, say)
        if code and not told and time.monotonic() - began < TOO_SOON_S:
            raise InvalidRunError("the load worker could not be started; its last lines:", child.tail())
        if code:
            killed = code == -signal.SIGKILL
            how = (
                "was killed, perhaps because the system ran out of memory" if killed else f"ended with exit code {code}"
            )
            say(f"the load worker {how}; its last lines:\n{quoted(child.tail() or '(it printed nothing)')}")
    return told > 0


def _tell(news: Path, told: int, say: Callable[[str], None]) -> int:
    lines = news.read_text().splitlines()
    for line in lines[told:]:
        say(one_line(line))
    return len(lines)
