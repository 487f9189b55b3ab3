"""Load workers on other machines: real ones, on hosts in network namespaces, and all that can go wrong with them.

What goes wrong is tried a few at a time, each in a network of its own: most of the time is spent waiting for the moment
in which a silence has been long enough.
"""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from benchmark.judge.validity import run_validity
from benchmark.measure.load_test import START
from benchmark.record import Record
from tests.support.bench import wait_for_line
from tests.support.networks import (
    Network,
    configure,
    end,
    needs_networks,
    network,
    press_ctrl_c,
    start_loading,
    start_workers,
)

pytestmark = needs_networks

HELD = """
from pathlib import Path

while Path({hold!r}).exists():
    time.sleep(0.05)
"""
"""An app that does not start while there is a certain file."""


@dataclass
class Outcome:
    """What came of one scenario: of `bench run`, and of each `bench worker`, the exit code and what was said."""

    run: tuple[int, str]
    workers: dict[str, tuple[int, str]] = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)
    files: dict[str, int] = field(default_factory=dict)
    """Rows in each request log."""


def outcome(net: Network, run: tuple[int, str], workers: dict[str, subprocess.Popen[str]]) -> Outcome:
    """End the workers, which wait for the next benchmark, with Ctrl-C."""
    said = {name: press_ctrl_c(worker) for name, worker in workers.items() if worker.poll() is None}
    said |= {name: end(worker) for name, worker in workers.items() if name not in said}
    logs = (net.first.folder / "results").glob("*/*/requests-*.csv")
    rows = {file.name: len(file.read_text().splitlines()) - 1 for file in logs}
    return Outcome(run, said, net.first.records(), rows)


def killed(folder: Path) -> Outcome:
    """One of two is killed under load; its `bench worker` starts it anew."""
    with network(folder, "app", "one", "two") as net:
        workers = start_workers(net, "one", "two")
        running = start_loading(net)
        (victim,) = (p for p in net.hosts["two"].commands("worker_locustfile") if str(START) in p.cmdline())
        victim.kill()
        return outcome(net, end(running), workers)


def cut_for_good(folder: Path) -> Outcome:
    """One of two is never heard again; it ends by itself once it has waited long enough."""
    with network(folder, "app", "one", "two") as net:
        workers = start_workers(net, "one")
        running = net.first.start("run", "--expect-workers", "2")
        wait_for_line(running.stderr, ": waiting for load workers")
        workers |= start_workers(net, "two", wait="30s")
        wait_for_line(running.stderr, " users, ")
        net.cut("two")
        ended, by_itself = end(running), end(workers.pop("two"))
        made = outcome(net, ended, workers)
        made.workers["two"] = by_itself
        return made


def cut_for_a_while(folder: Path) -> Outcome:
    """One is not heard for 5 s. Of the others, both start late, and one of them is one too many."""
    with network(folder, "app", "one", "two", "three") as net:
        workers = start_workers(net, "one")
        running = net.first.start("run", "--expect-workers", "2", "--duration", "12s")
        wait_for_line(running.stderr, ": waiting for load workers")
        workers |= start_workers(net, "two", "three")
        wait_for_line(running.stderr, " users, ")
        net.cut("one")
        time.sleep(5)
        net.mend("one")
        return outcome(net, end(running), workers)


def one_is_missing(folder: Path) -> Outcome:
    """One comes of two, and in the next round, whose app does not start before that one has left, none of two."""
    with network(folder, "app", "one") as net:
        hold = net.first.folder / "hold"
        configure(net.first, startup_timeout="60s")
        with (net.first.folder / "app_under_test.py").open("a") as app:
            app.write(HELD.format(hold=str(hold)))
        workers = start_workers(net, "one")
        running = net.first.start("run", "--expect-workers", "2", "--workers-within", "40s", "--rounds", "2")
        wait_for_line(running.stderr, "round 1/2: waiting for load workers")
        hold.touch()
        wait_for_line(running.stderr, "round 2/2: starting")
        left = press_ctrl_c(workers.pop("one"))
        hold.unlink()
        made = outcome(net, end(running), workers)
        made.workers["one"] = left
        return made


def another_version(folder: Path) -> Outcome:
    """One runs a copy of this repository in which another word stands in a comment, and a field has another name."""
    root = Path(__file__).parents[3]
    for part in ("benchmark", "load", "scripts"):
        shutil.copytree(root / part, folder / "copy" / part, ignore=shutil.ignore_patterns("__pycache__"))
    spec = folder / "copy" / "load" / "spec.py"
    spec.write_text(spec.read_text().replace("load_workers: int", "renamed: int"))
    with network(folder, "app", "one") as net:
        net.hosts["one"].python = [sys.executable, str(folder / "copy" / "scripts")]
        workers = start_workers(net, "one")
        return outcome(net, end(net.first.start("run", "--expect-workers", "1")), workers)


def no_token(folder: Path) -> Outcome:
    """A header names a variable that only the first host has."""
    with network(folder, "app", "one") as net:
        configure(net.first, endpoint='headers = { Authorization = "Bearer $TOKEN" }')
        net.first.environment["TOKEN"] = "s3cret-s3cret"  # noqa: S105
        workers = start_workers(net, "one")
        return outcome(net, end(net.first.start("run", "--expect-workers", "1")), workers)


def interrupted(folder: Path) -> Outcome:
    """Ctrl-C on `bench run`; its workers then serve another one, and one of them is ended with Ctrl-C in the middle."""
    with network(folder, "app", "one", "two") as net:
        workers = start_workers(net, "one", "two")
        code, said = press_ctrl_c(start_loading(net))
        assert code == 130, said
        running = start_loading(net)
        ended_early = press_ctrl_c(workers.pop("two"))
        made = outcome(net, end(running), workers)
        made.workers["two"] = ended_early
        return made


