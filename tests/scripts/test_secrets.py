"""A header value from the environment is sent, and appears nowhere else."""

import re
from base64 import b64encode

import pytest

from tests.support.bench import Bench, assert_measured

SECRET = "tok-5up3r-s3cr3t"  # noqa: S105 - what must not be found anywhere

ECHOING_APP = """
import logging
from fastapi import FastAPI, Request

app = FastAPI()

@app.get("/quick", response_model=None)
async def quick(request: Request):
    token = request.headers["authorization"]
    print("got", token, flush=True)
    if "wrong" in token:
        return {"answer": token}
    return {"answer": {"value": 42}, "echo": token}
"""


def test_a_secret_is_sent_and_appears_in_no_file_line_or_process_list(bench: Bench) -> None:
    bench.configure(
        app=ECHOING_APP,
        endpoint='headers = { Authorization = "Bearer $BENCH_TEST_TOKEN" }\nexpect = { pointer = "/answer/value" }',
    )
    bench.environment["BENCH_TEST_TOKEN"] = SECRET
    running = bench.start("run")
    seen: set[str] = set()
    assert running.stderr is not None
    said = ""
    for line in running.stderr:
        said += line
        for process in bench.processes():
            seen.add(" ".join(process.cmdline()))
    running.wait(timeout=60)
    assert running.returncode == 0, said
    assert any("locust" in command for command in seen)
    assert not [command for command in seen if SECRET in command]
    assert SECRET not in said
    files = [path for path in (bench.folder / "results").rglob("*") if path.is_file()]
    assert any(path.name == "server.log" and "got Bearer [redacted]" in path.read_text() for path in files)
    assert not [path for path in files if SECRET in path.read_text(errors="replace")]


def test_a_secret_in_the_crash_of_an_app_is_not_shown(bench: Bench) -> None:
    bench.configure(
        app='import os\nraise RuntimeError("no database for " + os.environ["BENCH_TEST_TOKEN"])',
        endpoint='headers = { Authorization = "Bearer $BENCH_TEST_TOKEN" }',
    )
    bench.environment |= {"BENCH_TEST_TOKEN": SECRET, "GITHUB_STEP_SUMMARY": str(bench.folder / "summary.md")}
    done = bench.run("run")
    assert done.returncode == 4
    assert "no database for [redacted]" in done.stderr
    assert SECRET not in done.stderr + done.stdout + (bench.folder / "summary.md").read_text()


def test_a_secret_in_what_a_failing_app_prints_is_not_shown(bench: Bench) -> None:
    bench.configure(
        app=ECHOING_APP,
        endpoint='headers = { Authorization = "$BENCH_TEST_TOKEN" }\nexpect = { pointer = "/answer/value" }',
    )
    bench.environment["BENCH_TEST_TOKEN"] = f"wrong-{SECRET}"
    done = bench.call("run")
    assert done.returncode == 4
    assert SECRET not in done.stderr + done.stdout
    files = [path for path in (bench.folder / "results").rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if SECRET in path.read_text(errors="replace")]


LOGIN_APP = """
import base64, os, urllib.parse
from fastapi import FastAPI, HTTPException, Request

app = FastAPI()
token = os.environ["BENCH_TEST_TOKEN"]
print("connecting with", token, token.upper(), urllib.parse.quote_plus(token), flush=True)
print(base64.b64encode(f"user:{token}".encode()).decode(), flush=True)

@app.get("/health", response_model=None)
async def health():
    return {"answer": 42}

@app.post("/login/{name:path}", response_model=None)
async def login(name: str, request: Request):
    body = (await request.body()).decode()
    print(request.url, body, flush=True)
    if name != token or token not in body:
        raise HTTPException(400, "wrong password")
    return {"answer": 42}
"""
LOGIN = """
[endpoints.quick]
path = "/health"
[endpoints.form]
method = "POST"
path = "/login/$BENCH_TEST_TOKEN?next=$BENCH_TEST_TOKEN"
body = "user=a&password=$BENCH_TEST_TOKEN"
[endpoints.json]
method = "POST"
path = "/login/$BENCH_TEST_TOKEN"
json = { user = { password = "$BENCH_TEST_TOKEN" } }
[profiles.quick]"""


@pytest.mark.parametrize("asked", [["quick"], ["form", "json"]], ids=["that is not asked for", "in paths and bodies"])
def test_a_secret_of_any_endpoint_is_sent_where_it_is_named_and_kept_nowhere(bench: Bench, asked: list[str]) -> None:
    bench.configure(app=LOGIN_APP, duration="1s", target="workers = 1")
    file = bench.folder / "benchmark.toml"
    text = re.sub(r"\[endpoints.quick\].*?\[profiles.quick\]", LOGIN.strip(), file.read_text(), flags=re.DOTALL)
    file.write_text(text.replace('endpoints = ["quick"]', f"endpoints = {asked}"))
    bench.environment["BENCH_TEST_TOKEN"] = f"{SECRET}/&+"
    done = bench.call("run")
    assert_measured(done)
    assert not [result for result in bench.record().endpoints if result.rounds[0].failures]
    files = [path for path in (bench.folder / "results").rglob("*") if path.is_file()]
    assert [path for path in files if path.name == "server.log" and "with [redacted]" in path.read_text()]
    hidden = b64encode(SECRET.encode()).decode()[:-4]
    for shown in (done.stdout, done.stderr, *(path.read_text(errors="replace") for path in files)):
        assert not [part for part in (SECRET, SECRET.upper(), hidden) if part in shown]
    if asked != ["quick"]:
        (record,) = (path for path in files if path.name == "run.json")
        assert "password=$BENCH_TEST_TOKEN" in record.read_text()
