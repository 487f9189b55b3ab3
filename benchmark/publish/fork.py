"""A fork: its inherited runs are cleared once, and newer versions are taken in without the runs of others."""

import filecmp
import os
import shutil
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmark.config import DEFAULT_FILE
from benchmark.errors import PublishError, UsageError
from benchmark.publish.publish import fetch, find_home
from benchmark.report.index import REPORT_NAME
from benchmark.report.noise_floor import FILE_NAME as SELFTEST
from benchmark.report.readme import with_block_of
from benchmark.shell import Git, GitError, last_line, without_passwords, working_in
from benchmark.store import CHARTS, DRAFT, FAILURES, writing

INHERITED = ("runs", FAILURES, CHARTS, SELFTEST)
README = "README.md"
OWN = ("reports", ":(exclude)reports/published")
"""What stays as it is here. What others published is no run of anybody's, and comes along."""

REF = "refs/bench/update"
"""While files are replaced, the merge that they become. After a conflict, what is to be merged by hand."""

SCRATCH = "bench-update-"


def clear(directory: Path, reports: Path) -> list[Path]:
    """Remove all runs, failures and the self-test below `reports`; gives what was removed. What others published stays.

    UsageError: `directory` is no checkout of this repository, or a run in it is in no commit and could not be
    restored. Nothing was removed then. UnwritableRunError: the disk does not let go of them.
    """
    home = find_home(directory)
    if not (directory / DEFAULT_FILE).is_file() or not reports.is_dir() or reports.is_symlink():
        message = f"{directory.name}/ holds no {DEFAULT_FILE} and no {reports.name}/; go to the checkout's top folder"
        raise UsageError(message)
    folders = [reports / name for name in INHERITED if (reports / name).exists()]
    if not folders:
        return []
    lost = _only_here(home, folders)
    if lost:
        raise UsageError(
            f"{lost[0]} is not committed and would be lost ({len(lost)} in all); commit or delete it first"
        )
    found = [entry for folder in folders for entry in (sorted(folder.iterdir()) if folder.is_dir() else [folder])]
    with writing(reports):
        for folder in folders:
            if folder.is_symlink() or folder.is_file():
                folder.unlink()
            else:
                shutil.rmtree(folder)
    return found


def _only_here(home: Path, folders: list[Path]) -> list[str]:
    """Files that no commit holds as they are, ignored ones too."""
    try:
        changed = _status(Git(home), "--ignored", "--", *(str(folder.resolve()) for folder in folders))
    except GitError as error:
        raise UsageError(f"git status failed, so nothing was removed: {error.output.strip()}") from None
    return [path for state, path in changed if "D" not in state and not _is_derived(home / path)]


def _status(git: Git, *arguments: str) -> list[tuple[str, str]]:
    """The state of each path that differs from the last commit, those that git does not know yet among them."""
    # Not through __call__, which strips the blank that the first line may begin with.
    done = git.ask("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", *arguments)
    if done.code:
        raise GitError("status", done.errors)
    return [(entry[:2], entry[3:]) for entry in done.out.split("\0") if entry]


def _is_derived(path: Path) -> bool:
    """Whether a file can be rendered again, or is what a killed process left of one: losing it loses nothing."""
    from benchmark.report.charts.registry import is_ours  # noqa: PLC0415 - Altair costs every command 0.3 s

    return path.name == REPORT_NAME or path.name.endswith(DRAFT) or (path.suffix == ".svg" and is_ours(path))


@dataclass(frozen=True)
class Updated:
    """What became of it: how many files changed here (None: there was nothing newer), and were the reports rendered."""

    commit: str
    files: int | None = None
    rendered: bool = True


