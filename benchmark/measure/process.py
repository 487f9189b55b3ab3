"""A child process that can not outlive its owner, whose output goes to a file without secrets."""

import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import psutil

REDACTED = "[redacted]"
TAIL_LINES = 15
POLL_S = 0.02


def redact(text: str, secrets: Sequence[str]) -> str:
    """Replace every secret in a text."""
    for secret in secrets:
        text = text.replace(secret, REDACTED)
    return text


GUARD = 'read -r _; kill -s KILL -- "-$1" 2>/dev/null'
"""Waits until the pipe to its owner closes, for whatever reason, then kills the session it guards."""


class Child:
    """Runs a command in a session of its own until the block ends; then the whole session is gone.

    A session of its own keeps a terminal's Ctrl-C from reaching the child before its owner: who stops what,
    and in which order, is decided in one place. A guard ends the session even if the owner is killed with
    SIGKILL: a server must not outlive its measurement.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        directory: Path,
        environment: Mapping[str, str],
        secrets: Sequence[str] = (),
        grace_s: float = 5.0,
    ) -> None:
        self._command = list(command)
        self._log = log
        self._directory = directory
        self._environment = dict(environment)
        self._secrets = secrets
        self._grace_s = grace_s
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self.log_error: OSError | None = None
        self.pid = 0

    def __enter__(self) -> Self:
        log_file = self._log.open("w", encoding="utf-8")
        try:
            self._popen = subprocess.Popen(  # noqa: S603 - the command is built here, never by a shell
                self._command,
                cwd=self._directory,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            )
        except BaseException:
            log_file.close()
            raise
        self.pid = self._popen.pid
        try:
            self._guard = subprocess.Popen(  # noqa: S603 - fixed script, the argument is a number
                ["/bin/sh", "-c", GUARD, "guard", str(self.pid)], stdin=subprocess.PIPE, start_new_session=True
            )
            self._pump = threading.Thread(target=self._copy_output, args=(log_file,), daemon=True)
            self._pump.start()
        except BaseException:
            os.killpg(self.pid, signal.SIGKILL)  # nobody would guard or read it
            self._popen.wait()
            log_file.close()
            raise
        return self

    def __exit__(self, _t: type[BaseException] | None, _e: BaseException | None, _b: TracebackType | None) -> None:
        self.stop()

    @property
    def exit_code(self) -> int | None:
        """Exit code, negative for a signal; None while it runs."""
        return self._popen.poll()

    def tail(self) -> str:
        """Last lines of output, without secrets."""
        if self.exit_code is not None:
            self._pump.join(timeout=1.0)
        return "\n".join(self._tail)

    def stop(self) -> None:
        """Ask with SIGTERM, wait, then kill whatever is left of the session."""
        members = self._members()
        if self._popen.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._popen.wait(self._grace_s)
        self._guard.communicate()  # closes its pipe: it kills what is left of the session
        for member in members:
            with suppress(psutil.NoSuchProcess):
                member.kill()
        self._popen.wait()
        psutil.wait_procs(members, timeout=5.0)
        self._pump.join(timeout=2.0)

    def _members(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def _copy_output(self, log_file: IO[str]) -> None:
        output = self._popen.stdout
        if output is None:  # pragma: no cover - a pipe was asked for
            return
        with output:
            for line in output:
                clean = redact(line, self._secrets)
                self._tail.append(clean.rstrip("\n"))
                self._keep(clean, log_file)
        # A file whose last line found no room says so once more when it is closed.
        with suppress(OSError):
            log_file.close()

    def _keep(self, line: str, log_file: IO[str]) -> None:
        """A full disk must not stop the reading: the child would block on a full pipe."""
        try:
            log_file.write(line)
            log_file.flush()
        except OSError as error:
            self.log_error = error


def wait_for_exit(child: Child, timeout_s: float) -> int | None:
    """Exit code of a child that is about to end; None if it did not within `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while child.exit_code is None and time.monotonic() < deadline:
        time.sleep(POLL_S)
    return child.exit_code
