"""The two sides of a comparison: their files, their packages, their turns."""

import sys
import time
from collections import Counter
from importlib.metadata import version
from pathlib import Path

import pytest

from benchmark.compare.interleaved import PASSES, planned_turns
from benchmark.compare.versions import (
    already_installed,
    check_out,
    check_requirement,
    python_with,
    resolve,
)
from benchmark.errors import UsageError
from benchmark.measure.machine import describe
from benchmark.plan import Endpoint
from tests.compare.comparisons import make_wheel
from tests.support.clones import git


@pytest.fixture
def repository_of_two(tmp_path: Path) -> Path:
    """A repository with two commits, whose app lies in a folder of it; `origin/elsewhere` is the first."""
    home = tmp_path / "repository"
    (home / "service").mkdir(parents=True)
    git(home, "init", "--quiet", "--initial-branch=main")
    for text in ("one", "two"):
        (home / "service" / "app.py").write_text(text)
        git(home, "add", "--all")
        git(home, "commit", "--quiet", f"--message={text}")
    git(home, "update-ref", "refs/remotes/origin/elsewhere", "HEAD^")
    return home


def test_each_side_gets_the_files_of_its_commit_and_the_repository_stays_as_it_is(
    repository_of_two: Path, tmp_path: Path
) -> None:
    service = repository_of_two / "service"
    (service / "app.py").write_text("not committed")
    before = git(repository_of_two, "status", "--porcelain")
    for side, ref, text in (("base", "HEAD^", "one"), ("head", "main", "two"), ("other", "elsewhere", "one")):
        place = check_out(service, resolve(service, ref), tmp_path / side)
        assert (place / "app.py").read_text() == text
        assert place.name == "service"
    assert git(repository_of_two, "status", "--porcelain") == before
    assert git(repository_of_two, "worktree", "list").count("\n") == 0
    assert (service / "app.py").read_text() == "not committed"


@pytest.mark.parametrize("ref", ["nosuch", "", "--help", "HEAD:service", "HEAD~9"])
def test_what_is_no_commit_is_refused(repository_of_two: Path, ref: str) -> None:
    with pytest.raises(UsageError, match="names no commit here"):
        resolve(repository_of_two, ref)


def test_where_there_is_no_repository_one_line_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no git repository here"):
        resolve(tmp_path, "HEAD")


def test_a_commit_without_the_folder_is_refused(repository_of_two: Path, tmp_path: Path) -> None:
    (repository_of_two / "later").mkdir()
    with pytest.raises(UsageError, match="has no folder 'later/'"):
        check_out(repository_of_two / "later", resolve(repository_of_two, "HEAD"), tmp_path / "x")


def test_what_is_installed_already_is_not_installed_again(tmp_path: Path, repository: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for home in (one, other):
        home.mkdir()
        (home / "requirements.txt").write_text((repository / "requirements.txt").read_text())
    assert already_installed([one, other], [(), ()])
    assert not already_installed([one, other], [(), ("fastapi==0.1",)])
    (other / "requirements.txt").write_text(f"fastapi=={version('fastapi')}\n")
    assert not already_installed([one, other], [(), ()])
    assert already_installed([other, other], [(), ()])
    for text in ("fastapi==0.1\n", "fastapi\n", "-r more.txt\n", "nosuch==1\n"):
        (other / "requirements.txt").write_text(text)
        assert not already_installed([other, other], [(), ()])


def test_a_side_has_every_file_of_its_commit_as_it_was_committed(repository_of_two: Path, tmp_path: Path) -> None:
    service = repository_of_two / "service"
    (service / ".gitattributes").write_text("app.py export-ignore\nversion.txt export-subst\n*.bat text eol=crlf\n")
    (service / "version.txt").write_text("$Format:%H$\n")
    (service / "run.bat").write_bytes(b"serve\r\n")
    (service / "logs").symlink_to("/var/log")
    git(repository_of_two, "add", "--all")
    git(repository_of_two, "commit", "--quiet", "--message=three")
    place = check_out(service, resolve(service, "HEAD"), tmp_path / "side")
    assert {path.name for path in place.iterdir()} == {path.name for path in service.iterdir()}
    assert (place / "app.py").read_text() == "two"
    assert (place / "version.txt").read_text() == "$Format:%H$\n"
    assert (place / "run.bat").read_bytes() == b"serve\r\n"
    assert (place / "logs").readlink() == Path("/var/log")


def test_a_package_is_added_to_what_this_python_has_and_the_rest_stays(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path / "wheels")
    python = python_with(tmp_path, (str(wheel),), tmp_path / "environment", time.sleep, lambda _: None)
    (version_of_it, found), (_, ours) = describe(python), describe(sys.executable)
    assert found == ours | {"slower": "1.0"}
    assert version_of_it == describe(sys.executable)[0]


def test_what_cannot_be_installed_is_said_in_one_line_by_its_cause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    (tmp_path / "requirements.txt").write_text("nosuch-package==1\n")
    said = r"^requirements\.txt cannot be installed: No solution found [^\n:]*: Because nosuch-package [^\n]*$"
    with pytest.raises(UsageError, match=said):
        python_with(tmp_path, (), tmp_path / "environment", time.sleep, lambda _: None)


def test_a_requirement_of_the_checkout_itself_is_installed_from_there(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path / "wheels")
    (tmp_path / "requirements.txt").write_text(f"./wheels/{wheel.name}\n")
    python = python_with(tmp_path, (), tmp_path / "environment", time.sleep, lambda _: None)
    assert describe(python)[1]["slower"] == "1.0"


def test_a_folder_without_requirements_is_served_by_this_python(tmp_path: Path) -> None:
    assert python_with(tmp_path, (), tmp_path / "environment", lambda _: None, lambda _: None) == sys.executable


@pytest.mark.parametrize("text", ["", " ", "--pre", " -e .", "x\ny"])
def test_a_flag_of_uv_is_no_requirement(text: str) -> None:
    with pytest.raises(UsageError, match="is no requirement"):
        check_requirement(text)


def test_in_a_pass_both_sides_are_asked_equally_often_and_neither_always_first() -> None:
    endpoints = [Endpoint(name=name, path="/") for name in ("alpha", "beta", "gamma")]
    counted = [one for number in (0, 1) for one in planned_turns(endpoints, number) if one.position >= 0]
    assert {one.number for one in counted} == set(range(2 * PASSES))
    for endpoint in endpoints:
        mine = [one for one in counted if one.endpoint == endpoint]
        assert Counter(one.side for one in mine) == {"base": 4 * PASSES, "head": 4 * PASSES}
        orders = Counter("".join(one.side[0] for one in mine if one.number == number) for number in range(2 * PASSES))
        assert orders == {"bhhb": PASSES, "hbbh": PASSES}
