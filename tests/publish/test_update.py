"""A fork takes a newer version of what it forked, and none of its runs. Real repositories, git, processes."""

import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmark.record import Record
from benchmark.report.render import render
from benchmark.store import place
from tests.publish.test_killed import killing_git
from tests.support.clones import CONFIG, README, Clone, environment, git, make_clone
from tests.support.publishable import make_record

MINE, OLDER, THEIRS = (make_record(number) for number in (1, 2, 3))
ROOT = Path(__file__).parents[2]
MOST_CALLS = 60


@dataclass(frozen=True)
class Fork:
    """A fork with a run of its own, and what it forked, with another run since."""

    clone: Clone
    upstream: Path

    def advance(self, files: Mapping[str, str], title: str = "Newer") -> None:
        """Let the other side write files, and commit."""
        for name, content in files.items():
            path = self.upstream / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        _commit(self.upstream, title)

    def runs(self) -> list[str]:
        """Names of the runs in the fork."""
        return sorted(path.name for path in (self.clone.path / "reports" / "runs").iterdir())

    def text(self, name: str) -> str:
        """What a file of the fork holds."""
        return (self.clone.path / name).read_text(encoding="utf-8")

    def update(self, **variables: str) -> tuple[int, str]:
        """Call `bench update`; gives its exit code and all it said."""
        done = self.clone.bench("update", **variables)
        return done.code, done.out + done.errors


def _commit(path: Path, title: str) -> None:
    git(path, "add", "--all")
    git(path, "commit", "--quiet", f"--message={title}")


def _publish(path: Path, record: Record) -> None:
    place(record, path / "reports")
    render(path / "reports", path / "README.md", everything=True)


@pytest.fixture
def fork(origin: Path, tmp_path: Path) -> Fork:
    """Both published since the fork was made, and both README blocks differ from what they began with."""
    upstream = make_clone(origin, tmp_path / "upstream").path
    _publish(upstream, OLDER)
    _commit(upstream, "Publish")
    clone = make_clone(upstream, tmp_path / "fork")
    clone.git("remote", "rename", "origin", "upstream")
    clone.git("config", "user.name", "A Person")
    clone.git("config", "user.email", "person@example.org")
    clone.bench("init")
    _publish(clone.path, MINE)
    _commit(clone.path, "My run")
    _publish(upstream, THEIRS)
    _commit(upstream, "Their run")
    return Fork(clone, upstream)


def test_code_comes_and_runs_do_not(fork: Fork) -> None:
    fork.advance(
        {"app/new": "fresh\n", "README.md": README.replace("Before.", "Much better.").replace("After.", "Later.")}
    )
    block = fork.text("README.md").split("<!--")[1]
    code, said = fork.update()
    assert code == 0, said
    assert fork.runs() == [MINE.id]
    assert MINE.id in fork.text("reports/README.md")
    assert THEIRS.id not in fork.text("reports/README.md") + fork.text("README.md")
    assert fork.text("app/new") == "fresh\n"
    assert "Much better." in fork.text("README.md")
    assert "Later." in fork.text("README.md")
    assert fork.text("README.md").split("<!--")[1] == block
    assert fork.clone.git("status", "--porcelain") == ""
    git(fork.clone.path, "merge-base", "--is-ancestor", git(fork.upstream, "rev-parse", "HEAD"), "HEAD")
    assert fork.update() == (
        0,
        f"Nothing to do: your branch already has {git(fork.upstream, 'rev-parse', 'HEAD')[:10]} of upstream.\n",
    )


def test_what_they_publish_every_week_conflicts_with_nothing(fork: Fork) -> None:
    for number in range(4, 7):
        _publish(fork.upstream, make_record(number))
        _commit(fork.upstream, "Publish")
        assert fork.update()[0] == 0
        _publish(fork.clone.path, make_record(number + 10))
        _commit(fork.clone.path, "My run")
    assert fork.runs() == [record.id for record in (MINE, *(make_record(number) for number in (14, 15, 16)))]


