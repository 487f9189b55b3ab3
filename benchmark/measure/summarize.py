"""From what a round wrote to the Round of the record: latencies, resources, and whether a rate was kept."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from benchmark.measure.load_test import Window
from benchmark.measure.round import RawRound
from benchmark.measure.staged import staged_load
from benchmark.measure.streams import stream_figures
from benchmark.plan import Endpoint, Profile
from benchmark.record import MOST_PARTS, OTHER_PARTS, Columns, Dealt, Logins, OpenLoad, Part, Resources, Round, Timeline
from benchmark.summary import (
    Sample,
    Span,
    bins,
    columns,
    failed,
    failed_columns,
    failure_kinds,
    first_byte,
    load_columns,
    mean_waiting,
    part_columns,
    per_bin,
    per_cycle,
    quantile_grid,
    quantiles_ms,
    right,
    sample,
    since_due_ms,
    within,
)
from benchmark.traffic import part_label


def resources(raw: RawRound) -> Resources:
    samples = load_samples(raw)
    cpu = worker_columns(samples, "cpu_percent")
    rss = worker_columns(samples, "rss_bytes")
    threads = worker_columns(samples, "threads")
    measured = bool(cpu) and len(samples) > 0
    generator = _generator(raw)
    known = measured and generator["generator_cpu_mean_percent"] is not None
    return Resources(
        worker_cpu_peak_percent=tuple(float(samples[name].max()) for name in cpu) if measured else None,
        worker_cpu_mean_percent=tuple(round(float(samples[name].mean()), 1) for name in cpu) if measured else None,
        busiest_worker_p90_percent=max(float(samples[name].quantile(0.9)) for name in cpu) if measured else None,
        server_rss_peak_bytes=int(samples[rss].sum(axis=1).max()) if measured else None,
        server_threads_peak=int(samples[threads].sum(axis=1).max()) if measured else None,
        **generator,
        generator_collects_garbage=raw.window.garbage_collection_on,
        machine_cpu_mean_percent=figure(samples["machine_cpu_percent"].mean()),
        steal_percent=figure(samples["steal_percent"].mean()),
        others_cpu_mean_percent=_others_percent(raw, generator["generator_cpu_mean_percent"]) if known else None,
        server_cpu_us_per_request=cpu_us_per_request(samples, raw),
    )


def cpu_us_per_request(samples: pd.DataFrame, raw: RawRound) -> float | None:
    """Processor time (us) of the workers for each request that ended between the first and the last of these samples.

    None where no worker was seen, or nothing ended. A worker whose clock went back was replaced: what the old one used
    since the sample before is lost.
    """
    names = worker_columns(samples, "cpu_s")
    ends_s = raw.rows["end_s"] + raw.window.start_s
    if not names or len(samples) < 2:  # noqa: PLR2004 - the first and the last
        return None
    ended = int(((ends_s > samples["time_s"].iloc[0]) & (ends_s <= samples["time_s"].iloc[-1])).sum())
    grown = samples[names].diff().iloc[1:]
    spent_s = float(grown.where(grown >= 0, samples[names].iloc[1:]).sum().sum())
    return round(1e6 * spent_s / ended, 1) if ended else None


def _others_percent(raw: RawRound, generator_percent: float) -> float:
    """What nobody of ours used of the machine, in percent of one core; what the host took is no program's."""
    samples = load_samples(raw)
    ours = samples[worker_columns(samples, "cpu_percent")].mean().sum() + raw.children_cpu_percent + generator_percent
    busy = raw.cores * (samples["machine_cpu_percent"] - samples["steal_percent"]).mean()
    return round(max(0.0, float(busy - ours)), 1)


def _generator(raw: RawRound) -> dict[str, Any]:
    loading = [_during(seconds, raw.window) for seconds in raw.processes]
    cpu = [seconds["cpu_percent"] for seconds in loading if len(seconds)]
    lag_ms = [seconds["lag_ms"] for seconds in loading if len(seconds)]
    rss_bytes = [int(seconds["rss_bytes"].max()) for seconds in raw.processes if len(seconds)]
    return {
        "generator_cpu_peak_percent": max((figure(one.max()) or 0.0 for one in cpu), default=None),
        "generator_cpu_mean_percent": round(sum(one.mean() for one in cpu), 2) if cpu else None,
        "generator_cpu_p90_percent": max((figure(one.quantile(0.9)) or 0.0 for one in cpu), default=None),
        "generator_rss_peak_bytes": sum(rss_bytes) if rss_bytes else None,
        "generator_lag_mean_ms": figure(pd.concat(lag_ms).mean()) if lag_ms else None,
        "generator_lag_p99_ms": figure(pd.concat(lag_ms).quantile(0.99)) if lag_ms else None,
    }


