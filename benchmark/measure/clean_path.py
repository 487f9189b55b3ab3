"""Be `python -m MODULE ...` or `python -P FILE ...`, as they are where this repository is not installed.

Python takes a package that has an `__init__.py` before one that has none, wherever the two lie: an app's own `app/`,
`benchmark/`, `load/`, `scripts/` or `tests/` would lose to ours without a word, and ours would be measured.
Run by its path, with the Python that has the app's packages (which may be older than ours); it imports nothing of this
repository. Workers that a server spawns get this `sys.path` from multiprocessing.

`--import APP LOOP FILE` imports an app as its server will, in the folder of benchmark.toml. What came of it stands in
the file: the app may print what it likes, and end Python as it likes.
"""

import importlib.util
import json
import os
import runpy
import sys
from pathlib import Path
from types import TracebackType

IMPORTED, CRASHED, ENDED, NO_SUCH_APP, ANOTHER_APP, NO_UVLOOP, NO_UVICORN = (
    "imported", "crashed", "ended", "no such app", "another app", "no uvloop", "no uvicorn",
)  # fmt: skip
OUR_PACKAGES = ("app", "benchmark", "load", "scripts", "tests")


class Answer:
    """The file that says what came of it, there whole or not at all; a process that the app forks writes none."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._writer = os.getpid()

    def write(self, outcome: str, **details: "str | None") -> None:
        if os.getpid() == self._writer:
            draft = self._file.with_suffix(".draft")
            draft.write_text(json.dumps({"outcome": outcome, **details}))
            draft.replace(self._file)


def main() -> None:
    here = Path(__file__).resolve()
    repository = here.parents[2]
    ours = {here.parent}
    if (repository / "pyproject.toml").is_file():  # else it is where pip installs packages, the app's among them
        ours.add(repository)
    sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() not in ours]
    what, name, *arguments = sys.argv[1:]
    if what == "--import":
        check_import(name, *arguments)
        return
    sys.argv = [name, *arguments]
    if what == "-m":
        if not getattr(sys.flags, "safe_path", False):  # came with 3.11
            sys.path.insert(0, str(Path.cwd()))
        runpy.run_module(name, run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(name, run_name="__main__")


def check_import(import_path: str, loop: str, file: str) -> None:
    answer = Answer(Path(file))

    def crashed(kind: "type[BaseException]", error: BaseException, trace: "TracebackType | None") -> None:
        sys.__excepthook__(kind, error, trace)
        answer.write(CRASHED)  # before Python waits for threads that the app has started

    if importlib.util.find_spec("uvicorn") is None:
        answer.write(NO_UVICORN)
    elif loop == "uvloop" and importlib.util.find_spec("uvloop") is None:
        answer.write(NO_UVLOOP)
    else:
        sys.excepthook = crashed
        try:
            import_app(import_path, answer)
        except SystemExit:
            answer.write(ENDED)
            raise


def import_app(import_path: str, answer: Answer) -> None:
    from uvicorn.importer import ImportFromStringError, import_from_string  # noqa: PLC0415 - it may not be there

    sys.path.insert(0, ".")  # as uvicorn does
    module = import_path.partition(":")[0]
    reason = None
    try:
        import_from_string(import_path)
    except ImportFromStringError as error:
        reason = str(error)
    except ModuleNotFoundError as error:
        if not f"{module}.".startswith(f"{error.name}."):  # it is the app that imports what is not there
            raise
        reason = f"{error}."
    another = another_app(module)
    if another is not None:
        answer.write(ANOTHER_APP, **another)
    elif reason is not None:
        answer.write(NO_SUCH_APP, reason=reason)
    else:
        answer.write(IMPORTED)


def another_app(module: str) -> "dict[str, str | None] | None":
    """What was imported in place of the app, and the file in this folder that bears its name; None: nothing was."""
    found, depth = imported_file(module)
    parts = module.split(".")
    own_folders = [Path(*parts[: depth - 1]), Path(*parts[:depth])]
    if found is None or any(is_same(found.parent, folder) for folder in own_folders):
        return None
    named = [Path(*parts).with_suffix(".py"), Path(*parts, "__init__.py")]
    beside = next((str(file) for file in named if file.is_file()), None)
    return {"found": str(found), "named": beside} if beside or is_ours(found) else None


def imported_file(module: str) -> "tuple[Path | None, int]":
    """The file of a module, or of the nearest package above it that was imported, and how many names lead there."""
    parts = module.split(".")
    for depth in range(len(parts), 0, -1):
        file = getattr(sys.modules.get(".".join(parts[:depth])), "__file__", None)
        if file:
            return Path(file), depth
    return None, 0


def is_same(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and one.samefile(other)


def is_ours(file: Path) -> bool:
    """Whether a file is this repository's, and the folder that is measured in is not."""
    repository = Path(__file__).resolve().parents[2]
    here = Path.cwd().resolve()
    if here == repository or repository in here.parents:
        return False
    return any(repository / name in file.resolve().parents for name in OUR_PACKAGES)


if __name__ == "__main__":
    main()
