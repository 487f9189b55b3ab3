"""A round of an open load: what it counts from, and whether its rate was kept."""

from dataclasses import replace

from benchmark.measure.rounds import RawRound
from benchmark.record import OpenLoad
from benchmark.summary import columns, quantiles_ms


def since_opened(raw: RawRound) -> RawRound:
    """The same round on a clock that starts when requests began to be due, with latencies that count from then.

    A visitor who comes when all users still wait for answers waits, too, whatever the server knows of it.
    """
    opened_s = raw.window.opened_s
    if opened_s is None:
        return raw
    window = replace(raw.window, start_s=opened_s, spawned_s=opened_s, all_answered_s=opened_s, users_answered=None)
    end_s = raw.rows["end_s"] - (opened_s - raw.window.start_s)
    since_due = [name for name in ("latency_ms", "first_byte_ms") if name in raw.rows]
    rows = raw.rows.assign(end_s=end_s, **{name: raw.rows[name] + raw.rows["late_ms"] for name in since_due})
    return replace(raw, window=window, rows=rows)


def open_load(raw: RawRound, work_s: float | None) -> OpenLoad | None:
    """Sum up how the rate was kept; `raw` is what `since_opened` gave. None: no rate."""
    window, rows = raw.window, raw.rows
    load_s = window.stop_s - window.start_s
    if window.opened_s is None or window.due is None or window.sent is None:
        return None
    late_ms = rows["late_ms"].to_numpy()
    return OpenLoad(
        due=window.due,
        sent=window.sent,
        offered_rps=round(window.due / load_s, 3),
        achieved_rps=round(window.sent / load_s, 3),
        late_p99_ms=round(float(quantiles_ms(late_ms, [99.0])[0]), 3) if len(late_ms) else None,
        late_max_ms=round(float(late_ms.max()), 3) if len(late_ms) else None,
        from_sent=columns(rows.assign(latency_ms=rows["latency_ms"] - rows["late_ms"]), load_s, work_s),
    )