def figure(value: float | np.floating[Any]) -> float | None:
    """Round to two places; None for what is not a number, as the mean of nothing."""
    return None if math.isnan(value) else round(float(value), 2)


def load_samples(raw: RawRound) -> pd.DataFrame:
    return _during(raw.samples, raw.window)


def _during(samples: pd.DataFrame, window: Window) -> pd.DataFrame:
    """Keep the samples of the load itself, without the seconds in which processes start and stop."""
    after = window.start_s if window.spawned_s is None else window.spawned_s
    during = samples[(samples["time_s"] >= after) & (samples["time_s"] <= window.stop_s)]
    return during if len(during) else samples


def worker_columns(samples: pd.DataFrame, field: str) -> list[str]:
    return [name for name in samples.columns if name.startswith("worker") and name.endswith(f"_{field}")]


def since_opened(raw: RawRound) -> RawRound:
    """The same round on a clock that starts when requests began to be due."""
    opened_s = raw.window.opened_s
    if opened_s is None:
        return raw
    window = replace(raw.window, start_s=opened_s, spawned_s=opened_s, all_answered_s=opened_s, users_answered=None)
    texts = [name for name in ("error", "name") if name in raw.rows]
    moments = raw.rows.drop(columns=texts) - (opened_s - raw.window.start_s)
    return replace(raw, window=window, rows=moments.join(raw.rows[texts]))


def open_load(raw: RawRound, work_s: float | None) -> OpenLoad | None:
    """Sum up how the rate was kept; `raw` is what `since_opened` gave. None: no rate."""
    window, rows = raw.window, raw.rows
    load_s = window.stop_s - window.start_s
    if window.opened_s is None or window.due is None or window.sent is None:
        return None
    late_ms = ((rows["sent_s"] - rows["due_s"]) * 1000).to_numpy()
    return OpenLoad(
        due=window.due,
        sent=window.sent,
        offered_rps=round(window.due / load_s, 3),
        achieved_rps=round(window.sent / load_s, 3),
        late_p99_ms=round(float(quantiles_ms(late_ms, [99.0])[0]), 3) if len(late_ms) else None,
        late_max_ms=round(float(late_ms.max()), 3) if len(late_ms) else None,
        from_sent=columns(rows.drop(columns="due_s"), load_s, work_s),
    )


MOST_STEPS = 300
COUNTED = ("written", "reconnected", "closed", "withheld", "repeated", "cut_off")


