"""Changed records: those that are accepted break nothing of the runs next to them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests.publish.fuzzed_records import FIRST, World, at, bases, changed

EXAMPLES = 20


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, World]:
    """A history for each run that is changed."""
    return {name: World(tmp_path_factory.mktemp(name) / "world", record) for name, record in bases().items()}


@settings(max_examples=EXAMPLES, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(case=changed())
def test_a_changed_record_is_refused_in_one_line_or_shown_and_breaks_nothing(
    worlds: dict[str, World], case: tuple[str, dict[str, Any]]
) -> None:
    name, raw = case
    worlds[name].survives(raw)


def _of_prediction(raw: dict[str, Any], value: float) -> None:
    raw["endpoints"][0]["prediction"]["median_ms"] = value


def _of_throughput(raw: dict[str, Any], value: float) -> None:
    raw["endpoints"][0]["summary"]["throughput_rps"] = value


@pytest.mark.parametrize(
    ("change", "value"),
    [
        pytest.param(_of_prediction, 5e-324, id="subnormal: the site"),
        pytest.param(_of_throughput, -1e308, id="negative and huge: sparklines"),
        pytest.param(_of_throughput, 1e300, id="huge"),
    ],
)
def test_what_broke_a_page_once_is_refused(
    worlds: dict[str, World], change: Callable[[dict[str, Any], float], None], value: float
) -> None:
    raw = at(bases()["real"], FIRST + timedelta(days=1))
    assert worlds["real"].survives(raw)
    change(raw, value)
    assert not worlds["real"].survives(raw)


@pytest.mark.parametrize("name", sorted(bases()))
def test_what_is_not_changed_is_accepted(worlds: dict[str, World], name: str) -> None:
    assert worlds[name].survives(at(bases()[name], FIRST + timedelta(days=1)))
