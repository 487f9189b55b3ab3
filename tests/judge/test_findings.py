"""Each warning fires on its evidence, on neither side of it, and says what to do."""

from typing import Any

import pytest

from benchmark.judge.findings import warnings
from benchmark.plan import Endpoint, Target
from benchmark.record import RATE_NOT_KEPT, Columns, OpenLoad
from tests.support.records import some_columns, some_plan, some_round

POOLED = Endpoint(name="pooled", path="/", served="thread pool", work_tasks=3)
AWAITING = Endpoint(name="awaiting", path="/", served="event loop", work_tasks=3)


def kinds(endpoint: Endpoint = POOLED, **round_changes: Any) -> list[str]:
    """Kinds of the warnings about a round."""
    return [finding.kind for finding in warnings(some_round(**round_changes), endpoint, some_plan())]


OWN_93_PERCENT = {"worker_cpu_mean_percent": (30.0, 23.0), "generator_cpu_mean_percent": 40.0}


def test_a_quiet_round_gives_no_warning() -> None:
    assert kinds() == []


@pytest.mark.parametrize(
    ("quiet", "loud", "kind"),
    [
        pytest.param({"users_waiting_ratio": 0.97}, {"users_waiting_ratio": 0.9699}, "littles-law", id="Little's law"),
        pytest.param({"cut_bytes": 0}, {"cut_bytes": 1}, "output-cut", id="what is printed"),
        pytest.param(
            {"resources": {"generator_cpu_p90_percent": 85.0}},
            {"resources": {"generator_cpu_p90_percent": 85.1}},
            "generator-cpu",
            id="generator CPU",
        ),
        pytest.param(
            {"resources": {"busiest_worker_p90_percent": 90.0}},
            {"resources": {"busiest_worker_p90_percent": 90.1}},
            "server-cpu",
            id="worker CPU",
        ),
        pytest.param(
            {"resources": {"machine_cpu_mean_percent": 95.0}},
            {"resources": {"machine_cpu_mean_percent": 95.1}},
            "server-cpu",
            id="machine CPU",
        ),
        pytest.param(
            {"resources": {"machine_cpu_mean_percent": 85.0, "others_cpu_mean_percent": 120.0}},
            {"resources": {"machine_cpu_mean_percent": 85.1, "others_cpu_mean_percent": 120.0}},
            "other-programs",
            id="other programs",
        ),
        pytest.param(
            {"resources": {"machine_cpu_mean_percent": 90.0, "others_cpu_mean_percent": 50.0}},
            {"resources": {"machine_cpu_mean_percent": 90.0, "others_cpu_mean_percent": 50.1}},
            "other-programs",
            id="half of one processor",
        ),
        pytest.param(
            {"resources": {"machine_cpu_mean_percent": 90.0, "others_cpu_mean_percent": 93.0} | OWN_93_PERCENT},
            {"resources": {"machine_cpu_mean_percent": 90.0, "others_cpu_mean_percent": 93.1} | OWN_93_PERCENT},
            "other-programs",
            id="a database that computes more than the app",
        ),
        pytest.param({"failures": 0}, {"failures": 1}, "failures", id="failures"),
        pytest.param({"repeated": 0}, {"repeated": 1}, "hidden-by-client", id="sent again"),
        pytest.param({"cut_off": 0}, {"cut_off": 1}, "hidden-by-client", id="broken off"),
        pytest.param({"reconnected": 10}, {"reconnected": 11}, "reconnected", id="reconnected"),
        pytest.param({"closed": 10}, {"closed": 11}, "connections-not-kept", id="connections not kept"),
        pytest.param({"from_cache": {}}, {"from_cache": {"pooled": "age: 1"}}, "from-cache", id="a cache"),
        pytest.param({"withheld": 0}, {"withheld": 1}, "secure-cookies", id="Secure cookies"),
        pytest.param({"users_started": 10}, {"users_started": 9}, "users-not-started", id="users not started"),
        pytest.param({"users_answered": 10}, {"users_answered": 9}, "users-never-answered", id="never answered"),
        pytest.param({"requests": 100}, {"requests": 99}, "few-requests", id="few requests"),
        pytest.param(
            {"connections_per_worker": (300, 200)},
            {"connections_per_worker": (301, 199)},
            "uneven-workers",
            id="uneven",
        ),
        pytest.param({"in_flight": 0}, {"in_flight": 1}, "in-flight", id="in flight"),
        pytest.param({"resources": {"steal_percent": 2.0}}, {"resources": {"steal_percent": 2.1}}, "steal", id="steal"),
        pytest.param(
            {"resources": {"generator_lag_p99_ms": 100.0}},
            {"resources": {"generator_lag_p99_ms": 100.1}},
            "generator-lag",
            id="generator lag",
        ),
        pytest.param(
            {"resources": {"generator_collects_garbage": False}},
            {"resources": {"generator_collects_garbage": True}},
            "generator-garbage-collection",
            id="garbage collection",
        ),
    ],
)
def test_a_warning_begins_just_beyond_its_bound(quiet: dict[str, Any], loud: dict[str, Any], kind: str) -> None:
    assert kinds(**quiet) == []
    assert kinds(**loud) == [kind]


