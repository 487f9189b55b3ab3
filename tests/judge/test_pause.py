"""What the load generator costs anyway is no delay; what is beyond it is found, however few or many the users are."""

from typing import Any

import pytest

from benchmark.judge.findings import warnings
from benchmark.judge.pause import allowed_ms, held_up, lost_in_round, lost_ratio
from benchmark.plan import Endpoint
from benchmark.record import Round
from tests.support.records import some_plan, some_round

AWAITING = Endpoint(name="awaiting", path="/", served="event loop", work_tasks=3)


def paused(ratio: float, pause_ms: float | None, cost_us: float | None, busy_percent: float = 12.0) -> Round:
    """A round in which users paused."""
    used: dict[str, Any] = {"generator_cpu_us_per_request": cost_us, "generator_cpu_mean_percent": busy_percent}
    return some_round(users_waiting_ratio=ratio, pause_ms=pause_ms, resources=used)


@pytest.mark.parametrize(
    ("measured", "users", "processes", "is_held_up"),
    [
        pytest.param(paused(0.93, 0.04, 40.0, 7.0), 1, 1, False, id="one user on a response of 0.5 ms"),
        pytest.param(paused(0.90, 0.25, 40.0, 99.0), 50, 1, False, id="fifty users on a bare response, generator full"),
        pytest.param(paused(0.36, 1800.0, 300.0, 100.0), 10_000, 1, True, id="ten thousand users of stock clients"),
        pytest.param(paused(0.90, 5.0, 40.0, 20.0), 10, 1, True, id="a listener that blocks for 5 ms"),
        pytest.param(paused(0.90, 0.25, 40.0, 99.0), 50, 4, True, id="four processes, of which each is a quarter busy"),
        pytest.param(paused(0.93, 0.04, None), 1, 1, True, id="cost not known, as in older records"),
        pytest.param(paused(0.93, None, 40.0), 1, 1, True, id="pause not known"),
        pytest.param(paused(0.97, None, None), 1, 1, False, id="three percent"),
    ],
)
def test_users_were_held_up_when_they_paused_for_longer_than_sending_explains(
    measured: Round, users: int, processes: int, *, is_held_up: bool
) -> None:
    plan = some_plan(users=users, processes=processes)
    assert held_up(measured, plan.profile) is is_held_up
    kinds = [found.kind for found in warnings(measured.model_copy(update={"users_started": users}), AWAITING, plan)]
    assert ("littles-law" in kinds) is is_held_up


def test_a_busy_generator_may_take_as_long_as_its_queue_and_no_longer_than_a_tenth_of_the_time_is_free() -> None:
    assert allowed_ms(100.0, 0.0) == pytest.approx(0.1)
    assert allowed_ms(100.0, 0.5) == pytest.approx(0.2)
    assert allowed_ms(100.0, 0.9) == allowed_ms(100.0, 1.5) == pytest.approx(1.0)


def test_only_what_is_beyond_the_cost_counts_as_lost() -> None:
    assert lost_ratio(0.8, 2.0, 0.5) == pytest.approx(0.2 * 0.75)
    assert lost_ratio(0.8, 0.5, 0.5) == lost_ratio(1.0, 0.0, 0.5) == 0.0
    assert lost_in_round(paused(0.8, 2.0, None), some_plan().profile) == pytest.approx(0.2)
    assert lost_in_round(some_round(users_waiting_ratio=None), some_plan().profile) is None


def test_the_alarm_names_the_pause_and_what_explains_it() -> None:
    (found,) = warnings(paused(0.5, 100.0, 300.0, 50.0), AWAITING, some_plan())
    assert found.message == (
        "Between a response and the next request users paused for 100 ms (Little's law), of which sending explains "
        "0.6 ms. The rest, 49.7% of their time, was spent inside the load generator, so real latencies are longer than "
        "shown."
    )
