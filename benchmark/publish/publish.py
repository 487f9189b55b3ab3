"""The way of new files into the reports: here, or on a branch of a remote, whatever else is pushed there just then."""

import os
import random
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmark.errors import InvalidRunError, PublishError, UnwritableRunError, UsageError, refuse_untrusted
from benchmark.formatting import inert, say
from benchmark.publish.untrusted import read_runs
from benchmark.report.render import render, say_unreadable
from benchmark.report.step_summary import write_step_summary
from benchmark.report.verdicts import why_incomplete
from benchmark.shell import Git, GitError, remote_lines, working_in

LONGEST_TITLE = 200
MOST_LISTED = 20
TRIES = 10
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 20.0

# What is said of a push that no further try will bring in.
OF_WORKFLOWS = "refusing to allow"
DECLINED = re.compile("GH006|GH013|protected branch|hook declined")
FORBIDDEN = re.compile(
    "Permission to |Permission denied|Authentication failed|could not read Username|error: 403|Repository not found|"
    "does not appear to be a git repository|does not exist|No such remote|refusing to update checked out branch"
)

Put = Callable[[Path], object]
"""Writes the new files into a reports directory; the same files again change nothing."""


@dataclass(frozen=True)
class Destination:
    """A branch of a remote, and the two places below its top directory that are written."""

    home: Path
    remote: str
    branch: str
    reports: Path
    readme: Path

    def __str__(self) -> str:
        return f"{self.remote}/{self.branch}"


@dataclass(frozen=True)
class Place:
    """Where to publish. `local`: in these files, without git. `yes`: a missing branch is created without asking.

    `dry_run`: nothing is pushed; what would be is listed.
    """

    branch: str | None
    remote: str
    reports: Path
    readme: Path
    local: bool = False
    yes: bool = False
    dry_run: bool = False


class _TryAgainError(PublishError):
    """Another push was faster, or the network was not there."""


def publish_to(place: Place, put: Put, title: str, runs: Sequence[str] = ()) -> None:
    """Put files into the reports, render what is new, and say what was done. `runs`: those whose reports are new.

    Nothing is committed when nothing changes. PublishError: it was not published.
    """
    if place.local and place.dry_run:
        raise UsageError("--dry-run shows what would be pushed, and --local pushes nothing; leave one of them out")
    if place.local:
        put(place.reports)
        _render_new(place.reports, place.readme)
        say(f"{title}: written to {place.reports}. Next: git add {place.reports} {place.readme}", sys.stdout)
        return
    destination = find_destination(place.reports, place.readme, place.remote, place.branch)
    title = title if len(title) <= LONGEST_TITLE else title[: LONGEST_TITLE - 1] + "…"
    if place.dry_run:
        _preview(destination, put, title)
        return
    commit, changed = _push_for_good(destination, put, title, yes=place.yes)
    if changed:
        done = f"pushed to {destination} as {commit[:10]}. Your own files are unchanged; to get the result: git pull"
        say(f"{title}: {done}", sys.stdout)
        _tell_workflow(destination, commit, runs)
    else:
        say(f"{title}: nothing to do, {destination} holds it already", sys.stdout)


def _preview(destination: Destination, put: Put, title: str) -> None:
    clone = Git(destination.home)
    tip, exists = _fetch(clone, destination)
    commit, changed = _commit(clone, destination, tip, put, title)
    if exists and not changed:
        say(f"{title}: nothing to do, {destination} holds it already", sys.stdout)
        return
    files = clone("diff", "--name-status", "--no-renames", tip, commit).splitlines()
    new = "" if exists else ", a new branch that begins at the default branch"
    listed = [f"  {line.expandtabs(2)}" for line in files[:MOST_LISTED]]
    more = [f"  and {len(files) - MOST_LISTED} more files"] if len(files) > MOST_LISTED else []
    head = f"Would push to {destination}{new}, with these files added (A), modified (M) or deleted (D):"
    say("\n".join([head, f"  {title}", "", *listed, *more, "", "Nothing was pushed."]), sys.stdout)


