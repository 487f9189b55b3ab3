"""The record: what a run leaves behind, one JSON file that is the only truth from which everything is shown."""

from statistics import median
from typing import Annotated, Final, Literal, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass

from benchmark.fields import Amount, Figure, Frozen, Sample, Whole
from benchmark.plan import Plan, Profile
from benchmark.slo import Evidence
from benchmark.stages import StagedLoad
from benchmark.streams import FirstByte, StreamFigures
from benchmark.traffic import labels

Change = Literal["threads", "pool", "workers", "cores", "def", "await", "gather", "await and gather"]


class Alternative(Frozen):
    """One thing that could be served otherwise, and the bounds that it would give.

    `change` "threads", "pool", "workers" and "cores" (workers on as many): `to` as many of them; "def": leave the event
    loop for `to` threads; "await": wait without a seat; "gather": wait for all tasks at once.
    """

    change: Change
    to: Whole | None
    throughput_rps: Amount
    answer_time_s: Amount


class Limit(Frozen):
    """The most that queueing theory lets an endpoint answer. Bounds of Denning and Buzen (1978).

    `seats`: requests that can be served at a time, None where there is nothing to queue for. `processor_rps`: how many
    the workers can compute, each on one processor; None: not declared.
    """

    seats: Annotated[Whole, Field(ge=1)] | None
    own_work_s: Annotated[Amount, Field(gt=0)]
    users_rps: Amount
    seats_rps: Amount | None
    processor_rps: Amount | None = None
    alternatives: tuple[Alternative, ...] = ()

    @property
    def most_rps(self) -> float:
        """The most responses per second: what the users request, or what slots and processors serve if that is less."""
        return min(one for one in (self.users_rps, self.seats_rps, self.processor_rps) if one is not None)


# Of what an app or the load generator prints, that much is kept: one without end must fill neither memory nor disk.
LONGEST_LINE_BYTES = 8 * 1024
LARGEST_LOG_BYTES = 10 * 2**20


class Quantiles(Frozen):
    """Exact latencies of right responses (ms) at `percent`, enough of them to draw the distribution again."""

    percent: tuple[Sample, ...]
    latency_ms: tuple[Sample, ...]


class Timeline(Frozen):
    """One entry per `step_s` of the load: what ended in that step, and the state sampled last in it (None: no sample).

    `median_ms` and `max_ms` are of right responses.
    """

    step_s: Amount
    requests: tuple[Whole, ...]
    failures: tuple[Whole, ...]
    median_ms: tuple[Sample | None, ...]
    max_ms: tuple[Sample | None, ...]
    users: tuple[Whole | None, ...]
    server_cpu_percent: tuple[Sample | None, ...]
    server_threads: tuple[Whole | None, ...]
    server_rss_bytes: tuple[Whole | None, ...]
    generator_cpu_percent: tuple[Sample | None, ...]


NO_TIMELINE = Timeline.model_validate(dict.fromkeys(Timeline.model_fields, ()) | {"step_s": 1.0})


class Dealt(Frozen):
    """A sample in which there were more connections than before: how many each worker held, `at_s` into the load."""

    at_s: Amount
    connections_per_worker: tuple[Whole, ...]


CPU_METRIC: Final = "server_cpu_us_per_request"


class Resources(Frozen):
    """What the load cost. CPU in percent of one core, of the machine in percent of all of them.

    Server values are None for an app that runs elsewhere.
    Where several processes send the load: `generator_cpu_mean_percent` and `_rss_` are of all together, the other CPU
    values of the busiest one.
    `generator_lag_mean_ms`: how late the load generator's event loop was, looked at once a second; as long as responses
    lay unread on average. `others_cpu_mean_percent`: what neither the server, with all that it started, nor the load
    generator used of this machine, in percent of one core; not known of runs before 2026-11-26.
    Processor time per request (us): `generator_cpu_us_per_request` of all processes that sent the load,
    `server_cpu_us_per_request` of the workers, without what they started; not known of runs before 2026-11-28.
    """

    worker_cpu_peak_percent: tuple[Sample, ...] | None
    worker_cpu_mean_percent: tuple[Sample, ...] | None
    busiest_worker_p90_percent: Sample | None
    server_rss_peak_bytes: Whole | None
    server_threads_peak: Whole | None
    generator_cpu_peak_percent: Sample | None
    generator_cpu_mean_percent: Sample | None
    generator_cpu_p90_percent: Sample | None
    generator_rss_peak_bytes: Whole | None
    generator_lag_p99_ms: Sample | None
    generator_collects_garbage: bool
    generator_lag_mean_ms: Sample | None = None
    machine_cpu_mean_percent: Sample | None
    steal_percent: Sample | None
    others_cpu_mean_percent: Sample | None = None
    generator_cpu_us_per_request: Sample | None = None
    server_cpu_us_per_request: Sample | None = None