def summarize(raw: RawRound, endpoint: Endpoint, profile: Profile) -> Round:
    """Summarise a round: over the whole load as Locust counts it, and over its steady part."""
    whole_raw, raw = raw, since_opened(on_time(raw, profile.duration_s))
    window, rows, work_s = raw.window, raw.rows, endpoint.own_work_s(profile.task_seconds)
    load, load_end_s = _span(window, endpoint, profile), window.stop_s - window.start_s
    waiting, steady, steady_start_s = None, None, None if profile.stages else steady_start(window, rows)
    if steady_start_s is not None:
        steady = columns(within(rows, steady_start_s, load_end_s), load_end_s - steady_start_s, work_s)
        steady = per_cycle(steady, rows, load, steady_start_s)
        waiting = _users_waiting_ratio(window, rows, load, steady_start_s)
    whole = load_columns(rows, load, work_s)
    return Round(
        **whole.model_dump(),
        round=raw.round,
        started_at=raw.started_at,
        ramp_end_s=_relative(window, window.spawned_s),
        steady_start_s=None if steady_start_s is None else round(steady_start_s, 3),
        load_end_s=round(load_end_s, 3),
        users_started=window.users_spawned,
        users_answered=None if profile.stages else window.users_answered,
        in_flight=None if window.waiting_since_s is None else len(window.waiting_since_s),
        users_waiting_ratio=None if waiting is None else round(waiting, 4),
        pause_ms=_pause_ms(window, waiting, steady),
        connections_per_worker=connections_per_worker(raw),
        dealt=dealt(raw),
        steady=steady,
        failures_by_kind=failure_kinds(rows),
        quantiles=quantile_grid(rows),
        timeline=timeline(raw, load_end_s),
        resources=resources(raw).model_copy(update={"generator_cpu_us_per_request": _cpu_us(whole_raw)}),
        open_load=open_load(raw, work_s),
        failed=failed_columns(rows, whole.failures_rps),
        sent=window.begun,
        after_end=_left_out(whole_raw, raw),
        **{name: getattr(window, name) for name in COUNTED},
        first_byte=first_byte(rows),
        **{name: dict(getattr(window, name)) for name in ("silences", "from_cache")},
        **{name: getattr(raw, name) for name in ("cut_bytes", "workers_replaced")},
        logins=_logins(endpoint, window),
        staged=staged_load(rows, profile.course, load_end_s, steps_of(rows, load_end_s)) if profile.stages else None,
        **_by_name(raw, load, endpoint, profile, whole),
    )


def _by_name(raw: RawRound, load: Span, endpoint: Endpoint, profile: Profile, whole: Columns) -> dict[str, Any]:
    """The columns of each name that requests have, where there are several, and the streams of those that stream."""
    parts = _parts(raw.rows, load, endpoint, profile)
    by_name: dict[str, Columns] = {part.name: part for part in parts}
    streaming = {one.name: by_name.get(one.name, whole) for one in endpoint.members if one.stream}
    return {"parts": parts, "streams": stream_figures(raw.streams, streaming, raw.window.stop_s)}


def _logins(endpoint: Endpoint, window: Window) -> Logins | None:
    counts = (window.logins, window.renewals, window.failed_logins)
    if not any(one.login for one in endpoint.members) or None in counts:
        return None
    return Logins(first=window.logins or 0, renewed=window.renewals or 0, failed=window.failed_logins or 0)


def _parts(rows: pd.DataFrame, load: Span, endpoint: Endpoint, profile: Profile) -> tuple[Part, ...]:
    """The columns of each endpoint of a mix, or of each name in one's own locustfile, the most frequent first."""
    if endpoint.mix is not None:
        return part_columns(rows, load, {one.name: one.own_work_s(profile.task_seconds) for one in endpoint.members})
    if "name" not in rows:
        return ()
    counted = rows["name"].value_counts()
    names = sorted(map(str, counted.index), key=lambda name: (-counted[name], name))
    kept = names[:MOST_PARTS]
    if len(names) > len(kept):
        rows = rows.assign(name=rows["name"].where(rows["name"].isin(kept), OTHER_PARTS))
        kept = [*dict.fromkeys([*kept, OTHER_PARTS])]
    return part_columns(rows, load, dict.fromkeys(kept)) if len(kept) > 1 else ()


EQUAL_PARTS = 20


def samples_of(raw: RawRound, measured: Round, endpoint: Endpoint, profile: Profile) -> dict[str, Sample]:
    """Keep of a round what intervals are made from, of a mix also by the names of its requests, as `labels` has them.

    Responses per second are counted over its steady part, if any.
    """
    rows = since_opened(on_time(raw, profile.duration_s)).rows
    span = measured.steady_start_s or 0.0, measured.load_end_s, EQUAL_PARTS
    found = {endpoint.name: sample(rows, measured, *span)}
    for part in measured.parts if endpoint.mix is not None else ():
        found[part_label(endpoint.name, part.name)] = sample(rows[rows["name"] == part.name], part, *span)
    return found


def _span(window: Window, endpoint: Endpoint, profile: Profile) -> Span:
    """What requests per second are counted by. How long users of one's own locustfile think is not known."""
    since = None if window.waiting_since_s is None else [moment - window.start_s for moment in window.waiting_since_s]
    thinks = not (endpoint.locustfile or profile.stages)  # with stages users go, too, instead of thinking
    return Span(
        end_s=window.stop_s - window.start_s,
        wait_s=_wait_s(window, profile) if thinks else 0.0,
        pacing_s=profile.pacing_s if thinks else None,
        waiting_since_s=since,
        waiting_for=window.waiting_for,
        is_open=window.opened_s is not None or bool(profile.stages),
    )


