"""What goes wrong is named with its cause: settings, connections, cookies, redirects, streams, git, a standstill."""

import os
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from benchmark.record import Finding
from tests.support.bench import COUNTING_APP, Bench, assert_measured
from tests.support.clones import git

APP = """
import asyncio
from starlette.applications import Starlette
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

async def closing(request):
    await asyncio.sleep(0.01)
    return Response("{}", headers={"connection": "close"})

async def secure(request):
    await asyncio.sleep(0.01)
    response = JSONResponse({"known": "session" in request.cookies})
    response.set_cookie("session", "1", secure=True)
    return response

async def endless(request):
    async def ticks():
        while True:
            yield "data: tick\\n\\n"
            await asyncio.sleep(0.2)
    return StreamingResponse(ticks(), media_type="text/event-stream")

async def silent(request):
    async def once():
        yield "data: tick\\n\\n"
        await asyncio.sleep(600)
    return StreamingResponse(once(), media_type="text/event-stream")

async def moved(request):
    return RedirectResponse("/orders/?token=s3cr3t")

async def elsewhere(request):
    return RedirectResponse("https://me:pw@example.org/login\\x85", status_code=302)

async def broken(request):
    return Response(b"no gzip", headers={"content-encoding": "gzip"})

async def unknown(request):
    return Response(b"{}", headers={"content-encoding": "klingon"})

async def limited(request):
    await asyncio.sleep(0.1)
    return JSONResponse({})

async def locked(request):
    return JSONResponse({}, status_code=401, headers={"WWW-Authenticate": 'Basic realm="shop"'})

async def forbidden(request):
    return JSONResponse({"detail": "Not authenticated"}, status_code=403)

async def typed(request):
    detail = [{"loc": ["query", "page"], "msg": "Field required"}, {"loc": ["body"], "msg": "No body"}]
    return JSONResponse({"detail": detail}, status_code=422)

app = Starlette(routes=[Route(f"/{f.__name__}", f) for f in
    (locked, forbidden, typed, closing, secure, endless, silent, moved, elsewhere, broken, unknown, limited)])
"""
CLIENTS = pytest.mark.parametrize("client", ["fast", "requests"])


def findings(bench: Bench) -> dict[str, Finding]:
    """What is said about the only round, by its kind."""
    (measured,) = bench.record().endpoints[0].rounds
    return {finding.kind: finding for finding in measured.warnings}


@CLIENTS
def test_connections_that_are_not_kept_are_noted(bench: Bench, client: str) -> None:
    bench.configure(APP, path="/closing", duration="1s", profile=f'client = "{client}"', target="workers = 1")
    assert_measured(bench.call("run"))
    said = findings(bench)["connections-not-kept"]
    assert said.severity == "note"
    assert '"connection: close", or HTTP/1.0' in said.message
    assert "The server closed the connection after" in next((bench.folder / "results").glob("*/report.md")).read_text()


def test_connections_that_are_closed_now_and_then_are_counted(bench: Bench) -> None:
    shutil.copy(COUNTING_APP, bench.folder / "app_under_test.py")
    app = COUNTING_APP.read_text()
    bench.configure(app, path="/x?wait=10&close=0.25", duration="1s", target="workers = 1")
    assert_measured(bench.call("run"))
    (measured,) = bench.record().endpoints[0].rounds
    assert 0 < (measured.closed or 0) < measured.requests
    assert "connections-not-kept" in findings(bench)


def test_cookies_that_do_not_go_back_over_http_are_named(bench: Bench) -> None:
    bench.configure(APP, path="/secure", duration="1s", target="workers = 1")
    assert_measured(bench.call("run"))
    assert "marked Secure, which are not sent back over http" in findings(bench)["secure-cookies"].message


@pytest.mark.parametrize(
    ("path", "client", "said"),
    [
        pytest.param(
            "/endless",
            "fast",
            "it responds (200, text/event-stream), but the response does not end within 2.02 s; an endless "
            'stream needs stream = "sse" and until = "5s"',
            id="endless stream",
        ),
        pytest.param(
            "/silent",
            "requests",
            "it responds (200, text/event-stream), but the response does not end",
            id="silent stream",
        ),
        pytest.param(
            "/moved", "fast", "status 307 instead of 200: it redirects to /orders/, which no client", id="slash"
        ),
        pytest.param("/moved", "requests", 'write path = "/orders/"', id="the path to write"),
        pytest.param("/elsewhere", "requests", "it redirects to https://example.org/login", id="another host"),
        pytest.param("/locked", "fast", 'write headers = { Authorization = "Basic $TOKEN" }', id="login"),
        pytest.param("/forbidden", "requests", 'Authorization = "Bearer $TOKEN"', id="forbidden"),
        pytest.param("/typed", "fast", "422 instead of 200: query.page (Field required), body (No body)", id="fields"),
    ],
)
def test_the_check_before_a_load_says_what_came_instead(bench: Bench, path: str, said: str, client: str) -> None:
    bench.configure(APP, path=path, timeout="2s", profile=f'client = "{client}"', target="workers = 1")
    done = bench.call("run")
    assert done.returncode == 4, done.stderr
    assert said in done.stderr
    assert "s3cr3t" not in done.stderr
    assert "pw@" not in done.stderr


def test_a_response_that_goes_on_and_on_is_said_while_it_is_waited_for(bench: Bench) -> None:
    bench.configure(APP, path="/endless", timeout="4s", target="workers = 1")
    done = bench.call("run")
    assert "quick responds, but the response does not end; waiting for up to 4.02 s" in done.stderr


