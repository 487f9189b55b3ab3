"""An app that runs already: `bench run --url`, with a benchmark.toml and without one."""

import base64
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.support.bench import Bench, assert_measured

APP = """
from fastapi import FastAPI, HTTPException, Request
inner = FastAPI()

@inner.get("/q")
async def q(): return {"a": 1}

@inner.get("/locked")
async def locked(request: Request):
    if not request.headers.get("authorization", "").startswith("Basic "):
        raise HTTPException(401, headers={"WWW-Authenticate": "Basic"})
    return {"got": request.headers["authorization"]}

@inner.get("/old", response_model=None)
async def old():
    from fastapi.responses import RedirectResponse
    return RedirectResponse("/api/q")

app = FastAPI(openapi_url=None)
app.mount("/api", inner)
"""
CONFIG = """
[app]
import = "not_here:app"
python = "not/here"
workers = 4
before = "false"
compose = "nowhere.yaml"
[endpoints.locked]
path = "/locked"
headers = { Authorization = "Basic $LOGIN" }
[profiles.quick]
users = 4
spawn_rate = 4
duration = "1s"
reference = 0
endpoints = ["locked"]
"""


@pytest.fixture
def url(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An app behind TLS on an IPv6 address, below a prefix; ca.pem lies in the folder, a benchmark.toml does not."""
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "served.py").write_text(APP)
    ca, certificate = trustme.CA(), folder / "server.pem"
    ca.cert_pem.write_to_path(str(bench.folder / "ca.pem"))
    ca.issue_cert("::1").private_key_and_cert_chain_pem.write_to_path(str(certificate))
    (bench.folder / "benchmark.toml").unlink()
    with socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "served:app", "--host", "::1", "--port", str(port)]
    with subprocess.Popen([*command, "--ssl-certfile", certificate], cwd=folder, stderr=subprocess.PIPE) as server:
        try:
            assert server.stderr is not None
            assert next(line for line in server.stderr if b"running on" in line)
            yield f"https://[::1]:{port}/api"
        finally:
            server.kill()


def test_without_a_benchmark_toml_what_responds_is_measured_and_recorded(bench: Bench, url: str) -> None:
    done = bench.call("run", "--url", url, "--ca-file", "ca.pem", "--duration", "1s", "--users", "4")
    assert_measured(done)
    left_out = "not /locked (status 401 instead of 200); not /old (status 307 instead of 200)"
    assert f"{url}: /q; {left_out}" in done.stderr
    record = bench.record()
    assert record.plan.target.url == url
    assert [endpoint.name for endpoint in record.endpoints] == ["q"]
    assert record.command == f"bench run --url '{url}' --users 4 --duration 1s --ca-file ca.pem"


def test_with_one_its_endpoints_and_profile_hold_for_the_other_address(bench: Bench, url: str) -> None:
    (bench.folder / "benchmark.toml").write_text(CONFIG)
    login = base64.b64encode(b"someone:not-for-the-public").decode()
    bench.environment["LOGIN"] = login
    assert_measured(bench.call("run", "--url", url, "--ca-file", "ca.pem"))
    record = bench.record()
    assert record.plan.target.url == url
    assert record.customised == ("--url", "--ca-file")
    assert record.command == f"bench run --profile quick --url '{url}' --ca-file ca.pem"
    assert login not in json.dumps(record.model_dump(mode="json"))
    for word in (login, "not-for-the-public"):
        written = [file for file in (bench.folder / "results").rglob("*") if file.is_file()]
        assert not [file for file in written if word.encode() in file.read_bytes()]
    untrusted = bench.call("run", "--url", url)
    assert untrusted.returncode == 4
    assert 'write ca_file = "ca.pem" into [app], or --ca-file' in untrusted.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("http://me:pass-word@127.0.0.1:9",), "must not hold a user or password"),
        (("http://127.0.0.1:9/q?token=pass-word",), 'put it into a variable: "$TOKEN"'),
        (("http://[::1",), "Invalid IPv6 URL"),
        (("127.0.0.1:9",), 'must start with "http://"'),
        (("http://127.0.0.1:9", "--workers", "2"), "--workers: the app at http://127.0.0.1:9 is not started here"),
        (("http://127.0.0.1:9", "--ca-file", "ca.pem"), "https://"),
        (("https://127.0.0.1:9", "--ca-file", "ca.pem"), "ca.pem"),
    ],
)
@pytest.mark.parametrize("config", ["", CONFIG], ids=["alone", "with a benchmark.toml"])
def test_what_cannot_be_loaded_is_refused_in_one_line(
    bench: Bench, config: str, arguments: tuple[str, ...], said: str
) -> None:
    bench.environment["LOGIN"] = "c29tZTpib2R5"
    file = bench.folder / "benchmark.toml"
    file.write_text(config)
    if not config:
        file.unlink()
    done = bench.call("run", "--url", *arguments)
    if config and "token" in arguments[0]:
        said = "must end with the path"
    refused = [line for line in done.stderr.splitlines() if not line.startswith("no benchmark.toml here")]
    assert (done.returncode, len(refused)) == (2, 1), done.stderr
    assert said in refused[0]
    assert "pass-word" not in done.stderr
    assert not Path(bench.folder, "results").exists()


def test_where_nothing_listens_the_address_is_named(bench: Bench) -> None:
    done = bench.call("run", "--url", "http://127.0.0.1:9", "--profile", "quick")
    assert done.returncode == 4
    assert "connection refused. Check that the app runs at http://127.0.0.1:9." in done.stderr
