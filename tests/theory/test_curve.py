"""A curve of users bends where the bounds meet, and a promise holds up to where the curve says."""

import pytest

from benchmark.errors import UsageError
from benchmark.plan import Endpoint, Plan
from benchmark.theory.computing import machine
from benchmark.theory.curve import Met, Promise, Simulator, curve, grid, meet, promises, users_range
from benchmark.theory.curve_wording import knee_sentence, met_sentence, reach_sentence, take_sentences
from benchmark.theory.processors import Machine
from tests.theory.test_measured_service import endpoint, loaded


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulate less than a user would want: enough to see a factor."""
    monkeypatch.setattr("benchmark.theory.curve.ANSWERS", 500)


def quiet(_: int) -> None:
    """Nobody watches."""


def simulator(one: Endpoint, plan: Plan, cpus: int = 8) -> Simulator:
    return Simulator(plan, one, machine(plan, cpus), seed=1)


def met(found: Simulator, asked: str, cpus: int = 8) -> Met:
    return meet(found, promises(asked), lambda plan: machine(plan, cpus), quiet)


MIXED = endpoint(served="event loop")
"""Takes 10.9 ms on average, of which 5.8 ms are computing."""


def test_a_curve_rises_to_its_bound_and_then_only_waits_longer() -> None:
    found = simulator(MIXED, loaded(10))
    drawn = curve(found, [1, 40], quiet)
    one, forty = drawn.points
    assert one.p50_ms == pytest.approx(10.6, rel=0.02)
    assert one.throughput_rps < forty.throughput_rps
    assert forty.throughput_rps == pytest.approx(1 / 0.0058, rel=0.02)
    assert forty.p50_ms == pytest.approx(40 * 5.8, rel=0.05)  # the interactive response time law without think time
    assert all(point.band["p95_ms"].low <= point.p95_ms <= point.band["p95_ms"].high for point in drawn.points)
    assert drawn.knee is not None
    assert drawn.knee.by == "workers"
    assert drawn.knee.most_rps == pytest.approx(1 / 0.0058)
    assert drawn.knee.users == pytest.approx(10.9 / 5.8, rel=0.05)
    assert "the worker, which computes 5.8 ms for each request" in knee_sentence(drawn.knee, found)
    assert not reach_sentence(drawn)
    assert drawn == curve(simulator(MIXED, loaded(10)), [1, 40], quiet)


def test_a_curve_says_how_far_it_goes_beyond_what_was_measured() -> None:
    assert "up to 64 users; at 128 the curve extrapolates 2.0×" in reach_sentence(
        curve(simulator(MIXED, loaded(10)), [128], quiet)
    )


@pytest.mark.parametrize(
    ("one", "workers", "cpus", "by", "words"),
    [
        (endpoint(served="pool", seats=2), 1, 8, "workers", "the worker, which computes"),
        (endpoint(served="pool", seats=1), 1, 8, "slots", "1 slot, which a request holds for"),
        (MIXED, 4, 2, "cores", "the 2 cores that workers and load generator share"),
        (Endpoint(name="e", path="/", served="event loop", work_s=0.01), 1, 8, "generator", "the load generator, not"),
    ],
)
def test_the_knee_names_what_binds(one: Endpoint, workers: int, cpus: int, by: str, words: str) -> None:
    found = simulator(one, loaded(10, workers=workers), cpus)
    knee = found.knee()
    assert knee is not None
    assert knee.by == by
    assert words in knee_sentence(knee, found)


@pytest.mark.usefixtures("short")
def test_a_promise_holds_up_to_where_its_queue_takes_as_long() -> None:
    found = met(simulator(MIXED, loaded(20)), "mean=300ms")
    assert found.first == 1
    assert found.last == pytest.approx(300 / 5.8, rel=0.05)
    assert found.holds
    assert (met(simulator(MIXED, loaded(20)), "p95=300ms").last or 0) < (found.last or 0)
    assert not take_sentences(found)
    assert f"It holds up to {found.last} users: mean within 300 ms" in met_sentence(found)


@pytest.mark.usefixtures("short")
def test_a_throughput_holds_from_some_number_of_users_on() -> None:
    found = met(simulator(MIXED, loaded(2)), "throughput=150/s,p95=300ms")
    assert found.first is not None
    assert 3 <= found.first <= 6
    assert not found.holds
    assert met(simulator(MIXED, loaded(2)), "throughput=200").first is None


@pytest.mark.usefixtures("short")
def test_what_a_promise_takes_is_said_or_why_nothing_helps() -> None:
    more = met(simulator(MIXED, loaded(70, workers=1)), "p95=300ms")
    (workers,) = more.takes
    assert workers.number == 2
    assert take_sentences(more) == ["For 70 users: 2 workers instead of 1."]
    full = met(simulator(MIXED, loaded(200, workers=2), 2), "p95=300ms", cpus=2)
    assert full.takes[0].why_not == "cores"
    pool = met(simulator(endpoint(served="pool", seats=1), loaded(40)), "p95=300ms")
    assert pool.takes[1].number == 2
    alone = met(simulator(MIXED, loaded(1)), "p50=5ms")
    assert [take.why_not for take in alone.takes] == ["alone"]
    assert alone.first is None
    assert "a lone user does not get it either" in take_sentences(alone)[0]


def test_a_grid_has_both_ends_and_grows_by_a_factor() -> None:
    assert grid(1, 1000) == [1, 2, 4, 7, 12, 23, 43, 81, 152, 285, 534, 1000]
    assert grid(3, 5) == [3, 4, 5]


def test_promises_are_read_with_their_units() -> None:
    asked = promises(" p95 = 0.3s, throughput=200/s ")
    assert asked == (Promise(metric="p95", value=300), Promise(metric="throughput", value=200))


@pytest.mark.parametrize(
    "text", ["", "p95", "p95=", "p95=fast", "p95=-1s", "p42=3s", "p95=1s,p95=2s", "throughput=1ms", "throughput=0"]
)
def test_a_promise_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--meet: "):
        promises(text)


@pytest.mark.parametrize("text", ["1..0", "0..5", "5..5", "1..", "..9", "1..10..20", "1..99999", "a..b", "-1..4"])
def test_a_range_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--users: "):
        users_range(text)


def test_a_machine_with_enough_cores_changes_nothing() -> None:
    plan = loaded(10)
    one, two = (Simulator(plan, MIXED, Machine(cpus), seed=1).once(20) for cpus in (2, 64))
    assert one == two
