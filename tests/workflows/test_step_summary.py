"""What the page of a workflow run shows."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmark.report.report import LARGEST_BYTES, NOTHING, render_error, render_step_summary
from benchmark.store import save
from scripts import cli
from tests.support.records import some_record

GITHUB_DROPS_ABOVE_BYTES = 2**20


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that GitHub shows."""
    path = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    return path


def test_every_run_of_a_directory_is_shown_in_one_command(tmp_path: Path, page: Path) -> None:
    page.write_text("before\n")
    for name in ("20260102T030405-quick-10-aaaa", "20260102T030405-quick-20-bbbb"):
        directory = tmp_path / "results" / name
        directory.mkdir(parents=True)
        save(some_record(id=name), directory / "run.json")
    done = CliRunner().invoke(cli.app, ["report", str(tmp_path / "results"), "--summary"])
    assert done.exit_code == 0, done.output
    assert page.read_text().startswith("before\n")
    assert page.read_text().count("| awaiting | ") == 2


def test_nothing_measured_is_said_and_is_no_second_failure(tmp_path: Path, page: Path) -> None:
    done = CliRunner().invoke(cli.app, ["report", str(tmp_path / "results"), "--summary"])
    assert done.exit_code == 0
    assert page.read_text() == NOTHING


def test_elsewhere_the_summary_is_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    save(some_record(), tmp_path / "run.json")
    done = CliRunner().invoke(cli.app, ["report", str(tmp_path), "--summary"])
    assert "| awaiting | " in done.output


def test_a_summary_stays_below_what_github_drops_and_says_what_is_left_out() -> None:
    record = some_record()
    one = len(render_step_summary([record], ()).encode())
    many = LARGEST_BYTES // one + 10
    text = render_step_summary([record] * many, ())
    assert len(text.encode()) < GITHUB_DROPS_ABOVE_BYTES
    assert text.endswith(f"{many - text.count('## quick')} more did not fit here: they are in the artifact.\n")


def test_names_and_errors_from_outside_do_nothing_on_the_page() -> None:
    hostile = "<img src=x onerror=alert(1)> | ![x](http://evil) @octocat\n# Title"
    text = render_step_summary([some_record(state="incomplete", reason=hostile)], ())
    assert "<img" not in text.replace("\\<img", "")
    assert "![x](" not in text
    assert "@octocat" not in text
    assert "\n# Title" not in text
    fenced = render_error("```\n</details># Title")
    assert "````text\n" in fenced


def test_a_long_error_keeps_its_beginning() -> None:
    text = render_error("first" + "x" * GITHUB_DROPS_ABOVE_BYTES)
    assert "first" in text
    assert len(text) < 20_000
