"""Says before the first server is started whether the app can be imported, and is the one that benchmark.toml names."""

import json
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmark.errors import AppError, UsageError
from benchmark.measure import import_app
from benchmark.measure.process import Child, child_environment, redact, wait_for_exit
from benchmark.plan import Target

CLEAN_PATH = Path(__file__).with_name("clean_path.py")
IMPORT_APP = Path(__file__).with_name("import_app.py")
IMPORT_TIMEOUT_S = 60.0
POLL_S = 0.02
GRACE_S = 1.0
"""For what an app does when Python ends. Threads that never end, and processes that it has started, are ended then."""

Pause = Callable[[float], None]


def check_import(target: Target, directory: Path, python: str, secrets: Sequence[str], pause: Pause) -> None:
    """Import the app once, as its server will. UsageError: `python` finds no such app, or one of another place."""
    import_path = str(target.import_path)
    with tempfile.TemporaryDirectory(prefix="bench-import-") as folder:
        answer = Path(folder, "answer.json")
        # -B: leaves no files
        command = [python, "-B", str(CLEAN_PATH), "-P", str(IMPORT_APP), import_path, target.loop, str(answer)]
        child = Child(
            command,
            log=Path(folder, "import.log"),
            directory=directory,
            environment=child_environment(),
            secrets=secrets,
            grace_s=GRACE_S,
        )
        deadline = time.monotonic() + IMPORT_TIMEOUT_S
        with child:
            while child.exit_code is None and not answer.exists():
                pause(POLL_S)
                if time.monotonic() > deadline:
                    message = f"importing {import_path} took longer than {IMPORT_TIMEOUT_S:g} s"
                    raise AppError(f"{message}; look for work at import time. Its last lines:", child.tail())
            code = wait_for_exit(child, GRACE_S)
        found = json.loads(redact(answer.read_text(), secrets)) if answer.exists() else {"outcome": None}
    _refuse(found, target, directory, python)
    crash = f"the app crashes when {import_path!r} is imported"
    if found["outcome"] is None:
        raise AppError(f"{crash} (exit code {code}); its last lines:", child.tail())
    if found["outcome"] != import_app.IMPORTED:
        raise AppError(f"{crash}; its last lines:", child.tail())


def _refuse(found: Mapping[str, str | None], target: Target, directory: Path, python: str) -> None:
    """UsageError: it is not the app that crashes."""
    outcome, folder = found["outcome"], f"{directory.name or '.'}/"
    if outcome == import_app.NO_UVICORN:
        message = f'uvicorn, which serves the app here, is not among the packages of {python}: add "uvicorn[standard]"'
        raise UsageError(message)
    if outcome == import_app.NO_UVLOOP:
        raise UsageError(_without_uvloop(target))
    if outcome == import_app.NO_SUCH_APP:
        message = f"app {target.import_path!r} does not exist in {folder}: {found['reason']} Check [app] import."
        raise UsageError(message)
    if outcome == import_app.ANOTHER_APP:
        raise UsageError(_another_app(str(target.import_path), directory, str(found["found"]), found["named"]))


def _without_uvloop(target: Target) -> str:
    late = target.workers > 1 and target.sockets == "shared"
    why = ", and without it several uvicorn workers answer 45 ms late" if late else ""
    return f'uvloop is not installed{why}: pip install "uvicorn[standard]", or accept it with --loop asyncio'


def _another_app(import_path: str, directory: Path, found: str, named: str | None) -> str:
    """What to do about a file that Python found in place of the one that benchmark.toml names."""
    if named is None:
        where = f"does not exist in {directory.name or '.'}/"
        return f"app {import_path!r} {where}: Python finds {found} of this benchmark instead. Check [app] import."
    packages = [package for package in reversed(Path(named).parents) if package.name]
    lacking = [package for package in packages if not (directory / package / "__init__.py").is_file()]
    remedy = f"add {lacking[0]}/__init__.py" if lacking else f"rename {(packages or [Path(named)])[0]}"
    return f"app {import_path!r} is not {named} of {directory.name or '.'}/: Python finds {found} first; {remedy}"
