"""Think times: what is drawn has the mean that statistics and theory count with."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from benchmark.plan import Profile
from load.arrivals import Think
from tests.support.bench import Bench, assert_measured
from tests.support.records import some_plan

DRAWS = 5_000


def profile(**changes: object) -> Profile:
    whole = some_plan().profile.model_dump(exclude={"wait_s", "rate_per_s", "pacing_s"})
    return Profile.model_validate(whole | changes)


@given(st.sampled_from(["uniform", "normal"]), st.floats(0.1, 10), st.floats(0, 2))
def test_what_users_draw_has_the_mean_that_is_counted_with(kind: str, first_s: float, part: float) -> None:
    think = Think(kind, first_s, first_s * (1 + part if kind == "uniform" else part))
    pause = think.pauses(7, 3)
    drawn = [pause(1.0) for _ in range(DRAWS)]
    assert min(drawn) >= 0
    assert sum(drawn) / DRAWS == pytest.approx(think.mean_s(), rel=0.1)
    again = think.pauses(7, 3)
    assert [again(2.0) for _ in range(10)] == drawn[:10]


@given(st.floats(0.01, 10), st.floats(0, 20))
def test_a_paced_user_thinks_until_its_next_request_is_due(pacing_s: float, took_s: float) -> None:
    pause = Think("pacing", pacing_s).pauses(0, 0)
    assert max(took_s, took_s + pause(took_s)) == pytest.approx(max(took_s, pacing_s))


@pytest.mark.parametrize(
    ("wait", "mean_s"), [("1s..5s", 3.0), ("500ms..1500ms", 1.0), (" 1s .. 2s ", 1.5), ("normal 2s 0.1s", 2.0)]
)
def test_a_think_time_in_words_has_its_mean(wait: str, mean_s: float) -> None:
    found = profile(wait=wait)
    assert found.wait_s == pytest.approx(mean_s)
    assert Profile.model_validate_json(found.model_dump_json()) == found


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"wait": "5s..1s"}, "shorter duration first"),
        ({"wait": "1s..x"}, "not a duration"),
        ({"wait": "1s.."}, "not a duration"),
        ({"wait": "normal 2s"}, "no think time"),
        ({"wait": "normal 0s 0s"}, "no time at all"),
        ({"wait": "1s..2h"}, "beyond"),
        ({"wait": "1s..5s", "rate": "5/s"}, "not both"),
        ({"pacing": "2s", "rate": "5/s"}, "not both"),
        ({"pacing": "2s", "wait": "1s"}, "not both"),
        ({"pacing": "0s"}, "greater than 0"),
    ],
)
def test_a_think_time_that_cannot_be_is_refused_in_words(changes: dict[str, str], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        profile(**changes)


@pytest.mark.parametrize("think", ['wait = "100ms..500ms"', 'wait = "normal 300ms 100ms"', 'pacing = "320ms"'])
def test_users_who_think_are_accounted_for_and_predicted(bench: Bench, think: str) -> None:
    bench.configure(profile=think, duration="4s")
    assert_measured(bench.call("run"))
    record = bench.record()
    (result,) = record.endpoints
    (measured,) = result.rounds
    assert (measured.users_waiting_ratio or 0) == pytest.approx(1, abs=0.1)
    assert result.prediction
    assert result.limit
    assert result.limit.users_rps == pytest.approx(8 / 0.32, rel=0.001)
    assert measured.throughput_rps == pytest.approx(result.prediction.throughput_rps, rel=0.1)
    assert record.profile.think.kind in {"uniform", "normal", "pacing"}
