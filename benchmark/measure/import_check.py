"""Says before the first server is started whether the app can be imported, and is the one that benchmark.toml names."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

from benchmark.errors import AppError, UsageError
from benchmark.measure.import_app import ANOTHER_APP, ANOTHER_APP_LINE, NO_SUCH_APP, NO_UVICORN, NO_UVLOOP
from benchmark.measure.process import redact
from benchmark.plan import Target

CLEAN_PATH = Path(__file__).with_name("clean_path.py")
IMPORT_APP = Path(__file__).with_name("import_app.py")
IMPORT_TIMEOUT_S = 60.0


def check_import(target: Target, directory: Path, python: str, secrets: Sequence[str]) -> None:
    """Import the app once, as its server will. UsageError: `python` finds no such app, or one of another place."""
    import_path = str(target.import_path)
    command = [python, "-B", str(CLEAN_PATH), "-P", str(IMPORT_APP), import_path, target.loop]  # -B: leaves no files
    try:
        done = subprocess.run(  # noqa: S603 - the command is built here, never by a shell
            command, cwd=directory, capture_output=True, text=True, timeout=IMPORT_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        message = f"importing {import_path} took longer than {IMPORT_TIMEOUT_S:g} s; look for work at import time"
        raise AppError(message) from None
    lines = redact(done.stderr, secrets).strip().splitlines()
    if done.returncode == NO_UVICORN:
        message = f'uvicorn, which serves the app here, is not among the packages of {python}: add "uvicorn[standard]"'
        raise UsageError(message)
    if done.returncode == NO_UVLOOP:
        raise UsageError(_without_uvloop(target))
    if done.returncode == NO_SUCH_APP:
        reason = lines[-1] if lines else ""
        message = f"app {import_path!r} does not exist in {directory.name or '.'}/: {reason} Check [app] import."
        raise UsageError(message)
    if done.returncode == ANOTHER_APP:
        (told,) = [line for line in lines if line.startswith(ANOTHER_APP_LINE)]  # the app may print at its end, too
        raise UsageError(_another_app(import_path, directory, **json.loads(told.removeprefix(ANOTHER_APP_LINE))))
    if done.returncode:
        raise AppError(f"the app crashes when {import_path!r} is imported; its last lines:\n" + "\n".join(lines[-15:]))


def _without_uvloop(target: Target) -> str:
    late = target.workers > 1 and target.sockets == "shared"
    why = ", and without it several uvicorn workers answer 45 ms late" if late else ""
    return f'uvloop is not installed{why}: pip install "uvicorn[standard]", or accept it with --loop asyncio'


def _another_app(import_path: str, directory: Path, *, found: str, named: str | None) -> str:
    """What to do about a file that Python found in place of the one that benchmark.toml names."""
    if named is None:
        where = f"does not exist in {directory.name or '.'}/"
        return f"app {import_path!r} {where}: Python finds {found} of this benchmark instead. Check [app] import."
    packages = [package for package in reversed(Path(named).parents) if package.name]
    lacking = [package for package in packages if not (directory / package / "__init__.py").is_file()]
    remedy = f"add {lacking[0]}/__init__.py" if lacking else f"rename {(packages or [Path(named)])[0]}"
    return f"app {import_path!r} is not {named} of {directory.name or '.'}/: Python finds {found} first; {remedy}"
