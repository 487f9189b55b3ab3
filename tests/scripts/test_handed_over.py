"""An app behind secrets of several names, as a workflow measures it: one variable holds them, and no .env is there."""

import json
from pathlib import Path

import pytest

from tests.support.bench import Bench, assert_measured

TOKEN, DATABASE = "t0ken-0f-the-sh0p", "postgresql://shop:pa55w0rd-0f-it@db/shop?sslmode=require"
HANDED = json.dumps({"API_TOKEN": TOKEN, "SHOP_DB": DATABASE, "UNUSED": None})
APP = f"""
import os, sys
from fastapi import FastAPI, Header, HTTPException

assert os.environ["DATABASE_URL"] == os.environ["SHOP_DB"] == {DATABASE[::-1]!r}[::-1]
assert "BENCH_SECRETS" not in os.environ
print("connecting to", os.environ["DATABASE_URL"], flush=True)
app = FastAPI()

@app.get("/q")
async def q(authorization: str = Header("")):
    print("asked with", authorization, file=sys.stderr, flush=True)
    if authorization != "Bearer " + os.environ["API_TOKEN"]:
        raise HTTPException(401)
    return {{"a": os.environ["SHOP_DB"]}}
"""
CONFIG = """
[app]
import = "main:app"
env_file = ".env"
env = { DATABASE_URL = "$SHOP_DB", DEBUG = false, MODE = "imported" }
[endpoints.q]
path = "/q"
headers = { Authorization = "Bearer $API_TOKEN" }
[endpoints.open]
path = "/openapi.json"
[profiles.quick]
users = 2
spawn_rate = 2
duration = "1s"
reference = 0
endpoints = ["q"]
[profiles.open]
users = 1
spawn_rate = 1
duration = "1s"
endpoints = ["open"]
[judging]
smallest_effect_percent = 50
"""


@pytest.fixture
def shop(bench: Bench) -> Bench:
    (bench.folder / "main.py").write_text(APP)
    (bench.folder / "benchmark.toml").write_text(CONFIG)
    return bench


def holds(text: str) -> bool:
    return TOKEN in text or DATABASE in text or "pa55w0rd" in text


def test_they_reach_the_app_and_its_requests_and_nothing_that_is_written_or_listed(shop: Bench) -> None:
    shop.environment["BENCH_SECRETS"] = HANDED
    running = shop.start("run")
    assert running.stderr is not None
    said, seen = "", set()
    for line in running.stderr:
        said += line
        seen |= {" ".join(process.cmdline()) for process in shop.processes()}
    assert running.wait(timeout=60) == 0, said
    assert any("uvicorn" in command for command in seen)
    assert not [command for command in seen if holds(command)]
    assert not holds(said)
    files = [path for path in (shop.folder / "results").rglob("*") if path.is_file()]
    assert not [path for path in files if holds(path.read_text(errors="replace"))]
    logs = "".join(path.read_text() for path in files if path.name == "server.log")
    assert "connecting to [redacted]" in logs
    assert "asked with Bearer [redacted]" in logs
    assert shop.record().plan.target.env.keys() == {"API_TOKEN", "SHOP_DB", "DATABASE_URL", "DEBUG", "MODE"}


def test_without_them_each_is_named_with_what_to_do(shop: Bench) -> None:
    done = shop.call("run")
    assert done.returncode == 2
    assert "app.env_file" in done.stderr
    assert ".env does not exist; write it, or hand its values over in BENCH_SECRETS" in done.stderr
    shop.environment["BENCH_SECRETS"] = json.dumps({"API_TOKEN": TOKEN})
    assert "names $SHOP_DB, which is not set; set it: export SHOP_DB=..." in shop.call("run").stderr
    shop.environment["GITHUB_ACTIONS"] = "true"
    hint = (
        'names $SHOP_DB, which is not set; put it into the secret BENCH_SECRETS of the repository: {"SHOP_DB": "..."}'
    )
    assert hint in shop.call("run").stderr
    shop.environment["BENCH_SECRETS"] = json.dumps({"SHOP_DB": DATABASE})
    done = shop.call("run")
    assert (done.returncode, "endpoint 'q' names $API_TOKEN" in done.stderr) == (2, True)


