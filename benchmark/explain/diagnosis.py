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


def diagnose(steps: Sequence[Step], rows: pd.DataFrame, setting: Setting) -> Diagnosis:
    """Conclude from the levels of a load that climbs, and its request rows (see benchmark.summary). Never fails."""
    alone = service_time(rows, steps[0]) if steps else None
    found = levels(steps, rows, alone.value) if alone else []
    if alone is None or sum(level.answers > 1 for level in found) < FEWEST_LEVELS:
        verdict = Verdict(
            None,
            reason="there were too few answers to conclude anything",
            remedy="Diagnose an endpoint that answers within some seconds, or make its work shorter for the test.",
        )
        return _report(verdict, setting, tuple(found), alone, None)
    evidence = _evidence(tuple(found), rows, alone, setting)
    verdict = conclude(evidence)
    return _report(verdict, setting, evidence.levels, evidence.fit.service, evidence)


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
