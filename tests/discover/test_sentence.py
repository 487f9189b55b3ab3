"""What the first look says of an endpoint is true, or it says that it does not know."""

import tomllib
from typing import Any

import pytest

from benchmark.discover.discover import MOST_IN_PROFILE, Discovered, config_text, in_a_sentence
from benchmark.discover.operation import Operation
from benchmark.discover.tries import Tried
from benchmark.plan import Target
from tests.support.records import some_record, some_result, some_round


def said(workers: Any, machine: Any, **changes: Any) -> str:
    """Of a round of 20 users."""
    resources = {"worker_cpu_mean_percent": workers, "machine_cpu_mean_percent": machine}
    measured = some_round(resources=resources, **changes)
    results = tuple(some_result(endpoint.name, measured) for endpoint in some_record().plan.endpoints)
    sentences = in_a_sentence(some_record(endpoints=results))
    assert len(sentences) == len(results)
    return sentences[0]


@pytest.mark.parametrize(
    ("median_ms", "min_ms", "rps", "workers", "machine", "expected"),
    [
        pytest.param(21.0, 19.0, 940.0, (40.0, 40.0), 60.0, "20 users do not queue", id="waits"),
        pytest.param(
            54.8, 5.2, 346.0, (80.0, 80.0), 80.0, "queue for the CPU, of which a request takes 4.6 ms", id="cpu"
        ),
        pytest.param(190.0, 10.0, 100.0, (60.0,), 40.0, "About 1 at a time get a response", id="a lock that computes"),
        pytest.param(500.0, 100.0, 40.0, (2.0, 2.0), 20.0, "About 4 at a time get a response", id="pool"),
        pytest.param(500.0, 100.0, 40.0, (2.0, 2.0), 99.0, "the reason cannot be said", id="a machine that is full"),
        pytest.param(500.0, 100.0, 40.0, None, None, "About 4 at a time get a response", id="by its address"),
    ],
)
def test_the_reason_follows_from_the_numbers(
    median_ms: float, min_ms: float, rps: float, workers: object, machine: object, expected: str
) -> None:
    text = said(workers, machine, median_ms=median_ms, min_ms=min_ms, throughput_rps=rps)
    assert expected in text


def test_the_first_run_of_a_large_app_ends_in_minutes() -> None:
    """All endpoints are written down; the profile names the first of those that responded as they should."""
    operations = tuple(Operation(f"list_{number}", "GET", f"/{number}") for number in range(3 * MOST_IN_PROFILE))
    tried = tuple(Tried(one.endpoint(), "status 401" if n == 0 else None, 0.1) for n, one in enumerate(operations))
    found = Discovered(Target(url="http://127.0.0.1:8000"), "there", operations, tried=tried)
    written = tomllib.loads(config_text(found))
    names = [one.name for one in operations]
    assert list(written["endpoints"]) == names
    assert written["profiles"]["quick"]["endpoints"] == names[1 : 1 + MOST_IN_PROFILE]
