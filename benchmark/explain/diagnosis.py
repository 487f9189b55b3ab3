"""How an endpoint is served, from a load that climbs; or that it can not be told, and why."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from benchmark.diagnosis import Diagnosis, Interval, Level, Setting, Step
from benchmark.explain.advice import advice
from benchmark.explain.evidence import FULL, Evidence, served_at_once
from benchmark.explain.regimes import Verdict, conclude
from benchmark.explain.saturation import fit, levels, service_time

FEWEST_LEVELS = 3
SHORTEST_SILENCE_S = 0.5
SILENT_SERVICE_TIMES = 3
"""So many service times without any answer are no chance: each seat gives one in each."""


def diagnose(steps: Sequence[Step], rows: pd.DataFrame, setting: Setting) -> Diagnosis:
    """Conclude from the levels of a load that climbs, and its request rows (see benchmark.summary). Never fails."""
    alone = service_time(rows, steps[0]) if steps else None
    found = levels(steps, rows, alone.value) if alone else []
    answering, still = before_standstill(found, rows, alone.value) if alone else (found, None)
    if alone is None or sum(level.answers > 1 for level in answering) < FEWEST_LEVELS:
        verdict = Verdict(
            None,
            reason="there were too few answers to conclude anything",
            remedy="Diagnose an endpoint that answers within some seconds, or make its work shorter for the test.",
        )
        return _with_standstill(_report(verdict, setting, tuple(found), alone, None), still)
    evidence = _evidence(tuple(answering), rows, alone, setting)
    verdict = conclude(evidence)
    return _with_standstill(_report(verdict, setting, tuple(found), evidence.fit.service, evidence), still)


def before_standstill(found: list[Level], rows: pd.DataFrame, service_s: float) -> tuple[list[Level], Level | None]:
    """Levels that were answered, and the first one from which on nothing was; None: something was, to the end."""
    if not found:
        return found, None
    silent_s = found[-1].end_s - float(rows["end_s"].max())
    if silent_s < max(SHORTEST_SILENCE_S, SILENT_SERVICE_TIMES * service_s):
        return found, None
    rates = [level.throughput_rps for level in found]
    first = next(n for n in range(1, len(found) + 1) if max(rates[n:], default=0.0) < max(rates[:n]) / 2)
    return found[:first], found[min(first, len(found) - 1)]


def _with_standstill(report: Diagnosis, still: Level | None) -> Diagnosis:
    if still is None:
        return report
    grown = max(still.threads_grown_per_worker or (0,))
    full = report.setting.threads is not None and grown >= report.setting.threads
    likely = " Likely threads wait for connections whose holders wait for threads." if full else ""
    found = f"{report.finding} At {still.users} users it stands still: nothing is answered any more."
    change = f"Requests wait for each other: each holds something and waits for what others hold.{likely}"
    remedy = "Let a request hold only one of them at a time, or have as many of the one as of the other."
    return report.model_copy(update={"finding": found, "change": f"{change} {remedy}", "gain": ""})


def _evidence(found: tuple[Level, ...], rows: pd.DataFrame, alone: Interval, setting: Setting) -> Evidence:
    latencies = rows.loc[rows["end_s"] <= found[0].end_s, "latency_ms"].to_numpy(dtype=np.float64)[1:]
    fitted = fit(found, alone, float(latencies.std() / latencies.mean()))
    full = [level for level in found if served_at_once(level, fitted.seats.value) <= FULL * level.users]
    computed_s = sum(sum(step.worker_cpu_percent or ()) / 100 * (step.end_s - step.start_s) for step in found[1:])
    known = found[0].worker_cpu_percent is not None
    cpu_s = computed_s / max(1, sum(step.answers for step in found[1:])) if known else None
    return Evidence(setting, found, alone, fitted, tuple(full), cpu_s)


def _report(
    verdict: Verdict, setting: Setting, found: tuple[Level, ...], service: Interval | None, evidence: Evidence | None
) -> Diagnosis:
    bare = Diagnosis(
        setting=setting,
        regime=verdict.regime,
        service_s=service,
        seats_per_worker=evidence.fit.seats if evidence and verdict.regime != "event loop" else None,
        seats=verdict.seats,
        most_at_once=evidence.most_at_once if evidence else None,
        cpu_per_request_s=evidence.cpu_s if evidence else None,
        finding=f"It can not be told how it is served: {verdict.reason}.",
        evidence="",
        change=verdict.remedy,
        gain="",
        levels=found,
    )
    return bare if verdict.regime is None else bare.model_copy(update=advice(bare, evidence.full if evidence else ()))
