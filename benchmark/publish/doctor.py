"""Looks for what would stop the repository from measuring and publishing, in the checkout and on this machine."""

import importlib.util
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmark.config import DEFAULT_FILE, Config, check_plan, make_plan, read_config
from benchmark.errors import BenchmarkError, UsageError
from benchmark.publish.destination import current_branch, find_destination
from benchmark.publish.diagnosis import Answer, Diagnosis, blocks, diagnosis, fine, unchecked, warning
from benchmark.publish.git import Git
from benchmark.show.readme import BEGIN, END, has_place, replace_block

README = Path("README.md")
QUIET_DAYS = 60
"""GitHub switches schedules off after so many days without a commit."""

WARN_DAYS = 45
SPARE_FILES = 200
"""Open files that a server or a load generator needs beside its connections."""


@dataclass(frozen=True)
class Patient:
    """The checkout that is looked at. `config` is None where benchmark.toml is not valid."""

    home: Path
    remote: str
    branch: str | None
    config: Config | None


def examine(home: Path, remote: str, branch: str | None) -> list[Diagnosis]:
    """Make every check that needs no GitHub. Nothing is changed, nothing is started but git."""
    try:
        config, first = read_config(home / DEFAULT_FILE), fine("is valid")
    except UsageError as error:
        config = None
        first = blocks(str(error), f"mend {DEFAULT_FILE}")
    patient = Patient(home, remote, branch, config)
    answers = {DEFAULT_FILE.name: first} | {name: check(patient) for name, check in CHECKS.items()}
    return [diagnosis(name, answer) for name, answer in answers.items()]


_UNREAD = unchecked(f"{DEFAULT_FILE} could not be read")


def _readme(patient: Patient) -> Answer:
    path = patient.home / README
    if not path.is_file():
        return warning("README.md does not exist", "write one")
    if not has_place(path):
        return warning("README.md has none, so it will not show the newest table", f"put {BEGIN} and {END} into it")
    try:
        replace_block(path.read_text(encoding="utf-8"), "")
    except (UsageError, UnicodeDecodeError) as error:
        remedy = "put each marker on a line of its own where the table is to stand"
        return blocks(str(error), remedy)
    return fine("both stand exactly once")


def _elsewhere(patient: Patient) -> Answer:
    """Where reports go to a branch of their own, what is rendered there is not seen here."""
    try:
        here = current_branch(Git(patient.home))
    except BenchmarkError as error:
        return unchecked(str(error))
    if patient.branch in {None, here}:
        return fine("are rendered into this README.md")
    path = patient.home / README
    if path.is_file() and f"tree/{patient.branch}".encode() in path.read_bytes():
        return fine(f"are on {patient.branch}, and README.md leads there")
    message = f"are published on {patient.branch}, and README.md on {here} neither shows them nor leads there"
    return warning(message, f"put a link into it: [The newest results](../../tree/{patient.branch})")


def _uvloop(patient: Patient) -> Answer:
    if patient.config is None:
        return _UNREAD
    app = patient.config.app
    if app.import_path is None or app.loop != "uvloop":
        return fine("is not asked for")
    if importlib.util.find_spec("uvloop") is None:
        message = "is not installed, and without it several uvicorn workers answer 45 ms late"
        remedy = 'pip install "uvicorn[standard]", or accept it with loop = "asyncio" in [app]'
        return blocks(message, remedy)
    return fine("is installed")


def _open_files(patient: Patient) -> Answer:
    if patient.config is None:
        return _UNREAD
    if os.name != "posix":
        return unchecked("this system has no such limit to ask for")
    import resource  # noqa: PLC0415 - not on Windows

    largest = max(patient.config.profiles.values(), key=lambda profile: profile.users)
    needed = largest.users + SPARE_FILES
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < needed:
        message = f"the limit is {hard}; profile {largest.name!r} with {largest.users} users needs {needed}"
        remedy = f"raise the hard limit (ulimit -H -n {needed}), or lower the users"
        return blocks(message, remedy)
    return fine(f"enough for the {largest.users} users of {largest.name!r}")


def _profiles(patient: Patient) -> Answer:
    """Every profile as `bench run` would check it: secrets that headers name, locustfiles."""
    if patient.config is None:
        return _UNREAD
    for profile in patient.config.profiles:
        try:
            check_plan(make_plan(patient.config, profile, {}), patient.home)
        except UsageError as error:
            remedy = "on GitHub: a repository secret of that name, handed to the job as an environment variable"
            return blocks(f"profile {profile!r}: {error}", remedy)
    return fine("every profile finds the variables and files that it names")


def _remote(patient: Patient) -> Answer:
    git = Git(patient.home)
    try:
        place = find_destination(Path("reports"), README, patient.remote, patient.branch)
        if git.ask("remote", "get-url", place.remote).code:
            return blocks(f"there is no remote {place.remote}", f"git remote add {place.remote} ADDRESS, or --remote")
        listed = git.ask("ls-remote", place.remote, "HEAD", f"refs/heads/{place.branch}")
    except BenchmarkError as error:
        return blocks(str(error), "publish from a clone with a branch checked out and its remote in reach")
    if listed.code:
        return unchecked(f"{place.remote} can not be reached")
    if not listed.out.strip():
        return blocks(f"{place.remote} holds no commit", f"git push {place.remote} {place.branch}")
    known = f"\trefs/heads/{place.branch}" in listed.out
    return fine(f"{place.remote}/{place.branch} {'exists' if known else 'does not exist yet; the first run makes it'}")


def _age(patient: Patient) -> Answer:
    try:
        done = Git(patient.home).ask("log", "-1", "--format=%ct", "HEAD")
    except BenchmarkError as error:
        return unchecked(str(error))
    if done.code or not done.out.strip().isdigit():
        return unchecked("there is no commit here")
    days = int((time.time() - int(done.out)) // 86_400)
    if days < WARN_DAYS:
        return fine(f"{days} days old; schedules end at {QUIET_DAYS}")
    message = (
        f"{days} days old: GitHub switches schedules off {QUIET_DAYS} days after the last commit to the default "
        "branch; each scheduled run puts that off"
    )
    remedy = "see in the Actions tab whether Benchmark ran this week; if it is off, enable it there"
    return warning(message, remedy)


CHECKS: dict[str, Callable[[Patient], Answer]] = {
    "README markers": _readme,
    "reports": _elsewhere,
    "uvloop": _uvloop,
    "open files": _open_files,
    "secrets and files": _profiles,
    "git remote and branch": _remote,
    "age of the last commit": _age,
}
