"""What the page of a workflow run shows."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmark.record import Finding, Record
from benchmark.report.step_summary import LARGEST_BYTES, NOTHING, render_error, render_step_summary
from benchmark.store import save
from scripts import cli
from tests.support.records import some_plan, some_record, some_result, some_round

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
    assert page.read_text().count("| awaiting | 60.00 |") == 2


def test_nothing_measured_is_said_and_is_no_second_failure(tmp_path: Path, page: Path) -> None:
    done = CliRunner().invoke(cli.app, ["report", str(tmp_path / "results"), "--summary"])
    assert done.exit_code == 0
    assert page.read_text() == NOTHING


def test_elsewhere_the_summary_is_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    save(some_record(), tmp_path / "run.json")
    done = CliRunner().invoke(cli.app, ["report", str(tmp_path), "--summary"])
    assert "| awaiting | " in done.output


def swept(*rates: float) -> list[Record]:
    """Runs of one sweep with 100, 200, 400 ... users and these answers per second."""
    records = []
    for number, rate in enumerate(rates):
        plan = some_plan(users=100 * 2**number)
        results = (
            some_result("pooled", some_round(throughput_rps=rate)),
            some_result("awaiting", some_round(throughput_rps=50.0 * 2**number)),
        )
        records.append(some_record(id=f"run-{number}", sweep="one", plan=plan, endpoints=results))
    return records


FLAT = "is at its limit from 100 users on, the fewest measured: add fewer to see where it bends"


@pytest.mark.parametrize(
    ("rates", "said"),
    [
        pytest.param((50.0, 51.0, 50.5), FLAT, id="over the limit from the start"),
        pytest.param((50.0, 99.0, 100.0), "levels off between 200 and 400 users", id="in step, then no more"),
        pytest.param((50.0, 70.0, 71.0), "levels off between 100 and 200 users", id="slower, then no more"),
        pytest.param((50.0, 100.0, 140.0), "begins to level off between 200 and 400 users", id="slower at the end"),
        pytest.param((50.0, 40.0, 30.0), FLAT, id="falling"),
    ],
)
def test_a_sweep_is_one_table_and_says_where_the_curve_bends(rates: tuple[float, ...], said: str) -> None:
    text = render_step_summary(swept(*rates), ())
    assert text.startswith(
        "## quick: 100, 200 and 400 users, 30 s per endpoint\n\n"
        f"Throughput of pooled {said}. "
        "Throughput of awaiting still grows with the users at 400: its limit lies beyond.\n\n"
        "Requests per second, and p95 below them:\n\n"
        "| Users | 100 | 200 | 400 |\n"
    )
    assert "| awaiting | 50.0<br>157\u00a0ms | 100<br>157\u00a0ms | 200<br>157\u00a0ms |" in text
    assert [text.count(f"<summary>{users} users</summary>") for users in (100, 200, 400)] == [1, 1, 1]


def test_of_a_sweep_of_which_one_run_was_measured_nothing_is_compared() -> None:
    text = render_step_summary(swept(50.0), ())
    assert text.startswith("## quick: 100 users, 30 s per endpoint\n\n**")
    assert "Throughput of" not in text


def test_a_finding_that_several_endpoints_share_is_one_line_and_the_report_is_named() -> None:
    stolen = Finding(kind="steal", severity="warning", message="The host gave 3.2% to others.", remedy="Run again.")
    results = tuple(some_result(name, some_round(warnings=(stolen,))) for name in ("pooled", "awaiting"))
    url = "https://github.com/a/b/actions/runs/7"
    environment = some_record().environment.model_copy(update={"run_url": url})
    text = render_step_summary([some_record(endpoints=results, environment=environment)], ())
    assert text.count("- **warning**") == 1
    assert "- **warning**, pooled, awaiting: " in text
    assert f"/report.md` in the [artifact `results`]({url}#artifacts)" in text
    assert text.index("requests/s") < text.index("| Endpoint | req/s |") < text.index("- **warning**")


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
