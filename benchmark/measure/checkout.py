"""The files of a commit in a folder of their own, without touching the repository that they come from.

Not with `git worktree`: it notes each worktree inside the repository, runs the user's hooks, and what is killed leaves
its note behind. An index of our own in a temporary folder needs none of that: nothing is ever there to be pruned.
"""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from benchmark.errors import UsageError, refuse_untrusted

TIMEOUT_S = 120.0


def resolve(home: Path, ref: str) -> str:
    """Full name of the commit that a ref stands for: here, or else as a branch of `origin`.

    UsageError: there is none, or `home` is in no repository.
    """
    inside = _git(home, "rev-parse", "--is-inside-work-tree")
    if inside.returncode:
        refuse_untrusted(inside.stderr)
        message = "there is no git repository here, so there are no two versions to compare; run it inside one"
        raise UsageError(message)
    for name in (ref, f"refs/remotes/origin/{ref}"):
        found = _git(home, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        if not found.returncode:
            return found.stdout.strip()
    if _git(home, "rev-parse", "--is-shallow-repository").stdout.strip() == "true":
        message = f"{ref!r} names no commit here, and this clone is shallow: it lacks older commits"
        raise UsageError(f"{message}; get them with git fetch --unshallow")
    message = f"{ref!r} names no commit here; a branch of a remote may have to be fetched first: git fetch origin"
    raise UsageError(message)


def check_out(home: Path, commit: str, directory: Path) -> Path:
    """Write the files of a commit into `directory` (which is made); gives the folder in it that is `home` there.

    Submodules are left out. UsageError: the files can not be had, or that commit has no such folder.
    """
    directory.mkdir(parents=True)
    top = Path(_output(home, "rev-parse", "--show-toplevel"))
    inside = _output(home, "rev-parse", "--show-prefix")
    index = {"GIT_INDEX_FILE": str(directory.parent.resolve() / f"{directory.name}.index")}
    _output(top, "read-tree", commit, variables=index)
    _output(top, "checkout-index", "--all", "--quiet", f"--prefix={directory.resolve()}/", variables=index)
    place = directory / inside
    if not place.is_dir():
        message = f"commit {commit[:12]} has no folder {inside!r}; name a commit that has it"
        raise UsageError(message)
    return place


def _output(directory: Path, *arguments: str, variables: Mapping[str, str] | None = None) -> str:
    done = _git(directory, *arguments, variables=variables)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()] or ["it said nothing"]
        raise UsageError(f"git {arguments[0]} failed: {said[0][:300]}")
    return done.stdout.strip()


def _git(
    directory: Path, *arguments: str, variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    # Where bench is started by a hook of git, GIT_DIR and its like point at that hook's repository.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        return subprocess.run(  # noqa: S603 - a list, no shell reads it
            ["git", *arguments],  # noqa: S607 - git is where PATH says
            cwd=directory,
            env=inherited | {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"} | dict(variables or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        message = f"git can not be run: {error}"
        raise UsageError(message) from None
