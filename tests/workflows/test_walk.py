"""docs/on-github.md, followed to the letter in a fork: the workflows are still right, and run.

The fork has an app of its own behind a secret, the document's endpoints, none of the example's profiles but the two
that workflows name, and the repository variable that leaves the tests out.
"""

import json
import re
import tomllib
from collections.abc import Callable

import pytest

from tests.workflows.forge import ROOT, Forge, Outcome, git

MakeForge = Callable[[], Forge]

TOKEN, DATABASE = "s3cr3t-of-the-fork", "postgresql://shop:p4ssw0rd@db/shop"  # what must not be found anywhere
ENV = f"# the .env that is in no checkout\nAPI_TOKEN={TOKEN}\nexport DATABASE_URL='{DATABASE}'\nDEBUG=true\n"
DOCUMENT = ROOT / "docs" / "own-endpoints.md"
KEPT = ("smoke", "compare")
"""Profiles that workflows measure by these names, as step 4 says."""

APP = """
import os

from fastapi import Depends, FastAPI, Header, HTTPException


def customer(authorization: str = Header("")) -> None:
    if authorization != f"Bearer {os.environ['API_TOKEN']}":
        raise HTTPException(401)


app = FastAPI()
print("serving from", os.environ["DATABASE_URL"], flush=True)


@app.get("/orders", response_model=None)
async def orders():
    return {"items": [{"id": 1}]}


@app.post("/orders", response_model=None, status_code=201, dependencies=[Depends(customer)])
async def create():
    return {"id": 2}
"""


DOCKER = """#!/bin/sh
test -f compose.yaml && test -n "$DATABASE_URL" && echo "$*" >> "$(dirname "$0")/docker.calls"
"""
"""Stands in for Docker: notes how it was called, if that was where the file is and with what the file may name."""


