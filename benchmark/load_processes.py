"""How many processes send the load, and what they could not do; and the cores that there are for them."""

from collections.abc import Sequence
from pathlib import Path

import psutil

from benchmark.errors import UsageError
from benchmark.plan import Endpoint, Target
from benchmark.profile import AUTO, Profile

CPUS = Path("/sys/devices/system/cpu")
"""Where Linux says which processors are threads of one core."""

Cores = Sequence[tuple[int, ...]]
"""Physical cores, each with its processors: two where it has two threads. Numbered as the system does."""


def usable_cores() -> Cores:
    """The physical cores that this process may use; where nothing says which threads share one, each is its own."""
    pins = hasattr(psutil.Process, "cpu_affinity")
    left = set(psutil.Process().cpu_affinity() if pins else range(psutil.cpu_count() or 1))
    cores = []
    while left:
        core = left & {min(left), *_siblings(min(left))}
        left -= core
        cores.append(tuple(sorted(core)))
    return cores


def _siblings(processor: int) -> set[int]:
    """All threads of a processor's core, from a list like "0,4" or "0-1"; none where nothing can be read."""
    try:
        text = (CPUS / f"cpu{processor}" / "topology" / "thread_siblings_list").read_text(encoding="ascii")
        ranges = [part.partition("-") for part in text.strip().split(",")]
        return {number for first, _, last in ranges for number in range(int(first), int(last or first) + 1)}
    except (OSError, ValueError):
        return set()


def cores_left(target: Target) -> int:
    """Cores of this machine that the workers of the app leave to processes that send the load; at least one."""
    return max(1, len(usable_cores()) - (0 if target.url else target.workers))


def counted(profile: Profile, target: Target) -> Profile:
    """The profile with its load processes as a number, where they are "auto"."""
    return profile if profile.processes != AUTO else profile.model_copy(update={"processes": cores_left(target)})


def check_rate(profile: Profile, endpoints: Sequence[Endpoint]) -> None:
    """Refuse a rate that could not be kept: for users who come at their own, or for processes without a user."""
    own = next((endpoint.name for endpoint in endpoints if endpoint.locustfile), None)
    if profile.rate_per_s is not None and own is not None:
        message = f"--rate: endpoint {own!r} has a locustfile of its own, whose users ask when they want"
        raise UsageError(f"{message}; leave it out with --endpoint")
    processes = profile.load_workers or profile.processes
    if profile.rate_per_s is not None and profile.users < processes:
        message = f"--rate: {profile.users} users can not send it from {processes} processes"
        raise UsageError(f"{message}, each sends its share; take --users {processes} or more")


def check_load_workers(profile: Profile, target: Target, endpoints: Sequence[Endpoint]) -> None:
    """Refuse what load workers of other machines could not do."""
    if not profile.load_workers:
        return
    if target.url is None and target.host in {"127.0.0.1", "localhost"}:
        message = (
            "--expect-workers: load workers on other machines can not reach an app that listens on "
            f"{target.host}; write [app] host = this machine's address"
        )
        raise UsageError(message)
    own = next((endpoint.name for endpoint in endpoints if endpoint.locustfile), None)
    if own is not None:
        message = (
            f"--expect-workers: endpoint {own!r} has a locustfile of its own, which other machines do not have; "
            "leave it out with --endpoint"
        )
        raise UsageError(message)
