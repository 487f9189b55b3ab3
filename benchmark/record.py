"""The record: what a run leaves behind, one JSON file that is the only truth from which everything is shown.

Times on the clock are UTC, ISO 8601. Times within a round are seconds since its load started.
"""

from statistics import median
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass

from benchmark.environment import Environment
from benchmark.limit import Limit
from benchmark.method import Method
from benchmark.model import Amount, Figure, Frozen, Whole
from benchmark.observed import Dealt, FirstByte, Quantiles, Resources, Timeline
from benchmark.plan import Plan
from benchmark.profile import Profile

Moment = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$")]
"""A time on the clock, UTC."""


class Columns(Frozen):
    """The columns of every table. Requests and their rate include failed ones, as Locust's do.

    Latencies (ms) are exact, and of right responses alone; up to METHOD_VERSION 2 they covered failed requests, too.
    `None`: not available, because no response was right or, for excess, because no service time is declared.
    """

    requests: Whole
    failures: Whole
    avg_ms: Amount | None
    min_ms: Amount | None
    max_ms: Amount | None
    median_ms: Amount | None
    p66_ms: Amount | None
    p75_ms: Amount | None
    p80_ms: Amount | None
    p90_ms: Amount | None
    p95_ms: Amount | None
    p98_ms: Amount | None
    p99_ms: Amount | None
    p999_ms: Amount | None
    throughput_rps: Amount | None
    failures_rps: Amount | None
    excess_mean_ms: Figure | None
    excess_p50_ms: Figure | None
    excess_p99_ms: Figure | None


PERCENTILES = {
    "median_ms": 50.0,
    "p66_ms": 66.0,
    "p75_ms": 75.0,
    "p80_ms": 80.0,
    "p90_ms": 90.0,
    "p95_ms": 95.0,
    "p98_ms": 98.0,
    "p99_ms": 99.0,
    "p999_ms": 99.9,
}
"""Which percentile of the latencies each column is. Here, where drawing finds it without pandas."""


class Finding(Frozen):
    """A warning: something that limits how far a number can be believed, and what to do about it."""

    kind: str
    severity: Literal["note", "warning", "error"]
    message: str
    remedy: str


class FailureKind(Frozen):
    """Failures that said the same."""

    message: str
    count: Whole


RATE_NOT_KEPT = "rate-not-kept"
"""Kind of the finding that says that less was sent than was due."""


HIDDEN_BY_CLIENT = "hidden-by-client"
"""Kind of the finding that says that the client sent requests again, or took broken responses for right ones."""


class OpenLoad(Frozen):
    """How a rate of its own was kept. The columns of the round then count from when a request was due.

    `due` requests were to be sent, `sent` were; `late_*`: how much later than due (ms). `from_sent`: the same columns
    from when each was sent, which is what a server sees and no visitor does.
    """

    due: Whole
    sent: Whole
    offered_rps: Amount
    achieved_rps: Amount
    late_p99_ms: Figure | None
    late_max_ms: Figure | None
    from_sent: Columns


