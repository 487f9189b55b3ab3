"""From request rows to columns: the only code that turns latencies into figures, for measured and predicted rows.

Rows are a data frame, one row per request that ended; moments in seconds since the load started:

    due_s          of an open load: when it was to be sent, from which its latency counts
    sent_s         when it was sent
    first_byte_s   when its response began, where that is known
    end_s          when its response was complete
    error          what was wrong with the response, "" when it was right
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.record import PERCENTILES, Columns, FailureKind, Part, Quantiles, Spread, Summary
from benchmark.streams import FirstByte

Floats = npt.NDArray[np.float64]

GRID_PERCENT = (*(float(p) for p in range(100)), 99.5, 99.9, 99.95, 99.99, 100.0)
MOST_FAILURE_KINDS = 20
WORST = frozenset({"failures", "failures_rps"})
WORST_OF_FAILED = WORST | {"requests", "throughput_rps"}
"""Columns of which the worst round counts and not the median, which would hide what a minority of rounds shows."""


def since_due_ms(rows: pd.DataFrame, moment: str = "end_s") -> Floats:
    """Latencies (ms): a visitor who comes while all users of an open load wait for responses waits, too."""
    begun_s = rows["due_s"] if "due_s" in rows else rows["sent_s"]
    return (rows[moment] - begun_s).to_numpy(dtype=np.float64) * 1000


def quantiles_ms(latencies_ms: Floats, percent: Sequence[float]) -> Floats:
    """Exact percentiles (ms): the smallest latency that at least p % of the requests did not exceed.

    "Nearest rank" (Hyndman and Fan 1996, definition 1): every value is a latency that really occurred. Answers
    come in waves here, and interpolating between two waves would report a latency that nobody saw.
    """
    return np.quantile(latencies_ms, np.asarray(percent) / 100, method="inverted_cdf")


def columns(rows: pd.DataFrame, elapsed_s: float, own_work_s: float | None) -> Columns:
    """Summarise request rows that ended within `elapsed_s` seconds.

    Latencies are those of right responses: a failure takes another time, and a fast one would pass for a fast response.
    `own_work_s` is the service time of the endpoint (s); None leaves the excess out.
    """
    requests, failures = len(rows), len(failed(rows))
    rates = {
        "throughput_rps": _rounded(requests / elapsed_s) if elapsed_s > 0 else None,
        "failures_rps": _rounded(failures / elapsed_s) if elapsed_s > 0 else None,
    }
    return Columns(requests=requests, failures=failures, **_latencies(right(rows), own_work_s), **rates)


@dataclass(frozen=True, slots=True)
class Span:
    """How a load was run, as far as its requests per second hang on it: seconds since it began.

    `wait_s`: think time, or its mean; with `pacing_s` users think until so long after their request.
    `waiting_since_s`: when the requests that still waited at the end were sent; None: not known. `waiting_for`: their
    names, where they have several. `is_open`: requests came at a rate of their own, or users came and went.
    """

    end_s: float
    wait_s: float = 0.0
    waiting_since_s: Sequence[float] | None = None
    is_open: bool = False
    waiting_for: Sequence[str] | None = None
    pacing_s: float | None = None

    @property
    def counts_cycles(self) -> bool:
        """Whether users think between requests, and all of their requests are known."""
        return (self.wait_s > 0 or self.pacing_s is not None) and self.waiting_since_s is not None

    def thinks_s(self, rows: pd.DataFrame) -> float | Floats:
        """How long users think after each of these requests."""
        if self.pacing_s is None:
            return self.wait_s
        return np.clip(self.pacing_s - (rows["end_s"] - rows["sent_s"]).to_numpy(dtype=np.float64), 0, None)


def load_columns(rows: pd.DataFrame, load: Span, own_work_s: float | None) -> Columns:
    """Summarise a whole load.

    Its requests per second are Locust's, divided by the time of the last response; but with think time, or at a rate of
    its own, the load goes on after the last response, and is divided by its length.
    """
    return per_cycle(columns(rows, _lasted_s(rows, load), own_work_s), rows, load, 0.0)


def _lasted_s(rows: pd.DataFrame, load: Span) -> float:
    return load.end_s if load.is_open or load.counts_cycles else locust_elapsed_s(rows)


def per_cycle(counted: Columns, rows: pd.DataFrame, load: Span, start_s: float) -> Columns:
    """Count requests per second by cycles where users think; elsewhere the columns stay as they are.

    A request is counted with the part of its cycle, response and think time, that lies between `start_s` and the end of
    the load: users who begin together would else be ahead of their mean by up to one request each. One that still
    waits counts with the part of a mean cycle that has gone by.
    """
    lasted_s = load.end_s - start_s
    if not load.counts_cycles or rows.empty or lasted_s <= 0:
        return counted
    counts, unfinished = cycles(rows, load, start_s)
    of_failed = float(counts[(rows["error"] != "").to_numpy()].sum())
    rates = {
        "throughput_rps": _rounded((counts.sum() + unfinished.sum()) / lasted_s),
        "failures_rps": _rounded(of_failed / lasted_s),
    }
    return counted.model_copy(update=rates)


def cycles(rows: pd.DataFrame, load: Span, start_s: float) -> tuple[Floats, Floats]:
    """By which part of its cycle each request counts, and each that still waits at the end; see `per_cycle`."""
    starts = rows["sent_s"].to_numpy(dtype=np.float64)
    cycles_s = rows["end_s"].to_numpy(dtype=np.float64) - starts + load.thinks_s(rows)
    counts = np.clip(np.minimum(starts + cycles_s, load.end_s) - np.maximum(starts, start_s), 0, None) / cycles_s
    waiting = np.asarray(load.waiting_since_s or (), dtype=np.float64)
    return counts, np.clip(load.end_s - np.maximum(waiting, start_s), 0, cycles_s.mean()) / cycles_s.mean()


def part_columns(rows: pd.DataFrame, load: Span, works_s: Mapping[str, float | None]) -> tuple[Part, ...]:
    """Summarise a whole load by the names of its requests, in the order of `works_s`: their service times (s).

    All are divided by the same length, so that the rates of the parts add up to that of `load_columns`.
    """
    lasted_s = _lasted_s(rows, load)
    counts_cycles = load.counts_cycles and load.waiting_for is not None and not rows.empty
    counts, unfinished = cycles(rows, load, 0.0) if counts_cycles else (np.empty(0), np.empty(0))
    waiting_for = np.asarray(load.waiting_for or (), dtype=object)
    found = []
    for name, work_s in works_s.items():
        mine = (rows["name"] == name).to_numpy()
        one = columns(rows[mine], lasted_s, work_s)
        if counts_cycles:
            failed_ones = mine & (rows["error"] != "").to_numpy()
            rates = {
                "throughput_rps": _rounded((counts[mine].sum() + unfinished[waiting_for == name].sum()) / lasted_s),
                "failures_rps": _rounded(counts[failed_ones].sum() / lasted_s),
            }
            one = one.model_copy(update=rates)
        found.append(Part(name=name, **one.model_dump(), failures_by_kind=failure_kinds(rows[mine])))
    return tuple(found)


def failed_columns(rows: pd.DataFrame, failures_rps: float | None) -> Columns | None:
    """Summarise the failed ones of request rows: how many, and how long they took; None when none failed.

    `failures_rps`: how many of them there were per second, as the columns of all rows have it.
    """
    rows = failed(rows)
    if rows.empty:
        return None
    rates = {"throughput_rps": failures_rps, "failures_rps": failures_rps}
    return Columns(requests=len(rows), failures=len(rows), **_latencies(rows, None), **rates)


def right(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["error"] == ""]


def failed(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["error"] != ""]


def _latencies(rows: pd.DataFrame, own_work_s: float | None) -> dict[str, float | None]:
    names = ("avg_ms", "min_ms", "max_ms", *PERCENTILES)
    latencies = since_due_ms(rows)
    figures: dict[str, float | None] = dict.fromkeys(names)
    if len(latencies):
        exact = quantiles_ms(latencies, tuple(PERCENTILES.values()))
        found = (latencies.mean(), latencies.min(), latencies.max(), *exact)
        figures = {name: _rounded(value) for name, value in zip(names, found, strict=True)}
    for excess, of in (("excess_mean_ms", "avg_ms"), ("excess_p50_ms", "median_ms"), ("excess_p99_ms", "p99_ms")):
        value = figures[of]
        figures[excess] = None if value is None or own_work_s is None else _rounded(value - own_work_s * 1000)
    return figures


def _rounded(value: float) -> float:
    return round(float(value), 3)


def locust_elapsed_s(rows: pd.DataFrame) -> float:
    """Seconds that Locust divides by for req/s: from the start of the load to the last answer."""
    return float(rows["end_s"].max()) if len(rows) else 0.0


def within(rows: pd.DataFrame, start_s: float, end_s: float) -> pd.DataFrame:
    """Requests that were answered after `start_s` and not after `end_s`."""
    return rows[(rows["end_s"] > start_s) & (rows["end_s"] <= end_s)]


def quantile_grid(rows: pd.DataFrame) -> Quantiles | None:
    """Latencies of right responses at a fixed grid of percentages; None when there was none."""
    rows = right(rows)
    if rows.empty:
        return None
    values = quantiles_ms(since_due_ms(rows), GRID_PERCENT)
    return Quantiles(percent=GRID_PERCENT, latency_ms=tuple(_rounded(value) for value in values))


def first_byte(rows: pd.DataFrame) -> FirstByte | None:
    """How long right responses took to begin; None where it is known of none."""
    if "first_byte_s" not in rows:
        return None
    known = since_due_ms(right(rows).dropna(subset="first_byte_s"), "first_byte_s")
    if not len(known):
        return None
    median_ms, p95_ms, p99_ms = map(_rounded, quantiles_ms(known, (50.0, 95.0, 99.0)))
    return FirstByte(median_ms=median_ms, p95_ms=p95_ms, p99_ms=p99_ms)


@dataclass(frozen=True, eq=False)
class Sample:
    """The responses of one round in the order in which they were asked for: what intervals are made from.

    `failed`: of every request; `latency_ms` and `first_byte_ms`: of right responses, where it is known. `right_rps`:
    right responses per second, as the columns have it; `ended`: how many ended in each of equal parts of the load.
    """

    failed: npt.NDArray[np.bool_]
    latency_ms: Floats
    first_byte_ms: Floats
    right_rps: float | None
    ended: Floats


def sample(rows: pd.DataFrame, counted: Columns, start_s: float, end_s: float, parts: int) -> Sample:
    """Keep of request rows what intervals are made from. Responses are counted in `parts` from `start_s` to `end_s`."""
    rows = rows.sort_values("due_s" if "due_s" in rows else "sent_s", kind="stable")
    good = right(rows)
    begun = good.dropna(subset="first_byte_s") if "first_byte_s" in good else good.iloc[:0]
    right_rps = None
    if counted.throughput_rps is not None:
        right_rps = max(0.0, counted.throughput_rps - (counted.failures_rps or 0.0))
    return Sample(
        failed=(rows["error"] != "").to_numpy(dtype=np.bool_),
        latency_ms=since_due_ms(good),
        first_byte_ms=since_due_ms(begun, "first_byte_s") if len(begun) else np.empty(0),
        right_rps=right_rps,
        ended=np.histogram(good["end_s"], bins=parts, range=(start_s, max(end_s, start_s)))[0].astype(np.float64),
    )


def failure_kinds(rows: pd.DataFrame) -> tuple[FailureKind, ...]:
    """Count failures by what they said, the most frequent first; the rare rest is counted together."""
    counts = rows.loc[rows["error"] != "", "error"].value_counts()
    ordered = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
    kinds = [FailureKind(message=str(message), count=int(count)) for message, count in ordered[:MOST_FAILURE_KINDS]]
    rest = sum(int(count) for _, count in ordered[MOST_FAILURE_KINDS:])
    return (*kinds, FailureKind(message="other failures", count=rest)) if rest else tuple(kinds)


def mean_waiting(
    rows: pd.DataFrame,
    waiting_since_s: Sequence[float],
    start_s: float,
    end_s: float,
    *,
    wait_s: float | Floats = 0.0,
) -> float:
    """Mean number of requests under way between two moments (s), those still unanswered at the end included.

    With a think time `wait_s`, one for all or one for each: of users who wait for a response, or think for so long
    after it.

    It is the L of Little's law (Little 1961, L = lambda W), taken as the time integral of the number under
    way, so that requests which cross a border of the window count with the part that lies within.
    """
    ends = rows["end_s"].to_numpy(dtype=np.float64)
    starts = np.concatenate([rows["sent_s"].to_numpy(dtype=np.float64), np.asarray(waiting_since_s, dtype=np.float64)])
    ends = np.concatenate([ends + wait_s, np.full(len(waiting_since_s), math.inf)])
    overlap = np.clip(np.minimum(ends, end_s) - np.maximum(starts, start_s), 0, None)
    return float(overlap.sum() / (end_s - start_s))


def over_rounds(rounds: Sequence[Columns], worst: Collection[str] = WORST) -> Summary:
    """Median of every column over the rounds (one at least), with the smallest and largest value.

    Of the columns `worst` it is the largest one.
    """
    medians: dict[str, float | int | None] = {}
    spread: dict[str, Spread] = {}
    for name in Columns.model_fields:
        values = [value for value in (getattr(item, name) for item in rounds) if value is not None]
        middle = _rounded((max if name in worst else median)(values)) if values else None
        medians[name] = round(middle or 0) if name in {"requests", "failures"} else middle
        if values:
            spread[name] = Spread(low=min(values), high=max(values))
    return Summary.model_validate({**medians, "spread": spread})


def bins(end_s: float, most: int) -> Floats:
    """Borders (s) of equal whole-second steps that cover a load, at most `most` of them."""
    step = max(1, math.ceil(end_s / most))
    count = max(1, math.ceil(end_s / step))
    return np.arange(count + 1, dtype=np.float64) * step


def per_bin(rows: pd.DataFrame, borders: Floats) -> list[pd.DataFrame]:
    return [within(rows, start, end) for start, end in pairwise(borders.tolist())]
