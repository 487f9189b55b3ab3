"""Looks for what would stop the repository from measuring and publishing: in the checkout, on this machine, at GitHub.

GitHub is asked through its program `gh`, and nothing is changed there.
"""

import importlib.util
import json
import os
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from benchmark.config import DEFAULT_FILE, Config, check_plan, make_plan, parse_config, read_config
from benchmark.errors import BenchmarkError, UsageError
from benchmark.github.issues import gh
from benchmark.github.variables import needed_variables
from benchmark.handover import SECRETS
from benchmark.publish.publish import current_branch, find_destination
from benchmark.report.readme import BEGIN, END, has_place, replace_block
from benchmark.shell import Git
from load.spec import SPARE_FILES

README = Path("README.md")
TIMEOUT_S = 30.0
QUIET_DAYS = 60  # without a commit, then GitHub switches schedules off
WARN_DAYS = 45

HINDERING_RULES = re.compile(
    "pull_request|update|creation|required_status_checks|required_signatures|required_deployments|merge_queue|"
    "workflows|code_scanning|commit_author_email_pattern|commit_message_pattern|committer_email_pattern"
)
ALONE = "API_TOKEN"  # a secret that the workflows also hand over by itself
SETTINGS = "repository Settings, Actions, General"


class Answer(NamedTuple):
    """What one check found. "not checked" is neither good nor bad news; `remedy`: empty where nothing is to be done."""

    state: Literal["fine", "warning", "blocks", "not checked"]
    message: str
    remedy: str = ""


@dataclass(frozen=True)
class Checkout:
    """What is looked at: a clone, and the branch that it publishes on.

    `repository`: where that branch is at GitHub, "github.com/owner/name"; None: gh asks git.
    """

    home: Path
    remote: str
    branch: str | None
    repository: str | None = None


Check = Callable[[Checkout], Answer]


def examine(home: Path, remote: str, branch: str | None) -> dict[str, Answer]:
    """Make every check that needs no GitHub. Nothing is changed, nothing is started but git."""
    return _made(CHECKS, Checkout(home, remote, branch))


def examine_github(home: Path, branch: str | None, repository: str | None = None) -> dict[str, Answer]:
    """Make the checks that only GitHub can answer; each one that cannot be made says so."""
    checkout = Checkout(home, "", branch, repository)
    out_of_reach = _out_of_reach(checkout)
    if out_of_reach:
        return dict.fromkeys(GITHUB_CHECKS, Answer("not checked", out_of_reach))
    return _made(GITHUB_CHECKS, checkout, (KeyError, TypeError, AttributeError, ValueError))


def _made(checks: dict[str, Check], checkout: Checkout, odd: tuple[type[Exception], ...] = ()) -> dict[str, Answer]:
    """`odd`: what is raised where gh gives another answer than is understood."""
    found = {}
    for name, check in checks.items():
        try:
            found[name] = check(checkout)
        except BenchmarkError as error:
            found[name] = Answer("not checked", str(error))
        except odd:
            found[name] = Answer("not checked", "gh gave an unexpected response")
    return found


def _out_of_reach(checkout: Checkout) -> str | None:
    if shutil.which("gh") is None:
        return "gh is not installed"
    try:
        _gh(checkout, "auth", "status")
    except BenchmarkError:
        return "gh is not logged in (gh auth login; in a workflow: env GH_TOKEN)"
    return None


def _gh(checkout: Checkout, *arguments: str) -> str:
    failed = "gh failed"
    return gh(checkout.home, *arguments, repository=checkout.repository, failed=failed, timeout_s=TIMEOUT_S)


def _api(checkout: Checkout, path: str) -> Any:
    # gh itself fills in {owner}/{repo}
    return json.loads(_gh(checkout, "api", f"repos/{{owner}}/{{repo}}{path}"))


def _actions(checkout: Checkout) -> Answer:
    if _api(checkout, "/actions/permissions")["enabled"]:
        return Answer("fine", "are switched on")
    return Answer("blocks", "are switched off for this repository", f"allow them: {SETTINGS}")


