"""A load that climbs, measured: what is needed to find out how an endpoint is served."""

import csv
from itertools import pairwise

import numpy as np
import pandas as pd

from benchmark.diagnosis import Step
from benchmark.errors import InvalidRunError
from benchmark.measure.load_test import Ladder
from benchmark.measure.rounds import Job, Pause, RawRound, Watch, measure
from benchmark.plan import Plan
from benchmark.summary import failure_kinds

BUDGET_S = 95.0
"""With the start of server and generator an endpoint that answers within a second is diagnosed in two minutes."""
SAMPLE_EVERY_S = 0.5
ENOUGH_USERS_PER_WORKER = 8
MOST_FAILED = 0.01


def ladder(plan: Plan) -> Ladder:
    """Climb as far as the plan has users; one that is flat may end when each worker should hold connections."""
    enough = ENOUGH_USERS_PER_WORKER * plan.target.workers
    return Ladder(plan.profile.users, min(enough, plan.profile.users), BUDGET_S)


def measure_ladder(job: Job, pause: Pause, watch: Watch) -> tuple[list[Step], pd.DataFrame]:
    """Measure one ladder; gives its levels, and the request rows (see benchmark.summary).

    InvalidRunError, beside those of `measure`: nothing was answered, or more than one request in a hundred failed.
    """
    raw = measure(job, pause, watch)
    _require_answers(job, raw.rows)
    with (job.directory / "levels.csv").open(encoding="utf-8") as file:
        marks = [(float(time_s) - raw.window.start_s, int(users)) for time_s, users in csv.reader(file)]
    if marks[-1][1]:  # ended from outside
        marks.append((raw.window.stop_s - raw.window.start_s, 0))
    return [_step(raw, users, start_s, end_s) for (start_s, users), (end_s, _) in pairwise(marks)], raw.rows


def _require_answers(job: Job, rows: pd.DataFrame) -> None:
    name = job.endpoint.name
    if rows.empty:
        message = f"endpoint {name!r} gave its only user no answer in time; see whether it answers at all, then again"
        raise InvalidRunError(message)
    kinds = failure_kinds(rows)
    failures = sum(kind.count for kind in kinds)
    if failures > MOST_FAILED * len(rows):
        said = f"{failures} of {len(rows)} requests to endpoint {name!r} failed, mostly with: {kinds[0].message}"
        raise InvalidRunError(f"{said}. Mend that, or [endpoints.{name}] expect, and diagnose again")


def _step(raw: RawRound, users: int, start_s: float, end_s: float) -> Step:
    samples = raw.samples.assign(time_s=raw.samples["time_s"] - raw.window.start_s)
    held = [name for name in samples.columns if name.endswith("_connections")]
    samples[held] = samples[held].ffill()  # in some seconds they were not counted
    workers = [f"worker{number}" for number in range(len(held))]
    upto = samples[samples["time_s"] <= end_s]
    last = (upto if len(upto) else samples).iloc[-1]
    first = samples.iloc[0]
    return Step(
        users=users,
        start_s=start_s,
        end_s=end_s,
        connections_per_worker=tuple(int(last[f"{name}_connections"]) for name in workers) or None,
        worker_cpu_percent=tuple(_mean(samples, f"{name}_cpu_percent", start_s, end_s) for name in workers) or None,
        threads_grown_per_worker=tuple(int(last[f"{name}_threads"] - first[f"{name}_threads"]) for name in workers)
        or None,
        generator_cpu_percent=_mean(samples, "generator_cpu_percent", start_s, end_s),
        machine_cpu_percent=_mean(samples, "machine_cpu_percent", start_s, end_s),
    )


def _mean(samples: pd.DataFrame, column: str, start_s: float, end_s: float) -> float:
    """Mean over a level. A sample speaks of the time since the one before, which may reach over the border."""
    times = samples["time_s"].to_numpy(dtype=np.float64)
    spent = np.concatenate([[0.0], np.cumsum(np.diff(times) * samples[column].to_numpy(dtype=np.float64)[1:])])
    start, end = np.interp([start_s, end_s], times, spent)
    covered_s = min(end_s, times[-1]) - max(start_s, times[0])
    return round(float(end - start) / covered_s, 1) if covered_s > 0 else 0.0