# Raised whenever the way of measuring changes what the same software would score: older runs then do not compare.
# 1 counted responses that came while a load was being stopped, too. Up to 2 latencies were of failed requests, too,
# Locust's own client sent, and req/s with think time was divided by the time of the last response. Up to 3 server and
# load generator might share a physical core, each on a thread of it, and "auto" counted threads as cores.
METHOD_VERSION = 4
RIGHT_ALONE_SINCE = OWN_CLIENT_SINCE = 3  # latencies are of right responses alone, and our own client sends
RUN_URL = r"^https?://[A-Za-z0-9._~:/%?#=-]+$"


class Pinning(Frozen):
    """Cores, as the system numbers them, that server and load generator were kept on."""

    server: tuple[Whole, ...] = Field(min_length=1)
    generator: tuple[Whole, ...] = Field(min_length=1)

    @property
    def counts(self) -> str:
        """How many each had: which ones they were makes no difference between two runs."""
        return f"{len(self.server)} for the server, {len(self.generator)} for the load generator"

    def __str__(self) -> str:
        server, generator = (", ".join(map(str, cores)) for cores in (self.server, self.generator))
        return f"server on cores {server}; load generator on {generator}"


class Method(Frozen):
    """How it was measured: what the method line of a report is made from. `pinning`: None, all might use all cores."""

    version: Whole
    server_command: str | None
    generator_command: str
    start: str
    latency: str
    garbage_collection: str
    pinning: Pinning | None = None

    @property
    def right_alone(self) -> bool:
        return self.version >= RIGHT_ALONE_SINCE

    @property
    def own_client(self) -> bool:
        return self.version >= OWN_CLIENT_SINCE


class Cpu(Frozen):
    """The processor as the system names it."""

    model: str
    count: Whole


class Environment(Frozen):
    """Where and from what a run was made."""

    cpu: Cpu
    memory_bytes: Whole
    kernel: str
    os_image: str
    python: str
    packages: dict[str, str]
    requirements_sha256: str | None
    commit: str | None
    commit_dirty: bool | None
    trigger: str
    run_url: Annotated[str, Field(pattern=RUN_URL)] | None

    @property
    def repository(self) -> str | None:
        """Whose workflow made the run: "github.com/owner/name". None: it was made by hand, or nobody knows."""
        where, workflow, _ = (self.run_url or "").partition("/actions/runs/")
        return where.partition("://")[2].lower() if workflow else None


Moment = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$")]  # on the clock, UTC


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


# Which percentile of the latencies each column is. Here, where drawing finds it without pandas.
PERCENTILES = {"median_ms": 50.0, **{f"p{number}_ms": float(number) for number in (66, 75, 80, 90, 95, 98, 99)}}
PERCENTILES["p999_ms"] = 99.9


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


# Kinds of findings: less was sent than was due; the client sent requests again, or took broken responses for right.
RATE_NOT_KEPT = "rate-not-kept"
HIDDEN_BY_CLIENT = "hidden-by-client"


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


CacheSign = Annotated[str, Field(max_length=200)]
MOST_PARTS = 50
OTHER_PARTS = "other requests"  # what is left of more names than that


class Part(Columns):
    """The columns of those requests of a round that had one name: of an endpoint in a mix, or as a locustfile says.

    `prediction`: what theory says they should be; None: it cannot.
    """

    name: Annotated[str, Field(min_length=1, max_length=200)]
    failures_by_kind: tuple[FailureKind, ...] = ()
    prediction: Columns | None = Field(default=None, exclude_if=lambda value: value is None)


class Logins(Frozen):
    """Requests for tokens, in no figure: the first of each user, renewals after a 401, and those that failed."""

    first: Whole
    renewed: Whole
    failed: Whole