def test_a_round_without_a_steady_part_says_what_could_not_be_checked() -> None:
    assert kinds(steady=None, users_waiting_ratio=None) == ["no-steady-part"]
    assert kinds(steady=None, users_waiting_ratio=None, users_answered=None) == ["no-steady-part"]
    assert kinds(steady=None, users_waiting_ratio=None, users_answered=3) == ["users-never-answered"]


@pytest.mark.parametrize(
    ("wait_s", "said"),
    [
        (0.0, "the server closes idle connections."),
        (2.0, "the server closes idle connections sooner than users think (2 s)."),
        (6.0, "sooner than users think (6 s; uvicorn keeps them for 5 s)."),
    ],
)
def test_connections_that_are_idle_for_too_long_are_held_against_think_time(wait_s: float, said: str) -> None:
    (found,) = warnings(some_round(reconnected=500), POOLED, some_plan(wait_s=wait_s))
    assert said in found.message
    assert ("--timeout-keep-alive" in found.remedy) == (wait_s > 0)


def test_every_finding_says_what_was_seen_and_what_to_do() -> None:
    changes: dict[str, Any] = {"failures": 1000, "users_started": 5, "in_flight": 500, "users_waiting_ratio": 0.4}
    for finding in warnings(some_round(**changes), POOLED, some_plan()):
        assert finding.message.endswith(".")
        assert finding.remedy.endswith(".")


@pytest.mark.parametrize(
    ("generator_percent", "why"),
    [(85.0, "all 10 users were waiting for responses"), (85.1, "the load generator had no CPU left")],
)
def test_a_rate_that_was_not_kept_is_blamed_on_who_could_not(generator_percent: float, why: str) -> None:
    open_load = OpenLoad(
        due=1000,
        sent=900,
        offered_rps=100.0,
        achieved_rps=90.0,
        late_p99_ms=5.0,
        late_max_ms=9.0,
        from_sent=Columns(**some_columns()),
    )
    measured = some_round(open_load=open_load, resources={"generator_cpu_p90_percent": generator_percent})
    found = {one.kind: one.message for one in warnings(measured, AWAITING, some_plan(rate_per_s=100))}
    assert found[RATE_NOT_KEPT] == f"Of 100 requests per second that were due, only 90.0 were sent: {why}."


def test_what_locusts_client_hid_is_said_in_one_sentence() -> None:
    (found,) = warnings(some_round(repeated=3, cut_off=2), AWAITING, some_plan())
    said = "Locust's client sent 3 requests again on its own and counted 2 broken-off responses as correct."
    assert (found.message, found.severity) == (said, "error")


