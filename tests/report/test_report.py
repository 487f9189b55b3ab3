"""Reports are pure functions of the records, and say what the records hold."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmark.judge.history import Judged
from benchmark.plan import Endpoint, Target
from benchmark.record import Columns, FailureKind, Finding, Missing, Record
from benchmark.report.index import render_all, render_index
from benchmark.report.published import read_published, same_conditions
from benchmark.report.readme import BEGIN, END
from benchmark.report.report import RESULT_COLUMNS, compact_table, render_report
from benchmark.report.sentences import caveats, headline, prediction_sentence, reasons
from benchmark.store import read_history, run_files, save
from benchmark.streams import FirstByte
from tests.support.records import some_columns, some_plan, some_prediction, some_record, some_result, some_round

HOSTILE = "a|b`c`<script>x</script>[l](javascript:y)\u202e\n# head"


def test_the_report_of_a_small_run_is_the_one_on_file(repository: Path) -> None:
    golden = repository / "tests" / "report" / "golden_report.md"
    assert render_report(some_record(), ()) == golden.read_text()


def test_the_columns_are_those_of_the_published_table_in_its_order() -> None:
    published = "# reqs | # fails | Avg (ms) | Min (ms) | Max (ms) | Median (ms) | req/s | failures/s"
    assert " | ".join(RESULT_COLUMNS) == published
    assert f"| Approach | {published} |" in render_report(some_record(), ())


def test_a_published_row_stands_under_each_measured_one_only_under_the_same_load(repository: Path) -> None:
    tables = read_published(repository / "reports" / "published")
    names = ("sync_baseline", "async_independent")
    blog = some_plan(users=500, spawn_rate_per_s=50, duration_s=300, task_seconds=5, endpoints=names)
    endpoints = tuple(Endpoint(name=name, path=f"/{name}", served="thread pool", work_tasks=3) for name in names)
    record = some_record(
        plan=blog.model_copy(update={"endpoints": endpoints}),
        endpoints=tuple(some_result(name, some_round()) for name in names),
    )
    assert same_conditions(record, tables) is not None
    lines = render_report(record, tables).partition("## All columns")[2].splitlines()
    row = next(n for n, line in enumerate(lines) if line.startswith("| sync_baseline |"))
    label = "*sync_baseline, published 2025\u201101\u201118*"
    assert lines[row + 1].startswith(f"| {label} | 1,520 | 0 | 79,082 | 15,026 | 119,366 | 76,000 | 5.29 |")
    assert same_conditions(some_record(), tables) is None
    spread = record.plan.profile.model_copy(update={"start": "spread"})
    assert (
        same_conditions(record.model_copy(update={"plan": record.plan.model_copy(update={"profile": spread})}), tables)
        is None
    )
    assert "published" not in render_report(some_record(), tables)


def test_names_and_messages_from_outside_are_inert_wherever_they_are_shown() -> None:
    plan = some_plan()
    name = HOSTILE.replace("\n", " ").replace("\u202e", "")
    endpoint = Endpoint(name=name, path="/x", served="event loop", work_tasks=1)
    finding = Finding(kind=HOSTILE, severity="warning", message=HOSTILE, remedy=HOSTILE)
    hostile = some_round(failures=1, failures_by_kind=(FailureKind(message=HOSTILE, count=1),), warnings=(finding,))
    environment = some_record().environment
    record = some_record(
        plan=plan.model_copy(update={"endpoints": (endpoint,)}),
        endpoints=(some_result(name, hostile),),
        missing=(Missing(endpoint=name, round=1, reason=HOSTILE),),
        state="incomplete",
        reason=HOSTILE,
        command=HOSTILE,
        environment=environment.model_copy(
            update={"cpu": environment.cpu.model_copy(update={"model": HOSTILE}), "packages": {HOSTILE: HOSTILE}}
        ),
    )
    shown = render_report(record, ())
    outside_code = "".join(shown.split("```")[::2])
    for dangerous in ("<script>", "[l](", "\u202e", "\n# head", "c`<"):
        assert dangerous not in outside_code
    index = render_index(read_history_of(record))
    assert "<script>" not in index


def read_history_of(record: Any) -> Any:
    """A history of one record, without files."""
    from benchmark.store import History  # noqa: PLC0415 - only here

    return History((record,), (HOSTILE,))


@pytest.mark.parametrize(
    ("rates", "said"),
    [
        ((20.0, 60.0), "awaiting handled 3.0× the load of pooled: 60.0 vs 20.0 requests/s."),
        ((5.31, 97.73), "awaiting handled 18× the load of pooled: 97.7 vs 5.3 requests/s."),
        ((60.0, 58.0), "pooled and awaiting handled about the same load: 58.0 to 60.0 requests/s."),
        ((60.01, 60.02), "pooled and awaiting handled about the same load: 60.0 requests/s."),
        ((14003.0, 0.53), "pooled handled 26,421× the load of awaiting: 14,003 vs 0.53 requests/s."),
    ],
)
def test_the_first_sentence_says_what_is_fastest_and_by_how_much(rates: tuple[float, float], said: str) -> None:
    results = [some_result(n, some_round(throughput_rps=r)) for n, r in zip(("pooled", "awaiting"), rates, strict=True)]
    assert headline(some_record(endpoints=tuple(results))) == said


def record_of(*rounds: dict[str, Any], **declared: Any) -> Record:
    """A run of endpoints "a", "b", ... of an app about which nothing is known but what is `declared`, name by name."""
    names = "abcdefgh"[: len(rounds)]
    endpoints = tuple(Endpoint(name=name, path=f"/{name}", **declared.get(name, {})) for name in names)
    results = (some_result(name, some_round(**changes)) for name, changes in zip(names, rounds, strict=True))
    plan = some_plan(endpoints=tuple(names)).model_copy(update={"endpoints": endpoints})
    return some_record(plan=plan, endpoints=tuple(result.model_copy(update={"limit": None}) for result in results))


def test_endpoints_that_do_different_work_are_never_ranked() -> None:
    slow = {"throughput_rps": 3.0, "p95_ms": 1234.0, "p99_ms": 1400.0}
    assert headline(record_of({"throughput_rps": 700.0}, slow, {})) == (
        "b was the slowest of 3 endpoints: 95% of responses within 1.23 s, 99% within 1.40 s."
    )
    assert headline(record_of({"throughput_rps": 700.0}, {"p95_ms": 160.0})).startswith(
        "a and b were about equally fast:"
    )
    alone = record_of({"throughput_rps": 700.0})
    assert headline(alone) == "a handled 700 requests/s: 95% of responses within 157 ms, 99% within 159 ms."


def test_a_group_of_benchmark_toml_says_which_endpoints_do_the_same_work() -> None:
    same = {"a": {"group": "login"}, "b": {"group": "login"}}
    fast = {"throughput_rps": 60.0}
    assert headline(record_of(fast, {"throughput_rps": 20.0}, {"p95_ms": 900.0, "throughput_rps": 1.0}, **same)) == (
        "a handled 3.0× the load of b: 60.0 vs 20.0 requests/s. "
        "c handled 1.0 requests/s: 95% of responses within 900 ms, 99% within 159 ms."
    )
    apart = {"a": {"group": "x", "work_tasks": 1}, "b": {"work_tasks": 1}, "c": {"work_tasks": 3}}
    assert headline(record_of(fast, fast, {"throughput_rps": 30.0}, **apart)).startswith("b handled 2.0× the load of c")


def test_the_first_sentence_names_who_gave_no_right_answer() -> None:
    fine = some_result("awaiting", some_round(throughput_rps=60.0))
    failing = some_result("pooled", some_round(failures=1000))
    said = headline(some_record(endpoints=(fine, failing)))
    assert said == (
        "awaiting handled 60.0 requests/s: 95% of responses within 157 ms, 99% within 159 ms. "
        "pooled gave no correct response."
    )


def test_the_first_sentence_says_how_many_requests_failed_in_all_rounds() -> None:
    failing = record_of({}, {"failures": 3}).endpoints[1]
    twice = failing.model_copy(update={"rounds": failing.rounds * 2})
    record = record_of({}, {})
    record = record.model_copy(update={"endpoints": (record.endpoints[0], twice)})
    assert headline(record).endswith("6 of 2,000 requests to b failed.")
    assert headline(record_of(*[{"failures": 3}] * 5)).endswith("Some requests to 5 endpoints failed.")


def test_at_a_rate_the_first_sentence_says_how_long_answers_took_and_whose_were_none() -> None:
    fine = some_result("awaiting", some_round(median_ms=20.0, p99_ms=30.0))
    failing = some_result("pooled", some_round(failures=1000))
    said = headline(some_record(endpoints=(fine, failing), plan=some_plan(rate_per_s=50)))
    assert said == (
        "Median response at 50 requests per second: awaiting 20.0 ms (p99 30.0 ms). pooled gave no correct response."
    )


def test_the_compact_table_has_the_columns_asked_for_and_says_what_failed_or_is_not_there() -> None:
    record = some_record()
    assert compact_table(record, ("req/s", "% of maximum", "p50", "p99")).splitlines() == [
        "| Endpoint | req/s | % of maximum | p50 | p99 |",
        "| :-- | --: | --: | --: | --: |",
        "| pooled | 20.00 | 30% | 152\u00a0ms | 159\u00a0ms |",
        "| awaiting | 60.00 | 90% | 152\u00a0ms | 159\u00a0ms |",
    ]
    failing = some_result(
        "pooled", some_round(failures=500, failures_rps=10.0, throughput_rps=20.0, median_ms=15_003.0)
    )
    shown = compact_table(some_record(endpoints=(failing,), state="incomplete"), ("req/s", "% of maximum", "p50"))
    assert shown.splitlines()[0] == "| Endpoint | req/s | % of maximum | p50 | Failed |"
    assert shown.splitlines()[2:] == [
        "| pooled | 20.00 | 15% | 15.0\u00a0s | 500 |",
        "| awaiting | not measured |  |  |  |",
    ]
    assert "maximum" not in compact_table(record_of({}), ("req/s", "% of maximum"))
    at_a_rate = some_record(plan=some_plan(rate_per_s=50))
    assert "maximum" not in compact_table(at_a_rate, ("req/s", "% of maximum")), "it would be 100% of what was sent"


def test_failures_of_one_round_are_not_hidden_by_a_median() -> None:
    result = some_result("pooled", some_round(), some_round(round=2), some_round(round=3, failures=500))
    assert result.summary is not None
    assert result.summary.failures == 500


def test_failed_requests_have_a_row_of_their_own_in_the_results_table() -> None:
    failed = Columns(**some_columns(requests=7, failures=7, avg_ms=9000.0, throughput_rps=0.23, failures_rps=0.23))
    failing = some_result("pooled", some_round(failures=7, failed=failed))
    shown = render_report(some_record(endpoints=(failing, some_result("awaiting", some_round()))), ())
    assert "| pooled, failed | 7 | 7 | 9,000 |" in shown
    assert "Failed requests have rows of their own." in shown
    assert "awaiting, failed" not in shown
    assert "rows of their own" not in render_report(some_record(), ())


def test_the_report_says_what_became_of_every_request() -> None:
    begin = FirstByte(median_ms=1.2, p95_ms=3.0, p99_ms=150.0)
    known = {"sent": 1010, "in_flight": 8, "after_end": 2, "failures": 4, "first_byte": begin}
    measured = some_round(**known, resources={"generator_cpu_us_per_request": 41.4})
    shown = render_report(some_record(endpoints=(some_result("pooled", measured),)), ())
    assert (
        "- **pooled**: 1,010 requests were sent: 996 got a correct response, 4 failed, 8 were unfinished at the end, "
        "2 begun too late to count. Half of the correct responses began within 1.2 ms, 99% within 150 ms. "
        "The load generator used 41 µs of CPU time per request."
    ) in shown
    assert "What became of every request" not in render_report(some_record(), ())


def test_the_report_of_an_older_run_says_that_its_latencies_are_of_failed_requests_too() -> None:
    older = some_record()
    older = older.model_copy(update={"method": older.method.model_copy(update={"version": 2})})
    assert "Latencies are exact and include failed requests;" in render_report(older, ())
    assert "Latencies are exact and cover correct responses only;" in render_report(some_record(), ())
    failing = (some_result("awaiting", some_round(failures=500, excess_mean_ms=77.7)),)
    assert "77.7" not in reasons(older.model_copy(update={"endpoints": failing}))[0][1]
    assert "77.7" in reasons(some_record(endpoints=failing))[0][1]


def test_a_reason_says_nothing_that_failures_or_an_uneven_split_make_untrue() -> None:
    failing = some_result("pooled", some_round(failures=900, excess_mean_ms=-14000.0))
    assert "14,000" not in reasons(some_record(endpoints=(failing,)))[0][1]
    crowded = some_result("pooled", some_round(connections_per_worker=(60, 10)))
    ((_, said),) = reasons(some_record(endpoints=(crowded,)))
    assert "But up to 60 of them were connected to one worker, which serves 40." in said


def test_an_endpoint_that_only_failed_wins_nothing() -> None:
    failing = some_result("pooled", some_round(throughput_rps=5000.0, failures_rps=5000.0, failures=1000))
    assert (
        headline(some_record(endpoints=(failing,)))
        == "No request got a correct response, so there is nothing to compare."
    )


def test_the_reason_names_the_threads_when_they_are_the_limit() -> None:
    result = some_result("pooled", some_round(throughput_rps=5.3, excess_mean_ms=64_000.0))
    assert result.limit is not None
    limit = result.limit.model_copy(update={"own_work_s": 15.0, "seats_rps": 80 / 15, "users_rps": 500 / 15})
    record = some_record(endpoints=(result.model_copy(update={"limit": limit, "users": 500}),))
    assert reasons(record) == [
        (
            "pooled",
            (
                "2 workers with 40 threads each serve 80 requests at a time. At 15 s per request that caps throughput "
                "at 5.33 req/s, however many users there are (measured: 5.30). "
                "On average, 81% of the response time was spent waiting for a thread."
            ),
        )
    ]


def test_endpoints_with_the_same_explanation_share_one_sentence() -> None:
    plan = some_plan()
    twin = plan.endpoints[1].model_copy(update={"name": "twin"})
    both = some_record(
        plan=plan.model_copy(update={"endpoints": (*plan.endpoints, twin)}),
        endpoints=(
            some_result("awaiting", some_round(throughput_rps=61.0, excess_mean_ms=8.3)),
            some_result("twin", some_round(throughput_rps=60.0, excess_mean_ms=4.94)),
        ),
    )
    assert reasons(both) == [
        (
            "awaiting, twin",
            (
                "No queueing. 10 users with 0.15 s responses can generate at most 66.70 req/s "
                "(measured: 60.00 to 61.00). Overhead averaged 4.9 to 8.3 ms per request."
            ),
        )
    ]


def test_how_far_off_the_prediction_is_at_most_is_one_sentence() -> None:
    near = some_result("pooled", some_round(throughput_rps=20.0, prediction=some_prediction(20.003)))
    assert prediction_sentence(some_record(endpoints=(near,))) == (
        "The prediction is within 0.1% in req/s, 0.1% in p50 and 0.1% in max."
    )
    assert prediction_sentence(some_record()).startswith("The prediction is within 9.1% in req/s (awaiting), ")
    assert prediction_sentence(some_record(endpoints=(some_result("pooled", some_round()),))) == ""


BUSY = Finding(kind="other-programs", severity="warning", message="CPU was 95% busy.", remedy="Wait 5 s.")


def test_caveats_with_the_same_cause_are_one_line_with_the_span_of_their_numbers() -> None:
    busier = BUSY.model_copy(update={"message": "CPU was 100% busy."})
    other = BUSY.model_copy(update={"message": "CPU of worker-2 was 97% busy."})
    note = BUSY.model_copy(update={"severity": "note"})
    grave = BUSY.model_copy(update={"severity": "error", "kind": "unheard of", "message": "1,234 of 5 failed."})
    record = some_record(
        endpoints=(
            some_result("pooled", some_round(warnings=(BUSY, other, note))),
            some_result("awaiting", some_round(warnings=(busier, grave))),
        )
    )
    found = [(one.title, one.where, one.message) for one in caveats(record)]
    assert found == [
        ("unheard of", "awaiting", "1,234 of 5 failed."),
        ("other programs", "pooled, awaiting", "CPU was 95 to 100% busy."),
        ("other programs", "pooled", "CPU of worker-2 was 97% busy."),
    ]
    assert [one.message for one in caveats(record, notes=True)] == ["CPU was 95% busy."]
    alike = [BUSY.model_copy(update={"message": text}) for text in ("\0 2", "1 2", "1 3 2")]
    several = some_record(endpoints=(some_result("pooled", some_round(warnings=tuple(alike))),))
    assert len(caveats(several)) == 3, "a sign in the place of a number is no number"
    shown = render_report(record, ())
    assert "- **other programs** (warning: pooled, awaiting): CPU was 95 to 100% busy. Wait 5 s." in shown
    assert "[3 caveats](#caveats): unheard of (awaiting), other programs (pooled, awaiting), other" in shown


def test_of_several_rounds_a_caveat_says_how_many_it_is_about() -> None:
    result = some_result("pooled", some_round(warnings=(BUSY,)), some_round(round=2, warnings=(BUSY,)))
    record = some_record(plan=some_plan(rounds=3), endpoints=(result,))
    assert [one.where for one in caveats(record)] == ["pooled (2 of 3 rounds)"]
    assert caveats(record)[0].briefly == "other programs (pooled (2 of 3 rounds))"
    always = record.model_copy(update={"plan": some_plan(rounds=2)})
    assert [one.where for one in caveats(always)] == ["pooled"]


def test_the_same_failure_in_several_rounds_is_one_line() -> None:
    failed = {"failures": 7, "failures_by_kind": (FailureKind(message="503 instead of 200", count=7),)}
    result = some_result("pooled", some_round(**failed), some_round(round=2, **failed))
    shown = render_report(some_record(plan=some_plan(rounds=2), endpoints=(result,)), ())
    assert shown.count("503 instead of 200") == 1
    assert "| pooled | 14 | 503 instead of 200 |" in shown


@pytest.mark.parametrize(
    ("declared", "target", "said"),
    [
        pytest.param({}, {}, "`bench diagnose ENDPOINT --keep` finds both.", id="nothing declared"),
        pytest.param({"locustfile": "own.py"}, {}, "Its own locustfile decides what users do", id="own locustfile"),
        pytest.param(
            {"served": "thread pool", "work_tasks": 1},
            {"target": Target(url="https://app.example")},
            "It runs elsewhere, so it is unknown how many requests it serves at a time.",
            id="elsewhere",
        ),
    ],
)
def test_where_no_limit_is_known_the_report_says_why(
    declared: dict[str, Any], target: dict[str, Any], said: str
) -> None:
    record = record_of({}, a=declared)
    record = record.model_copy(update={"plan": record.plan.model_copy(update=target)})
    ((_, why),) = reasons(record)
    assert said in why


def test_what_an_older_record_found_is_said_in_todays_words_but_not_where_it_meant_something_else() -> None:
    found = Finding(kind="in-flight", severity="warning", message="Old words.", remedy="Old advice.")
    older = some_record(endpoints=(some_result("pooled", some_round(in_flight=500, warnings=(found,))),))
    (caveat,) = caveats(older)
    assert caveat.message == "500 requests (33%) were unfinished when the load stopped and are not counted."
    method = older.method.model_copy(update={"version": 2})
    assert caveats(older.model_copy(update={"method": method}))[0].message == "Old words."
    graver = found.model_copy(update={"severity": "error"})
    record = some_record(endpoints=(some_result("pooled", some_round(in_flight=500, warnings=(graver,))),))
    assert caveats(record)[0].message == "Old words."


def test_what_a_reader_needs_first_comes_first() -> None:
    shown = render_report(some_record(), (), Judged(before={some_record().id: "20260101T000000-quick-10-aaaa"}))
    parts = ["**awaiting handled", "No caveats.", "FastAPI 0.165.0, Python 3.13.0", "| Endpoint | req/s |", "## Why"]
    parts += ["## What would help", "## Caveats", "## All columns", "<summary>Prediction</summary>", "Environment"]
    places = [shown.index(part) for part in parts]
    assert places == sorted(places)
    assert "[run before](../20260101T000000-quick-10-aaaa/report.md) · [record](run.json)" in shown
    assert "run before" not in render_report(some_record(), ())


def test_an_incomplete_run_ranks_nothing_and_says_so_before_its_numbers() -> None:
    record = some_record(state="incomplete", reason="interrupted")
    assert headline(record).endswith("endpoints were measured; an incomplete run ranks nothing.")
    shown = render_report(record, ())
    assert shown.index("This run is not complete") < shown.index(headline(record))
    assert "No caveats" not in shown


def test_a_run_in_which_nothing_was_measured_claims_nothing() -> None:
    shown = render_report(some_record(endpoints=(), state="incomplete", reason="interrupted"), ())
    assert "No request got a correct response, so there is nothing to compare." in shown
    assert "caveat" not in shown.lower()
    assert "Percentiles" not in shown
    assert "<summary>Environment</summary>" in shown


def test_the_report_of_an_app_elsewhere_claims_nothing_about_its_server() -> None:
    elsewhere = some_plan().model_copy(update={"target": Target(url="https://app.example")})
    shown = render_report(some_record(plan=elsewhere), ())
    assert "app at https\\://app.example" in shown
    assert "fresh server" not in shown
    assert "2 workers ·" not in shown
    assert "FastAPI" not in shown


def fill(reports: Path, count: int = 3) -> None:
    """Write some runs into a reports directory."""
    for number in range(count):
        directory = reports / "runs" / f"run-{number}"
        directory.mkdir(parents=True)
        save(some_record(id=f"run-{number}", started_at=f"2026-01-0{number + 1}T00:00:00Z"), directory / "run.json")


def derived(folder: Path) -> dict[str, bytes]:
    """Every file with its bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_rendering_twice_gives_the_same_bytes_and_deleted_files_come_back(tmp_path: Path) -> None:
    reports, readme = tmp_path / "reports", tmp_path / "README.md"
    fill(reports)
    readme.write_text(f"# Title\n\n{BEGIN}\n{END}\n\nTail\n")
    render_all(reports, readme)
    first = derived(tmp_path)
    render_all(reports, readme)
    assert derived(tmp_path) == first
    for path in tmp_path.rglob("*.md"):
        if path != readme:
            path.unlink()
    render_all(reports, readme)
    assert derived(tmp_path) == first
    assert "reports/runs/run-2/report.md" in readme.read_text()