def _workflows(checkout: Checkout) -> Answer:
    found = _api(checkout, "/actions/workflows")["workflows"]
    if not found:
        message = "GitHub lists no workflow; in a fork they are off until its owner enables them"
        return Answer("blocks", message, "open the Actions tab and enable them")
    off = [f"{item['path']} ({item['state']})" for item in found if item["state"] != "active"]
    if off:
        remedy = "enable it in the Actions tab, or: gh workflow enable NAME"
        return Answer("blocks", f"switched off: {', '.join(off)}", remedy)
    return Answer("fine", f"all {len(found)} are active")


def _permissions(checkout: Checkout) -> Answer:
    if _api(checkout, "/actions/permissions/workflow")["default_workflow_permissions"] == "write":
        return Answer("fine", "workflows may write by default")
    message = "read-only by default; the publishing job requests more itself, which an organisation can forbid"
    return Answer("warning", message, f"only if publishing is refused: read and write permissions, {SETTINGS}")


def _secrets(checkout: Checkout) -> Answer:
    """Whether the repository has a secret that can hold what benchmark.toml needs. GitHub tells names, not values."""
    path = checkout.home / DEFAULT_FILE
    needed = [one.name for one in needed_variables(path)]
    if not needed:
        return Answer("fine", f"{DEFAULT_FILE} needs none")
    kept = {item["name"] for item in _api(checkout, "/actions/secrets?per_page=100")["secrets"]}
    if SECRETS in kept or set(needed) <= kept & {ALONE}:
        return Answer("fine", f"there is {SECRETS if SECRETS in kept else ALONE}; whether it holds all is not visible")
    message = f"{DEFAULT_FILE} needs {', '.join(needed)}, and the repository has no secret {SECRETS}"
    return Answer("warning", message, f"gh secret set {SECRETS}, as docs/on-github.md says")


def _protection(checkout: Checkout) -> Answer:
    branch = checkout.branch
    if branch is None:
        return Answer("not checked", "no branch is checked out; name one with --branch")
    remedy = (
        "let the workflow's bot push to it, publish on a branch of its own (repository variable BENCH_BRANCH), "
        "or push with a deploy key that may bypass the rule"
    )
    types = {rule["type"] for rule in _api(checkout, f"/rules/branches/{branch}")}
    rules = sorted(filter(HINDERING_RULES.fullmatch, types))
    if rules:
        return Answer("blocks", f"rules on {branch} refuse direct pushes: {', '.join(rules)}", remedy)
    if _api(checkout, f"/branches/{branch}")["protected"]:
        message = f"{branch} is protected; whether the bot may push there is not visible from here"
        return Answer("warning", message, remedy)
    return Answer("fine", f"{branch} accepts pushes")


def _benchmark_toml(checkout: Checkout) -> Answer:
    try:
        parse_config(checkout.home / DEFAULT_FILE)
    except UsageError as error:
        return Answer("blocks", str(error), f"fix {DEFAULT_FILE}")
    return Answer("fine", "is valid")


def _valid_config(checkout: Checkout) -> Config:
    try:
        return parse_config(checkout.home / DEFAULT_FILE)
    except UsageError:  # `_benchmark_toml` says why
        raise UsageError(f"{DEFAULT_FILE} could not be read") from None


def _readme(checkout: Checkout) -> Answer:
    path = checkout.home / README
    if not path.is_file():
        return Answer("warning", "README.md does not exist", "write one")
    if not has_place(path):
        message = "README.md has none, so it will not show the newest table"
        return Answer("warning", message, f"put {BEGIN} and {END} into it")
    try:
        replace_block(path.read_text(encoding="utf-8"), "")
    except (UsageError, UnicodeDecodeError) as error:
        return Answer("blocks", str(error), "put each marker on a line of its own where the table is to stand")
    return Answer("fine", "both stand exactly once")


def _elsewhere(checkout: Checkout) -> Answer:
    """Where reports go to a branch of their own, what is rendered there is not seen here."""
    here, there = current_branch(Git(checkout.home)), checkout.branch
    if there in {None, here}:
        return Answer("fine", "are rendered into this README.md")
    path = checkout.home / README
    if path.is_file() and f"tree/{there}".encode() in path.read_bytes():
        return Answer("fine", f"are on {there}, and README.md leads there")
    message = f"are published on {there}, and README.md on {here} neither shows them nor links there"
    return Answer("warning", message, f"put a link into it: [The newest results](../../tree/{there})")


