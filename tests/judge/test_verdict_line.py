"""A judgement in one line: signed, with its noise band, and never without a reason."""

import pytest

from benchmark.judge.metrics import metric
from benchmark.judge.verdict import Point, in_words, judge

QUIET = [100.0] * 10


@pytest.mark.parametrize(
    ("values", "line"),
    [
        pytest.param([100.0] * 4, "no verdict yet: 3 of 5 earlier runs", id="too few runs"),
        pytest.param([*QUIET, 104], "unchanged: +4.0% (noise ±5.0%, 10 runs)", id="unchanged"),
        pytest.param(
            [*QUIET, 80],
            "possible regression: −20% (noise ±5.0%, 10 runs), awaiting a second run",
            id="suspected",
        ),
        pytest.param(
            [*QUIET, 80, 81], "regressed since run 10: 100 → 80.5 (−19%; noise ±5.0%, 10 runs)", id="confirmed"
        ),
        pytest.param(
            [*QUIET, *[80.0] * 6],
            "regressed since run 10: 100 → 80 (−20%), no further change",
            id="open",
        ),
        pytest.param(
            [*QUIET, *[80.0] * 6, 60.0],
            "regressed since run 10: 100 → 80 (−20%), "
            "newest run possible regression: −25% (noise ±5.0%, 6 runs), awaiting a second run",
            id="open, and worse",
        ),
        pytest.param([*QUIET, 120, 121], "improved since run 10: +21% (noise ±5.0%, 10 runs)", id="improved"),
        pytest.param([*QUIET, float("nan")], "not judged: the number is nan", id="no number"),
    ],
)
def test_the_last_run_in_words(values: list[float], line: str) -> None:
    said = judge([Point(str(n), value) for n, value in enumerate(values)], "higher")
    assert in_words(said[-1], metric("throughput_rps")) == line


def test_a_change_from_nothing_is_said_in_its_unit() -> None:
    values = [0.0] * 5 + [0.02, 0.02]
    said = judge([Point(str(n), value, smallest_difference=0.001) for n, value in enumerate(values)], "lower")
    assert in_words(said[-1], metric("failure_ratio")) == ("regressed since run 5: 0% → 2% of requests")
