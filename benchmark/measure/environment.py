"""Where and from what a run is made: machine, versions, commit, trigger. Asked once, stored with the record."""

import hashlib
import os
import platform
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from pathlib import Path

import psutil

from benchmark.environment import RUN_URL, Cpu, Environment
from benchmark.measure.packages import describe

SERVE = ("fastapi", "starlette", "uvicorn", "uvloop", "httptools", "anyio", "pydantic")
ASK = ("locust", "gevent")
REQUIREMENTS = "requirements.txt"


def read_environment(home: Path, python: str = sys.executable) -> Environment:
    """Describe this machine and the checkout in `home`. Never fails: what can not be found out is None.

    Where the app is started by a `python` of its own, that one and its packages are described, beside our Locust.
    """
    requirements = home / REQUIREMENTS
    known = requirements.is_file()
    version, packages = _served_by(python)
    return Environment(
        cpu=Cpu(model=_cpu_model(), count=psutil.cpu_count() or 1),
        memory_bytes=psutil.virtual_memory().total,
        kernel=f"{platform.system()} {platform.release()}",
        os_image=_os_image(),
        python=version,
        packages=packages,
        requirements_sha256=hashlib.sha256(requirements.read_bytes()).hexdigest() if known else None,
        commit=_git(home, "rev-parse", "HEAD"),
        commit_dirty=_is_dirty(home),
        trigger=os.environ.get("GITHUB_EVENT_NAME") or "by hand",
        run_url=run_url(),
    )


def _cpu_model() -> str:
    """`platform.processor()` is empty on many Linux systems, so the kernel's own list is asked first."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return " ".join(value.split())
    return platform.processor() or platform.machine() or "unknown"


def _os_image() -> str:
    """Runner image where there is one (GitHub sets it), else the name of the distribution."""
    image, image_version = os.environ.get("ImageOS"), os.environ.get("ImageVersion")  # noqa: SIM112 - GitHub's spelling
    if image and image_version:
        return f"{image} {image_version}"
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.platform(terse=True)


def _served_by(python: str) -> tuple[str, dict[str, str]]:
    """Version of the Python that starts the app, and versions of the packages that serve and that ask."""
    own = {name: found for name in (*SERVE, *ASK) if (found := _version(name)) is not None}
    if python == sys.executable:
        return f"{platform.python_implementation()} {platform.python_version()}", own
    version, packages = describe(python)
    served = {name: packages[name] for name in SERVE if name in packages}
    return version, served | {name: own[name] for name in ASK if name in own}


def _version(package: str) -> str | None:
    try:
        return installed(package)
    except PackageNotFoundError:
        return None


def _git(home: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments
            ["git", *arguments],  # noqa: S607 - git is where PATH says
            cwd=home,
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _is_dirty(home: Path) -> bool | None:
    """Whether code differs from the commit; what this tool itself writes is not code."""
    status = _git(home, "status", "--porcelain", "--", ".", ":(exclude)reports", ":(exclude)README.md")
    return None if status is None else bool(status)


def run_url() -> str | None:
    """Where GitHub shows the workflow run that this is part of; None elsewhere."""
    parts = [os.environ.get(name) for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")]
    server, repository, run_id = parts
    url = f"{server}/{repository}/actions/runs/{run_id}"
    return url if all(parts) and re.fullmatch(RUN_URL, url) else None
