"""An app that is started for a moment, and asked once for each of its endpoints."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from benchmark.config import check_plan
from benchmark.errors import UsageError
from benchmark.measure.prepare import before_round, prepared
from benchmark.measure.round import Job, Pause, start_server
from benchmark.measure.verify import TRY_ALL_S, try_each
from benchmark.plan import Endpoint, Plan, Profile, Target

PROFILE, USERS, TASK_SECONDS, LOAD_S = "try", 20, 0.1, 10
ROOT = Endpoint(name="root", path="/")


@dataclass(frozen=True)
class Tried:
    """What came of asking for an endpoint once: what is wrong, or missing, and how long it took (s; None: not sent)."""

    endpoint: Endpoint
    problem: str | None
    answer_s: float | None

    @property
    def is_right(self) -> bool:
        return self.problem is None


def plan_of(target: Target, endpoints: Sequence[Endpoint]) -> Plan:
    names = tuple(endpoint.name for endpoint in endpoints)
    duration_s = max(1, LOAD_S // len(names))
    profile = Profile(
        name=PROFILE,
        description="a first look",
        users=USERS,
        spawn_rate_per_s=USERS,
        duration_s=duration_s,
        start="spread",
        task_seconds=TASK_SECONDS,
        timeout_s=30,
        reference_s=0,
        endpoints=names,
    )
    return Plan(target=target, profile=profile, endpoints=tuple(endpoints))


@contextmanager
def running(target: Target, home: Path, pause: Pause) -> Iterator[str]:
    """The app of a checked target, started as a round starts it, unless it runs elsewhere; gives its address.

    AppError: it cannot be started.
    """
    if target.url is not None:
        yield target.url
        return
    plan = plan_of(target, [ROOT])
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="bench-discover-") as name, prepared(plan, home, pause, console):
        before_round(plan, home, Path(name), pause)
        with ExitStack() as stack:
            server = start_server(Job(plan, ROOT, 1, (), Path(name), home), stack, pause, lambda *_: None)
            if server is not None:
                yield server.base_url


def try_all(target: Target, endpoints: Sequence[Endpoint], base_url: str, home: Path, pause: Pause) -> list[Tried]:
    """Ask for each endpoint once, one after the other; one whose variables are not set is not sent."""
    lacking = {endpoint.name: _lacking(target, endpoint, home) for endpoint in endpoints}
    ready = [endpoint for endpoint in endpoints if lacking[endpoint.name] is None]
    answers: dict[str, tuple[str | None, float]] = {}
    if ready:
        with tempfile.TemporaryDirectory(prefix="bench-try-") as name:
            answers = try_each(plan_of(target, ready), ready, base_url, directory=Path(name), home=home, pause=pause)
    late = (f"no time was left: all of them have {TRY_ALL_S:g} s", None)
    return [
        Tried(one, lacking[one.name], None) if lacking[one.name] else Tried(one, *answers.get(one.name, late))
        for one in endpoints
    ]


def _lacking(target: Target, endpoint: Endpoint, home: Path) -> str | None:
    """What is missing for a request to be sent; None where nothing is."""
    unset = [name for name in endpoint.variables if not os.environ.get(name)]
    if unset:
        return f"not sent, as {' and '.join(f'${name}' for name in unset)} is not set: export {unset[0]}=..."
    try:
        check_plan(plan_of(target, [endpoint]), home)
    except UsageError as error:
        return f"not sent: {error.message}"
    return None
