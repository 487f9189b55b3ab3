"""A diagnosis finds the seats that a made-up server has, and does not guess."""

import itertools
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.diagnose.advice import advice
from benchmark.diagnose.fit import connections
from benchmark.diagnose.model import Level, Setting
from benchmark.theory.demand import mean_s as mean_of
from tests.diagnose.climbs import Climb, Seen, diagnosis_of


@given(held=st.lists(st.integers(0, 50), min_size=1, max_size=8), users=st.integers(1, 600))
def test_every_user_is_counted_as_connected_to_some_worker(held: list[int], users: int) -> None:
    level = Level(
        users=users,
        start_s=0.0,
        end_s=1.0,
        connections_per_worker=tuple(held),
        worker_cpu_percent=None,
        threads_grown_per_worker=None,
        generator_cpu_percent=0.0,
        machine_cpu_percent=0.0,
        answers=0,
        throughput_rps=0.0,
        median_ms=None,
        busy_seats=0.0,
    )
    assert sum(connections(level)) == pytest.approx(users)


UP_TO_512 = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


def exponential(chance: random.Random) -> float:
    return chance.expovariate(1 / 0.1)


def jittery(chance: random.Random) -> float:
    return 0.1 + chance.expovariate(1 / 0.02)


@pytest.mark.parametrize("share", [(1.0,), (0.5, 0.5), (0.57, 0.43), (0.75, 0.25)], ids=str)
@pytest.mark.parametrize(("seats", "regime"), [(1, "blocked event loop"), (7, "pool"), (12, "pool"), (25, "pool")])
def test_seats_are_counted_however_the_connections_are_dealt(share: tuple[float, ...], seats: int, regime: str) -> None:
    found = Climb(seats=seats, share=share, accepts_late=seats == 1).diagnosis()
    assert (found.regime, found.seats) == (regime, seats)
    assert found.seats_per_worker is not None
    assert found.seats_per_worker.low <= seats <= (found.seats_per_worker.high or seats)


@settings(max_examples=25, deadline=None)
@given(seats=st.integers(1, 60), share=st.floats(0.5, 0.8), length_s=st.floats(0.02, 0.24))
def test_the_interval_holds_the_true_number_of_seats_for_constant_work(
    seats: int, share: float, length_s: float
) -> None:
    found = Climb(seats=seats, share=(share, 1 - share), service_s=lambda _: length_s, users=UP_TO_512).diagnosis()
    assert found.regime in {"pool", "blocked event loop"}
    assert found.seats_per_worker is not None
    assert found.seats_per_worker.low <= seats <= (found.seats_per_worker.high or seats)
    assert found.seats == pytest.approx(seats, abs=max(0.5, 0.04 * seats))


@pytest.mark.parametrize("seats", [3, 12])
def test_the_interval_holds_the_true_number_in_nine_of_ten_climbs_with_jittery_work(seats: int) -> None:
    """It claims 95 of 100; 36 of 40 is what chance leaves of that."""
    held = 0
    for seed in range(40):
        found = Climb(seats=seats, share=(0.57, 0.43), service_s=jittery, seed=seed).diagnosis()
        assert found.regime == "pool"
        assert found.seats_per_worker is not None
        held += found.seats_per_worker.low <= seats <= (found.seats_per_worker.high or seats)
    assert held >= 36


def two_kinds(chance: random.Random) -> float:
    return 0.02 if chance.random() < 0.8 else 0.11


@pytest.mark.parametrize("seats", [4, 21])
def test_what_takes_long_one_time_in_five_has_its_mean_and_not_its_median_as_service_time(seats: int) -> None:
    found = Climb(seats=seats, service_s=two_kinds, users=UP_TO_512, level_s=4.0).diagnosis()
    assert found.regime == "pool"
    assert found.seats == pytest.approx(seats, abs=0.15 * seats)
    assert found.service_s is not None
    assert found.service_s.value == pytest.approx(0.038, rel=0.15)


