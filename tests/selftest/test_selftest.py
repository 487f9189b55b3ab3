"""`bench selftest` really measures itself: real uvicorn, real Locust, a delay that reaches the app."""

import time
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.errors import UsageError
from benchmark.judge.noise_floor import SelfTest
from benchmark.measure.load_test import ROOT
from benchmark.measure.round import jobs, measure
from benchmark.plan import Plan, Profile, Target
from benchmark.report.noise_floor import DELAY_VARIABLE, read_selftest
from benchmark.selftest.selftest import APP, ENDPOINTS, order, settings
from benchmark.summary import since_due_ms
from tests.support.bench import Bench

TINY = ("--runs", "1", "--duration", "1s", "--delay", "none")


def test_a_tiny_self_test_is_measured_printed_as_json_and_kept(bench: Bench) -> None:
    reports = bench.folder / "reports"
    reports.mkdir()
    done = bench.call("selftest", *TINY, "--keep", "--json")
    assert done.returncode == 0, done.stderr
    found = SelfTest.model_validate_json(done.stdout)
    assert read_selftest(reports) == found
    assert {sight.endpoint for sight in found.sights} == {"waiting", "computing"}
    assert {sight.runs for sight in found.sights} == {1}
    assert found.injections == ()
    assert not bench.processes()


def test_an_injected_delay_is_in_every_answer_of_the_waiting_endpoint(tmp_path: Path) -> None:
    profile = Profile(name="tiny", users=2, spawn_rate_per_s=2, duration_s=1, endpoints=("waiting",))
    plan = Plan(target=Target(import_path=APP, workers=1), profile=profile, endpoints=ENDPOINTS[:1])
    (job,) = jobs(plan, tmp_path, ROOT)
    rows = measure(replace(job, variables={DELAY_VARIABLE: "100.5"}), time.sleep, lambda *_: None).rows
    assert not rows["error"].any()
    assert since_due_ms(rows).min() > 140  # 50 + 100.5, and timers may be a little early; without it: some 52


def test_delays_are_read_as_a_share_of_the_endpoint_s_own_time_or_as_a_time() -> None:
    found = settings({"delays": ("5%", "5ms")}, quick=False)
    assert [(delay.label, delay.delay_ms) for delay in found.delays] == [("5%", 2.5), ("5ms", 5.0)]
    assert len(order(found)) == 12 + 2 * 2


def test_runs_with_a_delay_are_measured_in_turns_with_those_without() -> None:
    asked = settings({"runs": "6", "delays": ("5%", "5ms")}, quick=False)
    labels = [delay.label for delay in order(asked)]
    assert labels == ["none", "5%", "none", "5ms", "none", "5%", "none", "5ms", "none", "none"]
    few = settings({"runs": "1", "delays": ("5%",)}, quick=False)
    assert [delay.label for delay in order(few)] == ["5%", "none", "5%"]


def test_none_leaves_out_delays() -> None:
    found = settings({"runs": "3", "delays": ("none",)}, quick=True)
    assert (found.runs, found.delays) == (3, ())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        pytest.param({"delays": ("fast",)}, "--delay: 'fast' is not a delay", id="no delay"),
        pytest.param({"delays": ("-5%",)}, "--delay: '-5%' is not a delay", id="negative"),
        pytest.param({"delays": ("nan%",)}, "--delay: 'nan%' is not a delay", id="not a number"),
        pytest.param({"delays": ("2s",)}, "--delay: '2s' is not a delay", id="too long"),
        pytest.param({"runs": "0"}, "--runs must be ", id="no runs"),
        pytest.param({"round_s": "0"}, "--duration must be ", id="no time"),
        pytest.param({"round_s": "1.5s"}, "--duration: must be whole seconds", id="half a second"),
    ],
)
def test_wrong_usage_is_refused_in_one_line(given: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=r"^[^\n]*$") as caught:
        settings(given, quick=False)
    assert str(caught.value).startswith(said)


def test_a_place_to_keep_it_is_looked_for_before_anything_is_measured(bench: Bench) -> None:
    done = bench.call("selftest", *TINY, "--keep")
    assert done.returncode == 2
    assert "there is no directory reports here" in done.stderr
    assert "starting" not in done.stderr
