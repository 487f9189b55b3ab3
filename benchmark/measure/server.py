"""The app under uvicorn: its import is checked first; it is fresh for every round, and gone at the end."""

import http.client
import json
import os
import re
import shlex
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path

import psutil

from benchmark.errors import AppError, InvalidRunError, UsageError
from benchmark.measure import clean_path
from benchmark.measure.causes import cause, lacking_module, lacking_variable
from benchmark.measure.machine import app_python
from benchmark.measure.process import Child, wait_for_exit
from benchmark.plan import Plan, Target
from load.spec import redact

CLEAN_PATH = Path(__file__).with_name("clean_path.py")
IMPORT_TIMEOUT_S = 60.0
CHECK_POLL_S = 0.02
GRACE_S = 1.0
"""For what an app does when Python ends. Threads that never end, and processes that it has started, are ended then."""

Pause = Callable[[float], None]


@dataclass(frozen=True)
class Imported:
    """What came of importing the app once. `is_factory`: it is a function that makes the app."""

    outcome: str | None
    reason: str = ""
    found: str = ""
    named: str | None = None
    is_factory: bool = False


def check_import(plan: Plan, directory: Path, pause: Pause) -> bool:
    """Import the app once, as its server will; says whether it is a function that makes the app.

    UsageError: its Python finds no such app, or one of another place, or not the server. AppError: it crashes.
    """
    target, secrets = plan.target, plan.secrets()
    import_path, python = str(target.import_path), _python(target)
    longest_s = max(IMPORT_TIMEOUT_S, target.startup_timeout_s)
    with tempfile.TemporaryDirectory(prefix="bench-import-") as folder:
        answer = Path(folder, "answer.json")
        needs = ",".join(_needs(target))
        # -B: leaves no files
        command = [python, "-B", str(CLEAN_PATH), "--import", import_path, needs, str(answer), target.app_dir or "."]
        log = Path(folder, "import.log")
        environment = app_environment(plan, directory)
        child = Child(command, log=log, directory=directory, environment=environment, secrets=secrets, grace_s=GRACE_S)
        deadline = time.monotonic() + longest_s
        with child:
            while child.exit_code is None and not answer.exists():
                pause(CHECK_POLL_S)
                if time.monotonic() > deadline:
                    message = f"importing {import_path} took longer than {longest_s:g} s"
                    remedy = (
                        f'look for work at import time, or give it more: [app] startup_timeout = "{2 * longest_s:g}s"'
                    )
                    raise AppError(f"{message}; {remedy}. Its last lines:", child.tail())
            code = wait_for_exit(child, GRACE_S)
        found = Imported(**json.loads(answer.read_text())) if answer.exists() else Imported(None)
        found = replace(found, reason=redact(found.reason, secrets), found=redact(found.found, secrets))
    problem = _problem(found, target, directory, python)
    if problem is not None:
        raise UsageError(problem)
    if found.outcome != clean_path.IMPORTED:
        how = f" (exit code {code})" if found.outcome is None else ""
        hint = _hint(found, target) or cause(child.tail(), target, python)
        why = f"the app crashes when {import_path!r} is imported{how}{hint and f': {hint}'}"
        raise AppError(f"{why}; its last lines:", child.tail())
    return found.is_factory


def _hint(found: Imported, target: Target) -> str:
    """What to do about a crash whose cause its exception tells."""
    if found.outcome == clean_path.LACKS_MODULE and found.named is not None and target.app_dir is None:
        return f'{found.reason} is in {found.named}/: write app_dir = "{found.named}" into [app]'
    if found.outcome == clean_path.LACKS_MODULE:
        return lacking_module(found.reason, _python(target))
    return lacking_variable(found.reason) if found.outcome == clean_path.LACKS_VARIABLE else ""


def _problem(found: Imported, target: Target, directory: Path, python: str) -> str | None:
    """Why the app cannot be measured, and what to do; None: it can, or it crashes."""
    match found.outcome:
        case clean_path.LACKS_SERVER:
            return _lacking(found.reason, target, python, found.named)
        case clean_path.NO_SUCH_APP:
            where = f"{directory.name or '.'}/"
            remedy = "Check [app] import."
            folder = found.named
            if folder is not None:
                remedy = f'It is in {folder}/: write app_dir = "{folder}" into [app].'
            return f"app {target.import_path!r} does not exist in {where}: {found.reason} {remedy}"
        case clean_path.ANOTHER_APP:
            return _another_app(str(target.import_path), directory, found.found, found.named)
    return None


def _needs(target: Target) -> list[str]:
    """Modules that the server imports, in the order in which their lack is reported."""
    modules = {"uvicorn": ["uvicorn", "httptools"], "gunicorn": ["gunicorn", "uvicorn"]}.get(
        target.server, [target.server]
    )
    return [*modules, *(["uvloop"] if target.loop == "uvloop" else [])]


