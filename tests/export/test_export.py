"""`bench export`: each file is taken by the reader it is meant for, says what the record says, and does no more."""

import csv
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from junitparser import Error, Failure, JUnitXml, Skipped
from playwright.sync_api import Browser
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from benchmark.errors import InvalidRunError, UsageError
from benchmark.export.junit import to_junit
from benchmark.export.numbers import to_bencher, to_csv, to_github_action_benchmark, to_openmetrics
from benchmark.judge.history import Judged, judged
from benchmark.record import EndpointResult, Finding, Record, Summary
from benchmark.report.badge import endpoint_badges
from benchmark.report.feed import render_feed
from benchmark.site.pages import whole_page
from benchmark.slo import Evidence, Promise
from benchmark.store import parse_record, save
from tests.support.bench import Bench
from tests.support.browser import Visit
from tests.support.histories import run_of_week, write_history
from tests.support.pictures import HOSTILE_NAMES, busy_record
from tests.support.records import some_plan, some_record, some_result, some_round

NAMES = (*HOSTILE_NAMES, "=cmd|' /C calc'!A1", "+1", "@SUM(1)", "\x1b[31mred", 'a"},x="b\\', "##[error]x", "::error::x")
"""Endpoint names that a program may take for more; the last two only look at a log of GitHub's."""


def named(*names: str) -> Record:
    """A run of endpoints of these names, which no benchmark.toml may have, but a record of a stranger."""
    record = some_record()
    plan = some_plan(endpoints=names)
    endpoints = tuple(record.plan.endpoints[0].model_copy(update={"name": name}) for name in names)
    results = tuple(some_result("pooled", some_round()).model_copy(update={"name": name}) for name in names)
    return record.model_copy(update={"plan": plan.model_copy(update={"endpoints": endpoints}), "endpoints": results})


def families(text: str) -> dict[str, Any]:
    """What Prometheus's own parser reads, by name."""
    return {one.name: one for one in text_string_to_metric_families(text)}  # type: ignore[no-untyped-call]


def schema(repository: Path, name: str) -> Draft7Validator:
    return Draft7Validator(json.loads((repository / "tests" / "data" / "schemas" / name).read_text()))


def of_rounds(*levels: float) -> Record:
    rounds = (some_round(round=n, throughput_rps=level, p95_ms=1000 / level) for n, level in enumerate(levels, start=1))
    return some_record(endpoints=(some_result("pooled", *rounds),))


def test_a_csv_reader_finds_every_number_of_the_record() -> None:
    record = of_rounds(30.0, 33.0, 36.0)
    rows = list(csv.DictReader(StringIO(to_csv(record))))
    assert [(row["endpoint"], row["round"], row["throughput_rps"]) for row in rows] == [
        ("pooled", "all", "33.0"), ("pooled", "1", "30.0"), ("pooled", "2", "33.0"), ("pooled", "3", "36.0"),
    ]  # fmt: skip
    assert rows[0]["run"] == record.id
    assert rows[0]["excess_p50_ms"] == "1.0"


