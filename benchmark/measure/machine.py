"""Where a run is made: machine, versions, commit, trigger, cores, and room for the users."""

import hashlib
import os
import platform
import re
import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
from pydantic import TypeAdapter

from benchmark.cores import Cores, usable_cores
from benchmark.errors import PublishError, UsageError, one_line
from benchmark.measure.process import Child, wait_for_exit
from benchmark.plan import Plan, Profile
from benchmark.record import RUN_URL, Cpu, Environment, Pinning
from benchmark.shell import Git
from load.spec import SPARE_FILES
from load.values import names_in

SERVE = ("fastapi", "starlette", "uvicorn", "uvloop", "httptools", "anyio", "pydantic")
ASK = ("locust", "gevent")
REQUIREMENTS = "requirements.txt"


def read_environment(home: Path, python: str = sys.executable, server: str = "uvicorn") -> Environment:
    """Describe this machine and the checkout in `home`. Never fails: what cannot be found out is None.

    Where the app is started by a `python` of its own, that one and its packages are described, beside our Locust.
    """
    requirements = home / REQUIREMENTS
    known = requirements.is_file()
    version, packages = _served_by(python, server)
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
    image, image_version = os.environ.get("ImageOS"), os.environ.get("ImageVersion")  # noqa: SIM112 - GitHub's spelling
    if image and image_version:
        return f"{image} {image_version}"
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.platform(terse=True)


def _served_by(python: str, server: str) -> tuple[str, dict[str, str]]:
    serve = tuple(dict.fromkeys((*SERVE, server)))
    own = {name: found for name in (*serve, *ASK) if (found := _version(name)) is not None}
    if python == sys.executable:
        return f"{platform.python_implementation()} {platform.python_version()}", own
    version, packages = describe(python)
    served = {name: packages[name] for name in serve if name in packages}
    return version, served | {name: own[name] for name in ASK if name in own}


def _version(package: str) -> str | None:
    try:
        return installed(package)
    except PackageNotFoundError:
        return None


def _git(home: Path, *arguments: str) -> str | None:
    try:
        return Git(home)(*arguments)
    except PublishError:  # nothing is published here: it is not known
        return None


def _is_dirty(home: Path) -> bool | None:
    """Whether code differs from the commit; what this tool itself writes is not code."""
    status = _git(home, "status", "--porcelain", "--", ".", ":(exclude)reports", ":(exclude)README.md")
    return None if status is None else bool(status)


