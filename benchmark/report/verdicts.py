"""What became of an endpoint since the runs before, in the words of reports, index, README and job summaries."""

from collections import Counter
from collections.abc import Iterable, Sequence

from benchmark.judge.history import Judged
from benchmark.judge.series import Series
from benchmark.judge.verdict import Judgement

QUIET_STAGES = {"steady", "too few runs", "not judged"}


def is_worth_saying(said: Judgement) -> bool:
    return said.stage not in QUIET_STAGES or said.open_since is not None


def begun_anew(said: Iterable[Judgement]) -> list[str]:
    """Why numbers are compared with nothing though there are earlier runs, a sentence for each reason."""
    reasons = Counter(item.apart for item in said if item.apart)
    return [
        f"A new series begins for {count} metric{'s' if count > 1 else ''}, as the runs before do not compare: {why}."
        for why, count in reasons.most_common()
    ]


def of_run(said: Sequence[Judgement]) -> str:
    """What became of all metrics of a run, regressions that are still open first; "" where nothing was judged."""
    still = Counter(item.open_since for item in said if item.open_since and item.verdict != "regressed")
    sentences = [
        f"{count} {'metric is' if count == 1 else 'metrics are'} still regressed since run {since}."
        for since, count in sorted(still.items())
    ]
    changed = [item for item in said if item.verdict in {"regressed", "improved"}]
    suspected = [item for item in said if item.stage == "suspected" and item.direction is not None]
    unchanged = sum(item.verdict == "unchanged" for item in said)
    if changed:
        sentences.append(f"Changed: {_list(changed)}.")
    if suspected and not changed:
        sentences.append(f"Perhaps changed, a second run has to confirm it: {_list(suspected)}.")
    if not changed and not suspected and unchanged:
        left = sum(item.verdict == "inconclusive" for item in said)
        rest = f" {left} more cannot be judged yet." if left else ""
        word = "further change" if still else "change"
        sentences.append(f"No {word} in {unchanged} of {len(said)} metrics beyond what chance does here.{rest}")
    if said and not sentences:
        young = any(item.stage == "too few runs" for item in said)
        sentences.append("Too few runs to compare with yet." if young else "Nothing could be judged.")
    return " ".join([*sentences, *verdicts_begin(said)])


def verdicts_begin(said: Sequence[Judgement]) -> list[str]:
    """Say how many runs are missing until the numbers that are not judged yet are; nothing where all are."""
    missing = [item.missing for item in said if item.missing is not None]
    if not missing:
        return []
    which = "" if len(missing) == len(said) else f" on {len(missing)} metric{'s' if len(missing) > 1 else ''}"
    runs = f"after {max(missing)} more run{'s' if max(missing) > 1 else ''}" if max(missing) else "with the next run"
    return [f"Verdicts{which} begin {runs}."]


def _list(items: Iterable[Judgement]) -> str:
    parts = []
    for item in items:
        change = "" if item.change_percent is None else f" by {item.change_percent:+.1f}\N{NO-BREAK SPACE}%"
        word = "" if item.verdict == "inconclusive" else f" {item.verdict}"
        parts.append(f"{item.metric} of {item.endpoint}{word}{change}")
    return "; ".join(parts)


def summed_up(judged: Judged) -> str:
    """One sentence about the newest run of every series that counts; "" without any."""
    counting = judged.counting
    if not counting:
        return ""
    total = len(counting)
    if all(trend.band is None for trend in counting):
        begin = verdicts_begin([trend.last for trend in counting])
        return " ".join([f"None of {total} metrics has enough runs to be judged yet.", *begin])
    unchanged = sum(trend.last.verdict == "unchanged" and trend.open_since is None for trend in counting)
    open_ones = sum(trend.open_since is not None for trend in counting)
    unjudged = sum(trend.last.stage == "not judged" for trend in counting)
    parts = [f"{open_ones} of {total} metrics regressed and have not recovered"] if open_ones else []
    parts.append(f"{unchanged} of {total} {'' if open_ones else 'metrics '}are where they were")
    parts += [f"the newest run of {unjudged} cannot be judged"] if unjudged else []
    return " ".join([f"{', '.join(parts)}.", *verdicts_begin([trend.last for trend in counting])])


def worth_saying(judged: Judged) -> list[Series]:
    """Trends that count and of which there is something to say, open regressions first."""
    found = [trend for trend in judged.counting if is_worth_saying(trend.last) or trend.changes]
    return sorted(found, key=lambda trend: trend.open_since is None)