def _uvloop(checkout: Checkout) -> Answer:
    app = _valid_config(checkout).app
    if app.import_path is None or app.loop != "uvloop":
        return Answer("fine", "is not asked for")
    if importlib.util.find_spec("uvloop") is None:
        message = "is not installed, and without it several uvicorn workers respond 45 ms late"
        remedy = 'pip install "uvicorn[standard]", or write loop = "asyncio" in [app]'
        return Answer("blocks", message, remedy)
    return Answer("fine", "is installed")


def _open_files(checkout: Checkout) -> Answer:
    largest = max(_valid_config(checkout).profiles.values(), key=lambda profile: profile.users)
    if os.name != "posix":
        return Answer("not checked", "this system has no such limit")
    import resource  # noqa: PLC0415 - not on Windows

    needed = largest.users + SPARE_FILES
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < needed:
        message = f"the limit is {hard}; profile {largest.name!r} with {largest.users} users needs {needed}"
        return Answer("blocks", message, f"raise the hard limit (ulimit -H -n {needed}), or lower the users")
    return Answer("fine", f"enough for the {largest.users} users of {largest.name!r}")


def _profiles(checkout: Checkout) -> Answer:
    """Every profile as `bench run` would check it: secrets that headers name, locustfiles."""
    _valid_config(checkout)
    remedy = f"on GitHub: put what is secret into the repository secret {SECRETS} (docs/on-github.md)"
    try:
        config = read_config(checkout.home / DEFAULT_FILE)
    except UsageError as error:
        return Answer("blocks", str(error), remedy)
    for profile in config.profiles:
        try:
            check_plan(make_plan(config, profile, {}), checkout.home)
        except UsageError as error:
            return Answer("blocks", f"profile {profile!r}: {error}", remedy)
    return Answer("fine", "every profile finds the variables and files that it names")


def _remote(checkout: Checkout) -> Answer:
    git = Git(checkout.home)
    try:
        place = find_destination(Path("reports"), README, checkout.remote, checkout.branch)
        remote, branch = place.remote, place.branch
        if git.ask("remote", "get-url", remote).code:
            return Answer("blocks", f"there is no remote {remote}", f"git remote add {remote} ADDRESS, or --remote")
        listed = git.ask("ls-remote", remote, "HEAD", f"refs/heads/{branch}")
    except BenchmarkError as error:
        remedy = "publish from a clone with a branch checked out and its remote in reach"
        return Answer("blocks", str(error), remedy)
    if listed.code:
        return Answer("not checked", f"{remote} cannot be reached")
    if not listed.out.strip():
        return Answer("blocks", f"{remote} holds no commit", f"git push {remote} {branch}")
    known = f"\trefs/heads/{branch}" in listed.out
    return Answer("fine", f"{remote}/{branch} {'exists' if known else 'does not exist yet; the first run makes it'}")


def _age(checkout: Checkout) -> Answer:
    done = Git(checkout.home).ask("log", "-1", "--format=%ct", "HEAD")
    if done.code or not done.out.strip().isdigit():
        return Answer("not checked", "there is no commit here")
    days = int((time.time() - int(done.out)) // 86_400)
    if days < WARN_DAYS:
        return Answer("fine", f"{days} days old; GitHub stops schedules after {QUIET_DAYS} days")
    message = (
        f"{days} days old: GitHub switches schedules off {QUIET_DAYS} days after the last commit to the default "
        "branch; each scheduled run resets that"
    )
    remedy = "see in the Actions tab whether Benchmark ran this week; if it is off, enable it there"
    return Answer("warning", message, remedy)


CHECKS: dict[str, Check] = {
    DEFAULT_FILE.name: _benchmark_toml,
    "README markers": _readme,
    "reports": _elsewhere,
    "uvloop": _uvloop,
    "open files": _open_files,
    "secrets and files": _profiles,
    "git remote and branch": _remote,
    "age of the last commit": _age,
}
GITHUB_CHECKS: dict[str, Check] = {
    "Actions": _actions,
    "workflows and schedule": _workflows,
    "workflow permissions": _permissions,
    "secrets": _secrets,
    "protected branch": _protection,
}
