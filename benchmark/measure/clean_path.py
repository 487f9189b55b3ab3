"""Be `python -m MODULE ...` or `python -P FILE ...`, as they are where this repository is not installed.

Python takes a package that has an `__init__.py` before one that has none, wherever the two lie: an app's own `app/`,
`benchmark/`, `load/`, `scripts/` or `tests/` would lose to ours without a word, and ours would be measured.
Run by its path, with the Python that has the app's packages (which may be older than ours); it imports nothing of this
repository. Workers that a server spawns get this `sys.path` from multiprocessing.
"""

import runpy
import sys
from pathlib import Path


def main() -> None:
    """Run what the command line names."""
    here = Path(__file__).resolve()
    repository = here.parents[2]
    ours = {here.parent}
    if (repository / "pyproject.toml").is_file():  # else it is where pip installs packages, the app's among them
        ours.add(repository)
    sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() not in ours]
    what, name, *arguments = sys.argv[1:]
    sys.argv = [name, *arguments]
    if what == "-m":
        if not getattr(sys.flags, "safe_path", False):  # came with 3.11
            sys.path.insert(0, str(Path.cwd()))
        runpy.run_module(name, run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(name, run_name="__main__")


if __name__ == "__main__":
    main()
