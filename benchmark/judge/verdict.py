"""The rule that says whether a number changed, run by run, in one series of runs that may be compared.

A run is compared with the median of the runs before it; its noise band is how far apart runs are by chance.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median, mode
from typing import Literal

from benchmark.config import Judging
from benchmark.formatting import latency, signed_percent, three_digits
from benchmark.formatting import percent as shown_percent
from benchmark.judge.metrics import Better, Form, Metric

_FEW = {2: 1.196, 3: 1.495, 4: 1.363, 5: 1.206, 6: 1.200, 7: 1.140, 8: 1.129, 9: 1.107}


@dataclass(frozen=True, slots=True)
class Baseline:
    """Middle and spread of some runs. `median`, `mad` and `band`, a half width, are in the unit of the series."""

    runs: int
    median: float
    mad: float
    band: float

    def percent(self, amount: float) -> float | None:
        """Express an amount (in the unit of the series) in percent of the median; None when the median is zero."""
        return 100 * amount / abs(self.median) if self.median else None


def few_runs_factor(runs: int) -> float:
    """By how much the MAD of so few values is too small on average (Croux and Rousseeuw 1992). `runs` is 2 or more."""
    return _FEW.get(runs, runs / (runs - 0.8))


def baseline(values: Sequence[float], rule: Judging, smallest_difference: float = 0.0) -> Baseline:
    """Sum up the runs before, at least two. A series that never varied has a MAD of zero: the smallest effect rules.

    `smallest_difference` (in the unit of the series) is what the band is at least.
    """
    middle = median(values)
    mad = median([abs(value - middle) for value in values])
    noise = rule.band_mads * mad * few_runs_factor(len(values)) * math.sqrt(1 + math.pi / (2 * len(values)))
    band = max(noise, abs(middle) * rule.smallest_effect_percent / 100, smallest_difference)
    return Baseline(runs=len(values), median=middle, mad=mad, band=band)


def unlike_before(in_use: Sequence[int], rule: Judging) -> str | None:
    """Why the last of these runs does not compare with those before it; None where it does.

    `in_use`: how many workers had connections, by run, oldest first. Usual is what it was in most of as many runs as a
    baseline has, or in each of the newest ones that a baseline has at least: that is no accident any more.
    """
    last = in_use[-1]
    usual = mode(in_use[-rule.most_runs :])
    newest = in_use[-rule.fewest_runs :]
    if last == usual or (len(newest) == rule.fewest_runs and set(newest) == {last}):
        return None
    return f"its connections went to {_workers(last)}, in most runs to {_workers(usual)}; such runs do not compare"


def _workers(number: int) -> str:
    return "one worker" if number == 1 else f"{number} workers"


AWAITED = "awaiting a second run"
CREPT_BACK_RUNS = 10
"""As many runs, by their median, show a recovery of which no step did. Five are there by chance twice as often."""

Verdict = Literal["unchanged", "improved", "regressed", "inconclusive"]
Stage = Literal["not judged", "too few runs", "steady", "suspected", "confirmed", "recovered", "accepted"]


@dataclass(frozen=True, slots=True)
class Point:
    """One run of a series: a plain number, whatever it was divided by before.

    `smallest_difference` (in the unit of `value`) never counts. `unusable` says why the run cannot be judged: it never
    becomes part of a baseline. `accepted` is the reason of a known change: the baseline starts again at this run.
    `workers_in_use`: how many had connections at all, where the number may hang on that.
    """

    run: str
    value: float | None
    smallest_difference: float = 0.0
    unusable: str | None = None
    accepted: str | None = None
    workers_in_use: int | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is found about one run of a series. Percentages are of the baseline's median; None where that is zero.

    `first_run` of a confirmed change is the run in which it was suspected. `open_since` is the first run of a confirmed
    regression that has, after this run, neither recovered nor been accepted. `direction`: to which side of the band
    around the level it is compared with; None within it, or not compared. `missing`: how many usable runs are missing,
    after this one, until one is compared, of as many as are `needed`; both None where enough are there.

    `open_from`, `open_to`: the middle value before an open regression, and of the runs that confirmed it.

    A history adds whose number it is (`metric` by its title), and `line`: verdict, change and noise band in words.
    `since`: the day on which an open regression began, else the change that this run confirms. `moved`: how far an open
    regression went, in words.
    `apart`: why there is nothing to compare it with though there are earlier runs. `changed`: what else is different
    from the run before.
    """

    run: str
    verdict: Verdict
    stage: Stage
    reason: str | None = None
    value: float | None = None
    change_percent: float | None = None
    band_percent: float | None = None
    baseline: Baseline | None = None
    first_run: str | None = None
    open_since: str | None = None
    open_from: float | None = None
    open_to: float | None = None
    direction: Literal["better", "worse"] | None = None
    missing: int | None = None
    needed: int | None = None
    endpoint: str = ""
    metric: str = ""
    line: str = ""
    since: str = ""
    moved: str = ""
    apart: str | None = None
    changed: str | None = None


