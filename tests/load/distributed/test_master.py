"""What is written down about load workers that are waited for."""

import json
import subprocess
import sys
from pathlib import Path

CODE = """
import sys
from pathlib import Path
from types import SimpleNamespace

import gevent
from locust.env import Environment

from load.distributed import master
from load.spec import LoadSpec

master.WATCH_EVERY_S = 0.01
environment = Environment(parsed_options=SimpleNamespace(expect_workers_max_wait=float(sys.argv[2])))
came = {"one_1a2b": None}
runner = SimpleNamespace(clients=came, get_worker_index=lambda name: 0)
master.Membership(environment, runner, LoadSpec("http://app", Path(sys.argv[1]), None, users=2, load_workers=2))
gevent.sleep(0.2)
if sys.argv[3] == "waits until it is over":
    gevent.sleep(float(sys.argv[2]))
came.clear()
gevent.sleep(0.2)
"""


def noted(directory: Path, wait_s: float, then: str) -> dict[str, str]:
    """What is noted when one of two load workers came, and says good-bye after that.

    In a process of its own, as Locust changes the one it is imported in.
    """
    subprocess.run([sys.executable, "-c", CODE, str(directory), str(wait_s), then], check=True)
    found: dict[str, str] = json.loads((directory / "problem.json").read_text())
    return found


def test_one_who_came_did_come_though_locust_sends_it_away_when_the_wait_is_over(tmp_path: Path) -> None:
    found = noted(tmp_path, 2, "waits until it is over")
    assert found == {"kind": "missing", "message": "only 1 of 2 load workers connected (load worker 1 on one)"}


def test_one_who_is_ended_before_the_wait_is_over_is_lost(tmp_path: Path) -> None:
    found = noted(tmp_path, 600, "is ended")
    assert found == {"kind": "lost", "message": "load worker 1 on one stopped before the load began"}
