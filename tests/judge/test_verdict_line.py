"""A judgement in one line: signed, with its noise band, and never without a reason."""

import pytest

from benchmark.judge.metrics import metric
from benchmark.judge.verdict import Point, in_words, judge

QUIET = [100.0] * 10


@pytest.mark.parametrize(
    ("values", "line"),
    [
        pytest.param([100.0] * 4, "inconclusive: only 3 of 5 runs to compare with", id="too few runs"),
        pytest.param([*QUIET, 104], "unchanged: +4.0 % (noise band +/-5.0 %, 10 runs)", id="unchanged"),
        pytest.param(
            [*QUIET, 80],
            "inconclusive: -20.0 % (noise band +/-5.0 %, 10 runs): "
            "worse by more than the noise band; a second run has to confirm it",
            id="suspected",
        ),
        pytest.param(
            [*QUIET, 80, 81], "regressed: -19.0 % (noise band +/-5.0 %, 10 runs), since run 10", id="confirmed"
        ),
        pytest.param(
            [*QUIET, *[80.0] * 6],
            "regressed since run 10, not recovered: 100 → 80 (-20.0 %); "
            "newest run unchanged: +0.0 % (noise band +/-5.0 %, 5 runs)",
            id="open",
        ),
        pytest.param([*QUIET, float("nan")], "inconclusive: the number is nan", id="no number"),
    ],
)
def test_the_last_run_in_words(values: list[float], line: str) -> None:
    said = judge([Point(str(n), value) for n, value in enumerate(values)], "higher")
    assert in_words(said[-1], metric("throughput_rps")) == line


def test_a_change_from_nothing_is_said_in_its_unit() -> None:
    values = [0.0] * 5 + [0.02, 0.02]
    said = judge([Point(str(n), value, smallest_difference=0.001) for n, value in enumerate(values)], "lower")
    assert in_words(said[-1], metric("failure_ratio")) == (
        "regressed: 0.02 of requests, was 0 (noise band +/-0.001, 5 runs), since run 5"
    )
