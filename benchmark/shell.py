"""Starts other programs, git among them: argument lists, no terminal, a time limit. None outlives its call."""

import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from benchmark.errors import PublishError


@dataclass(frozen=True)
class Done:
    """How a program ended: its exit code and what it printed."""

    code: int
    out: str
    errors: str


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
        raise PublishError(f"{command[0]} cannot be started: {error.strerror or error}") from None
    try:
        out, errors = process.communicate(text.encode() if text else None, timeout=timeout_s)
    except subprocess.TimeoutExpired:
        message = f"{command[0]} did not end within {timeout_s:g} s and was stopped; check the network"
        raise PublishError(message) from None
    finally:
        _end(process)
    return Done(process.returncode, out.decode(errors="replace"), errors.decode(errors="replace"))


def gh(arguments: Sequence[str], directory: Path, repository: str | None, timeout_s: float, text: str = "") -> Done:
    """Run GitHub's program `gh` for a repository ("github.com/owner/name"); PublishError as `run` has it.

    Left to itself it takes the remote `upstream` before any other: in a clone of a fork somebody else's repository.
    """
    variables = {**os.environ, "GH_PROMPT_DISABLED": "1", "NO_COLOR": "1"}
    server = os.environ.get("GITHUB_SERVER_URL", "").partition("://")[2]  # that of its workflow
    if server:
        variables.setdefault("GH_HOST", server)
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


TIMEOUT_S = 120.0
ROLES = ("AUTHOR", "COMMITTER")
BOT = ("github-actions[bot]", "41898282+github-actions[bot]@users.noreply.github.com")
# Set where bench is started by a git hook; they would point our calls at that hook's repository.
_OF_ANOTHER_REPOSITORY = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
)
_SETTINGS = {
    "core.hooksPath": os.devnull,  # a person's hooks check code; what is committed here is generated
    "core.fsmonitor": "false",
    "core.sparseCheckout": "false",  # a sparse clone would leave out the very files that are rendered
    "gc.auto": "0",
    "maintenance.auto": "false",
}
_VARIABLES = {
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
    "GIT_LFS_SKIP_SMUDGE": "1",  # the files of a branch are laid out to render reports next to them, not to be read
}
_LONGEST_ERROR = 600


class GitError(PublishError):
    """git refused. `output`: all it said, without passwords."""

    def __init__(self, command: str, output: str) -> None:
        self.output = without_passwords(output)
        super().__init__(f"git {command} failed: {last_line(self.output)}")


@dataclass(frozen=True)
class Git:
    """git in a directory. `variables` are added to the environment."""

    directory: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str) -> str:
        """Give the output of a git command. GitError: it failed."""
        done = self.ask(*arguments)
        if done.code:
            raise GitError(arguments[0], f"{done.out}\n{done.errors}")
        return done.out.strip()

    def ask(self, *arguments: str) -> Done:
        """Run a git command whose failure is an answer."""
        settings = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        inherited = {name: value for name, value in os.environ.items() if name not in _OF_ANOTHER_REPOSITORY}
        environment = inherited | _VARIABLES | dict(self.variables)
        return run(["git", *settings, *arguments], self.directory, environment, TIMEOUT_S)


def identity(git: Git) -> dict[str, str]:
    """Who commits: the bot on GitHub, else the person whose clone this is, the bot again where nobody is set."""
    if os.environ.get("GITHUB_ACTIONS") != "true":
        # useConfigOnly: else git makes an address from the host's name, and publishes it
        asked = [git.ask("-c", "user.useConfigOnly=true", "var", f"GIT_{who}_IDENT") for who in ROLES]
        if not any(done.code for done in asked):
            return {}
    return {f"GIT_{who}_{what}": text for who in ROLES for what, text in zip(("NAME", "EMAIL"), BOT, strict=True)}


def working_in(scratch: Path, clone: Git) -> Git:
    """Give a git whose files lie in `scratch`/tree and whose index is next to it, over the objects of a clone.

    Who commits with it is the identity of the clone.
    """
    tree = scratch / "tree"
    tree.mkdir()
    places = {"GIT_WORK_TREE": str(tree), "GIT_INDEX_FILE": str(scratch / "index")}
    return Git(tree, {"GIT_DIR": clone("rev-parse", "--absolute-git-dir"), **places, **identity(clone)})


def without_passwords(text: str) -> str:
    return re.sub(r"://[^/@\s]+@", "://", text)


def last_line(output: str) -> str:
    """The line of git's output that says what went wrong, printable and cut."""
    lines = [line.strip() for line in output.splitlines() if line.strip() and not line.startswith("hint:")]
    telling = [line for line in lines if line.startswith(("fatal:", "error:", "!"))]
    return _printable((telling or lines or ["it said nothing"])[0])


def remote_lines(output: str, most: int = 3) -> str:
    """What the other side said in a push, its first lines, printable and cut."""
    said = [line.removeprefix("remote:").strip() for line in output.splitlines() if line.startswith("remote:")]
    return _printable(" / ".join([line for line in said if line][:most]))


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)[:_LONGEST_ERROR]


_HOST = r"(?P<host>[\w-]+(?:\.[\w-]+)+)"
_PATH = r"(?P<path>[^/:\s]+/[^/:\s]+?)(?:\.git)?/?"
_ADDRESSES = (  # how git spells where a repository is: as an address, or as ssh wants it
    re.compile(rf"(?:https?|ssh|git)://(?:[^@/]*@)?{_HOST}(?::\d+)?/+{_PATH}"),
    re.compile(rf"(?:[^@/:]+@)?{_HOST}:/*{_PATH}"),
)


def repository_of(directory: Path, remote: str = "origin") -> str | None:
    """Name the repository that a remote of a clone leads to: "github.com/owner/name".

    None: this is no clone, there is no such remote, or its address names no repository of a host: a folder, say.
    """
    git = Git(directory)
    asked = (("remote", "get-url", "--", remote), ("config", "--get", f"remote.{remote}.url"))
    try:
        answers = [git.ask(*words) for words in asked]  # the first follows a person's abbreviations, or a mirror
    except PublishError:
        return None
    addresses = [done.out.strip() for done in answers if not done.code]
    found = (form.fullmatch(address) for address in addresses for form in _ADDRESSES)
    match = next((match for match in found if match), None)
    host = match["host"].lower() if match else ""
    return f"{'github.com' if host == 'ssh.github.com' else host}/{match['path']}" if match else None
