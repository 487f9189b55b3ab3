"""What was seen while a load ran: parts of a record's rounds."""

from benchmark.model import Amount, Frozen, Sample, Whole

LONGEST_LINE_BYTES = 8 * 1024
LARGEST_LOG_BYTES = 10 * 2**20
"""Of what an app or the load generator prints, that much is kept: one without end must fill neither memory nor disk."""


class Quantiles(Frozen):
    """Exact latencies of right responses (ms) at `percent`, enough of them to draw the distribution again."""

    percent: tuple[Sample, ...]
    latency_ms: tuple[Sample, ...]


class FirstByte(Frozen):
    """How long right responses took to begin (ms), from where their latency counts."""

    median_ms: Amount
    p95_ms: Amount
    p99_ms: Amount


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


NO_TIMELINE = Timeline(
    step_s=1.0,
    requests=(),
    failures=(),
    median_ms=(),
    max_ms=(),
    users=(),
    server_cpu_percent=(),
    server_threads=(),
    server_rss_bytes=(),
    generator_cpu_percent=(),
)


class Dealt(Frozen):
    """A sample in which there were more connections than before: how many each worker held, `at_s` into the load."""

    at_s: Amount
    connections_per_worker: tuple[Whole, ...]


class Resources(Frozen):
    """What the load cost. CPU in percent of one core, of the machine in percent of all of them.

    Server values are None for an app that runs elsewhere.
    Where several processes send the load: `generator_cpu_mean_percent` and `_rss_` are of all together, the other CPU
    values of the busiest one.
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
    """How late the load generator's event loop was, looked at once a second: as long as responses lay
    unread on average.
    """

    machine_cpu_mean_percent: Sample | None
    steal_percent: Sample | None
    others_cpu_mean_percent: Sample | None = None
    """What neither the server, with all that it started, nor the load generator used of this machine, in percent of one
    core; not known of runs before 2026-11-26.
    """

    generator_cpu_us_per_request: Sample | None = None
    """Processor time of all processes that sent the load, for each request; not known of runs before 2026-11-28."""