def test_the_service_time_that_is_kept_is_of_every_level_at_which_nothing_queued() -> None:
    found = Climb(seats=21, service_s=exponential, level_s=4.0, computes_s=0.0).diagnosis()
    assert found.quantiles is not None
    assert found.unqueued == pytest.approx(31 * 4.0 * 0.8 / 0.1, rel=0.1)  # of 1, 2, 4, 8 and 16 users
    middle = found.quantiles.latency_ms[found.quantiles.percent.index(50.0)]
    assert middle == pytest.approx(69.3, rel=4 / found.unqueued**0.5)
    alone = Climb(seats=21, service_s=exponential, level_s=4.0, computes_s=0.06).diagnosis()
    assert alone.unqueued < 50  # a second user waits for the processor


def log_normal(chance: random.Random) -> float:
    return chance.lognormvariate(0, 0.6) * 0.1 / 1.197


@pytest.mark.parametrize("seed", range(6))
def test_full_slots_of_what_is_kept_give_the_throughput_that_was_measured(seed: int) -> None:
    """A few hundred responses that vary leave the mean open by 5 %; slots over throughput do not."""
    found = Climb(seats=27, service_s=log_normal, level_s=4.0, computes_s=0.0, seed=seed).diagnosis()
    assert found.quantiles is not None
    assert found.seats is not None
    mean_s = mean_of(found.quantiles.percent, found.quantiles.latency_ms) / 1000
    full = [level for level in found.levels if level.users >= 64]
    measured_rps = sum(level.answers for level in full) / (4.0 * len(full))
    assert found.seats / mean_s == pytest.approx(measured_rps, rel=0.02)


def test_what_is_known_from_one_user_stays_as_it_was_measured() -> None:
    """Its slots are not 12 but 11 and a little: the time of a response does not follow."""
    found = Climb(seats=12, computes_s=0.0, around_s=0.004, level_s=2.0).diagnosis()
    assert found.quantiles is not None
    assert set(found.quantiles.latency_ms) == {104.0}


def test_a_request_costs_what_it_costs_a_worker_that_has_no_time_to_idle() -> None:
    """To be woken takes 0.1 ms more, in the part of the time in which it idles: at last in half of it."""
    found = Climb(seats=None, users=UP_TO_512[:8], computes_s=0.0003, wakes_s=0.0001).diagnosis()
    assert max(found.levels[-1].worker_cpu_percent or ()) == pytest.approx(45, abs=2)
    assert found.cpu_per_request_s == pytest.approx(0.0003, rel=0.02)
    much = Climb(seats=None, users=UP_TO_512[:8], computes_s=0.0001, wakes_s=0.0009).diagnosis()
    assert (much.cpu_per_request_s or 0) > 0.0003, "what was measured is not extrapolated beyond belief"


@pytest.mark.parametrize(
    ("seats", "service_s", "computes_s", "said"),
    [(1, 0.016, 0.015, "CPU-bound"), (2, 0.010, 0.006, "waits and computes"), (2, 0.016, 0.015, "CPU-bound")],
)
def test_an_app_by_url_that_may_fill_one_core_of_this_machine_is_not_called_a_pool(
    seats: int, service_s: float, computes_s: float, said: str
) -> None:
    """One worker fills one core of two, or of sixteen; how many workers there are is not known."""
    for cores in (2, 16):
        found = Climb(
            seats=seats, service_s=lambda _: service_s, computes_s=computes_s, elsewhere=True, cores=cores
        ).diagnosis()
        assert found.regime is None
        assert said in found.finding


def test_an_app_by_url_that_hardly_computes_is_a_pool() -> None:
    found = Climb(seats=10, service_s=lambda _: 0.1, computes_s=0.001, elsewhere=True).diagnosis()
    assert (found.regime, found.seats) == ("pool", 10)


@pytest.mark.parametrize(("seats", "around_s"), [(4, 0.0022), (4, 0.004), (10, 0.0022), (10, 0.004), (20, 0.0025)])
def test_the_way_to_a_thread_and_back_does_not_count_as_slots(seats: int, around_s: float) -> None:
    """What framework and load generator add makes slots seem more, that threads wait for."""
    found = Climb(
        seats=seats, service_s=lambda _: 0.041, around_s=around_s, level_s=2.0, threads_grown=40, users=UP_TO_512
    ).diagnosis()
    assert found.seats_per_worker is not None
    assert found.seats_per_worker.low <= seats <= (found.seats_per_worker.high or seats)
    assert found.seats == seats
    assert found.on_threads
    assert "blocking call" not in found.finding
    low, _, high = found.finding.split(" at a time")[0].rpartition(": ")[2].partition(" to ")
    assert int(low) <= seats <= int(high or low)


