"""How many processes send the load, and what they could not do."""

from collections.abc import Sequence

import psutil

from benchmark.errors import UsageError
from benchmark.plan import Endpoint, Target
from benchmark.profile import AUTO, Profile


def cores_left(target: Target) -> int:
    """Cores of this machine that the workers of the app leave to processes that send the load; at least one."""
    here = len(psutil.Process().cpu_affinity()) if hasattr(psutil.Process, "cpu_affinity") else psutil.cpu_count() or 1
    return max(1, here - (0 if target.url else target.workers))


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
