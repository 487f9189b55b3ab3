"""The app under uvicorn: its import is checked first; it is fresh for every round, and gone at the end."""

import json
import os
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil

from benchmark.errors import AppError, InvalidRunError, UsageError
from benchmark.measure import clean_path
from benchmark.measure.process import Child, wait_for_exit
from benchmark.plan import Plan, Target
from load.spec import redact

CLEAN_PATH = Path(__file__).with_name("clean_path.py")
IMPORT_TIMEOUT_S = 60.0
CHECK_POLL_S = 0.02
GRACE_S = 1.0
"""For what an app does when Python ends. Threads that never end, and processes that it has started, are ended then."""

Pause = Callable[[float], None]


def check_import(target: Target, directory: Path, python: str, secrets: Sequence[str], pause: Pause) -> None:
    """Import the app once, as its server will. UsageError: `python` finds no such app, or one of another place."""
    import_path = str(target.import_path)
    with tempfile.TemporaryDirectory(prefix="bench-import-") as folder:
        answer = Path(folder, "answer.json")
        # -B: leaves no files
        command = [python, "-B", str(CLEAN_PATH), "--import", import_path, target.loop, str(answer)]
        log = Path(folder, "import.log")
        child = Child(command, log=log, directory=directory, secrets=secrets, grace_s=GRACE_S)
        deadline = time.monotonic() + IMPORT_TIMEOUT_S
        with child:
            while child.exit_code is None and not answer.exists():
                pause(CHECK_POLL_S)
                if time.monotonic() > deadline:
                    message = f"importing {import_path} took longer than {IMPORT_TIMEOUT_S:g} s"
                    raise AppError(f"{message}; look for work at import time. Its last lines:", child.tail())
            code = wait_for_exit(child, GRACE_S)
        found = json.loads(redact(answer.read_text(), secrets)) if answer.exists() else {"outcome": None}
    problem = _problem(found, target, directory, python)
    if problem is not None:
        raise UsageError(problem)
    if found["outcome"] != clean_path.IMPORTED:
        how = f" (exit code {code})" if found["outcome"] is None else ""
        raise AppError(f"the app crashes when {import_path!r} is imported{how}; its last lines:", child.tail())


def _problem(found: Mapping[str, str | None], target: Target, directory: Path, python: str) -> str | None:
    """Why the app cannot be measured, and what to do; None: it can, or it crashes."""
    match found["outcome"]:
        case clean_path.NO_UVICORN:
            return f'uvicorn, which serves the app here, is not among the packages of {python}: add "uvicorn[standard]"'
        case clean_path.NO_UVLOOP:
            late = target.workers > 1 and target.sockets == "shared"
            why = ", and without it several uvicorn workers respond 45 ms late" if late else ""
            return f'uvloop is not installed{why}: pip install "uvicorn[standard]", or use --loop asyncio'
        case clean_path.NO_SUCH_APP:
            where = f"{directory.name or '.'}/"
            return f"app {target.import_path!r} does not exist in {where}: {found['reason']} Check [app] import."
        case clean_path.ANOTHER_APP:
            return _another_app(str(target.import_path), directory, str(found["found"]), found["named"])
    return None


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
WORKER_MARK = "spawn_main"
"""How a worker that uvicorn spawned shows on its command line; multiprocessing's own helper process does not."""

OWN_SOCKETS = Path(__file__).with_name("own_sockets.py")


def server_command(target: Target, port: int) -> list[str]:
    """Command line of the server, for any Python that has the app's packages.

    Where this repository is installed, too, clean_path.py goes before it: the app must not find our packages.
    `--timeout-worker-healthcheck`: a worker that is kept busy is no dead worker.
    """
    if target.sockets == "per-worker" and target.workers > 1:
        # -P: the folder of that file is no place to import an app's modules from
        own = ("-P", str(OWN_SOCKETS), str(target.import_path))
        address = ("--host", target.host, "--port", str(port))
        return [*own, *address, "--workers", str(target.workers), "--loop", target.loop]
    return [
        *("-m", "uvicorn", str(target.import_path)),
        *("--host", target.host, "--port", str(port), "--workers", str(target.workers)),
        *("--loop", target.loop, "--http", "httptools", "--log-level", "warning", "--no-access-log"),
        *("--timeout-graceful-shutdown", "1", "--timeout-worker-healthcheck", "60"),
    ]


