"""A child process that cannot outlive its owner, whose output goes to a file without secrets.

Ctrl-C and SIGTERM are heeded at safe points.
"""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType, TracebackType
from typing import IO, Self, cast

from benchmark.errors import InterruptedRunError
from benchmark.record import LARGEST_LOG_BYTES, LONGEST_LINE_BYTES
from load.spec import REDACTED, STRIKE_MARK, Secrets, redact, spellings

CUT = " [cut]"
LONG_LINE = re.compile(rb"[^\n]{%d}" % (LONGEST_LINE_BYTES + 1))
PIECE_BYTES = 64 * 1024
TAIL_LINES = 15
POLL_S = 0.02
END_S = 5.0
SUPERVISE = Path(__file__).with_name("supervise.py")

FILES_OF_THE_RUNNER = frozenset({"GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STATE", "GITHUB_STEP_SUMMARY"})
"""By which a step of a GitHub workflow sets what the steps after it do and show: not for code that is measured."""


MARK = STRIKE_MARK.encode()


class Tokens:
    """What the users of this process's loads were given when they logged in. No log keeps it."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._known)

    def learn(self, block: bytes) -> bytes:
        """Take the lines in which they are told out of what was printed."""
        lines = block.split(b"\n")
        for line in (line for line in lines if line.startswith(MARK)):
            with suppress(ValueError):
                self._known |= spellings(json.loads(line[len(MARK) :]))
        return b"\n".join(line for line in lines if not line.startswith(MARK))

    def strike(self, text: str, secrets: Sequence[str]) -> str:
        """Strike them out of a text from which `secrets` are gone, maybe those that were part of one as well."""
        known = self._known | {redact(one, secrets) for one in self._known} - {REDACTED}
        return Secrets(sorted(known, key=len, reverse=True)).redact(text)


TOKENS = Tokens()


class Log:
    """Keeps what a child prints, without secrets: whole lines, each up to a length, and so many of them.

    `cut_bytes`: what was not kept. `error`: why nothing more could be written, while reading goes on: the child would
    block on a full pipe.
    """

    def __init__(self, path: Path, secrets: Sequence[str]) -> None:
        self._path = path
        self._file: IO[str] = path.open("w", encoding="utf-8")
        self._secrets = secrets
        self._margin = max([0, *(len(os.fsencode(secret)) for secret in secrets)]) + len(REDACTED)
        self._begun = b""
        self._left_bytes = LARGEST_LOG_BYTES
        self._tail: deque[bytes] = deque(maxlen=TAIL_LINES)
        self.cut_bytes = 0
        self.error: OSError | None = None

    def add(self, piece: bytes) -> None:
        """Take what was read; a line that has begun waits for its end."""
        text = self._begun + piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        whole, found, self._begun = text.rpartition(b"\n")
        if found:
            self._keep(whole)
        dropped = max(0, len(self._begun) - LONGEST_LINE_BYTES - 2 * self._margin)
        self._begun = self._begun[: len(self._begun) - dropped]
        self.cut_bytes += dropped

    def close(self) -> None:
        if self._begun:
            self._keep(self._begun)
        if self._left_bytes <= 0:
            self._write(f"[bench: {self.cut_bytes} bytes were left out, most of them after this line]\n")
        with suppress(OSError):  # a file whose last line found no room says so once more
            self._file.close()
            if TOKENS:
                text = TOKENS.strike(self._path.read_text(encoding="utf-8"), self._secrets)
                self._path.write_text(text, encoding="utf-8")

    def tail(self) -> str:
        text = "\n".join(self._shown(line) for line in list(self._tail))
        return TOKENS.strike(text, self._secrets) if TOKENS else text

    def _keep(self, block: bytes) -> None:
        """Keep whole lines. A block of short ones is looked at as a whole, and what is dropped is not: that is fast."""
        if MARK in block and not (block := TOKENS.learn(block)):
            return
        self._tail += block.rsplit(b"\n", TAIL_LINES)[-TAIL_LINES:]
        if self._left_bytes <= 0:
            self.cut_bytes += len(block) + 1
            return
        lines = block.split(b"\n") if LONG_LINE.search(block) else []
        self.cut_bytes += sum(max(0, len(line) - LONGEST_LINE_BYTES) for line in lines)
        kept = "\n".join(map(self._shown, lines)) or self._struck(block)
        self._left_bytes -= len(kept)
        self._write(f"{kept}\n")

    def _shown(self, line: bytes) -> str:
        """A line without secrets. What is cut off could begin with one: the margin is cut off after the striking."""
        if len(line) <= LONGEST_LINE_BYTES:
            return self._struck(line)
        return self._struck(line[: LONGEST_LINE_BYTES + self._margin])[: -self._margin] + CUT

    def _struck(self, printed: bytes) -> str:
        """What was printed without secrets, as text; the environment may hold bytes that are none, too."""
        text = redact(printed.decode(errors="surrogateescape"), self._secrets)
        return text.encode(errors="surrogateescape").decode(errors="replace")

    def _write(self, text: str) -> None:
        try:
            self._file.write(text)
            self._file.flush()
        except OSError as error:
            self.error = error


class Child:
    """Runs a command in a session of its own until the block ends; then nothing of it is left (see supervise.py).

    A session of its own keeps a terminal's Ctrl-C from reaching the child before its owner: who stops what,
    and in which order, is decided in one place. It ends even if the owner is killed with SIGKILL: a server must not
    outlive its measurement.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        directory: Path,
        environment: Mapping[str, str] = os.environ,
        secrets: Sequence[str] = (),
        grace_s: float = 5.0,
    ) -> None:
        self._command = list(command)
        self._log_path = log
        self._directory = directory
        self._environment = {name: environment[name] for name in environment.keys() - FILES_OF_THE_RUNNER}
        self._secrets = secrets
        self._grace_s = grace_s
        self._code: int | None = None
        self.pid = 0

    def __enter__(self) -> Self:
        self.log = Log(self._log_path, self._secrets)
        report, theirs = os.pipe()
        self._report = os.fdopen(report, "rb")
        try:
            self._popen = subprocess.Popen(  # noqa: S603 - the command is built here, never by a shell
                [sys.executable, "-I", "-S", str(SUPERVISE), str(theirs)],
                cwd=self._directory,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=(theirs,),
                start_new_session=True,
            )
        except BaseException:
            self._report.close()
            self.log.close()
            raise
        finally:
            os.close(theirs)
        self._stdin, self._stdout = cast("IO[bytes]", self._popen.stdin), cast("IO[bytes]", self._popen.stdout)
        self._pump = threading.Thread(target=self._copy_output, daemon=True)
        self._pump.start()
        try:
            words = b"\0".join(os.fsencode(word) for word in self._command)
            self._stdin.write(b"%d\n%s" % (len(words), words))
            self._stdin.flush()
            self.pid = int(self._report.readline())
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, _t: type[BaseException] | None, _e: BaseException | None, _b: TracebackType | None) -> None:
        self.stop()

    @property
    def exit_code(self) -> int | None:
        """Negative for a signal; None while it runs."""
        ended = self._popen.poll()
        if self._code is None and ended is not None:
            with self._report:
                said = self._report.readline()
            self._code = int(said) if said else ended
        return self._code

    def tail(self) -> str:
        if self.exit_code is not None:
            self._pump.join(timeout=1.0)
        return self.log.tail()

    def stop(self) -> None:
        """Ask with SIGTERM, wait, then kill whatever is left of it."""
        if self.exit_code is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._popen.wait(self._grace_s)
        self._end()

    def _end(self) -> None:
        """Let go of the supervisor, which kills what is left; kill it all where that one was killed itself."""
        with suppress(BrokenPipeError):
            self._stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(END_S)
        if self.pid:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        self._popen.kill()
        self._popen.wait()
        self._code = self.exit_code
        self._pump.join(timeout=2.0)

    def _copy_output(self) -> None:
        with self._stdout as output:
            while piece := os.read(output.fileno(), PIECE_BYTES):
                self.log.add(piece)
        self.log.close()


