"""What is said of a run beside the runs before it, and of a series as a whole: judged elsewhere, shown as it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from benchmark.record import Record
from benchmark.selftest import SelfTest

Verdict = Literal["unchanged", "improved", "regressed", "inconclusive"]


@dataclass(frozen=True, slots=True)
class Said:
    """What was found about one metric of one endpoint of one run. `line`: verdict, change and noise band in words.

    `stage`: how far the rule is with it ("suspected" waits for a second run). `direction`: to which side of the band it
    went; None within it, also for a run that is back at an earlier level.
    `apart`: why there is nothing to compare it with though there are earlier runs. `changed`: what else is different
    from the run before in its series. `missing`: how many runs are missing until verdicts begin; None where they have.
    """

    endpoint: str
    metric: str
    verdict: Verdict
    stage: str
    line: str
    direction: Literal["better", "worse"] | None = None
    change_percent: float | None = None
    open_since: str | None = None
    apart: str | None = None
    changed: str | None = None
    missing: int | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A change of level that was found over a whole series: the run it begins with, and how large it is."""

    run: str
    started_at: str
    percent: float | None
    direction: Literal["better", "worse"]


@dataclass(frozen=True, slots=True)
class Trend:
    """One metric of one endpoint over the runs that may be compared, oldest first.

    `key` stands for profile, endpoint and metric. Of the series with the same key only one counts, the newest; `aside`
    says why another does not. `common` is what its runs share. `what_changed`: what else was different when the
    regression that is open began. `over`: regressions that ended, by the run they began with, and how. `accepted`: why
    a change is wanted, by the run from which on. `values` are in `unit` divided as `form` says; None where a run could
    not be judged. `band`: lowest and highest value that the next run may have without a word.
    """

    key: str
    profile: str
    endpoint: str
    metric: str
    title: str
    unit: str
    form: str
    runs: tuple[str, ...]
    started_at: tuple[str, ...]
    values: tuple[float | None, ...]
    band: tuple[float, float] | None
    last: Said
    what_changed: str | None = None
    changes: tuple[Change, ...] = ()
    common: Mapping[str, str] = field(default_factory=dict)
    over: Mapping[str, str] = field(default_factory=dict)
    accepted: Mapping[str, str] = field(default_factory=dict)
    aside: str | None = None

    @property
    def open_since(self) -> str | None:
        """Run with which a regression began that is still open; None in a series that does not count."""
        return None if self.aside else self.last.open_since


@dataclass(frozen=True, slots=True)
class Belief:
    """May a run be believed: usable, noisy or invalid, and why."""

    level: Literal["usable", "noisy", "invalid"]
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Judged:
    """Everything that is said about the runs of a history, by the id of the run, and the trends, the newest first.

    `selftest`: which changes could be seen at all on its machine. `strangers`: runs of other repositories, and whose.
    `notes`: what stood in the way of judging as somebody wanted it.
    """

    said: Mapping[str, tuple[Said, ...]] = field(default_factory=dict)
    belief: Mapping[str, Belief] = field(default_factory=dict)
    trends: tuple[Trend, ...] = ()
    selftest: SelfTest | None = None
    notes: tuple[str, ...] = ()
    strangers: Mapping[str, str] = field(default_factory=dict)

    def own(self, records: Sequence[Record]) -> list[Record]:
        """Leave out what other repositories measured."""
        return [record for record in records if record.id not in self.strangers]

    @property
    def counting(self) -> tuple[Trend, ...]:
        """The series that counts of each metric of each endpoint under each profile."""
        return tuple(trend for trend in self.trends if not trend.aside)
