"""The reference workload: how fast this machine is right now, measured in turns with the endpoints.

Hosted runners differ by a third from one run to the next. What an endpoint scores divided by what a bare ASGI answer
scores on the same server, minutes apart, differs by much less (docs/measurements/verdicts.md).
"""

import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmark.errors import InvalidRunError, MiscountedRunError
from benchmark.measure.load_test import ROOT, Window
from benchmark.measure.raw_app import COUNTS_VARIABLE
from benchmark.measure.round import Job, Pause, Watch, measure
from benchmark.measure.summarize import cpu_us_per_request, load_samples
from benchmark.plan import Endpoint, Plan, Profile, Target
from benchmark.record import Columns
from benchmark.summary import columns, locust_elapsed_s

USERS = 20
"""Enough to keep two cores busy, too few to make the generator's own queue the longest."""

MOST_FAILED = 0.01
VERIFIED = 1
"""Requests that verify the endpoint before its load."""

NAME = "reference"
CPU_LOOPS = 7
CPU_STEPS = 300_000


@dataclass(frozen=True)
class ReferenceRound:
    """Columns of the bare answer, what one cost the workers (us), and the time of the loop (ms)."""

    raw: Columns
    raw_cpu_us: float | None
    cpu_ms: float


def measure_reference(plan: Plan, round_number: int, directory: Path, pause: Pause, watch: Watch) -> ReferenceRound:
    """Measure the reference workload on a server like the plan's. Errors as `rounds.measure`.

    InvalidRunError, too, when answers failed: what fails at once would pass for a fast machine. MiscountedRunError:
    its server received another number of requests than the load generator says it sent.
    """
    endpoint = Endpoint(name=NAME, path="/")
    variables = {COUNTS_VARIABLE: str(directory.resolve())}
    job = Job(_plan(plan, endpoint), endpoint, round_number, (endpoint,), directory, ROOT, variables=variables)
    cpu_ms = cpu_loop_ms()
    measured = measure(job, pause, watch)
    require_same_count(measured.window, directory, plan.target.workers)
    rows = measured.rows
    raw = columns(rows, locust_elapsed_s(rows), None)
    if raw.failures > MOST_FAILED * raw.requests:
        raise InvalidRunError(f"{raw.failures} of {raw.requests} responses of the reference workload failed")
    return ReferenceRound(raw, cpu_us_per_request(load_samples(measured), measured), cpu_ms)


def require_same_count(window: Window, directory: Path, workers: int) -> None:
    """Hold what the load generator sent against what the server received: the load, and the one request before it.

    Not known when a worker had to be killed, and wrote nothing.
    """
    counts = [int(file.read_text()) for file in directory.glob("received-*.txt")]
    if len(counts) != workers or window.written is None:
        return
    received, sent = sum(counts), window.written + VERIFIED
    if received != sent:
        message = f"the server of the reference workload received {received} requests, and {sent} were sent"
        raise MiscountedRunError(f"{message}: no count of this run can be trusted. Please report it as a bug.")


def _plan(plan: Plan, endpoint: Endpoint) -> Plan:
    served = {"import_path": "benchmark.measure.raw_app:app", "workers": plan.target.workers, "loop": plan.target.loop}
    profile = Profile(
        name=NAME, users=USERS, spawn_rate_per_s=USERS, duration_s=plan.profile.reference_s, endpoints=(NAME,)
    )
    return Plan(
        target=Target.model_validate(served),
        profile=profile,
        endpoints=(endpoint,),
        other_variables=plan.secret_variables(),
    )


def cpu_loop_ms() -> float:
    taken_ms = []
    for _ in range(CPU_LOOPS):
        began_s = time.perf_counter()
        total = 0
        for step in range(CPU_STEPS):
            total += step * step
        taken_ms.append((time.perf_counter() - began_s) * 1000)
    return round(median(taken_ms), 3)