def update(directory: Path, remote: str, branch: str | None, render: Callable[[Path], bool]) -> Updated:
    """Merge a branch of a remote (its default branch, if None is named) into the branch that is checked out here.

    `render` renders the reports of a checkout with the code in it, and says whether that could be done.
    UsageError: this is no clone of a fork, or something in it is not committed. PublishError: both sides changed a
    file, or git refuses. Nothing was changed then.
    """
    home = find_home(directory)
    if not (home / DEFAULT_FILE).is_file():
        raise UsageError(f"{home.name}/ holds no {DEFAULT_FILE}; go to the clone of your fork")
    git = Git(home)
    head = _branch_tip(git)
    place = Path(git("rev-parse", "--absolute-git-dir"))
    for left in place.glob(f"{SCRATCH}*"):
        shutil.rmtree(left, ignore_errors=True)
    # Inside .git, as a rename does not leave its file system.
    with TemporaryDirectory(prefix=SCRATCH, dir=place, ignore_cleanup_errors=True) as scratch:
        apart = working_in(Path(scratch), git)
        begun = _begun(git, head)
        if begun is not None:
            apart("read-tree", "--reset", "-u", begun)
            return Updated(begun, _take(git, apart.directory, head, begun))
        _refuse([path for _, path in _status(git)])
        theirs = _fetch(git, remote, branch)
        if not git.ask("merge-base", "--is-ancestor", theirs, head).code:
            return Updated(theirs)
        title = f"Take {theirs[:10]} of {without_passwords(remote)}, without its runs"
        without = _without_runs(git, apart, head, theirs)
        apart("read-tree", "--reset", "-u", _merged(git, head, without, remote))
        rendered = render(apart.directory)
        written = [name for name in ("reports", README) if (apart.directory / name).exists()]
        apart("add", "--all", "--force", "--", *written)
        merge = apart("commit-tree", apart("write-tree"), "-p", head, "-p", without, "-m", title)
        return Updated(merge, _take(git, apart.directory, head, merge), rendered)


def _branch_tip(git: Git) -> str:
    """Give the commit of the branch that is checked out. UsageError: none is, or a merge is under way."""
    if git.ask("symbolic-ref", "--quiet", "HEAD").code:
        raise UsageError("no branch is checked out; git switch main, or the branch that you measure")
    if not git.ask("rev-parse", "--verify", "--quiet", "MERGE_HEAD").code:
        message = "a merge is in progress here; finish it (git add FILES && git commit) or abort it (git merge --abort)"
        raise UsageError(message)
    return git("rev-parse", "--verify", "HEAD^{commit}")


def _begun(git: Git, head: str) -> str | None:
    """Find the merge on top of `head` that a call which was killed began to take."""
    names = git.ask("rev-list", "--parents", "--max-count=1", REF, "--").out.split()
    return names[0] if len(names) == 3 and names[1] == head else None  # noqa: PLR2004 - itself and two parents


def _refuse(changed: list[str]) -> None:
    if changed:
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        raise UsageError(f"{changed[0]}{more} would be mixed with the new version; commit first, or git stash -u")


def _fetch(git: Git, remote: str, branch: str | None) -> str:
    """Get the newest commit of the other side; no branch and no remote of this clone is written."""
    wanted = f"refs/heads/{branch}" if branch else "HEAD"
    if not remote or remote.startswith("-") or git.ask("check-ref-format", "--allow-onelevel", wanted).code:
        raise UsageError(f"--remote and --branch name a repository and its branch, not {remote!r} and {branch!r}")
    if remote not in git("remote").split() and not any(sign in remote for sign in "/\\:"):
        message = (
            f"there is no remote {remote!r} here. Name the repository that you forked: "
            "bench update --remote https://github.com/OWNER/NAME.git"
        )
        raise UsageError(message)
    shown = without_passwords(remote)
    try:
        lines = (line.partition("\t") for line in git("ls-remote", remote, wanted).splitlines())
        tip = next((commit for commit, _, name in lines if name == wanted), None)
        if tip is None:
            raise UsageError(f"{shown} has no branch {branch or 'that is its default'}; name one with --branch")
        fetch(git, remote, wanted)
    except GitError as error:
        raise PublishError(f"{shown} cannot be read: {error}; check the address and your right to read it") from None
    return tip


def _without_runs(git: Git, apart: Git, head: str, theirs: str) -> str:
    """Commit on top of `theirs` that our reports, and our block of the README, take the place of its own."""
    common = git.ask("merge-base", head, theirs).out.strip()
    if not common:
        message = (
            'the two repositories have no history in common. A copy made with "Use this template" has none; '
            "in a shallow clone, run git fetch --unshallow first"
        )
        raise UsageError(message)
    apart("read-tree", "--reset", "-u", theirs)
    apart("rm", "-r", "-f", "--quiet", "--ignore-unmatch", "--", *OWN)
    names = git("ls-tree", "-r", "-z", "--name-only", head, "--", "reports/").split("\0")
    if any(name and not name.startswith("reports/published/") for name in names):
        apart("checkout", head, "--", *OWN)
    readme = apart.directory / README
    if readme.is_file():
        shown = (git.ask("show", f"{commit}:{README}").out for commit in (head, common))
        readme.write_bytes(with_block_of(readme.read_bytes(), *(text.encode() for text in shown)))
        apart("add", "--", README)
    return apart("commit-tree", apart("write-tree"), "-p", theirs, "-m", "Leave out the runs of the repository forked")