def test_threads_of_an_executor_of_its_own_are_the_slots_and_wait_for_nothing() -> None:
    found = Climb(seats=10, threads_grown=10, level_s=2.0).diagnosis()
    assert (found.regime, found.seats, found.on_threads) == ("pool", 10, False)


def test_so_random_service_times_that_seats_can_not_be_counted_are_not_guessed_from() -> None:
    told = [Climb(seats=3, service_s=exponential, seed=seed).diagnosis().regime for seed in range(10)]
    assert told.count(None) >= 8


def test_who_is_served_first_does_not_matter() -> None:
    found = Climb(seats=1, share=(0.5, 0.5), first_come=False, accepts_late=True).diagnosis()
    assert found.regime == "blocked event loop"


def test_one_seat_of_a_worker_that_accepts_at_once_is_a_lock() -> None:
    found = Climb(seats=1, service_s=lambda _: 0.12).diagnosis()
    assert (found.regime, found.seats) == ("pool", 1)


def test_one_short_seat_may_be_either_and_says_so() -> None:
    found = Climb(seats=1, service_s=lambda _: 0.02).diagnosis()
    assert found.regime == "blocked event loop"
    assert "or a lock" in found.finding


def test_a_thread_pool_of_one_shows_by_its_thread() -> None:
    found = Climb(seats=1, threads=1, threads_grown=1).diagnosis()
    assert (found.regime, found.seats) == ("thread pool", 1)


def test_a_limit_that_fits_every_level_is_believed_on_a_machine_that_others_use() -> None:
    found = Climb(seats=7, share=(0.57, 0.43), machine_cpu_percent=99.0).diagnosis()
    assert (found.regime, found.seats) == ("pool", 7)


def test_a_thread_pool_shows_by_its_threads_too() -> None:
    assert Climb(seats=40, threads_grown=40, users=UP_TO_512).diagnosis().regime == "thread pool"
    other = Climb(seats=40, threads_grown=0, users=UP_TO_512).diagnosis()
    assert (other.regime, other.seats) == ("pool", 40)
    assert "semaphore" in other.finding


def test_as_many_threads_as_seats_tell_the_exact_number() -> None:
    found = Climb(seats=12, share=(0.57, 0.43), threads_grown=12, service_s=jittery).diagnosis()
    assert (found.regime, found.seats) == ("pool", 12)
    assert "executor" in found.finding


def test_threads_that_wait_for_another_pool_are_two_pools_in_a_row() -> None:
    found = Climb(seats=10, threads_grown=40, users=UP_TO_512).diagnosis()
    assert (found.regime, found.seats) == ("pool", 10)
    assert "which threads wait for: a worker started 40 of them" in found.finding


def test_what_falls_again_is_said_to_fall() -> None:
    computing = Climb(seats=1, worker_cpu_percent=97.0, users=(1, 2, 4, 8)).diagnosis()
    falling = [level.model_copy(update={"throughput_rps": 10.0 - level.users}) for level in computing.levels]
    told = advice(computing.model_copy(update={"levels": tuple(falling)}), falling)
    assert "With 1 to 2 users throughput stayed at 8.0 to 9.0 req/s, with 8 users it fell to 2.0" in told["evidence"]


def test_a_worker_that_computes_on_two_cores_gains_nothing_from_a_second_one() -> None:
    found = Climb(seats=1, worker_cpu_percent=190.0, users=(1, 2, 4, 8)).diagnosis()
    assert found.regime == "cpu"
    assert "more cores" in found.change
    assert "Half the computing" in found.gain


def test_where_nothing_queues_it_is_the_event_loop() -> None:
    found = Climb(seats=None, share=(0.6, 0.4)).diagnosis()
    assert found.regime == "event loop"
    assert found.seats is None
    assert found.most_at_once == 256


def test_a_worker_that_computes_all_the_time_of_a_request_is_bound_by_its_processor() -> None:
    found = Climb(seats=1, worker_cpu_percent=97.0).diagnosis()
    assert found.regime == "cpu"


