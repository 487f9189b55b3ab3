"""From request rows to columns: the only code that turns latencies into figures, for measured and predicted rows.

Rows are a data frame, one row per answered request:

    end_s        when the answer was complete, seconds since the load started
    latency_ms   from sending to the complete answer
    error        what was wrong with the answer, "" when it was right
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.observed import Quantiles
from benchmark.record import PERCENTILES, Columns, FailureKind, Spread, Summary

Floats = npt.NDArray[np.float64]

GRID_PERCENT = (*(float(p) for p in range(100)), 99.5, 99.9, 99.95, 99.99, 100.0)
MOST_FAILURE_KINDS = 20
WORST = {"failures", "failures_rps"}


def quantiles_ms(latencies_ms: Floats, percent: Sequence[float]) -> Floats:
    """Exact percentiles (ms): the smallest latency that at least p % of the requests did not exceed.

    "Nearest rank" (Hyndman and Fan 1996, definition 1): every value is a latency that really occurred. Answers
    come in waves here, and interpolating between two waves would report a latency that nobody saw.
    """
    return np.quantile(latencies_ms, np.asarray(percent) / 100, method="inverted_cdf")


def columns(rows: pd.DataFrame, elapsed_s: float, own_work_s: float | None) -> Columns:
    """Summarise request rows that were answered within `elapsed_s` seconds.

    `own_work_s` is the time of the endpoint's own work (s); None leaves the excess out.
    """
    requests = len(rows)
    failures = int((rows["error"] != "").sum())
    rates = {
        "throughput_rps": _rounded(requests / elapsed_s) if elapsed_s > 0 else None,
        "failures_rps": _rounded(failures / elapsed_s) if elapsed_s > 0 else None,
    }
    return Columns(requests=requests, failures=failures, **_latencies(rows, own_work_s), **rates)


def _latencies(rows: pd.DataFrame, own_work_s: float | None) -> dict[str, float | None]:
    names = ("avg_ms", "min_ms", "max_ms", *PERCENTILES)
    latencies = rows["latency_ms"].to_numpy(dtype=np.float64)
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
    """Latencies at a fixed grid of percentages; None when nothing was answered."""
    if rows.empty:
        return None
    values = quantiles_ms(rows["latency_ms"].to_numpy(dtype=np.float64), GRID_PERCENT)
    return Quantiles(percent=GRID_PERCENT, latency_ms=tuple(_rounded(value) for value in values))


def failure_kinds(rows: pd.DataFrame) -> tuple[FailureKind, ...]:
    """Count failures by what they said, the most frequent first; the rare rest is counted together."""
    counts = rows.loc[rows["error"] != "", "error"].value_counts()
    ordered = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
    kinds = [FailureKind(message=str(message), count=int(count)) for message, count in ordered[:MOST_FAILURE_KINDS]]
    rest = sum(int(count) for _, count in ordered[MOST_FAILURE_KINDS:])
    return (*kinds, FailureKind(message="other failures", count=rest)) if rest else tuple(kinds)


def mean_waiting(rows: pd.DataFrame, waiting_since_s: Sequence[float], start_s: float, end_s: float) -> float:
    """Mean number of requests under way between two moments (s), those still unanswered at the end included.

    It is the L of Little's law (Little 1961, L = lambda W), taken as the time integral of the number under
    way, so that requests which cross a border of the window count with the part that lies within.
    """
    ends = rows["end_s"].to_numpy(dtype=np.float64)
    starts = ends - rows["latency_ms"].to_numpy(dtype=np.float64) / 1000
    starts = np.concatenate([starts, np.asarray(waiting_since_s, dtype=np.float64)])
    ends = np.concatenate([ends, np.full(len(waiting_since_s), math.inf)])
    overlap = np.clip(np.minimum(ends, end_s) - np.maximum(starts, start_s), 0, None)
    return float(overlap.sum() / (end_s - start_s))


def over_rounds(rounds: Sequence[Columns]) -> Summary:
    """Median of every column over the rounds (one at least), with the smallest and largest value.

    Of failures it is the worst round: a median would hide those of a minority of rounds.
    """
    medians: dict[str, float | int | None] = {}
    spread: dict[str, Spread] = {}
    for name in Columns.model_fields:
        values = [value for value in (getattr(item, name) for item in rounds) if value is not None]
        middle = _rounded((max if name in WORST else median)(values)) if values else None
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
    """Requests answered within each step."""
    return [within(rows, start, end) for start, end in pairwise(borders.tolist())]
