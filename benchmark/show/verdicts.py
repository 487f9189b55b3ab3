"""What became of the numbers since the runs before, in sentences."""

from collections import Counter
from collections.abc import Iterable, Sequence

from benchmark.trend import Judged, Said, Trend

QUIET_STAGES = {"steady", "too few runs", "not judged"}


def is_worth_saying(said: Said) -> bool:
    """Whether something changed, may have changed, or is not comparable any more."""
    return said.stage not in QUIET_STAGES or said.open_since is not None or said.apart is not None


def of_run(said: Sequence[Said]) -> str:
    """One sentence about all metrics of a run; "" where nothing was judged."""
    if not said:
        return ""
    counts = Counter(item.verdict for item in said)
    changed = [item for item in said if item.verdict in {"regressed", "improved"}]
    if changed:
        return f"Changed: {_list(changed)}."
    suspected = [item for item in said if item.stage == "suspected"]
    if suspected:
        return f"Perhaps changed, a second run has to confirm it: {_list(suspected)}."
    if counts["unchanged"]:
        left = counts["inconclusive"]
        rest = f" {left} more can not be judged yet." if left else ""
        return f"No change in {counts['unchanged']} of {len(said)} metrics beyond what chance does here.{rest}"
    young = [item for item in said if item.stage == "too few runs"]
    return "Too few runs to compare with yet." if young else "Nothing could be judged."


def _list(items: Iterable[Said]) -> str:
    parts = []
    for item in items:
        change = "" if item.change_percent is None else f" by {item.change_percent:+.1f}\N{NO-BREAK SPACE}%"
        word = "" if item.verdict == "inconclusive" else f" {item.verdict}"
        parts.append(f"{item.metric} of {item.endpoint}{word}{change}")
    return "; ".join(parts)


def summed_up(judged: Judged) -> str:
    """One sentence about the newest run of every series; "" without any."""
    if not judged.trends:
        return ""
    loud = worth_saying(judged)
    unchanged = sum(trend.last.verdict == "unchanged" for trend in judged.trends)
    total = len(judged.trends)
    open_ones = sum(trend.last.open_since is not None for trend in judged.trends)
    said = f"{unchanged} of {total} metrics are where they were"
    said += f", {open_ones} regressed and have not recovered" if open_ones else ""
    return f"{said}." if unchanged or loud else f"None of {total} metrics has enough runs to be judged yet."


def worth_saying(judged: Judged) -> list[Trend]:
    """Trends of which there is something to say, open regressions first."""
    found = [trend for trend in judged.trends if is_worth_saying(trend.last) or trend.changes]
    return sorted(found, key=lambda trend: trend.last.open_since is None)
