"""When a load ran and what it left unanswered, put together from all processes that sent it: window.json."""

from collections.abc import Sequence
from typing import Any

from load.due import due_within
from load.spec import LoadSpec

COUNTED = ("begun", "written", "reconnected", "closed", "withheld", "generator_cpu_s", "repeated", "cut_off")
"""What is added up over all processes."""


def window(
    spec: LoadSpec, start_s: float, spawned_s: float | None, stop_s: float, parts: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """The window of a load, from the parts of all processes whose users sent it. Moments: monotonic clock (s)."""
    users = sum(part["users_spawned"] for part in parts)
    answered = _joined(parts, "first_answers_s")
    return {
        "start_s": start_s,
        "spawned_s": spawned_s,
        "all_answered_s": max(answered, default=None) if answered is not None and len(answered) == users else None,
        "stop_s": stop_s,
        "users_spawned": users,
        "users_answered": None if answered is None else len(answered),
        "first_answers_s": answered,
        "waiting_since_s": _joined(parts, "waiting_since_s"),
        "requests": sum(part["requests"] for part in parts),
        **{key: _sum(parts, key) for key in COUNTED},
        "garbage_collection_on": any(part["garbage_collection_on"] for part in parts),
        **_of_a_rate(spec, stop_s, parts),
    }


def _of_a_rate(spec: LoadSpec, stop_s: float, parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of an open load: since when requests were due, how many were until the end, and how many of those were sent.

    All of them count as due once the first process had begun, also those of a process that never did.
    """
    opened_s = min((part["opened_s"] for part in parts if part["opened_s"] is not None), default=None)
    if spec.rate_per_s is None or opened_s is None:
        return {"opened_s": None, "due": None, "sent": None}
    due = due_within(spec.rate_per_s, spec.arrivals, spec.seed, stop_s - opened_s)
    return {"opened_s": opened_s, "due": due, "sent": min(due, sum(part["sent"] for part in parts))}


def _sum(parts: Sequence[dict[str, Any]], key: str) -> float | None:
    """None: of one of them it is not known."""
    counts = [part[key] for part in parts]
    return None if None in counts else sum(counts)


def _joined(parts: Sequence[dict[str, Any]], key: str) -> list[float] | None:
    lists = [part[key] for part in parts]
    return None if None in lists else [moment for moments in lists for moment in moments]


def by_our_clock(part: dict[str, Any], start_s: float) -> dict[str, Any]:
    """Moments of another machine as if its load had started with ours: clocks of two machines differ."""
    ahead_s = part["start_s"] - start_s
    moved = {
        key: None if part[key] is None else [moment - ahead_s for moment in part[key]]
        for key in ("first_answers_s", "waiting_since_s")
    }
    opened_s = None if part["opened_s"] is None else part["opened_s"] - ahead_s
    return part | moved | {"opened_s": opened_s}
