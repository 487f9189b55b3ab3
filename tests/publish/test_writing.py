"""Files of a person survive whatever goes wrong, and what cannot be written or read is said in one line."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.store import write_whole
from tests.support.clones import README, Clone, environment
from tests.support.publishable import make_record

NOTES = "my notes, in no commit yet\n" * 2000 + "LAST LINE\n"


def in_a_shell(clone: Clone, script: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run `bench` by a shell that changes something for it before."""
    command = ["bash", "-c", script, "bash", *clone.command(*arguments)]
    return subprocess.run(
        command, cwd=clone.path, env=environment(), capture_output=True, text=True, check=False, timeout=120
    )


def test_a_readme_that_can_not_be_written_is_as_it_was(clone: Clone) -> None:
    clone.bench("publish", "--local", clone.results(make_record()))
    before = README.replace("begin -->\n", "begin -->\nold\n") + NOTES
    (clone.path / "README.md").write_text(before, encoding="utf-8")
    done = in_a_shell(clone, 'ulimit -f 40; exec "$@"', "report", "--all")
    assert (done.returncode, len(done.stderr.splitlines())) == (3, 1)
    assert (clone.path / "README.md").read_text(encoding="utf-8") == before
    assert not list(clone.path.glob(".*.draft"))


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_what_is_not_the_block_stays_byte_for_byte_and_so_does_the_mode(clone: Clone, ends: str) -> None:
    readme = clone.path / "README.md"
    readme.write_bytes(f"\ufeff{README}".replace("\n", ends).encode())
    readme.chmod(0o755)
    assert clone.bench("publish", "--local", clone.results(make_record())).code == 0
    content = readme.read_bytes().decode()
    assert content.startswith(f"\ufeff# Mine{ends}{ends}Before.{ends}{ends}<!-- benchmark:begin -->{ends}**async")
    assert content.endswith(f"{ends}<!-- benchmark:end -->{ends}{ends}After.{ends}")
    assert content.count("\n") == content.count(ends)
    assert readme.stat().st_mode & 0o777 == 0o755


def test_a_readme_that_is_a_link_stays_one_and_its_file_is_written(clone: Clone) -> None:
    (clone.path / "README.md").rename(clone.path / "other.md")
    (clone.path / "README.md").symlink_to("other.md")
    assert clone.bench("publish", "--local", clone.results(make_record())).code == 0
    assert (clone.path / "README.md").is_symlink()
    assert "**async_concurrent handled" in (clone.path / "other.md").read_text(encoding="utf-8")


def test_a_link_in_the_place_of_a_rendered_file_is_replaced_not_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("mine")
    (tmp_path / "report.md").symlink_to("outside")
    write_whole(tmp_path / "report.md", "rendered")
    assert (tmp_path / "outside").read_text() == "mine"
    assert not (tmp_path / "report.md").is_symlink()


def run_is_a_link(reports: Path, outside: Path) -> str:
    run = next((reports / "runs").iterdir())
    shutil.copytree(run, outside, dirs_exist_ok=True)
    shutil.rmtree(run)
    run.symlink_to(outside)
    return f"runs/{run.name}/run.json is a link"


def record_is_a_link(reports: Path, outside: Path) -> str:
    run = next((reports / "runs").iterdir())
    (run / "run.json").rename(outside / "run.json")
    (run / "run.json").symlink_to(outside / "run.json")
    return f"runs/{run.name}/run.json is a link"


def runs_are_a_link(reports: Path, outside: Path) -> str:
    shutil.move(reports / "runs", outside / "runs")
    (reports / "runs").symlink_to(outside / "runs")
    return "runs is a link"


def charts_are_a_link(reports: Path, outside: Path) -> str:
    (reports / "charts").symlink_to(outside)
    return "charts is a link"


def link_that_leads_nowhere(reports: Path, outside: Path) -> str:
    (reports / "runs" / "gone").symlink_to(outside / "gone")
    return "runs/gone/run.json is a link"


@pytest.mark.parametrize(
    "link", [run_is_a_link, record_is_a_link, runs_are_a_link, charts_are_a_link, link_that_leads_nowhere]
)
def test_a_link_below_the_reports_is_named_and_nothing_is_written_behind_it(
    clone: Clone, tmp_path: Path, link: Callable[[Path, Path], str]
) -> None:
    clone.bench("publish", "--local", clone.results(make_record()))
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "mine.svg").write_text("<!-- drawn from afar -->", encoding="utf-8")
    said = link(clone.path / "reports", outside)
    before = {path: path.read_bytes() for path in outside.rglob("*") if path.is_file()}
    done = clone.bench("report", "--all")
    assert (done.code, len(done.errors.splitlines())) == (3, 1)
    assert said in done.errors
    assert said in (clone.path / "reports" / "README.md").read_text(encoding="utf-8")
    assert {path: path.read_bytes() for path in outside.rglob("*") if path.is_file()} == before


def latin_1(clone: Clone) -> None:
    (clone.path / "README.md").write_bytes(b"\xe4 <!-- benchmark:begin -->\n<!-- benchmark:end -->\n")