def _wait_s(window: Window, profile: Profile) -> float:
    """Mean think time (s): of what users drew, which in a short load is not quite the mean of all they could draw."""
    if profile.wait_as is None or not window.thoughts or window.thought_s is None:
        return profile.wait_s
    return window.thought_s / window.thoughts


def on_time(raw: RawRound, duration_s: float) -> RawRound:
    """The same round as if its load had stopped after exactly `duration_s`, which the generator overruns by some ms.

    Where answers come in waves, a whole wave may fall into those: what came late counts as still waiting. So does what
    came after a load ended early, while its users were being stopped: several processes take a moment to hear of it.
    """
    window, rows = raw.window, raw.rows
    stop_s = min(window.stop_s, window.start_s + duration_s)
    late = rows["end_s"] > stop_s - window.start_s
    waiting_since_s, waiting_for = window.waiting_since_s, window.waiting_for
    if window.stop_s == stop_s and not late.any() and max(waiting_since_s or (0.0,)) <= stop_s:
        return raw
    if waiting_since_s is not None:
        moments = [*waiting_since_s, *(window.start_s + rows["sent_s"][late])]
        waiting_since_s = [float(moment) for moment in moments if moment <= stop_s]
        if waiting_for is not None and "name" in rows:
            names = zip([*waiting_for, *rows["name"][late]], moments, strict=True)
            waiting_for = [name for name, moment in names if moment <= stop_s]
    if window.first_answers_s is not None:
        in_time = sum(moment <= stop_s for moment in window.first_answers_s)
        everybody = in_time == window.users_answered
        window = replace(window, users_answered=in_time, all_answered_s=window.all_answered_s if everybody else None)
    window = replace(window, stop_s=stop_s, waiting_since_s=waiting_since_s, waiting_for=waiting_for)
    return replace(raw, window=window, rows=rows[~late].reset_index(drop=True))


def _left_out(whole: RawRound, kept: RawRound) -> int | None:
    """How many requests are neither answered nor waiting any more in what `on_time` gave: begun after the end."""
    before, after = whole.window.waiting_since_s, kept.window.waiting_since_s
    if before is None or after is None:
        return None
    return len(whole.rows) + len(before) - len(kept.rows) - len(after)


def _cpu_us(whole: RawRound) -> float | None:
    """Processor time (us) that the load generator spent for each request that ended before it was told to stop.

    Until then its processor time is counted: stopping thousands of users takes seconds, in which more come.
    """
    window = whole.window
    ended = int((whole.rows["end_s"] <= window.stop_s - window.start_s).sum())
    return round(1e6 * window.generator_cpu_s / ended, 1) if ended and window.generator_cpu_s is not None else None


def _relative(window: Window, moment_s: float | None) -> float | None:
    return None if moment_s is None else round(moment_s - window.start_s, 3)


def steady_start(window: Window, rows: pd.DataFrame) -> float | None:
    """When all users were running and had been answered once (s since the start).

    None when that never came, is not known (a user's own locustfile), or left less than one mean answer time.
    """
    if window.spawned_s is None or window.all_answered_s is None or rows.empty:
        return None
    start_s = max(window.spawned_s, window.all_answered_s) - window.start_s
    left_s = window.stop_s - window.start_s - start_s
    return start_s if left_s > max(since_due_ms(rows).mean() / 1000, 0.0) else None


def _users_waiting_ratio(window: Window, rows: pd.DataFrame, load: Span, start_s: float) -> float | None:
    """Little's law as an alarm: the part of the users that was waiting for a response, or thinking as it was told to.

    It is 1 when nothing but the server made users wait. What is missing was spent inside the load generator, where no
    latency shows it (judge/model_fit.py). None where users need not wait: at a rate of its own.
    """
    if load.waiting_since_s is None or load.is_open:
        return None
    waiting = mean_waiting(rows, load.waiting_since_s, start_s, load.end_s, wait_s=load.thinks_s(rows))
    return waiting / window.users_spawned


