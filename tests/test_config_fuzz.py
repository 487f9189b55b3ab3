"""Whatever benchmark.toml, flags and environment hold: it is done, or refused in one line with exit code 2."""

import pytest
from hypothesis import HealthCheck, given, settings

from benchmark.theory import ask
from tests.support.fuzzed_config import Input, inputs, problem


@pytest.fixture(autouse=True)
def _nothing_takes_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MOST_SIMULATED", "MOST_ARRIVALS"):
        monkeypatch.setattr(ask, name, 20_000)


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(given=inputs())
def test_an_input_is_right_or_refused_in_one_line(tmp_path_factory: pytest.TempPathFactory, given: Input) -> None:
    assert problem(given, tmp_path_factory.getbasetemp()) is None
