"""`bench endpoints` writes what the app of benchmark.toml can be asked, and says what each safe request got."""

import json
from pathlib import Path

import pytest

from benchmark.config import read_config
from tests.support.bench import Bench, assert_measured

APP = """
import os
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPBearer

app = FastAPI()
asked = []

@app.get("/rows")
async def list_rows(limit: int = 2):
    return asked[:limit]

@app.get("/rows/{number}")
async def read_row(number: int):
    raise HTTPException(404)

@app.get("/me")
async def me(login=Depends(HTTPBearer())):
    return {"token": login.credentials} if login.credentials == "token-of-ada" else HTTPException(401)

@app.post("/rows", status_code=201)
async def add(row: dict):
    open("written", "w").close()
"""
CONFIG = """\
# mine
[app]
import = "main:app"  # started
workers = 1

[profiles.quick]
users = 2
spawn_rate = 2
duration = "1s"
reference = 0
endpoints = ["old"]

[endpoints.old]
path = "/rows?limit=1"   # as I want it
"""


@pytest.fixture
def file(bench: Bench) -> Path:
    (bench.folder / "main.py").write_text(APP)
    (bench.folder / "benchmark.toml").write_text(CONFIG)
    return bench.folder / "benchmark.toml"


def test_the_app_of_the_file_is_asked_and_what_lacks_is_written(bench: Bench, file: Path) -> None:
    done = bench.call("endpoints")
    assert done.returncode == 0, done.stderr
    assert "Wrote to benchmark.toml: 2 endpoints, and 1 as comments" in done.stdout
    assert "Tried once: 1 of 3 responded as expected." in done.stdout
    assert "  old (GET /rows?limit=1): 200 in " in done.stdout
    (line,) = [line for line in done.stdout.splitlines() if "read_row (GET /rows/1): status 404 instead of 200" in line]
    assert line.endswith("its values were made up: write ones that exist")
    assert "  me (GET /me): not sent, as $TOKEN is not set: export TOKEN=..." in done.stdout
    assert "Next: `bench run --endpoint old`" in done.stdout
    assert not (bench.folder / "written").exists()
    text = file.read_text()
    assert text.startswith(CONFIG)
    assert '# [endpoints.add]\n# method = "POST"\n# path = "/rows"\n' in text
    assert read_config(file).endpoints["me"].headers == {"Authorization": "Bearer $TOKEN"}
    bench.environment["TOKEN"] = "token-of-ada"  # noqa: S105 - of the test alone
    again = bench.call("endpoints", "--json")
    assert again.returncode == 0, again.stderr
    assert file.read_text() == text
    said = json.loads(again.stdout)
    assert said["written"] == []
    assert {one["name"]: one["status"] for one in said["tried"]} == {"old": 200, "read_row": None, "me": 200}
    assert "token-of-ada" not in again.stdout + again.stderr
    assert_measured(bench.call("run", "--endpoint", "me"))


def test_an_app_that_does_not_start_is_told_where_it_need_not(bench: Bench, file: Path) -> None:
    specification = {"openapi": "3.1.0", "paths": {"/rows": {"get": {}}, "/x": {"get": {"operationId": "x"}}}}
    (bench.folder / "openapi.json").write_text(json.dumps(specification))
    (bench.folder / "main.py").write_text("raise RuntimeError('no database')")
    refused = bench.call("endpoints")
    assert refused.returncode == 4
    assert file.read_text() == CONFIG
    done = bench.call("endpoints", "--from", "openapi.json", "--only", "x")
    assert done.returncode == 0, done.stderr
    assert "Nothing was tried: " in done.stdout
    assert file.read_text() == f'{CONFIG}\n[endpoints.x]\npath = "/x"\n'


@pytest.mark.parametrize(
    ("arguments", "config", "words"),
    [
        (("--from", "nothing.json"), CONFIG, "there is no file nothing.json"),
        (("--from", "curl"), CONFIG, "names no URL"),
        (("--from", "main.py"), CONFIG, "is no JSON"),
        (("--from", "http://127.0.0.1:9/openapi.json"), CONFIG, "cannot be read"),
        ((), "[app", "cannot be read"),
        ((), CONFIG.replace('"/rows?limit=1"', '"rows"'), "endpoints.old.path"),
        (("--config", "none.toml"), CONFIG, "none.toml does not exist"),
    ],
)
def test_wrong_input_is_one_line(bench: Bench, file: Path, arguments: tuple[str, ...], config: str, words: str) -> None:
    file.write_text(config)
    done = bench.call("endpoints", *arguments)
    assert (done.returncode, done.stderr.count("\n"), done.stdout) == (2, 1, "")
    assert words in done.stderr
    assert file.read_text() == config
