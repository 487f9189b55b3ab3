"""What has to be there before the app is: services of a Compose file, a migration, a fresh state for each round."""

import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from rich.console import Console

from benchmark.errors import AppError
from benchmark.measure.process import Child, wait_for_exit
from benchmark.measure.server import app_environment
from benchmark.plan import Plan

POLL_S = 0.05
DOWN_WITHIN_S = 60.0
KEEPER = "import os, sys; sys.stdin.read() or os.execvp(sys.argv[1], sys.argv[1:])"
"""Waits until its owner says a word, or is gone without one: then it is the command."""

LOGS_WITHIN_S = 10.0
LAST_LINES = "15"  # of the log of each service that did not start
Pause = Callable[[float], None]


@contextmanager
def prepared(plan: Plan, home: Path, pause: Pause, console: Console) -> Iterator[None]:
    """Start the services of [app] compose, and run [app] before, once; the services are stopped at the end.

    AppError: one of them fails, or takes longer than before_timeout.
    """
    target = plan.target
    say = partial(console.print, soft_wrap=True, markup=False)
    with tempfile.TemporaryDirectory(prefix="bench-before-") as folder:
        log = Path(folder, "before.log")
        if target.compose is not None:
            _require_docker(target.compose, home)
        with _stopping_services(plan, home, log, say):
            if target.compose is not None:
                say(f"starting the services of {target.compose}")
                _start_services(target.compose, plan, home, log, pause)
            if target.before is not None:
                say(f"before: {target.before}")
                run(target.before, "before", plan, home, log, pause)
            yield


@contextmanager
def _stopping_services(plan: Plan, home: Path, log: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Stop the services of [app] compose at the end; where this process is killed, a keeper does."""
    if plan.target.compose is None:
        yield
        return
    command, environment = _compose(plan.target.compose, "down"), app_environment(plan, home)
    with subprocess.Popen(  # noqa: S603 - the command is built here, never by a shell
        [sys.executable, "-I", "-S", "-c", KEEPER, *command],
        cwd=home,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as keeper:
        try:
            yield
        finally:
            with Child(command, log=log, directory=home, environment=environment, secrets=plan.secrets()) as down:
                code = wait_for_exit(down, DOWN_WITHIN_S)  # not `pause`: an interrupted run stops them, too
            keeper.communicate(b"they are stopped")
            if code != 0:
                say(f"warning: services may still run; stop them: {shlex.join(command)}")


def before_round(plan: Plan, home: Path, directory: Path, pause: Pause) -> None:
    """Run [app] before_round. AppError: it fails, or takes longer than before_timeout."""
    if plan.target.before_round is not None:
        run(plan.target.before_round, "before_round", plan, home, directory / "before_round.log", pause)


def run(command: str, key: str, plan: Plan, home: Path, log: Path, pause: Pause) -> None:
    """Run a command of [app] in the folder of benchmark.toml, with the environment of the app, by no shell."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise AppError(f"[app] {key} cannot be split into words: {error}; look at its quotes") from None
    _run(words, key, plan, home, log, pause)


def _start_services(file: str, plan: Plan, home: Path, log: Path, pause: Pause) -> None:
    """AppError: a service does not start or is not healthy in time; why is in its own log, so that is shown, too."""
    try:
        _run(_compose(file, "up", "--wait", "--quiet-pull"), "compose", plan, home, log, pause)
    except AppError as error:
        command = _compose(file, "logs", "--no-color", "--tail", LAST_LINES)
        said, environment = log.with_name("services.log"), app_environment(plan, home)
        with Child(command, log=said, directory=home, environment=environment, secrets=plan.secrets()) as child:
            wait_for_exit(child, LOGS_WITHIN_S)
        raise AppError(error.message, "\n".join(filter(None, [error.printed, child.tail()]))) from None


def _compose(file: str, *arguments: str) -> list[str]:
    return ["docker", "compose", "--file", file, *arguments]


def _require_docker(file: str, home: Path) -> None:
    if shutil.which("docker") is None:
        raise AppError(
            "[app] compose needs docker, which is not installed here; install it, or start the services yourself"
        )
    if not (home / file).is_file():
        raise AppError(f"[app] compose: {file} does not exist next to benchmark.toml")


def _run(words: list[str], key: str, plan: Plan, home: Path, log: Path, pause: Pause) -> None:
    target, environment = plan.target, app_environment(plan, home)
    found = shutil.which(words[0], path=environment.get("PATH")) if words else None
    if found is None and not (home / (words or [""])[0]).is_file():
        raise AppError(f"[app] {key}: there is no program {(words or [''])[0]!r}; install it, or write its path")
    deadline = time.monotonic() + target.before_timeout_s
    child = Child(
        [found or words[0], *words[1:]],
        log=log,
        directory=home,
        environment=environment,
        secrets=plan.secrets(),
    )
    with child:
        while child.exit_code is None and time.monotonic() < deadline:
            pause(POLL_S)
        code = child.exit_code
    if code is None:
        message = f"[app] {key} took longer than {target.before_timeout_s:g} s (before_timeout); its last lines:"
        raise AppError(message, child.tail() or "(it printed nothing)")
    if code:
        message = f"[app] {key} failed: {shlex.join(words)} ended with exit code {code}; its last lines:"
        raise AppError(message, child.tail() or "(it printed nothing)")