def _tell_workflow(destination: Destination, commit: str, runs: Sequence[str]) -> None:
    """Link what was published on the page of the workflow run."""
    server, repository = (os.environ.get(f"GITHUB_{name}") for name in ("SERVER_URL", "REPOSITORY"))
    if not (server and repository and os.environ.get("GITHUB_STEP_SUMMARY")):
        return
    reports = f"{server}/{repository}/blob/{commit}/{destination.reports.as_posix()}"
    places = {run: f"{reports}/runs/{run}/report.md" for run in runs}
    places |= {"index with verdicts and pictures": f"{reports}/README.md"}
    links = ", ".join(f"[{name}]({place})" for name, place in places.items())
    try:
        write_step_summary(f"Published on {inert(destination.branch)}: {links}\n")
    except UnwritableRunError as error:
        say(f"bench: {error}", sys.stderr)


def _render_new(reports: Path, readme: Path) -> None:
    say_unreadable(render(reports, readme, everything=False).unreadable)


def reason_in(results: Path | None) -> str | None:
    """Find what the newest incomplete run says; a directory that holds none, or something odd, says nothing."""
    try:
        records = read_runs(results).records if results is not None else ()
    except (InvalidRunError, UsageError) as error:
        say(f"--results gives no reason: {error}", sys.stderr)
        return None
    incomplete = [record for record in records if record.state == "incomplete"]
    newest = max(incomplete, key=lambda record: record.started_at, default=None)
    return why_incomplete(newest) if newest is not None else None


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
        raise UsageError("no branch is checked out; name one with --branch")
    name = local.out.strip()
    followed = git.ask("config", "--get", f"branch.{name}.merge").out.strip()
    return followed.removeprefix("refs/heads/") or name


def _below(home: Path, path: Path) -> Path:
    try:
        return path.resolve().relative_to(home.resolve())
    except ValueError:
        message = f"{path} is not in the clone; publish from the clone that it belongs to, or use --local"
        raise PublishError(message) from None


def _push_for_good(destination: Destination, put: Put, title: str, *, yes: bool) -> tuple[str, bool]:
    attempt = 1
    while True:
        try:
            return _push_once(destination, put, title, yes=yes)
        except _TryAgainError as error:
            if attempt == TRIES:
                raise PublishError(f"not published after {TRIES} tries; try again later. {error}") from None
            say(f"try {attempt} of {TRIES}: {error}", sys.stderr)
        # Jitter: those who met once would else meet again.
        longest = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (attempt - 1))
        time.sleep(longest * random.uniform(0.2, 1.0))  # noqa: S311 - no secret
        attempt += 1


def _push_once(destination: Destination, put: Put, title: str, *, yes: bool) -> tuple[str, bool]:
    """Give the commit that holds the files, and whether it was made now."""
    clone = Git(destination.home)
    tip, exists = _fetch(clone, destination)
    if not exists:
        _require_consent(destination, yes=yes)
    commit, changed = _commit(clone, destination, tip, put, title)
    if changed or not exists:
        _push(clone, destination, commit)
    return commit, changed


def _commit(clone: Git, destination: Destination, tip: str, put: Put, title: str) -> tuple[str, bool]:
    """Commit on top of `tip`, unless nothing changes; gives the commit, and whether it is a new one.

    In files and an index of its own, over the objects of the clone, in which nothing else changes.
    """
    with TemporaryDirectory(prefix="bench-publish-", ignore_cleanup_errors=True) as scratch:
        git = working_in(Path(scratch), clone)
        git("read-tree", "--reset", "-u", tip)
        reports, readme = git.directory / destination.reports, git.directory / destination.readme
        put(reports)
        try:
            _render_new(reports, readme)
        except UsageError as error:
            raise PublishError(f"{error}; nothing was published; fix it on branch {destination.branch}") from None
        # --force: somebody's own list of ignored files may name *.svg
        written = [path for path in (destination.reports, destination.readme) if (git.directory / path).exists()]
        git("add", "--all", "--force", "--", *map(str, written))
        tree = git("write-tree")
        changed = tree != git("rev-parse", f"{tip}^{{tree}}")
        commit = git("commit-tree", tree, "-p", tip, "-m", title) if changed else tip
    return commit, changed


