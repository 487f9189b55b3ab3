"""A response that is wrong in any way is one failure, with either client, and a run full of them is invalid."""

import itertools
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.scripts import wrong_server
from tests.support.bench import COUNTING_APP, Bench, assert_measured, wait_for_line

CONFIG = """
schema_version = 1
[app]
{app}
[endpoints.q]
path = "{path}"
{endpoint}
[profiles.p]
users = {users}
spawn_rate = {users}
wait = "{wait}"
duration = "{duration}s"
reference = 0
timeout = "{timeout}"
client = "{client}"
endpoints = ["q"]
"""
CLIENTS = pytest.mark.parametrize("client", ["fast", "requests"])


def configure(bench: Bench, **changes: object) -> None:
    """Write the benchmark.toml of a small load."""
    usual = {"app": "", "path": "/q", "endpoint": "", "duration": 2, "timeout": "10s", "client": "fast"}
    usual |= {"users": 4, "wait": "0s"}
    (bench.folder / "benchmark.toml").write_text(CONFIG.format(**(usual | changes)))


@contextmanager
def serving(bench: Bench, how: str) -> Iterator[str]:
    """The server whose every second response is wrong; gives its lines of [app]."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, wrong_server.__file__, str(port), how]
    with subprocess.Popen(command, cwd=bench.folder, stdout=subprocess.PIPE, text=True) as server:
        wait_for_line(server.stdout, "listening")
        try:
            yield f'url = "http://127.0.0.1:{port}"'
        finally:
            server.kill()


@pytest.mark.parametrize(
    ("how", "client"), list(zip(wrong_server.WRONG, itertools.cycle(["fast", "requests"]), strict=False))
)
def test_each_wrong_response_is_one_failure(bench: Bench, how: str, client: str) -> None:
    with serving(bench, how) as app:
        configure(bench, app=app, endpoint='expect = { pointer = "/a" }', client=client, timeout="1s", duration=2)
        done = bench.call("run", "--profile", "p")
    read, wrong = (int((bench.folder / f"{name}.count").read_text()) for name in ("read", "wrong"))
    (found,) = bench.record().endpoints[0].rounds
    unknown = (found.in_flight or 0) + (found.after_end or 0)
    assert found.sent is not None
    assert found.sent - unknown <= read - 1 <= found.sent
    assert found.written in {None, read - 1}
    assert wrong - unknown <= found.failures <= wrong
    assert found.requests > found.failures > 0
    assert done.returncode == 3, done.stderr
    assert "failed" in done.stderr
    assert len(found.failures_by_kind) == 1


@CLIENTS
def test_a_stream_that_breaks_off_is_a_failure_of_its_request(bench: Bench, client: str) -> None:
    shutil.copy(COUNTING_APP, bench.folder)
    configure(bench, app='import = "counting_app:app"', path="/x?wait=20&break=0.25", client=client)
    done = bench.call("run", "--profile", "p")
    (found,) = bench.record().endpoints[0].rounds
    wrong = (bench.folder / "wrong.counted").stat().st_size
    assert wrong - (found.in_flight or 0) - (found.after_end or 0) <= found.failures <= wrong
    assert found.failures > 0
    assert done.returncode == 3, done.stderr


SPELLED = 'headers = { Content-type = "application/vnd.api+json", ACCEPT = "a/b" }\njson = { a = 1 }'
OUR_OWN = 'headers = { user-agent = "mine", accept-encoding = "identity" }\nbody = ""'
HEADERS_APP = """
from fastapi import FastAPI, Request, Response
app, seen = FastAPI(), open("seen", "a", buffering=1)

@app.post("/x")
async def x(request: Request):
    lengths = len(await request.body())
    names = ("content-type", "accept", "content-length", "expect", "user-agent", "accept-encoding", "host")
    seen.write(f"{[request.headers.getlist(name) for name in names]} {lengths}\\n")
    return {}
"""


@pytest.mark.parametrize(
    ("client", "endpoint"),
    [
        pytest.param("fast", SPELLED, id="case"),
        pytest.param("requests", SPELLED, id="case, requests"),
        pytest.param("requests", 'body = "a=1&b=ü"', id="text body"),
        pytest.param("fast", 'headers = { Expect = "100-continue" }\nbody = "abc"', id="Expect"),
        pytest.param("fast", OUR_OWN, id="our own"),
        pytest.param("requests", OUR_OWN, id="our own, requests"),
    ],
)
def test_the_check_before_the_load_sends_the_same_as_the_load(bench: Bench, endpoint: str, client: str) -> None:
    (bench.folder / "headers_app.py").write_text(HEADERS_APP)
    app = 'import = "headers_app:app"\nworkers = 1'
    configure(bench, app=app, path="/x", endpoint=f'method = "POST"\n{endpoint}', client=client, duration=1)
    done = bench.call("run", "--profile", "p")
    assert_measured(done)
    lines = (bench.folder / "seen").read_text().splitlines()
    assert len(lines) > 4
    assert len(set(lines)) == 1, set(lines)


def test_think_time_is_no_alarm_and_req_per_s_is_that_of_whole_cycles(bench: Bench) -> None:
    """20 users, 50 ms, 3 s of thinking: 6.56 requests per second, as Little's law has it."""
    shutil.copy(COUNTING_APP, bench.folder)
    configure(
        bench, app='import = "counting_app:app"\nworkers = 1', path="/x?wait=50", duration=20, users=20, wait="3s"
    )
    done = bench.call("run", "--profile", "p")
    assert_measured(done)
    (found,) = bench.record().endpoints[0].rounds
    assert not [item for item in found.warnings if item.kind == "littles-law"]
    assert found.requests == 140
    assert found.throughput_rps == pytest.approx(20 / 3.052, rel=0.01)


def test_one_user_of_a_fast_response_is_usable(bench: Bench) -> None:
    shutil.copy(COUNTING_APP, bench.folder)
    configure(bench, app='import = "counting_app:app"\nworkers = 1', path="/x", users=1)
    done = bench.call("run", "--profile", "p")
    assert_measured(done)
    (found,) = bench.record().endpoints[0].rounds
    assert not [item for item in found.warnings if item.kind == "littles-law"]
    assert (found.users_waiting_ratio or 1) < 1
