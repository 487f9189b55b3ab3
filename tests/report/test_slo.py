"""What became of promises is the first thing that a reader meets, in a line for each endpoint."""

import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from benchmark.errors import BenchmarkError
from benchmark.judge.slo import outcomes
from benchmark.pipeline import endpoint_result
from benchmark.record import Record
from benchmark.report.index import render_index
from benchmark.report.report import render_report
from benchmark.report.slo import lines_of, refuse_broken, slo_lines
from benchmark.report.step_summary import render_step_summary
from benchmark.report.terminal import print_results
from benchmark.slo import Evidence, Promise, PromisedMetric
from benchmark.store import History, parse_record, to_json
from tests.support.records import some_plan, some_record, some_round

Numbers = tuple[float, float | None, float | None]


def promised(found: dict[str, dict[PromisedMetric, tuple[float, Numbers]]], **changes: Any) -> Record:
    """A run of the endpoints named: what is promised of each metric, what was measured, and its interval."""
    names = tuple(found)
    endpoint = some_plan().endpoints[0]
    plan = some_plan(endpoints=names, **changes.pop("profile", {}))
    plan = plan.model_copy(
        update={
            "endpoints": tuple(endpoint.model_copy(update={"name": name}) for name in names),
            "slo": tuple(
                Promise(endpoint=name, metric=metric, limit=limit)
                for name, promises in found.items()
                for metric, (limit, _) in promises.items()
            ),
        }
    )
    results = []
    for name, promises in found.items():
        evidence = tuple(
            Evidence(metric=metric, value=value, low=low, high=high, responses=1000, independent=1000)
            for metric, (_, (value, low, high)) in promises.items()
        )
        results.append(endpoint_result(name, 10, None, (some_round(),), {name: evidence}))
    return some_record(plan=plan, endpoints=tuple(results), **changes)


THREE = promised(
    {
        "list_orders": {
            "p95": (300, (212, 200, 222)),
            "failures": (0.1, (0, 0, 0.05)),
            "throughput": (50, (97, 96, 98)),
        },
        "create_order": {"p95": (300, (412, 398, 431)), "failures": (0.1, (0, 0, 0.05))},
        "read_order": {"p95": (300, (286, 270, 311))},
    }
)


def test_a_line_says_what_was_promised_and_how_sure_it_is_broken_ones_first() -> None:
    assert slo_lines(THREE) == [
        "🔴 **create_order** broken: p95 412 ms (398 to 431 ms), promised 300 ms; kept: failures",
        (
            "⚪ **read_order** cannot tell: p95 286 ms (270 to 311 ms), promised 300 ms; "
            "about 3,200 correct responses would tell"
        ),
        "🟢 **list_orders** kept: p95, failures, throughput",
    ]


def test_the_guide_shows_lines_as_they_are_printed(repository: Path) -> None:
    text = (repository / "docs" / "slo.md").read_text(encoding="utf-8")
    shown = re.findall(r"(?m)^- ((?:🔴|⚪|🟢) .+)$", text)
    assert shown == slo_lines(THREE)


def test_report_summary_and_index_begin_with_these_lines_and_the_terminal_prints_them() -> None:
    report = render_report(THREE, ())
    summary = render_step_summary([THREE], ())
    for text in (report, summary):
        assert [line[2:] for line in text.splitlines()[2:5]] == slo_lines(THREE)
    index = render_index(History((THREE,), (), runs=1)).splitlines()
    about = next(number for number, line in enumerate(index) if line.startswith("**SLOs**"))
    assert about < 5
    run = f"[2026\N{NON-BREAKING HYPHEN}01\N{NON-BREAKING HYPHEN}02](runs/{THREE.id}/report.md)"
    assert index[about + 2].startswith(f"- 🔴 **create_order** (quick, {run}) broken: p95 412 ms")
    assert index[about + 4] == f"- 🟢 the promises of 1 other endpoint kept (quick, {run})"
    console = Console(width=300, record=True, file=None)
    print_results(console, THREE)
    printed = console.export_text()
    assert "🔴 create_order broken: p95 412 ms (398 to 431 ms), promised 300 ms; kept: failures\n" in printed


def test_the_table_of_the_report_has_every_promise_with_its_interval() -> None:
    report = render_report(THREE, ())
    table = report.partition("## SLOs")[2].partition("Latencies are")[0]
    assert "| create_order | p95 at most 300 ms | 412 ms | 398 to 431 ms | 🔴 broken |" in table
    assert "| list_orders | throughput at least 50/s | 97.0/s | 96.0/s to 98.0/s | 🟢 kept |" in table
    assert "| list_orders | failures at most 0.1% | 0% | 0% to 0.05% | 🟢 kept |" in table
    assert table.count("\n|") == 8


def test_runs_of_a_sweep_say_theirs_under_their_number_of_users() -> None:
    few = promised({"one": {"p95": (300, (212, 200, 222))}}, sweep="sweep-1", id="a")
    many = promised(
        {"one": {"p95": (300, (412, 398, 431))}}, sweep="sweep-1", id="b", profile={"users": 50, "spawn_rate_per_s": 50}
    )
    lines = render_step_summary([few, many], ()).splitlines()
    assert lines[2] == "- 🟢 **one** (10 users) kept: p95"
    assert lines[3].startswith("- 🔴 **one** (50 users) broken: p95 412 ms")


def test_nothing_is_said_where_nothing_is_promised_and_the_record_has_no_word_of_it() -> None:
    record = some_record()
    text = to_json(record)
    assert "slo" not in text
    for shown in (
        render_report(record, ()),
        render_step_summary([record], ()),
        render_index(History((record,), (), runs=1)),
    ):
        assert "SLO" not in shown
    assert parse_record(text, "x") == record
    assert parse_record(to_json(THREE), "x") == THREE


def test_a_gate_closes_for_what_is_broken_only() -> None:
    with pytest.raises(
        BenchmarkError, match=r"^SLO broken: create_order: p95 412 ms \(398 to 431 ms\), promised 300 ms$"
    ):
        refuse_broken([THREE])
    refuse_broken([promised({"one": {"p95": (300, (286, 270, 311))}}), some_record()])
    assert BenchmarkError.exit_code == 1


def test_a_hostile_name_does_nothing() -> None:
    record = promised({"a|b <img>": {"p95": (300, (412, 398, 431))}})
    (line,) = slo_lines(record)
    assert line.startswith(r"🔴 **a\|b \<img\>** broken")
    assert r"| a\|b \<img\> | p95" in render_report(record, ())


def test_an_end_of_an_interval_that_is_not_known_is_left_out() -> None:
    found = {"one": {"p95": (300.0, (290.0, None, 310.0))}, "two": {"p99": (1500.0, (1400.0, 1300.0, None))}}
    lines = lines_of(outcomes(promised(found)))  # type: ignore[arg-type]
    assert "p95 290 ms (up to 310 ms), promised 300 ms" in lines[0]
    assert "p99 1.40 s (1.30 s or more), promised 1.5 s" in lines[1]


def test_many_endpoints_do_not_fill_the_screen() -> None:
    record = promised({f"e{number}": {"p95": (300, (212, 200, 222))} for number in range(30)})
    lines = slo_lines(record)
    assert (len(lines), lines[-1]) == (21, "and 10 more, none of them worse")
