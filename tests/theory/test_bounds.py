"""The closed forms give the figures of the published experiment."""

import pytest
from pydantic import ValidationError

from benchmark.plan import Endpoint, Plan, Profile, Target
from benchmark.theory.bounds import limit, seats


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
    assert found.seats_rps == pytest.approx(80 / 15)
    assert found.users_rps == pytest.approx(500 / 15)


def test_without_seats_the_users_are_the_bound() -> None:
    found = limit(Endpoint(name="e", path="/", served="event loop", work_tasks=1), plan())
    assert found is not None
    assert (found.seats, found.seats_rps, found.users_rps) == (None, None, 100)


def test_a_blocked_event_loop_has_one_seat_per_worker() -> None:
    found = limit(Endpoint(name="e", path="/", served="blocked event loop", work_tasks=3), plan(workers=4))
    assert found is not None
    assert found.seats_rps == pytest.approx(4 / 15)


def test_the_seats_of_an_app_elsewhere_are_not_guessed() -> None:
    elsewhere = plan().model_copy(update={"target": Target(url="http://host")})
    assert limit(Endpoint(name="e", path="/", served="thread pool", work_tasks=3), elsewhere) is None
    awaiting = limit(Endpoint(name="e", path="/", served="event loop", work_tasks=1), elsewhere)
    assert awaiting is not None
    assert awaiting.users_rps == 100


def test_nothing_is_claimed_of_users_who_may_do_anything() -> None:
    own = Endpoint(name="e", path="/", served="event loop", work_tasks=1, locustfile="own.py")
    assert limit(own, plan()) is None


def test_nothing_is_claimed_of_an_endpoint_that_declares_nothing() -> None:
    assert limit(Endpoint(name="e", path="/"), plan()) is None
    assert limit(Endpoint(name="e", path="/", served="event loop"), plan()) is None


def test_another_pool_and_computing_have_seats_of_their_own_in_each_worker() -> None:
    pooled = Endpoint(name="e", path="/", served="pool", seats=7, work_tasks=1)
    computing = Endpoint(name="e", path="/", served="cpu", work_s=0.02)
    assert seats(pooled, plan(workers=2)) == 14
    assert seats(computing, plan(workers=2)) == 2


def test_a_pool_without_its_number_of_seats_is_refused() -> None:
    for wrong in ({"served": "pool"}, {"served": "event loop", "seats": 3}):
        with pytest.raises(ValidationError, match="go together"):
            Endpoint.model_validate({"name": "e", "path": "/", **wrong})
