"""Whether this machine has room for so many users: open files, ports, memory. Asked before anything is started."""

import os
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmark.errors import UsageError
from benchmark.plan import Plan
from benchmark.profile import Profile

FILES_BESIDE = 200
"""Open files of a load generator, or of a worker that holds all connections, beside one for each user."""

USUAL_FILES = 65_536
PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
PORTS_BESIDE = 1000
"""Ports left to all else on this machine."""

BYTES_PER_USER = {"fast": 32_000, "requests": 48_000, "stock": 32_000}
"""Of the load generator, by the client of a profile (measured with Locust 2.47, 2026-11-22)."""


@dataclass(frozen=True)
class Room:
    """What there is. None: not known here, or without a limit.

    `files`: that one process may have open. `ports`: for connections to one address. `memory_bytes`: available.
    """

    files: int | None
    ports: int | None
    memory_bytes: int | None


def check_room(plan: Plan) -> None:
    """Raise the limit of open files as far as this user may. UsageError: what there is no room for, and the remedy.

    Where app and load generator both are elsewhere no connection ends here.
    """
    if plan.target.url is not None and plan.profile.load_workers:
        return
    problem = lacking(plan.profile, room(plan.profile.users))
    if problem is not None:
        raise UsageError(problem)


def room(users: int = 0) -> Room:
    """Look at this machine, after its limit of open files was raised for so many users."""
    return Room(raise_open_file_limit(users), _ports(), psutil.virtual_memory().available)


def lacking(profile: Profile, there: Room) -> str | None:
    """What is missing for the users of a profile, and what to do about it; None where nothing is."""
    users = profile.users
    if profile.load_workers:
        there = Room(there.files, None, None)  # ports and memory are those of other machines
    if there.files is not None and users + FILES_BESIDE > there.files:
        return (
            f"--users: {users} users need {users + FILES_BESIDE} open files in one process, {there.files} are allowed "
            f"here; raise the limit (ulimit -Hn {users + FILES_BESIDE}, as root, in the shell that starts bench), "
            f"or take at most {max(0, there.files - FILES_BESIDE)} users"
        )
    if there.ports is not None and users + PORTS_BESIDE > there.ports:
        return (
            f"--users: {users} users need as many ports, {there.ports} are for outgoing connections here; widen the "
            'range (sysctl -w net.ipv4.ip_local_port_range="1024 65535", as root), '
            f"or take at most {max(0, there.ports - PORTS_BESIDE)} users"
        )
    each = BYTES_PER_USER[profile.client]
    if there.memory_bytes is not None and users * each > there.memory_bytes:
        return (
            f"--users: {users} users take some {users * each / 2**20:.0f} MiB of memory, "
            f"{there.memory_bytes / 2**20:.0f} MiB are free; end other programs, "
            f"or take at most {there.memory_bytes // each} users"
        )
    return None


def raise_open_file_limit(users: int = 0) -> int | None:
    """Let children open as many files as this user may; a connection is a file on both sides. Gives how many.

    None: nobody knows.
    """
    if os.name != "posix":
        return None
    import resource  # noqa: PLC0415 - not on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(USUAL_FILES, users + FILES_BESIDE)
    if hard != resource.RLIM_INFINITY:
        wanted = min(hard, wanted)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return None if soft == resource.RLIM_INFINITY else soft


def _ports() -> int | None:
    """Ports for outgoing connections; only Linux says it in a file."""
    try:
        low, high = PORT_RANGE.read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return None
    return int(high) - int(low) + 1
