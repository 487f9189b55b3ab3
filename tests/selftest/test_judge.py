"""What a self-test concludes from its runs, on runs of which it is known what they hold."""

from collections.abc import Sequence
from itertools import cycle, islice
from typing import Any

import pytest

from benchmark.config import Judging
from benchmark.judge.noise_floor import COMPUTING, WAITING, Delay, Sight
from benchmark.record import Record
from benchmark.selftest.selftest import injection, sights
from tests.support.histories import COMPUTING as COMPUTES
from tests.support.records import some_plan, some_record, some_result, some_round

RULE = Judging()
TWENTY = Delay(label="20 %", delay_ms=10.0)
LITTLE_NOISE = (0.0, 0.4, -0.4, 0.2, -0.2, 0.1)
WAITS = some_plan().endpoints[1].model_copy(update={"name": WAITING, "work_tasks": None, "work_s": 0.05})


def run(number: int, waiting_ms: float, computing_ms: float, **changes: Any) -> Record:
    """One run of both endpoints under 10 users who never rest."""
    plan = some_plan(endpoints=(WAITING, COMPUTING)).model_copy(update={"endpoints": (WAITS, COMPUTES)})
    results = []
    for name, ms, own_ms in ((WAITING, waiting_ms, 50.0), (COMPUTING, computing_ms, None)):
        columns = {"throughput_rps": 10_000 / ms, "median_ms": ms, "p95_ms": 1.1 * ms}
        excess = None if own_ms is None else ms - own_ms
        measured = some_round(**columns, excess_mean_ms=excess, excess_p50_ms=excess, excess_p99_ms=excess)
        results.append(some_result(name, measured).model_copy(update={"limit": None}))
    moment = f"2026-01-02T03:{number // 60:02d}:{number % 60:02d}Z"
    values = {"id": f"run-{number:03d}", "started_at": moment, "plan": plan, "endpoints": tuple(results)}
    return some_record(**(values | {"reference": None} | changes))


def runs(count: int, first: int = 0, *, slower_ms: float = 0.0, computing: Sequence[float] = (20.0,)) -> list[Record]:
    """Runs with a little noise in the waiting endpoint."""
    pairs = islice(zip(cycle(LITTLE_NOISE), cycle(computing), strict=False), count)
    return [run(first + n, 52.0 + slower_ms + noise, ms) for n, (noise, ms) in enumerate(pairs)]


def sight(found: tuple[Sight, ...], endpoint: str, metric: str) -> Sight:
    """The one of that name."""
    return next(one for one in found if (one.endpoint, one.metric) == (endpoint, metric))


def test_quiet_runs_raise_no_alarm_and_nothing_below_the_smallest_effect_is_visible() -> None:
    found = sights(runs(12), RULE)
    assert sum(one.announced + one.beyond for one in found) == 0
    waits = sight(found, WAITING, "req/s")
    assert (waits.runs, waits.judged) == (12, 7)
    assert waits.band_percent == pytest.approx(5.0)
    assert sight(found, WAITING, "excess").band == pytest.approx(1.0)
    assert not any((one.endpoint, one.metric) == (COMPUTING, "excess") for one in found)


def test_noise_makes_larger_changes_invisible_than_the_smallest_effect() -> None:
    noisy = (20.0, 26.0, 16.0, 22.0, 18.0, 24.0, 17.0)
    found = sights(runs(12, computing=noisy), RULE)
    band_percent = sight(found, COMPUTING, "p50").band_percent
    assert band_percent is not None
    assert band_percent > 30
    assert sight(found, WAITING, "p50").band_percent == pytest.approx(5.0)


def test_an_alarm_without_a_cause_is_counted() -> None:
    found = sight(sights(runs(12, computing=(20.0,) * 8 + (30.0,) * 4), RULE), COMPUTING, "p50")
    assert (found.beyond, found.announced) == (2, 1)


def test_of_too_few_runs_nothing_is_known() -> None:
    found = sight(sights(runs(4), RULE), WAITING, "req/s")
    assert (found.runs, found.judged, found.band, found.band_percent, found.reason) == (4, 0, None, None, None)


def test_runs_that_can_not_be_used_are_not_judged_and_the_reason_is_kept() -> None:
    broken = [run(n, 52.0, 20.0, state="incomplete", reason="interrupted") for n in range(12)]
    found = sight(sights(broken, RULE), WAITING, "req/s")
    assert (found.judged, found.band) == (0, None)
    assert found.reason == "the run is invalid: it is incomplete: interrupted"


def test_a_delay_is_found_and_on_that_endpoint_only() -> None:
    found = injection(TWENTY, WAITING, runs(12), runs(2, 12, slower_ms=10.0), RULE)
    assert found.found_by == ("req/s", "p50", "p95", "excess")
    assert (found.suspected_by, found.elsewhere, found.reason) == ((), (), None)


def test_a_delay_below_the_band_is_not_found() -> None:
    found = injection(TWENTY, WAITING, runs(12), runs(2, 12, slower_ms=0.5), RULE)
    assert (found.found_by, found.suspected_by, found.elsewhere, found.reason) == ((), (), (), None)


def test_a_delay_that_only_one_of_two_runs_shows_is_suspected() -> None:
    after = [*runs(1, 12, slower_ms=10.0), *runs(1, 13)]
    found = injection(TWENTY, WAITING, runs(12), after, RULE)
    assert found.found_by == ()
    assert "p50" in found.suspected_by


def test_an_alarm_at_the_other_endpoint_is_named() -> None:
    found = injection(TWENTY, WAITING, runs(12), runs(2, 12, slower_ms=10.0, computing=(40.0,)), RULE)
    assert "p50 of computing" in found.elsewhere


def test_what_too_few_runs_came_before_can_not_be_judged() -> None:
    found = injection(TWENTY, WAITING, runs(2), runs(2, 12, slower_ms=10.0), RULE)
    assert (found.found_by, found.reason) == ((), "2 of 5 earlier runs")
