"""Clears what a fork inherits: runs, failures, charts and self-test of the repository that it was forked from."""

import shutil
from pathlib import Path

from benchmark.config import DEFAULT_FILE
from benchmark.errors import UsageError
from benchmark.failure import FOLDER
from benchmark.files import DRAFT, writing
from benchmark.publish.destination import find_home
from benchmark.publish.git import Git
from benchmark.selftest import FILE_NAME as SELFTEST
from benchmark.show.history import CHARTS
from benchmark.show.index import REPORT_NAME

INHERITED = ("runs", FOLDER, CHARTS, SELFTEST)


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
        message = f"{lost[0]} is in no commit and would be lost ({len(lost)} such); commit or delete it first"
        raise UsageError(message)
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
    paths = [str(folder.resolve()) for folder in folders]
    options = ("--porcelain", "-z", "--no-renames", "--ignored", "--untracked-files=all")
    done = Git(home).ask("status", *options, "--", *paths)
    if done.code:
        message = f"git status failed, so nothing was removed: {done.errors.strip()}"
        raise UsageError(message)
    changed = [(entry[:2], entry[3:]) for entry in done.out.split("\0") if entry]
    return [path for state, path in changed if "D" not in state and not _is_derived(home / path)]


def _is_derived(path: Path) -> bool:
    """Whether a file can be rendered again, or is what a killed process left of one: losing it loses nothing."""
    from benchmark.show.charts.pictures import is_ours  # noqa: PLC0415 - Altair costs every command 0.3 s

    return path.name == REPORT_NAME or path.name.endswith(DRAFT) or (path.suffix == ".svg" and is_ours(path))