SCENARIOS: tuple[Callable[[Path], Outcome], ...] = (
    one_is_missing,
    cut_for_good,
    cut_for_a_while,
    killed,
    interrupted,
    another_version,
    no_token,
)
"""Those that take longest come first, so that none of them ends alone."""

AT_ONCE = 3
"""More would make each other wait so long that a silence is one that nobody asked for."""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Future[Outcome]]:
    """All that can go wrong, tried."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return {one.__name__: pool.submit(one, tmp_path_factory.mktemp(one.__name__)) for one in SCENARIOS}


def test_a_worker_that_is_killed_under_load_costs_the_round(outcomes: dict[str, Future[Outcome]]) -> None:
    made = outcomes["killed"].result()
    code, said = made.run
    assert code == 3, said
    (record,) = made.records
    assert record.state == "incomplete"
    assert "on two was silent for 15 s under load" in record.missing[0].reason
    assert record.missing[0].reason in " ".join(said.split())
    assert "the load worker was killed, perhaps because the system ran out of memory" in made.workers["two"][1]
    assert {code for code, _ in made.workers.values()} == {130}


def test_a_network_that_is_cut_for_good_costs_the_round_and_both_sides_end(
    outcomes: dict[str, Future[Outcome]],
) -> None:
    made = outcomes["cut_for_good"].result()
    code, said = made.run
    assert code == 3, said
    assert "on two was silent for 15 s under load" in said
    code, said = made.workers["two"]
    assert code == 0, said
    assert "no contact with the benchmark for 15 s; stopping" in said
    assert "within 30 s; stopping" in said
    assert made.workers["one"][0] == 130


def test_a_network_that_is_cut_for_5_s_is_ridden_out_and_what_it_cost_is_said(
    outcomes: dict[str, Future[Outcome]],
) -> None:
    """A request on its way may be lost with the network. It is not sent again behind anybody's back: it failed."""
    made = outcomes["cut_for_a_while"].result()
    code, said = made.run
    (record,) = made.records
    (measured,) = record.endpoints[0].rounds
    ((name, silent_s),) = measured.silences.items()
    assert name == "load worker 1 on one"
    assert 4.5 < silent_s < 15
    assert measured.failures <= measured.users_started
    longest_ms = max(measured.max_ms or 0.0, (measured.failed and measured.failed.max_ms) or 0.0)
    assert longest_ms > 1000, "what waited for the network counts as long as it took"
    assert "load-worker-silent" in {found.kind for found in measured.warnings}
    validity = run_validity(record)
    assert (validity.level, code) == (("invalid", 3) if measured.failures else ("noisy", 0)), said


def test_workers_that_start_late_are_waited_for_and_one_too_many_loads_nothing(
    outcomes: dict[str, Future[Outcome]],
) -> None:
    made = outcomes["cut_for_a_while"].result()
    (record,) = made.records
    (measured,) = record.endpoints[0].rounds
    assert sorted(made.files) == ["requests-0.csv", "requests-1.csv"]
    late = sum(made.files.values()) - measured.requests
    assert 0 <= late <= measured.users_started, "what came after the end of the load is in the rows, not in the figures"
    assert measured.users_started == record.plan.profile.users


def test_who_is_missing_when_the_wait_is_over_is_said_with_what_to_do(outcomes: dict[str, Future[Outcome]]) -> None:
    made = outcomes["one_is_missing"].result()
    code, said = made.run
    assert code == 3, said
    (record,) = made.records
    start_them = "start the missing ones: bench worker --master 10.77.0.1"
    assert [lost.reason for lost in record.missing] == [
        f"only 1 of 2 load workers connected (load worker 1 on one) within 40 s; {start_them}",
        f"none of 2 load workers connected within 40 s; {start_them}",
    ]


def test_another_version_is_refused_on_both_sides(outcomes: dict[str, Future[Outcome]]) -> None:
    made = outcomes["another_version"].result()
    code, said = made.run
    assert code == 2, said
    assert "load worker 1 on one has load code" in said
    assert "update one of them" in said
    assert "refused: this machine has load code" in made.workers["one"][1]


def test_a_variable_that_a_worker_does_not_have_is_named_on_both_sides(outcomes: dict[str, Future[Outcome]]) -> None:
    made = outcomes["no_token"].result()
    code, said = made.run
    assert code == 2, said
    assert "load worker 1 on one has no value for $TOKEN; set it there" in said
    assert "this machine has no value for $TOKEN" in made.workers["one"][1]
    assert "s3cret" not in said + made.workers["one"][1]


def test_after_an_interruption_workers_wait_for_the_next_run_and_their_own_is_said_there(
    outcomes: dict[str, Future[Outcome]],
) -> None:
    made = outcomes["interrupted"].result()
    code, said = made.run
    assert code == 3, said
    assert "on two stopped under load" in said
    first, second = made.records
    assert (first.state, second.state) == ("incomplete", "incomplete")
    assert {code for code, _ in made.workers.values()} == {130}
    assert made.workers["one"][1].count("quick: GET /quick of http://10.77.0.1:") == 2


def test_a_master_whose_port_is_taken_says_so_before_anything_starts(tmp_path: Path) -> None:
    with network(tmp_path, "app") as net:
        listener = "import socket, sys; s = socket.create_server(('', 5557)); print(flush=True); sys.stdin.read()"
        taken = subprocess.Popen(
            [*net.first.inside, sys.executable, "-c", listener], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert taken.stdout is not None
        taken.stdout.readline()
        done = net.first.run("run", "--expect-workers", "1")
        taken.communicate()
        assert done.returncode == 2
        assert "port 5557, where load workers connect, is in use" in done.stderr
        assert not net.first.records()
