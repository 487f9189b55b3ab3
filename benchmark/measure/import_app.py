"""Imports an app as its server will, and ends with a code that says what came of it.

Run by clean_path.py, with the Python that has the app's packages, in the folder of benchmark.toml; it imports nothing
of this repository.
"""

import importlib.util
import json
import sys
from pathlib import Path

NO_SUCH_APP, NO_UVLOOP, NO_UVICORN, ANOTHER_APP = 77, 78, 79, 80
ANOTHER_APP_LINE = "another app: "
OUR_PACKAGES = ("app", "benchmark", "load", "scripts", "tests")


def main() -> int:
    """Import the app that the first argument names, for the event loop that the second one names."""
    import_path, loop = sys.argv[1:]
    if importlib.util.find_spec("uvicorn") is None:
        return NO_UVICORN
    from uvicorn.importer import ImportFromStringError, import_from_string  # noqa: PLC0415 - it may not be there

    if loop == "uvloop" and importlib.util.find_spec("uvloop") is None:
        return NO_UVLOOP
    sys.path.insert(0, ".")  # as uvicorn does
    module = import_path.partition(":")[0]
    try:
        import_from_string(import_path)
    except ImportFromStringError as error:
        reason, code = str(error), NO_SUCH_APP
    except ModuleNotFoundError as error:
        if not f"{module}.".startswith(f"{error.name}."):  # it is the app that imports what is not there
            raise
        reason, code = f"{error}.", NO_SUCH_APP
    else:
        reason, code = "", 0
    another = another_app(module)
    if another is not None:
        reason, code = f"{ANOTHER_APP_LINE}{json.dumps(another)}", ANOTHER_APP
    if reason:
        sys.stderr.write(f"{reason}\n")
    return code


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
    """Whether two paths lead to one folder, links or not."""
    return one.exists() and other.exists() and one.samefile(other)


def is_ours(file: Path) -> bool:
    """Whether a file is this repository's, and the folder that is measured in is not."""
    repository = Path(__file__).resolve().parents[2]
    here = Path.cwd().resolve()
    if here == repository or repository in here.parents:
        return False
    return any(repository / name in file.resolve().parents for name in OUR_PACKAGES)


if __name__ == "__main__":
    sys.exit(main())
