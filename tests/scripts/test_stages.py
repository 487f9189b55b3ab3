"""Stages: the load changes when it is to, each request is of one stage, and the time to recover is measured."""

import numpy as np
import pandas as pd
import pytest

from benchmark.record import Round
from tests.support.bench import Bench, assert_measured

APP = """
import asyncio
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

slots = asyncio.Semaphore(10)

async def pool(request):
    async with slots:
        await asyncio.sleep(0.1)
    return JSONResponse({"answer": 42})

async def quick(request):
    await asyncio.sleep(0.02)
    return JSONResponse({"answer": 42})

app = Starlette(routes=[Route("/pool", pool), Route("/quick", quick)])
"""
TOML = """
schema_version = 1
[app]
import = "staged_app:app"
workers = 1
[endpoints.pool]
path = "/pool"
served = "pool"
slots = 10
work = "100ms"
[endpoints.quick]
path = "/quick"
served = "event loop"
work = "20ms"
[mixes.both]
requests = { pool = 1, quick = 3 }
[profiles.spike]
stages = ["3s@5", "1s@100", "3s@5"]
reference = 0
endpoints = ["pool"]
[profiles.plain]
users = 4
spawn_rate = 4
duration = "2s"
reference = 0
endpoints = ["quick"]
"""


@pytest.fixture
def staged(bench: Bench) -> Bench:
    (bench.folder / "staged_app.py").write_text(APP)
    (bench.folder / "benchmark.toml").write_text(TOML)
    return bench


def measured(bench: Bench) -> Round:
    (result,) = bench.record().endpoints
    (found,) = result.rounds
    return found


def rows(bench: Bench) -> pd.DataFrame:
    """Moments of all requests (s since the load began)."""
    files = sorted((bench.folder / "results").glob("*/*/requests*.csv"))
    window = pd.read_json(next((bench.folder / "results").glob("*/*/window.json")), typ="series")
    found = pd.concat([pd.read_csv(file, usecols=["due_s", "sent_s", "end_s"]) for file in files])
    return pd.DataFrame(found - (window["opened_s"] or window["start_s"]))


def under_way(found: pd.DataFrame, moment_s: float) -> int:
    return int(((found["sent_s"] <= moment_s) & (found["end_s"] > moment_s)).sum())


@pytest.mark.parametrize("processes", ["1", "2"])
def test_users_change_within_a_second_of_each_border_and_every_request_is_counted(
    staged: Bench, processes: str
) -> None:
    assert_measured(staged.call("run", "--profile", "spike", "--processes", processes))
    found, seen = rows(staged), measured(staged)
    # without think time each user has a request under way, but for a moment
    for moment_s, users in ((1.5, 5), (3.9, 100), (6.5, 5)):
        assert under_way(found, moment_s) == pytest.approx(users, abs=1)
    assert seen.staged is not None
    stages = seen.staged.stages
    assert [(one.level, one.start_s, one.end_s) for one in stages] == [(5, 0, 3), (100, 3, 4), (5, 4, 7)]
    assert sum(one.requests for one in stages) == seen.requests
    assert seen.sent == seen.requests + (seen.in_flight or 0) + (seen.after_end or 0)
    assert seen.in_flight == pytest.approx(5, abs=1)  # who left got the response that they waited for
    # 100 requests are under way when the spike ends, and ten are served in 0.1 s
    assert stages[2].recovery is not None
    assert stages[2].recovery.after_s == pytest.approx(1.0, abs=0.25)
    assert not {one.kind for one in seen.warnings} & {"littles-law", "no-steady-part", "users-never-answered"}
    assert seen.prediction is not None
    assert 300 < seen.prediction.requests < 550  # 50, 100 and 50 a second; 100 users for seven seconds would get 700


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_rate_changes_at_each_border_and_a_burst_drains_as_it_must(staged: Bench, processes: str) -> None:
    flags = ["--stages", "2s@50/s,1s@200/s", "--stages", "4s@50/s", "--users", "300", "--spawn-rate", "300"]
    done = staged.call("run", "--profile", "plain", "--endpoint", "pool", *flags, "--processes", processes)
    assert_measured(done)
    found, seen = rows(staged), measured(staged)
    counted, _ = np.histogram(found["due_s"] + 1e-4, bins=range(7))
    assert counted[:6] == pytest.approx(np.array([50, 50, 200, 50, 50, 50]), abs=8)
    assert seen.staged is not None
    _, spike, after = seen.staged.stages
    assert spike.requests == pytest.approx(200, abs=8)
    # 100 a second are served: 100 wait after the burst, and 50 of those a second go
    assert after.recovery is not None
    assert after.recovery.after_s == pytest.approx(2.0, abs=0.3)
    assert seen.open_load is not None
    assert seen.open_load.sent == pytest.approx(seen.open_load.due, rel=0.01)
    assert "recovered after" in done.stdout