def test_a_run_file_that_can_not_be_read_is_named_and_the_others_are_shown(tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    fill(reports)
    (reports / "runs" / "run-1" / "run.json").write_text('{"schema_version": 1, "id"')
    (reports / "runs" / "copy").mkdir()
    (reports / "runs" / "copy" / "run.json").write_bytes((reports / "runs" / "run-0" / "run.json").read_bytes())
    history = render_all(reports, tmp_path / "README.md")
    assert [record.id for record in history.records] == ["run-2", "run-0"]
    index = (reports / "README.md").read_text()
    assert "runs/run-1/run.json is not a record" in index
    assert "runs/copy/run.json holds the run run-0" in index
    assert "runs/run-2/report.md" in index


def test_runs_are_in_the_order_in_which_they_started_whatever_their_folders_are_called(tmp_path: Path) -> None:
    fill(tmp_path)  # on the first three days of January
    for name, began in (
        ("20260102T120000-a-b", "2026-01-02T12:00:00Z"),
        ("20251231T000000-c-d", "2025-12-31T00:00:00Z"),
    ):
        (tmp_path / "runs" / name).mkdir()
        save(some_record(id=name, started_at=began), tmp_path / "runs" / name / "run.json")
    (tmp_path / "runs" / "20260105T000000-no-run-json").mkdir()
    (tmp_path / "runs" / "broken").mkdir()
    (tmp_path / "runs" / "broken" / "run.json").write_text("{")
    names = [file.parent.name for file in run_files(tmp_path)]
    assert names == ["broken", "run-2", "20260102T120000-a-b", "run-1", "run-0", "20251231T000000-c-d"]
    assert [record.id for record in read_history(tmp_path).records] == names[1:]


def test_a_published_table_is_data_with_its_source(repository: Path) -> None:
    raw = json.loads((repository / "reports" / "published" / "2025-01-18.json").read_text())
    assert raw["rows"]["async_concurrent"]["requests"] == 29157
    (table,) = read_published(repository / "reports" / "published")
    assert f"]({raw['url']}), 2025-01-18" in table.cited
    assert "](" not in table.model_copy(update={"url": None}).cited
    assert len(read_history(repository / "reports").unreadable) == 0


def test_a_prediction_stands_beside_each_measured_row_with_the_difference() -> None:
    shown = render_report(some_record(), ())
    assert "| pooled, measured | 1,000 | 0 | 151 | 150 | 161 | 152 | 20.00 | 0.00 |" in shown
    assert "| pooled, predicted | 1,000 | 0 | 151 | 150 | 161 | 152 | 20.10 | 0.00 |" in shown
    assert "| 0.0% | −0.5% |" in shown


def test_an_older_record_without_predictions_has_no_empty_table() -> None:
    plain = some_record(endpoints=(some_result("pooled", some_round()),))
    assert "predicted" not in render_report(plain, ())
