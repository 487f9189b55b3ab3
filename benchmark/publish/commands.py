"""Starts other programs: argument lists, no terminal, a time limit. None of them outlives its call."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from benchmark.errors import PublishError


@dataclass(frozen=True)
class Done:
    """How a program ended: its exit code and what it printed."""

    code: int
    out: str
    errors: str


def gh_variables() -> dict[str, str]:
    """Give the environment of GitHub's program gh: no questions, no colours, the server of its workflow."""
    server = os.environ.get("GITHUB_SERVER_URL", "").partition("://")[2]
    host = {"GH_HOST": server} if server and "GH_HOST" not in os.environ else {}
    return {**os.environ, **host, "GH_PROMPT_DISABLED": "1", "NO_COLOR": "1"}


def run(command: list[str], directory: Path, variables: Mapping[str, str], timeout_s: float, text: str = "") -> Done:
    """Run a program to its end. `variables` is its whole environment, `text` what it reads.

    PublishError: it is not installed, or it took longer than `timeout_s`; then it was killed with its children.
    """
    try:
        process = subprocess.Popen(  # noqa: S603 - the command is a list, no shell reads it
            command,
            cwd=directory,
            env=variables,
            stdin=subprocess.PIPE if text else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # no terminal to ask a password on, and one group to kill: git starts helpers
        )
    except OSError as error:
        message = f"{command[0]} can not be started: {error.strerror or error}"
        raise PublishError(message) from None
    try:
        out, errors = process.communicate(text.encode() if text else None, timeout=timeout_s)
    except subprocess.TimeoutExpired:
        message = f"{command[0]} did not end within {timeout_s:g} s and was stopped; is the network there?"
        raise PublishError(message) from None
    finally:
        _end(process)
    return Done(process.returncode, out.decode(errors="replace"), errors.decode(errors="replace"))


def gh(arguments: Sequence[str], directory: Path, repository: str | None, timeout_s: float, text: str = "") -> Done:
    """Run GitHub's program `gh` for a repository ("github.com/owner/name"); PublishError as `run` has it.

    Left to itself it takes the remote `upstream` before any other: in a clone of a fork somebody else's repository.
    """
    variables = gh_variables()
    if repository is not None:
        host, _, name = repository.partition("/")
        variables |= {"GH_REPO": repository, **({"GH_HOST": host} if "/" in name else {})}
    return run(["gh", *arguments], directory, variables, timeout_s, text)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Also after Ctrl-C: a helper that lives on would hold the pipes and the network."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
