"""The delay of a self-test is as long as it is said to be."""

import pytest

from benchmark.selftest.app import Delay


@pytest.mark.parametrize(
    ("delay_ms", "first"),
    [
        pytest.param(0.0, [0, 0, 0, 0], id="none"),
        pytest.param(0.5, [0, 1, 0, 1], id="half a millisecond"),
        pytest.param(2.5, [2, 3, 2, 3], id="two and a half"),
        pytest.param(10.0, [10, 10, 10, 10], id="whole milliseconds"),
    ],
)
def test_whole_milliseconds_make_up_the_delay_on_average(delay_ms: float, first: list[int]) -> None:
    delay = Delay(delay_ms)
    assert [delay.next_ms() for _ in range(4)] == first