def test_no_spreadsheet_computes_a_name() -> None:
    rows = list(csv.DictReader(StringIO(to_csv(named(*NAMES)))))
    names = list(dict.fromkeys(row["endpoint"] for row in rows))
    assert [name.removeprefix("'") for name in names] == list(NAMES)
    assert not [name for name in names if name.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_prometheus_parses_what_is_exported() -> None:
    found = families(to_openmetrics(of_rounds(30.0, 33.0, 36.0)))
    (p95,) = [one for one in found["bench_latency_seconds"].samples if one.labels["quantile"] == "0.95"]
    assert (p95.labels["endpoint"], p95.value) == ("pooled", round(1 / 33, 6))
    assert found["bench_throughput_per_second"].samples[0].value == 33.0
    assert found["bench_run"].samples[0].labels["profile"] == "quick"
    assert found["bench_run_start_timestamp_seconds"].samples[0].value == 1767323045.0


def test_no_name_breaks_out_of_a_label() -> None:
    names = [name for name in NAMES if name.isprintable() and len(name) < 200]
    found = families(to_openmetrics(named(*names)))
    assert [one.labels["endpoint"] for one in found["bench_requests"].samples] == names
    assert families(to_openmetrics(named(*NAMES))).keys() == found.keys()


@pytest.mark.parametrize("bigger", [False, True])
def test_github_action_benchmark_takes_what_is_exported(repository: Path, *, bigger: bool) -> None:
    for record in (of_rounds(30.0, 33.0, 36.0), named(*NAMES)):
        entries: list[dict[str, Any]] = json.loads(to_github_action_benchmark(record, bigger=bigger))
        schema(repository, "github-action-benchmark.json").validate(entries)
        assert len({entry["name"] for entry in entries}) == len(entries), "they are found again by name"
    (first, *_) = json.loads(to_github_action_benchmark(of_rounds(30.0, 33.0, 36.0), bigger=True))
    assert (first["name"], first["value"], first["range"]) == ("pooled (quick, 10 users): req/s", 33.0, "± 3")


def test_bencher_takes_what_is_exported(repository: Path) -> None:
    for record in (of_rounds(30.0, 33.0, 36.0), named(*NAMES)):
        found: dict[str, dict[str, Any]] = json.loads(to_bencher(record))
        schema(repository, "bmf.json").validate(found)
        assert all(0 < len(name) <= 1024 and name == name.strip() for name in found)
        assert len(found) == len(record.endpoints)
    measures = json.loads(to_bencher(of_rounds(30.0, 33.0, 36.0)))["pooled (quick, 10 users)"]
    assert measures["throughput"] == {"value": 33.0, "lower_value": 30.0, "upper_value": 36.0}
    assert measures["latency"] == {"value": 152.0 * 1e6}, "its own measure of that name is in ns"


def weekly(*levels: float) -> list[Record]:
    return [run_of_week(week, level) for week, level in enumerate(levels)]


def cases(record: Record, found: Judged) -> dict[str, Any]:
    suites = JUnitXml.fromstring(to_junit(record, found).encode())
    return {case.name: case for suite in suites for case in suite}


@pytest.mark.parametrize(
    ("levels", "kind"),
    [
        pytest.param((*[100.0] * 10, 80.0, 80.0), Failure, id="regressed"),
        pytest.param([100.0] * 10, None, id="unchanged"),
        pytest.param((*[100.0] * 10, 80.0), None, id="only suspected"),
        pytest.param([100.0] * 2, Skipped, id="too few runs"),
    ],
)
def test_a_ci_sees_what_regressed(levels: list[float], kind: type[Any] | None) -> None:
    records = weekly(*levels)
    found = cases(records[-1], judged(records, None))
    assert [type(one) for one in found["req/s: no regression"].result] == ([kind] if kind else [])
    assert found["measured"].is_passed
    if kind is Failure:
        (failure,) = found["req/s: no regression"].result
        assert failure.message.startswith("regressed since 2026-03-16: 100 → 80 (−20%")


def test_a_ci_sees_what_was_not_measured_and_what_to_be_careful_about() -> None:
    warning = Finding(kind="steal", severity="warning", message="The hypervisor took 9%.", remedy="Run again.")
    record = some_record(
        state="incomplete",
        endpoints=(some_result("pooled", some_round(warnings=(warning,))),),
        missing=({"endpoint": "awaiting", "round": 1, "reason": "the server ended"},),
    )
    suites = JUnitXml.fromstring(to_junit(record, Judged()).encode())
    assert (suites.tests, suites.errors, suites.failures) == (2, 2, 0), "an incomplete run is invalid"
    pooled, awaiting = (next(iter(suite)) for suite in suites)
    assert "The hypervisor took 9%. Run again." in pooled.system_out
    (error,) = awaiting.result
    assert isinstance(error, Error)
    assert "the server ended" in error.text


def test_names_are_inert_in_xml() -> None:
    text = to_junit(named(*NAMES), Judged())
    suites = [suite.name for suite in JUnitXml.fromstring(text.encode())]
    assert len(suites) == len(NAMES)
    for told in ("\x1b", "\u202e", "##[", "<script", "]]>"):
        assert told not in text
    assert NAMES[0] in suites, "it is shown as it is"


def test_nothing_is_exported_of_a_run_without_numbers() -> None:
    record = some_record(endpoints=(), state="incomplete", reason="the app did not start")
    for write in (to_csv, to_bencher, to_openmetrics, to_github_action_benchmark):
        with pytest.raises(InvalidRunError, match="the app did not start"):
            write(record)
    only_failed = some_result("pooled", some_round())
    assert isinstance(only_failed.summary, Summary)
    nothing = dict.fromkeys(("median_ms", "p95_ms", "p99_ms"))
    failed: EndpointResult = only_failed.model_copy(update={"summary": only_failed.summary.model_copy(update=nothing)})
    with pytest.raises(InvalidRunError, match="no response was right"):
        to_github_action_benchmark(some_record(endpoints=(failed,)))


def test_one_html_file_holds_everything_and_loads_nothing(browser: Browser, tmp_path: Path) -> None:
    record = busy_record(id="run")
    page = tmp_path / "alone.html"
    page.write_text(whole_page(record, (), Judged()), encoding="utf-8")
    visit = Visit(browser)
    visit.open(page)
    assert visit.done == [], "no complaint, and no request"
    images = visit.page.evaluate("[...document.images].map(one => one.loading = 'eager' && one.src.slice(0, 25))")
    assert images == ["data:image/svg+xml;base64,"[:25]] * 3
    visit.page.wait_for_function("[...document.images].every(one => one.complete && one.naturalWidth > 0)")
    words = visit.page.locator("main").text_content() or ""
    for part in (
        "Caveats",
        "All columns",
        "Prediction",
        "Second by second",
        "Percentiles (ms)",
        "Method",
        "Environment",
    ):
        assert part in words
    assert visit.page.locator("main a[href^='../'], main a[href$='.md']").count() == 0, "they lead nowhere"
    with visit.page.expect_download() as download:
        visit.page.locator("main a[download]").first.click()
    assert parse_record(download.value.path().read_text("utf-8"), "the download") == record
    visit.page.close()


def test_names_are_inert_in_one_html_file(browser: Browser, tmp_path: Path) -> None:
    page = tmp_path / "alone.html"
    page.write_text(whole_page(named(*NAMES), (), Judged()), encoding="utf-8")
    visit = Visit(browser)
    visit.open(page)
    assert visit.done == []
    assert visit.page.evaluate("window.hit") is None
    assert visit.page.locator("main script, main [onerror], main a[href^='javascript']").count() == 0
    visit.page.close()


def test_the_newest_run_is_exported_and_judged_next_to_the_reports(bench: Bench, tmp_path: Path) -> None:
    *published, new = weekly(*[100.0] * 10, 80.0, 80.0)
    write_history(tmp_path / "reports", published)
    (tmp_path / "results" / new.id).mkdir(parents=True)
    save(new, tmp_path / "results" / new.id / "run.json")
    done = bench.call("export", "--as", "junit", "--out", "junit.xml")
    assert done.returncode == 0, done.stderr
    assert f"Exporting results/{new.id}" in done.stderr
    (suite,) = JUnitXml.fromfile(str(tmp_path / "junit.xml"))
    assert suite.failures > 0
    named_run = bench.call("export", published[0].id, "--as", "csv")
    assert named_run.stdout.splitlines()[1].startswith(f"{published[0].id},")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--as", "xml"], "there is no format 'xml'; there are: junit, "),
        (["--as", "csv"], "no run in results or reports; measure one with bench run"),
        (["--as", "csv", "--bigger-is-better"], "goes with --as github-action-benchmark"),
        (["none", "--as", "csv"], "none does not exist"),
    ],
)
def test_what_cannot_be_exported_is_said_in_a_line(bench: Bench, arguments: list[str], said: str) -> None:
    done = bench.call("export", *arguments)
    assert done.returncode == UsageError.exit_code
    assert said in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("limit", "low", "high", "kind"),
    [
        pytest.param(100.0, 150.0, 170.0, Failure, id="broken"),
        pytest.param(200.0, 150.0, 170.0, None, id="kept"),
        pytest.param(160.0, 150.0, 170.0, Skipped, id="cannot tell"),
    ],
)
def test_a_ci_sees_what_became_of_each_slo(limit: float, low: float, high: float, kind: type[Any] | None) -> None:
    promise = Promise(endpoint="pooled", metric="p95", limit=limit)
    evidence = Evidence(metric="p95", value=157.0, low=low, high=high, responses=1000, independent=1000)
    result = some_result("pooled", some_round()).model_copy(update={"slo": (evidence,)})
    plan = some_plan(endpoints=("pooled",)).model_copy(update={"slo": (promise,)})
    record = some_record(plan=plan.model_copy(update={"endpoints": plan.endpoints[:1]}), endpoints=(result,))
    case = cases(record, Judged())[f"SLO: p95 at most {limit:g} ms"]
    assert [type(one) for one in case.result] == ([kind] if kind else [])
    broken = "SLO: " in render_feed([record], (), Judged())
    assert broken == (kind is Failure) == ("SLO broken" in endpoint_badges([record], Judged())["pooled.json"])