def test_a_full_processor_before_anything_queued_is_the_limit_of_an_event_loop() -> None:
    """100 seats at 1 % of a core each: what a processor does that is full with 100 requests under way."""
    found = Climb(seats=100, worker_cpu_percent=99.0, service_s=lambda _: 0.05).diagnosis()
    assert found.regime == "event loop"
    assert found.most_at_once == 100


def test_what_waits_and_computes_is_a_regime_of_its_own_and_no_pool() -> None:
    """Waits 4 ms and computes 3 ms in two workers of two cores: 2.3 at a time, as no pool would be."""
    found = Climb(
        seats=2, share=(0.5, 0.5), service_s=lambda _: 0.0075, computes_s=0.0033, threads_grown=40
    ).diagnosis()
    assert found.regime == "mixed"
    assert "a worker computes 3.3 ms of the 7.5 ms per response" in found.finding
    assert "More threads do not help" in found.change
    assert found.cpu_per_request_s == pytest.approx(0.0033, rel=0.05)
    best = max(level.throughput_rps for level in found.levels)
    assert f"instead of {best:,.0f}" in found.gain


def test_threads_that_wait_for_each_other_never_fill_the_processor_and_are_no_pool() -> None:
    """As measured on 2026-11-29 (AMD EPYC, 2 cores): `def`, waits 9 and computes 3 ms, two workers."""
    seen = (
        Seen(1, 72.9, 20.7, ((0, 0, 0.2), (1, 1, 30.0))),
        Seen(2, 118.7, 27.7, ((0, 0, 2.9), (2, 2, 45.6))),
        Seen(4, 255.3, 50.4, ((2, 2, 45.7), (2, 2, 49.7))),
        Seen(8, 310.1, 60.7, ((6, 6, 66.6), (2, 2, 49.1))),
        Seen(16, 396.2, 72.8, ((7, 7, 69.3), (9, 9, 70.6))),
        Seen(32, 430.9, 77.6, ((16, 16, 75.3), (16, 16, 73.4))),
        Seen(64, 463.4, 84.8, ((31, 31, 79.3), (33, 33, 79.9))),
    )
    found = diagnosis_of(seen, 0.0134, Setting(endpoint="measured", workers=2, threads=40, cores=2))
    assert found.regime == "mixed"


@pytest.mark.parametrize("slots", [1, 3, 5])
def test_what_all_workers_share_is_no_pool_of_each(slots: int) -> None:
    """However the connections are distributed. With one slot as measured on 2026-11-29, of a file that is locked."""
    held = ((0, 1), (0, 2), (1, 3), (5, 3), (5, 11), (25, 7), (30, 34))
    seen = [
        Seen(sum(each), min(sum(each), slots) / 0.02, 8.0, tuple((count, count, 5.0) for count in each))
        for each in held
    ]
    found = diagnosis_of(seen, 0.02, Setting(endpoint="shared", workers=2, threads=40, cores=2), level_s=2.0)
    assert found.regime is None
    assert f"2 workers serve {slots} at a time in all" in found.finding


def test_where_connections_are_even_a_pool_of_each_worker_may_be_shared() -> None:
    found = Climb(seats=3, share=(0.5, 0.5)).diagnosis()
    assert (found.regime, found.seats) == ("pool", 3)
    assert "or something that the workers share, 6 at a time in all" in found.finding


def test_a_pool_that_computes_a_little_is_a_pool() -> None:
    found = Climb(seats=4, share=(0.5, 0.5), service_s=lambda _: 0.023, computes_s=0.001).diagnosis()
    assert (found.regime, found.seats) == ("pool", 4)


def test_requests_in_step_make_slots_seem_fewer_and_the_range_says_so() -> None:
    """As measured on 2026-11-29 (AMD EPYC, uvloop): four slots, waits 20 and computes 1 ms, two workers."""
    seen = (
        Seen(1, 44.0, 4.0, ((1, 0, 6.0), (0, 0, 0.2))),
        Seen(2, 88.0, 6.0, ((2, 0, 11.0), (0, 0, 0.2))),
        Seen(4, 170.1, 14.0, ((3, 0, 16.0), (1, 0, 6.0))),
        Seen(8, 206.7, 16.0, ((7, 0, 20.0), (1, 0, 6.0))),
        Seen(16, 272.6, 22.0, ((13, 0, 20.0), (3, 0, 16.0))),
        Seen(32, 303.3, 25.0, ((13, 0, 20.0), (19, 0, 20.0))),
        Seen(64, 294.9, 25.0, ((34, 0, 20.0), (30, 0, 20.0))),
    )
    found = diagnosis_of(seen, 0.0226, Setting(endpoint="measured", workers=2, threads=40, cores=2))
    assert (found.regime, found.seats) == ("pool", 4)
    assert found.seats_per_worker is not None
    assert found.seats_per_worker.low <= 4 <= (found.seats_per_worker.high or 4)


