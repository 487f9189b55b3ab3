"""The table "Streams" of report and terminal: how soon events came, and how far apart."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from benchmark.formatting import latency, percent, rate
from benchmark.judge.streams import is_measurable
from benchmark.record import Record, Resources
from benchmark.streams import StreamFigures
from benchmark.traffic import part_label

NOT_MEASURABLE = "not measurable"


@dataclass(frozen=True)
class Streaming:
    """The streams of one endpoint in one round, and what the load generator was like."""

    label: str
    found: StreamFigures
    used: Resources

    @property
    def gaps(self) -> tuple[str, str]:
        lags_ms = (self.used.generator_lag_mean_ms, self.used.generator_lag_p99_ms)
        pairs = zip((self.found.gap_p50_ms, self.found.gap_p99_ms), lags_ms, strict=True)
        p50, p99 = (latency(gap) if is_measurable(gap, lag) else NOT_MEASURABLE for gap, lag in pairs)
        return p50, p99

    @property
    def lag(self) -> str:
        return f"{latency(self.used.generator_lag_mean_ms)} / {latency(self.used.generator_lag_p99_ms)}"

    @property
    def complete(self) -> str:
        return percent(100 * self.found.complete / self.found.streams if self.found.streams else None)


STREAM_COLUMNS: Mapping[str, Callable[[Streaming], str]] = {
    "first byte": lambda row: latency(row.found.first_byte_ms),
    "first event": lambda row: latency(row.found.first_event_ms),
    "gap p50": lambda row: row.gaps[0],
    "gap p99": lambda row: row.gaps[1],
    "lag mean / p99": lambda row: row.lag,
    "events/s": lambda row: rate(row.found.events_rps),
    "complete": lambda row: row.complete,
    "first event p95": lambda row: latency(row.found.first_event_p95_ms),
}


def streaming(record: Record) -> Iterator[Streaming]:
    for result in record.endpoints:
        for measured in result.rounds:
            for found in measured.streams:
                name = result.name if found.name == result.name else part_label(result.name, found.name)
                where = f"{name}, round {measured.round}" if record.profile.rounds > 1 else name
                yield Streaming(where, found, measured.resources)


def has_short_gaps(rows: list[Streaming]) -> bool:
    return any(NOT_MEASURABLE in row.gaps for row in rows)
