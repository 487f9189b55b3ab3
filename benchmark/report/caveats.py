"""Findings of a run that say the same, each told once: of which endpoints, with the range of their numbers."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from benchmark.judge.findings import GRAVITY
from benchmark.record import Finding, Record

NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
MOST_NAMED = 2


@dataclass(frozen=True)
class Caveat:
    """Findings of the same kind and words. `endpoints` in the order of the run; `rounds`: how many say it."""

    kind: str
    severity: Literal["note", "warning", "error"]
    message: str
    remedy: str
    endpoints: tuple[str, ...]
    rounds: int
    of_endpoints: int

    @property
    def where(self) -> str:
        """Which endpoints it is about: their names, or how many of them."""
        if len(self.endpoints) <= MOST_NAMED:
            return " and ".join(self.endpoints)
        every = "all " if len(self.endpoints) == self.of_endpoints else ""
        return f"{every}{len(self.endpoints)} endpoints"


def merged(record: Record, *, notes: bool = False) -> list[Caveat]:
    """Every warning and error, the gravest first; or only what is worth a note."""
    alike: dict[tuple[str, ...], list[tuple[str, Finding]]] = defaultdict(list)
    for result in record.endpoints:
        for finding in (one for measured in result.rounds for one in measured.warnings):
            if (finding.severity == "note") == notes:
                words = (NUMBER.sub("#", finding.message), NUMBER.sub("#", finding.remedy))
                alike[finding.kind, finding.severity, *words].append((result.name, finding))
    found = [_caveat(items, len(record.endpoints)) for items in alike.values()]
    return sorted(found, key=lambda caveat: GRAVITY[caveat.severity])


def _caveat(items: Sequence[tuple[str, Finding]], of_endpoints: int) -> Caveat:
    first = items[0][1]
    return Caveat(
        kind=first.kind,
        severity=first.severity,
        message=_with_ranges([finding.message for _, finding in items]),
        remedy=_with_ranges([finding.remedy for _, finding in items]),
        endpoints=tuple(dict.fromkeys(name for name, _ in items)),
        rounds=len(items),
        of_endpoints=of_endpoints,
    )


def _with_ranges(texts: Sequence[str]) -> str:
    """One text for several that differ in their numbers: "95% busy" and "100% busy" are "95 to 100% busy"."""
    numbers = zip(*(NUMBER.findall(text) for text in texts), strict=True)
    ranges = iter([_range(column) for column in numbers])
    return NUMBER.sub(lambda _: next(ranges), texts[0])


def _range(column: Sequence[str]) -> str:
    ordered = sorted(column, key=lambda number: float(number.replace(",", "")))
    return ordered[0] if ordered[0] == ordered[-1] else f"{ordered[0]} to {ordered[-1]}"
