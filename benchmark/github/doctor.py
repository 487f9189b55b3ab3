"""Looks for what would stop the repository from measuring and publishing: in the checkout, on this machine, at GitHub.

GitHub is asked through its program `gh`, and nothing is changed there.
"""

import importlib.util
import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from benchmark.config import DEFAULT_FILE, Config, check_plan, make_plan, read_config
from benchmark.errors import BenchmarkError, UsageError
from benchmark.plan import Frozen
from benchmark.publish.push import current_branch, find_destination
from benchmark.report.index import BEGIN, END, has_place, replace_block
from benchmark.shell import Git, gh

State = Literal["fine", "warning", "blocks", "not checked"]


class Answer(NamedTuple):
    """What one check found. `remedy` is empty where nothing is to be done."""

    state: State
    message: str
    remedy: str = ""


class Diagnosis(Frozen):
    """An answer with the name of its check: what `bench doctor --json` prints."""

    check: str
    state: State
    message: str
    remedy: str


def diagnosis(check: str, answer: Answer) -> Diagnosis:
    """Put the name of a check to its answer."""
    return Diagnosis(check=check, state=answer.state, message=answer.message, remedy=answer.remedy)


def fine(message: str) -> Answer:
    """Nothing to do."""
    return Answer("fine", message)


def warning(message: str, remedy: str) -> Answer:
    """It works, and may stop working."""
    return Answer("warning", message, remedy)


def blocks(message: str, remedy: str) -> Answer:
    """It does not work."""
    return Answer("blocks", message, remedy)


def unchecked(why: str) -> Answer:
    """The check could not be made: neither good nor bad news."""
    return Answer("not checked", why)


TIMEOUT_S = 30.0
HINDERING_RULES = frozenset(
    {
        "pull_request",
        "update",
        "creation",
        "required_status_checks",
        "required_signatures",
        "required_deployments",
        "merge_queue",
        "workflows",
        "code_scanning",
        "commit_author_email_pattern",
        "commit_message_pattern",
        "committer_email_pattern",
    }
)
OPEN_SETTINGS = "repository Settings, Actions, General"


@dataclass(frozen=True)
class Asked:
    """What GitHub is asked about: a branch of a repository ("github.com/owner/name"; None: gh asks git)."""

    home: Path
    repository: str | None
    branch: str | None


Check = Callable[[Asked], Answer]


class _NoAnswerError(BenchmarkError):
    """gh is not there, is not logged in, or may not ask this."""


def examine_github(home: Path, branch: str | None, repository: str | None = None) -> list[Diagnosis]:
    """Make the checks that only GitHub can answer; each one that cannot be made says so."""
    asked = Asked(home, repository, branch)
    out_of_reach = _out_of_reach(asked)
    return [
        diagnosis(name, unchecked(out_of_reach) if out_of_reach else _answer(check, asked))
        for name, check in GITHUB_CHECKS.items()
    ]


def _out_of_reach(asked: Asked) -> str | None:
    if shutil.which("gh") is None:
        return "gh is not installed"
    try:
        _gh(asked, "auth", "status")
    except BenchmarkError:
        return "gh is not logged in (gh auth login; in a workflow: env GH_TOKEN)"
    return None


def _answer(check: Check, asked: Asked) -> Answer:
    try:
        return check(asked)
    except BenchmarkError as error:
        return unchecked(str(error))
    except (KeyError, TypeError, AttributeError, ValueError):
        return unchecked("gh gave an answer that is not understood")


def _gh(asked: Asked, *arguments: str) -> str:
    done = gh(arguments, asked.home, asked.repository, TIMEOUT_S)
    if done.code:
        said = [line for line in done.errors.splitlines() if line.strip()] or ["it said nothing"]
        raise _NoAnswerError(f"gh could not ask: {said[0][:200]}")
    return done.out


def _api(asked: Asked, path: str) -> Any:
    """Ask GitHub's API; gh itself fills in `{owner}/{repo}`."""
    return json.loads(_gh(asked, "api", f"repos/{{owner}}/{{repo}}{path}"))


def _actions(asked: Asked) -> Answer:
    if _api(asked, "/actions/permissions")["enabled"]:
        return fine("are switched on")
    remedy = f"allow them: {OPEN_SETTINGS}"
    return blocks("are switched off for this repository", remedy)


def _workflows(asked: Asked) -> Answer:
    found = _api(asked, "/actions/workflows")["workflows"]
    if not found:
        message = "GitHub knows no workflow here; a fork's are off until its owner enables them"
        return blocks(message, "open the Actions tab and enable them")
    off = [f"{item['path']} ({item['state']})" for item in found if item["state"] != "active"]
    if off:
        message = f"switched off: {', '.join(off)}"
        remedy = "enable it in the Actions tab, or: gh workflow enable NAME"
        return blocks(message, remedy)
    return fine(f"all {len(found)} are active")


def _permissions(asked: Asked) -> Answer:
    given = _api(asked, "/actions/permissions/workflow")["default_workflow_permissions"]
    if given == "write":
        return fine("workflows may write by default")
    message = "read-only by default; the publishing job asks for more itself, which an organisation can forbid"
    remedy = f"only if publishing is refused: read and write permissions, {OPEN_SETTINGS}"
    return warning(message, remedy)


def _protection(asked: Asked) -> Answer:
    branch = asked.branch
    if branch is None:
        return unchecked("no branch is checked out; name one with --branch")
    remedy = (
        "let the workflow's bot push to it, publish on a branch of its own (repository variable BENCH_BRANCH), "
        "or push with a deploy key that may bypass the rule"
    )
    rules = sorted({rule["type"] for rule in _api(asked, f"/rules/branches/{branch}")} & HINDERING_RULES)
    if rules:
        message = f"rules on {branch} refuse direct pushes: {', '.join(rules)}"
        return blocks(message, remedy)
    if _api(asked, f"/branches/{branch}")["protected"]:
        message = f"{branch} is protected; whether the bot may push there is not visible from here"
        return warning(message, remedy)
    return fine(f"{branch} accepts pushes")


GITHUB_CHECKS: dict[str, Check] = {
    "Actions": _actions,
    "workflows and schedule": _workflows,
    "workflow permissions": _permissions,
    "protected branch": _protection,
}


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
        return unchecked(f"{place.remote} cannot be reached")
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
