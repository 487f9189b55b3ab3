"""What became of each endpoint since the runs before, in the words of reports, index, README and job summaries."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, takewhile
from typing import Literal

from benchmark.formatting import day, inert, signed_percent
from benchmark.judge.history import Judged
from benchmark.judge.series import UNCHANGED, Series
from benchmark.judge.validity import Validity
from benchmark.judge.verdict import AWAITED, Judgement, open_percent
from benchmark.record import Record
from benchmark.store import Failure

State = Literal["regressed", "suspected", "improved", "unchanged", "not judged", "too few runs"]
SIGNS: dict[State, str] = {
    "regressed": "🔴",
    "suspected": "🟡",
    "improved": "🟢",
    "unchanged": "🟢",
    "not judged": "⚪",
    "too few runs": "⚪",
}
"""Of what may become of an endpoint, the worst first. A word stands beside each sign."""

NAMES = {"excess": "overhead"}
WORDS: dict[State, str] = {"regressed": "regressed", "suspected": "may have regressed", "improved": "improved"}
LEADING = {"req/s", "p50"}
"""Of these it must be known that they are unchanged, before an endpoint is called so."""

QUIET_STAGES = {"steady", "too few runs", "not judged"}
MOST_PROFILES = 3
MOST_NAMED = 2

Named = Callable[[str], str]


def state_of(said: Sequence[Judgement]) -> State:
    """The worst that became of the metrics of an endpoint."""
    if any(one.open_since is not None for one in said):
        return "regressed"
    if any(one.stage == "suspected" and one.direction == "worse" for one in said):
        return "suspected"
    if any(one.verdict == "improved" for one in said):
        return "improved"
    leading = [one for one in said if one.metric in LEADING] or said
    if any(one.verdict == "unchanged" or one.stage == "suspected" for one in leading):
        return "unchanged"
    return "too few runs" if any(one.missing is not None for one in leading) else "not judged"


def in_short(said: Sequence[Judgement]) -> str:
    """What became of one endpoint: "req/s 97.9 → 85.7 (−12%), p50 5.01 s → 5.66 s (+13%), also p95, since 2026-10-05".

    Names from outside are in it as they are.
    """
    state = state_of(said)
    if state == "regressed":
        still = sorted((one for one in said if one.open_since is not None), key=lambda one: one.since)
        groups = [(since, list(alike)) for since, alike in groupby(still, key=lambda one: one.since or one.open_since)]
        return "; ".join(f"{_leading(alike)}, since {day(str(since))}" for since, alike in groups)
    if state == "suspected":
        found = [one for one in said if one.stage == "suspected" and one.direction == "worse"]
        return f"{_leading(found)}; {AWAITED}"
    if state == "improved":
        found = [one for one in said if one.verdict == "improved"]
        return f"{_leading(found)}, since {day(found[0].since)}"
    if state == "unchanged":
        return "unchanged"
    if state == "too few runs":
        return f"no verdict yet ({_have([said])})"
    return f"not judged ({next((one.reason for one in said if one.reason), 'no value').partition(': ')[0]})"


def told(said: Sequence[Judgement], cause: str | None, under: str = "") -> str:
    """A line of Markdown about one endpoint that changed, or may have; "" of any other. `under`: which profile."""
    state = state_of(said)
    if state not in WORDS:
        return ""
    known = f"changed at the same time: {inert(cause)}" if cause and cause != UNCHANGED else cause
    line = f"{SIGNS[state]} **{inert(said[0].endpoint)}**{under} {WORDS[state]}: {inert(in_short(said))}"
    return f"{line} · {known}" if known else line


def _leading(found: Sequence[Judgement]) -> str:
    """The metrics that are asked for first with their numbers, the others by name."""
    first = [one for one in found if one.metric in LEADING] or found
    others = [NAMES.get(one.metric, one.metric) for one in found if one not in first]
    return f"{', '.join(map(_change, first))}{', also ' if others else ''}{' and '.join(others)}"


def _change(one: Judgement) -> str:
    size = one.moved or (one.line if one.change_percent is None else signed_percent(one.change_percent))
    return f"{NAMES.get(one.metric, one.metric)} {size}"


def _have(endpoints: Iterable[Sequence[Judgement]]) -> str:
    missing, needed = max(map(_missing, endpoints))
    return f"{needed - missing} of {needed} comparable runs"


def _missing(said: Iterable[Judgement]) -> tuple[int, int]:
    """How many runs are missing where most are, and of how many."""
    known = [(one.missing, one.needed) for one in said if one.missing is not None and one.needed is not None]
    return max(known, default=(0, 0))


@dataclass(frozen=True)
class Standing:
    """What became of one endpoint under one profile, in its newest run. `trends`: of its metrics."""

    profile: str
    endpoint: str
    trends: tuple[Series, ...]

    @property
    def said(self) -> tuple[Judgement, ...]:
        return tuple(trend.last for trend in self.trends)

    @property
    def state(self) -> State:
        return state_of(self.said)

    @property
    def cause(self) -> str | None:
        """What else changed when an open regression began, or between the two newest runs."""
        begun = next((trend for trend in self.trends if trend.open_since), None)
        changed = (one.changed for one in self.said if one.changed)
        return begun.began_with if begun else next(changed, None)

    @property
    def clean_runs(self) -> int:
        """In how many judged runs up to the newest one nothing regressed."""
        leading = [trend for trend in self.trends if trend.metric.title in LEADING] or self.trends
        return min(
            sum(
                one.stage not in {"not judged", "too few runs"}
                for one in takewhile(lambda one: one.verdict != "regressed", reversed(trend.verdicts))
            )
            for trend in leading
        )


def standings(judged: Judged) -> list[Standing]:
    """What became of every endpoint, the worst first; else the newest profile first, and in the order of its plan."""
    found: dict[tuple[str, str], list[Series]] = {}
    for trend in judged.counting:
        found.setdefault((trend.profile, trend.endpoint), []).append(trend)
    every = [Standing(profile, endpoint, tuple(trends)) for (profile, endpoint), trends in found.items()]
    return sorted(every, key=lambda one: list(SIGNS).index(one.state))


def summed_up(found: Sequence[Standing], named: Named = inert) -> str:
    """One line about all endpoints: "1 regression, 1 possible regression, 2 endpoints unchanged."; "" without any.

    Of several profiles each has its own.
    """
    profiles = list(dict.fromkeys(one.profile for one in found))
    lines = [_counted([one.said for one in found if one.profile == profile]) for profile in profiles]
    if len(set(profiles)) <= 1:
        return "".join(f"{line[0].upper()}{line[1:]}." for line in lines)
    shown = [f"{named(profile)}: {line}." for profile, line in zip(profiles, lines, strict=True)]
    more = f" And {len(shown) - MOST_PROFILES} more profiles." if len(shown) > MOST_PROFILES else ""
    return " ".join(shown[:MOST_PROFILES]) + more


def _counted(endpoints: Sequence[Sequence[Judgement]]) -> str:
    counts = Counter(map(state_of, endpoints))
    words: tuple[tuple[State, str], ...] = (("regressed", "regression"), ("suspected", "possible regression"))
    parts = [_many(counts[state], word) for state, word in words if counts[state]]
    if not parts and (counts["improved"] or counts["unchanged"]):
        parts.append("no regressions")
    young = [said for said in endpoints if state_of(said) == "too few runs"]
    if young and not parts:
        return f"no verdicts yet: {_have(young)}"
    states: tuple[State, ...] = ("improved", "unchanged", "not judged")
    parts += [f"{_many(counts[state], 'endpoint')} {state}" for state in states if counts[state]]
    parts += [f"{_many(len(young), 'endpoint')} without a verdict yet ({_have(young)})"] if young else []
    return ", ".join(parts)


def _many(count: int, word: str) -> str:
    return f"{count} {word}{'s' if count != 1 else ''}"


def _size(said: Sequence[Judgement]) -> str:
    """By how much, without the levels: the table next to it shows the newest run, which is no level."""
    shown = next((one for one in said if one.metric in LEADING and is_worth_saying(one)), None)
    percent = open_percent(shown) if shown and shown.open_since is not None else None
    if shown is None or percent is None:
        return in_short(said if shown is None else [shown])
    return f"{shown.metric} {signed_percent(percent)}, since {day(str(shown.since or shown.open_since))}"


def in_one_line(found: Sequence[Standing], named: Named = inert) -> str:
    """The verdict of a status line: the worst regression with its size, else in how many runs there was none."""
    if found and found[0].state in {"regressed", "suspected"}:
        worse = [one for one in found if one.state in {"regressed", "suspected"}]
        sizes = [f"{named(one.endpoint)} {named(_size(one.said))}" for one in worse[:MOST_NAMED]]
        sizes += [f"{len(worse) - MOST_NAMED} more"] if len(worse) > MOST_NAMED else []
        return f"{SIGNS[worse[0].state]} **{_counted([one.said for one in worse])}**: {'; '.join(sizes)}"
    judged = [one for one in found if one.state in {"improved", "unchanged"}]
    if judged:
        fewest = _many(min(one.clean_runs for one in judged), "run")
        profiles = dict.fromkeys(named(one.profile) for one in judged)
        others = {one.profile for one in found} - {one.profile for one in judged}
        which = f" of {', '.join(profiles)}" if others else ""
        return f"🟢 **no regressions** in the last {fewest}{which}"
    counted = _counted([one.said for one in found])
    return f"⚪ {counted}" if counted else ""


def is_worth_saying(said: Judgement) -> bool:
    return said.stage not in QUIET_STAGES or said.open_since is not None


def begun_anew(said: Iterable[Judgement]) -> list[str]:
    """Why numbers are compared with nothing though there are earlier runs, a sentence for each reason."""
    reasons = Counter(item.apart for item in said if item.apart)
    return [
        f"A new series begins for {_many(count, 'metric')}, because earlier runs are not comparable: {why}."
        for why, count in reasons.most_common()
    ]


def of_run(said: Sequence[Judgement]) -> str:
    """What became of all endpoints of a run, counted; "" where nothing was judged."""
    if not said:
        return ""
    counted = _counted(_by_endpoint(said))
    return " ".join([f"{counted[0].upper()}{counted[1:]}.", *verdicts_begin(said)])


def lines_of_run(said: Sequence[Judgement]) -> list[str]:
    """A line of Markdown for each endpoint of a run that changed, or may have, the worst first."""
    endpoints = sorted(_by_endpoint(said), key=lambda one: list(SIGNS).index(state_of(one)))
    lines = (told(one, next((item.changed for item in one if item.changed), None)) for one in endpoints)
    return [line for line in lines if line]


def _by_endpoint(said: Sequence[Judgement]) -> list[list[Judgement]]:
    return [[one for one in said if one.endpoint == name] for name in dict.fromkeys(one.endpoint for one in said)]


def verdicts_begin(said: Sequence[Judgement]) -> list[str]:
    """Say how many runs are missing until the numbers that are not judged yet are; nothing where all are."""
    missing = [item.missing for item in said if item.missing is not None]
    if not missing:
        return []
    which = "" if len(missing) == len(said) else f" on {_many(len(missing), 'metric')}"
    runs = f"after {_many(max(missing), 'more run')}" if max(missing) else "with the next run"
    return [f"Verdicts{which} begin {runs}."]


def why_incomplete(record: Record) -> str | None:
    first = record.missing[0] if record.missing else None
    return record.reason or (f"{first.endpoint}, round {first.round}: {first.reason}" if first else None)


def linked(record: Record, folder: str = "", *, to_the_minute: bool = False) -> str:
    """When a run was (UTC), as a link to its report. `folder` leads to the reports and ends with "/"."""
    minute = f"\N{NO-BREAK SPACE}{record.started_at[11:16]}" if to_the_minute else ""
    return f"[{day(record.started_at)}{minute}]({folder}runs/{record.id}/report.md)"


def last_usable(records: Iterable[Record], validity: Mapping[str, Validity]) -> Record | None:
    """The newest complete run that nothing makes noisy or invalid."""
    usable = [one for one in records if one.state == "complete" and not _doubt(one, validity)]
    return max(usable, key=lambda one: one.started_at, default=None)


def last_trouble(
    records: Iterable[Record],
    failures: Iterable[Failure],
    validity: Mapping[str, Validity],
    *,
    after: str,
    folder: str = "",
) -> str:
    """Say of the newest attempt after a moment, if it is not usable, what became of it; "" otherwise."""
    found: list[tuple[str, str]] = []
    for record in records:
        doubt = _doubt(record, validity)
        if record.state != "complete":
            why = why_incomplete(record) or "no reason was recorded"
            found.append((record.started_at, f"The run of {linked(record, folder)} is incomplete: {inert(why)}"))
        else:
            about = f"is {doubt.level}: {inert(doubt.reasons[0].message)}" if doubt and doubt.reasons else ""
            found.append((record.started_at, about and f"The run of {linked(record, folder)} {about}"))
    for failure in failures:
        log = f" ([log]({failure.run_url}))" if failure.run_url else ""
        found.append((failure.at, f"The run of {day(failure.at)} failed: {inert(failure.reason.rstrip('.'))}{log}"))
    at, said = max(found, default=("", ""))
    return f"{said.rstrip('.')}." if said and at > after else ""


def last_runs(
    records: Sequence[Record], failures: Sequence[Failure], validity: Mapping[str, Validity], folder: str = ""
) -> str:
    """Say when the last usable run was, and what became of a later attempt. "" before any attempt."""
    last = last_usable(records, validity)
    trouble = last_trouble(records, failures, validity, after=last.started_at if last else "", folder=folder)
    if last is None:
        return trouble and f"No usable run yet. {trouble}"
    return f"Last usable run: {linked(last, folder)}.{' ' if trouble else ''}{trouble}"


def _doubt(record: Record, validity: Mapping[str, Validity]) -> Validity | None:
    found = validity.get(record.id)
    return None if found is None or found.level == "usable" else found
