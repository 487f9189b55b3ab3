"""How often the verdict rule cries wolf and what it finds, on real runner noise and on noise that is known.

    make experiment NAME=verdict_replay      (half a minute, prints Markdown for docs/measurements/verdicts.md)

Drops are put at every place where a series has five runs before and a second run after; nothing is drawn by chance. The
noise that is known is drawn with a fixed seed.
"""

import datetime as dt
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmark.config import Judging
from benchmark.judge.change_points import PENALTY, change_points, cleaned, levels, noise
from benchmark.measure.machine import read_environment
from tests.judge.replays import EARLIER_REFERENCE, Series, as_they_are, every_place, replay, series_of, with_drops

SEED = 20260102
RULE = Judging()
FEWEST_BEFORE = RULE.fewest_runs
DROPS_PERCENT = (5.0, 10.0, 20.0)
NOISY_SERIES = 200


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown, the first column to the left and numbers to the right."""
    lines = [head, [":--", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def forms() -> dict[str, Series]:
    """The same servers as they were measured, and divided by the reference workload."""
    earlier = EARLIER_REFERENCE
    return {
        "raw, all runs": series_of(relative=False),
        "raw, from run 91": series_of(relative=False, same_runs=True),
        "relative, from run 91": series_of(relative=True),
        "raw, to run 90": series_of(relative=False, same_runs=True, reference=earlier),
        "relative, to run 90": series_of(relative=True, reference=earlier),
    }


def side_by_side() -> str:
    """Raw and relative: false alarms, and drops found within two runs."""
    columns = []
    for name, series in forms().items():
        quiet = as_they_are(series)
        places = every_place(series, FEWEST_BEFORE)
        found = [with_drops(series, places, drop) for drop in DROPS_PERCENT]
        columns.append(
            [
                name,
                f"{len(series)}",
                f"{quiet.runs:,} ({quiet.judged})",
                f"{100 * quiet.beyond / quiet.judged:.1f}%",
                f"{quiet.regressed} + {quiet.improved}",
                f"{quiet.alarms_percent:.2f}%",
                *(f"{one.found} of {one.places} ({one.percent:.1f}%)" for one in found),
            ]
        )
    names = ["", "Series", "Runs (judged)", "Runs beyond the band", "Announced: regressed + improved"]
    names += ["**False alarms**", *(f"Drop of {drop:g}% found" for drop in DROPS_PERCENT)]
    rows = list(zip(names, *columns, strict=True))
    return table(rows[0], rows[1:])


def sensitivity() -> str:
    """What each constant does, the others left as they are."""
    variants = {
        "**as it is**": RULE,
        **{f"band of {mads:g} MAD": Judging(band_mads=mads) for mads in (2.5, 3.5, 4.5)},
        **{f"smallest effect {effect:g}%": Judging(smallest_effect_percent=effect) for effect in (3, 8)},
        **{f"up to {most} runs before": Judging(most_runs=most) for most in (10, 40)},
    }
    raw, relative = series_of(relative=False), series_of(relative=True)
    rows = []
    for name, rule in variants.items():
        cells = []
        for series in (raw, relative):
            places = every_place(series, FEWEST_BEFORE)
            found = [with_drops(series, places, drop, rule).percent for drop in (10, 20)]
            cells += [f"{as_they_are(series, rule).alarms_percent:.2f}%", *(f"{percent:.1f}%" for percent in found)]
        rows.append([name, *cells])
    head = ["", *(f"{form}: {what}" for form in ("raw", "relative") for what in ("false alarms", "10%", "20%"))]
    return table(head, rows)


def _known_noise(runs: int, percent: float) -> Iterator[list[float]]:
    source = np.random.default_rng(SEED)
    for _ in range(NOISY_SERIES):
        yield source.normal(100, percent, runs).tolist()


def known_noise() -> str:
    """False alarms and power under normal noise of a known size, in series of 60 runs."""
    rows = []
    for percent in (1.0, 2.0, 3.0, 5.0, 10.0):
        series = {str(n): values for n, values in enumerate(_known_noise(60, percent))}
        rules = (Judging(band_mads=2.5), RULE, Judging(band_mads=3.5), Judging(band_mads=4.5))
        alarms = [f"{as_they_are(series, rule).alarms_percent:.2f}%" for rule in rules]
        places = [(name, 40) for name in series]
        found = [f"{with_drops(series, places, drop).percent:.0f}%" for drop in DROPS_PERCENT]
        rows.append([f"{percent:g}%", *alarms, *found])
    head = [
        "Noise",
        *(f"False alarms, {mads} MAD" for mads in ("2.5", "**3**", "3.5", "4.5")),
        *(f"Drop {drop:g}%" for drop in DROPS_PERCENT),
    ]
    return table(head, rows)


def ends() -> str:
    """What becomes of regressions that were announced: whether they are over when all is well again, and not before.

    20 runs, then 20 with a drop; then all is as before for 20 runs, at once or in ten steps, or nothing changes.
    """
    rows = []
    for percent, drop in ((1.0, 10.0), (2.0, 10.0), (3.0, 10.0), (5.0, 15.0)):
        cells = []
        for course in ([0.0] * 20, [drop * (10 - n) / 10 for n in range(10)] + [0.0] * 20, [drop] * 20):
            lost = [*[0.0] * 20, *[drop] * 20, *course]
            announced = over = 0
            for values in _known_noise(len(lost), percent):
                said = replay([value - less for value, less in zip(values, lost, strict=True)])
                if said[39].open_since is not None:
                    announced += 1
                    over += said[-1].open_since is None
            cells.append(f"{over} of {announced}")
        rows.append([f"{percent:g}%, drop of {drop:g}%", *cells])
    return table(["Noise", "Over: back at once", "Over: back in ten steps", "Over, wrongly: nothing changed"], rows)


def _heavy_noise(runs: int, percent: float) -> Iterator[list[float]]:
    """Student's t with three degrees of freedom, scaled to the same standard deviation: now and then a wild run."""
    source = np.random.default_rng(SEED)
    for _ in range(NOISY_SERIES):
        yield (100 + percent * source.standard_t(3, runs) / 3**0.5).tolist()