def judge(points: Iterable[Point], better: Better, rule: Judging | None = None) -> tuple[Judgement, ...]:
    """Judge every run of a series, oldest first, each against the runs before it only."""
    series = _Series(better, rule or Judging())
    return tuple(series.next(point) for point in points)


@dataclass(frozen=True, slots=True)
class _Suspect:
    side: int
    point: Point
    value: float


@dataclass(frozen=True, slots=True)
class _Open:
    """`level` is what the runs scored that confirmed it."""

    first_run: str
    before: tuple[float, ...]
    level: float


class _Series:
    """The state between two runs. `level` holds the runs of the present level, `former` those of the one before it."""

    def __init__(self, better: Better, rule: Judging) -> None:
        self.good_side = 1 if better == "higher" else -1
        self.rule = rule
        self._begin()

    def _begin(self) -> None:
        self.level: list[float] = []
        self.former: tuple[float, ...] = ()
        self.suspect: _Suspect | None = None
        self.open: _Open | None = None
        self.in_use: list[int] = []

    def next(self, point: Point) -> Judgement:
        if point.accepted is not None:
            self._begin()
        value, why_not = _usable(point)
        if value is not None and point.workers_in_use is not None:
            self.in_use.append(point.workers_in_use)
            why_not = unlike_before(self.in_use, self.rule)
        if value is None or why_not is not None:
            return self._say(point, "inconclusive", "not judged", reason=why_not)
        if point.accepted is not None:
            self.level.append(value)
            reason = f"accepted: {point.accepted}; the baseline starts again here"
            return self._say(point, "inconclusive", "accepted", reason=reason, value=value)
        if len(self.level) < self.rule.fewest_runs:
            return self._young(point, value)
        return self._against(point, value, self._baseline(self.level, point))

    def _baseline(self, values: Sequence[float], point: Point) -> Baseline:
        return baseline(values[-self.rule.most_runs :], self.rule, point.smallest_difference)

    def _young(self, point: Point, value: float) -> Judgement:
        """Collect runs of a new level, unless two in a row are back at the former one: then the change did not last."""
        if self.former and self.level:
            former = self._baseline(self.former, point)
            if abs(value - former.median) <= min(former.band, abs(value - median(self.level))):
                if self.suspect is not None:
                    return self._back(point, value, former)
                self.suspect = _Suspect(0, point, value)
                reason = f"back at the level before the last change, {AWAITED}"
                return self._say(point, "inconclusive", "suspected", former, reason=reason, value=value)
        self._keep_suspect()
        if len(self.level) >= self.rule.fewest_runs:
            return self._against(point, value, self._baseline(self.level, point))
        reason = f"{len(self.level)} of {self.rule.fewest_runs} earlier runs"
        reason += " since the level changed" if self.former else ""
        self.level.append(value)
        return self._say(point, "inconclusive", "too few runs", reason=reason, value=value)

    def _back(self, point: Point, value: float, former: Baseline) -> Judgement:
        self.level = [*self.former]
        self.former = ()
        self._keep_suspect()
        self.level.append(value)
        self._close_if_reached(point, (value,))
        reason = "the last change did not last: back at the level before it"
        return self._say(point, "unchanged", "recovered", former, reason=reason, value=value)

    def _against(self, point: Point, value: float, known: Baseline) -> Judgement:
        difference = value - known.median
        side = 0 if abs(difference) <= known.band else int(math.copysign(1, difference))
        if side == 0:
            self._keep_suspect()
            self.level.append(value)
            if self._crept_back(point):
                self.open = None
                reason = f"the last {CREPT_BACK_RUNS} runs are back at the level before the regression"
                return self._say(point, "unchanged", "recovered", known, reason=reason, value=value)
            return self._say(point, "unchanged", "steady", known, value=value)
        if self.suspect is None or self.suspect.side != side:
            self._keep_suspect()
            self.suspect = _Suspect(side, point, value)
            return self._say(point, "inconclusive", "suspected", known, reason=AWAITED, value=value, side=side)
        return self._confirmed(point, value, known, self.suspect)

    def _confirmed(self, point: Point, value: float, known: Baseline, first: _Suspect) -> Judgement:
        before = tuple(self.level[-self.rule.most_runs :])
        self.level, self.former, self.suspect = [first.value, value], before, None
        if first.side != self.good_side:
            self.open = self.open or _Open(first.point.run, before, median((first.value, value)))
            return self._say(point, "regressed", "confirmed", known, value=value, first=first)
        stage: Stage = "recovered" if self._close_if_reached(point, (first.value, value)) else "confirmed"
        return self._say(point, "improved", stage, known, value=value, first=first)

    def _close_if_reached(self, point: Point, values: Sequence[float]) -> bool:
        if self.open is None:
            return False
        goal = self._baseline(self.open.before, point)
        if any((value - goal.median) * self.good_side < -goal.band for value in values):
            return False
        self.open = None
        return True

    def _crept_back(self, point: Point) -> bool:
        """Whether the newest runs are as good as before the regression, and nearer to that than to what it was."""
        if self.open is None or len(self.level) < CREPT_BACK_RUNS:
            return False
        goal = self._baseline(self.open.before, point)
        recent = median(self.level[-CREPT_BACK_RUNS:])
        missing = (goal.median - recent) * self.good_side
        return missing <= goal.band and missing < abs(recent - self.open.level)

    def _keep_suspect(self) -> None:
        """A suspicion that was not confirmed was noise, and noise belongs in the baseline or it looks too quiet."""
        if self.suspect is not None:
            self.level.append(self.suspect.value)
            self.suspect = None

    def _say(
        self,
        point: Point,
        verdict: Verdict,
        stage: Stage,
        known: Baseline | None = None,
        *,
        reason: str | None = None,
        value: float | None = None,
        first: _Suspect | None = None,
        side: int = 0,
    ) -> Judgement:
        side = first.side if first else side
        young = stage in {"too few runs", "accepted"}
        return Judgement(
            run=point.run,
            verdict=verdict,
            stage=stage,
            reason=reason,
            value=value,
            change_percent=known.percent(value - known.median) if known and value is not None else None,
            band_percent=known.percent(known.band) if known else None,
            baseline=known,
            first_run=first.point.run if first else None,
            open_since=self.open.first_run if self.open else None,
            open_from=median(self.open.before) if self.open else None,
            open_to=self.open.level if self.open else None,
            direction=None if side == 0 else "better" if side == self.good_side else "worse",
            missing=self.rule.fewest_runs - len(self.level) if young else None,
            needed=self.rule.fewest_runs if young else None,
        )


