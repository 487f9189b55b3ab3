"""`processes`: several processes of this machine send the load, as if they were one."""

import json
from itertools import permutations
from pathlib import Path

import pandas as pd
import pytest

from tests.support.bench import Bench, assert_measured, wait_for_line

USERS = 6
LOAD_S = 6
SPREAD_S = 2.4
"""The work that is declared: users' first requests are spread over it."""

SLOW_AT_FIRST = """
import asyncio
from fastapi import FastAPI, Request

app = FastAPI()
known = set()

@app.get("/quick", response_model=None)
async def quick(request: Request):
    caller = (request.client.host, request.client.port)
    first = caller not in known
    known.add(caller)
    await asyncio.sleep(3.5 if first else 0.02)
    return {"answer": 42}
"""
"""Every user has a connection of its own: the first request of each is answered when all users have begun."""


def rows_of(bench: Bench) -> list[pd.DataFrame]:
    """The rows of each process, that ended in time, with when they were sent (s since the load began)."""
    (folder,) = (bench.folder / "results").glob("*/01-quick-1")
    window = json.loads((folder / "window.json").read_text())
    start_s, until_s = window["start_s"], min(LOAD_S, window["stop_s"] - window["start_s"])
    logs = [pd.read_csv(file) for file in sorted(folder.glob("requests-*.csv"))]
    each = [log.assign(sent_s=log["sent_s"] - start_s, end_s=log["end_s"] - start_s) for log in logs]
    return [log[log["end_s"] <= until_s] for log in each]


def test_the_rows_of_all_processes_make_the_table_and_first_requests_take_turns(bench: Bench) -> None:
    changes = {
        "profile": 'processes = 2\nstart = "spread"',
        "endpoint": f'work = "{SPREAD_S}s"',
        "target": "workers = 1",
    }
    bench.configure(app=SLOW_AT_FIRST, **changes)
    file = bench.folder / "benchmark.toml"
    file.write_text(file.read_text().replace('work = "20ms"\n', "").replace("users = 8", f"users = {USERS}"))
    done = bench.call("run", "--duration", f"{LOAD_S}s")
    assert_measured(done)
    (measured,) = bench.record().endpoints[0].rounds
    logs = rows_of(bench)
    assert len(logs) == 2
    both = pd.concat(logs)
    assert len(both) == measured.requests
    assert ((both["end_s"] - both["sent_s"]) * 1000).mean() == pytest.approx(measured.avg_ms, abs=0.01)
    assert measured.users_started == USERS
    assert measured.silences == {}
    assert bench.record().plan.profile.processes == 2
    first = [sorted(log["sent_s"])[: USERS // 2] for log in logs]
    assert any(in_turns(*order) for order in permutations(first)), first


def in_turns(*processes: list[float]) -> bool:
    """Whether no first request was sent before it was due, where the processes take turns; a busy machine is late."""
    return all(
        sent_s >= (place * len(processes) + number) * SPREAD_S / USERS - 0.01
        for number, sent in enumerate(processes)
        for place, sent_s in enumerate(sent)
    )


def test_a_process_that_is_killed_under_load_costs_the_round_at_once(bench: Bench) -> None:
    bench.configure(duration="60s", profile="processes = 2")
    running = bench.start("run")
    wait_for_line(running.stderr, " users, ")
    found = bench.commands("load/locustfile.py")
    loading = [process for process in found if process.parent() in found]
    assert (len(found), len(loading)) == (3, 2), "one leads, and started the others"
    loading[0].kill()
    _, said = running.communicate(timeout=30)
    assert running.returncode == 3, said
    assert "a load process stopped early; 1 of 2 are left" in said
    assert bench.record().state == "incomplete"


def test_a_locustfile_that_crashes_in_its_processes_is_said_with_its_last_lines(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("""
from locust import HttpUser, events, task
from locust.runners import WorkerRunner

class Own(HttpUser):
    @task
    def ask(self):
        self.client.get("/quick")

@events.init.add_listener
def crash(environment, **_):
    if isinstance(environment.runner, WorkerRunner):
        raise SystemExit("no licence for a second process")
""")
    bench.configure(profile="processes = 2", endpoint='locustfile = "own.py"')
    done = bench.call("run")
    assert done.returncode == 3, done.stderr
    assert "a load process stopped early" in done.stderr
    assert "no licence for a second process" in done.stderr
