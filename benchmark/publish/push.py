"""Puts something into the reports of a branch at the remote, whatever else is pushed there at that moment."""

import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmark.errors import PublishError, UsageError, refuse_untrusted
from benchmark.shell import Git, GitError, remote_lines, working_in


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
        raise UsageError(f"--remote: {remote!r} is not the name of a remote")
    chosen = branch or current_branch(git)
    if git.ask("check-ref-format", "--branch", chosen).code:
        raise UsageError(f"--branch: {chosen!r} is not the name of a branch")
    return Destination(home, remote, chosen, _below(home, reports), _below(home, readme))


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
        raise UsageError("no branch is checked out; name the one to publish on with --branch")
    name = local.out.strip()
    followed = git.ask("config", "--get", f"branch.{name}.merge").out.strip()
    return followed.removeprefix("refs/heads/") or name


def _below(home: Path, path: Path) -> Path:
    try:
        return path.resolve().relative_to(home.resolve())
    except ValueError:
        message = f"{path} is not in the clone; publish from the clone that it belongs to, or use --local"
        raise PublishError(message) from None


TRIES = 10
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 20.0

DECLINED = ("GH006", "GH013", "protected branch", "hook declined")
OF_WORKFLOWS = "refusing to allow"
"""What GitHub says of a push that brings other workflows than the default branch has."""

FORBIDDEN = (
    "Permission to ",
    "Permission denied",
    "Authentication failed",
    "could not read Username",
    "error: 403",
    "Repository not found",
    "does not appear to be a git repository",
    "does not exist",
    "No such remote",
    "refusing to update checked out branch",
)

Put = Callable[[Path], object]
"""Writes the new files into a reports directory; the same files again change nothing."""

Render = Callable[[Path, Path], object]
"""Renders what is derived from the runs: reports directory, README. UsageError: the README's markers are not a pair."""

Say = Callable[[str], None]
Agree = Callable[[str], bool]
"""Asks whether something may be done; what is not to be asked is agreed to."""


class _TryAgainError(PublishError):
    """Somebody else was faster, or the network was not there."""


@dataclass(frozen=True)
class Outcome:
    """What became of it: the commit that holds the files, and whether it was made now."""

    commit: str
    changed: bool
    tries: int


@dataclass(frozen=True)
class _Tip:
    """The commit to build on, and whether the branch exists already."""

    commit: str
    exists: bool


def push(destination: Destination, put: Put, render: Render, *, title: str, say: Say, agree: Agree) -> Outcome:
    """Put files into the reports at the remote, render, commit, push; at most TRIES times.

    Nothing is committed when nothing changes. `say` hears why a try failed, and `agree` is asked before a branch is
    made. PublishError: it was not published.
    """
    agree = cache(agree)  # also where a try failed, people are asked once
    for attempt in range(1, TRIES + 1):
        try:
            return _try(destination, put, render, title, attempt, agree)
        except _TryAgainError as error:
            if attempt == TRIES:
                raise PublishError(f"not published after {TRIES} tries; try again later. {error}") from None
            say(f"try {attempt} of {TRIES}: {error}")
            # Jitter: those who met once would else meet again.
            longest = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (attempt - 1))
            time.sleep(longest * random.uniform(0.2, 1.0))  # noqa: S311 - no secret
    raise PublishError("unreachable: the last try returns or raises")


def _try(destination: Destination, put: Put, render: Render, title: str, attempt: int, agree: Agree) -> Outcome:
    clone = Git(destination.home)
    tip = _fetch(clone, destination)
    where = f"{destination.remote}/{destination.branch}"
    if not tip.exists and not agree(f"{where} does not exist yet; it is made, from the default branch"):
        message = f"{where} was not made, so nothing was published; name the branch that is meant with --branch"
        raise PublishError(message)
    with TemporaryDirectory(prefix="bench-publish-", ignore_cleanup_errors=True) as scratch:
        git = working_in(Path(scratch), clone)
        git("read-tree", "--reset", "-u", tip.commit)
        _render(Path(scratch) / "tree", destination, put, render)
        commit = _commit(git, destination, tip, title)
    changed = commit != tip.commit
    if changed or not tip.exists:
        _push(clone, destination, commit)
    return Outcome(commit, changed, attempt)