def _usable(point: Point) -> tuple[float | None, str | None]:
    if point.unusable is not None:
        return None, point.unusable
    if point.value is None:
        return None, "the run has no such number"
    if not math.isfinite(point.value):
        return None, f"the number is {point.value}"
    return point.value, None


def in_words(said: Judgement, metric: Metric, form: Form = "waiting") -> str:
    """Write "regressed since 2026-10-05: 97.9 → 85.7 (−12%); no further change". An open regression is named first.

    Names from outside are in it as they are: escape the line where it is shown.
    """
    if said.open_since is None:
        return _newest(said, metric)
    line = f"regressed since {said.since or 'run ' + said.open_since}: {moved(said, metric, form)}"
    if said.verdict == "regressed" and said.first_run == said.open_since:
        known = said.baseline
        band = None if known is None or said.band_percent is None else _band(said.band_percent, known.runs)
        return line if band is None else f"{line.removesuffix(')')}; {band})"
    if said.stage == "too few runs":
        return line
    return f"{line}, {'no further change' if said.stage == 'steady' else f'newest run {_newest(said, metric)}'}"


def _newest(said: Judgement, metric: Metric) -> str:
    """What is found of this run alone."""
    since = (
        f" since {said.since or 'run ' + str(said.first_run)}"
        if said.stage == "confirmed" and not said.open_since
        else ""
    )
    parts = [f"{_word(said)}{since}", *(part for part in (_change(said, metric), said.reason) if part)]
    return ", ".join([": ".join(parts[:-1]), AWAITED]) if parts[-1] == AWAITED else ": ".join(filter(None, parts))