class Round(Columns):
    """One measurement of one endpoint: the columns over the whole load, and what is needed to judge them.

    `prediction`: what theory says the columns should be for this round's own split of connections. `failed`: of the
    failed requests alone, and how long they took. None in what follows: not known, mostly as the record is older.

    `sent`: requests that users began: `requests`, `in_flight` and `after_end` together. `written`: those of them of
    which the server was sent at least a byte; the others were still connecting, or could not. `after_end`: those that
    were begun after the end of the load, while it was being stopped: they are in no figure. `reconnected`: requests
    that went over a new connection, as the idle one turned out to be closed. `closed`: complete responses after which
    the server did not keep the connection, as it said or its HTTP/1.0 does. `withheld`: cookies that the server marked
    Secure, which the client does not send back without TLS. `repeated`: requests that Locust's own client sent again by
    itself, `cut_off`: responses that broke off and that it took for complete ones.

    `pause_ms`: mean time between a user's response and its next request, beyond think time, in the steady part.
    `silences`: load processes that the leading one did not hear for a while, and for how long (s). `cut_bytes`: what
    the app and the load generator printed beyond what their logs keep. `workers_replaced`: processes that the server
    put into the place of others under load, as it was told to. `parts`: the same requests by their names, where there
    are several: together they are all requests of the round. `from_cache`: of requests that a cache answered, by their
    names, the header that says so.
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
    sent: Whole | None = None
    written: Whole | None = None
    after_end: Whole | None = None
    reconnected: Whole | None = None
    closed: Whole | None = None
    withheld: Whole | None = None
    repeated: Whole | None = None
    cut_off: Whole | None = None
    first_byte: FirstByte | None = None
    pause_ms: Amount | None = None
    silences: dict[str, Amount] = Field(default_factory=dict)
    cut_bytes: Whole | None = None
    workers_replaced: Whole | None = None
    logins: Logins | None = None
    parts: Annotated[tuple[Part, ...], Field(max_length=MOST_PARTS + 1)] = ()
    from_cache: dict[str, CacheSign] = Field(default_factory=dict, exclude_if=lambda value: not value)
    staged: StagedLoad | None = None
    streams: tuple[StreamFigures, ...] = Field(default=(), exclude_if=lambda value: not value)
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


class PartResult(Frozen):
    """The requests of one name over the rounds in which there were any; `slo`: of what is promised of it."""

    name: str
    summary: Summary
    prediction: Summary | None = Field(default=None, exclude_if=lambda value: value is None)
    slo: tuple[Evidence, ...] = Field(default=(), exclude_if=lambda value: not value)


MOST_ABOVE_LIMIT = 0.03  # of a limit: a load that begins in step may count a little more


class EndpointResult(Frozen):
    """All rounds of one endpoint, and what was predicted for them; `limit` is None when no own work is declared.

    `failed`: the columns of failed requests, over the rounds that had some. `slo`: of what is promised of it.
    """

    name: str
    users: Whole
    limit: Limit | None
    rounds: tuple[Round, ...]
    summary: Summary | None
    prediction: Summary | None = None
    failed: Summary | None = None
    parts: tuple[PartResult, ...] = ()
    slo: tuple[Evidence, ...] = Field(default=(), exclude_if=lambda value: not value)

    @property
    def right_rps(self) -> float:
        summary = self.summary
        return 0.0 if summary is None else max(0.0, (summary.throughput_rps or 0.0) - (summary.failures_rps or 0.0))

    @property
    def refutes_limit(self) -> bool:
        """Whether more was measured than what is declared allows: then the declaration is wrong."""
        return self.limit is not None and self.right_rps > self.limit.most_rps * (1 + MOST_ABOVE_LIMIT)

    @property
    def kept_limit(self) -> Limit | None:
        """The limit, unless the measurement refutes it."""
        return None if self.refutes_limit else self.limit


class Missing(Frozen):
    """A round that was planned and did not happen, or cannot be used."""

    endpoint: str
    round: Whole
    reason: str


class Reference(Frozen):
    """What this machine gave in this run, whatever was measured on it: one entry for each round.

    `raw`: a bare ASGI answer on the same server under `users` users who never rest, and `raw_cpu_us` what one cost the
    workers; not known of runs before 2026-11-28. `cpu_ms`: a loop of plain Python.
    """

    users: Whole
    raw: tuple[Columns, ...] = Field(min_length=1)
    cpu_ms: tuple[Amount, ...] = Field(min_length=1)
    raw_cpu_us: tuple[Amount, ...] = ()

    def median(self, column: str) -> float | None:
        """A column of the bare response, or its CPU_METRIC, the median over the rounds."""
        values = [value for item in self.raw if (value := getattr(item, column, None)) is not None]
        values = list(self.raw_cpu_us) if column == CPU_METRIC else values
        return float(median(values)) if values else None


MOST_RUNS = 50  # of one command: the numbers of users of a sweep. What made more was no command of ours
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
        others = [lost.endpoint for lost in self.missing]
        promised = {promise.endpoint for promise in self.plan.slo} - {
            one for e in self.plan.endpoints for one in labels(e)
        }
        if len(set(named)) < len(named) or not planned.issuperset([*named, *others]) or promised:
            raise ValueError("its results do not fit its plan")
        return self

    @property
    def profile(self) -> Profile:
        return self.plan.profile

    def result(self, name: str) -> EndpointResult | None:
        return next((result for result in self.endpoints if result.name == name), None)
