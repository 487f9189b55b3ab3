"""Runs that compare are one series, others are not, and a person is told why."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import pytest

from benchmark.config import Accepted
from benchmark.judge.metrics import JUDGED, METRICS, form, metric
from benchmark.judge.series import Series, common, gather, short_cpu, unknown_runs, what_changed, why_apart
from benchmark.plan import Endpoint, Target
from benchmark.record import METHOD_VERSION, Columns, Cpu, EndpointResult, Method, Pinning, Record
from tests.support.records import some_columns, some_plan, some_record, some_result, some_round

POOLED, AWAITING = some_plan().endpoints


def run(
    number: int, *, rate: float = 60.0, cpu: str = "Example CPU 3000", excess_ms: float = 2.0, **plan: Any
) -> Record:
    """The run of one day, with what the awaiting endpoint answered."""
    record = some_record()
    environment = record.environment.model_copy(update={"cpu": Cpu(model=cpu, count=2)})
    awaiting = some_result("awaiting", some_round(throughput_rps=rate, excess_p50_ms=excess_ms))
    return record.model_copy(
        update={
            "id": f"run-{number:03}",
            "started_at": f"2026-{1 + number // 28:02}-{1 + number % 28:02}T00:00:00Z",
            "environment": environment,
            "plan": some_plan(**plan),
            "endpoints": (record.endpoints[0], awaiting),
        }
    )


def one(found: Sequence[Series], endpoint: str, name: str) -> Series:
    """The only series of a metric."""
    (series,) = (s for s in found if (s.endpoint, s.metric.name) == (endpoint, name))
    return series


def alarms(series: Sequence[Series]) -> list[tuple[str, str]]:
    """Every announced regression, with its metric."""
    said = [(s, judgement) for s in series for judgement in s.judgements()]
    return [(s.metric.name, judgement.run) for s, judgement in said if judgement.verdict == "regressed"]


def test_p99_is_shown_and_never_judged() -> None:
    assert [found.name for found in METRICS if not found.judged] == ["p99_ms"]
    assert "p99_ms" not in {series.metric.name for series in gather([run(1)])}
    shown = one(gather([run(n) for n in range(8)], metrics=METRICS), "awaiting", "p99_ms").judgements()
    assert {(said.verdict, said.reason) for said in shown} == {("inconclusive", "p99 is shown, never judged")}


def test_runs_in_any_order_become_a_series_in_the_order_of_time() -> None:
    series = one(gather([run(3), run(1), run(2)]), "awaiting", "throughput_rps")
    assert [point.run for point in series.points] == ["run-001", "run-002", "run-003"]
    assert [run.id for run in series.runs] == ["run-001", "run-002", "run-003"]


@pytest.mark.parametrize(
    ("plan", "why"),
    [
        ({"users": 20}, "different users than the last run: 10 → 20"),
        ({"rounds": 3}, "different rounds than the last run: 1 → 3"),
        (
            {"name": "slow", "wait_s": 1.0},
            "different profile and wait than the last run: quick → slow; 0.0 → 1.0",
        ),
    ],
)
def test_another_load_is_another_series_and_says_so(plan: dict[str, Any], why: str) -> None:
    before, now = run(1), run(2, **plan)
    assert len(gather([before, now])) == 2 * len(gather([before]))
    assert why_apart(common(before, AWAITING, "waiting"), common(now, AWAITING, "waiting")) == why


def test_what_does_not_load_an_endpoint_keeps_its_series() -> None:
    before, now = run(1), run(2, description="better words", headline=True, endpoints=("awaiting",))
    assert why_apart(common(before, AWAITING, "waiting"), common(now, AWAITING, "waiting")) is None


def test_how_long_the_reference_workload_is_loaded_breaks_no_series() -> None:
    before, now = run(1), run(2, reference_s=2.0)
    assert why_apart(common(before, AWAITING, "relative"), common(now, AWAITING, "relative")) is None


def test_a_reference_workload_that_was_not_measured_is_said_so_that_a_reader_understands() -> None:
    before, now = run(1), run(2)
    known, without = common(before, AWAITING, "relative"), common(now, AWAITING, "machine")
    assert why_apart(known, without) == "the reference workload was not measured, as it was in the last run"
    assert why_apart(without, known) == "the reference workload was measured, as it was not in the last run"
    other = common(run(3, users=20), AWAITING, "machine")
    assert why_apart(known, other) == (
        "the reference workload was not measured, as it was in the last run; different users than the last run: 10 → 20"
    )


def test_another_endpoint_or_method_or_app_is_another_series() -> None:
    record = run(1)
    known = common(record, AWAITING, "waiting")
    other = AWAITING.model_copy(update={"path": "/other"})
    assert why_apart(known, common(record, other, "waiting")) == (
        "different endpoint's path than the last run: /awaiting → /other"
    )
    method = Method(**(record.method.model_dump() | {"version": 2}))
    newer = record.model_copy(update={"method": method})
    assert why_apart(known, common(newer, AWAITING, "waiting")) == (
        f"different method version than the last run: {METHOD_VERSION} → 2"
    )
    apart = Pinning(server=(0, 1), generator=(2, 3))
    pinned = record.model_copy(update={"method": record.method.model_copy(update={"pinning": apart})})
    assert why_apart(known, common(pinned, AWAITING, "waiting")) == (
        "different cores kept apart than the last run: no → 2 for the server, 2 for the load generator"
    )
    plan = record.plan.model_copy(update={"target": Target(import_path="app.main:app", workers=4)})
    assert why_apart(known, common(record.model_copy(update={"plan": plan}), AWAITING, "waiting")) == (
        "different workers than the last run: 2 → 4"
    )
    plan = record.plan.model_copy(update={"target": record.plan.target.model_copy(update={"server": "granian"})})
    assert why_apart(known, common(record.model_copy(update={"plan": plan}), AWAITING, "waiting")) == (
        "different server than the last run: uvicorn → granian"
    )


def test_which_cores_were_kept_apart_makes_no_difference_their_number_does() -> None:
    def pinned(number: int, server: tuple[int, ...], generator: tuple[int, ...]) -> Record:
        record = run(number)
        apart = Pinning(server=server, generator=generator)
        return record.model_copy(update={"method": record.method.model_copy(update={"pinning": apart})})

    records = [pinned(1, (0, 1), (2, 3)), pinned(2, (4, 5), (6, 7)), pinned(3, (0, 1, 2), (3,)), run(4)]
    lengths = [len(s.points) for s in gather(records) if (s.endpoint, s.metric.name) == ("awaiting", "throughput_rps")]
    assert sorted(lengths) == [1, 1, 2]


def test_only_what_the_machine_moves_asks_for_the_same_cpu() -> None:
    before = run(1, cpu="AMD EPYC 7763 64-Core Processor")
    now = run(2, cpu="AMD EPYC 9V74 80-Core Processor")
    assert why_apart(common(before, AWAITING, "machine"), common(now, AWAITING, "machine")) == (
        "different CPU than the last run: AMD EPYC 7763 → 9V74"
    )
    assert why_apart(common(before, AWAITING, "relative"), common(now, AWAITING, "relative")) is None


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("Intel(R) Xeon(R) Platinum 8370C CPU @ 2.80GHz", "Intel Xeon Platinum 8370C"),
        ("AMD EPYC 7763 64-Core Processor", "AMD EPYC 7763"),
        ("Processor", "Processor"),
    ],
)
def test_a_processor_s_name_is_shortened(name: str, short: str) -> None:
    assert short_cpu(name) == short


def test_the_old_name_is_never_cut_to_nothing() -> None:
    assert why_apart({"CPU": "Intel Xeon"}, {"CPU": "Intel Xeon Gold"}) == (
        "different CPU than the last run: Intel Xeon → Xeon Gold"
    )


CPU_BOUND = Endpoint(name="e", path="/", served="cpu", work_tasks=1)
UNKNOWN = Endpoint(name="e", path="/")
BUSY = Endpoint(name="e", path="/", served="event loop", work_s=0.1)
SHORT = Endpoint(name="e", path="/", served="event loop", work_s=0.05)


@pytest.mark.parametrize(
    ("endpoint", "users", "name", "expected"),
    [
        pytest.param(AWAITING, 50, "throughput_rps", "waiting", id="sleeping is the same everywhere"),
        pytest.param(AWAITING, 150, "excess_p50_ms", "relative", id="what is added to it is not"),
        pytest.param(POOLED, 500, "median_ms", "predicted", id="queueing follows the split"),
        pytest.param(POOLED, 40, "median_ms", "waiting", id="nobody queues, however connections are split"),
        pytest.param(POOLED, 41, "median_ms", "predicted", id="somebody may queue"),
        pytest.param(BUSY, 50, "throughput_rps", "waiting", id="five hundred a second"),
        pytest.param(BUSY, 51, "throughput_rps", "machine", id="more may wait for a slow machine"),
        pytest.param(BUSY, 101, "throughput_rps", "relative", id="more than a thousand is no waiting"),
        pytest.param(BUSY, 51, "excess_p50_ms", "relative", id="what is added to it is not, however often"),
        pytest.param(SHORT, 10, "median_ms", "machine", id="so short that what machines add shows"),
        pytest.param(SHORT, 10, "excess_p50_ms", "relative", id="what is added to short work"),
        pytest.param(CPU_BOUND, 500, "throughput_rps", "relative", id="computing"),
        pytest.param(UNKNOWN, 500, "p95_ms", "relative", id="nothing declared"),
        pytest.param(UNKNOWN, 500, "failure_ratio", "waiting", id="failures are counted"),
    ],
)
def test_each_metric_has_the_form_that_takes_out_what_is_not_meant(
    endpoint: Endpoint, users: int, name: Any, expected: str
) -> None:
    plan = some_plan(users=users)
    assert form(metric(name), endpoint, plan, reference=True) == expected
    without = form(metric(name), endpoint, plan, reference=False)
    assert without == ("machine" if expected == "relative" else expected)


def test_relative_numbers_are_divided_and_so_is_what_never_counts() -> None:
    series = one(gather([run(1, excess_ms=2.0)], reference=lambda _record, _of: 0.5), "awaiting", "excess_p50_ms")
    assert (series.form, series.points[0].value, series.points[0].smallest_difference) == ("relative", 4.0, 2.0)


def test_users_who_rest_ask_for_less() -> None:
    assert form(metric("median_ms"), BUSY, some_plan(users=500, wait_s=1.0), reference=True) == "waiting"


def test_a_slower_machine_under_short_sleeps_is_no_regression() -> None:
    """What it adds to 50 ms grew from 1.5 to 5 ms, on another processor."""
    short = some_plan().model_copy(update={"endpoints": (SHORT.model_copy(update={"name": "awaiting"}),)})

    def measured(number: int, added_ms: float, cpu: str) -> Record:
        latency_ms = 50 + added_ms
        columns = {"throughput_rps": 10_000 / latency_ms, "median_ms": latency_ms, "p95_ms": latency_ms}
        result = some_result("awaiting", some_round(**columns, excess_p50_ms=added_ms))
        return run(number, cpu=cpu).model_copy(update={"plan": short, "endpoints": (result,)})

    records = [*(measured(n, 1.5, "One") for n in range(8)), *(measured(n, 5.0, "Two") for n in range(8, 14))]
    assert alarms(gather(records, reference=lambda record, _of: 2.0 if record.id < "run-008" else 6.7)) == []
    slower = [*(measured(n, 1.5, "One") for n in range(8)), *(measured(n, 5.0, "One") for n in range(8, 14))]
    assert alarms(gather(slower, reference=lambda _record, _of: 2.0)), "on the same machine it is one"


def test_a_reference_that_scored_nothing_divides_nothing() -> None:
    series = one(gather([run(1)], reference=lambda _record, _of: 0.0), "awaiting", "excess_p50_ms")
    assert (series.form, series.points[0].value) == ("machine", 2.0)


def test_a_missing_prediction_is_said_and_nothing_else_is_compared_instead() -> None:
    record = run(1, users=500).model_copy(update={"endpoints": (some_result("pooled", some_round()),)})
    (point,) = one(gather([record]), "pooled", "p95_ms").points
    assert point.unusable == "there is no prediction for the split of its connections"


def test_a_machine_change_in_the_middle_raises_no_alarm() -> None:
    """Acceptance 5: half as quick from run 20 on, as the CPU is another one."""
    records = [run(n, excess_ms=20 if n < 20 else 40, cpu="Old 1" if n < 20 else "New 2") for n in range(40)]
    raw = gather(records)
    assert alarms(raw) == []
    assert len([s for s in raw if s.metric.name == "excess_p50_ms" and s.endpoint == "awaiting"]) == 2
    relative = gather(records, reference=lambda r, _of: 1.0 if r.environment.cpu.model == "Old 1" else 2.0)
    assert len(one(relative, "awaiting", "excess_p50_ms").points) == 40
    assert alarms(relative) == []


def test_machines_that_take_turns_are_two_series_that_both_go_on() -> None:
    records = [run(n, excess_ms=20 + 20 * (n % 2), cpu=f"Model {n % 2}") for n in range(24)]
    both = [s for s in gather(records) if s.metric.name == "excess_p50_ms" and s.endpoint == "awaiting"]
    assert [len(s.points) for s in both] == [12, 12]
    assert [s.judgements()[-1].verdict for s in both] == ["unchanged", "unchanged"]
    assert alarms(both) == []


def test_a_real_regression_in_the_middle_raises_exactly_one_alarm() -> None:
    """Acceptance 5."""
    records = [run(n, excess_ms=20 if n < 20 else 26) for n in range(40)]
    assert alarms(gather(records)) == [("excess_p50_ms", "run-021")]


def queued(number: int, rounds_s: Sequence[float], *, slower: float = 1.0) -> Record:
    """A run whose pooled endpoint was measured 2 % above what is predicted for the split of each of its rounds."""
    rounds = []
    for seconds in rounds_s:
        latencies: dict[str, Any] = {"median_ms": 1000 * seconds, "p95_ms": 1100 * seconds}
        measured = {name: value * 1.02 * slower for name, value in latencies.items()}
        rounds.append(some_round(prediction=Columns(**some_columns(**latencies)), **measured))
    return run(number, users=500).model_copy(
        update={"endpoints": (some_result("pooled", *rounds), run(number).endpoints[1])}
    )


MOVED_S = (9.0, 8.5, 8.0, 7.5, 4.7)
"""Medians of one endpoint with nothing changed but the split of its connections."""


def test_a_series_that_only_varies_in_its_split_raises_none() -> None:
    """Acceptance 5, in pure form."""
    series = gather([queued(n, [MOVED_S[n % 5], MOVED_S[(n + 2) % 5]]) for n in range(20)])
    assert alarms(series) == []
    said = one(series, "pooled", "median_ms").judgements()
    assert said[-1].verdict == "unchanged"
    assert [judgement.value for judgement in said] == pytest.approx([1.02] * 20)


def test_a_regression_is_seen_through_the_split() -> None:
    records = [queued(n, [MOVED_S[n % 5]], slower=1.1 if n >= 10 else 1.0) for n in range(20)]
    assert set(alarms(gather(records))) == {("median_ms", "run-011"), ("p95_ms", "run-011")}


def test_only_rate_and_failures_of_a_blocked_event_loop_are_judged() -> None:
    record = queued(1, MOVED_S)
    blocked = record.plan.endpoints[0].model_copy(update={"served": "blocked event loop"})
    plan = record.plan.model_copy(update={"endpoints": (blocked,)})
    found = {s.metric.name: s.points[0] for s in gather([record.model_copy(update={"plan": plan})])}
    assert {name for name, point in found.items() if point.value is not None} == {"throughput_rps", "failure_ratio"}
    assert found["p95_ms"].unusable == "a blocked event loop's latencies are not predicted"


def test_invalid_and_noisy_runs_are_in_the_series_and_never_a_baseline() -> None:
    broken = run(7, excess_ms=900.0).model_copy(update={"state": "incomplete", "reason": "interrupted"})
    series = one(gather([*(run(n) for n in range(7)), broken, *(run(n) for n in range(8, 10))]), "awaiting", "p95_ms")
    said = series.judgements()
    assert (said[7].verdict, said[7].reason) == ("inconclusive", "the run is invalid: it is incomplete: interrupted")
    assert said[9].baseline is not None
    assert said[9].baseline.runs == 8


@pytest.mark.parametrize(
    ("entry", "restarts"),
    [
        ({"run": "run-004"}, "run-004"),
        ({"date": dt.date(2026, 1, 5)}, "run-004"),
        ({"date": dt.date(2026, 1, 1)}, None),
        ({"date": dt.date(2027, 1, 1)}, None),
        ({"run": "run-004", "endpoint": "awaiting", "metric": "p95_ms"}, "run-004"),
        ({"run": "run-004", "endpoint": "pooled"}, None),
        ({"run": "run-004", "metric": "median_ms"}, None),
        ({"run": "never"}, None),
    ],
)
def test_an_accepted_change_restarts_the_series_that_it_names(entry: dict[str, Any], restarts: str | None) -> None:
    records = [run(n) for n in range(8)]
    known = Accepted(reason="known", **entry)
    series = one(gather(records, accepted=[known]), "awaiting", "p95_ms")
    assert [point.run for point in series.points if point.accepted] == ([restarts] if restarts else [])
    assert unknown_runs({record.id for record in records}, [known]) == (
        ("never",) if entry.get("run") == "never" else ()
    )


def test_what_changed_is_one_line() -> None:
    before, now = run(1, cpu="AMD EPYC 7763 64-Core Processor"), run(2, cpu="AMD EPYC 9V74 80-Core Processor")
    newer = now.environment.model_copy(
        update={
            "kernel": "Linux 6.8",
            "python": "CPython 3.13.1",
            "packages": {"fastapi": "0.166.0", "uvloop": "0.22.0"},
            "commit": "2" * 40,
            "commit_dirty": True,
        }
    )
    assert what_changed(before.environment, newer) == (
        "commits 111111111111..222222222222 (changed); CPU AMD EPYC 7763 → 9V74; kernel Linux 6.1 → 6.8; "
        "Python CPython 3.13.0 → 3.13.1; fastapi 0.165.0 → 0.166.0; uvloop 0.22.0 added"
    )
    assert what_changed(before.environment, before.environment) == "no recorded change"


def test_what_changed_fits_a_line_and_never_loses_the_commits() -> None:
    before = run(1).environment
    packages = {f"package-{n:02}": "1" for n in range(20)}
    line = what_changed(before, before.model_copy(update={"packages": packages, "commit": "2" * 40}))
    assert line.startswith("commits 111111111111..222222222222; fastapi 0.165.0 removed; package-00 1 added")
    assert line.endswith("; 14 more")
    assert len(line) <= 200


def test_every_judged_metric_is_read_from_a_record() -> None:
    used = {"server_cpu_us_per_request": 412.5}
    result = some_result("awaiting", some_round(failures=10, resources=used), some_round(failures=30))
    values = {of.name: of.value(result) for of in JUDGED}
    assert values == {
        "throughput_rps": 33.33,
        "median_ms": 152.0,
        "p95_ms": 157.0,
        "excess_p50_ms": 1.0,
        "failure_ratio": 0.02,
        "server_cpu_us_per_request": 412.5,
    }
    assert metric("p95_ms").value(EndpointResult(name="e", users=1, limit=None, rounds=(), summary=None)) is None


def computed(number: int, rate: float, connections: tuple[int, int] | None, served: str | None = "cpu") -> Record:
    """A run in which the awaiting endpoint computes instead, or does what nobody declared."""
    made = run(number)
    plan = made.plan
    endpoint = Endpoint.model_validate({"name": "awaiting", "path": "/awaiting", "served": served})
    result = some_result("awaiting", some_round(throughput_rps=rate, connections_per_worker=connections))
    return made.model_copy(
        update={
            "plan": plan.model_copy(update={"endpoints": (plan.endpoints[0], endpoint)}),
            "endpoints": (made.endpoints[0], result),
        }
    )


@pytest.mark.parametrize("served", ["cpu", None])
def test_how_few_users_were_dealt_to_the_workers_is_no_change_of_what_computes(served: str | None) -> None:
    """As `make experiment NAME=few_users` shows it.

    523 answers per second where one worker had all users, 969 where both had some.
    """
    lucky = [computed(n, 969.0, (6, 4), served) for n in (9, 10, 14, 15)]
    usual = [computed(n, 523.0, (0, 10) if n % 2 else (10, 0), served) for n in range(20) if n not in {9, 10, 14, 15}]
    series = one(gather([*usual, *lucky]), "awaiting", "throughput_rps")
    assert [said.run for said in series.judgements() if said.stage == "not judged"] == [r.id for r in lucky]
    assert {said.verdict for said in series.judgements()} == {"inconclusive", "unchanged"}


def test_where_the_split_is_not_known_what_computes_is_judged() -> None:
    slower = [computed(n, 523.0 if n < 10 else 400.0, None) for n in range(12)]
    assert alarms(gather(slower)) == [("throughput_rps", "run-011")]
