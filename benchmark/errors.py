"""The one family of expected errors. Each message is one line that says what is wrong and what to do."""

import re
import shlex
from typing import Self

LONGEST_MESSAGE = 2000
LONGEST_PRINTED = 500
MARK = "| "  # before each line that another program printed: none of them may pass for one of ours
_UNTRUSTED = re.compile(r"dubious ownership in repository at '(.+)'")


def one_line(text: str, longest: int = LONGEST_PRINTED) -> str:
    """Make one printable line of a text from outside that a GitHub runner does not obey, of N characters at most."""
    line = _inert(" ".join(_printable(text).split()))
    line = f": {line[1:]}" if line.startswith("::") else line
    return line if len(line) <= longest else line[: longest - 1] + "…"


def quoted(printed: str) -> str:
    lines = [_inert(_printable(line.expandtabs())).rstrip() for line in printed.splitlines()]
    return "\n".join(f"{MARK}{line[:LONGEST_PRINTED]}" for line in lines)


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)


def _inert(text: str) -> str:
    return text.replace("##[", "## [")  # what a runner takes for a command anywhere in a line


class BenchmarkError(Exception):
    """An expected failure. The command line prints it and ends with `exit_code`.

    `message` is one line, whatever it quotes; beneath it stands what another program `printed`.
    """

    exit_code = 1

    def __init__(self, message: str, printed: str = "") -> None:
        self.message = one_line(message, LONGEST_MESSAGE)
        self.printed = printed
        super().__init__("\n".join([self.message, quoted(printed)]) if printed else self.message)

    def told(self, whose: str) -> Self:
        """The same error, which says first whose it is."""
        return type(self)(f"{whose}: {self.message}", self.printed)


class UsageError(BenchmarkError):
    """Wrong usage or configuration: nothing was started."""

    exit_code = 2


class InvalidRunError(BenchmarkError):
    """A measurement failed or cannot be believed; what was measured before is kept."""

    exit_code = 3


class MiscountedRunError(InvalidRunError):
    """A server received another number of requests than the load generator sent: no count of this run holds."""


class UnwritableRunError(InvalidRunError):
    """The disk is full or gone: no later round can be kept either."""


class AppError(BenchmarkError):
    """The app could not be started, or does not respond as expected."""

    exit_code = 4


class PublishError(BenchmarkError):
    """A run could not be published; its directory is untouched."""

    exit_code = 5


class InterruptedRunError(BenchmarkError):
    """Ctrl-C, SIGTERM, SIGHUP or SIGQUIT: everything was stopped, what was measured is kept."""

    exit_code = 130


def refuse_untrusted(said: str) -> None:
    """UsageError: git said that it does not touch a repository of another user. It names the folder."""
    found = _UNTRUSTED.search(said)
    if found is not None:
        message = f"git does not trust {found[1]}, which belongs to another user; if you do, run"
        raise UsageError(f"{message}: git config --global --add safe.directory {shlex.quote(found[1])}")
