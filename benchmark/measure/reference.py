"""The reference workload: how fast this machine is right now, measured in turns with the endpoints.

Hosted runners differ by a third from one run to the next. What an endpoint scores divided by what a bare ASGI answer
scores on the same server, minutes apart, differs by much less (docs/judging.md).
"""

import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmark.errors import InvalidRunError
from benchmark.measure.generator import ROOT
from benchmark.measure.rounds import Job, Pause, Watch, measure
from benchmark.plan import Endpoint, Plan, Target
from benchmark.profile import Profile
from benchmark.record import Columns
from benchmark.summary import columns, locust_elapsed_s

USERS = 20
"""Enough to keep two cores busy, too few to make the generator's own queue the longest."""

MOST_FAILED = 0.01

NAME = "reference"
CPU_LOOPS = 7
CPU_STEPS = 300_000


@dataclass(frozen=True)
class ReferenceRound:
    """Columns of the bare answer, and the time of the loop (ms)."""

    raw: Columns
    cpu_ms: float


def measure_reference(plan: Plan, round_number: int, directory: Path, pause: Pause, watch: Watch) -> ReferenceRound:
    """Measure the reference workload on a server like the plan's. Errors as `rounds.measure`.

    InvalidRunError, too, when answers failed: what fails at once would pass for a fast machine.
    """
    endpoint = Endpoint(name=NAME, path="/")
    job = Job(_plan(plan, endpoint), endpoint, round_number, (endpoint,), directory, ROOT)
    cpu_ms = cpu_loop_ms()
    rows = measure(job, pause, watch).rows
    raw = columns(rows, locust_elapsed_s(rows), None)
    if raw.failures > MOST_FAILED * raw.requests:
        message = f"{raw.failures} of {raw.requests} answers of the reference workload failed"
        raise InvalidRunError(message)
    return ReferenceRound(raw, cpu_ms)


def _plan(plan: Plan, endpoint: Endpoint) -> Plan:
    """The plan's server with the bare app; users who never rest."""
    served = {"import_path": "benchmark.measure.raw_app:app", "workers": plan.target.workers, "loop": plan.target.loop}
    profile = Profile(
        name=NAME, users=USERS, spawn_rate_per_s=USERS, duration_s=plan.profile.reference_s, endpoints=(NAME,)
    )
    return Plan(target=Target.model_validate(served), profile=profile, endpoints=(endpoint,))


def cpu_loop_ms() -> float:
    """Median time (ms) of a loop of plain Python."""
    taken_ms = []
    for _ in range(CPU_LOOPS):
        began_s = time.perf_counter()
        total = 0
        for step in range(CPU_STEPS):
            total += step * step
        taken_ms.append((time.perf_counter() - began_s) * 1000)
    return round(median(taken_ms), 3)
