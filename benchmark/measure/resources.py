"""What a load cost: the server, the load generator, and what else the machine was busy with."""

import math
from typing import Any

import numpy as np
import pandas as pd

from benchmark.measure.load_test import Window
from benchmark.measure.rounds import RawRound
from benchmark.observed import Resources


def resources(raw: RawRound) -> Resources:
    """What the load cost, from the samples of each second."""
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
    )


def _others_percent(raw: RawRound, generator_percent: float) -> float:
    """What nobody of ours used of the machine, in percent of one core; what the host took is no program's."""
    samples = load_samples(raw)
    ours = samples[worker_columns(samples, "cpu_percent")].mean().sum() + raw.children_cpu_percent + generator_percent
    busy = raw.cores * (samples["machine_cpu_percent"] - samples["steal_percent"]).mean()
    return round(max(0.0, float(busy - ours)), 1)


def _generator(raw: RawRound) -> dict[str, Any]:
    """What sending the load cost, all its processes together; CPU: see observed.Resources."""
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
    """Give the samples of the load itself."""
    return _during(raw.samples, raw.window)


def _during(samples: pd.DataFrame, window: Window) -> pd.DataFrame:
    """Keep the samples of the load itself, without the seconds in which processes start and stop."""
    after = window.start_s if window.spawned_s is None else window.spawned_s
    during = samples[(samples["time_s"] >= after) & (samples["time_s"] <= window.stop_s)]
    return during if len(during) else samples


def worker_columns(samples: pd.DataFrame, field: str) -> list[str]:
    """Name the columns that hold one field of each worker; none for an app elsewhere."""
    return [name for name in samples.columns if name.startswith("worker") and name.endswith(f"_{field}")]