def check_target(plan: Plan, directory: Path, pause: Pause, python: str = sys.executable) -> None:
    """Refuse a target that `python` cannot start: no uvloop, no such app, port in use. Starts no server."""
    target = plan.target
    if target.import_path is None:
        return
    if target.sockets == "per-worker" and sys.platform != "linux":
        message = '[app] sockets = "per-worker" needs Linux, whose kernel distributes connections between such sockets'
        raise UsageError(f'{message}; write sockets = "shared"')
    check_import(target, directory, python, plan.secrets(), pause)
    try:
        _free_port(target.host)
        address_shown(target.host)
    except OSError as error:
        message = f"[app] host: {target.host} is not an address of this machine ({error.strerror}); see `hostname -I`"
        raise UsageError(message) from None
    if target.port is not None and not _is_free(target.host, target.port):
        message = f"port {target.port} is in use; stop what listens there, or leave the port out to get a free one"
        raise UsageError(message)


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _free_port(host: str) -> int:
    with socket.socket() as probe:
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
    """A running uvicorn with all its workers, started by `python` in `directory`.

    `variables`: what the app finds in its environment beside ours.
    """

    def __init__(
        self,
        plan: Plan,
        directory: Path,
        log: Path,
        variables: Mapping[str, str] | None = None,
        python: str = sys.executable,
    ) -> None:
        target = plan.target
        self.host = target.host
        self.port = target.port or _free_port(self.host)
        self.base_url = f"http://{address_shown(self.host)}:{self.port}"
        self._expected = target.workers
        self._timeout_s = target.startup_timeout_s
        environment = os.environ | {"TASK_SECONDS": f"{plan.profile.task_seconds:g}", "THREADS": str(target.threads)}
        self.child = Child(
            [python, str(CLEAN_PATH), *server_command(target, self.port)],
            log=log,
            directory=directory,
            environment=environment | {"PYTHONUNBUFFERED": "1", **(variables or {})},
            secrets=plan.secrets(),
            grace_s=3.0,
        )
        self.workers: tuple[psutil.Process, ...] = ()

    def wait_until_ready(self, pause: Pause) -> None:
        """Return when every worker has accepted a connection. AppError if it ends or takes too long.

        The kernel gives a connection to any worker that listens, so one answer proves one worker. Connections
        are opened, and held, until each worker process owns one.
        """
        deadline = time.monotonic() + self._timeout_s
        with ExitStack() as probes:
            while time.monotonic() < deadline:
                self._refuse_dead()
                workers = self._current_workers()
                if len(workers) == self._expected and all(connection_count(w, self.port) for w in workers):
                    self.workers = workers
                    return
                for _ in range(2 * self._expected):
                    with suppress(OSError):
                        probes.enter_context(socket.create_connection((self.host, self.port), timeout=1.0))
                pause(POLL_S)
        message = f"the app was not ready after {self._timeout_s:g} s (startup_timeout); its last lines:"
        raise AppError(message, self._last_lines())

    def check_alive(self) -> None:
        """Raise InvalidRunError when the server has ended, or a worker was lost and replaced, under load."""
        if self.child.exit_code is not None:
            message = f"the server ended in the middle of the load (exit code {self.child.exit_code})"
            raise InvalidRunError(f"{message}; its last lines:", self._last_lines())
        if not all(worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE for worker in self.workers):
            message = "a worker process of the server died in the middle of the load"
            raise InvalidRunError(f"{message}; its last lines:", self._last_lines())

    def _refuse_dead(self) -> None:
        """Uvicorn waits for the ping of a worker that died at its start; nobody needs to wait with it.

        Where one process is server and worker, what has ended below it is the app's own affair.
        """
        if self.child.exit_code is not None:
            message = f"the app ended while it was starting (exit code {self.child.exit_code}); its last lines:"
            raise AppError(message, self._last_lines())
        with suppress(psutil.Error):
            children = psutil.Process(self.child.pid).children() if self._expected > 1 else ()
            if any(child.status() == psutil.STATUS_ZOMBIE for child in children):
                raise AppError("a worker of the app ended while it was starting; its last lines:", self._last_lines())

    def _last_lines(self) -> str:
        return self.child.tail() or "(it printed nothing)"

    def _current_workers(self) -> tuple[psutil.Process, ...]:
        try:
            supervisor = psutil.Process(self.child.pid)
            if self._expected == 1:
                return (supervisor,)
            return tuple(c for c in supervisor.children() if any(WORKER_MARK in part for part in c.cmdline()))
        except psutil.Error:
            return ()


def connection_count(process: psutil.Process, port: int) -> int:
    """Established connections to a port that a process holds; 0 when it has ended."""
    try:
        held = process.net_connections(kind="tcp")
    except psutil.Error:
        return 0
    return sum(one.status == psutil.CONN_ESTABLISHED and bool(one.laddr) and one.laddr.port == port for one in held)
