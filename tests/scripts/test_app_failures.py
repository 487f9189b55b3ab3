"""An app that cannot be started or verified: exit code 4, with what it said last, and nothing left running."""

import pytest

from tests.support.bench import Bench

CRASHES_AT_IMPORT = "raise RuntimeError('no database configured')"
CRASHES_AT_START = """
from contextlib import asynccontextmanager
from fastapi import FastAPI

@asynccontextmanager
async def lifespan(app):
    raise RuntimeError("no database configured")
    yield

app = FastAPI(lifespan=lifespan)
"""
NEVER_READY = """
import asyncio

async def app(scope, receive, send):  # without FastAPI, whose import alone takes seconds on a busy machine
    print("still connecting", flush=True)
    await asyncio.sleep(600)
"""


def failed(bench: Bench) -> str:
    """Run, and require exit code 4; gives the message."""
    done = bench.call("run")
    assert done.returncode == 4, done.stderr
    assert not bench.processes()
    return str(done.stderr)


EXITS_AT_IMPORT = "import sys\nsys.exit('no database configured')"


@pytest.mark.parametrize(
    ("app", "said"),
    [
        pytest.param(CRASHES_AT_IMPORT, "the app crashes when 'app_under_test:app' is imported", id="at import"),
        pytest.param(EXITS_AT_IMPORT, "the app crashes when 'app_under_test:app' is imported", id="exit at import"),
        pytest.param(CRASHES_AT_START, "ended while it was starting", id="at start"),
    ],
)
def test_an_app_that_crashes_shows_its_last_lines(bench: Bench, app: str, said: str) -> None:
    bench.configure(app=app, startup_timeout="40s")
    message = failed(bench)
    assert said in message
    assert "no database configured" in message


def test_an_app_that_never_gets_ready_is_given_up_after_its_time(bench: Bench) -> None:
    bench.configure(app=NEVER_READY, startup_timeout="8s")
    said = failed(bench)
    assert "was not ready after 8 s" in said
    assert 'startup_timeout = "16s"' in said
    assert "still connecting" in said
    record = bench.record()
    assert record.state == "incomplete"
    assert record.missing[0].endpoint == "quick"


@pytest.mark.parametrize(
    ("expectation", "problem"),
    [
        pytest.param("expect = { status = 201 }", "status 200 instead of 201", id="status"),
        pytest.param('expect = { contains = "43" }', "does not contain '43'", id="substring"),
        pytest.param('expect = { pointer = "/answer/other" }', "has nothing at /answer/other", id="pointer"),
    ],
)
def test_an_endpoint_that_answers_wrongly_is_named(bench: Bench, expectation: str, problem: str) -> None:
    bench.configure(endpoint=expectation)
    said = failed(bench)
    assert "endpoint 'quick' (GET /quick) does not respond as expected" in said
    assert problem in said


def test_an_endpoint_that_never_answers_is_given_up(bench: Bench) -> None:
    bench.configure(path="/slow", timeout="3s")  # of a request; the app may start as slowly as it likes
    assert "no complete response within 3.02 s" in failed(bench)


def test_an_app_elsewhere_that_is_not_there_is_named(bench: Bench) -> None:
    bench.configure()
    text = (
        (bench.folder / "benchmark.toml")
        .read_text()
        .replace('import = "app_under_test:app"', 'url = "http://127.0.0.1:9"')
    )
    (bench.folder / "benchmark.toml").write_text(text)
    assert "the request could not be sent: connection refused" in failed(bench)
