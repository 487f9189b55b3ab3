"""Who asks for more users than this machine has room for hears so before anything is started, and what to do."""

import subprocess
import sys

import pytest

from benchmark.errors import UsageError
from benchmark.measure.machine import BYTES_PER_USER, PORTS_BESIDE, Room, check_room, lacking, room
from benchmark.plan import Endpoint, Target
from benchmark.uploads import Upload
from load.spec import SPARE_FILES
from tests.support.bench import Bench
from tests.support.records import some_plan

ENOUGH = Room(files=10_000, ports=10_000, memory_bytes=2**30)


@pytest.mark.parametrize(
    ("there", "missing"),
    [
        pytest.param(Room(500 + SPARE_FILES, None, None), None, id="just enough files"),
        pytest.param(Room(499 + SPARE_FILES, None, None), "need 700 open files in one process, 699 are", id="files"),
        pytest.param(Room(None, 500 + PORTS_BESIDE, None), None, id="just enough ports"),
        pytest.param(Room(None, 499 + PORTS_BESIDE, None), "or use at most 499 users", id="ports"),
        pytest.param(Room(None, None, 500 * BYTES_PER_USER["fast"]), None, id="just enough memory"),
        pytest.param(Room(None, None, 500 * BYTES_PER_USER["fast"] - 1), "close other programs", id="memory"),
        pytest.param(Room(None, None, None), None, id="nothing known"),
        pytest.param(ENOUGH, None, id="enough of all"),
    ],
)
def test_what_is_missing_is_said_with_the_remedy(there: Room, missing: str | None) -> None:
    found = lacking(some_plan(users=500).profile, there)
    assert found is None if missing is None else missing in (found or "")


def test_the_client_that_takes_more_memory_needs_more() -> None:
    there = Room(None, None, 500 * BYTES_PER_USER["fast"])
    assert lacking(some_plan(users=500, client="requests").profile, there) is not None


def test_users_who_upload_what_is_their_own_need_room_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmark.measure.machine.room", lambda _users: Room(None, None, 2 * 2**30))
    upload = Upload(name="film.mp4", kind="video/mp4", size_bytes=10 * 2**20, sha256="0" * 64)
    endpoint = Endpoint(name="send", method="POST", path="/", form={"film": "@film.mp4"}, uploads=(upload,))
    plan = some_plan(users=200)
    check_room(plan.model_copy(update={"endpoints": (endpoint,)}))  # all send the same bytes
    own = endpoint.model_copy(update={"form": {"film": "@film.mp4", "user": "{user}"}})
    with pytest.raises(UsageError, match=r"200 users need about 40\d\d MiB of memory"):
        check_room(plan.model_copy(update={"endpoints": (own,)}))


def test_with_load_workers_only_the_files_of_the_app_s_machine_are_asked_for() -> None:
    profile = some_plan(users=500, load_workers=2).profile
    assert lacking(profile, Room(500 + SPARE_FILES, 1, 1)) is None
    assert lacking(profile, Room(499 + SPARE_FILES, None, None)) is not None


def test_a_machine_that_only_leads_needs_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmark.measure.machine.room", lambda _users: Room(1, 1, 1))
    plan = some_plan(users=500, load_workers=2)
    with pytest.raises(UsageError, match="open files"):
        check_room(plan)
    check_room(plan.model_copy(update={"target": Target(url="http://app.invalid")}))


def test_this_machine_has_room_for_one_user() -> None:
    assert lacking(some_plan(users=1).profile, room(1)) is None


def test_a_run_that_would_run_out_of_open_files_is_refused_in_one_line(bench: Bench) -> None:
    command = f'ulimit -Sn 300; ulimit -Hn 300; exec "{sys.executable}" -m scripts run --users 400'
    done = subprocess.run(
        ["/bin/bash", "-c", command], cwd=bench.folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("bench: --users: 400 users need 600 open files in one process, 300 are allowed here;")
    assert not (bench.folder / "results").exists()