def test_where_a_pool_and_the_processor_fit_both_are_named() -> None:
    found = Climb(seats=3, share=(1.0,), service_s=lambda _: 0.01, computes_s=0.0024).diagnosis()
    assert found.regime is None
    assert "two causes fit" in found.finding
    assert "a pool of 3 in each worker" in found.finding


def test_a_lock_that_some_requests_wait_for_far_longer_is_neither_pool_nor_processor() -> None:
    found = Climb(seats=2, service_s=lambda _: 0.005, computes_s=0.003, stuck=40).diagnosis()
    assert found.regime is None
    assert "a lock" in found.finding
    assert not found.gain


def test_who_waits_to_be_accepted_by_a_full_event_loop_waits_for_no_lock() -> None:
    full = Climb(seats=2, users=(1, 4, 8, 16), service_s=lambda _: 0.005, worker_cpu_percent=100.0, stuck=40)
    assert "a lock" in full.diagnosis().finding
    assert "a lock" not in replace(full, accepts_late=True, rows=[]).diagnosis().finding


@pytest.mark.parametrize(
    ("climb", "said"),
    [
        pytest.param(
            Climb(seats=1, share=(0.5, 0.5), service_s=lambda _: 0.0165, computes_s=0.0155), "CPU-bound", id="cpu"
        ),
        pytest.param(
            Climb(seats=2, share=(0.5, 0.5), service_s=lambda _: 0.0106, computes_s=0.0053),
            "waits and computes",
            id="mixed",
        ),
        pytest.param(Climb(seats=2, machine_cpu_percent=98.0), "the app itself, if it runs on this machine", id="busy"),
        pytest.param(Climb(seats=2, cores=None), "a pool, blocked workers, or 2 processors", id="another machine"),
    ],
)
def test_of_an_app_by_url_no_pool_is_guessed_where_it_may_compute(climb: Climb, said: str) -> None:
    found = replace(climb, elsewhere=True, rows=[]).diagnosis()
    assert found.regime is None
    assert said in found.finding


def test_of_an_app_by_url_a_request_computes_no_more_than_the_whole_machine() -> None:
    """One user fills its only worker, so that throughput stays the same and its slope tells nothing."""
    seen = tuple(Seen(users, 64.5 + 0.1 * n, 51.0 + n) for n, users in enumerate((1, 2, 4, 8, 16)))
    found = diagnosis_of(seen, 0.0154, Setting(endpoint="measured", workers=None, threads=None, cores=2))
    assert found.regime is None
    assert found.cpu_per_request_s == pytest.approx((2 * 0.53 - 0.04) / 64.7, rel=0.02)
    assert "it computed all of the 15.5 ms that a response takes" in found.finding


def test_processes_that_the_app_starts_compute_for_it_and_are_no_pool() -> None:
    """As measured on 2026-11-29 (AMD EPYC): four processes of a pool burn 15 ms for each response, on two cores."""
    seen = (
        Seen(1, 58.3, 51.8, ((1, 2, 8.8),)),
        Seen(2, 101.1, 86.3, ((2, 2, 11.9),)),
        Seen(4, 116.1, 98.1, ((4, 2, 12.7),)),
        Seen(8, 119.3, 100.0, ((8, 2, 11.2),)),
    )
    found = diagnosis_of(seen, 0.017, Setting(endpoint="measured", workers=1, threads=40, cores=2))
    assert found.regime is None
    assert "of a process pool, or a database" in found.finding


def test_programs_that_always_compute_hide_no_pool() -> None:
    found = Climb(seats=4, machine_cpu_percent=95.0).diagnosis()
    assert (found.regime, found.seats) == ("pool", 4)