def readme_is_a_folder(clone: Clone) -> None:
    (clone.path / "README.md").unlink()
    (clone.path / "README.md").mkdir()


def readme_is_a_pipe(clone: Clone) -> None:
    (clone.path / "README.md").unlink()
    os.mkfifo(clone.path / "README.md")


def index_is_not_text(clone: Clone) -> None:
    (clone.path / "reports" / "README.md").write_bytes(b"\xff")


def report_is_not_text(clone: Clone) -> None:
    next((clone.path / "reports").rglob("report.md")).write_bytes(b"\xff")


def report_is_a_pipe(clone: Clone) -> None:
    report = next((clone.path / "reports").rglob("report.md"))
    report.unlink()
    os.mkfifo(report)


def index_is_a_pipe(clone: Clone) -> None:
    (clone.path / "reports" / "README.md").unlink()
    os.mkfifo(clone.path / "reports" / "README.md")


def table_is_a_pipe(clone: Clone) -> None:
    os.mkfifo(clone.path / "reports" / "published" / "table.json")


def report_is_a_folder(clone: Clone) -> None:
    report = next((clone.path / "reports").rglob("report.md"))
    report.unlink()
    report.mkdir()


def run_is_a_file(clone: Clone) -> None:
    (clone.path / "reports" / "runs" / make_record(1).id).touch()


def runs_are_a_file(clone: Clone) -> None:
    shutil.rmtree(clone.path / "reports" / "runs")
    (clone.path / "reports" / "runs").touch()


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (latin_1, 2),
        (readme_is_a_folder, 2),
        (readme_is_a_pipe, 2),
        (index_is_not_text, 0),
        (report_is_not_text, 0),
        (report_is_a_pipe, 0),
        (index_is_a_pipe, 0),
        (table_is_a_pipe, 3),
        (report_is_a_folder, 3),
        (run_is_a_file, 5),
        (runs_are_a_file, 5),
    ],
)
def test_a_folder_that_is_odd_is_said_in_one_line(clone: Clone, spoil: Callable[[Clone], None], code: int) -> None:
    clone.bench("publish", "--local", clone.results(make_record()))
    spoil(clone)
    done = clone.bench("publish", "--local", clone.results(make_record(1)))
    assert (done.code, len(done.errors.splitlines())) == (code, int(code != 0)), done.errors


def test_a_readme_on_the_branch_that_is_not_utf_8_stops_the_publishing_in_one_line(clone: Clone) -> None:
    latin_1(clone)
    clone.git("commit", "--quiet", "--all", "--message=Latin-1")
    clone.git("push", "--quiet")
    done = clone.bench("publish", clone.results(make_record()))
    assert (done.code, len(done.errors.splitlines())) == (5, 1)
    assert "is not UTF-8" in done.errors


@pytest.mark.parametrize("where", ["/nowhere/x", ".", "/dev/full"])
def test_a_summary_that_can_not_be_written_changes_no_exit_code(clone: Clone, where: str) -> None:
    done = clone.bench("publish", "nowhere", GITHUB_STEP_SUMMARY=where)
    assert (done.code, len(done.errors.splitlines())) == (2, 1)
    written = clone.bench("report", clone.results(make_record()), "--summary", GITHUB_STEP_SUMMARY=where)
    assert (written.code, len(written.errors.splitlines())) == (3, 1)


def test_with_a_closed_standard_input_everything_is_drawn(clone: Clone) -> None:
    done = in_a_shell(clone, 'exec "$@" <&-', "publish", "--local", clone.results(make_record()))
    assert (done.returncode, done.stderr) == (0, "")


def test_an_odd_address_of_the_server_is_left_out(clone: Clone) -> None:
    github = {"GITHUB_SERVER_URL": "x y", "GITHUB_REPOSITORY": "a/b", "GITHUB_RUN_ID": "1"}
    assert clone.bench("fail", "--local", "why", **github).code == 0


READ_ONLY = 'mount --bind reports reports && mount -o remount,ro,bind reports && exec "$@"'


@pytest.mark.parametrize(("command", "code"), [("publish", 5), ("fail", 5), ("init", 3), ("report", 3)])
def test_a_disk_that_can_not_be_written_is_said_in_one_line(clone: Clone, command: str, code: int) -> None:
    (clone.path / "reports" / "README.md").write_text("old", encoding="utf-8")
    (clone.path / "reports" / "charts").mkdir()
    run = str(clone.results(make_record()))
    words = {"publish": ["--local", run], "fail": ["--local", "why"], "report": ["--all"]}
    mounting = ["unshare", "--map-root-user", "--mount", "bash", "-c", READ_ONLY, "bash"]
    whole = [*mounting, sys.executable, "-m", "scripts", command, *words.get(command, [])]
    if subprocess.run([*mounting, "true"], cwd=clone.path, check=False, capture_output=True).returncode:
        pytest.skip("Linux forbids namespaces here")
    done = subprocess.run(whole, cwd=clone.path, env=environment(), capture_output=True, text=True, check=False)
    assert (done.returncode, len(done.stderr.splitlines())) == (code, 1), done.stderr