def wait_for_exit(child: Child, timeout_s: float) -> int | None:
    """Exit code of a child that is about to end; None if it did not within `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while child.exit_code is None and time.monotonic() < deadline:
        time.sleep(POLL_S)
    return child.exit_code


def ending_signals() -> tuple[signal.Signals, ...]:
    # `nohup` and shells ignore these two for what has to live on.
    others = [one for one in (signal.SIGHUP, signal.SIGQUIT) if signal.getsignal(one) is not signal.SIG_IGN]
    return (signal.SIGINT, signal.SIGTERM, *others)


class Interrupt:
    """Whether the run was asked to stop."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._signal = ""

    def ask(self, number: int, _frame: FrameType | None = None) -> None:
        """Signal handler: remember, do nothing else. Asking again changes nothing, the stopping goes on."""
        self._signal = signal.Signals(number).name
        self._asked.set()

    def pause(self, seconds: float) -> None:
        """Wait, but not longer than until somebody asks to stop: then raise InterruptedRunError."""
        if self._asked.wait(seconds):
            message = f"interrupted by {self._signal}; everything was stopped, finished measurements are kept"
            raise InterruptedRunError(message)


@contextmanager
def listening() -> Iterator[Interrupt]:
    interrupt = Interrupt()
    before = {number: signal.signal(number, interrupt.ask) for number in ending_signals()}
    try:
        yield interrupt
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