def _lacking(module: str, target: Target, python: str, there: str | None) -> str:
    package = '"uvicorn[standard]"' if module in {"uvicorn", "httptools", "uvloop"} else module
    if module == "uvloop":
        late = target.workers > 1 and target.sockets == "shared" and target.server == "uvicorn"
        why = ", and without it several uvicorn workers answer 45 ms late" if late else ""
        return f"uvloop is not installed{why}: pip install {package}, or accept it with --loop asyncio"
    if module == target.server:
        other = f', or write server = "{there}", which is there, into [app]' if there else ""
        return (
            f"{module}, which serves the app here, is not among the packages of {python}: pip install {package}{other}"
        )
    return f"{module}, which {target.server} needs here, is not among the packages of {python}: pip install {package}"


def _another_app(import_path: str, directory: Path, found: str, named: str | None) -> str:
    if named is None:
        where = f"does not exist in {directory.name or '.'}/"
        return f"app {import_path!r} {where}: Python finds {found} of this benchmark instead. Check [app] import."
    packages = [package for package in reversed(Path(named).parents) if package.name]
    lacking = [package for package in packages if not (directory / package / "__init__.py").is_file()]
    remedy = f"add {lacking[0]}/__init__.py" if lacking else f"rename {(packages or [Path(named)])[0]}"
    return f"app {import_path!r} is not {named} of {directory.name or '.'}/: Python finds {found} first; {remedy}"


EVERYWHERE = "0.0.0.0"  # noqa: S104 - who writes it into benchmark.toml wants it
NOWHERE = "192.0.2.1"  # reserved for documentation (RFC 5737)
POLL_S = 0.05
READY_TIMEOUT_S = 5.0
REPORTS_S = 5.0  # within which a server that has ended has its exit code
GUNICORN_WORKER = {"uvloop": "uvicorn.workers.UvicornWorker", "asyncio": "uvicorn.workers.UvicornH11Worker"}

OWN_SOCKETS = Path(__file__).with_name("own_sockets.py")


def server_command(target: Target, port: int) -> list[str]:
    """Command line of the server, for any Python that has the app's packages; without that Python.

    Where this repository is installed, too, clean_path.py goes before it: the app must not find our packages.
    `--timeout-worker-healthcheck`: a worker that is kept busy is no dead worker.
    """
    app, host, workers = str(target.import_path), target.host, str(target.workers)
    if target.sockets == "per-worker" and target.workers > 1:
        # -P: the folder of that file is no place to import an app's modules from
        own = ["-P", str(OWN_SOCKETS), app, "--host", host, "--port", str(port), "--workers", workers]
        own += ["--factory"] if target.factory else []
        return [*own, *(["--root-path", target.root_path] if target.root_path else []), "--loop", target.loop]
    called = f"{app}()" if target.factory else app
    factory = ("--factory",) if target.factory else ()
    bind = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    root = target.root_path
    match target.server:
        case "granian":
            command = ["-m", "granian", "--interface", "asgi", *factory, "--host", host, "--port", str(port)]
            command += ["--workers", workers, "--loop", target.loop, "--log-level", "warning"]
            command += ["--url-path-prefix", root] if root else []
            return [*command, *target.server_args, app]
        case "hypercorn":
            command = ["-m", "hypercorn", "--bind", bind, "--workers", workers, "--worker-class", target.loop]
            command += ["--log-level", "warning", "--graceful-timeout", "1", *(("--root-path", root) if root else ())]
            return [*command, *target.server_args, called]
        case "gunicorn":
            chosen = any(text.partition("=")[0] in {"-k", "--worker-class"} for text in target.server_args)
            command = ["-m", "gunicorn", "--bind", bind, "--workers", workers, "--log-level", "warning"]
            command += [] if chosen else ["--worker-class", GUNICORN_WORKER[target.loop]]
            return [*command, "--graceful-timeout", "1", *target.server_args, called]
    return [
        *("-m", "uvicorn", app, "--host", host, "--port", str(port), "--workers", workers),
        *("--loop", target.loop, "--http", "httptools", "--log-level", "warning", "--no-access-log"),
        *("--timeout-graceful-shutdown", "1", "--timeout-worker-healthcheck", "60"),
        *(*factory, *(("--root-path", root) if root else ()), *target.server_args),
    ]


def started_by(target: Target, port: int) -> list[str]:
    """The whole command line that starts the app."""
    if target.command is None:
        return [_python(target), str(CLEAN_PATH), *server_command(target, port)]
    values = {"host": target.host, "port": str(port), "workers": str(target.workers)}
    words = shlex.split(target.command)
    return [re.sub(r"\{(host|port|workers)\}", lambda found: values[found[1]], word) for word in words]