def _configuration() -> str:
    """benchmark.toml after step 4: the document's app, endpoints and profile, which is the headline one now."""
    blocks = re.findall(r"```toml\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    app = next(block for block in blocks if block.startswith("[app]") and "import" in block)
    rest = "\n".join(block for block in blocks if not block.startswith(("[app]", " ")))
    own = (ROOT / "benchmark.toml").read_text(encoding="utf-8")
    kept = "\n".join(re.findall(rf"(?ms)^\[profiles\.(?:{'|'.join(KEPT)})\]\n.*?(?=^\[|^# ---)", own))
    kept = re.sub(r"(?m)^endpoints = .*$", 'endpoints = ["create_order"]', kept)
    rest = re.sub(r"(?m)^\[profiles\.mine\]$", "[profiles.mine]\nheadline = true\nreference = 0", rest)
    return _sooner(f'schema_version = 1\n{app}env_file = ".env"\ncompose = "compose.yaml"\n{rest}\n{kept}')


def _sooner(text: str) -> str:
    """The same with loads that take seconds: a test is waited for."""
    for key, value in {"users": "5", "spawn_rate": "5", "duration": '"1s"'}.items():
        text = re.sub(rf"(?m)^{key} = \S+", f"{key} = {value}", text)
    text = re.sub(r"(?m)^rounds = 3", "rounds = 1", text)
    return re.sub(r"(?m)^rounds = 4", "rounds = 2", f"{text}\n[judging]\nsmallest_effect_percent = 50\n")


def _services(forge: Forge) -> list[str]:
    """What was done to the services since this was last asked."""
    calls = forge.home / "bin" / "docker.calls"
    text = calls.read_text()
    calls.unlink()
    return [line.removeprefix("compose --file compose.yaml ") for line in text.splitlines()]


def held(text: str) -> bool:
    return TOKEN in text or "p4ssw0rd" in text


def _fork(forge: Forge) -> None:
    app = {"my_package/__init__.py": "", "my_package/main.py": APP, "compose.yaml": "services: {}\n"}
    forge.fork({"benchmark.toml": _configuration(), **app})
    docker = forge.home / "bin" / "docker"
    docker.write_text(DOCKER)
    docker.chmod(0o755)


@pytest.fixture(scope="module")
def walked(make_forge: MakeForge) -> Forge:
    """A fork in which every step was taken. No workflow was edited."""
    forge = make_forge()
    _fork(forge)
    forge.push({"my_package/main.py": f"{APP}\n# a change\n"})
    return forge


def _run(forge: Forge, event: str, workflow: str = "benchmark.yml", *, secret: bool = True) -> Outcome:
    more = ["--var", "BENCH_TESTS=no", *(["--secret", f"BENCH_SECRETS={ENV}"] if secret else [])]
    outcome = forge.run(event, workflow=workflow, more=more)
    assert outcome.code == 0, outcome.output
    return outcome


def test_the_walk_leaves_the_headline_profile_and_the_two_that_workflows_name() -> None:
    profiles = tomllib.loads(_configuration())["profiles"]
    assert profiles.keys() == {"mine", *KEPT}
    assert profiles["mine"]["headline"]
    asked = re.findall(r"--profile (\w+)", "".join(path.read_text() for path in (ROOT / ".github/workflows").iterdir()))
    assert set(asked) <= set(KEPT)


def test_its_checks_pass_without_the_tests(walked: Forge) -> None:
    outcome = _run(walked, "push", "ci.yml")
    assert outcome.jobs.get("test", "skipped") == "skipped"
    assert (outcome.jobs["pipeline"], outcome.jobs["required-checks-pass"]) == ("success", "success")
    assert "| create_order | " in outcome.output
    assert _services(walked) == ["up --wait --quiet-pull", "down"]
    assert not held(outcome.output)


@pytest.mark.parametrize("workflow", ["ci.yml", "compare.yml"])
def test_a_pull_request_without_the_secret_measures_nothing_and_says_so(walked: Forge, workflow: str) -> None:
    outcome = _run(walked, "pull_request", workflow, secret=False)
    assert "benchmark.toml needs API_TOKEN,.env, and this pull request gets no secrets" in outcome.output
    assert "| create_order | " not in outcome.output


def test_its_schedule_measures_its_own_endpoints_and_publishes_them(walked: Forge) -> None:
    outcome = _run(walked, "schedule")
    assert outcome.jobs["watch"] == "success"
    assert _services(walked) == ["up --wait --quiet-pull", "down"]
    (record,) = walked.records()
    assert record["plan"]["profile"]["name"] == "mine"
    assert [one["rounds"][0]["failures"] for one in record["endpoints"]] == [0, 0]
    assert "create_order" in walked.published("README.md")
    assert not held(outcome.output)
    written = [path.read_text(errors="replace") for path in walked.artifacts.rglob("*") if path.is_file()]
    assert any("serving from [redacted]" in text for text in written)
    assert not any(map(held, written))
    assert not held(git(walked.origin, "grep", "-I", "", "main"))
    assert record["plan"]["target"]["env"] == {name: f"${name}" for name in ("API_TOKEN", "DATABASE_URL", "DEBUG")}


def test_a_pull_request_of_its_own_is_compared(walked: Forge) -> None:
    outcome = _run(walked, "pull_request", "compare.yml")
    assert _services(walked) == ["up --wait --quiet-pull", "down"]
    (file,) = walked.artifacts.glob("compare/*/compare.json")
    assert {item["endpoint"] for item in json.loads(file.read_text())["differences"]} == {"create_order"}
    assert not held(outcome.output)


def test_one_without_the_secret_where_it_is_needed_by_a_push_is_refused(walked: Forge) -> None:
    """A push has every secret there is: that one is missing is a mistake."""
    outcome = walked.run("push", workflow="ci.yml", more=["--var", "BENCH_TESTS=no"])
    assert outcome.code != 0
    assert ".env does not exist; write it, or hand its values over in BENCH_SECRETS" in outcome.output


def test_where_only_some_are_handed_over_the_run_names_what_is_missing(walked: Forge) -> None:
    more = ["--var", "BENCH_TESTS=no", "--secret", f"BENCH_SECRETS=DATABASE_URL={DATABASE}"]
    outcome = walked.run("pull_request", workflow="ci.yml", more=more)
    assert outcome.code != 0
    assert (
        'names $API_TOKEN, which is not set; put it into the secret BENCH_SECRETS of the repository: {"API_TOKEN"'
        in outcome.output
    )
    assert not held(outcome.output)


def test_doctor_hears_the_names_of_the_secrets_in_the_job_that_may_write(make_forge: MakeForge) -> None:
    forge = make_forge()
    _fork(forge)
    forge.hook("pre-receive", "exit 1")
    outcome = forge.run("schedule", more=["--secret", f"BENCH_SECRETS={ENV}"])
    assert outcome.jobs["publish"] == "failure", outcome.output
    assert "fine         secrets and files: " in outcome.output
    assert not held(outcome.output)
