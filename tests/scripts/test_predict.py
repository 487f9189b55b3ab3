"""`bench predict` answers without any load, and refuses nonsense in one line."""

import json
from pathlib import Path
from typing import Any

import pytest

from experiments.setups import Setup, run
from tests.support.bench import Bench

POOL = """
[endpoints.pooled]
path = "/pooled"
served = "thread pool"
work = "100ms"
[endpoints.unknown]
path = "/quick"
[endpoints.limited]
path = "/pooled"
served = "pool"
slots = 2
work = "100ms"
[mixes.evening]
requests = { pooled = 70, limited = 30 }
[mixes.half]
requests = { pooled = 1, unknown = 1 }
"""

NONSENSE = [
    pytest.param(["--users", "-5"], "--users must be ", id="negative users"),
    pytest.param(["--seats", "0"], "--seats must be ", id="zero seats"),
    pytest.param(["--seats", "3"], "--seats: 3 cannot be shared evenly by 2 workers", id="seats that do not divide"),
    pytest.param(["--connections", "6,5"], "11 connections in all for 8 users", id="more connections than users"),
    pytest.param(["--connections", "8"], "1 numbers for 2 workers", id="connections of one worker"),
    pytest.param(["--connections", "4,x"], "--connections: ", id="connections that are no numbers"),
    pytest.param(["--connections", "-1,9"], "--connections must be at least 0", id="negative connections"),
    pytest.param(["--service-seconds", "-1"], "--service-seconds must be ", id="negative service time"),
    pytest.param(["--service-seconds", "nan"], "--service-seconds: ", id="service time not a number"),
    pytest.param(["--open-rate", "0"], "--open-rate must be ", id="no arrivals"),
    pytest.param(["--open-rate", "999999", "--duration", "1h"], "take a shorter --duration", id="too many arrivals"),
    pytest.param(["--draws", "0"], "--draws must be ", id="no draws"),
    pytest.param(["--endpoint", "unknown"], "is not declared; declare work and served", id="undeclared endpoint"),
    pytest.param(["unknown"], "bench diagnose unknown --keep", id="undeclared endpoint, by position"),
    pytest.param(["quick", "--endpoint", "quick"], "--endpoint: ", id="an endpoint twice"),
    pytest.param(["quick", "--users", "1..0"], "--users: '1..0' must begin at 1", id="a range that ends before"),
    pytest.param(["quick", "--users", "1..9,20"], "mixes a range with other numbers", id="a range and a number"),
    pytest.param(["unknown", "--users", "1..9"], "bench diagnose unknown --keep", id="a curve of the undeclared"),
    pytest.param(["half"], "mix 'half': the service time of its endpoint 'unknown'", id="a mix of the undeclared"),
    pytest.param(["evening", "--seats", "4"], "--seats is of one endpoint", id="seats of a mix"),
    pytest.param(["quick", "--meet", "p42=1s"], "--meet: 'p42' is none of ", id="a metric that is none"),
    pytest.param(["quick", "--meet", "p95=1s", "--users", "1,2"], "takes one number of users", id="a promise of two"),
    pytest.param(["quick", "--slots", "2", "--seats", "4"], "--slots are of each worker", id="slots twice"),
    pytest.param(["quick", "--users", "1..9", "--open-rate", "4"], "leave rates and", id="a curve of a rate"),
    pytest.param(["quick", "--cpus", "0"], "--cpus must be ", id="no processor"),
    pytest.param(["--profile", "nope"], "there is no profile 'nope'", id="unknown profile"),
]


@pytest.fixture
def asked(bench: Bench) -> Bench:
    """A folder with an endpoint that a pool serves."""
    bench.configure(endpoint=POOL, target="workers = 2")
    return bench


