"""`bench` in a process of its own that need not import its libraries: that takes longer than most calls.

It is a fork of a process that did so, and all else is as if it had been started: the command line, the folder, the
environment, what it prints and its exit code.
"""

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from subprocess import CompletedProcess

from benchmark.report.charts import registry
from scripts import cli

DRAWN = {"TESTS_DRAW": "1"}
"""In this environment pictures are drawn: they take a third of what a call costs, and most tests look at no picture."""
BLANK = '<svg xmlns="http://www.w3.org/2000/svg"/>'

_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload([*(f"scripts.{name}" for name in cli.COMMANDS), "tests.support.warm"])


def _be_bench(
    directory: Path,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    logs: Path,
    first: Callable[[], None] | None,
) -> None:
    """Be `python -m scripts`. Exits with its exit code."""
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    for descriptor, name in ((1, "out"), (2, "errors")):
        with (logs / name).open("wb") as file:
            os.dup2(file.fileno(), descriptor)
    if not DRAWN.items() <= environment.items():
        vars(registry)["to_svg"] = lambda *_: BLANK
    tempfile.tempdir = None  # else the one that the forking process found
    sys.path.insert(0, str(directory))
    sys.argv = [str(Path(cli.__file__).with_name("__main__.py")), *arguments]
    if first is not None:
        first()
    cli.main()


def call_bench(
    directory: Path,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    timeout_s: float,
    first: Callable[[], None] | None = None,
) -> CompletedProcess[str]:
    """Call `bench` in a folder; gives what `subprocess.run` would give. `first` is done in its process before."""
    with tempfile.TemporaryDirectory() as logs:
        process = _PROCESSES.Process(target=_be_bench, args=(directory, arguments, environment, Path(logs), first))
        process.start()
        process.join(timeout_s)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise TimeoutError(f"bench {' '.join(arguments)} did not end within {timeout_s:g} s")
        out, errors = ((Path(logs) / name).read_text(encoding="utf-8") for name in ("out", "errors"))
        return CompletedProcess(list(arguments), process.exitcode, out, errors)
