"""The files and the packages of a commit in folders of their own; the repository itself is not touched."""

import hashlib
import json
import os
import platform
import re
import secrets
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from benchmark.errors import UsageError, refuse_untrusted
from benchmark.measure.process import Child

TIMEOUT_S = 120.0


def resolve(home: Path, ref: str) -> str:
    """Full name of the commit that a ref stands for: here, or else as a branch of `origin`.

    UsageError: there is none, or `home` is in no repository.
    """
    inside = _git(home, "rev-parse", "--is-inside-work-tree")
    if inside.returncode:
        refuse_untrusted(inside.stderr)
        raise UsageError("there is no git repository here, so there are no two versions to compare; run it inside one")
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

    Submodules are left out. UsageError: the files cannot be had, or that commit has no such folder.
    """
    directory.mkdir(parents=True)
    top = Path(_output(home, "rev-parse", "--show-toplevel"))
    inside = _output(home, "rev-parse", "--show-prefix")
    index = {"GIT_INDEX_FILE": str(directory.parent.resolve() / f"{directory.name}.index")}
    _output(top, "read-tree", commit, variables=index)
    _output(top, "checkout-index", "--all", "--quiet", f"--prefix={directory.resolve()}/", variables=index)
    place = directory / inside
    if not place.is_dir():
        raise UsageError(f"commit {commit[:12]} has no folder {inside!r}; name a commit that has it")
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
        raise UsageError(f"git cannot be run: {error}") from None


REQUIREMENTS = "requirements.txt"
MOST_KEPT = 6
POLL_S = 0.1
INHERITING = "bench_inherited.pth"

_COMMENT = re.compile(r"(?:^|\s)#")
_NAMES_A_FILE = re.compile(r"(?:-r|--requirement|-c|--constraint)[\s=]*(\S+)")

Pause = Callable[[float], None]
Say = Callable[[str], None]


def cache_directory() -> Path:
    """Where environments are kept."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "fastapi-load-benchmark" / "environments"


def check_requirement(text: str) -> str:
    """Refuse what pip would read as one of its flags. UsageError names it."""
    if not text.strip() or text.lstrip().startswith("-") or not text.isprintable():
        raise UsageError(f'{text!r} is no requirement; write it like "fastapi==0.115.6"')
    return text.strip()


def python_with(home: Path, extras: Sequence[str], cache: Path, pause: Pause, say: Say) -> str:
    """Path of a Python that has the requirements of `home`, and `extras` over them, installed.

    A folder without requirements.txt is served with what this Python has installed. UsageError: pip cannot install it.
    InterruptedRunError: somebody asked to stop; nothing half made is left.
    """
    file = home / REQUIREMENTS
    if not file.is_file() and not extras:
        return sys.executable
    kept = cache / environment_key(file, extras)
    if not kept.exists():
        say(f"installing {' '.join([REQUIREMENTS if file.is_file() else '', *extras]).strip()} (once)")
        _make(file, extras, kept, pause)
        _forget_old(cache, kept)
    kept.touch()
    return str(_python(kept))


def already_installed(homes: Sequence[Path], extras: Sequence[Sequence[str]]) -> bool:
    """Whether all folders ask for the same, and for nothing but versions that this very Python has installed."""
    files = [home / REQUIREMENTS for home in homes]
    texts = {file.read_text(encoding="utf-8") if file.is_file() else "" for file in files}
    if len(texts) > 1 or any(extras):
        return False
    lines = [line.split(" #")[0].rstrip("\\ ") for line in texts.pop().splitlines()]
    asked = [line for line in lines if line.strip() and not line.lstrip().startswith(("#", "--hash="))]
    return all(_is_installed(line) for line in asked)


def _is_installed(line: str) -> bool:
    try:
        asked = Requirement(line)
        if asked.marker is not None and not asked.marker.evaluate():
            return True
        return bool(asked.specifier) and asked.specifier.contains(version(asked.name), prereleases=True)
    except (InvalidRequirement, PackageNotFoundError):
        return False


def environment_key(file: Path, extras: Sequence[str]) -> str:
    """Name of the environment for a requirements file and `extras`: the same only where the same would be installed."""
    parts = [platform.python_implementation(), platform.python_version(), platform.platform(), sys.prefix]
    asked = _lines(file, set()) if file.is_file() else [f"on top of {sys.executable}"]
    parts += [f"{text} {secrets.token_hex(8)}" if _may_change(text) else text for text in [*asked, *extras]]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]


def _lines(file: Path, known: set[Path]) -> list[str]:
    """What a requirements file asks for, and what the files ask for that it names; each file once."""
    if file in known or not file.is_file():
        return []
    known.add(file)
    found = []
    for line in file.read_text(encoding="utf-8").splitlines():
        asked = _COMMENT.split(line)[0].strip()
        found.append(asked)
        if named := _NAMES_A_FILE.match(asked):
            found += _lines((file.parent / named[1]).resolve(), known)
    return [line for line in found if line]


def _may_change(text: str) -> bool:
    """Whether a line names a place, where tomorrow something else may lie: it is installed anew each time."""
    if text.startswith("-"):
        return text.startswith(("-e", "--editable"))
    return "/" in text or "@" in text or text.startswith(".")


def _python(environment: Path) -> Path:
    return environment / "bin" / "python"


def _make(file: Path, extras: Sequence[str], kept: Path, pause: Pause) -> None:
    """Build beside the final place, and rename: an environment is there whole or not at all."""
    draft = kept.with_name(f".{kept.name}-{secrets.token_hex(4)}")
    try:
        draft.parent.mkdir(parents=True, exist_ok=True)
        _run([sys.executable, "-m", "venv", str(draft)], draft, "a virtual environment", pause, draft.parent)
        if file.is_file():
            _pip(draft, ["--requirement", str(file.resolve())], REQUIREMENTS, pause, file.resolve().parent)
        else:
            site = next(draft.glob("lib/python*/site-packages"))
            (site / INHERITING).write_text(sysconfig.get_paths()["purelib"] + "\n", encoding="utf-8")
        if extras:
            _pip(draft, ["--", *extras], " ".join(extras), pause, draft.parent)
        with suppress(OSError):  # somebody else was faster, with the same contents
            draft.rename(kept)
    except OSError as error:
        raise UsageError(f"{kept.parent} cannot be written: {error}; name another folder with XDG_CACHE_HOME") from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _pip(environment: Path, what: Sequence[str], called: str, pause: Pause, directory: Path) -> None:
    pip = [str(_python(environment)), "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet"]
    _run([*pip, *what], environment, called, pause, directory)


def _run(command: Sequence[str], environment: Path, called: str, pause: Pause, directory: Path) -> None:
    log = environment.with_name(f"{environment.name}.log")
    try:
        with Child(command, log=log, directory=directory, environment=os.environ) as child:
            while child.exit_code is None:
                pause(POLL_S)
            tail = child.tail()
    finally:
        log.unlink(missing_ok=True)
    if child.exit_code:
        lines = [line.strip() for line in tail.splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith("ERROR")] or lines or ["it said nothing"]
        raise UsageError(f"{called} cannot be installed: {errors[-1][:300]}")


def _forget_old(cache: Path, newest: Path) -> None:
    kept = sorted((path for path in cache.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime)
    for path in [path for path in kept if path != newest and not path.name.startswith(".")][: -(MOST_KEPT - 1)]:
        shutil.rmtree(path, ignore_errors=True)
