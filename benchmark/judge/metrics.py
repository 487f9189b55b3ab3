"""What is judged, and in which direction it is better: data, so that no rule has to know a metric by its name.

A metric is judged in one of four forms, because what moves it differs:

    waiting    the number is time that the endpoint's own work waits, divided or counted: what machines add to it is
               less than counts, so their runs compare as they are (req/s and latencies of a long sleep; failures)
    relative   the machine moves it: it is divided by what the reference workload scored in the same run
    predicted  the split of the connections moves it: it is divided by the prediction for the split of its own round
    machine    the machine moves it and there is nothing to divide by: it compares on the same CPU only. So is what
               waits too shortly, or is asked too often, for the machine not to show, and too long to be divided
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal, Protocol

from benchmark.config import MetricName
from benchmark.plan import Endpoint, Plan
from benchmark.record import CPU_METRIC, Columns, Round

Better = Literal["higher", "lower"]
Form = Literal["waiting", "relative", "predicted", "machine"]


class Scored(Protocol):
    """What has columns in each round and over all of them: an endpoint, or the requests of one name."""

    @property
    def rounds(self) -> Sequence[Columns]: ...
    @property
    def summary(self) -> Columns | None: ...


@dataclass(frozen=True, slots=True)
class Metric:
    """One number of an endpoint. `smallest_difference` (in `unit`) is never counted, however small the number is.

    A metric that is not `judged` is shown only.
    """

    name: MetricName
    title: str
    unit: str
    better: Better
    smallest_difference: float = 0.0
    judged: bool = True

    def value(self, result: Scored) -> float | None:
        """Take the number of a whole run from its rounds; None when it was not available."""
        if self.name == "failure_ratio":
            requests = sum(measured.requests for measured in result.rounds)
            return sum(measured.failures for measured in result.rounds) / requests if requests else None
        if self.name == CPU_METRIC:
            rounds = [measured for measured in result.rounds if isinstance(measured, Round)]
            each = [measured.resources.server_cpu_us_per_request for measured in rounds]
            return median(known) if (known := [value for value in each if value is not None]) else None
        value = getattr(result.summary, self.name, None)
        return None if value is None else float(value)


METRICS = (
    Metric("throughput_rps", "req/s", "1/s", "higher"),
    Metric("median_ms", "p50", "ms", "lower"),
    Metric("p95_ms", "p95", "ms", "lower"),
    # Excess is often below a millisecond: 5 % of that is nothing that anybody waits for, nor that can be measured.
    Metric("excess_p50_ms", "excess", "ms", "lower", smallest_difference=1.0),
    # The usual baseline is zero failures, of which 5 % is zero: without a bound one lost packet would be a regression.
    Metric("failure_ratio", "failures", "of requests", "lower", smallest_difference=0.001),
    # What a request computes hardly feels how busy the machine is; its clock is exact to some microseconds.
    Metric(CPU_METRIC, "CPU per request", "us", "lower", smallest_difference=20.0),
    # A p99 of a few thousand requests hangs on a few dozen of them: shown, never judged.
    Metric("p99_ms", "p99", "ms", "lower", judged=False),
)
JUDGED = tuple(metric for metric in METRICS if metric.judged)


def metric(name: MetricName) -> Metric:
    return next(found for found in METRICS if found.name == name)


LEAST_WAITING_S = 0.1  # machines differ by some 5 ms in what they add to an answer, which is 5 % of it
MOST_WAITING_RPS = 500.0
MOST_SLEEPING_RPS = 1000.0
"""Answering costs some tenths of a millisecond of processor time, of the load generator, too. Asked more often than the
one, an endpoint may have to wait for a slow machine's processors; more often than the other, none just waits.
"""


def form(of: Metric, endpoint: Endpoint, plan: Plan, *, reference: bool) -> Form:
    """In which form a metric of an endpoint is judged. `reference`: whether the run measured the reference workload.

    Declared service time that is not computing is waiting, unless the rate is so high that handling requests takes the
    time. It is all of the number as long as no user queues, that is when all users fit into the slots of one worker,
    however connections are split; beyond that the split decides.
    """
    if of.name == "failure_ratio":
        return "waiting"
    machine: Form = "relative" if reference else "machine"
    asked_rps = _asked_rps(endpoint, plan)
    if of.name == CPU_METRIC or endpoint.served in {None, "cpu", "mixed"}:
        return machine
    if asked_rps is None or asked_rps > MOST_SLEEPING_RPS:
        return machine
    seats = endpoint.seats_per_worker(plan.target.threads)
    if seats is not None and (plan.profile.users > seats or plan.profile.rate_per_s is not None):
        return "predicted"
    if of.name.startswith("excess"):
        return machine
    long_enough = (endpoint.own_work_s(plan.profile.task_seconds) or 0.0) >= LEAST_WAITING_S
    return "waiting" if long_enough and asked_rps <= MOST_WAITING_RPS else "machine"


def _asked_rps(endpoint: Endpoint, plan: Plan) -> float | None:
    """Requests per second that users would send, and seats would serve, if answering cost nothing; None: unknown."""
    work_s = endpoint.own_work_s(plan.profile.task_seconds)
    if work_s is None:
        return None
    seats = endpoint.seats_per_worker(plan.target.threads)
    served_rps = math.inf if seats is None else seats * plan.target.workers / work_s
    asked_rps = plan.profile.rate_per_s or plan.profile.users / (work_s + plan.profile.think_s(work_s))
    return min(asked_rps, served_rps)
