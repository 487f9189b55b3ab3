"""Machines of one network, on this one: network namespaces that a bridge joins.

Nothing of it shows outside, so that nothing can collide: the bridge lies in the namespace of the first host, and all
of them go with the process that holds them open.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.bench import GOOD_APP, Bench, wait_for_line

NETWORK = "10.77.0"
AS_ROOT_WITH_MOUNTS = ("--map-root-user", "--mount")
TOO_LONG_S = 120.0
"""Nothing here takes half as long, unless it hangs."""

HOLDER = """
import socket, subprocess, sys
socket.sethostname(sys.argv[1])
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
print("ready", flush=True)
sys.stdin.read()
"""
"""Holds a host open until its standard input is closed, at the latest when the tests have ended."""


def _options(*of_root: str) -> list[str]:
    """A user who is not root makes namespaces inside one in which they are."""
    return [*([] if os.geteuid() == 0 else of_root)]


def may_make_networks() -> bool:
    """Whether this user can make network namespaces and join them."""
    if sys.platform != "linux" or not all(map(shutil.which, ("unshare", "nsenter", "ip"))):
        return False
    command = ["unshare", *_options("--map-root-user"), "--net", "ip", "link", "add", "probe", "type", "bridge"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def may_mount() -> bool:
    """Whether this user can make a small file system of their own."""
    if sys.platform != "linux" or not shutil.which("unshare"):
        return False
    command = ["unshare", *AS_ROOT_WITH_MOUNTS, "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def must_have_namespaces() -> bool:
    """On GitHub's runners, which allow them when asked (ci.yml), tests that need a namespace fail where there is none.

    Elsewhere they are skipped and say so: many containers forbid them.
    """
    return bool(os.environ.get("GITHUB_ACTIONS")) and sys.platform == "linux"


needs_networks = pytest.mark.skipif(
    not must_have_namespaces() and not may_make_networks(), reason="no network can be made here (unshare --net)"
)
needs_mounts = pytest.mark.skipif(
    not must_have_namespaces() and not may_mount(), reason="no file system can be mounted here (unshare -rm mount)"
)


@dataclass
class Host(Bench):
    """A machine, in which the real command line is run."""

    inside: tuple[str, ...] = ()
    address: str = ""
    python: list[str] = field(default_factory=lambda: [sys.executable, "-m", "scripts"])

    def command(self, *arguments: str) -> list[str]:
        """The command line, in this machine."""
        return [*self.inside, *self.python, *arguments]

    def do(self, *command: str) -> None:
        """Run something else in it."""
        subprocess.run([*self.inside, *command], check=True, capture_output=True, text=True)


class Network:
    """Hosts with the addresses NETWORK.1, .2, ...; the first one has the bridge."""

    def __init__(self, folder: Path, names: tuple[str, ...]) -> None:
        self.folder = folder
        self._holders: list[subprocess.Popen[bytes]] = []
        self.hosts = {name: self._host(number, name) for number, name in enumerate(names, start=1)}
        self.first = next(iter(self.hosts.values()))

    def cut(self, name: str) -> None:
        """Let nothing in or out of a host any more."""
        self.first.do("ip", "link", "set", f"to-{name}", "down")

    def mend(self, name: str) -> None:
        """Let everything through again."""
        self.first.do("ip", "link", "set", f"to-{name}", "up")

    def close(self) -> None:
        """End what runs in the hosts, and the hosts."""
        for host in self.hosts.values():
            for process in host.processes():
                process.kill()
            host.end()
        for holder in self._holders:
            holder.communicate()

    def _host(self, number: int, name: str) -> Host:
        within = [] if not self._holders else self._enter(self._holders[0].pid, "--user", net=False)
        kinds = ["--net", "--uts", *([] if self._holders else _options("--map-root-user"))]
        command = [*within, "unshare", *kinds, sys.executable, "-c", HOLDER, name]
        holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"ready\n"
        self._holders.append(holder)
        folder = self.folder / name
        folder.mkdir(parents=True)
        host = Host(folder, inside=tuple(self._enter(holder.pid, "--user")), address=f"{NETWORK}.{number}")
        if number == 1:
            host.do("ip", "link", "add", "bridge", "type", "bridge")
            host.do("ip", "address", "add", f"{host.address}/24", "dev", "bridge")
            host.do("ip", "link", "set", "bridge", "up")
            host.do("ip", "route", "add", "default", "dev", "bridge")
        else:
            self._join(self._holders[0].pid, holder.pid, name, host)
        return host

    def _join(self, first: int, holder: int, name: str, host: Host) -> None:
        bridged = Host(self.folder, inside=tuple(self._enter(first, "--user")))
        pair = ["ip", "link", "add", f"to-{name}", "type", "veth", "peer", "name", "eth0", "netns", str(holder)]
        bridged.do(*pair)
        bridged.do("ip", "link", "set", f"to-{name}", "master", "bridge", "up")
        host.do("ip", "address", "add", f"{host.address}/24", "dev", "eth0")
        host.do("ip", "link", "set", "eth0", "up")

    @staticmethod
    def _enter(holder: int, *of_user: str, net: bool = True) -> list[str]:
        user = _options(*of_user, "--preserve-credentials")
        return ["nsenter", "--target", str(holder), *user, *(["--net", "--uts"] if net else []), "--"]


def configure(host: Host, **changes: str) -> None:
    """An app that others reach, and a load that leaves the processors to others."""
    values = {"target": 'host = "0.0.0.0"', "duration": "60s", "endpoint": 'work = "500ms"'}
    host.configure(app=GOOD_APP.replace("sleep(0.02)", "sleep(0.5)"), **(values | changes))
    file = host.folder / "benchmark.toml"
    file.write_text(file.read_text().replace('work = "20ms"\n', ""))


@contextmanager
def network(folder: Path, *names: str) -> Iterator[Network]:
    """Hosts, the first of them with an app and a benchmark.toml; nothing may be left running in them at the end."""
    made = Network(folder, names)
    try:
        configure(made.first)
        yield made
        left = [process for host in made.hosts.values() for process in host.processes()]
        assert not left, f"left running: {left}"
    finally:
        made.close()


def start_workers(net: Network, *names: str, wait: str = "60s") -> dict[str, subprocess.Popen[str]]:
    """Start `bench worker` on some hosts."""
    return {name: net.hosts[name].start("worker", "--master", net.first.address, "--wait", wait) for name in names}


def start_loading(net: Network, *arguments: str, workers: str = "2") -> subprocess.Popen[str]:
    """Start `bench run` on the first host, and return when it loads."""
    running = net.first.start("run", "--expect-workers", workers, *arguments)
    wait_for_line(running.stderr, " users, ")
    return running


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit code and what was said, once a process ended by itself."""
    said = process.communicate(timeout=TOO_LONG_S)[1]
    return process.returncode, said


def press_ctrl_c(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit code and what was said after Ctrl-C."""
    process.send_signal(signal.SIGINT)
    return end(process)
