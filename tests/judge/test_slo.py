"""Promises are kept, broken, or cannot be told: rarely wrong, and never because of the run."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from scipy import special

from benchmark.judge.findings import warnings
from benchmark.judge.intervals import ONE_SIDED, design_effect, evidence, exact_share, ranks
from benchmark.judge.slo import Outcome, by_endpoint, fewest, outcomes
from benchmark.pipeline import endpoint_result
from benchmark.record import Missing, Record, Round
from benchmark.slo import Evidence, Promise, PromisedMetric, percent_of
from experiments.slo import LATENCIES, queue, said, sample_of, shares, words
from tests.support.records import some_plan, some_record, some_round

PERCENTILES: tuple[PromisedMetric, ...] = ("p50", "p90", "p95", "p99", "p99.9")


@pytest.mark.parametrize("metric", PERCENTILES)
@pytest.mark.parametrize("responses", [1, 2, 59, 60, 71, 72, 100, 367, 368, 1000, 10_000, 100_000])
def test_each_end_of_an_interval_is_wrong_in_two_and_a_half_percent_at_most_and_no_nearer_one_is(
    metric: PromisedMetric, responses: int
) -> None:
    """Exactly: how many of independent responses lie within a percentile is binomial, whatever their distribution."""
    share = (percent_of(metric) or 0) / 100
    low, high = ranks(responses, responses, share)
    below = special.bdtr(np.arange(-1, responses + 1), responses, share)  # P(fewer than 0, 1, ... within)
    if low is not None:
        assert below[low] <= ONE_SIDED
    assert below[(low or 0) + 1] > ONE_SIDED, "a higher rank would have done"
    if high is not None:
        assert 1 - below[high] <= ONE_SIDED * (1 + 1e-9)
        assert high == 1 or 1 - below[high - 1] > ONE_SIDED, "a lower rank would have done"
    else:
        assert share**responses > ONE_SIDED, "the slowest response would have done"


@pytest.mark.parametrize("name", LATENCIES)
@pytest.mark.parametrize("responses", [60, 100, 1000, 10_000])
def test_at_the_limit_hardly_any_run_is_called_kept_or_broken(name: str, responses: int) -> None:
    found = words("p95", name, responses, 1.0)
    assert found.total() == 500
    assert max(found["broken"], found["kept"]) <= 0.05 * 500, shares(found, "broken", "kept")


@pytest.mark.parametrize("name", LATENCIES)
@pytest.mark.parametrize(("factor", "word"), [(1.2, "broken"), (0.8, "kept")])
def test_a_fifth_beyond_the_limit_a_thousand_responses_tell(name: str, factor: float, word: Any) -> None:
    found = words("p95", name, 1000, factor)
    assert found[word] >= 0.95 * 500
    assert found[word] + found["cannot tell"] == 500


def test_fewer_than_three_responses_beyond_a_percentile_tell_nothing_of_it() -> None:
    assert [fewest(metric) for metric in (*PERCENTILES, "failures", "throughput")] == [6, 30, 60, 300, 3000, 1, 1]
    for metric in PERCENTILES:
        for latency_ms in (1.0, 1000.0):
            few = sample_of(np.full(fewest(metric) - 1, latency_ms))
            assert said(metric, 100.0, [few]) == "cannot tell"
            assert said(metric, 100.0, [sample_of(np.full(2 * fewest(metric), latency_ms))]) != "cannot tell"


def test_the_interval_of_a_share_is_that_of_clopper_and_pearson() -> None:
    """1 of 20, as tables of it have it; none of n, and all, by their closed form."""
    assert exact_share(1, 20) == pytest.approx((0.001265, 0.248733), abs=1e-6)
    assert exact_share(0, 300) == pytest.approx((0, 1 - 0.025 ** (1 / 300)))
    assert exact_share(300, 300) == pytest.approx((0.025 ** (1 / 300), 1))


def test_responses_that_queued_together_count_as_fewer() -> None:
    source = np.random.default_rng(1)
    alone, queued = (source.exponential(1, 10_000) > 3), (queue(source, 10_000, 0.8) > 15)
    assert design_effect([alone]).factor < 1.5
    assert design_effect([queued]).factor > 5


def test_rounds_that_differ_are_the_unit_and_rounds_that_do_not_are_put_together() -> None:
    source = np.random.default_rng(2)
    same = design_effect([source.random(1000) < 0.05 for _ in range(10)])
    differ = design_effect([source.random(1000) < share for share in (0.01, 0.2, 0.02, 0.1)])
    assert same.factor < 3
    assert differ.rounds_differ
    assert differ.factor > 50
    rounds = [sample_of(source.exponential(scale, 5000)) for scale in (50, 100, 200)]
    assert said("p95", 500.0, rounds) == "cannot tell"
    assert said("p95", 500.0, [sample_of(source.exponential(100, 5000)) for _ in range(3)]) == "kept"


def test_a_rate_of_one_round_is_judged_by_its_parts_and_of_several_by_the_rounds_if_they_differ() -> None:
    even, uneven = np.full(20, 50.0), np.array([0.0, 100.0] * 10)
    promise = [Promise(endpoint="x", metric="throughput", limit=990.0)]
    (steady,) = evidence([sample_of(np.ones(1000), ended=even)], promise)
    assert (steady.value, steady.low, steady.high) == (1000.0, 999.0, 1001.0)
    assert said("throughput", 990.0, [sample_of(np.ones(1000), ended=uneven)]) == "cannot tell"
    assert (
        said("throughput", 990.0, [sample_of(np.ones(1000), ended=part) for part in (even, even * 2)]) == "cannot tell"
    )
    assert said("throughput", 10.0, [sample_of(np.ones(29))]) == "cannot tell", "too few to know a rate"


PROMISED: tuple[tuple[PromisedMetric, float], ...] = (("p95", 200.0), ("failures", 1.0), ("throughput", 20.0))


def known(metric: PromisedMetric, value: float, low: float | None, high: float | None, of: int = 1000) -> Evidence:
    return Evidence(metric=metric, value=value, low=low, high=high, responses=of, independent=of)


FINE = (known("p95", 150, 140, 160), known("failures", 0, 0, 0.3), known("throughput", 33, 32, 34))


def run_of(*rounds: Round, slo: Sequence[Evidence] = FINE, promised: Any = PROMISED, **changes: Any) -> Record:
    """A run of the endpoint `pooled`, of which something is promised."""
    promises = tuple(Promise(endpoint="pooled", metric=metric, limit=limit) for metric, limit in promised)
    plan = some_plan(endpoints=("pooled",), **changes.pop("profile", {}))
    plan = plan.model_copy(update={"endpoints": some_plan().endpoints[:1], "slo": promises})
    warned = [one.model_copy(update={"warnings": warnings(one, plan.endpoints[0], plan)}) for one in rounds]
    result = endpoint_result("pooled", 10, None, tuple(warned), {"pooled": tuple(slo)})
    return some_record(plan=plan, endpoints=(result,), **changes)


def of(record: Record) -> dict[str, Outcome]:
    return {one.promise.metric: one for one in outcomes(record)}


def test_a_quiet_run_keeps_what_all_of_its_interval_keeps() -> None:
    assert [one.word for one in outcomes(run_of(some_round()))] == ["kept"] * 3
    beyond = (known("p95", 300, 290, 310), known("failures", 3, 2, 4), known("throughput", 10, 9, 11))
    assert [one.word for one in outcomes(run_of(some_round(), slo=beyond))] == ["broken"] * 3
    between = (known("p95", 190, 180, 210), known("failures", 0.9, 0.5, 1.4), known("throughput", 21, 19, 23))
    assert [one.word for one in outcomes(run_of(some_round(), slo=between))] == ["cannot tell"] * 3


def test_what_is_missing_for_an_answer_is_said() -> None:
    found = of(run_of(some_round(), slo=(known("p95", 190, 180, 210), known("failures", 0, 0, 1.5, 200))))
    assert found["p95"].reason == "1,000 correct responses; about 4,000 would tell: use a longer duration"
    assert found["failures"].briefly == "about 300 requests would tell"
    assert found["throughput"].reason == "it was not measured"
    few = known("p95", 190, None, None, 59)
    assert of(run_of(some_round(), slo=[few]))["p95"].reason.startswith("59 correct responses; at least 60 are needed")
    alike = few.model_copy(update={"responses": 5000})
    assert "5,000 correct responses say as much as 59 independent ones (slow ones come together); at least 60" in (
        of(run_of(some_round(), slo=[alike]))["p95"].reason
    )
    close = known("p95", 199.9, 180, 210)
    assert "too close to the limit" in of(run_of(some_round(), slo=[close]))["p95"].reason


def test_an_invalid_run_keeps_and_breaks_nothing() -> None:
    for changes in ({"users_started": 9}, {"users_waiting_ratio": 0.5}):
        found = outcomes(run_of(some_round(**changes)))
        assert {one.word for one in found} == {"cannot tell"}
        assert all(one.reason.startswith("the run is invalid: ") for one in found)
    half = run_of(some_round(), state="incomplete", reason="interrupted by SIGINT")
    assert {one.briefly for one in outcomes(half)} == {"the run is invalid (incomplete)"}


def test_on_a_noisy_run_a_promise_is_kept_but_broken_only_where_no_noise_explains_it() -> None:
    noisy = some_round(resources={"steal_percent": 9.0})
    assert {one.word for one in outcomes(run_of(noisy))} == {"kept"}
    beyond = (known("p95", 300, 290, 310), known("failures", 3, 2, 4), known("throughput", 10, 9, 11))
    found = outcomes(run_of(noisy, slo=beyond))
    assert {(one.word, one.briefly) for one in found} == {("cannot tell", "the run is noisy (CPU steal)")}
    slow = noisy.model_copy(update={"min_ms": 250.0})
    assert of(run_of(slow, slo=beyond))["p95"].word == "broken"


def test_rounds_that_disagree_are_noise_for_a_verdict_and_part_of_the_interval_here() -> None:
    rounds = (some_round(), some_round(round=2, throughput_rps=50.0))
    assert [one.word for one in outcomes(run_of(*rounds, profile={"rounds": 2}))] == ["kept"] * 3


def test_failures_break_their_promise_though_they_make_the_run_invalid() -> None:
    failing = (FINE[0], known("failures", 30, 27, 33), FINE[2])
    found = of(run_of(some_round(failures=300), slo=failing))
    assert [found[metric].word for metric in ("p95", "failures", "throughput")] == [
        "cannot tell",
        "broken",
        "cannot tell",
    ]


def test_so_they_do_where_not_one_response_was_right() -> None:
    all_failed = (known("failures", 100, 99, 100),)
    lost = {"state": "incomplete", "missing": (Missing(endpoint="pooled", round=1, reason="no response was right"),)}
    record = run_of(some_round(failures=1000), slo=all_failed, **lost)
    assert of(record)["failures"].word == "broken"
    assert of(record.model_copy(update={"reason": "interrupted"}))["failures"].word == "cannot tell"


def test_no_failure_at_all_is_promised_of_the_requests_of_the_run() -> None:
    promised = (("failures", 0.0),)
    assert of(run_of(some_round(), promised=promised))["failures"].word == "kept"
    one = known("failures", 0.1, 0.002, 0.5)
    assert of(run_of(some_round(failures=1), promised=promised, slo=[one]))["failures"].word == "broken"


def test_what_the_load_alone_decides_is_not_said_of_the_app() -> None:
    slow = (known("throughput", 19.8, 19.7, 19.9),)
    at_a_rate = of(run_of(some_round(), promised=(("throughput", 20.0),), slo=slow, profile={"rate_per_s": 20}))
    assert at_a_rate["throughput"].word == "cannot tell"
    assert at_a_rate["throughput"].reason.startswith("the load asks for 20 requests/s at most")
    thinking = of(run_of(some_round(), promised=(("throughput", 20.0),), slo=slow, profile={"wait_s": 1}))
    assert thinking["throughput"].word == "cannot tell"
    timed_out = of(run_of(some_round(), promised=(("p95", 60_000.0),)))
    assert timed_out["p95"].reason.startswith("requests fail after 60 s, so no response can be slower")


def test_the_worst_comes_first() -> None:
    record = run_of(some_round(), slo=(FINE[0], known("failures", 3, 2, 4), known("throughput", 21, 19, 23)))
    (group,) = by_endpoint(outcomes(record))
    assert [one.word for one in group] == ["broken", "cannot tell", "kept"]