def _word(said: Judgement) -> str:
    if said.stage == "suspected" and said.direction is not None:
        return "possible regression" if said.direction == "worse" else "possible improvement"
    if said.verdict != "inconclusive":
        return said.verdict
    return {"too few runs": "no verdict yet", "suspected": "possibly recovered", "accepted": ""}.get(
        said.stage, "not judged"
    )


MOST_PERCENT = 1000.0  # of what was next to nothing before, both numbers say more


def open_percent(said: Judgement) -> float | None:
    """By how much an open regression changed the number; None without one, or where it was zero before."""
    return None if not said.open_from or said.open_to is None else 100 * (said.open_to / said.open_from - 1)


UNITS: dict[Form, str] = {"relative": " of the reference workload's", "predicted": " of the prediction"}


def moved(said: Judgement, metric: Metric, form: Form = "waiting") -> str:
    """Write "15.0 s → 17.1 s (+14%)", what an open regression changed; "" without one. `form`: what is compared."""
    if said.open_from is None or said.open_to is None:
        return ""
    change = open_percent(said)
    percent = "" if change is None or change > MOST_PERCENT else f" ({signed_percent(change)})"
    if metric.unit == "ms" and form not in UNITS:
        return f"{latency(said.open_from)} → {latency(said.open_to)}{percent}"
    if metric.name == "failure_ratio":
        return f"{three_digits(100 * said.open_from)}% → {three_digits(100 * said.open_to)}% of requests{percent}"
    unit = UNITS.get(form, f" {metric.unit}" if metric.unit != "1/s" else "")  # its title names that one
    return f"{three_digits(said.open_from)} → {three_digits(said.open_to)}{unit}{percent}"


def _band(percent: float, runs: int) -> str:
    return f"noise ±{shown_percent(percent)}, {runs} runs"


def _change(said: Judgement, metric: Metric) -> str | None:
    known = said.baseline
    if known is None or said.value is None:
        return None
    if said.change_percent is None or said.band_percent is None:
        was = f"was {three_digits(known.median)} (noise ±{three_digits(known.band)}, {known.runs} runs)"
        return f"{three_digits(said.value)} {metric.unit}, {was}"
    return f"{signed_percent(said.change_percent)} ({_band(said.band_percent, known.runs)})"
