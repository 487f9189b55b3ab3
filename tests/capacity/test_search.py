"""The search for capacity: near the truth, in few loads, and not misled by one lucky or unlucky load."""

from hypothesis import given
from hypothesis import strategies as st

from benchmark.capacity.search import NEAR, Search, broken, settled

MOST = 2000
MOST_LOADS = 24


def searched(keeps: dict[int, list[bool]], limit: int) -> tuple[Search, list[int]]:
    """Search on a made-up server that keeps its promise up to `limit` users, but for what `keeps` says of a level."""
    search, loads = Search(MOST), list[int]()
    while (users := search.next_size()) is not None:
        odd = keeps.get(users, [])
        search.note(users, kept=odd.pop(0) if odd else users <= limit)
        loads.append(users)
    return search, loads


@given(limit=st.integers(0, 3000))
def test_the_answer_is_within_five_percent_below_the_truth_and_takes_few_loads(limit: int) -> None:
    search, loads = searched({}, limit)
    truth = min(limit, MOST)
    assert search.holds_to <= truth
    assert truth - search.holds_to <= max(1, int(NEAR * search.holds_to))
    assert len(loads) <= MOST_LOADS


@given(limit=st.integers(1, 1900), odd=st.integers(1, 2000))
def test_one_load_that_went_the_other_way_hardly_matters(limit: int, odd: int) -> None:
    search, _ = searched({odd: [odd > limit]}, limit)
    assert abs(search.holds_to - limit) <= max(1, int(NEAR * limit))


@given(limit=st.integers(0, 1999))
def test_both_ends_were_seen_twice(limit: int) -> None:
    search, loads = searched({}, limit)
    ends = [users for users in (search.holds_to, search.breaks_at) if users]
    assert all(loads.count(users) == 2 for users in ends)


def test_what_keeps_its_promise_for_everybody_is_searched_to_the_end_and_no_further() -> None:
    search, loads = searched({}, 10_000)
    assert (search.holds_to, search.breaks_at, max(loads)) == (MOST, None, MOST)


def test_a_prediction_is_asked_once_for_each_number_of_users() -> None:
    asked = list[int]()

    def keeps(users: int) -> bool:
        asked.append(users)
        return users <= 80

    assert settled(MOST, keeps) in range(77, 81)
    assert len(set(asked)) == len(asked)


def test_each_part_of_a_promise_that_does_not_hold_is_named() -> None:
    assert list(broken(99.0, 0.1, 100.0, 0.1)) == []
    assert list(broken(100.0, 0.11, 100.0, 0.1)) == ["0.11% failed", "too slow"]
    assert list(broken(None, 100.0, 100.0, 0.1)) == ["100% failed", "no responses"]
