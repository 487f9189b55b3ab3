"""`bench run` really measures: real uvicorn, real Locust, a record and a report."""

import csv
import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmark.store import parse_record
from tests.support.bench import Bench, assert_measured
from tests.support.forks import DRAWN

POST_APP = """
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

app = FastAPI()

@app.post("/quick", response_model=None)
async def quick(request: Request):
    body = await request.json()
    return JSONResponse({"got": body, "kind": request.headers["x-kind"]}, status_code=201)
"""

HALF_WRONG_APP = """
from itertools import count
from fastapi import FastAPI

app = FastAPI()
number = count()

@app.get("/quick", response_model=None)
async def quick():
    return {"answer": 42} if next(number) % 2 == 0 else {"sorry": "a fast nothing"}
"""

TWO_STEP_LOCUSTFILE = """
from locust import FastHttpUser, task

class Shopper(FastHttpUser):
    @task
    def shop(self):
        self.client.get("/quick", name="look")
        self.client.get("/pooled", name="buy")
"""


@pytest.fixture(scope="module")
def smoke(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Bench:
    """The repository's own app under the profile `smoke`, measured once."""
    bench = Bench(tmp_path_factory.mktemp("smoke"), environment=dict(DRAWN))
    done = bench.call("run", "--profile", "smoke", "--config", str(repository / "benchmark.toml"), "--threads", "2")
    assert_measured(done)
    return bench


def test_the_four_endpoints_are_measured_and_the_numbers_are_those_of_the_arithmetic(smoke: Bench) -> None:
    record = smoke.record()
    assert record.state == "complete"
    names = [result.name for result in record.endpoints]
    assert names == ["sync_baseline", "async_independent", "async_dependent", "async_concurrent"]
    pooled, independent, dependent, concurrent = (result.summary for result in record.endpoints)
    assert pooled and independent and dependent and concurrent  # noqa: PT018 - one promise: all are there
    assert pooled.failures == independent.failures == dependent.failures == concurrent.failures == 0
    # 2 workers x 2 threads, 0.15 s each, in 2 s: at most 13 rounds of 4 seats. No machine can give more.
    assert 0 < pooled.requests <= 13 * 4
    assert 0 < independent.requests <= 13 * 10
    assert 0 < concurrent.requests <= 40 * 10
    # uvloop keeps its timers in whole milliseconds, so a sleep may end up to one early.
    for summary in (pooled, independent, dependent):
        assert summary.min_ms is not None
        assert summary.min_ms > 150 - 3
    assert concurrent.min_ms is not None
    assert concurrent.min_ms > 50 - 1


def test_a_round_says_what_is_needed_to_judge_it(smoke: Bench) -> None:
    for result in smoke.record().endpoints:
        (measured,) = result.rounds
        assert measured.users_started == 10
        assert measured.connections_per_worker is not None
        assert sum(measured.connections_per_worker) == 10
        assert measured.in_flight is not None
        assert measured.quantiles is not None
        assert sum(measured.timeline.requests) == measured.requests
        assert measured.resources.worker_cpu_mean_percent is not None
        assert not measured.resources.generator_collects_garbage
        assert 1.9 < measured.load_end_s < 3
        assert measured.users_waiting_ratio is None or measured.users_waiting_ratio <= 1.001


def test_the_record_says_where_and_from_what_it_was_made(smoke: Bench) -> None:
    environment = smoke.record().environment
    assert environment.cpu.count >= 1
    assert {"fastapi", "starlette", "uvicorn", "uvloop", "httptools", "anyio", "locust"} <= set(environment.packages)
    assert environment.requirements_sha256 is not None
    assert smoke.record().customised == ("--threads",)
    assert smoke.record().command == "bench run --profile smoke --threads 2"


def test_the_report_lies_beside_the_record_and_is_rendered_the_same_again(smoke: Bench) -> None:
    directory = smoke.folder / "results" / smoke.record().id
    first = (directory / "report.md").read_bytes()
    (directory / "report.md").unlink()
    assert smoke.call("report", str(directory)).returncode == 0
    assert (directory / "report.md").read_bytes() == first
    assert b"| sync_baseline |" in first


def test_raw_rows_are_kept_and_add_up_to_the_table(smoke: Bench) -> None:
    record = smoke.record()
    for result in record.endpoints:
        (raw,) = (smoke.folder / "results" / record.id).glob(f"*{result.name}*/requests.csv")
        window = json.loads((raw.parent / "window.json").read_text())
        rows = list(csv.DictReader(raw.read_text().splitlines()))
        assert len(rows) == window["requests"]
        # What came while the load was being stopped is in the log, and in no table.
        ends_s = [float(row["end_s"]) - window["start_s"] for row in rows]
        assert result.summary is not None
        lasted_s = min(record.profile.duration_s, window["stop_s"] - window["start_s"])
        assert sum(end_s <= lasted_s for end_s in ends_s) == result.summary.requests


def test_publishing_puts_the_record_among_the_reports_once(smoke: Bench) -> None:
    run_directory = smoke.folder / "results" / smoke.record().id
    for _ in range(2):
        assert smoke.call("publish", "--local", str(run_directory)).returncode == 0
    placed = smoke.folder / "reports" / "runs" / smoke.record().id
    pictures = {"latency.svg", "throughput.svg", "timeline.svg"}
    assert {"report.md", "run.json"} <= {path.name for path in placed.iterdir()} <= {"report.md", "run.json", *pictures}
    assert (placed / "run.json").read_bytes() == (run_directory / "run.json").read_bytes()
    assert smoke.record().id in (smoke.folder / "reports" / "README.md").read_text()


def test_a_sweep_makes_a_record_for_each_number_of_users(bench: Bench) -> None:
    done = bench.call("run", "--users", "2,3", "--users", "5", "--duration", "1s", "--json")
    assert_measured(done)
    records = bench.records()
    assert sorted(record.profile.users for record in records) == [2, 3, 5]
    assert len({record.sweep for record in records}) == 1
    printed = json.loads(done.stdout)
    assert [endpoint["users"] for endpoint in printed["endpoints"]] == [2, 3, 5]
    assert all(endpoint["summary"]["requests"] > 0 for endpoint in printed["endpoints"])
    assert [run["plan"]["profile"]["users"] for run in printed["runs"]] == [2, 3, 5]


def test_rounds_are_medians_with_their_spread_and_a_fresh_server_each(bench: Bench) -> None:
    done = bench.call("run", "--rounds", "2", "--duration", "1s", "--json")
    assert_measured(done)
    assert parse_record(done.stdout, "standard output") == bench.record()
    (result,) = bench.record().endpoints
    assert [item.round for item in result.rounds] == [1, 2]
    assert result.summary is not None
    assert result.summary.spread["avg_ms"].low <= (result.summary.avg_ms or 0) <= result.summary.spread["avg_ms"].high


def test_a_wrong_answer_is_a_failure_and_not_a_fast_success(bench: Bench) -> None:
    bench.configure(
        app=HALF_WRONG_APP, endpoint='expect = { pointer = "/answer" }', target="workers = 1", duration="1s"
    )
    done = bench.call("run")
    assert done.returncode == 3, done.stderr
    assert "bench: the run is invalid. quick, " in done.stderr
    (result,) = bench.record().endpoints
    (measured,) = result.rounds
    assert 0.4 < measured.failures / measured.requests < 0.6
    assert [kind.message for kind in measured.failures_by_kind] == ["the response has nothing at /answer"]
    assert "failures" in [finding.kind for finding in measured.warnings]
    assert measured.failed is not None
    assert (measured.failed.requests, measured.failed.failures) == (measured.failures, measured.failures)
    report = (bench.folder / "results" / bench.record().id / "report.md").read_text()
    assert f"| quick, failed | {measured.failures:,} | {measured.failures:,} |" in report
    assert re.search(rf"^quick, failed .* {measured.failures:,} ", done.stdout, re.MULTILINE)


@pytest.mark.parametrize("client", ["fast", "requests"])
def test_a_post_with_json_and_headers_is_sent_by_both_clients(bench: Bench, client: str) -> None:
    bench.configure(
        app=POST_APP,
        endpoint='method = "POST"\njson = { item = "book" }\nheaders = { x-kind = "$BENCH_TEST_KIND" }\n'
        'expect = { status = 201, pointer = "/got/item" }',
        profile=f'client = "{client}"\nwait = "100ms"',
        duration="1s",
    )
    bench.environment["BENCH_TEST_KIND"] = "parcel"
    done = bench.call("run")
    assert_measured(done)
    summary = bench.record().endpoints[0].summary
    assert summary is not None
    assert summary.requests > 0
    assert summary.failures == 0


REDIRECTING_APP = """
from fastapi import FastAPI
from fastapi.responses import RedirectResponse

app = FastAPI()

@app.get("/quick", response_model=None)
async def quick():
    return RedirectResponse("/elsewhere")
"""


@pytest.mark.parametrize("client", ["fast", "requests"])
def test_a_redirect_can_be_what_is_expected_and_is_not_followed(bench: Bench, client: str) -> None:
    bench.configure(
        app=REDIRECTING_APP,
        endpoint="expect = { status = 307 }",
        profile=f'client = "{client}"\nwait = "100ms"',
        duration="1s",
    )
    done = bench.call("run")
    assert_measured(done)
    summary = bench.record().endpoints[0].summary
    assert summary is not None
    assert summary.requests > 0
    assert summary.failures == 0


def test_modules_of_the_user_with_our_names_do_not_take_our_place(bench: Bench) -> None:
    (bench.folder / "load.py").write_text("raise RuntimeError('the wrong load')")
    done = bench.run("run", "--duration", "1s")
    assert_measured(done)
    assert bench.record().command == "bench run --profile quick --duration 1s"


def test_a_locustfile_of_one_s_own_brings_the_users(bench: Bench) -> None:
    (bench.folder / "shop.py").write_text(TWO_STEP_LOCUSTFILE)
    bench.configure(endpoint='locustfile = "shop.py"')
    done = bench.call("run")
    assert_measured(done)
    (measured,) = bench.record().endpoints[0].rounds
    assert measured.requests > 0
    assert measured.failures == 0
    assert measured.in_flight is None  # what somebody else's users are doing cannot be known
    (raw,) = (bench.folder / "results").glob("*/*/requests.csv")
    assert {"look", "buy"} <= {row["name"] for row in csv.DictReader(raw.read_text().splitlines())}


def test_spread_starts_send_the_first_requests_one_after_the_other_over_fresh_connections(bench: Bench) -> None:
    bench.configure(profile='start = "spread"')
    text = (bench.folder / "benchmark.toml").read_text()
    (bench.folder / "benchmark.toml").write_text(text.replace('work = "20ms"', 'work = "8s"').replace('"2s"', '"4s"'))
    done = bench.call("run")
    assert_measured(done)
    record = bench.record()
    (measured,) = record.endpoints[0].rounds
    assert measured.failures == 0
    assert "first requests spread over one answer time" in record.method.start
    # User n of 8 begins n seconds after the gate opened: within 4 s that is the fourth at most, and all are connected.
    assert measured.users_started == 8
    assert measured.users_answered is not None
    assert measured.users_answered <= 4
    assert sum(measured.connections_per_worker or ()) == 8


@pytest.fixture
def app_elsewhere(bench: Bench) -> Iterator[str]:
    """The folder's app, served by somebody else."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "app_under_test:app", "--port", str(port), "--log-level", "warning"]
    with subprocess.Popen(command, cwd=bench.folder) as server:
        bench.wait_for(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0)
        yield f"http://127.0.0.1:{port}"
        server.terminate()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_an_app_that_runs_elsewhere_is_measured_without_server_columns(bench: Bench, app_elsewhere: str) -> None:
    text = (bench.folder / "benchmark.toml").read_text()
    text = text.replace('import = "app_under_test:app"', f'url = "{app_elsewhere}"')
    (bench.folder / "benchmark.toml").write_text(text)
    done = bench.call("run")
    assert_measured(done)
    (measured,) = bench.record().endpoints[0].rounds
    assert measured.requests > 0
    assert measured.connections_per_worker is None
    assert measured.resources.worker_cpu_mean_percent is None
    assert measured.resources.generator_cpu_mean_percent is not None
    report = (bench.folder / "results" / bench.record().id / "report.md").read_text()
    assert "| quick | n/a |" in report


def test_the_port_that_is_asked_for_is_the_one_that_is_used(bench: Bench) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    done = bench.call("run", "--port", str(port), "--duration", "1s")
    assert_measured(done)
    assert f"--port {port}" in (bench.record().method.server_command or "")


def test_the_reference_workload_is_measured_in_turns_with_the_endpoints(bench: Bench) -> None:
    file = bench.folder / "benchmark.toml"
    file.write_text(file.read_text().replace("reference = 0", 'reference = "1s"'))
    done = bench.call("run", "--rounds", "2", "--duration", "1s")
    assert_measured(done)
    found = bench.record().reference
    assert found is not None
    assert len(found.raw) == len(found.cpu_ms) == 2
    assert (found.median("throughput_rps") or 0) > 100
    said = [line.split(":")[0] for line in done.stderr.splitlines() if line.endswith(": starting")]
    assert said == [
        "[1/2] reference round 1/2",
        "[1/2] quick round 1/2",
        "[2/2] reference round 2/2",
        "[2/2] quick round 2/2",
    ]