@pytest.mark.parametrize(
    ("path", "client", "why"),
    [
        ("/broken", "fast", "the response could not be decoded: it is not gzip"),
        ("/unknown", "requests", "the response's encoding 'klingon' is not known"),
    ],
)
def test_an_encoding_that_can_not_be_undone_is_named_with_its_reason(
    bench: Bench, path: str, why: str, client: str
) -> None:
    expect = 'expect = { contains = "a" }'
    bench.configure(APP, path=path, endpoint=expect, profile=f'client = "{client}"', target="workers = 1")
    done = bench.call("run")
    assert why in done.stderr


@contextmanager
def limited(bench: Bench, most: int) -> Iterator[str]:
    """The app under a uvicorn that allows so many connections; gives its address."""
    bench.configure(APP)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ("-m", "uvicorn", "app_under_test:app", "--port", str(port), "--limit-concurrency", str(most))
    with subprocess.Popen([sys.executable, *words], cwd=bench.folder, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        for line in server.stderr:
            if "running on" in line:
                break
        server.stderr.close()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.kill()


@CLIENTS
def test_the_limit_of_uvicorn_is_named_as_the_cause_of_its_refusals(bench: Bench, client: str) -> None:
    with limited(bench, 5) as url:
        bench.configure(APP, path="/limited", duration="1s", profile=f'client = "{client}"')
        text = (bench.folder / "benchmark.toml").read_text().replace('import = "app_under_test:app"', f'url = "{url}"')
        (bench.folder / "benchmark.toml").write_text(text)
        done = bench.call("run", "--users", "20", "--spawn-rate", "20")
    assert done.returncode == 3, done.stderr
    assert "limit_concurrency" in done.stderr
    assert "Raise --limit-concurrency of the server above 20" in findings(bench)["failures"].remedy
    (measured,) = bench.record().endpoints[0].rounds
    assert [kind.message for kind in measured.failures_by_kind] == [
        "status 503 instead of 200: uvicorn's limit_concurrency"
    ]
    assert (measured.min_ms or 0) > 90


@pytest.mark.parametrize(
    ("name", "text", "processes"),
    [
        pytest.param("locust.conf", "tags = none-of-ours\n", 2, id="tags in the folder"),
        pytest.param("home/.locust.conf", "reset-stats = true\nstop-timeout = 99\n", 1, id="statistics at home"),
        pytest.param("pyproject.toml", "[tool.locust]\nworker = true\n", 2, id="a worker in pyproject.toml"),
        pytest.param("locust.conf", "no-such-setting = 1\n", 1, id="unknown"),
    ],
)
def test_settings_of_locust_that_lie_around_change_nothing(bench: Bench, name: str, text: str, processes: int) -> None:
    bench.configure(duration="1s", target="workers = 1")
    (bench.folder / "home").mkdir()
    (bench.folder / name).write_text(text)
    bench.environment["HOME"] = str(bench.folder / "home")
    assert_measured(bench.call("run", "--processes", str(processes)))
    (measured,) = bench.record().endpoints[0].rounds
    assert measured.requests > 8
    assert measured.failures == 0


@pytest.fixture
def two_commits(bench: Bench) -> Bench:
    """A repository of two commits."""
    bench.configure(
        profile="[profiles.compare]\nusers = 2\nspawn_rate = 2\nduration = '1s'\nrounds = 2\nendpoints = ['quick']"
    )
    git(bench.folder, "init", "--quiet", "--initial-branch=main")
    for name in ("one", "two"):
        (bench.folder / name).write_text("")
        git(bench.folder, "add", "--all")
        git(bench.folder, "commit", "--quiet", f"--message={name}")
    return bench


def test_a_repository_of_another_user_is_named_with_what_makes_git_trust_it(two_commits: Bench) -> None:
    programs = two_commits.folder / "programs"
    programs.mkdir()
    real = shlex.quote(str(shutil.which("git")))
    (programs / "git").write_text(f'#!/bin/sh\nGIT_TEST_ASSUME_DIFFERENT_OWNER=1 exec {real} "$@"\n')
    (programs / "git").chmod(0o755)
    two_commits.environment = {"PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(programs)}
    (two_commits.folder / "reports").mkdir()
    for command in (("compare", "HEAD~1", "HEAD"), ("init",)):
        done = two_commits.call(*command)
        assert done.returncode == 2, done.stderr
        assert done.stderr.count("\n") == 1
        assert f"git config --global --add safe.directory {two_commits.folder}" in done.stderr


@pytest.mark.parametrize("ref", ["HEAD~1", "HEAD~5", "0" * 40])
def test_a_commit_that_a_shallow_clone_lacks_is_named_with_how_to_get_it(two_commits: Bench, ref: str) -> None:
    shallow = two_commits.folder / "shallow"
    git(two_commits.folder, "clone", "--quiet", "--depth=1", f"file://{two_commits.folder}", str(shallow))
    done = Bench(shallow, environment=two_commits.environment).call("compare", ref, "HEAD")
    assert done.returncode == 2, done.stderr
    assert "this clone is shallow" in done.stderr
    assert "git fetch --unshallow" in done.stderr


POOL = """
import queue, time
from fastapi import Depends, FastAPI
app = FastAPI()
pool = queue.Queue()
for number in range(10):
    pool.put(number)

def connection():
    taken = pool.get(timeout=30)
    try:
        yield taken
    finally:
        pool.put(taken)

@app.get("/pool", response_model=None)
def answer(taken=Depends(connection)):
    time.sleep(0.1)
    return {"taken": taken}
"""


def test_a_pool_that_stands_still_is_named_with_the_users_at_which_it_does(bench: Bench) -> None:
    bench.configure(POOL, path="/pool", target="workers = 1")
    done = bench.call("diagnose", "quick", "--most-users", "128")
    assert done.returncode == 0, done.stderr
    assert "it deadlocks: no request gets a response any more" in done.stdout
    assert "Requests wait for each other" in done.stdout
