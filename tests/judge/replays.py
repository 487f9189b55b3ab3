"""The verdict rule, replayed run by run on the throughputs of a public project's hosted runners (tests/data)."""

import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.config import Judging
from benchmark.judge.verdict import Judgement, Point, judge

FILE = Path(__file__).parents[1] / "data" / "runner-noise.csv"
REFERENCE = "node-http"
"""Node's HTTP server and nothing else: the reference workload, measured from run 91 on."""
EARLIER_REFERENCE = "bare"
"""What took its place until run 90. The constants of the rule were chosen without these relative series."""
FEWEST_RUNS = 15

Series = Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Found:
    """Of `places` at which a drop was put, in how many it was announced in its first or second run."""

    places: int
    found: int

    @property
    def percent(self) -> float:
        """Places at which it was found in time, in percent of all."""
        return 100 * self.found / self.places


@dataclass(frozen=True)
class Quiet:
    """What was said about series as they are: `judged` counts runs that had a baseline."""

    runs: int
    judged: int
    suspected: int
    regressed: int
    improved: int

    @property
    def beyond(self) -> int:
        """Runs beyond the band: what would alarm if one run sufficed."""
        return self.suspected + self.regressed + self.improved

    @property
    def alarms_percent(self) -> float:
        """Announced changes of either direction in percent of the runs that were judged."""
        return 100 * (self.regressed + self.improved) / self.judged


def load() -> list[tuple[int, str, float]]:
    """Every value: run, server with its version, requests per second."""
    with FILE.open(newline="") as file:
        rows = [
            (int(row["run"]), f"{row['server']} {row['server_version']}", float(row["throughput_rps"]))
            for row in csv.DictReader(file)
        ]
    return sorted(rows)


def series_of(*, relative: bool, same_runs: bool = False, reference: str = REFERENCE) -> dict[str, list[float]]:
    """Each server and version with 15 runs or more; `relative`: divided by the reference workload of the same run.

    `same_runs` leaves out, of the raw ones too, the runs that did not measure the reference workload.
    """
    rows = load()
    reference_rps = {run: value for run, server, value in rows if server.startswith(reference + " ")}
    found: dict[str, list[float]] = defaultdict(list)
    for run, server, value in rows:
        if server.startswith(reference + " ") or ((relative or same_runs) and run not in reference_rps):
            continue
        found[server].append(value / reference_rps[run] if relative else value)
    return {server: values for server, values in found.items() if len(values) >= FEWEST_RUNS}


def replay(values: Iterable[float], rule: Judging | None = None) -> tuple[Judgement, ...]:
    """Judge a series of throughputs run by run."""
    return judge([Point(run=str(number), value=value) for number, value in enumerate(values)], "higher", rule)


def as_they_are(series: Series, rule: Judging | None = None) -> Quiet:
    """Judge series into which nothing was put: every announced change counts as a false alarm."""
    said = [judgement for values in series.values() for judgement in replay(values, rule)]
    announced = [judgement for judgement in said if judgement.stage == "confirmed"]
    return Quiet(
        runs=len(said),
        judged=sum(judgement.baseline is not None for judgement in said),
        suspected=sum(judgement.stage == "suspected" for judgement in said),
        regressed=sum(judgement.verdict == "regressed" for judgement in announced),
        improved=sum(judgement.verdict == "improved" for judgement in announced),
    )


def every_place(series: Series, fewest_before: int) -> list[tuple[str, int]]:
    """Places with enough runs before for a baseline, and with a second run after for the confirmation."""
    return [(name, place) for name, values in series.items() for place in range(fewest_before, len(values) - 1)]


def with_drops(
    series: Series, places: Sequence[tuple[str, int]], drop_percent: float, rule: Judging | None = None
) -> Found:
    """Multiply all runs from a place on, one place at a time, and count where two runs sufficed to announce it."""
    found = 0
    for name, place in places:
        values = series[name]
        dropped = [value * (1 - drop_percent / 100) for value in values[place : place + 2]]
        last_two = replay([*values[:place], *dropped], rule)[place:]
        found += any(judgement.verdict == "regressed" for judgement in last_two)
    return Found(places=len(places), found=found)
