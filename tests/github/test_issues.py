"""Which issues are opened and closed, and which run is asked for once more."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmark.config import Accepted, read_config
from benchmark.github.issues import Issue, Step, our_issues, steps, suspicion
from benchmark.judge.history import judged
from benchmark.record import Record
from tests.support.histories import COMPUTING, SLOWER, on_cpu, run_of_week
from tests.support.records import some_environment, some_result, some_round


def planned(records: Sequence[Record], issues: Sequence[Issue] = ()) -> list[Step]:
    """What there would be to do."""
    return list(steps(judged(records, None), issues, "reports"))


def opened(records: Sequence[Record], **changes: Any) -> list[Issue]:
    """The issues that these runs open, as GitHub has them afterwards."""
    bodies = [step.body for step in planned(records) if step.do == "open"]
    listed = [{"number": n, "body": body, "state": "OPEN"} | changes for n, body in enumerate(bodies, start=1)]
    return our_issues(listed)


def weekly(*levels: float, first: int = 0, **changes: Any) -> list[Record]:
    return [run_of_week(first + week, level, **changes) for week, level in enumerate(levels)]


def test_an_issue_begins_with_the_size_of_the_regression() -> None:
    (step,) = planned(weekly(*SLOWER, 80.0))
    assert step.title == "computing regressed: req/s −20%, p50 +25% (profile quick)"
    assert step.body.splitlines()[0] == (
        "**computing** (profile quick) regressed: req/s 100 → 80 (−20%), p50 100 ms → 125 ms (+25%), also p95, "
        "since 2026‑03‑16. A second run confirmed it."
    )


def test_an_issue_says_what_changed_and_links_the_commits() -> None:
    records = weekly(*SLOWER)
    url = "https://github.com/acme/bench/actions/runs/1"
    for number, record in enumerate(records):
        later = number >= 10
        changes = {"commit": "2" * 40 if later else "1" * 40, "packages": {"fastapi": "2.0" if later else "1.0"}}
        environment = record.environment.model_copy(update={**changes, "run_url": url})
        records[number] = record.model_copy(update={"environment": environment})
    (step,) = planned(records)
    assert (
        "\n\nChanged at the same time: commits 111111111111..222222222222; fastapi 1.0 → 2.0 "
        f"([commits](https://github.com/acme/bench/compare/{'1' * 40}...{'2' * 40})).\n"
    ) in step.body


def failing_from(week: int, *levels: float) -> list[Record]:
    """Weekly runs of which all requests are right until a week."""
    records = weekly(*levels)
    for number, level in enumerate(levels):
        if number >= week:
            one = some_round(throughput_rps=level, median_ms=125.0, p95_ms=250.0, failures=500)
            records[number] = records[number].model_copy(update={"endpoints": (some_result("computing", one),)})
    return records


def test_another_cause_gets_an_issue_of_its_own_and_neither_touches_the_other() -> None:
    records = failing_from(15, *SLOWER, *[80.0] * 6)
    first, second = planned(records)
    assert (first.title, second.title) == (
        "computing regressed: req/s −20%, p50 +25% (profile quick)",
        "computing regressed: failures (profile quick)",
    )
    assert planned(records, opened(records)) == []


def former(records: Sequence[Record], **changes: Any) -> list[Issue]:
    """One issue for each metric, as versions before had them."""
    trends = [trend for trend in judged(records, None).counting if trend.open_since]
    bodies = [f"worse\n\n<!-- benchmark-issue: {trend.key} since {trend.open_since} -->" for trend in trends]
    return our_issues(
        [{"number": n, "body": body, "state": "OPEN"} | changes for n, body in enumerate(bodies, start=1)]
    )


def test_issues_of_single_metrics_become_one_and_are_closed_on_recovery() -> None:
    issues = former(weekly(*SLOWER))
    assert len(issues) == 3
    found = planned(weekly(*SLOWER), issues)
    assert [(step.do, step.number) for step in found] == [("update", 1), ("close", 2), ("close", 3)]
    assert found[1].body == "Part of #1 now."
    back = planned(weekly(*SLOWER, *[100.0] * 4), issues)
    assert [(step.do, step.number) for step in back] == [("close", 1), ("close", 2), ("close", 3)]
    assert planned(weekly(*SLOWER), former(weekly(*SLOWER), state="CLOSED")) == [], "somebody closed them"


def test_an_issue_that_was_closed_by_hand_is_not_opened_again_for_the_same_regression() -> None:
    closed = opened(weekly(*SLOWER), state="CLOSED")
    assert len(closed) == 1
    assert planned(weekly(*SLOWER, 80.0), closed) == []
    again = [*SLOWER, *[100.0] * 10, 80.0, 80.0]
    assert {step.do for step in planned(weekly(*again), closed)} == {"open"}


@pytest.mark.parametrize("change", ["cpu", "users"])
def test_the_issue_of_a_series_that_ended_is_closed_and_says_why(change: str) -> None:
    plan = run_of_week(0, 100.0).plan
    profile = plan.profile.model_copy(update={"users": 20})
    changed = on_cpu("Other") if change == "cpu" else {"plan": plan.model_copy(update={"profile": profile})}
    records = [*weekly(*SLOWER), *weekly(*[80.0] * 5, first=12, **changed)]
    assert planned(records[:-1], opened(weekly(*SLOWER))) == [], "it may go on: machines take turns"
    found = planned(records, opened(weekly(*SLOWER)))
    assert [step.do for step in found] == ["close"]
    why = {"cpu": "different CPU than", "users": "different users than"}[change]
    assert found[0].body.startswith(f"the series ended: {why}")
    assert all(trend.open_since is None for trend in judged(records, None).trends)
    assert planned(records) == []


def test_machines_that_take_turns_leave_the_issue_of_one_of_them_open() -> None:
    records, issues = weekly(*SLOWER), opened(weekly(*SLOWER))
    for week in range(12, 24):
        records += weekly(80.0, first=week, **(on_cpu("Other") if week % 2 else {}))
        assert {step.do for step in planned(records, issues)} <= {"update"}


@pytest.mark.parametrize("week", [9, 10, 11])
def test_an_accepted_change_closes_the_issue_it_had_opened(repository: Path, week: int) -> None:
    """Accepted from the run before it on, from its first run, and from the one that confirmed it."""
    records = weekly(*SLOWER, *[80.0] * 3)
    wanted = Accepted(run=records[week].id, reason="encrypted since then")
    config = read_config(repository / "benchmark.toml").model_copy(update={"accepted": (wanted,)})
    found = list(steps(judged(records, config), opened(weekly(*SLOWER)), "reports"))
    assert [step.do for step in found] == ["close"]
    assert found[0].body == f"accepted since run {records[week].id}: encrypted since then."


def test_the_issue_of_an_endpoint_that_is_not_measured_any_more_is_closed() -> None:
    renamed = COMPUTING.model_copy(update={"name": "another"})
    plan = run_of_week(0, 100.0).plan.model_copy(update={"endpoints": (renamed,)})
    records = [*weekly(*SLOWER), run_of_week(12, 80.0, plan=plan, endpoints=(some_result("another", some_round()),))]
    found = planned(records, opened(weekly(*SLOWER)))
    assert [step.do for step in found] == ["close"]
    assert found[0].body == f"no longer measured since run {records[11].id}."


def test_a_run_with_numbers_of_its_own_ends_no_series() -> None:
    plan = run_of_week(0, 100.0).plan
    own = plan.model_copy(update={"profile": plan.profile.model_copy(update={"users": 20})})
    records = [*weekly(*SLOWER), *weekly(80.0, first=12, plan=own, customised=("--users",))]
    assert planned(records, opened(weekly(*SLOWER))) == []


def test_an_issue_whose_regression_left_the_runs_that_are_looked_at_stays_open() -> None:
    issues = opened(weekly(*SLOWER))
    assert planned(weekly(*[80.0] * 12, first=12), issues) == []


def test_an_issue_has_a_short_title_and_says_what_is_compared() -> None:
    records = [
        record.model_copy(
            update={
                "plan": record.plan.model_copy(
                    update={"profile": record.plan.profile.model_copy(update={"name": "x" * 300})}
                )
            }
        )
        for record in weekly(*SLOWER)
    ]
    step = planned(records)[0]
    assert len(step.title) == 200
    assert "\n- users: 10\n" in step.body
    assert "\n- CPU: Example 3000\n" in step.body
    assert step.body.index("<summary>Comparison conditions") < step.body.index("- users: 10")


def suspected(level: float, *before: float, **changes: Any) -> bool:
    """Whether a scheduled run asks for one more."""
    scheduled = some_environment().model_copy(update={"trigger": "schedule"})
    records = [*weekly(*before), run_of_week(len(before), level, environment=scheduled, **changes)]
    return suspicion(judged(records, None), records[::-1]) is not None


def test_only_what_may_have_become_worse_is_looked_at_again() -> None:
    assert suspected(80.0, *[100.0] * 10)
    assert not suspected(120.0, *[100.0] * 10)
    assert not suspected(100.0, *[100.0] * 10, 120.0, 120.0), "back at the level before is no suspicion"


def test_failures_where_there_were_none_are_looked_at_again() -> None:
    failing = some_result("computing", some_round(throughput_rps=100.0, median_ms=100.0, failures=500))
    assert suspected(100.0, *[100.0] * 10, endpoints=(failing,))


def test_a_suspicion_that_a_later_run_answered_is_left_alone() -> None:
    scheduled = some_environment().model_copy(update={"trigger": "schedule"})
    records = [*weekly(*[100.0] * 10), *weekly(80.0, first=10, environment=scheduled)]
    later = [*records, *weekly(100.0, first=11)]
    assert suspicion(judged(records, None), records[::-1]) is not None
    assert suspicion(judged(later, None), later[::-1]) is None
    custom = [*records, *weekly(100.0, first=11, customised=("--users",))]
    assert suspicion(judged(custom, None), custom[::-1]) is not None
