"""A climb goes on while more users bring more answers, and ends by itself."""

import pytest

from load.step_load import PATIENCE_S, StepLoad, Steps


def climb(steps: Steps, rate_rps: float, most_rps: float, failing: float = 0.0) -> list[int]:
    """Ask once a second; each user is answered `rate_rps` times a second, all together at most `most_rps` times."""
    users, answers, now_s = [1], 0.0, 0.0
    while users[-1]:
        now_s += 1.0
        answers += min(users[-1] * rate_rps, most_rps)
        wanted = steps.next_users(now_s, int(answers), int(answers * failing), 10.0) or 0
        if wanted != users[-1]:
            users.append(wanted)
        assert now_s < 1000, "it never ended"
    return users[:-1]


def test_it_doubles_to_the_most_users_when_nothing_stops_it() -> None:
    assert climb(Steps(StepLoad(512, 8, 95.0)), 10.0, 1e9) == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
    assert climb(Steps(StepLoad(100, 8, 95.0)), 10.0, 1e9) == [1, 2, 4, 8, 16, 32, 64, 100]


def test_it_ends_two_levels_after_throughput_stopped_growing() -> None:
    assert climb(Steps(StepLoad(512, 8, 95.0)), 10.0, 240.0) == [1, 2, 4, 8, 16, 32, 64, 128]


def test_it_does_not_end_before_every_worker_should_hold_a_connection() -> None:
    assert climb(Steps(StepLoad(512, 16, 95.0)), 10.0, 10.0) == [1, 2, 4, 8, 16]


def test_slow_answers_make_long_levels() -> None:
    steps = Steps(StepLoad(512, 8, 95.0))
    assert climb(steps, 1.0, 1e9)[-1] == 512


def test_answers_too_slow_for_every_level_leave_some_out_and_keep_to_the_budget() -> None:
    users = climb(Steps(StepLoad(512, 8, 95.0)), 0.25, 1e9)
    assert users == [1, 4, 16, 64, 256, 512]


def test_service_times_that_vary_are_watched_for_longer() -> None:
    seconds = []
    for variation in (0.1, 0.6, 1.0):
        steps, now_s, lasted = Steps(StepLoad(512, 8, 95.0)), 0.0, [0, 0, 0]
        while (users := steps.next_users(now_s, int(20 * now_s), 0, 10.0, variation) or 0) <= 2:
            lasted[users] += 1
            now_s += 1
        seconds.append(lasted[1:])
    assert seconds == [[3, 1], [18, 8], [20, 8]]


def test_answers_too_slow_for_two_levels_end_the_climb() -> None:
    assert climb(Steps(StepLoad(512, 8, 95.0)), 0.06, 1e9) == [1]


@pytest.mark.parametrize("failing", [0.5, 1.0])
def test_it_ends_early_when_requests_fail(failing: float) -> None:
    assert climb(Steps(StepLoad(512, 8, 95.0)), 50.0, 1e9, failing) == [1]


def test_a_user_that_is_never_answered_is_given_up() -> None:
    steps = Steps(StepLoad(512, 8, 95.0))
    assert steps.next_users(PATIENCE_S - 1, 0, 0, 0.0) == 1
    assert steps.next_users(PATIENCE_S, 0, 0, 0.0) is None


def test_a_busy_generator_is_not_asked_for_more() -> None:
    steps = Steps(StepLoad(512, 8, 95.0))
    assert steps.next_users(1.0, 100, 0, 99.0) == 2
    assert steps.next_users(2.0, 300, 0, 99.0) is None
