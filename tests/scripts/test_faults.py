"""Things that go wrong in the middle: nothing is left running, and what was measured is kept and marked."""

import os
import signal
import subprocess
from collections.abc import Callable

import pytest

from tests.support.bench import Bench, wait_for_line
from tests.support.networks import AS_ROOT_WITH_MOUNTS, needs_mounts, needs_networks

NEVER_READY = """
import asyncio
from contextlib import asynccontextmanager
from fastapi import FastAPI

@asynccontextmanager
async def lifespan(app):
    await asyncio.sleep(600)
    yield

app = FastAPI(lifespan=lifespan)
"""

TWO_ENDPOINTS = """
[endpoints.pooled]
path = "/pooled"
"""


PHASES = {
    "starting": ({"app": NEVER_READY}, ": starting"),
    "verifying": ({"path": "/slow", "startup_timeout": "60s"}, ": verifying"),
    "loading": ({"duration": "60s"}, " users, "),
}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
@pytest.mark.parametrize("phase", PHASES)
def test_an_interruption_stops_everything_and_is_recorded(bench: Bench, phase: str, number: signal.Signals) -> None:
    changes, line = PHASES[phase]
    bench.configure(**changes)
    running = bench.start("run")
    wait_for_line(running.stderr, line)
    running.send_signal(number)
    _, said = running.communicate(timeout=30)
    assert running.returncode == 130, said
    assert f"interrupted by {number.name}" in said
    assert not bench.processes()
    record = bench.record()
    assert record.state == "incomplete"
    assert record.reason is not None
    assert "interrupted" in record.reason
    assert [lost.endpoint for lost in record.missing] == ["quick"]


def test_an_interruption_while_it_stops_changes_nothing(bench: Bench) -> None:
    bench.configure(duration="60s")
    running = bench.start("run")
    wait_for_line(running.stderr, " users, ")
    for _ in range(3):
        running.send_signal(signal.SIGINT)
    running.communicate(timeout=30)
    assert running.returncode == 130
    assert bench.record().state == "incomplete"


def test_even_a_killed_bench_leaves_no_server_behind(bench: Bench) -> None:
    bench.configure(duration="60s")
    running = bench.start("run")
    wait_for_line(running.stderr, " users, ")
    assert bench.commands("uvicorn")
    running.kill()
    running.communicate(timeout=30)
    bench.wait_for(lambda: not bench.processes())
    assert bench.record().state == "running"


def test_what_was_measured_before_an_interruption_is_kept(bench: Bench) -> None:
    bench.configure(endpoint=TWO_ENDPOINTS)
    text = (bench.folder / "benchmark.toml").read_text()
    (bench.folder / "benchmark.toml").write_text(text.replace('["quick"]', '["quick", "pooled"]'))
    running = bench.start("run")
    wait_for_line(running.stderr, "[2/2] pooled: starting")
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=30)
    record = bench.record()
    assert [result.name for result in record.endpoints] == ["quick"]
    assert record.endpoints[0].rounds[0].requests > 0
    assert [lost.endpoint for lost in record.missing] == ["pooled"]
    report = (bench.folder / "results" / record.id / "report.md").read_text()
    assert "This run is not complete" in report


def kill_supervisor(bench: Bench) -> None:
    """Kill uvicorn's parent process."""
    bench.commands("uvicorn")[0].kill()


def kill_worker(bench: Bench) -> None:
    """Kill one of uvicorn's workers."""
    bench.commands("spawn_main")[0].kill()


def kill_locust(bench: Bench) -> None:
    """Kill the load generator."""
    bench.commands("locust")[0].kill()


@pytest.mark.parametrize(
    ("kill", "reason"),
    [
        pytest.param(kill_supervisor, "the server ended in the middle of the load", id="uvicorn"),
        pytest.param(kill_worker, "a worker process of the server died", id="one worker"),
        pytest.param(kill_locust, "the load generator ended with exit code -9", id="Locust"),
    ],
)
def test_a_process_killed_under_load_costs_its_round_and_no_other(
    bench: Bench,
    kill: Callable[[Bench], None],
    reason: str,
) -> None:
    bench.configure(duration="3s", profile="rounds = 2", target="workers = 2")
    running = bench.start("run")
    wait_for_line(running.stderr, " users, ")
    kill(bench)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 3, said
    assert not bench.processes()
    record = bench.record()
    assert record.state == "incomplete"
    assert [(lost.endpoint, lost.round) for lost in record.missing] == [("quick", 1)]
    assert reason in record.missing[0].reason
    assert [item.round for item in record.endpoints[0].rounds] == [2]
    assert reason in said


MOUNT = "mount -t tmpfs -o size=700k tmpfs disk || exit 99; "
KEEP = "code=$?; cp -r disk/. results; exit $code"
OTHER = "10.77.0.1"
WORKER = f'ip link set lo up; ip address add {OTHER}/24 dev lo; "$1" -m scripts worker --master {OTHER} & '
STOP = "code=$?; kill -INT %1; wait %1; (exit $code); "
LOADED_BY = {
    "one process": ("processes = 1", "", f'{MOUNT}"$@"; {KEEP}'),
    "two processes": ("processes = 2", "", f'{MOUNT}"$@"; {KEEP}'),
    "a load worker": ("", f'host = "{OTHER}"', f'{WORKER}{MOUNT}"$@" --expect-workers 1; {STOP}{KEEP}'),
}


@needs_mounts
@needs_networks
@pytest.mark.parametrize("by", LOADED_BY)
def test_a_full_disk_ends_the_run_with_a_record_that_says_so(bench: Bench, by: str) -> None:
    profile, target, script = LOADED_BY[by]
    bench.configure(duration="20s", profile=profile, target=target)
    text = (bench.folder / "benchmark.toml").read_text()
    (bench.folder / "benchmark.toml").write_text(
        text.replace("users = 8", "users = 100").replace("rate = 8", "rate = 100")
    )
    (bench.folder / "disk").mkdir()
    (bench.folder / "results").mkdir()
    command = ["unshare", *AS_ROOT_WITH_MOUNTS, *(["--net"] if target else []), "bash", "-m", "-c", script]
    command += ["bash", *bench.command("run", "--out", "disk")]
    done = subprocess.run(
        command,
        cwd=bench.folder,
        env=os.environ | {"BENCH_TEST_MARK": bench.mark},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    assert "could not be written" in done.stderr
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert ("responses of load workers" in done.stderr) == (by == "a load worker")
    assert not bench.processes()
    record = bench.record()
    assert record.state == "incomplete"
    assert [lost.endpoint for lost in record.missing] == ["quick"]