def test_no_right_answer_is_the_gravest_and_comes_first() -> None:
    assert kinds(failures=1000, in_flight=1)[0] == "no-right-answer"


def test_uneven_workers_weigh_only_where_users_queue() -> None:
    uneven = some_round(connections_per_worker=(350, 150))
    (pooled,) = warnings(uneven, POOLED, some_plan())
    (awaiting,) = warnings(uneven, AWAITING, some_plan())
    assert (pooled.severity, awaiting.severity) == ("warning", "note")
    (idle_seats,) = warnings(some_round(connections_per_worker=(9, 1)), POOLED, some_plan())
    assert idle_seats.severity == "note"


def test_whether_users_of_an_undeclared_endpoint_queued_is_not_claimed_to_be_known() -> None:
    undeclared = Endpoint(name="awaiting", path="/awaiting")
    (finding,) = warnings(some_round(connections_per_worker=(9, 1)), undeclared, some_plan())
    assert "is unknown: `served` is not declared" in finding.message


def test_nothing_is_advised_that_is_so_already() -> None:
    slow = some_round(users_waiting_ratio=0.5)
    (ours,) = warnings(slow, AWAITING, some_plan())
    assert ours.remedy == "Use fewer users or more cores for the load generator (processes)."
    (stock,) = warnings(slow, AWAITING, some_plan(client="stock"))
    assert stock.remedy == 'Use fewer users, client = "fast" or more cores for the load generator (processes).'
    saturated = some_round(resources={"busiest_worker_p90_percent": 99.0})
    (alone,) = warnings(saturated.model_copy(update={"users_started": 1}), AWAITING, some_plan(users=1))
    assert "otherwise use a faster machine" in alone.remedy
    (found,) = warnings(saturated, AWAITING, some_plan(rate_per_s=40))
    assert "otherwise use a rate below 40/s" in found.remedy


def test_numbers_in_findings_are_never_in_scientific_notation() -> None:
    late = {"offered_rps": 40_000.0, "achieved_rps": 12_345.6, "late_p99_ms": 5.0, "late_max_ms": 9.0}
    open_load = OpenLoad(due=10**6, sent=10**5, from_sent=Columns(**some_columns()), **late)
    (found,) = warnings(some_round(open_load=open_load), AWAITING, some_plan(rate_per_s=40_000))
    assert "Of 40,000 requests per second that were due, only 12,346 were sent" in found.message
    (failed, *_) = warnings(some_round(requests=29_250, failures=7), AWAITING, some_plan())
    assert "7 of 29,250 requests failed (less than 0.1%)" in failed.message


def test_several_workers_without_uvloop_are_warned_of() -> None:
    plan = some_plan().model_copy(update={"target": Target(import_path="a:b", loop="asyncio")})
    assert [finding.kind for finding in warnings(some_round(), POOLED, plan)] == ["asyncio-loop"]
    single = some_plan().model_copy(update={"target": Target(import_path="a:b", loop="asyncio", workers=1)})
    assert warnings(some_round(), POOLED, single) == ()


@pytest.mark.parametrize(
    ("late_ms", "busy_percent", "avg_ms", "found"),
    [
        pytest.param(1800.0, 99.0, 3400.0, True, id="saturated: responses lie unread"),
        pytest.param(50.0, 99.0, 1000.0, False, id="5 % of the latency"),
        pytest.param(9.0, 99.0, 20.0, False, id="a few ms are the machine's"),
        pytest.param(60.0, 40.0, 20.0, False, id="late, but not by its own work"),
    ],
)
def test_a_generator_is_late_where_it_is_saturated(
    late_ms: float, busy_percent: float, avg_ms: float, *, found: bool
) -> None:
    used = {"generator_lag_mean_ms": late_ms, "generator_cpu_p90_percent": busy_percent}
    assert ("generator-late" in kinds(avg_ms=avg_ms, resources=used)) == found
