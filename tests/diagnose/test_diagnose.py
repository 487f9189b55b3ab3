"""`bench diagnose` really climbs: real uvicorn, real Locust, a finding that can be kept."""

import json
import signal

import pytest

from benchmark.config import read_config
from benchmark.diagnose.model import Diagnosis
from tests.support.bench import Bench

APP = """
import asyncio, time
from itertools import count
from fastapi import FastAPI, HTTPException

app = FastAPI()
number = count()
three = asyncio.Semaphore(3)

@app.get("/queueing", response_model=None)
async def queueing():
    async with three:
        await asyncio.sleep(0.2)
    return {}

@app.get("/blocking", response_model=None)
async def blocking():
    time.sleep(0.2)
    return {}

@app.get("/failing", response_model=None)
async def failing():
    await asyncio.sleep(0.01)
    if next(number) % 2:
        raise HTTPException(500)
    return {}
"""

ENDPOINTS = """
[endpoints.queueing]    # what is it?
path = "/queueing"

[endpoints.blocking]
path = "/blocking"
served = "event loop"

[endpoints.failing]
path = "/failing"

[endpoints.own]
path = "/queueing"
locustfile = "mine.py"
"""


@pytest.fixture
def climbing(bench: Bench) -> Bench:
    """A folder with endpoints of which nothing, or something wrong, is declared."""
    bench.configure(app=APP, endpoint=ENDPOINTS)
    return bench


def test_a_semaphore_is_found_and_kept(climbing: Bench) -> None:
    done = climbing.call("diagnose", "queueing", "--workers", "1", "--keep")
    assert done.returncode == 0, done.stderr
    assert "Another pool: 3 at a time in one worker" in done.stdout
    assert "Change: Make it larger" in done.stdout
    text = (climbing.folder / "benchmark.toml").read_text()
    assert '[endpoints.queueing]    # what is it?\npath = "/queueing"\nserved = "pool"\nslots = 3\nwork = "2' in text
    kept = read_config(climbing.folder / "benchmark.toml").endpoints["queueing"]
    assert kept.service == "diagnosed/queueing.json"
    assert kept.measured is not None
    assert 200 <= kept.measured.latency_ms[0] <= kept.measured.latency_ms[-1]
    assert kept.measured.responses >= 5
    assert 0 < (kept.measured.server_cpu_us or 0) < 200_000
    assert not climbing.processes()


def test_a_wrong_declaration_is_named_and_left_alone_and_json_is_json(climbing: Bench) -> None:
    before = (climbing.folder / "benchmark.toml").read_text()
    done = climbing.call("diagnose", "blocking", "--workers", "1", "--keep", "--json")
    assert done.returncode == 0, done.stderr
    found = Diagnosis.model_validate(json.loads(done.stdout))
    assert (found.regime, found.seats) == ("blocked event loop", 1)
    assert [level.users for level in found.levels][:4] == [1, 2, 4, 8]
    assert 'declares "event loop", this measurement says "blocked event loop": nothing was written' in done.stderr
    assert (climbing.folder / "benchmark.toml").read_text() == before


def test_an_endpoint_that_fails_half_of_its_requests_gets_one_clear_line(climbing: Bench) -> None:
    done = climbing.call("diagnose", "failing", "--workers", "1")
    assert done.returncode == 3, done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith("bench: ")]
    assert len(said) == 1
    assert "requests to endpoint 'failing' failed, mostly with: status 500 instead of 200. Fix that" in said[0]
    assert not climbing.processes()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["nope"], "there is no endpoint 'nope'; there are: quick, queueing", id="unknown endpoint"),
        pytest.param(["own"], "has a locustfile of its own", id="own locustfile"),
        pytest.param(
            ["queueing", "--most-users", "many"],
            "--most-users: expected a number",
            id="no number",
        ),
        pytest.param(["queueing", "--most-users", "4"], "--most-users: 4 are too few", id="too few users"),
        pytest.param(["queueing", "--workers", "0"], "--workers must be ", id="no workers"),
    ],
)
def test_wrong_usage_is_refused_before_anything_is_started(climbing: Bench, arguments: list[str], said: str) -> None:
    done = climbing.call("diagnose", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_an_app_that_can_not_be_started_ends_with_its_own_exit_code(climbing: Bench) -> None:
    (climbing.folder / "app_under_test.py").write_text("raise RuntimeError('no database')")
    done = climbing.call("diagnose", "queueing")
    assert done.returncode == 4
    assert "no database" in done.stderr


def test_an_interruption_stops_everything(climbing: Bench) -> None:
    running = climbing.start("diagnose", "queueing")
    assert running.stderr is not None
    assert "queueing: starting" in running.stderr.readline()
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=30)
    assert running.returncode == 130, said
    assert "interrupted by SIGINT" in said
    assert not climbing.processes()
