"""A declaration that allows less than was measured is said to be wrong, wherever a limit is shown."""

from benchmark.plan import Endpoint
from benchmark.record import EndpointResult, Limit, Record
from benchmark.report.charts import sweep, throughput
from benchmark.report.readme import why
from benchmark.report.report import compact_table, helps, render_report
from benchmark.report.sentences import reach_sentence, reasons
from tests.support.records import some_plan, some_prediction, some_record, some_result, some_round
from tests.theory.test_measured_service import LONE

FULL = Limit(seats=2, own_work_s=0.0106, users_rps=2000.0, seats_rps=189.0, processor_rps=180.0)


def measured(rps: float, **changes: object) -> EndpointResult:
    limit = FULL.model_copy(update=changes)
    found = some_result("pooled", some_round(throughput_rps=rps, excess_mean_ms=40.0, excess_p50_ms=40.0))
    return found.model_copy(update={"limit": limit.model_copy(update={"alternatives": found.limit.alternatives})})  # type: ignore[union-attr]


def record(rps: float, **changes: object) -> Record:
    return some_record(endpoints=(measured(rps, **changes),))


def test_what_lies_above_its_limit_refutes_the_declaration() -> None:
    assert measured(236.0).refutes_limit
    assert measured(236.0).kept_limit is None
    assert not measured(184.0).refutes_limit, "a load that begins in step counts a little more"
    assert not measured(170.0).refutes_limit


def test_the_reason_says_that_the_declaration_is_wrong_and_explains_nothing_with_it() -> None:
    for changes in ({}, {"processor_rps": None}, {"seats": None, "seats_rps": None}):
        ((_, said),) = reasons(record(236.0, **changes))
        assert "so the declaration is wrong" in said
        assert "measured: 236.00" in said
        assert "bench diagnose pooled --keep" in said
        assert "caps throughput" not in said
        assert "waiting for" not in said
        assert "Overhead averaged" not in said
    ((_, said),) = reasons(record(170.0))
    assert "caps throughput" in said


def test_no_table_or_picture_shows_a_share_of_a_limit_that_is_refuted() -> None:
    wrong, right = record(236.0), record(170.0)
    columns = ("req/s", "% of maximum")
    assert "exceeded" in compact_table(wrong, columns)
    assert "94%" in compact_table(right, columns)
    assert not helps(wrong)
    assert "of the theoretical maximum" in throughput.said(right, str)
    assert "of the theoretical maximum" not in throughput.said(wrong, str)


def test_the_overview_does_not_explain_with_a_limit_that_is_refuted() -> None:
    assert "handled more than the 180.00 req/s that its declaration allows" in why(record(236.0))
    assert "The CPU limits pooled" in why(record(170.0))


def test_a_sweep_draws_no_limit_that_one_of_its_runs_refutes() -> None:
    def swept(*rates: float) -> list[sweep.Curve]:
        results = [measured(rps).model_copy(update={"users": 10 * n}) for n, rps in enumerate(rates, start=1)]
        return sweep.curves([some_record(endpoints=(result,)) for result in results])

    assert [curve.limit is None for curve in swept(100.0, 150.0, 170.0)] == [False]
    assert [curve.limit is None for curve in swept(100.0, 236.0, 170.0)] == [True]


def test_a_prediction_says_how_far_it_goes_beyond_what_was_measured() -> None:
    plan = some_plan()
    lone = Endpoint.model_validate({"name": "pooled", "path": "/", "served": "thread pool", "measured": LONE})
    predicted = some_result("pooled", some_round(prediction=some_prediction(100.0)))
    plan = plan.model_copy(update={"endpoints": (lone, plan.endpoints[1])})
    many, few = (
        some_record(plan=plan, endpoints=(predicted.model_copy(update={"users": users}),)) for users in (500, 64)
    )
    said = "pooled was diagnosed with up to 64 users; this load has 500, so the prediction extrapolates 7.8×."
    assert reach_sentence(many) == said
    assert said in render_report(many, ())
    assert not reach_sentence(few)
