"""How the load generator is started: Locust's command line, and the environment of everything that sends requests."""

import os
import socket
from math import ceil
from pathlib import Path

from benchmark.errors import UsageError
from benchmark.profile import Profile

SPEC_VARIABLE = "BENCH_LOAD_SPEC"
ROOT = Path(__file__).resolve().parents[2]
"""Where `load` lies: in the checkout, or where this repository was installed."""

START = ROOT / "load" / "start.py"
"""Locust's command line, without the settings files that it would look for."""

LOOPBACK = "127.0.0.1"
LEADER_PORT = 5557
"""Where load workers of other machines connect."""


def module_file(name: str) -> str:
    """File of a module of this repository.

    It is not imported, since that would import Locust, and not searched for, since the folder that is measured in
    may hold a module of the same name.
    """
    return str(ROOT.joinpath(*name.split(".")).with_suffix(".py"))


def load_environment() -> dict[str, str]:
    """Environment of the processes that send requests.

    `load` has to be ours, whatever lies in the folder they run in, and no LOCUST_ variable may change the load.
    """
    own = {name: value for name, value in os.environ.items() if not name.startswith("LOCUST_")}
    paths = [str(ROOT), *([own["PYTHONPATH"]] if own.get("PYTHONPATH") else [])]
    return own | {"PYTHONSAFEPATH": "1", "PYTHONPATH": os.pathsep.join(paths)}


def generator_command(profile: Profile | None, base_url: str, locustfiles: list[str]) -> list[str]:
    """Command line of the load generator. A failed request is a result here, not a failed command.

    Without a profile the locustfile itself says how many users there are, and when it is over.
    """
    load = (
        ()
        if profile is None
        else (
            *("--users", str(profile.users), "--spawn-rate", f"{profile.spawn_rate_per_s:g}"),
            *("--run-time", f"{profile.duration_s:g}s"),
        )
    )
    return [
        *(str(START), "-f", ",".join(locustfiles), "--headless", "--only-summary", "--host", base_url),
        *(*load, "--stop-timeout", "0", "--exit-code-on-error", "0"),
        *([] if profile is None else _engine(profile)),
    ]


ONE_PROCESS = {"processes": 1, "load_workers": 0}
"""Changes to a profile for what only one process can send: turns, and what stock Locust measures."""


def _engine(profile: Profile) -> list[str]:
    """Who sends the load, where that is not the one process that leads it."""
    if profile.load_workers:
        wait = ("--expect-workers-max-wait", f"{ceil(profile.workers_within_s)}")
        return ["--master", "--expect-workers", str(profile.load_workers), *wait]
    return ["--processes", str(profile.processes)] if profile.processes > 1 else []


def leader_port(profile: Profile) -> list[str]:
    """Where load processes of this machine meet: on a port of their own, so that two benchmarks do not mix."""
    if profile.load_workers or profile.processes == 1:
        return []
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port = str(probe.getsockname()[1])
    return ["--master-bind-host", LOOPBACK, "--master-bind-port", port, "--master-port", port]


def check_leader_port(profile: Profile) -> None:
    """UsageError: load workers of other machines could not connect, as something else listens there."""
    if not profile.load_workers:
        return
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", LEADER_PORT))
        except OSError:
            message = f"--expect-workers: port {LEADER_PORT}, where load workers connect, is in use; is there another"
            raise UsageError(f"{message} bench run --expect-workers, or a Locust master? End it") from None