class Round(Columns):
    """One measurement of one endpoint: the columns over the whole load, and what is needed to judge them.

    `prediction`: what theory says the columns should be for this round's own split of connections.
    """

    round: Whole
    started_at: Moment
    ramp_end_s: Figure | None
    steady_start_s: Figure | None
    load_end_s: Amount
    users_started: Whole
    users_answered: Whole | None
    in_flight: Whole | None
    users_waiting_ratio: Figure | None
    connections_per_worker: tuple[Whole, ...] | None
    dealt: tuple[Dealt, ...] = ()
    steady: Columns | None
    failures_by_kind: tuple[FailureKind, ...]
    quantiles: Quantiles | None
    timeline: Timeline
    resources: Resources
    prediction: Columns | None = None
    open_load: OpenLoad | None = None
    failed: Columns | None = None
    """Of the failed requests alone, and how long they took; None: none failed, or the record is older."""

    sent: Whole | None = None
    """Requests that users began: `requests`, `in_flight` and `after_end` together. None here: not known."""

    written: Whole | None = None
    """Those of them of which the server was sent at least a byte; the others were still connecting, or could not."""

    after_end: Whole | None = None
    """Those of them that were begun after the end of the load, while it was being stopped: they are in no figure."""

    reconnected: Whole | None = None
    """Requests that went over a new connection, as the idle one turned out to be closed."""

    closed: Whole | None = None
    """Complete responses after which the server did not keep the connection, as it said or its HTTP/1.0 does."""

    withheld: Whole | None = None
    """Cookies that the server marked Secure, which the client does not send back without TLS."""

    repeated: Whole | None = None
    """Requests that Locust's own client sent again by itself."""

    cut_off: Whole | None = None
    """Responses that broke off and that Locust's own client took for complete ones."""

    first_byte: FirstByte | None = None
    pause_ms: Amount | None = None
    """Mean time between a user's response and its next request, beyond think time, in the steady part."""

    silences: dict[str, Amount] = Field(default_factory=dict)
    """Load processes that the leading one did not hear for a while, and for how long (s)."""

    cut_bytes: Whole | None = None
    """What the app and the load generator printed beyond what their logs keep; None: the record is older."""

    warnings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid", allow_inf_nan=False))
class Spread:
    """Smallest and largest value of a column over the rounds.

    No model, as there are 150 in a record: they would be half of the memory, and a fifth of the reading, of a run.
    """

    low: Figure
    high: Figure


class Summary(Columns):
    """Medians over the rounds, and how far the rounds were apart."""

    spread: dict[str, Spread]


class EndpointResult(Frozen):
    """All rounds of one endpoint, and what was predicted for them; `limit` is None when no own work is declared.

    `failed`: the columns of failed requests, over the rounds that had some.
    """

    name: str
    users: Whole
    limit: Limit | None
    rounds: tuple[Round, ...]
    summary: Summary | None
    prediction: Summary | None = None
    failed: Summary | None = None


class Missing(Frozen):
    """A round that was planned and did not happen, or can not be used."""

    endpoint: str
    round: Whole
    reason: str


class Reference(Frozen):
    """What this machine gave in this run, whatever was measured on it: one entry for each round.

    `raw`: a bare ASGI answer on the same server under `users` users who never rest. `cpu_ms`: a loop of plain Python.
    """

    users: Whole
    raw: tuple[Columns, ...] = Field(min_length=1)
    cpu_ms: tuple[Amount, ...] = Field(min_length=1)

    def median(self, column: str) -> float | None:
        """A column of the bare answer, the median over the rounds."""
        values = [value for item in self.raw if (value := getattr(item, column)) is not None]
        return float(median(values)) if values else None


MOST_RUNS = 50
"""Runs that one command makes at most: the numbers of users of a sweep. What made more was no command of ours."""

LONGEST_SWEEP = 100


class Record(Frozen):
    """One run.

    `customised` names the values of the profile or the app that the command line changed;
    `sweep` is the same for the runs that one command made with several numbers of users.
    """

    schema_version: Literal[1] = 1
    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
    sweep: Annotated[str, Field(max_length=LONGEST_SWEEP)] | None
    started_at: Moment
    finished_at: Moment | None
    state: Literal["running", "complete", "incomplete"]
    reason: str | None
    command: str
    customised: tuple[str, ...]
    plan: Plan
    method: Method
    environment: Environment
    endpoints: tuple[EndpointResult, ...]
    reference: Reference | None = None
    missing: tuple[Missing, ...]

    @model_validator(mode="after")
    def _results_are_of_the_plan(self) -> Self:
        """Each endpoint once, and none that was not planned: a report would have nothing to say what it is."""
        planned = {endpoint.name for endpoint in self.plan.endpoints}
        named = [result.name for result in self.endpoints]
        if len(set(named)) < len(named) or not planned.issuperset([*named, *(lost.endpoint for lost in self.missing)]):
            message = "its results do not fit its plan"
            raise ValueError(message)
        return self

    @property
    def profile(self) -> Profile:
        """The load of this run."""
        return self.plan.profile

    def result(self, name: str) -> EndpointResult | None:
        """What was measured of an endpoint."""
        return next((result for result in self.endpoints if result.name == name), None)