def test_tables_that_others_published_come_along(fork: Fork) -> None:
    fork.advance({"reports/published/note": "cited\n"})
    assert fork.update()[0] == 0
    assert fork.text("reports/published/note") == "cited\n"


def test_the_reports_are_rendered_by_the_version_that_came(fork: Fork) -> None:
    """Here one that is a line long."""
    render = "from pathlib import Path\nPath('reports/README.md').write_text('rendered by the new version')\n"
    fork.advance({"scripts/__init__.py": "", "scripts/__main__.py": render})
    assert fork.update()[0] == 0
    assert fork.text("reports/README.md") == "rendered by the new version"


def test_a_version_that_cannot_run_here_yet_is_taken_and_what_to_do_is_said(fork: Fork) -> None:
    before = fork.text("reports/README.md")
    fork.advance({"scripts/__init__.py": "", "scripts/__main__.py": "import a_package_that_is_not_here\n"})
    code, said = fork.update()
    assert code == 0
    assert "packages that are not installed yet. Run make .venv/.run, then bench report --all" in said
    assert fork.text("reports/README.md") == before
    assert (fork.clone.path / "scripts" / "__main__.py").exists()


def test_what_both_changed_is_left_alone_and_merged_by_hand_as_it_says(fork: Fork) -> None:
    fork.advance({"benchmark.toml": CONFIG.replace("users = 10", "users = 20"), "app/new": "fresh\n"})
    (fork.clone.path / "benchmark.toml").write_text(CONFIG.replace("users = 10", "users = 30"), encoding="utf-8")
    _commit(fork.clone.path, "My load")
    before = fork.clone.git("rev-parse", "HEAD")
    code, said = fork.update()
    assert (code, len(said.splitlines())) == (5, 1)
    assert "both changed benchmark.toml. " in said
    assert "git merge bench/update" in said
    assert (fork.clone.git("rev-parse", "HEAD"), fork.clone.git("status", "--porcelain")) == (before, "")
    with pytest.raises(AssertionError):
        fork.clone.git("merge", "--no-edit", "bench/update")
    assert fork.clone.git("diff", "--name-only", "--diff-filter=U") == "benchmark.toml"
    code, said = fork.update()
    assert (code, "a merge is in progress here" in said) == (2, True)
    fork.clone.git("checkout", "--ours", "benchmark.toml")
    _commit(fork.clone.path, "Merge")
    assert fork.clone.bench("report", "--all").code == 0
    assert fork.clone.git("status", "--porcelain") == ""
    assert fork.runs() == [MINE.id]
    assert fork.update()[1].startswith("Nothing to do")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("benchmark.toml", "# mine", id="a change"),
        pytest.param("notes.txt", "mine", id="a file that git does not know"),
        pytest.param("reports/runs/new/run.json", "{}", id="a run that is not committed"),
    ],
)
def test_what_is_not_committed_is_named_and_nothing_is_done(fork: Fork, name: str, content: str) -> None:
    path = fork.clone.path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content, encoding="utf-8")
    before = fork.clone.git("rev-parse", "HEAD")
    code, said = fork.update()
    assert (code, len(said.splitlines())) == (2, 1)
    assert said.startswith(f"bench: {name} would be mixed with the new version; commit")
    assert (path.read_text(encoding="utf-8"), fork.clone.git("rev-parse", "HEAD")) == (content, before)


def test_a_file_that_git_ignores_here_is_not_written_over(fork: Fork) -> None:
    (fork.clone.path / ".gitignore").write_text("results/\nlocal\n", encoding="utf-8")
    _commit(fork.clone.path, "Ignore mine")
    (fork.clone.path / "local").write_text("mine", encoding="utf-8")
    fork.advance({"local": "theirs"})
    code, said = fork.update()
    assert (code, "local would be mixed" in said) == (2, True)
    assert fork.text("local") == "mine"