def run_url() -> str | None:
    parts = [os.environ.get(name) for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID")]
    server, repository, run_id = parts
    url = f"{server}/{repository}/actions/runs/{run_id}"
    return url if all(parts) and re.fullmatch(RUN_URL, url) else None


LIST_PACKAGES = (
    "import json, platform, sys, importlib.metadata as m;"
    "found = [platform.python_implementation() + ' ' + platform.python_version(),"
    "{d.name.lower(): d.version for d in reversed(list(m.distributions())) if d.name}];"
    "open(sys.argv[1], 'w').write(json.dumps(found))"
)
"""Into a file: what the Python prints by itself does not matter.

Reversed: of two versions of a package the one that is found first is the one that counts.
"""


DESCRIBED_WITHIN_S = 30.0


@cache
def describe(python: str) -> tuple[str, dict[str, str]]:
    """Version of a Python, and of every package that it has installed. UsageError: it is none."""
    with TemporaryDirectory() as folder:
        answer = Path(folder, "answer.json")
        command, log = [python, "-c", LIST_PACKAGES, str(answer)], answer.with_suffix(".log")
        try:
            with Child(command, log=log, directory=answer.parent, grace_s=0.2) as child:
                code = wait_for_exit(child, DESCRIBED_WITHIN_S)
                said = one_line(child.tail())
        except OSError as error:
            raise UsageError(f"--python: {python} cannot be run: {error.strerror}; name a Python") from None
        found = _answer(answer)
        if code != 0 or found is None:
            how = f"did not end within {DESCRIBED_WITHIN_S:g} s" if code is None else f"ended with exit code {code}"
            message = f"--python: {python} is not Python 3.8 or newer: asked for its version, it {how}"
            raise UsageError(f"{message}, and said: {said}" if said else message)
    version, packages = found
    return version, dict(sorted(packages.items()))


def _answer(file: Path) -> tuple[str, dict[str, str]] | None:
    try:
        return TypeAdapter(tuple[str, dict[str, str]]).validate_json(file.read_bytes())
    except (OSError, ValueError):
        return None


FEWEST_PROCESSORS = 4
"""On fewer a server that is kept to a part of them would be another server."""


def pinning(plan: Plan) -> Pinning | None:
    if plan.target.url is not None or plan.profile.load_workers or not hasattr(psutil.Process, "cpu_affinity"):
        return None
    return divided(usable_cores(), workers=plan.target.workers, processes=plan.profile.processes)


def divided(cores: Cores, *, workers: int, processes: int) -> Pinning | None:
    """Give each process that sends load a core that the workers leave, at least one, and the server the rest.

    That is the same division that `processes = "auto"` makes (benchmark/config.py). None: there are fewer than
    FEWEST_PROCESSORS, or all are threads of one core.
    """
    if sum(map(len, cores)) < FEWEST_PROCESSORS or len(cores) == 1:
        return None
    mine = max(1, min(processes, len(cores) - workers))
    return Pinning(server=_processors(cores[:-mine]), generator=_processors(cores[-mine:]))


def _processors(cores: Cores) -> tuple[int, ...]:
    return tuple(sorted(processor for core in cores for processor in core))


def pin(pid: int, cores: Sequence[int]) -> None:
    """Keep a process, and all that it starts from now on, on these cores; one that has just ended needs none."""
    with suppress(psutil.NoSuchProcess):
        psutil.Process(pid).cpu_affinity(list(cores))


USUAL_FILES = 65_536
PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
PORTS_BESIDE = 1000
"""Ports left to all else on this machine."""

BYTES_PER_USER = {"fast": 32_000, "requests": 48_000, "stock": 32_000}
"""Of the load generator, by the client of a profile (measured with Locust 2.47, 2026-11-22)."""


@dataclass(frozen=True)
class Room:
    """What there is. None: not known here, or without a limit.

    `files`: that one process may have open. `ports`: for connections to one address. `memory_bytes`: available.
    """

    files: int | None
    ports: int | None
    memory_bytes: int | None


def check_room(plan: Plan) -> None:
    """Raise the limit of open files as far as this user may. UsageError: what there is no room for, and the remedy.

    Where app and load generator both are elsewhere no connection ends here.
    """
    if plan.target.url is not None and plan.profile.load_workers:
        return
    problem = lacking(plan.profile, room(plan.profile.users), _upload_bytes(plan))
    if problem is not None:
        raise UsageError(problem)


def room(users: int = 0) -> Room:
    return Room(raise_open_file_limit(users), _ports(), psutil.virtual_memory().available)


def _upload_bytes(plan: Plan) -> int:
    """What each user holds of files while it sends them, where its request is not that of all others: two copies."""
    members = [one for endpoint in plan.endpoints for one in endpoint.members]
    own = [one for one in members if one.login or names_in([one.path, list(one.headers.values()), one.form_texts])]
    return 2 * max((sum(upload.size_bytes for upload in one.uploads) for one in own), default=0)


def lacking(profile: Profile, there: Room, upload_bytes: int = 0) -> str | None:
    """What is missing for the users of a profile, and what to do about it; None where nothing is.

    `upload_bytes`: of the files of a request that each user has its own of.
    """
    users = profile.users
    if profile.load_workers:
        there = Room(there.files, None, None)  # ports and memory are those of other machines
    if there.files is not None and users + SPARE_FILES > there.files:
        return (
            f"--users: {users} users need {users + SPARE_FILES} open files in one process, {there.files} are allowed "
            f"here; raise the limit (ulimit -Hn {users + SPARE_FILES}, as root, in the shell that starts bench), "
            f"or use at most {max(0, there.files - SPARE_FILES)} users"
        )
    if there.ports is not None and users + PORTS_BESIDE > there.ports:
        return (
            f"--users: {users} users need as many ports, and {there.ports} are free for outgoing connections; "
            'widen the range (sysctl -w net.ipv4.ip_local_port_range="1024 65535", as root), '
            f"or use at most {max(0, there.ports - PORTS_BESIDE)} users"
        )
    each = BYTES_PER_USER[profile.client] + upload_bytes
    if there.memory_bytes is not None and users * each > there.memory_bytes:
        return (
            f"--users: {users} users need about {users * each / 2**20:.0f} MiB of memory, "
            f"{there.memory_bytes / 2**20:.0f} MiB are free; close other programs, "
            f"or use at most {there.memory_bytes // each} users"
        )
    return None


def raise_open_file_limit(users: int = 0) -> int | None:
    """Let children open as many files as this user may; a connection is a file on both sides. Gives how many.

    None: nobody knows.
    """
    if os.name != "posix":
        return None
    import resource  # noqa: PLC0415 - not on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(USUAL_FILES, users + SPARE_FILES)
    if hard != resource.RLIM_INFINITY:
        wanted = min(hard, wanted)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return None if soft == resource.RLIM_INFINITY else soft


def _ports() -> int | None:
    """Ports for outgoing connections; only Linux says it in a file."""
    try:
        low, high = PORT_RANGE.read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return None
    return int(high) - int(low) + 1


def app_python(asked: str | None) -> str:
    """Path of the Python that starts the app. UsageError: there is none of that name, or it is another program."""
    if not asked:
        return sys.executable
    found = shutil.which(asked)
    if found is None:
        message = f"--python: {asked!r} is not an executable program; name the Python that has the app's packages"
        raise UsageError(message)
    python = str(Path(found).absolute())  # not resolved: the link is what makes it the Python of its environment
    describe(python)
    return python