def _fetch(clone: Git, destination: Destination) -> _Tip:
    """Get the newest commit of the branch; for a branch that is yet to be made, of the default branch.

    `--refmap=` and `--no-write-fetch-head`: the clone's own view of the remote stays as it is.
    """
    wanted = f"refs/heads/{destination.branch}"
    try:
        listed = clone("ls-remote", destination.remote, "HEAD", wanted)
        tips = {name: commit for commit, _, name in (line.partition("\t") for line in listed.splitlines())}
        source = wanted if wanted in tips else "HEAD"
        if source not in tips:
            message = f"{destination.remote} holds no commit yet; push your branch once: git push {destination.remote}"
            raise PublishError(message)
        options = ("--no-tags", "--no-prune", "--no-recurse-submodules", "--no-write-fetch-head", "--refmap=")
        clone(
            "fetch", "--quiet", *options, *_depth(clone, destination, exists=wanted in tips), destination.remote, source
        )
    except GitError as error:
        raise _meaning(error, destination) from None
    if clone.ask("cat-file", "-e", f"{tips[source]}^{{commit}}").code:
        raise _TryAgainError(f"{destination.branch} was rewritten while it was fetched")
    return _Tip(tips[source], exists=wanted in tips)


def _depth(clone: Git, destination: Destination, *, exists: bool) -> tuple[str, ...]:
    """Fetch no history of another branch into a clone that has none of its own: it may be years.

    Of the branch that is checked out only what is new comes anyway; and its newest commit must not become one without
    parents, or the next `git pull` would find that it has nothing in common with what is here.
    """
    if not exists or clone("rev-parse", "--is-shallow-repository") != "true":
        return ()
    try:
        return () if current_branch(clone) == destination.branch else ("--depth=1",)
    except UsageError:
        return ()


def _render(tree: Path, destination: Destination, put: Put, render: Render) -> None:
    reports, readme = tree / destination.reports, tree / destination.readme
    put(reports)
    try:
        render(reports, readme)
    except UsageError as error:
        raise PublishError(f"{error}; nothing was published: mend it on {destination.branch}") from None


def _commit(git: Git, destination: Destination, tip: _Tip, title: str) -> str:
    """Commit what changed; gives the commit built on when nothing did."""
    written = [path for path in (destination.reports, destination.readme) if (git.directory / path).exists()]
    # --force: somebody's own list of ignored files may name *.svg
    git("add", "--all", "--force", "--", *map(str, written))
    tree = git("write-tree")
    if tree == git("rev-parse", f"{tip.commit}^{{tree}}"):
        return tip.commit
    return git("commit-tree", tree, "-p", tip.commit, "-m", title)


def _push(clone: Git, destination: Destination, commit: str) -> None:
    """Push one commit. To the address, not to the name: git would then write the clone's view of the remote."""
    try:
        address = clone("remote", "get-url", "--push", destination.remote)
        options = ("--porcelain", "--no-verify", "--no-follow-tags", "--recurse-submodules=no")
        clone("push", *options, address, f"{commit}:refs/heads/{destination.branch}")
    except GitError as error:
        raise _meaning(error, destination) from None


def _meaning(error: GitError, destination: Destination) -> PublishError:
    """Tell a refusal for good from one that the next try may overcome."""
    where = f"{destination.remote}/{destination.branch}"
    if OF_WORKFLOWS in error.output:
        return PublishError(
            f"{where} does not accept the push: its workflows differ from those of the default branch, which a "
            f"workflow's token may not bring in ({remote_lines(error.output)}). Merge the default branch into "
            f"{destination.branch} and push that yourself. The run is untouched, publish it again afterwards: on "
            "GitHub with Re-run failed jobs"
        )
    if any(sign in error.output for sign in DECLINED):
        said = remote_lines(error.output)
        return PublishError(
            f"{where} does not accept the push, it is protected{f' ({said})' if said else ''}. Three ways out: "
            "let the workflow's bot push to it (branch protection or ruleset: remove it, or add the bot to those who "
            "may bypass it); or publish on a branch of its own: set the repository variable BENCH_BRANCH, or --branch; "
            "or push with a deploy key that may bypass the rule. The run is untouched, publish it again afterwards: on "
            "GitHub with Re-run failed jobs"
        )
    if any(sign in error.output for sign in FORBIDDEN):
        return PublishError(
            f"{where} cannot be reached or written: {error}. Check the remote and your right to push; "
            "a workflow's job needs `permissions: contents: write`"
        )
    return _TryAgainError(str(error))