@given(share=st.floats(0.5, 0.8), seats=st.integers(5, 30))
@settings(max_examples=25, deadline=None)
def test_of_an_app_by_url_slots_are_counted_where_all_workers_are_full(share: float, seats: int) -> None:
    found = Climb(seats=seats, share=(share, 1 - share), elsewhere=True, computes_s=0.0005).diagnosis()
    assert found.regime in {"pool", None}
    assert found.seats_per_worker is not None
    assert found.seats_per_worker.low <= 2 * seats <= (found.seats_per_worker.high or 2 * seats)


@pytest.mark.parametrize("share", [0.2, 0.3, 0.4, 0.5])
def test_of_an_app_by_url_with_uneven_connections_a_pool_is_found(share: float) -> None:
    found = Climb(seats=10, share=(share, 1 - share), elsewhere=True, computes_s=0.0005).diagnosis()
    assert (found.regime, found.seats) == ("pool", 20)


def test_of_an_app_by_url_a_pool_shows_where_this_machine_idles() -> None:
    found = Climb(seats=4, elsewhere=True, computes_s=0.0005).diagnosis()
    assert (found.regime, found.seats) == ("pool", 4)
    assert "If workers are blocked" in found.change


@pytest.mark.parametrize(
    ("climb", "reason"),
    [
        pytest.param(Climb(seats=None, users=(1, 2, 4), level_s=0.11), "too few responses", id="few answers"),
        pytest.param(Climb(seats=None, users=(1, 2, 4, 8, 16)), "still grew at 16 users", id="few users"),
        pytest.param(Climb(seats=40, threads_grown=40, users=(1, 2, 4, 8, 16, 32)), "threads", id="threads, few users"),
        pytest.param(
            Climb(seats=5, service_s=lambda _: 0.001, users=(1, 2, 4, 8)), "one response takes 1 ms", id="short"
        ),
        pytest.param(Climb(seats=9, generator_cpu_percent=95.0), "the load generator", id="generator"),
        pytest.param(Climb(seats=120), "did not stop growing", id="only one level is full"),
        pytest.param(
            Climb(seats=9, service_s=exponential, machine_cpu_percent=99.0), "other programs", id="other programs"
        ),
    ],
)
def test_thin_evidence_is_called_thin(climb: Climb, reason: str) -> None:
    found = climb.diagnosis()
    assert found.regime is None
    assert found.seats is None
    assert reason in found.finding
    assert found.change


def test_what_it_would_give_is_the_bound_of_the_users_or_of_the_seats() -> None:
    blocked = Climb(seats=1, users=(1, 2, 4, 8, 16), worker_cpu_percent=0.0, accepts_late=True).diagnosis()
    assert "up to 160 req/s instead of 10" in blocked.gain
    pool = Climb(seats=8, users=(1, 2, 4, 8, 16, 32, 64), worker_cpu_percent=0.0).diagnosis()
    assert "up to 160 req/s instead of 80" in pool.gain


def test_the_evidence_is_what_stayed_the_same_and_how_busy_the_workers_were() -> None:
    computing = Climb(seats=1, worker_cpu_percent=97.0, users=(1, 2, 4, 8)).diagnosis()
    assert "With 2 to 8 users throughput stayed at 10.0 req/s; the busiest worker used 97%" in computing.evidence
    growing = Climb(seats=None).diagnosis()
    assert "From 1 to 256 users throughput grew from 10.0 to 2,560 req/s, 256×." in growing.evidence


def test_what_gets_faster_while_it_is_measured_warms_and_is_no_lock() -> None:
    asked = itertools.count()
    found = Climb(seats=None, service_s=lambda _: 0.05 if next(asked) < 300 else 0.004, level_s=2.0).diagnosis()
    assert found.regime is None
    assert "responses got faster while it was measured, as when a cache fills" in found.finding
    assert "50 ms at first" in found.finding
    bimodal = Climb(seats=4, service_s=lambda chance: 0.01 if chance.random() < 0.8 else 0.06).diagnosis()
    assert "faster" not in bimodal.finding


def test_a_pool_may_be_a_lock_that_lets_them_through_one_after_another() -> None:
    found = Climb(seats=4, share=(0.5, 0.5)).diagnosis()
    assert "or a lock, a rate limit or a blocking call that lets one request through every 25.0 ms" in found.finding
    assert "Hold a lock for less time, and await what blocks." in found.change