def answer(bench: Bench, *arguments: str) -> dict[str, Any]:
    """The only endpoint of the answer."""
    done = bench.call("predict", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    (endpoint,) = json.loads(done.stdout)["endpoints"]
    found: dict[str, Any] = endpoint
    return found


@pytest.mark.parametrize(("arguments", "message"), NONSENSE)
def test_nonsense_gets_one_line_and_exit_code_2(asked: Bench, arguments: list[str], message: str) -> None:
    done = asked.call("predict", *arguments)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not done.stdout


def test_the_columns_stand_in_prediction(asked: Bench) -> None:
    found = answer(asked, "--connections", "5,3")
    assert found["name"] == "quick"
    assert found["users"] == 8
    assert found["prediction"]["connections_per_worker"] == [5, 3]
    assert found["prediction"]["in_flight"] == 8
    assert 19 < found["prediction"]["median_ms"] < 25


def test_seats_and_service_time_can_be_said_instead_of_declared(asked: Bench) -> None:
    limits = answer(asked, "--endpoint", "unknown", "--seats", "4", "--service-seconds", "0.5")["limit"]
    assert (limits["seats"], limits["seats_rps"]) == (4, 8.0)


def test_several_users_are_a_sweep(asked: Bench) -> None:
    flags = ("--endpoint", "pooled", "--users", "10,1000", "--spawn-rate", "1000", "--threads", "5")
    done = asked.call("predict", *flags, "--json")
    few, many = (item["prediction"] for item in json.loads(done.stdout)["endpoints"])
    assert few["throughput_rps"] < many["throughput_rps"] <= 101
    assert many["median_ms"] > 5 * few["median_ms"]


def test_a_load_that_ends_before_all_users_are_there_says_so(asked: Bench) -> None:
    said = asked.call("predict", "--users", "1000", "--spawn-rate", "10", "--duration", "5s").stdout
    assert "Only 50 of 1000 users are started in 5 s" in said


def test_more_than_can_be_simulated_is_refused(asked: Bench) -> None:
    done = asked.call("predict", "--users", "1000", "--duration", "20h")
    assert done.returncode == 2
    assert "take a shorter --duration" in done.stderr


def test_a_rate_of_arrivals_above_capacity_never_settles(asked: Bench) -> None:
    flags = ("--endpoint", "pooled", "--threads", "5", "--duration", "10s", "--open-rate")
    assert answer(asked, *flags, "50")["open"]["settles"] is True
    assert answer(asked, *flags, "120")["open"]["settles"] is False
    assert "never settles" in asked.call("predict", *flags, "120").stdout


def test_a_range_of_users_is_a_curve_with_its_knee(asked: Bench) -> None:
    flags = ("pooled", "--users", "1..40", "--workers", "1", "--slots", "2", "--cpus", "4")
    done = asked.call("predict", *flags, "--meet", "p95=1s", "--json")
    found = json.loads(done.stdout)
    users = [point["users"] for point in found["curve"]["points"]]
    assert (users[0], users[-1]) == (1, 40)
    assert found["curve"]["knee"]["by"] == "slots"
    assert found["curve"]["knee"]["most_rps"] == pytest.approx(20)
    assert found["curve"]["points"][-1]["throughput_rps"] == pytest.approx(20, rel=0.02)
    assert found["meet"]["last"] == pytest.approx(20, abs=1)
    said = asked.call("predict", *flags[:1], "--users", "1..4", *flags[3:]).stdout
    assert "limited by 2 slots, which a request holds for 100" in said


def test_a_mix_has_a_row_for_each_endpoint_and_a_curve(asked: Bench) -> None:
    found = answer(asked, "evening", "--users", "40", "--duration", "5s")
    names = [part["name"] for part in found["prediction"]["parts"]]
    assert names == ["pooled", "limited"]
    assert found["bounds"][0]["pool"] == "limited"
    assert found["bounds"][0]["rps"] == pytest.approx(2 * 2 / (0.3 * 0.1))
    said = asked.call("predict", "evening", "--users", "40", "--duration", "5s").stdout
    assert "evening: limited" in said
    assert "At most 133.33 req/s get through, limited by 4 slots of limited, which the average request" in said
    curve = asked.call("predict", "evening", "--users", "1..20", "--slots", "4").stdout
    assert "limited by 8 slots of limited, which the average request holds for 30.0 ms" in curve


def test_the_table_says_why_and_what_would_change_it(asked: Bench) -> None:
    said = asked.call("predict", "--endpoint", "pooled", "--users", "100", "--threads", "5").stdout
    assert "2 workers with 5 threads each serve 10 requests at a time" in said
    assert "10 threads per worker: at most 200.00 req/s" in said
    assert "use `await` instead of blocking" in said
    assert "likely splits of connections" in said


LONG_WORK = [
    pytest.param(Setup("sync_baseline", 6, 99, workers=2, threads=1, task_seconds=0.7, duration_s=6), id="queueing"),
    pytest.param(Setup("async_independent", 5, 99, workers=2, threads=1, task_seconds=0.7, duration_s=6), id="in turn"),
    pytest.param(Setup("async_concurrent", 5, 99, workers=1, threads=1, task_seconds=2.1, duration_s=6), id="at once"),
]
"""Second answers are due after 4.2 s and may be late by 1.8 s; third ones, after 6.3 s, cannot be early."""


@pytest.mark.parametrize("setup", LONG_WORK)
def test_as_many_answers_come_as_were_predicted_for_the_very_connections(setup: Setup, tmp_path: Path) -> None:
    """How near latencies come is measured by thirty random set-ups (docs/measurements/predictions.md)."""
    (measured,) = run(setup, tmp_path).endpoints[0].rounds
    assert measured.prediction is not None
    assert measured.requests > 0
    assert (measured.requests, measured.failures) == (measured.prediction.requests, 0)