def _has_false_one(values: Sequence[float], penalty: float, *, clean: bool) -> bool:
    series = np.asarray(values)
    sigma = noise(series, RULE)
    signal = cleaned(series, sigma) if clean else series
    return len(levels((signal - np.median(series)) / sigma, penalty)) > 1


def penalties() -> str:
    """Share of series without any change in which a change point is found, for the choice of penalty and filter."""
    kinds: dict[str, Callable[[int, float], Iterator[list[float]]]] = {
        "normal": _known_noise,
        "heavy tails (t, 3 degrees)": _heavy_noise,
    }
    rows = []
    for name, draw in kinds.items():
        for runs in (20, 60, 200):
            cells = [
                f"{100 * sum(_has_false_one(v, p, clean=clean) for v in draw(runs, 3.0)) / NOISY_SERIES:.1f}%"
                for clean in (True, False)
                for p in (2.0, PENALTY, 4.0)
            ]
            rows.append([f"{name}, {runs} runs", *cells])
    how = [f"{p:g} log n{'' if clean else ', not cleaned'}" for clean in (True, False) for p in (2.0, PENALTY, 4.0)]
    return table(["Noise of 3%", *how], rows)


def changes_found() -> str:
    """Share of series in which a change in the middle is found within two runs of its place."""
    rows = []
    for percent in (1.0, 2.0, 3.0):
        for runs in (20, 60, 200):
            middle = runs // 2
            cells = []
            for drop in (3.0, 5.0, 10.0):
                near = 0
                for values in _known_noise(runs, percent):
                    dropped = [value - (drop if n >= middle else 0) for n, value in enumerate(values)]
                    near += any(abs(point.index - middle) <= 2 for point in change_points(dropped, "higher"))
                cells.append(f"{100 * near / NOISY_SERIES:.0f}%")
            rows.append([f"{percent:g}%, {runs} runs", *cells])
    return table(["Normal noise", "Change of 3%", "of 5%", "of 10%"], rows)


def real_change_points() -> str:
    """Change points in the real series, raw and relative."""
    lines = []
    for name, series in forms().items():
        found = {server: change_points(values, "higher") for server, values in series.items()}
        lines.append([name, f"{len(series)}", f"{sum(map(len, found.values()))}"])
    return table(["", "Series", "Change points"], lines)


def wild_runs() -> str:
    """How long real runs stay beyond the band: why one run is not enough, and two nearly always are."""
    rows = []
    for name, series in forms().items():
        lengths: dict[int, int] = {}
        for values in series.values():
            length = 0
            for judgement in [*replay(values), None]:
                beyond = judgement is not None and judgement.stage in {"suspected", "confirmed"}
                if length and not beyond:
                    lengths[length] = lengths.get(length, 0) + 1
                length = length + 1 if beyond else 0
        rows.append([name, str(lengths.get(1, 0)), str(sum(n for length, n in lengths.items() if length > 1))])
    return table(["", "Single runs beyond the band", "Two or more in a row"], rows)


def main() -> None:
    """Print all tables."""
    machine = read_environment(Path.cwd())
    sys.stdout.write(
        f"{dt.datetime.now(tz=dt.UTC):%Y-%m-%d}, {machine.cpu.model}, {machine.python}, "
        f"`make experiment NAME=verdict_replay`\n\n"
    )
    parts = {
        "Real runner noise": side_by_side,
        "Wild runs": wild_runs,
        "Sensitivity": sensitivity,
        "Known noise": known_noise,
        "Ends of regressions": ends,
        "Change points: false ones": penalties,
        "Change points: found": changes_found,
        "Change points: real series": real_change_points,
    }
    for title, part in parts.items():
        sys.stdout.write(f"### {title}\n\n{part()}\n\n")


if __name__ == "__main__":
    main()