def _pause_ms(window: Window, waiting_ratio: float | None, steady: Columns | None) -> float | None:
    """What of a user's cycle is neither response nor think time (ms); a cycle is users / throughput long (Little)."""
    if waiting_ratio is None or steady is None or not steady.throughput_rps:
        return None
    return round(max(0.0, 1000 * (1 - waiting_ratio) * window.users_spawned / steady.throughput_rps), 4)


def connections_per_worker(raw: RawRound) -> tuple[int, ...] | None:
    """Established connections of each worker once all users run, at the sample with the middle sum; None: no workers.

    All of one moment: at the end of a load connections close, and the middle of 10 and 0 is a split that never was.
    """
    names = worker_columns(raw.samples, "connections")
    counted = load_samples(raw).dropna(subset=names)  # in some seconds they were not counted
    if not names or counted.empty:
        return None
    by_sum = counted[names].sum(axis="columns").sort_values(kind="stable").index
    return tuple(round(float(held)) for held in counted.loc[by_sum[len(by_sum) // 2], names])


def dealt(raw: RawRound) -> tuple[Dealt, ...]:
    found: list[Dealt] = []
    names = worker_columns(raw.samples, "connections")
    for time_s, *held in raw.samples[["time_s", *names]].dropna().itertuples(index=False):
        at_s = round(float(time_s) - raw.window.start_s, 3)
        if at_s > 0 and sum(held) > (sum(found[-1].connections_per_worker) if found else 0):
            found.append(Dealt(at_s=at_s, connections_per_worker=tuple(int(n) for n in held)))
    return tuple(found)


def steps_of(rows: pd.DataFrame, load_end_s: float) -> np.ndarray:
    # A few answers still come between the order to stop and the end of the last user.
    return bins(max(load_end_s, float(rows["end_s"].max()) if len(rows) else 0.0), MOST_STEPS)


def timeline(raw: RawRound, load_end_s: float) -> Timeline:
    borders = steps_of(raw.rows, load_end_s)
    parts = per_bin(raw.rows, borders)
    latencies = [pd.Series(since_due_ms(right(part))) for part in parts]
    sampled = _last_in_bins(raw.samples, raw.window.start_s, borders)
    users = _last_in_bins(raw.generator, raw.window.start_s, borders)
    cpu, threads, rss = (
        _sums(sampled, worker_columns(raw.samples, field)) for field in ("cpu_percent", "threads", "rss_bytes")
    )
    return Timeline(
        step_s=float(borders[1] - borders[0]),
        requests=tuple(len(part) for part in parts),
        failures=tuple(len(failed(part)) for part in parts),
        median_ms=tuple(figure(one.median()) for one in latencies),
        max_ms=tuple(figure(one.max()) for one in latencies),
        users=tuple(None if row is None else int(row["users"]) for row in users),
        server_cpu_percent=cpu,
        server_threads=tuple(None if value is None else round(value) for value in threads),
        server_rss_bytes=tuple(None if value is None else round(value) for value in rss),
        generator_cpu_percent=_sum_of_processes(raw, borders),
    )


def _last_in_bins(samples: pd.DataFrame, start_s: float, borders: np.ndarray) -> list[pd.Series | None]:
    steps = np.digitize(samples["time_s"] - start_s, borders, right=True) - 1
    found: list[pd.Series | None] = [None] * (len(borders) - 1)
    for position, step in enumerate(steps):
        if 0 <= step < len(found):
            found[step] = samples.iloc[position]
    return found


def _sum_of_processes(raw: RawRound, borders: np.ndarray) -> tuple[float | None, ...]:
    each = [_last_in_bins(seconds, raw.window.start_s, borders) for seconds in raw.processes]
    steps = zip(*each, strict=True)
    known = [[float(row["cpu_percent"]) for row in step if row is not None] for step in steps]
    return tuple(round(sum(step), 1) if step else None for step in known) or (None,) * (len(borders) - 1)


def _sums(sampled: Sequence[pd.Series | None], names: Sequence[str]) -> tuple[float | None, ...]:
    return tuple(
        None if row is None or not names else round(sum(float(row[name]) for name in names), 1) for row in sampled
    )
