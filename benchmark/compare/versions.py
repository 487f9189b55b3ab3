"""The files and the packages of a commit in folders of their own; the repository itself is not touched."""

import os
import shutil
import sys
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from uv import find_uv_bin

from benchmark.errors import PublishError, UsageError, refuse_untrusted
from benchmark.measure.process import Child
from benchmark.shell import Git

REQUIREMENTS = "requirements.txt"
POLL_S = 0.1
INHERITING = "bench_inherited.pth"

Pause = Callable[[float], None]
Say = Callable[[str], None]


@contextmanager
def _git(home: Path) -> Iterator[Git]:
    try:
        yield Git(home, {"GIT_LFS_SKIP_SMUDGE": "0"})  # an app may read its large files
    except PublishError as error:  # nothing is published here
        raise UsageError(error.message) from None


def resolve(home: Path, ref: str) -> str:
    """Full name of the commit that a ref stands for: here, or else as a branch of `origin`.

    UsageError: there is none, or `home` is in no repository.
    """
    with _git(home) as git:
        inside = git.ask("rev-parse", "--is-inside-work-tree")
        if inside.code:
            refuse_untrusted(inside.errors)
            message = "there is no git repository here, so there are no two versions to compare; run it inside one"
            raise UsageError(message)
        for name in (ref, f"refs/remotes/origin/{ref}"):
            found = git.ask("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
            if not found.code:
                return found.out.strip()
        if git.ask("rev-parse", "--is-shallow-repository").out.strip() == "true":
            message = f"{ref!r} names no commit here, and this clone is shallow: it lacks older commits"
            raise UsageError(f"{message}; get them with git fetch --unshallow")
    message = f"{ref!r} names no commit here; a branch of a remote may have to be fetched first: git fetch origin"
    raise UsageError(message)


def check_out(home: Path, commit: str, directory: Path) -> Path:
    """Write the files of a commit into `directory` (which is made); gives the folder in it that is `home` there.

    Submodules are left out. UsageError: the files cannot be had, or that commit has no such folder.
    """
    directory.mkdir(parents=True)
    with _git(home) as git:
        inside = git("rev-parse", "--show-prefix")
        index = {"GIT_INDEX_FILE": str(directory.parent.resolve() / f"{directory.name}.index")}
        into = Git(Path(git("rev-parse", "--show-toplevel")), {**git.variables, **index})
        into("read-tree", commit)
        # No `git archive`: it leaves out or rewrites what .gitattributes says of exports, and a tar refuses some links.
        into("checkout-index", "--all", "--quiet", f"--prefix={directory.resolve()}/")
    place = directory / inside
    if not place.is_dir():
        raise UsageError(f"commit {commit[:12]} has no folder {inside!r}; name a commit that has it")
    return place


def check_requirement(text: str) -> str:
    """Refuse what uv would read as one of its flags. UsageError names it."""
    if not text.strip() or text.lstrip().startswith("-") or not text.isprintable():
        raise UsageError(f'{text!r} is no requirement; write it like "fastapi==0.115.6"')
    return text.strip()


def already_installed(homes: Sequence[Path], extras: Sequence[Sequence[str]]) -> bool:
    """Whether all folders ask for the same, and for nothing but versions that this very Python has installed."""
    files = [home / REQUIREMENTS for home in homes]
    texts = {file.read_text(encoding="utf-8") if file.is_file() else "" for file in files}
    if len(texts) > 1 or any(extras):
        return False
    lines = [line.split(" #")[0].rstrip("\\ ") for line in texts.pop().splitlines()]
    return all(_is_installed(line) for line in lines if line.strip() and not line.lstrip().startswith(("#", "--hash=")))


def _is_installed(line: str) -> bool:
    try:
        asked = Requirement(line)
        if asked.marker is not None and not asked.marker.evaluate():
            return True
        return bool(asked.specifier) and asked.specifier.contains(version(asked.name), prereleases=True)
    except (InvalidRequirement, PackageNotFoundError):
        return False


def python_with(home: Path, extras: Sequence[str], environment: Path, pause: Pause, say: Say) -> str:
    """Path of a Python that has the requirements of `home`, and `extras` over them, installed: in a new `environment`.

    A folder without requirements.txt is served with what this Python has installed. UsageError: uv cannot install it.
    InterruptedRunError: the user asked to stop.
    """
    file = home / REQUIREMENTS
    if not file.is_file() and not extras:
        return sys.executable
    say(f"installing {' '.join([REQUIREMENTS, *extras] if file.is_file() else extras)}")

    def uv(what: str, *arguments: str, directory: Path = environment.parent) -> None:
        _run(
            [find_uv_bin(), "--quiet", *arguments],
            what,
            directory,
            environment.with_name(f"{environment.name}.log"),
            pause,
        )

    uv("a virtual environment", "venv", "--python", sys.executable, str(environment))
    python = str(environment / "bin" / "python")
    install = ("pip", "install", "--python", python)
    if file.is_file():
        uv(REQUIREMENTS, *install, "--requirement", str(file.resolve()), directory=file.resolve().parent)
    else:
        _inherit(environment)
    if extras:
        uv(" ".join(extras), *install, "--", *extras)
    return python


def _inherit(environment: Path) -> None:
    """Let an environment find what this Python has installed, and uv keep the versions of it that fit."""
    ours = Path(sysconfig.get_paths()["purelib"])
    theirs = next(environment.glob("lib/python*/site-packages"))
    (theirs / INHERITING).write_text(f"{ours}\n", encoding="utf-8")
    for metadata in ours.glob("*.dist-info"):  # uv does not follow the line above: by these it knows what there is
        shutil.copytree(metadata, theirs / metadata.name)


def _run(command: Sequence[str], what: str, directory: Path, log: Path, pause: Pause) -> None:
    with Child(command, log=log, directory=directory, environment=os.environ) as child:
        while child.exit_code is None:
            pause(POLL_S)
    if child.exit_code:
        printed = child.tail()
        said, _, _ = (printed.partition("error: ")[2] or printed).partition("\n\n")  # hints come after an empty line
        reason = " ".join(said.replace("\n  cause:", ":").split())[:300] or "it said nothing"
        raise UsageError(f"{what} cannot be installed: {reason}")