def test_the_command_of_a_record_repeats_its_stages(staged: Bench) -> None:
    assert_measured(staged.call("run", "--profile", "plain", "--stages", "1s@2, 1000ms@3"))
    record = staged.record()
    assert record.command == "bench run --profile plain --stages 1s@2 --stages 1s@3"
    assert record.customised == ("--stages",)
    assert (record.profile.users, record.profile.duration_s, record.profile.load) == (3, 2, "2 → 3 users")


@pytest.mark.parametrize("more", ['wait = "50ms"', 'client = "requests"', 'pacing = "100ms"', 'start = "spread"'])
def test_users_of_a_mix_come_and_go_however_they_send_and_think(staged: Bench, more: str) -> None:
    profile = f'[profiles.mixed]\nstages = ["1s@3", "1s@9", "2s@3"]\nreference = 0\nendpoints = ["both"]\n{more}\n'
    (staged.folder / "benchmark.toml").write_text(TOML + profile)
    assert_measured(staged.call("run", "--profile", "mixed"))
    seen = measured(staged)
    assert seen.staged is not None
    assert [one.level for one in seen.staged.stages] == [3, 9, 3]
    assert sum(one.requests for one in seen.staged.stages) == seen.requests == sum(one.requests for one in seen.parts)
    assert seen.users_started == 9
    assert seen.sent == seen.requests + (seen.in_flight or 0) + (seen.after_end or 0)
    report = next((staged.folder / "results").glob("*/report.md")).read_text()
    assert "## Stages" in report
    assert "| both | 1 s to 2 s: 9 users |" in report


def test_what_failed_in_a_stage_stands_in_its_row(staged: Bench) -> None:
    limited = TOML.replace("workers = 1", 'workers = 1\nserver_args = ["--limit-concurrency", "20"]')
    (staged.folder / "benchmark.toml").write_text(limited)
    staged.call("run", "--profile", "spike")
    seen = measured(staged)
    assert seen.staged is not None
    before, spike, _ = seen.staged.stages
    assert before.failures == 0
    assert 0 < spike.failures <= seen.failures


WRONG_FLAGS = [
    (["--stages", "30s"], "does not say how many"),
    (["--stages", "@50"], "does not say for how long"),
    (["--stages", "0s@50"], "whole seconds, from 1s"),
    (["--stages", "1.5s@50"], "whole seconds, from 1s"),
    (["--stages", "30s@"], "does not say how many"),
    (["--stages", "3s@0"], "users are whole, from 1"),
    (["--stages", "3s@5,3s@50/s"], "use one kind for all"),
    (["--stages", "3s@5", "--duration", "3s"], "--duration: the stages 3s@5 say how long"),
    (["--stages", "3s@5", "--users", "3,4"], "--users: the stages 3s@5 say how many"),
    (["--stages", "3s@5/s", "--rate", "5/s"], "--rate: the stages 3s@5/s say the load"),
    (["--profile", "spike", "--rate", "5/s"], "or change them with --stages"),
    (["--profile", "spike", "--users", "5"], "or change them with --stages"),
]


@pytest.mark.parametrize(("flags", "said"), WRONG_FLAGS, ids=[" ".join(flags) for flags, _ in WRONG_FLAGS])
def test_wrong_stages_are_one_line_and_start_nothing(staged: Bench, flags: list[str], said: str) -> None:
    profile = [] if "--profile" in flags else ["--profile", "plain"]
    done = staged.call("run", *profile, *flags)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert said in done.stderr
    assert not (staged.folder / "results").exists()


WRONG_KEYS = {
    'stages = ["3s"]': "stages: '3s' does not say how many",
    "stages = 5": "must be a list",
    "stages = [5]": "is no stage",
    'stages = ["3s@5"]\nduration = "3s"': "takes stages or duration, not both",
    'stages = ["3s@5"]\nusers = 7': "takes stages or users, not both",
    'stages = ["3s@5/s"]\nusers = 5\nrate = "5/s"': "takes stages or rate, not both",
    'stages = ["3s@5/s"]\nusers = 5\nspawn_rate = 5\nwait = "1s"': "not both: requests of a rate do not wait",
}


@pytest.mark.parametrize("keys", WRONG_KEYS)
def test_wrong_stages_in_a_profile_are_one_line(staged: Bench, keys: str) -> None:
    (staged.folder / "benchmark.toml").write_text(f'{TOML}[profiles.wrong]\nendpoints = ["pool"]\n{keys}\n')
    done = staged.call("run", "--profile", "wrong")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "profiles.wrong" in done.stderr
    assert WRONG_KEYS[keys] in done.stderr


@pytest.mark.parametrize("command", [["predict", "pool"], ["compare", "HEAD"]], ids=["predict", "compare"])
def test_commands_that_need_a_steady_load_say_so(staged: Bench, command: list[str]) -> None:
    done = staged.call(*command, "--profile", "spike")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "has stages" in done.stderr