def test_what_is_wrong_with_them_is_one_line(shop: Bench) -> None:
    shop.environment["BENCH_SECRETS"] = HANDED[:-1]
    done = shop.call("run")
    assert done.returncode == 2
    assert done.stderr.startswith("bench: BENCH_SECRETS is no JSON object: ")
    assert done.stderr.count("\n") == 1
    assert not holds(done.stderr)


def outputs(shop: Bench, *words: str) -> tuple[str, dict[str, str]]:
    file = shop.folder / "outputs"
    file.unlink(missing_ok=True)
    shop.environment["GITHUB_OUTPUT"] = str(file)
    done = shop.call("variables", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout, dict(line.split("=", 1) for line in file.read_text().splitlines())


def test_variables_says_what_is_needed_and_what_is_missing(shop: Bench) -> None:
    said, told = outputs(shop)
    assert said.splitlines() == [
        "missing SHOP_DB: [app] env DATABASE_URL",
        "missing API_TOKEN: endpoint q",
        "missing .env: [app] env_file",
    ]
    assert told == {"missing": "SHOP_DB,API_TOKEN,.env", "handed_over": ""}
    assert outputs(shop, "--profile", "open")[1]["missing"] == "SHOP_DB,.env"
    (shop.folder / ".env").write_text("SHOP_DB=1\n")
    assert outputs(shop)[1]["missing"] == "API_TOKEN"
    (shop.folder / ".env").unlink()
    shop.environment["BENCH_SECRETS"] = HANDED
    said, told = outputs(shop)
    assert "missing" not in said
    assert not holds(said)
    assert told == {"missing": "", "handed_over": "API_TOKEN,SHOP_DB"}


def test_only_in_a_workflow_and_when_asked_the_runner_is_told_what_to_hide(shop: Bench) -> None:
    values = {"A": "a line of it\nand another\n", "B": "true", "C": "100%\rof it"}
    shop.environment["BENCH_SECRETS"] = json.dumps(values)
    assert "add-mask" not in outputs(shop, "--mask")[0]
    shop.environment["GITHUB_ACTIONS"] = "true"
    assert "add-mask" not in outputs(shop)[0]
    hidden = [line for line in outputs(shop, "--mask")[0].splitlines() if line.startswith("::")]
    assert hidden == ["::add-mask::a line of it", "::add-mask::and another"], "short ones would spoil every log"
    shop.environment["BENCH_SECRETS"] = json.dumps({"A": "100% of it"})
    assert "::add-mask::100%25 of it\n" in outputs(shop, "--mask")[0]


def test_what_judges_and_predicts_needs_no_secret(shop: Bench) -> None:
    """The job that publishes has none, and no .env; the thresholds of benchmark.toml hold all the same."""
    shop.environment["BENCH_SECRETS"] = HANDED
    assert_measured(shop.call("run"))
    del shop.environment["BENCH_SECRETS"]
    published = shop.call("publish", "--local", "results")
    assert (published.returncode, "default thresholds" in published.stderr) == (0, False), published.stderr
    assert shop.call("watch", "--dry-run").returncode == 0
    assert shop.call("predict", "--service-seconds", "0.1", "--seats", "2").returncode == 0
    assert not [path for path in Path(shop.folder, "reports").rglob("*.*") if holds(path.read_text(errors="replace"))]


def test_doctor_in_a_job_that_gets_the_names_alone(shop: Bench) -> None:
    def state() -> tuple[str, str]:
        checks = json.loads(shop.call("doctor", "--json").stdout)["checks"]
        found = next(check for check in checks if check["check"] == "secrets and files")
        return found["state"], found["message"]

    assert state()[0] == "blocks"
    shop.environment["BENCH_SECRET_NAMES"] = "SHOP_DB"  # noqa: S105 - a name
    blocked, why = state()
    assert blocked == "blocks"
    assert "endpoint 'q' names $API_TOKEN, which is not set" in why
    shop.environment["BENCH_SECRET_NAMES"] = "API_TOKEN,SHOP_DB"  # noqa: S105 - names
    assert state()[0] == "fine"