def app_environment(plan: Plan, directory: Path) -> dict[str, str]:
    """What the app finds in its environment: ours, the settings of the example app, and what [app] says."""
    target = plan.target
    found = os.environ | {"TASK_SECONDS": f"{plan.profile.task_seconds:g}", "THREADS": str(target.threads)}
    found |= {"PYTHONUNBUFFERED": "1", **target.env}
    if target.app_dir is not None:
        folders = [str((directory / target.app_dir).resolve()), found.get("PYTHONPATH", "")]
        found["PYTHONPATH"] = os.pathsep.join(filter(None, folders))
    python = shutil.which(_python(target)) or _python(target)  # its environment has programs, too: alembic, gunicorn
    return found | {"PATH": os.pathsep.join([str(Path(python).absolute().parent), found.get("PATH", os.defpath)])}


def _python(target: Target) -> str:
    return target.python or sys.executable


def check_target(plan: Plan, directory: Path, pause: Pause) -> Target:
    """Refuse a target that cannot be started: no such Python, server or app, port in use. Starts no server.

    Gives it with what was found out: the path of its Python, and whether the import is a function that makes the app.
    """
    target = plan.target
    if target.url is not None:
        return target
    if target.sockets == "per-worker" and sys.platform != "linux":
        message = '[app] sockets = "per-worker" needs Linux, whose kernel distributes connections between such sockets'
        raise UsageError(f'{message}; write sockets = "shared"')
    if target.python is not None:
        target = target.model_copy(update={"python": app_python(target.python)})
    if target.app_dir is not None and not (directory / target.app_dir).is_dir():
        raise UsageError(f"[app] app_dir: there is no folder {target.app_dir!r} next to benchmark.toml")
    plan = plan.model_copy(update={"target": target})
    if target.command is not None:
        _check_command(plan, directory)
    elif check_import(plan, directory, pause):
        target = target.model_copy(update={"factory": True})
    _check_address(target)
    return target


def _check_command(plan: Plan, directory: Path) -> None:
    try:
        program = next(iter(shlex.split(str(plan.target.command))), "")
    except ValueError as error:
        raise UsageError(f"[app] command cannot be split into words: {error}; look at its quotes") from None
    path = app_environment(plan, directory).get("PATH")
    if shutil.which(str(directory / program) if os.sep in program else program, path=path) is None:
        raise UsageError(f"[app] command: there is no program {program!r}; install it, or write its path")