def test_a_branch_of_an_address_is_taken_without_any_remote(fork: Fork) -> None:
    fork.clone.git("remote", "remove", "upstream")
    git(fork.upstream, "switch", "--quiet", "--create", "next")
    fork.advance({"app/next": "fresh\n"})
    done = fork.clone.bench("update", "--remote", str(fork.upstream), "--branch", "next")
    assert done.code == 0, done.errors
    assert fork.text("app/next") == "fresh\n"
    assert fork.clone.git("remote") == ""


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(("--remote", "nowhere"), 2, "there is no remote 'nowhere' here", id="no such remote"),
        pytest.param(("--branch", "no-such"), 2, "upstream has no branch no-such", id="no such branch"),
        pytest.param(("--remote", "/nowhere/at/all"), 5, "cannot be read", id="no such address"),
        pytest.param(("--remote", "--upload-pack=touch pwned"), 2, "not '--upload-pack", id="an option of git"),
        pytest.param(("--branch", "a..b"), 2, "not 'upstream' and 'a..b'", id="no name of a branch"),
    ],
)
def test_a_source_that_is_none_is_refused_in_one_line(
    fork: Fork, arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = fork.clone.bench("update", *arguments)
    assert (done.code, len(done.errors.splitlines())) == (code, 1)
    assert said in done.errors


def test_a_copy_without_history_is_told_apart(fork: Fork, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    git(fork.clone.path, "worktree", "list")
    git(tmp_path, "init", "--quiet", str(copy))
    for name in ("README.md", "benchmark.toml"):
        (copy / name).write_text(fork.text(name), encoding="utf-8")
    _commit(copy, "From a template")
    done = Clone(copy, fork.upstream).bench("update", "--remote", str(fork.upstream))
    assert (done.code, len(done.errors.splitlines())) == (2, 1)
    assert "no history in common" in done.errors


def _tree(commit: str, path: Path) -> dict[str, str]:
    listed = git(path, "ls-tree", "-r", "-z", commit).split("\0")
    return {entry.partition("\t")[2]: entry.split()[2] for entry in listed if entry}


def test_killed_in_any_call_of_git_every_file_is_old_or_new_and_the_next_call_goes_on(
    fork: Fork, tmp_path: Path
) -> None:
    fork.advance({"app/new": "fresh\n" * 1000, "benchmark.toml": CONFIG.replace("users = 10", "users = 20")})
    old = _tree("HEAD", fork.clone.path)
    code, number = -signal.SIGKILL, 0
    seen = []
    while code == -signal.SIGKILL:
        number += 1
        code, said = fork.update(PATH=killing_git(tmp_path, number, 0.0))
        files = {name: git(fork.clone.path, "hash-object", name) for name in _files(fork.clone.path)}
        seen.append(files)
        assert number < MOST_CALLS
        for lock in (fork.clone.path / ".git").rglob("*.lock"):
            lock.unlink()
    assert code == 0, said
    new = _tree("HEAD", fork.clone.path)
    assert number > 10
    for files in seen:
        assert {name for name, content in files.items() if content not in {old.get(name), new.get(name)}} == set()
    assert (fork.runs(), fork.clone.git("status", "--porcelain")) == ([MINE.id], "")


def _files(path: Path) -> list[str]:
    found = (file for file in path.rglob("*") if file.is_file() and ".git" not in file.parts)
    return [file.relative_to(path).as_posix() for file in found]


def test_killed_while_files_are_replaced_the_next_call_replaces_the_rest(fork: Fork) -> None:
    fork.advance({"app/a": "new\n", "app/b": "new\n", "benchmark.toml": CONFIG.replace("users = 10", "users = 20")})
    head = fork.clone.git("rev-parse", "HEAD")
    assert fork.update()[0] == 0
    merge = fork.clone.git("rev-parse", "HEAD")
    fork.clone.git("update-ref", "refs/bench/update", merge)  # as it is in the middle: one file is new, one is not
    fork.clone.git("reset", "--quiet", "--hard", head)
    (fork.clone.path / "app").mkdir(exist_ok=True)
    (fork.clone.path / "app" / "a").write_text("new\n", encoding="utf-8")
    (fork.clone.path / "benchmark.toml").write_text("edited since\n", encoding="utf-8")
    code, said = fork.update()
    assert (code, said.startswith("bench: benchmark.toml would be mixed")) == (2, True)
    fork.clone.git("checkout", "--", "benchmark.toml")
    code, said = fork.update()
    assert code == 0, said
    assert (fork.clone.git("rev-parse", "HEAD"), fork.clone.git("status", "--porcelain")) == (merge, "")


KILLED = """
import os, signal, sys
from pathlib import Path

left = int(sys.argv.pop(1))

def dying(name):
    real = getattr(Path, name)
    def change(self, *arguments, **options):
        global left
        place = arguments[0] if name == "replace" else self
        if ".git" not in place.parts:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return real(self, *arguments, **options)
    setattr(Path, name, change)

for name in ("replace", "unlink", "rmdir"):
    dying(name)
from scripts.cli import main
main()
"""
"""`bench` that dies just before the n-th change of a file of the clone."""


@pytest.mark.parametrize("number", [2, 6, 9])
def test_killed_between_two_files_each_is_old_or_new_and_the_next_call_replaces_the_rest(
    fork: Fork, number: int
) -> None:
    """Whatever they become: a link, what can be executed, a file where a folder was, a folder where a file was."""
    fork.advance({"app/a": "1", "app/b": "1", "folder/x": "1", "folder/y": "1", "file": "1", "script": "1"})
    assert fork.update()[0] == 0
    shutil.rmtree(fork.upstream / "folder")
    for name in ("file", "app/b"):
        (fork.upstream / name).unlink()
    (fork.upstream / "app" / "b").symlink_to("a")
    (fork.upstream / "script").chmod(0o755)
    fork.advance({"app/a": "2", "folder": "2", "file/x": "2"})
    old = _tree("HEAD", fork.clone.path)
    command = [sys.executable, "-c", KILLED, str(number), "update"]
    done = subprocess.run(command, cwd=fork.clone.path, env=environment(PYTHONPATH=str(ROOT)), check=False)
    assert done.returncode == -signal.SIGKILL
    seen = {name: git(fork.clone.path, "hash-object", name) for name in _files(fork.clone.path)}
    code, said = fork.update()
    assert code == 0, said
    new = _tree("HEAD", fork.clone.path)
    linked = {"app/b"}  # git hashes what a link leads to
    assert {name for name in seen.keys() - linked if seen[name] not in {old.get(name), new.get(name)}} == set()
    assert (fork.clone.git("status", "--porcelain"), fork.clone.git("diff", "HEAD", "--stat")) == ("", "")


def test_a_lock_that_a_killed_git_left_is_named_and_the_next_call_ends_what_was_begun(fork: Fork) -> None:
    fork.advance({"app/new": "fresh\n"})
    lock = fork.clone.path / ".git" / "index.lock"
    lock.touch()
    code, said = fork.update()
    assert (code, len(said.splitlines()), "index.lock" in said) == (5, 1, True)
    assert "run bench update again" in said
    lock.unlink()
    assert fork.update()[0] == 0
    assert (fork.text("app/new"), fork.clone.git("status", "--porcelain")) == ("fresh\n", "")


def test_where_a_file_cannot_be_replaced_it_says_so_and_goes_on_later(fork: Fork) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    fork.advance({"app/a": "new\n"})
    (fork.clone.path / "app").mkdir()
    (fork.clone.path / "app").chmod(stat.S_IRUSR | stat.S_IXUSR)
    code, said = fork.update()
    assert (code, "cannot be replaced" in said) == (5, True)
    (fork.clone.path / "app").chmod(stat.S_IRWXU)
    assert fork.update()[0] == 0
    assert fork.text("app/a") == "new\n"
