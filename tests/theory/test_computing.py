"""The simulation of requests that compute, against systems whose answer is known exactly.

Tolerances are three standard errors of what was simulated, with a fixed seed; batches of consecutive requests stand in
for independent ones (batch means; Law and Kelton, "Simulation Modeling and Analysis", section 9.5).
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import repeat

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simpy import Environment
from simpy.events import ProcessGenerator

from benchmark.summary import since_due_ms
from benchmark.theory.demand import Constant, Demands, mean_s, measured
from benchmark.theory.predict import chance_to_wait
from benchmark.theory.processors import SLICE_S, EventLoop, Machine, OneByOne
from benchmark.theory.simulation import Load, Mix, Overhead, Service, Simulated, simulate, simulate_open

NOTHING = Overhead(generator_s=0, worker_s=0, latency_s=0, begin_s=0, connect_s=0, accept_s=0, thread_s=0)
SEED = 3
BATCHES = 25
ERRORS = 3.0


def exponential(computing_s: float, waiting_s: float) -> Demands:
    """Both parts exponentially distributed with these means."""

    def draws(random: np.random.Generator) -> Iterator[tuple[float, float, float]]:
        while True:
            drawn = random.exponential(size=(4096, 2)) * (computing_s, waiting_s)
            yield from zip(drawn[:, 0].tolist(), drawn[:, 1].tolist(), repeat(0.0), strict=False)

    return draws


def poisson(rate_per_s: float) -> Iterator[tuple[float, int]]:
    random = np.random.default_rng(SEED)
    while True:
        yield from zip(random.exponential(1 / rate_per_s, 4096).tolist(), repeat(0), strict=False)


def assert_mean(found: Simulated, expected_s: float) -> None:
    """The steady part's mean response time is this, within what chance explains."""
    latency_s = since_due_ms(found.rows.iloc[len(found.rows) // 10 :]) / 1000
    batches = np.array([batch.mean() for batch in np.array_split(latency_s, BATCHES)])
    error = batches.std(ddof=1) / BATCHES**0.5
    assert error < 0.07 * expected_s, "too few requests to tell"
    assert abs(batches.mean() - expected_s) < ERRORS * error


def closed(users: int, served: Service | Mix, machine: Machine | None = None, **load: float) -> Simulated:
    asked = Load(users=users, spawn_rate_per_s=users, duration_s=load["duration_s"], wait_s=load.get("wait_s", 0.0))
    workers = served.services[0].workers if isinstance(served, Mix) else served.workers
    dealt = [number % workers for number in range(users)]
    return simulate(asked, served, dealt, NOTHING, machine=machine, seed=SEED)


def mean_value_analysis(users: int, demand_s: float, think_s: float) -> float:
    """Mean response time (s) of one exponential station: Reiser and Lavenberg, J. ACM 27(2), 1980."""
    queue, response_s = 0.0, 0.0
    for number in range(1, users + 1):
        response_s = demand_s * (1 + queue)
        queue = number / (response_s + think_s) * response_s
    return response_s


@pytest.mark.parametrize("busy", [0.5, 0.8])
def test_a_worker_that_computes_is_a_queue_of_one_server(busy: float) -> None:
    served = Service(1.0, None, 1, demands=exponential(1.0, 0.0))  # M/M/1
    assert_mean(simulate_open(poisson(busy), 30_000, served, NOTHING, seed=SEED), 1 / (1 - busy))


def test_computing_that_is_constant_halves_the_wait() -> None:
    served = Service(1.0, None, 1, demands=Constant(1.0, 0.0))  # M/D/1: Pollaczek and Khinchine
    assert_mean(simulate_open(poisson(0.8), 30_000, served, NOTHING, seed=SEED), 1 + 0.8 / (2 * 0.2))


def test_slots_that_wait_are_erlangs_queue() -> None:
    served = Service(1.0, (4,), 1, demands=exponential(0.0, 1.0))  # M/M/4
    expected_s = 1 + chance_to_wait(4, 3.2) / (4 - 3.2)
    assert_mean(simulate_open(poisson(3.2), 6_000, served, NOTHING, seed=SEED), expected_s)


def test_users_who_think_are_served_as_mean_value_analysis_says() -> None:
    served = Service(1.0, None, 1, demands=exponential(1.0, 2.0))
    found = closed(8, served, duration_s=25_000, wait_s=3.0)
    assert_mean(found, 2.0 + mean_value_analysis(8, 1.0, think_s=5.0))


def test_what_arrives_passes_timers_that_ended_while_others_computed() -> None:
    """As in asyncio: the round that reads a request only makes ready what a timer wakes."""
    environment = Environment()
    loop = EventLoop(environment, OneByOne(environment))
    ended: dict[str, float] = {}

    def ask(name: str, when_s: float, how: str, seconds: float) -> ProcessGenerator:
        yield environment.timeout(when_s)
        yield getattr(loop, how)(seconds)
        ended[name] = environment.now
        if name == "first":
            yield loop.goes_on(0.5)
            ended["and on"] = environment.now

    for asked in (("first", 0.0, "arrives", 1.0), ("timer", 0.2, "wakes", 1.0), ("arrival", 0.4, "arrives", 0.1)):
        environment.process(ask(*asked))
    environment.run()
    assert ended == pytest.approx({"first": 1.0, "and on": 1.5, "arrival": 1.6, "timer": 2.6})


def test_users_in_step_stay_in_step_however_free_the_worker_is() -> None:
    """Seven who wait 93 ms and compute 15 ms could be served without any queue; but all of them are read at once."""
    served = Service(0.108, None, 1, demands=Constant(0.0151, 0.0929), overhead=replace(NOTHING, worker_s=0.0002))
    found = simulate(Load(7, 7, 19.81), served, [0] * 7, NOTHING, machine=Machine(4))
    cycle_s = 0.093 + 7 * 0.015
    assert len(found.rows) == 7 * int(19.81 / cycle_s)


def test_two_busy_processes_progress_at_half_the_rate_on_one_core() -> None:
    served = Service(1.0, None, 2, demands=Constant(1.0, 0.0))
    arrivals = [(0.0, 0), (0.5, 1), (4.0, 0)]
    found = simulate_open(iter(arrivals), 10, served, NOTHING, machine=Machine(1, generators=1))
    assert found.rows["end_s"].tolist() == pytest.approx([1.5, 2.0, 5.5], abs=2 * SLICE_S)


def test_requests_of_one_worker_wait_for_each_other_whatever_cores_there_are() -> None:
    served = Service(1.0, None, 2, demands=Constant(1.0, 0.0))
    arrivals = [(0.0, 0), (0.0, 0), (0.0, 1)]
    found = simulate_open(iter(arrivals), 10, served, NOTHING, machine=Machine(2))
    assert sorted(found.rows["end_s"]) == pytest.approx([1, 1, 2])


def test_enough_cores_and_unlimited_ones_are_the_same() -> None:
    served = Service(1.0, (3, 3), 2, demands=exponential(0.1, 0.9))
    unlimited, enough, apart = (
        closed(20, served, machine, duration_s=100) for machine in (None, Machine(3), Machine(2, apart=True))
    )
    assert unlimited.rows.equals(enough.rows)
    assert unlimited.rows.equals(apart.rows)
    # the arithmetic of shared cores, which two processes on three cores do not need, gives the same
    shared = closed(20, served, Machine(3, generators=2), duration_s=100)
    assert shared.rows["end_s"].tolist() == pytest.approx(unlimited.rows["end_s"].tolist())


@settings(max_examples=25, deadline=None)
@given(
    users=st.integers(1, 40),
    workers=st.integers(1, 3),
    cores=st.integers(1, 4),
    computing_s=st.floats(0.05, 1.0),
    waiting_s=st.floats(0.0, 1.0),
    generator_s=st.floats(0.0, 0.2),
)
def test_throughput_is_within_the_asymptotic_bounds(
    users: int, workers: int, cores: int, computing_s: float, waiting_s: float, generator_s: float
) -> None:
    """X <= min(N / S, workers / C, cores / (C + G), 1 / G), and no less than N users one after another give."""
    overhead = Overhead(generator_s=generator_s, worker_s=0, latency_s=0, begin_s=0, connect_s=0, accept_s=0)
    served = Service(1.0, None, workers, demands=Constant(computing_s, waiting_s), overhead=overhead)
    found = closed(users, served, Machine(cores), duration_s=60.0)
    alone_s = computing_s + waiting_s + generator_s
    most = [users / alone_s, workers / computing_s, cores / (computing_s + generator_s)]
    assert len(found.rows) <= min(most) * 60 + users
    if generator_s:
        assert len(found.rows) <= 60 / generator_s + 1
    assert len(found.rows) >= 60 / alone_s - users


@pytest.mark.parametrize(
    ("workers", "cores", "limit_rps"), [(1, 4, 1 / 0.004), (2, 4, 2 / 0.004), (2, 2, 2 / 0.005), (4, 1, 1 / 0.005)]
)
def test_many_users_reach_what_processors_can_compute(workers: int, cores: int, limit_rps: float) -> None:
    overhead = Overhead(generator_s=0.001, worker_s=0.0005, latency_s=0.0002, begin_s=0, connect_s=0, accept_s=0)
    served = Service(0.01, None, workers, demands=exponential(0.004, 0.006), overhead=overhead)
    found = closed(60, served, Machine(cores), duration_s=20.0)
    late = found.rows[found.rows["end_s"] > 2]
    assert len(late) / 18 == pytest.approx(limit_rps, rel=0.05)


def test_threads_that_compute_take_turns() -> None:
    """A short request does not wait for the whole of a long one, as it does without turns."""
    draws = [(0.1, 0.0, 0.0), (0.004, 0.0, 0.0)]

    def demands(_: np.random.Generator) -> Iterator[tuple[float, float, float]]:
        return iter(draws)

    ends = []
    for switches in (False, True):
        served = Service(0.1, (40,), 1, demands=demands, switches=switches)
        found = simulate_open(iter([(0.0, 0), (0.001, 0)]), 1, served, NOTHING)
        ends.append(found.rows["end_s"].round(9).tolist())
    assert ends == [[0.1, 0.104], [0.009, 0.104]]


def test_each_request_of_a_mix_is_of_one_of_its_services() -> None:
    """Two classes at one processor: one M/G/1 queue, whose wait all have in common (Pollaczek and Khinchine)."""
    short, long = (Service(work_s, None, 1, demands=exponential(work_s, 0.0)) for work_s in (0.5, 2.0))
    found = simulate_open(poisson(0.6), 30_000, Mix((short, long), (3.0, 1.0)), NOTHING, seed=SEED)
    share = float((found.rows["service"] == 0).mean())
    assert share == pytest.approx(0.75, abs=ERRORS * (0.75 * 0.25 / len(found.rows)) ** 0.5)
    mean, square = 0.75 * 0.5 + 0.25 * 2.0, 0.75 * 2 * 0.5**2 + 0.25 * 2 * 2.0**2
    wait_s = 0.6 * square / (2 * (1 - 0.6 * mean))
    for number, work_s in enumerate((0.5, 2.0)):
        of_one = found.rows[found.rows["service"] == number]
        assert_mean(Simulated(of_one, ()), wait_s + work_s)


def test_services_of_one_pool_queue_for_the_same_slots() -> None:
    both = Mix((Service(1.0, (2,), 1, pool="threads"), Service(3.0, (2,), 1, pool="threads")), (1.0, 1.0))
    found = closed(20, both, duration_s=4_000)
    late = found.rows[found.rows["end_s"] > 100]
    assert len(late) / 3_900 == pytest.approx(2 / 2.0, rel=0.03)  # slots over the mean service time
    apart = Mix((both.services[0], Service(3.0, None, 1)), (1.0, 1.0))
    assert len(closed(20, apart, duration_s=400).rows) > 1.5 * 400


@pytest.mark.parametrize("computing_s", [0.0, 0.002, 0.0099, 0.5])
def test_a_measured_service_time_is_drawn_as_it_was_measured(computing_s: float) -> None:
    percent, service_s = (0.0, 50.0, 90.0, 100.0), (0.004, 0.008, 0.02, 0.06)
    drawn = measured(percent, service_s, computing_s)
    draws = drawn(np.random.default_rng(SEED))
    computing, waiting, late = np.array([next(draws) for _ in range(40_000)]).T
    assert not late.any()
    whole = computing + waiting
    error = whole.std() / len(whole) ** 0.5
    assert whole.mean() == pytest.approx(mean_s(percent, service_s), abs=ERRORS * error)
    assert np.percentile(whole, percent[1:3]).tolist() == pytest.approx(service_s[1:3], rel=0.03)
    assert computing.mean() == pytest.approx(min(computing_s, mean_s(percent, service_s)), rel=0.02, abs=1e-9)
    assert waiting.min() >= 0


def test_noise_around_a_constant_time_mixes_up_no_order() -> None:
    """Users in step are served in turn, so that each waits as long as all others; only slots are held by late ones."""
    percent, service_s = (0.0, 50.0, 90.0, 100.0), (0.1, 0.101, 0.104, 0.11)
    computing_s = 0.04
    overhead = replace(NOTHING, worker_s=0.0002)
    late_p95 = []
    for queues in (False, True):
        drawn = measured(percent, service_s, computing_s, queues=queues)
        assert sum(next(drawn(np.random.default_rng(SEED)))) >= service_s[0]
        served = Service(0.1, None, 1, demands=drawn, overhead=overhead)
        found = closed(10, served, duration_s=200)
        latency_ms = since_due_ms(found.rows[found.rows["sent_s"] > 20])
        late_p95.append(float(np.percentile(latency_ms, 95) / np.median(latency_ms)))
    assert late_p95[0] < 1.03 < late_p95[1]
