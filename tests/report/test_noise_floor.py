"""A self-test is said where it holds, and nowhere else; one that cannot be read is refused in one line."""

import json
from pathlib import Path

import pytest

from benchmark.errors import InvalidRunError, UnwritableRunError
from benchmark.judge.history import Judged
from benchmark.judge.noise_floor import COMPUTING, WAITING
from benchmark.plan import Target
from benchmark.record import Cpu
from benchmark.report.noise_floor import FILE_NAME, as_markdown, on_this_machine, read_selftest, visible, write_selftest
from benchmark.report.render import render
from benchmark.report.report import render_report
from benchmark.store import save
from tests.support.records import some_plan, some_record
from tests.support.selftests import some_selftest, some_sight

LINE = (
    "On this kind of machine (Example CPU 3000, 2 cores; self-test of 2026-01-02, rounds of 2 s) the smallest "
    "detectable change in req/s is 5.0% for an endpoint that waits, 12% for one that computes."
)


def test_the_report_of_a_run_on_such_a_machine_says_what_can_not_be_seen() -> None:
    assert LINE in render_report(some_record(), (), Judged(selftest=some_selftest())).splitlines()
    assert "self-test" not in render_report(some_record(), ())


@pytest.mark.parametrize(
    "cpu", [Cpu(model="Example CPU 3000", count=4), Cpu(model="Example CPU 4000", count=2)], ids=["cores", "model"]
)
def test_nothing_is_said_of_runs_on_another_machine(cpu: Cpu) -> None:
    assert on_this_machine(some_record(), some_selftest(cpu=cpu)) == ""


def test_nothing_is_said_of_an_app_that_runs_elsewhere() -> None:
    plan = some_plan().model_copy(update={"target": Target(url="https://app.example")})
    assert on_this_machine(some_record(plan=plan), some_selftest()) == ""


def test_a_band_wider_than_the_whole_number_hides_every_drop() -> None:
    wide = some_selftest(sights=(some_sight(COMPUTING, "req/s", 134.0), some_sight(COMPUTING, "p50", 150.0)))
    assert "100% in req/s and 150% in p50 for one that computes" in visible(wide)


def test_what_could_not_be_judged_is_not_called_visible() -> None:
    one_kind = some_selftest(sights=(some_sight(WAITING, "req/s", None), some_sight(COMPUTING, "req/s", 12.34)))
    assert on_this_machine(some_record(), one_kind).endswith("in req/s is 12% for one that computes.")
    neither = some_selftest(sights=(some_sight(WAITING, "req/s", None),))
    assert on_this_machine(some_record(), neither) == ""
    assert visible(neither).startswith("The smallest detectable change is unknown")


def test_reports_and_index_say_it_once_it_is_kept_and_no_longer_when_it_is_gone(tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    directory = reports / "runs" / some_record().id
    directory.mkdir(parents=True)
    save(some_record(), directory / "run.json")
    write_selftest(some_selftest(), reports)
    shown = (directory / "report.md", reports / "README.md")
    render(reports, tmp_path / "README.md", everything=True)
    assert all(LINE in path.read_text(encoding="utf-8").splitlines() for path in shown)
    (reports / FILE_NAME).unlink()
    render(reports, tmp_path / "README.md", everything=True)
    assert not any("self-test" in path.read_text(encoding="utf-8") for path in shown)


def test_a_self_test_that_can_not_be_read_is_named_in_the_index_and_stops_nothing(tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    reports.mkdir()
    (reports / FILE_NAME).write_text("{}")
    history = render(reports, tmp_path / "README.md", everything=True)
    assert len(history.unreadable) == 1
    assert "**Not readable**: selftest.json is not a self-test" in (reports / "README.md").read_text(encoding="utf-8")


def test_the_tables_say_what_was_found_what_was_not_and_what_was_skipped() -> None:
    shown = as_markdown(some_selftest())
    assert "| waiting | req/s | 100/s | 5.0% (5.0/s) | 7 of 12 | 1 | 0 |" in shown
    assert "3 of 21 judged numbers were outside the noise band, 0 changes were reported." in shown
    assert "(10 ms) | req/s, p50 |  | none |" in shown
    assert "| 5ms (5 ms) | **not detected** | p50 | p95 of x |" in shown
    assert (
        "Smallest detectable change in rounds of 2 s: 5.0% in req/s and 5.0% in p50 for an endpoint that waits; "
        "12% in req/s for one that computes."
    ) in shown


def test_what_is_kept_is_read_again_and_replaces_the_one_before(tmp_path: Path) -> None:
    write_selftest(some_selftest(python="CPython 3.11.0"), tmp_path)
    write_selftest(some_selftest(), tmp_path)
    assert read_selftest(tmp_path) == some_selftest()
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


def test_where_none_was_kept_there_is_none(tmp_path: Path) -> None:
    assert read_selftest(tmp_path) is None


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"schema_version": 2}', "\udcff"], ids=repr)
def test_what_is_no_self_test_is_refused_in_one_line_that_says_what_to_do(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE_NAME).write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(InvalidRunError, match=r"^[^\n]*selftest\.json is not a self-test: [^\n]*; delete it[^\n]*$"):
        read_selftest(tmp_path)


def test_a_directory_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnwritableRunError, match="cannot be written"):
        write_selftest(some_selftest(), tmp_path / "nowhere")


def test_the_file_of_an_older_version_is_read_without_what_is_no_longer_measured(tmp_path: Path) -> None:
    older = some_selftest().model_dump(mode="json")
    older |= {"ceiling": {"users": 50, "throughput_rps": 3000.0}, "crowds": [{"users": 100, "mean_ms": 1.2}]}
    (tmp_path / FILE_NAME).write_text(json.dumps(older))
    kept = read_selftest(tmp_path)
    assert kept is not None
    assert kept.model_dump() == some_selftest().model_dump()
    write_selftest(kept, tmp_path)
    assert not {"ceiling", "crowds"} & set(json.loads((tmp_path / FILE_NAME).read_text()))
