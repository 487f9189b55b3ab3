"""Runs this repository's own workflows with `act`, without GitHub and without a network.

act executes a workflow in host mode; the four actions of others are replaced by the stubs beside this file. All
else is real: the commands, uvicorn, Locust, git, a bare origin with its hooks.
"""

import json
import os
import platform
import py_compile
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import cache_from_source
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import Any

ROOT = Path(__file__).parents[2]
STUBS = Path(__file__).with_name("stubs")
ACT = Path(sys.prefix) / "bin" / "act"
CAN_HAVE_ACT = (platform.system(), platform.machine()) == ("Linux", "x86_64")
TIMEOUT_S = 120
REFUSED_BY_ACT = "queue: max"
"""A line that GitHub knows and act does not; the copy that act gets goes without it."""

CRON = {"schedule": "47 4 * * 1"}
"""All that the event of a schedule is sure to hold: GitHub's documents promise no repository in it."""

TINY = """
schema_version = 1

[app]
import = "app.main:app"

[endpoints.async_concurrent]
path = "/async_concurrent"
served = "event loop"
work_tasks = 1
expect = { pointer = "/results/2" }

[endpoints.sync_baseline]
path = "/sync_baseline"
served = "thread pool"
work_tasks = 3

[profiles.quick]
reference = 0
users = 2
spawn_rate = 2
duration = "2s"
task_seconds = 0.05
endpoints = ["async_concurrent", "sync_baseline"]

[profiles.smoke]
reference = 0
users = 2
spawn_rate = 2
duration = "2s"
task_seconds = 0.05
endpoints = ["async_concurrent"]

[profiles.weekly]
reference = 0
headline = true
users = 3
spawn_rate = 3
duration = "2s"
task_seconds = 0.05
endpoints = ["async_concurrent"]
"""
"""A benchmark.toml whose loads take two seconds: on a busy machine one is over before the first answer."""


