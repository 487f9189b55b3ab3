"""What was seen while a load ran: parts of a record's rounds."""

from benchmark.model import Frozen

LONGEST_LINE_BYTES = 8 * 1024
LARGEST_LOG_BYTES = 10 * 2**20
"""Of what an app or the load generator prints, that much is kept: one without end must fill neither memory nor disk."""


class Quantiles(Frozen):
    """Exact latencies of right responses (ms) at `percent`, enough of them to draw the distribution again."""

    percent: tuple[float, ...]
    latency_ms: tuple[float, ...]


class FirstByte(Frozen):
    """How long right responses took to begin (ms), from where their latency counts."""

    median_ms: float
    p95_ms: float
    p99_ms: float


class Timeline(Frozen):
    """One entry per `step_s` of the load: what ended in that step, and the state sampled last in it (None: no sample).

    `median_ms` and `max_ms` are of right responses.
    """

    step_s: float
    requests: tuple[int, ...]
    failures: tuple[int, ...]
    median_ms: tuple[float | None, ...]
    max_ms: tuple[float | None, ...]
    users: tuple[int | None, ...]
    server_cpu_percent: tuple[float | None, ...]
    server_threads: tuple[int | None, ...]
    server_rss_bytes: tuple[int | None, ...]
    generator_cpu_percent: tuple[float | None, ...]


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

    at_s: float
    connections_per_worker: tuple[int, ...]


class Resources(Frozen):
    """What the load cost. CPU in percent of one core, of the machine in percent of all of them.

    Server values are None for an app that runs elsewhere.
    Where several processes send the load: `generator_cpu_mean_percent` and `_rss_` are of all together, the other CPU
    values of the busiest one.
    """

    worker_cpu_peak_percent: tuple[float, ...] | None
    worker_cpu_mean_percent: tuple[float, ...] | None
    busiest_worker_p90_percent: float | None
    server_rss_peak_bytes: int | None
    server_threads_peak: int | None
    generator_cpu_peak_percent: float | None
    generator_cpu_mean_percent: float | None
    generator_cpu_p90_percent: float | None
    generator_rss_peak_bytes: int | None
    generator_lag_p99_ms: float | None
    generator_collects_garbage: bool
    generator_lag_mean_ms: float | None = None
    """How late the load generator's event loop was, looked at once a second: as long as responses lay
    unread on average.
    """

    machine_cpu_mean_percent: float | None
    steal_percent: float | None
    others_cpu_mean_percent: float | None = None
    """What neither the server, with all that it started, nor the load generator used of this machine, in percent of one
    core; not known of runs before 2026-11-26.
    """

    generator_cpu_us_per_request: float | None = None
    """Processor time of all processes that sent the load, for each request; not known of runs before 2026-11-28."""