def _check_address(target: Target) -> None:
    try:
        _free_port(target.host)
        address_shown(target.host)
    except OSError as error:
        message = f"[app] host: {target.host} is not an address of this machine ({error.strerror}); see `hostname -I`"
        raise UsageError(message) from None
    if target.port is not None and not _is_free(target.host, target.port):
        message = f"port {target.port} is in use; stop what listens there, or leave the port out to get a free one"
        raise UsageError(message)


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _is_free(host: str, port: int) -> bool:
    with socket.socket(_family(host)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _free_port(host: str) -> int:
    with socket.socket(_family(host)) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def address_shown(host: str) -> str:
    """The address at which others reach an app that listens on `host`. UsageError: this machine has none."""
    if host != EVERYWHERE:
        return host
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((NOWHERE, 9))  # sends nothing: it asks the system which of its addresses it would use
        except OSError:
            message = "[app] host: this machine's own address was not found; write the one that other machines use"
            raise UsageError(message) from None
        return str(probe.getsockname()[0])


class Server:
    """The running app with all its workers, started in `directory`.

    `variables`: what the app finds in its environment besides its usual ones.
    """

    def __init__(self, plan: Plan, directory: Path, log: Path, variables: Mapping[str, str] | None = None) -> None:
        self._target = target = plan.target
        self.host = target.host
        self.port = target.port or _free_port(self.host)
        shown = address_shown(self.host)
        self.base_url = f"http://{f'[{shown}]' if ':' in shown else shown}:{self.port}"
        self.child = Child(
            started_by(target, self.port),
            log=log,
            directory=directory,
            environment={**app_environment(plan, directory), **(variables or {})},
            secrets=plan.secrets(),
            grace_s=3.0,
        )
        self.workers: list[psutil.Process] = []
        self.replaced = 0
        """Workers that ended under load, and in whose place the server started others."""

    def wait_until_ready(self, pause: Pause) -> None:
        """Return when every worker has accepted a connection. AppError if it ends or takes too long.

        The kernel gives a connection to any worker that listens, so one answer proves one worker. Connections
        are opened, and held, until as many processes own one as there are workers.
        """
        deadline = time.monotonic() + self._target.startup_timeout_s
        problem = ""
        with ExitStack() as probes:
            while time.monotonic() < deadline:
                self._refuse_dead()
                self.workers = self._holding()
                problem = self._not_ready() if len(self.workers) == self._target.workers else ""
                if len(self.workers) == self._target.workers and not problem:
                    return
                for _ in range(2 * self._target.workers if not problem else 0):
                    with suppress(OSError):
                        probes.enter_context(socket.create_connection((self.host, self.port), timeout=1.0))
                pause(POLL_S)
        found = len(self.workers)
        if not problem and found:
            problem = f"{found} of {self._target.workers} workers accepted a connection"
        if found > self._target.workers:
            problem = f"{found} processes accept connections: write workers = {found} into [app]"
        longest_s = self._target.startup_timeout_s
        message = f"the app was not ready after {longest_s:g} s (startup_timeout)"
        remedy = f'; if it needs longer, write startup_timeout = "{2 * longest_s:g}s" below [app] of benchmark.toml'
        why = f": {problem}" if problem else remedy
        raise AppError(f"{message}{why}; its last lines:", self._last_lines())

    def _not_ready(self) -> str:
        """What the path that tells readiness says against it; "" when nothing does, or there is none."""
        if self._target.ready is None:
            return ""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=READY_TIMEOUT_S)
        try:
            connection.request("GET", self._target.ready)
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            return f"GET {self._target.ready} fails ({error or type(error).__name__})"
        finally:
            connection.close()
        return "" if status < HTTPStatus.BAD_REQUEST else f"GET {self._target.ready} responds with {status}"

    def check_alive(self) -> None:
        """Raise InvalidRunError when the server has ended, or a worker was lost and replaced, under load."""
        gone = (not worker.is_running() or has_ended(worker.pid) for worker in self.workers)
        lost = [place for place, ended in enumerate(gone) if ended]
        if lost and has_ended(self.child.pid):
            wait_for_exit(self.child, REPORTS_S)  # which is told only when all that it left has ended
        if self.child.exit_code is not None:
            message = f"the server ended in the middle of the load (exit code {self.child.exit_code})"
            raise InvalidRunError(f"{message}; its last lines:", self._last_lines())
        for place in lost:
            self._replace(place)

    def _replace(self, place: int) -> None:
        """Put the process that the server started for a worker into its place, once it holds a connection."""
        if not self._target.recycles:
            message = "a worker process of the server died in the middle of the load"
            raise InvalidRunError(f"{message}{self._intended()}; its last lines:", self._last_lines())
        known = {worker.pid for worker in self.workers}
        fresh = [worker for worker in self._holding() if worker.pid not in known]
        if fresh:
            self.workers[place] = fresh[0]
            self.replaced += 1

    def _intended(self) -> str:
        """What to write where the server may have ended a worker on purpose, which its own settings would tell."""
        if self._target.server == "uvicorn" and self._target.command is None:
            return ""
        key = "command" if self._target.command is not None else "server_args"
        return f" (if its server replaces workers on purpose, say so in [app] {key}: --max-requests NUMBER)"

    def _refuse_dead(self) -> None:
        """Uvicorn waits for the ping of a worker that died at its start; nobody needs to wait with it.

        Where one process is server and worker, what has ended below it is the app's own affair.
        """
        if self.child.exit_code is not None:
            raise self._ended(f"the app ended while it was starting (exit code {self.child.exit_code})")
        with suppress(psutil.Error):
            children = psutil.Process(self.child.pid).children() if self._target.workers > 1 else ()
            if any(child.status() == psutil.STATUS_ZOMBIE for child in children):
                raise self._ended("a worker of the app ended while it was starting")

    def _ended(self, how: str) -> AppError:
        printed = self._last_lines()
        why = cause(printed, self._target, _python(self._target))
        return AppError(f"{how}{why and f': {why}'}; its last lines:", printed)

    def _last_lines(self) -> str:
        return self.child.tail() or "(it printed nothing)"

    def _holding(self) -> list[psutil.Process]:
        """The processes of the server that have accepted a connection, whichever server it is."""
        try:
            first = psutil.Process(self.child.pid)
            family = [first, *first.children(recursive=True)]
        except psutil.Error:
            return []
        return [process for process in family if connection_count(process, self.port)]


def has_ended(pid: int) -> bool:
    """Whether no such process runs, though its parent may not have asked for its exit code yet."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def connection_count(process: psutil.Process, port: int) -> int:
    """Established connections to a port that a process holds; 0 when it has ended."""
    try:
        held = process.net_connections(kind="tcp")
    except psutil.Error:
        return 0
    return sum(one.status == psutil.CONN_ESTABLISHED and bool(one.laddr) and one.laddr.port == port for one in held)
