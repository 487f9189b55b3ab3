"""Calls git, and tells what its refusals mean."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmark.errors import PublishError
from benchmark.publish.commands import Done, run

TIMEOUT_S = 120.0
BOT = ("github-actions[bot]", "41898282+github-actions[bot]@users.noreply.github.com")

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
"""Set where bench is started by a git hook; they would point our calls at that hook's repository."""

_SETTINGS = {
    "core.hooksPath": os.devnull,  # a person's hooks check code; what is committed here is generated
    "core.fsmonitor": "false",
    "core.sparseCheckout": "false",  # a sparse clone would leave out the very files that are rendered
    "gc.auto": "0",
    "maintenance.auto": "false",
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
        """Run a git command; gives its output. GitError: it failed."""
        done = self.ask(*arguments)
        if done.code:
            raise GitError(arguments[0], f"{done.out}\n{done.errors}")
        return done.out.strip()

    def ask(self, *arguments: str) -> Done:
        """Run a git command whose failure is an answer."""
        settings = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        inherited = {name: value for name, value in os.environ.items() if name not in _OF_ANOTHER_REPOSITORY}
        environment = inherited | {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"} | dict(self.variables)
        return run(["git", *settings, *arguments], self.directory, environment, TIMEOUT_S)


def identity(git: Git) -> dict[str, str]:
    """Who commits: the bot on GitHub, else the person whose clone this is, the bot again where nobody is set."""
    if os.environ.get("GITHUB_ACTIONS") != "true":
        # useConfigOnly: else git makes an address from the host's name, and publishes it
        asked = [git.ask("-c", "user.useConfigOnly=true", "var", f"GIT_{who}_IDENT") for who in ("AUTHOR", "COMMITTER")]
        if not any(done.code for done in asked):
            return {}
    name, address = BOT
    return {
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": address,
        "GIT_COMMITTER_NAME": name,
        "GIT_COMMITTER_EMAIL": address,
    }


def working_in(scratch: Path, clone: Git) -> Git:
    """Give a git whose files lie in `scratch`/tree and whose index is next to it, over the objects of a clone.

    Who commits with it is the identity of the clone.
    """
    tree = scratch / "tree"
    tree.mkdir()
    variables = {
        "GIT_DIR": clone("rev-parse", "--absolute-git-dir"),
        "GIT_WORK_TREE": str(tree),
        "GIT_INDEX_FILE": str(scratch / "index"),
    }
    return Git(tree, variables | identity(clone))


def without_passwords(text: str) -> str:
    """Take the user and the password out of every address in a text."""
    return re.sub(r"://[^/@\s]+@", "://", text)


def last_line(output: str) -> str:
    """The line of git's output that says what went wrong, printable and cut."""
    lines = [line.strip() for line in output.splitlines() if line.strip() and not line.startswith("hint:")]
    telling = [line for line in lines if line.startswith(("fatal:", "error:", "!"))]
    chosen = (telling or lines or ["it said nothing"])[0]
    return "".join(char if char.isprintable() else " " for char in chosen)[:_LONGEST_ERROR]


def remote_lines(output: str, most: int = 3) -> str:
    """What the other side said in a push, its first lines, printable and cut."""
    said = [line.removeprefix("remote:").strip() for line in output.splitlines() if line.startswith("remote:")]
    text = " / ".join([line for line in said if line][:most])
    return "".join(char if char.isprintable() else " " for char in text)[:_LONGEST_ERROR]
