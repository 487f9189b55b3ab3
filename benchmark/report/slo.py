"""What became of the promises of a run, in the words of report, index, job summary, comment and terminal."""

from collections import defaultdict
from collections.abc import Callable, Sequence

from benchmark.errors import BenchmarkError
from benchmark.formatting import figure, inert, latency, three_digits
from benchmark.judge.slo import Outcome, Word, by_endpoint, outcomes
from benchmark.record import Record
from benchmark.slo import FIRST_BYTE, PromisedMetric

SIGNS: dict[Word, str] = {"broken": "🔴", "cannot tell": "⚪", "kept": "🟢"}
MOST_LINES = 20
MS_PER_S = 1000

Named = Callable[[str], str]


def slo_lines(record: Record, named: Named = inert, place: str = "", strong: str = "**") -> list[str]:
    """One line for each endpoint of which something is promised, broken ones first.

    `named` makes texts from outside fit for where the line goes, `strong` stands around names. `place`: which run.
    """
    return lines_of(outcomes(record), named, place, strong)


def lines_of(found: Sequence[Outcome], named: Named = inert, place: str = "", strong: str = "**") -> list[str]:
    groups = by_endpoint(found)
    lines = []
    for group in groups[:MOST_LINES]:
        name = f"{strong}{named(group[0].promise.endpoint)}{strong}{f' ({place})' if place else ''}"
        lines.append(f"{SIGNS[group[0].word]} {name} {_said(group, named)}")
    return [*lines, f"and {len(groups) - MOST_LINES} more, none of them worse"] if len(groups) > MOST_LINES else lines


def _said(group: Sequence[Outcome], named: Named) -> str:
    """What became of one endpoint: the worst with its numbers, all else by name."""
    alike: dict[Word, list[Outcome]] = defaultdict(list)
    for one in group:
        alike[one.word].append(one)
    (word, worst), *others = alike.items()
    said = {"broken": _broken, "cannot tell": lambda found: _open(found, named), "kept": _titles}[word](worst)
    return "; ".join([f"{word}: {said}", *(f"{other}: {_titles(found)}" for other, found in others)])


def _broken(found: Sequence[Outcome]) -> str:
    return ", ".join(f"{measured(one)}, promised {limit_of(one)}" for one in found)


def _open(found: Sequence[Outcome], named: Named) -> str:
    """Where the run is the reason, its numbers do not matter; else they come first."""
    of_run: dict[str, list[Outcome]] = defaultdict(list)
    for one in found:
        if one.is_of_the_run:
            of_run[one.briefly].append(one)
    parts = [f"{_titles(several)}, as {named(why)}" for why, several in of_run.items()]
    parts += [f"{_broken([one])}; {named(one.briefly)}" for one in found if not one.is_of_the_run]
    return "; ".join(parts)


def _titles(found: Sequence[Outcome]) -> str:
    return ", ".join(title(one.promise.metric) for one in found)


def refuse_broken(records: Sequence[Record]) -> None:
    """A BenchmarkError that says which promises are broken, if any is. What cannot be told is no error."""
    broken = [one for record in records for one in outcomes(record) if one.word == "broken"]
    if broken:
        said = "; ".join(f"{one.promise.endpoint}: {_broken([one])}" for one in broken)
        raise BenchmarkError(f"SLO broken: {said}")


def title(metric: PromisedMetric) -> str:
    return f"first byte {metric.removeprefix(FIRST_BYTE)}" if metric.startswith(FIRST_BYTE) else metric


def value_of(metric: PromisedMetric, value: float) -> str:
    """A number with its unit: "300 ms", "0.1%", "50.0/s"."""
    if metric == "failures":
        return f"{three_digits(value)}%"
    return f"{figure(value)}/s" if metric == "throughput" else latency(value)


def limit_of(one: Outcome) -> str:
    """A limit as it was written: "300 ms", "1.5 s", "0.1%", "50/s"."""
    metric, limit = one.promise.metric, one.promise.limit
    if metric in {"throughput", "failures"}:
        return f"{three_digits(limit)}{'%' if metric == 'failures' else '/s'}"
    return f"{three_digits(limit)} ms" if limit < MS_PER_S else f"{three_digits(limit / MS_PER_S)} s"


def measured(one: Outcome) -> str:
    """What was measured, and its interval: "p95 412 ms (398 to 431 ms)"."""
    if one.evidence is None or one.evidence.value is None:
        return title(one.promise.metric)
    return f"{title(one.promise.metric)} {value_of(one.promise.metric, one.evidence.value)} ({interval(one)})"


def interval(one: Outcome) -> str:
    """The 95% interval: "398 to 431 ms"; an end that is not known is left out."""
    if one.evidence is None:
        return "not known"
    low, high = (
        None if end is None else value_of(one.promise.metric, end) for end in (one.evidence.low, one.evidence.high)
    )
    if low is None or high is None:
        return f"up to {high}" if high else f"{low} or more" if low else "not known"
    number, blank, unit = low.partition(" ")
    return f"{number if blank and high.endswith(f' {unit}') else low} to {high}"


def slo_rows(record: Record) -> list[tuple[str, str, str, str, str]]:
    """Endpoint, limit, what was measured, its interval and what follows, for a table; broken ones first."""
    rows = []
    for one in (one for group in by_endpoint(outcomes(record)) for one in group):
        metric, evidence = one.promise.metric, one.evidence
        value = "not measured" if evidence is None or evidence.value is None else value_of(metric, evidence.value)
        at = "at least" if metric == "throughput" else "at most"
        reason = f": {inert(one.reason)}" if one.reason else ""
        promised = f"{title(metric)} {at} {limit_of(one)}"
        rows.append(
            (inert(one.promise.endpoint), promised, value, interval(one), f"{SIGNS[one.word]} {one.word}{reason}")
        )
    return rows
