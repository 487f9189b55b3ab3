"""A bare origin, clones of it, and `bench` started in them as a person would."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.record import Record
from benchmark.store import save
from tests.support.forks import call_bench

TIMEOUT_S = 120

README = "# Mine\n\nBefore.\n\n<!-- benchmark:begin -->\n<!-- benchmark:end -->\n\nAfter.\n"
CONFIG = """schema_version = 1

[app]
import = "app.main:app"

[endpoints.one]
path = "/one"

[profiles.smoke]
reference = 0
users = 10
spawn_rate = 10
duration = "2s"
endpoints = ["one"]
"""


def environment(**variables: str) -> dict[str, str]:
    """Take from the environment GitHub or a person's own git settings would change, and add variables."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "GITHUB_", "BENCH_"))}
    return ours | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"} | variables


def git(directory: Path, *arguments: str) -> str:
    """Run git and give what it prints."""
    who = ("-c", "user.name=A Person", "-c", "user.email=person@example.org")
    done = subprocess.run(
        ["git", *who, *arguments],  # noqa: S607 - git is where PATH says
        cwd=directory,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@dataclass(frozen=True)
class Result:
    """How a call of `bench` ended."""

    code: int
    out: str
    errors: str


@dataclass(frozen=True)
class Clone:
    """A clone of the origin, with a directory beside it for results."""

    path: Path
    origin: Path

    def git(self, *arguments: str) -> str:
        """Run git in the clone."""
        return git(self.path, *arguments)

    def command(self, *arguments: str | Path) -> list[str]:
        """Build the command line of a call of `bench`."""
        return [sys.executable, "-m", "scripts", *map(str, arguments)]

    def bench(self, *arguments: str | Path, **variables: str) -> Result:
        """Call `bench` in the clone, in a process of its own."""
        return self._call(arguments, variables, None)

    def bench_after(self, first: Callable[[], None], *arguments: str | Path) -> Result:
        """Call `bench` in the clone, in a process of its own that does something before."""
        return self._call(arguments, {}, first)

    def _call(
        self, arguments: Sequence[str | Path], variables: dict[str, str], first: Callable[[], None] | None
    ) -> Result:
        inherited = environment(TMPDIR=str(self.path.parent), **variables)
        done = call_bench(self.path, [str(word) for word in arguments], inherited, TIMEOUT_S, first)
        return Result(done.returncode, done.stdout, done.stderr)

    def results(self, record: Record) -> Path:
        """Write a record as `bench run` would; gives its run directory."""
        directory = self.path / "results" / record.id
        directory.mkdir(parents=True)
        save(record, directory / "run.json")
        return directory

    def state(self) -> str:
        """All that a person would call theirs: branches, staged and changed files."""
        return "\n".join([self.git("for-each-ref"), self.git("status", "--porcelain"), self.git("worktree", "list")])


def make_origin(directory: Path, readme: str = README) -> Path:
    """Make a bare origin whose main holds a README, a configuration and an empty reports directory."""
    seed = directory / "seed"
    (seed / "reports" / "published").mkdir(parents=True)
    (seed / "reports" / "published" / ".keep").touch()
    (seed / "README.md").write_text(readme, encoding="utf-8")
    (seed / "benchmark.toml").write_text(CONFIG, encoding="utf-8")
    (seed / ".gitignore").write_text("results/\n", encoding="utf-8")
    git(directory, "init", "--quiet", "--initial-branch=main", str(seed))
    git(seed, "add", "--all")
    git(seed, "commit", "--quiet", "--message=Seed")
    origin = directory / "origin.git"
    git(directory, "clone", "--quiet", "--bare", str(seed), str(origin))
    git(origin, "config", "core.logAllRefUpdates", "true")
    return origin


def make_clone(origin: Path, path: Path) -> Clone:
    """Clone the origin."""
    git(origin, "clone", "--quiet", str(origin), str(path))
    return Clone(path, origin)


def origin_files(origin: Path, branch: str = "main") -> list[str]:
    """Files on a branch of the origin."""
    return git(origin, "ls-tree", "-r", "--name-only", branch).splitlines()


def origin_text(origin: Path, path: str, branch: str = "main") -> str:
    """One file on a branch of the origin."""
    return git(origin, "show", f"{branch}:{path}")


def forced_pushes(origin: Path, branch: str = "main") -> int:
    """How many updates of a branch of the origin threw a commit away."""
    log = (origin / "logs" / "refs" / "heads" / branch).read_text(encoding="utf-8").splitlines()
    steps = [line.split()[:2] for line in log if not line.startswith("0" * 40)]
    return sum(git(origin, "merge-base", old, new) != old for old, new in steps)
