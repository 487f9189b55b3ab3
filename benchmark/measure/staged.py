"""What became of each stage of a load that changes, and how soon response times were back after a spike."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.stages import Recovery, StagedLoad, StageResult
from benchmark.summary import failed, per_bin, quantiles_ms, right, since_due_ms, within
from load.arrivals import Stage, starts_s

MARGIN, MARGIN_MS = 1.1, 1.0
"""Response times are back when they are at most so many times the p95 that they had before, and a moment."""

LOGGED_S = 1e-6
IN_A_ROW, GOOD_OF_THEM = 10, 9


def staged_load(
    rows: pd.DataFrame, stages: Sequence[Stage], load_end_s: float, borders: npt.NDArray[np.float64]
) -> StagedLoad:
    """Sum up request rows by stages; of those that had not begun when the load ended nothing is known.

    `borders`: of the steps of the timeline (s).
    """
    found: list[StageResult] = []
    usual_ms: list[float | None] = []  # without what a stage begins with: connections, or what the one before left
    begins_s = starts_s(stages)
    # what was due at a border is of the stage after it; moments are logged with six digits
    begun_s = (rows["due_s"] if "due_s" in rows else rows["sent_s"]).to_numpy(dtype=np.float64) + LOGGED_S
    for stage, start_s, border_s in zip(stages, begins_s, begins_s[1:], strict=False):
        if start_s >= load_end_s:
            break
        end_s = min(border_s, load_end_s)
        last = end_s == load_end_s or border_s == begins_s[-1]
        mine = rows[(begun_s >= (start_s if found else -np.inf)) & ((begun_s < border_s) | last)]
        good = right(mine)
        median_ms, p95_ms = quantiles_ms(since_due_ms(good), (50.0, 95.0)) if len(good) else (None, None)
        found.append(
            StageResult(
                level=stage.level,
                start_s=round(start_s, 3),
                end_s=round(end_s, 3),
                requests=len(mine),
                failures=len(failed(mine)),
                responses_rps=round(len(within(rows, start_s if found else -1.0, end_s)) / (end_s - start_s), 3),
                median_ms=None if median_ms is None else round(float(median_ms), 3),
                p95_ms=None if p95_ms is None else round(float(p95_ms), 3),
                recovery=_recovery(mine, stage, start_s, found, usual_ms),
            )
        )
        usual_ms.append(_p95_ms(rows[(begun_s >= (start_s + end_s) / 2) & (begun_s < end_s)]))
    return StagedLoad(stages=tuple(found), p95_ms=tuple(_p95_ms(part) for part in per_bin(rows, borders)))


def _p95_ms(rows: pd.DataFrame) -> float | None:
    good = right(rows)
    return round(float(quantiles_ms(since_due_ms(good), (95.0,))[0]), 2) if len(good) else None


def _recovery(
    rows: pd.DataFrame,
    stage: Stage,
    start_s: float,
    before: Sequence[StageResult],
    usual_ms: Sequence[float | None],
) -> Recovery | None:
    """How soon the requests of a stage took as long again as before the spike; None: it follows no spike."""
    if not before or stage.level >= before[-1].level:
        return None
    calm = [usual for one, usual in zip(before, usual_ms, strict=True) if one.level < before[-1].level]
    if not calm or calm[-1] is None:
        return None  # nothing is known of how it was before
    limit_ms = MARGIN * calm[-1] + MARGIN_MS
    if 0 < len(rows) < IN_A_ROW and _good(rows, limit_ms).all():
        return None  # too few requests to tell
    return Recovery(usual_ms=calm[-1], after_s=back_after_s(rows, start_s, limit_ms))


def _good(rows: pd.DataFrame, limit_ms: float) -> npt.NDArray[np.bool_]:
    return (since_due_ms(rows) <= limit_ms) & (rows["error"] == "").to_numpy(dtype=np.bool_)


def back_after_s(rows: pd.DataFrame, start_s: float, limit_ms: float) -> float | None:
    """Seconds from `start_s` until nine of ten requests in a row got a right response within `limit_ms`.

    It is when the first of the ten was sent, or due; 0.0: they did at once. None: never.
    """
    moment = "due_s" if "due_s" in rows else "sent_s"
    rows = rows.sort_values(moment, kind="stable")
    good = _good(rows, limit_ms)
    if len(good) < IN_A_ROW:
        return None
    in_a_row = np.convolve(good, np.ones(IN_A_ROW, dtype=np.int64), mode="valid")
    back = np.flatnonzero((in_a_row >= GOOD_OF_THEM) & good[: len(in_a_row)])
    if not len(back):
        return None
    return round(max(0.0, float(rows[moment].iloc[back[0]]) - start_s), 3) if back[0] else 0.0