@cache  # also where a try failed, people are asked once
def _require_consent(destination: Destination, *, yes: bool) -> None:
    """Say that a branch is created; at a terminal, ask. PublishError: it must not be."""
    what = f"{destination} does not exist yet"
    if yes or os.environ.get("GITHUB_ACTIONS") == "true":  # of a workflow, BENCH_BRANCH is what its owner set
        say(f"{what}; it is created from the default branch.", sys.stderr)
        return
    if not (sys.stdin and sys.stdin.isatty() and sys.stderr.isatty()):
        message = f"{what}; add --yes to create it from the default branch, or name another branch with --branch"
        raise PublishError(message)
    sys.stderr.write(f"{what}. Create it from the default branch? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise PublishError(f"{destination} was not created and nothing was published; name another with --branch")


def _fetch(clone: Git, destination: Destination) -> tuple[str, bool]:
    """Get the commit to build on, and whether the branch exists; of one yet to be made, the default branch's newest."""
    wanted = f"refs/heads/{destination.branch}"
    try:
        listed = clone("ls-remote", destination.remote, "HEAD", wanted)
        tips = {name: commit for commit, _, name in (line.partition("\t") for line in listed.splitlines())}
        source = wanted if wanted in tips else "HEAD"
        if source not in tips:
            message = f"{destination.remote} holds no commit yet; push your branch once: git push {destination.remote}"
            raise PublishError(message)
        depth = ("--depth=1",) if wanted in tips and _has_no_history(clone, destination) else ()
        fetch(clone, *depth, destination.remote, source)
    except GitError as error:
        raise _meaning(error, destination) from None
    if clone.ask("cat-file", "-e", f"{tips[source]}^{{commit}}").code:
        raise _TryAgainError(f"{destination.branch} was rewritten while it was fetched")
    return tips[source], wanted in tips


def fetch(clone: Git, *arguments: str) -> None:
    """Get commits, and leave the clone's own view of the remote as it is."""
    options = ("--no-tags", "--no-prune", "--no-recurse-submodules", "--no-write-fetch-head", "--refmap=")
    clone("fetch", "--quiet", *options, *arguments)


def _has_no_history(clone: Git, destination: Destination) -> bool:
    """Whether nothing older of the branch is to be fetched: years of it, into a clone that has none of its own.

    Of the branch that is checked out only what is new comes anyway; and its newest commit must not become one without
    parents, or the next `git pull` would find that it has nothing in common with what is here.
    """
    if clone("rev-parse", "--is-shallow-repository") != "true":
        return False
    try:
        return current_branch(clone) != destination.branch
    except UsageError:
        return False


def _push(clone: Git, destination: Destination, commit: str) -> None:
    """To the address, not to the name: git would then write the clone's view of the remote."""
    try:
        address = clone("remote", "get-url", "--push", destination.remote)
        options = ("--porcelain", "--no-verify", "--no-follow-tags", "--recurse-submodules=no")
        clone("push", *options, address, f"{commit}:refs/heads/{destination.branch}")
    except GitError as error:
        raise _meaning(error, destination) from None


def _meaning(error: GitError, destination: Destination) -> PublishError:
    """Tell a refusal for good from one that the next try may overcome."""
    said = remote_lines(error.output)
    afterwards = "The run is untouched; publish it again afterwards (on GitHub: Re-run failed jobs)"
    if OF_WORKFLOWS in error.output:
        return PublishError(
            f"{destination} does not accept the push: its workflows differ from those of the default branch, which a "
            f"workflow's token may not bring in ({said}). Merge the default branch into {destination.branch} and push "
            f"that yourself. {afterwards}"
        )
    if DECLINED.search(error.output):
        return PublishError(
            f"{destination} does not accept the push, it is protected{f' ({said})' if said else ''}. Three ways out: "
            "let the workflow's bot push to it (branch protection or ruleset: remove it, or add the bot to those who "
            "may bypass it); or publish on a branch of its own: set the repository variable BENCH_BRANCH, or --branch; "
            f"or push with a deploy key that may bypass the rule. {afterwards}"
        )
    if FORBIDDEN.search(error.output):
        return PublishError(
            f"{destination} cannot be reached or written: {error}. Check the remote and your right to push; "
            "a workflow's job needs `permissions: contents: write`"
        )
    return _TryAgainError(str(error))