def git(directory: Path, *arguments: str) -> str:
    """Run git, with an identity of its own and nobody's settings; gives what it printed."""
    settings = ["-c", "user.name=tester", "-c", "user.email=tester@example.com", "-c", "init.defaultBranch=main"]
    done = subprocess.run(
        ["git", *settings, *arguments],  # noqa: S607 - git is where PATH says
        cwd=directory,
        env=_environment(directory),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"git {arguments}: {done.stderr}"
    return done.stdout.strip()


def _environment(home: Path) -> dict[str, str]:
    """What a child may see: nothing of GitHub's variables, where the tests themselves run in a workflow."""
    return {
        "PATH": f"{home / 'bin'}:{os.environ['PATH']}",
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "XDG_CACHE_HOME": str(home / "cache"),
        "XDG_CONFIG_HOME": str(home / "config"),
        "ACT_DISABLE_VERSION_CHECK": "1",
        "NO_COLOR": "1",
        "PIP_NO_INDEX": "1",
    }


def known_to_act(workflow: str) -> str:
    """The same workflow without what act refuses."""
    lines = workflow.splitlines()
    return "\n".join(line for line in lines if not line.strip().startswith(REFUSED_BY_ACT)) + "\n"


def measuring_itself(workflow: str) -> str:
    """benchmark.yml with the job of measure.yml in it: when a called workflow fails, act, unlike GitHub, ends.

    Both files call their inputs alike, so it means the same.
    """
    job = (ROOT / ".github/workflows/measure.yml").read_text(encoding="utf-8").partition("\njobs:\n")[2]
    return re.sub(r"(?ms)^  measure:\n    name: Measure\n.*?(?=^  \w+:$)", lambda _: f"{job}\n", workflow)


def compile_all(directory: Path) -> Path:
    """Compile this repository, for checkouts of it: most of their jobs are short, and each would do it anew.

    Python compares the source with what a file of bytecode was made from, so that changes of a test are in force.
    """
    for name in git(ROOT, "ls-files", "*.py").splitlines():
        if not name.startswith("tests/"):
            kept = directory / Path(cache_from_source(name))
            py_compile.compile(
                str(ROOT / name), str(kept), doraise=True, invalidation_mode=PycInvalidationMode.CHECKED_HASH
            )
    return directory


PYTHON = """#!/bin/sh
asked="-m pip install --quiet --require-hashes --requirement"
if [ "$#" = 7 ] && [ "$1 $2 $3 $4 $5 $6" = "$asked" ] && [ -f "$7" ]; then
  known="$(dirname "$0")/$(sha256sum < "$7" | cut -c -64).installed"
  if [ ! -e "$known" ]; then "{python}" "$@" && touch "$known"; fi
  exit
fi
exec "{python}" "$@"
"""
"""The Python of the tests. All packages of a file are in place: pip looks for them when the first job asks it to."""


def make_python(directory: Path) -> Path:
    """Make the folder in which jobs find their Python."""
    (directory / "python").write_text(PYTHON.replace("{python}", str(ACT.with_name("python"))))
    (directory / "python").chmod(0o755)
    return directory


GH = """#!/bin/sh
echo "$@" >> "$(dirname "$0")/gh.log"
if [ "$1 $2" = "issue list" ]; then echo '[]'; fi
"""
"""Stands in for GitHub's program: no issue is open, everything else is written down."""


@dataclass(frozen=True)
class Outcome:
    """What act reported of a workflow: its exit code, each job's result, each step's result, all it printed."""

    code: int
    jobs: dict[str, str]
    steps: dict[tuple[str, str], str]
    output: str


def _read_outcome(done: subprocess.CompletedProcess[str]) -> Outcome:
    jobs, steps, said = {}, {}, []
    for line in done.stdout.splitlines():
        try:
            event: dict[str, Any] = json.loads(line)
        except ValueError:
            said.append(line)
            continue
        said.append(str(event.get("msg", "")).rstrip("\n"))
        if "jobResult" in event:
            jobs[event["jobID"]] = event["jobResult"]
        if "stepResult" in event and event.get("stage") == "Main":
            steps[event["jobID"], event["step"]] = event["stepResult"]
    return Outcome(done.returncode, jobs, steps, "\n".join([*said, done.stderr]))


@dataclass
class Forge:
    """A stand-in for a repository on GitHub: a bare origin, its artifacts, and its workflows."""

    home: Path
    python_bin: Path
    bytecode: Path
    origin: Path = field(init=False)
    artifacts: Path = field(init=False)

    def __post_init__(self) -> None:
        self.origin = self.home / "origin.git"
        self.artifacts = self.home / "artifacts"
        self.artifacts.mkdir(parents=True)
        gh = self.home / "bin" / "gh"
        gh.parent.mkdir()
        gh.write_text(GH)
        gh.chmod(0o755)
        sudo = gh.with_name("sudo")
        sudo.write_text("#!/bin/sh\n")  # what a workflow allows GitHub's machine is no business of this one
        sudo.chmod(0o755)

    def fork(self, changes: Mapping[str, str] | None = None) -> None:
        """Make origin's first commit: this repository as it lies here, its runs left out, with tiny loads.

        `changes` give files other content, by their path.
        """
        tree = self.home / "tree"
        for name in git(ROOT, "ls-files", "--cached", "--others", "--exclude-standard").splitlines():
            if (ROOT / name).is_file() and not name.startswith(("reports/runs/", "reports/failures/", "tests/")):
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, tree / name)
        for called in (tree / ".github" / "workflows").glob("*.yml"):
            called.write_text(known_to_act(called.read_text(encoding="utf-8")), encoding="utf-8")
        self.begin({"benchmark.toml": TINY, **(changes or {})}, "A fork")

    def begin(self, files: Mapping[str, str], title: str = "An app") -> None:
        """Make origin's first commit: these files, by their path, and what lies in the tree already."""
        tree = self.home / "tree"
        for name, content in files.items():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_text(content, encoding="utf-8")
        git(tree, "init", "--quiet")
        git(tree, "add", "--all")
        git(tree, "commit", "--quiet", "--message", title)
        git(self.home, "clone", "--quiet", "--bare", str(tree), str(self.origin))

    def offer(self, name: str, caller: "Forge") -> tuple[str, list[str]]:
        """Let another forge call the workflows of this one as those of the repository `name`.

        Gives the commit to name, and what act has to be told. act knows neither `job.workflow_...` nor how a called
        workflow calls one that lies beside it; so both are filled in.
        """
        commit = git(self.origin, "rev-parse", "main")
        git(self.home, "clone", "--quiet", "--bare", str(self.origin), str(caller.home / "others" / f"{name}.git"))
        called = caller.home / "called"
        shutil.copytree(self.home / "tree/.github", called / ".github")
        known = {"${{ job.workflow_repository }}": name, "${{ job.workflow_sha }}": commit}
        for path in called.glob(".github/workflows/*.yml"):
            text = re.sub(r"uses: \./(\S+)", rf"uses: {name}/\1@{commit}", path.read_text(encoding="utf-8"))
            for unknown, word in known.items():
                text = text.replace(unknown, word)
            path.write_text(text, encoding="utf-8")
        return commit, ["--local-repository", f"{name}@{commit}={called}"]

    def push(self, changes: Mapping[str, str]) -> str:
        """Make another commit on origin; gives its name."""
        tree = self.home / "tree"
        for name, content in changes.items():
            (tree / name).write_text(content, encoding="utf-8")
        git(tree, "commit", "--quiet", "--all", "--message", "A change")
        git(tree, "push", "--quiet", str(self.origin), "main")
        return git(tree, "rev-parse", "HEAD")

    def run(
        self,
        event: str,
        inputs: Mapping[str, str] | None = None,
        workflow: str = "benchmark.yml",
        branch: str = "",
        said: Mapping[str, Any] | None = None,
        more: Sequence[str] = (),
    ) -> Outcome:
        """Execute a workflow for an event: `said` is more of it. `branch`: the repository variable BENCH_BRANCH.

        `more` is told to act.
        """
        repository = {"repository": {"full_name": "acme/bench", "default_branch": "main"}}
        payload: dict[str, Any] = {**(CRON if event == "schedule" else repository), **(said or {})}
        if inputs is not None:
            payload["inputs"] = dict(inputs)
        (self.home / "event.json").write_text(json.dumps(payload))
        workflows = self.home / "act"
        workflows.mkdir(exist_ok=True)
        text = (self.home / "tree/.github/workflows" / workflow).read_text(encoding="utf-8")
        (workflows / workflow).write_text(known_to_act(measuring_itself(text)))
        done = subprocess.run(
            [str(ACT), event, *self._arguments(workflow), "--var", f"BENCH_BRANCH={branch}", *more],
            cwd=self.home / "tree",
            env=_environment(self.home),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        return _read_outcome(done)

    def _arguments(self, workflow: str) -> list[str]:
        texts = (path.read_text(encoding="utf-8") for path in (ROOT / ".github/workflows").glob("*.yml"))
        actions = {action for text in texts for action in re.findall(r"(?m)^ *(?:- )?uses: (\S+@\S+)", text)}
        stubs = [f"{action}={STUBS / action.split('@')[0].split('/')[1]}" for action in sorted(actions)]
        variables = {
            "GITHUB_REPOSITORY": "acme/bench",
            "GITHUB_RUN_ID": "1001",
            "GITHUB_WORKFLOW_REF": f"acme/bench/.github/workflows/{workflow}@refs/heads/main",
            "STUB_ORIGIN": str(self.origin),
            "STUB_COMMIT": git(self.origin, "rev-parse", "main"),
            "STUB_OTHERS": str(self.home / "others"),
            "STUB_ARTIFACTS": str(self.artifacts),
            "STUB_PYTHON_BIN": str(self.python_bin),
            "STUB_BYTECODE": str(self.bytecode),
        }
        return [
            *(
                "-P",
                "ubuntu-24.04=-self-hosted",
                "-W",
                str(self.home / "act" / workflow),
                "-e",
                str(self.home / "event.json"),
            ),
            *("--no-cache-server", "--no-skip-checkout", "--json", "--action-cache-path", str(self.home / "cache")),
            *(part for name, value in variables.items() for part in ("--env", f"{name}={value}")),
            *(part for stub in stubs for part in ("--local-repository", stub)),
        ]

    def published(self, path: str, branch: str = "main") -> str:
        """What a branch of origin holds: the content of a file, or a list of files below a directory."""
        if path.endswith("/"):
            return git(self.origin, "ls-tree", "-r", "--name-only", branch, path)
        return git(self.origin, "show", f"{branch}:{path}")

    def records(self) -> list[dict[str, Any]]:
        """Every run.json on origin."""
        names = self.published("reports/").splitlines()
        return [json.loads(self.published(name)) for name in names if name.endswith("/run.json")]

    def told(self) -> list[str]:
        """What GitHub's program was told."""
        file = self.home / "bin" / "gh.log"
        return file.read_text().splitlines() if file.exists() else []

    def log(self) -> list[str]:
        """Author and title of origin's commits, newest first."""
        return git(self.origin, "log", "--format=%an: %s", "main").splitlines()

    def hook(self, name: str, script: str) -> None:
        """Give origin a hook: a shell script that git runs when something is pushed."""
        path = self.origin / "hooks" / name
        path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        path.chmod(0o755)
