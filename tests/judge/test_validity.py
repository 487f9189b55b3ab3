"""A run is believed until evidence speaks against it, and the evidence is named."""

from typing import Any

import pytest

from benchmark.judge.findings import warnings
from benchmark.judge.validity import endpoint_validity, run_validity
from benchmark.record import Finding, Missing, Record, Round
from tests.support.records import some_plan, some_record, some_result, some_round


def run_of(*rounds: Round, **changes: Any) -> Record:
    """A run of the endpoint `pooled`, with the warnings that its rounds give."""
    plan = some_plan(endpoints=("pooled",)).model_copy(update={"endpoints": some_plan().endpoints[:1]})
    warned = [one.model_copy(update={"warnings": warnings(one, plan.endpoints[0], plan)}) for one in rounds]
    return some_record(plan=plan, endpoints=(some_result("pooled", *warned),), **changes)


def test_a_quiet_run_is_usable_without_a_reason() -> None:
    validity = run_validity(some_record())
    assert (validity.level, validity.reasons) == ("usable", ())
    assert validity.why_unusable("p95_ms") is None


@pytest.mark.parametrize(
    ("changes", "level", "kind"),
    [
        pytest.param({"failures": 11}, "invalid", "failures", id="failures above one percent"),
        pytest.param({"failures": 1000}, "invalid", "no-right-answer", id="no right answer"),
        pytest.param({"users_started": 9}, "invalid", "users-not-started", id="users not reached"),
        pytest.param({"repeated": 1}, "invalid", "hidden-by-client", id="sent again by the client"),
        pytest.param({"users_waiting_ratio": 0.8}, "invalid", "littles-law", id="generator saturated"),
        pytest.param({"resources": {"steal_percent": 9.0}}, "noisy", "steal", id="steal"),
        pytest.param(
            {"resources": {"machine_cpu_mean_percent": 90.0, "others_cpu_mean_percent": 120.0}},
            "noisy",
            "other-programs",
            id="others",
        ),
        pytest.param({"resources": {"generator_lag_p99_ms": 500.0}}, "noisy", "generator-lag", id="lag"),
        pytest.param({"resources": {"generator_cpu_p90_percent": 99.0}}, "noisy", "generator-cpu", id="CPU"),
    ],
)
def test_evidence_has_its_level(changes: dict[str, Any], level: str, kind: str) -> None:
    validity = endpoint_validity(run_of(some_round(**changes)), "pooled")
    assert validity.level == level
    assert kind in {reason.kind for reason in validity.reasons}
    assert (validity.why_unusable("p95_ms") or "").startswith(f"the run is {level}: ")


def test_of_several_rounds_the_reason_names_the_one_that_shows_it() -> None:
    validity = endpoint_validity(run_of(some_round(), some_round(round=2, users_started=9)), "pooled")
    assert validity.reasons[0].message == "round 2: Only 9 of 10 users were started."
    assert endpoint_validity(run_of(some_round(users_started=9)), "pooled").reasons[0].message.startswith("Only 9 of")


@pytest.mark.parametrize(
    "changes", [{"failures": 10}, {"in_flight": 400}, {"connections_per_worker": (9, 1)}, {"requests": 50}]
)
def test_what_belongs_to_the_set_up_is_no_reason(changes: dict[str, Any]) -> None:
    assert run_validity(run_of(some_round(**changes))).level == "usable"


def test_noise_in_a_minority_of_rounds_is_stood_and_an_error_in_one_is_not() -> None:
    quiet, stolen = some_round(), some_round(resources={"steal_percent": 9.0})
    assert run_validity(run_of(quiet, quiet, stolen)).level == "usable"
    assert run_validity(run_of(quiet, stolen)).level == "noisy"
    assert run_validity(run_of(quiet, quiet, some_round(users_started=9))).level == "invalid"


def test_the_reason_is_in_todays_words_whatever_the_record_says() -> None:
    said = Finding(kind="steal", severity="warning", message="Old words.", remedy="Old advice.")
    measured = some_round(resources={"steal_percent": 9.0}, warnings=(said,))
    record = some_record(endpoints=(some_result("pooled", measured),))
    (reason,) = endpoint_validity(record, "pooled").reasons
    assert reason.message == "The host gave 9.0% of this machine's CPU time to others (steal)."


def test_rounds_that_disagree_are_noisy_whatever_split_their_latencies_follow() -> None:
    slow, quick = some_round(throughput_rps=30.0), some_round(throughput_rps=34.0)
    validity = run_validity(run_of(slow, quick))
    assert validity.level == "noisy"
    assert validity.reasons[0].message == "pooled: its rounds disagree by 12%: 30.0 to 34.0 req/s"
    assert run_validity(run_of(some_round(median_ms=9000.0), some_round(median_ms=4700.0))).level == "usable"


def test_an_incomplete_run_is_invalid_in_all_its_endpoints() -> None:
    record = some_record(state="incomplete", reason="interrupted")
    assert endpoint_validity(record, "awaiting").level == "invalid"
    assert run_validity(record).reasons[0].message == "it is incomplete: interrupted"


def test_an_endpoint_with_missing_rounds_is_invalid_alone() -> None:
    record = some_record(missing=(Missing(endpoint="pooled", round=2, reason="server died"),))
    assert endpoint_validity(record, "pooled").level == "invalid"
    assert endpoint_validity(record, "awaiting").level == "usable"
    assert endpoint_validity(some_record(endpoints=()), "pooled").reasons[0].message == "nothing was measured"


def test_failures_spoil_all_numbers_but_their_own() -> None:
    validity = endpoint_validity(run_of(some_round(failures=500)), "pooled")
    assert validity.why_unusable("p95_ms") is not None
    assert validity.why_unusable("failure_ratio") is None
