"""The closed forms give the figures of the published experiment."""

import pytest

from benchmark.explain.bounds import limit
from benchmark.plan import Endpoint, Plan, Profile, Target


def plan(**target: int) -> Plan:
    """The load of the published experiment."""
    profile = Profile(
        name="blog", users=500, spawn_rate_per_s=50, duration_s=300, task_seconds=5, endpoints=("endpoint",)
    )
    endpoint = Endpoint(name="endpoint", path="/")
    return Plan(target=Target(import_path="a:b", **target), profile=profile, endpoints=(endpoint,))


def test_eighty_seats_of_fifteen_seconds_give_five_and_a_third_per_second() -> None:
    found = limit(Endpoint(name="e", path="/", served="thread pool", work_tasks=3), plan())
    assert found is not None
    assert found.seats == 80
    assert found.ceiling_rps == pytest.approx(80 / 15)


def test_without_seats_the_users_are_the_bound() -> None:
    found = limit(Endpoint(name="e", path="/", served="event loop", work_tasks=1), plan())
    assert found is not None
    assert (found.seats, found.ceiling_rps) == (None, 100)


def test_a_blocked_event_loop_has_one_seat_per_worker() -> None:
    found = limit(Endpoint(name="e", path="/", served="blocked event loop", work_tasks=3), plan(workers=4))
    assert found is not None
    assert found.ceiling_rps == pytest.approx(4 / 15)


def test_the_seats_of_an_app_elsewhere_are_not_guessed() -> None:
    elsewhere = plan().model_copy(update={"target": Target(url="http://host")})
    assert limit(Endpoint(name="e", path="/", served="thread pool", work_tasks=3), elsewhere) is None
    awaiting = limit(Endpoint(name="e", path="/", served="event loop", work_tasks=1), elsewhere)
    assert awaiting is not None
    assert awaiting.ceiling_rps == 100


def test_nothing_is_claimed_of_an_endpoint_that_declares_nothing() -> None:
    assert limit(Endpoint(name="e", path="/"), plan()) is None
    assert limit(Endpoint(name="e", path="/", served="event loop"), plan()) is None
