"""Where a run is published: which repository, which remote, which branch."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from benchmark.errors import PublishError, UsageError, refuse_untrusted
from benchmark.publish.git import Git

_HOST = r"(?P<host>[\w-]+(?:\.[\w-]+)+)"
_PATH = r"(?P<path>[^/:\s]+/[^/:\s]+?)(?:\.git)?/?"
_ADDRESSES = (
    re.compile(rf"(?:https?|ssh|git)://(?:[^@/]*@)?{_HOST}(?::\d+)?/+{_PATH}"),
    re.compile(rf"(?:[^@/:]+@)?{_HOST}:/*{_PATH}"),
)
"""How git spells where a repository is: as an address, or as ssh wants it."""


@dataclass(frozen=True)
class Destination:
    """A branch of a remote, and the two places below its top directory that are written."""

    home: Path
    remote: str
    branch: str
    reports: Path
    readme: Path


def find_destination(reports: Path, readme: Path, remote: str, branch: str | None) -> Destination:
    """Work out where to publish from a clone.

    Without `branch`: the one that the current branch follows, else the one of that name.
    UsageError: this is no clone, or a name is not possible.
    """
    home = find_home(Path.cwd())
    git = Git(home)
    if not remote or remote.startswith("-"):
        message = f"--remote: {remote!r} is not the name of a remote"
        raise UsageError(message)
    chosen = branch or current_branch(git)
    if git.ask("check-ref-format", "--branch", chosen).code:
        message = f"--branch: {chosen!r} is not the name of a branch"
        raise UsageError(message)
    return Destination(home, remote, chosen, _below(home, reports), _below(home, readme))


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


def find_home(directory: Path) -> Path:
    """Top directory of the clone that `directory` is in. UsageError: it is in none."""
    done = Git(directory).ask("rev-parse", "--show-toplevel")
    refuse_untrusted(done.errors)
    if done.code or not done.out.strip():
        message = f"{directory.name or '.'}/ is not in a git clone with a working tree; go to yours, or use --local"
        raise UsageError(message)
    return Path(done.out.rstrip("\n"))


def current_branch(git: Git) -> str:
    """Name, at the remote, of the branch that is checked out. UsageError: none is."""
    local = git.ask("symbolic-ref", "--quiet", "--short", "HEAD")
    if local.code:
        # A workflow may check out a commit; GitHub says which branch it meant.
        if os.environ.get("GITHUB_REF_TYPE") == "branch" and (name := os.environ.get("GITHUB_REF_NAME")):
            return name
        message = "no branch is checked out; name the one to publish on with --branch"
        raise UsageError(message)
    name = local.out.strip()
    followed = git.ask("config", "--get", f"branch.{name}.merge").out.strip()
    return followed.removeprefix("refs/heads/") or name


def _below(home: Path, path: Path) -> Path:
    try:
        return path.resolve().relative_to(home.resolve())
    except ValueError:
        message = f"{path} is not in the clone; publish from the clone that it belongs to, or use --local"
        raise PublishError(message) from None
