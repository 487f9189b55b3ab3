"""Requests at a rate of their own, really sent, to a server that stalls and to one that is too slow."""

import json
from pathlib import Path

import pytest

from benchmark.record import Round
from experiments.stalls import Stalls, measure
from tests.support.bench import Bench, assert_measured

STALLS = Stalls(stall_s=0.6, every_s=3.0, duration_s=7)


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Round:
    """A hundred requests a second, of which at most 5 may be under way."""
    folder: Path = tmp_path_factory.mktemp("stalls") / "few"
    return measure(STALLS, folder, ("--rate", "100/s", "--users", "5"))


def test_every_request_that_was_due_was_sent(few: Round) -> None:
    assert few.open_load is not None
    assert few.open_load.offered_rps == pytest.approx(100, rel=0.02)
    # All but those of a stall in which it may have ended.
    assert few.open_load.sent >= few.open_load.due - 100 * STALLS.stall_s - 5
    assert few.requests + (few.in_flight or 0) == pytest.approx(few.open_load.sent, abs=5)


def test_a_stall_is_in_the_latencies_of_all_who_came_during_it(few: Round) -> None:
    """One request in five comes during a stall. Those beyond the five that were under way were sent late."""
    assert few.open_load is not None
    assert few.p90_ms is not None
    assert few.open_load.from_sent.p90_ms is not None
    assert few.p90_ms > STALLS.demanded_ms(90) / 2
    assert few.open_load.from_sent.p90_ms < few.p90_ms / 2


def test_users_who_wait_for_answers_do_not_see_what_visitors_do(few: Round, tmp_path: Path) -> None:
    closed = measure(STALLS, tmp_path / "closed", ())
    assert closed.open_load is None
    assert closed.p95_ms is not None
    assert few.p95_ms is not None
    assert closed.p95_ms < few.p95_ms / 2


def test_a_rate_that_could_not_be_offered_makes_the_run_invalid(bench: Bench) -> None:
    bench.configure(path="/pooled", duration="4s")
    done = bench.call("run", "--rate", "50/s", "--users", "3")
    assert done.returncode == 3, done.stderr
    assert "were sent: all 3 users were waiting for responses" in done.stderr
    assert "--users" in done.stderr


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        pytest.param(("--rate", "0/s"), "--rate must be at least 0.001", id="none"),
        pytest.param(("--rate", "fast"), "--rate: expected a number such as 20 (got 'fast')", id="no number"),
        pytest.param(("--rate", "5/s", "--arrivals", "sometimes"), "--arrivals", id="arrivals"),
        pytest.param(
            ("--rate", "5/s", "--users", "5,10"), "--users: with a rate it limits the requests in flight", id="sweep"
        ),
    ],
)
def test_nonsense_is_refused_in_one_line(bench: Bench, flags: tuple[str, ...], said: str) -> None:
    bench.configure()
    done = bench.call("run", *flags)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (bench.folder / "results").exists()


def test_a_prediction_knows_the_rate_of_its_profile(bench: Bench) -> None:
    bench.configure(profile="rate = 50", target="workers = 2")
    done = bench.call("predict", "--profile", "quick", "--json")
    assert_measured(done)
    (answer,) = json.loads(done.stdout)["endpoints"]
    assert (answer["prediction"], answer["open"]["rate_per_s"]) == (None, 50)
    assert answer["open"]["simulated"]["requests"] == pytest.approx(100, abs=2)


def test_a_promise_too_large_for_any_load_is_refused(bench: Bench) -> None:
    bench.configure()
    done = bench.call("capacity", "quick", "--most-rate", "50000/s", "--p95-below", "30s")
    assert done.returncode == 2
    assert "--most-rate times --p95-below" in done.stderr
    assert len(done.stderr.splitlines()) == 1
