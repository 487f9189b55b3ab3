"""Be `python -m MODULE ...` or `python -P FILE ...`, as they are where this repository is not installed.

Python takes a package that has an `__init__.py` before one that has none, wherever the two lie: an app's own `app/`,
`benchmark/`, `load/`, `scripts/` or `tests/` would lose to ours without a word, and ours would be measured.
Run by its path, with the Python that has the app's packages (which may be older than ours); it imports nothing of this
repository. Workers that a server spawns get this `sys.path` from multiprocessing.

`--import APP MODULES FILE APP_DIR` imports an app as its server will, in the folder of benchmark.toml, once all modules
that the server needs are there. What came of it stands in the file: the app may print what it likes, and end Python as
it likes.
"""

import importlib
import importlib.util
import inspect
import json
import os
import runpy
import sys
from pathlib import Path
from types import TracebackType

IMPORTED, CRASHED, ENDED, NO_SUCH_APP, ANOTHER_APP, LACKS_SERVER, LACKS_MODULE, LACKS_VARIABLE = (
    "imported", "crashed", "ended", "no such app", "another app", "lacks server", "lacks module", "lacks variable",
)  # fmt: skip
OF_OS = {os.__file__, "<frozen os>"}
SERVERS = ("uvicorn", "granian", "hypercorn")
OUR_PACKAGES = ("app", "benchmark", "load", "scripts", "tests")


class Answer:
    """The file that says what came of it, there whole or not at all; a process that the app forks writes none."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._writer = os.getpid()

    def write(self, outcome: str, **details: object) -> None:
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


def check_import(import_path: str, modules: str, file: str, app_dir: str) -> None:
    answer = Answer(Path(file))

    def crashed(kind: "type[BaseException]", error: BaseException, trace: "TracebackType | None") -> None:
        sys.__excepthook__(kind, error, trace)
        outcome, details = cause(error, trace)
        answer.write(outcome, **details)  # before Python waits for threads that the app has started

    for module in modules.split(","):
        if importlib.util.find_spec(module) is None:
            there = [server for server in SERVERS if importlib.util.find_spec(server) is not None]
            answer.write(LACKS_SERVER, reason=module, named=next(iter(there), None))
            return
    sys.excepthook = crashed
    try:
        import_app(import_path, answer, app_dir)
    except SystemExit:
        answer.write(ENDED)
        raise


def cause(error: BaseException, trace: "TracebackType | None") -> "tuple[str, dict[str, str | None]]":
    """What the app lacks, where its exception tells: a module, with the folder it is in, or a variable."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        return LACKS_MODULE, {"reason": error.name, "named": folder_of(error.name)}
    frames = []
    while trace is not None:
        frames.append(trace.tb_frame)
        trace = trace.tb_next
    if isinstance(error, KeyError) and frames and frames[-1].f_code.co_filename in OF_OS:
        return LACKS_VARIABLE, {"reason": str(error.args[0])}
    for missing in getattr(error, "errors", list)() if type(error).__name__ == "ValidationError" else ():
        settings = [frame.f_locals["__pydantic_self__"] for frame in frames if "__pydantic_self__" in frame.f_locals]
        if missing["type"] == "missing" and settings:
            prefix = settings[-1].model_config.get("env_prefix", "")
            return LACKS_VARIABLE, {"reason": f"{prefix}{missing['loc'][0]}".upper()}
    return CRASHED, {}


def folder_of(module: str) -> "str | None":
    """The folder here that holds a module, `src` before others; None: none does."""
    first = module.partition(".")[0]
    folders = [folder for folder in sorted(Path().iterdir()) if folder.is_dir() and folder.name[0] not in "._"]
    holding = [
        folder.name for folder in folders if (folder / first).is_dir() or (folder / first).with_suffix(".py").is_file()
    ]
    return "src" if "src" in holding else next(iter(holding), None)


def import_app(import_path: str, answer: Answer, app_dir: str) -> None:
    sys.path.insert(0, ".")  # as servers do
    sys.path.insert(0, app_dir)
    module, _, attributes = import_path.partition(":")
    reason, app = None, None
    try:
        app = importlib.import_module(module)
        for attribute in attributes.split("."):
            app = getattr(app, attribute)
    except AttributeError:
        if app is None:
            raise
        reason = f"{module} has no {attributes}."
    except ModuleNotFoundError as error:
        if not f"{module}.".startswith(f"{error.name}."):  # it is the app that imports what is not there
            raise
        reason = f"{error}."
    another = another_app(module, Path(app_dir))
    if another is not None:
        answer.write(ANOTHER_APP, **another)
    elif reason is not None:
        answer.write(NO_SUCH_APP, reason=reason, named=folder_of(module) if app is None else None)
    else:
        answer.write(IMPORTED, is_factory=makes_app(app))


def makes_app(app: object) -> bool:
    """Whether it is called for the app (a function, a method, a cached one), and no app itself.

    An app takes three arguments, which some objects that are apps take as `*args`.
    """
    if not callable(app) or inspect.iscoroutinefunction(app):
        return False
    try:
        parameters = inspect.signature(app).parameters.values()
    except (TypeError, ValueError):
        return False
    needed = [one for one in parameters if one.default is one.empty]
    takes = {one.kind for one in needed} - {inspect.Parameter.VAR_KEYWORD}
    return not takes - ({inspect.Parameter.VAR_POSITIONAL} if inspect.isfunction(app) else set())


def another_app(module: str, app_dir: Path) -> "dict[str, str | None] | None":
    """What was imported in place of the app, and the file in this folder that bears its name; None: nothing was."""
    found, depth = imported_file(module)
    parts = module.split(".")
    own_folders = [app_dir.joinpath(*parts[: depth - 1]), app_dir.joinpath(*parts[:depth])]
    if found is None or any(is_same(found.parent, folder) for folder in own_folders):
        return None
    named = [app_dir.joinpath(*parts).with_suffix(".py"), app_dir.joinpath(*parts, "__init__.py")]
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
