"""The one family of expected errors. Each message is one line that says what is wrong and what to do."""

import re
import shlex

_UNTRUSTED = re.compile(r"dubious ownership in repository at '(.+)'")


class BenchmarkError(Exception):
    """An expected failure. The command line prints the message and ends with `exit_code`."""

    exit_code = 1


class UsageError(BenchmarkError):
    """Wrong usage or configuration: nothing was started."""

    exit_code = 2


class InvalidRunError(BenchmarkError):
    """A measurement failed or can not be believed; what was measured before is kept."""

    exit_code = 3


class MiscountedRunError(InvalidRunError):
    """A server received another number of requests than the load generator sent: no count of this run holds."""


class UnwritableRunError(InvalidRunError):
    """The disk is full or gone: no later round can be kept either."""


class AppError(BenchmarkError):
    """The app could not be started, or does not answer as expected."""

    exit_code = 4


class PublishError(BenchmarkError):
    """A run could not be published; its directory is untouched."""

    exit_code = 5


class InterruptedRunError(BenchmarkError):
    """Ctrl-C or SIGTERM: everything was stopped, what was measured is kept."""

    exit_code = 130


def refuse_untrusted(said: str) -> None:
    """UsageError: git said that it does not touch a repository of another user. It names the folder."""
    found = _UNTRUSTED.search(said)
    if found is not None:
        message = f"git does not trust {found[1]}, which belongs to another user; if you do, tell it so"
        raise UsageError(f"{message}: git config --global --add safe.directory {shlex.quote(found[1])}")