def _merged(git: Git, head: str, without: str, remote: str) -> str:
    """Merge two commits, and nothing else: gives the tree. PublishError: both changed a file."""
    done = git.ask("merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", head, without)
    tree, *files = [part for part in done.out.split("\0") if part] or [""]
    if done.code == 0:
        return tree
    if done.code != 1 or not files:
        old = "git 2.38 or newer is needed" if "usage:" in done.errors else last_line(done.errors)
        raise PublishError(f"git merge-tree failed: {old}. Nothing was changed")
    git("update-ref", REF, without)
    message = (
        f"nothing was changed: you and {without_passwords(remote)} both changed {', '.join(dict.fromkeys(files))}. "
        f"Merge by hand (upstream's runs are left out already): git merge {REF.removeprefix('refs/')}; edit these "
        "files; git add them; git commit; then bench report --all, and commit that"
    )
    raise PublishError(message)


def _take(git: Git, tree: Path, head: str, merge: str) -> int:
    """Replace what differs between two commits by the files in `tree`, and move the branch; gives how many those are.

    Some may be replaced already, by a call that was killed. UsageError: something else is in the way.
    """
    home = git.directory
    parts = git("diff-tree", "-r", "-z", "--no-renames", "--name-status", head, merge).split("\0")
    changes = dict(zip(parts[1::2], parts[::2], strict=False))
    ours = {path for path in changes if _same(home / path, tree / path)}
    _refuse([path for _, path in _status(git) if path not in ours])
    going = {home / path for path, state in changes.items() if state == "D"}
    coming = [home / path for path, state in changes.items() if state == "A" and path not in ours]
    hidden = [file for path in coming for file in _files(path) if file not in going]
    _refuse([str(file.relative_to(home)) for file in hidden])  # git ignores it here, and tracks it there
    git("update-ref", REF, merge)
    try:
        for path in sorted(changes, key=lambda path: changes[path] != "D"):
            if changes[path] == "D":
                _remove(home, path)
            elif path not in ours:
                (home / path).parent.mkdir(parents=True, exist_ok=True)
                (tree / path).replace(home / path)
    except OSError as error:
        message = f"{error.filename} cannot be replaced: {error.strerror}. Free some space and run bench update again"
        raise PublishError(message) from None
    try:
        git("reset", "--quiet", merge)
    except GitError as error:
        message = f"{error} Your files are updated, your branch is not yet: fix that, then run bench update again"
        raise PublishError(message) from None
    git("update-ref", "-d", REF)
    return len(changes)


def _files(path: Path) -> list[Path]:
    """List what would have to go where a path is to be written: a file, or all files of a folder."""
    if path.is_dir() and not path.is_symlink():
        return [file for file in path.rglob("*") if file.is_symlink() or not file.is_dir()]
    return [path] if os.path.lexists(path) else []


def _remove(home: Path, path: str) -> None:
    """Remove a file, and the folders that it leaves empty. One that a link leads to by now is another file."""
    file = home / path
    folders = file.parents[: len(Path(path).parts) - 1]
    if any(folder.is_symlink() for folder in folders):
        return
    if file.is_symlink() or file.is_file():  # else a folder takes its place already, or one above it became a file
        file.unlink()
    with suppress(OSError):  # one that is not empty stays
        for folder in folders:
            folder.rmdir()


def _same(here: Path, there: Path) -> bool:
    """Whether two paths hold the same: nothing, one link, or one content."""
    if here.is_symlink() or there.is_symlink():
        return here.is_symlink() and there.is_symlink() and here.readlink() == there.readlink()
    if not (here.is_file() and there.is_file()):
        return not (here.is_file() or there.is_file())  # a folder is no file: what is in it is compared by itself
    executable = (path.stat().st_mode & stat.S_IXUSR for path in (here, there))
    return len(set(executable)) == 1 and filecmp.cmp(here, there, shallow=False)
