"""What rows of streams.csv add up to: when events came, and how far apart."""

from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from benchmark.record import Columns
from benchmark.streams import StreamFigures
from benchmark.summary import Floats, quantiles_ms

SEVERAL = 3
"""Events of a stream of which one can say that they came together."""

MOST_SPREAD = 0.15
"""They did, if all came within this part of the time to the first one: a busy server needs a moment for a list, too."""


def stream_figures(
    rows: pd.DataFrame | None, counted: Mapping[str, Columns], end_s: float
) -> tuple[StreamFigures, ...]:
    """Sum up the streams that ended within the load, for each endpoint of `counted`, whose columns these are."""
    if rows is None:
        return ()
    rows = rows[rows["end_s"] <= end_s]
    return tuple(_of_one(name, rows[rows["name"] == name], columns) for name, columns in counted.items())


def _of_one(name: str, rows: pd.DataFrame, counted: Columns) -> StreamFigures:
    complete = rows[rows["ended"] != ""]
    events = int(complete["events"].sum())
    rate_rps = (counted.throughput_rps or 0.0) * len(complete) / max(1, counted.requests)
    spread_ms = complete["last_event_ms"] - complete["first_event_ms"]
    first_byte = quantile(complete["first_byte_ms"], 50)
    gap_p50, gap_p99 = gap_quantiles(complete["gaps"], (50.0, 99.0))
    return StreamFigures(
        name=name,
        streams=len(rows),
        complete=len(complete),
        by_until=int((complete["ended"] == "until").sum()),
        events=events,
        events_rps=round(rate_rps * events / len(complete), 3) if len(complete) else None,
        first_byte_ms=first_byte,
        first_event_ms=quantile(complete["first_event_ms"], 50),
        first_event_p95_ms=quantile(complete["first_event_ms"], 95),
        fastest_event_ms=quantile(complete["first_event_ms"], 0),
        gap_p50_ms=gap_p50,
        gap_p99_ms=gap_p99,
        instants=int(complete["instants"].sum()),
        at_once=int(((spread_ms <= MOST_SPREAD * complete["first_event_ms"]) & (complete["events"] >= SEVERAL)).sum()),
        spread_ms=quantile(spread_ms, 50),
        compressed=int((~complete["coding"].isin(["", "length"])).sum()),
        announced=int((complete["coding"] == "length").sum()),
    )


def quantile(values: pd.Series, percent: float) -> float | None:
    known = values.dropna().to_numpy(dtype=np.float64)
    return round(float(quantiles_ms(known, (percent,))[0]), 3) if len(known) else None


def gap_quantiles(texts: Iterable[str], percent: tuple[float, ...]) -> tuple[float | None, ...]:
    """Percentiles of the gaps of all streams together, from texts like "99.87 100.2*3"; None: there was no gap."""
    counts: Counter[float] = Counter()
    for text in texts:
        for gap in text.split():
            length_ms, _, times = gap.partition("*")
            counts[float(length_ms)] += int(times or 1)
    if not counts:
        return (None,) * len(percent)
    lengths = np.array(sorted(counts), dtype=np.float64)
    up_to = np.cumsum([counts[length] for length in lengths])
    ranks: Floats = np.ceil(np.asarray(percent) / 100 * up_to[-1])
    return tuple(round(float(one), 4) for one in lengths[np.searchsorted(up_to, np.maximum(ranks, 1))])
