"""The windows of several processes become one, whatever their clocks say."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from load.results import by_our_clock, window
from load.spec import LoadSpec

SPEC = LoadSpec("http://app.invalid", Path(), None)
MOMENTS_S = st.lists(st.floats(min_value=1.7e9, max_value=2e9), max_size=5)


def part(**changes: Any) -> dict[str, Any]:
    """What a process of two users says, both answered, one waiting again."""
    return {
        "start_s": 100.0,
        "users_spawned": 2,
        "first_answers_s": [101.0, 102.0],
        "waiting_since_s": [109.0],
        "waiting_for": [""],
        **dict.fromkeys(("logins", "renewals", "failed_logins", "thoughts", "thought_s"), 0),
        "requests": 7,
        "begun": 8,
        "written": 8,
        "reconnected": 1,
        "closed": 2,
        "withheld": 0,
        "generator_cpu_s": 0.5,
        "from_cache": {},
        "repeated": 0,
        "cut_off": 0,
        "garbage_collection_on": False,
        "opened_s": None,
        "sent": 0,
        **changes,
    }


def test_parts_add_up() -> None:
    other = part(users_spawned=1, first_answers_s=[103.5], waiting_since_s=[], requests=5, garbage_collection_on=True)
    found = window(SPEC, 100.0, 101.0, 110.0, [part(), other])
    assert (found["start_s"], found["spawned_s"], found["stop_s"]) == (100.0, 101.0, 110.0)
    assert (found["users_spawned"], found["users_answered"], found["requests"]) == (3, 3, 12)
    assert found["all_answered_s"] == 103.5
    assert found["waiting_since_s"] == [109.0]
    assert (found["begun"], found["written"], found["reconnected"], found["generator_cpu_s"]) == (16, 16, 2, 1.0)
    assert (found["closed"], found["withheld"]) == (4, 0)
    assert found["garbage_collection_on"]
    assert (found["opened_s"], found["due"], found["sent"]) == (None, None, None)


def test_as_long_as_a_user_has_no_answer_not_all_have() -> None:
    found = window(SPEC, 100.0, 101.0, 110.0, [part(), part(first_answers_s=[101.0])])
    assert (found["users_answered"], found["all_answered_s"]) == (3, None)


def test_what_one_process_does_not_know_is_not_known() -> None:
    found = window(SPEC, 100.0, 101.0, 110.0, [part(), part(first_answers_s=None, waiting_since_s=None, begun=None)])
    assert (found["users_answered"], found["all_answered_s"], found["waiting_since_s"]) == (None, None, None)
    assert found["begun"] is None


def test_an_open_load_opens_with_its_first_process_and_what_was_sent_adds_up() -> None:
    one, two = part(opened_s=101.5, sent=9), part(opened_s=101.25, sent=10)
    found = window(replace(SPEC, rate_per_s=4.0), 100.0, 101.0, 110.0, [one, two])
    assert (found["opened_s"], found["due"], found["sent"]) == (101.25, 35, 19)


def test_what_a_process_that_never_began_should_have_sent_was_due_all_the_same() -> None:
    found = window(replace(SPEC, rate_per_s=4.0), 100.0, 101.0, 110.0, [part(opened_s=100.0, sent=20), part()])
    assert (found["due"], found["sent"]) == (40, 20)


def test_no_more_count_as_sent_than_were_due() -> None:
    found = window(replace(SPEC, rate_per_s=4.0), 100.0, 101.0, 110.0, [part(opened_s=100.0, sent=41)])
    assert (found["due"], found["sent"]) == (40, 40)


@given(MOMENTS_S, MOMENTS_S, st.floats(min_value=-1e7, max_value=1e7))
def test_a_clock_that_is_wrong_changes_nothing(first_s: list[float], waiting_s: list[float], wrong_by_s: float) -> None:
    """A load worker whose clock is off by weeks tells what it would have told with ours."""
    right = part(start_s=1.7e9, first_answers_s=first_s, waiting_since_s=waiting_s, opened_s=1.7e9 + 1)
    wrong = right | {
        "start_s": right["start_s"] + wrong_by_s,
        "first_answers_s": [moment + wrong_by_s for moment in first_s],
        "waiting_since_s": [moment + wrong_by_s for moment in waiting_s],
        "opened_s": right["opened_s"] + wrong_by_s,
    }
    here, there = by_our_clock(right, 1.7e9), by_our_clock(wrong, 1.7e9)
    assert there["first_answers_s"] == pytest.approx(here["first_answers_s"], abs=1e-5)
    assert there["waiting_since_s"] == pytest.approx(here["waiting_since_s"], abs=1e-5)
    assert there["opened_s"] == pytest.approx(1.7e9 + 1, abs=1e-5)
    assert here["first_answers_s"] == pytest.approx(first_s, abs=1e-5)


def test_what_is_not_known_stays_unknown_on_any_clock() -> None:
    moved = by_our_clock(part(first_answers_s=None, waiting_since_s=None), 50.0)
    assert (moved["first_answers_s"], moved["waiting_since_s"], moved["opened_s"]) == (None, None, None)
