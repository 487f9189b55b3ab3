"""Draws the picture of docs/judging.md: what the rule sees of a drop of 10% on real runners.

One server of tests/data/runner-noise.csv, its throughputs as they are and divided by the reference workload; the last
eight runs are made 10% slower.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmark.config import Judging
from benchmark.judge.metrics import Form, metric
from benchmark.judge.series import Run, Series
from benchmark.judge.verdict import Point, in_words
from benchmark.report.charts.svg import to_svg
from benchmark.report.charts.trend import draw, said
from tests.judge.replays import series_of
from tests.support.records import some_environment

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "judging.svg"
SLOWER = 0.9
LAST = 8


def longest(series: dict[str, list[float]]) -> str:
    """The server that was measured most often; of several the first by name."""
    return min(series, key=lambda name: (-len(series[name]), name))


def trend(label: str, values: Sequence[float], form: Form = "waiting") -> Series:
    """One series with the drop, as a report would show it in the run that announced it."""
    slower = [*values[:-LAST], *(value * SLOWER for value in values[-LAST:])]
    numbers = [str(number) for number in range(1, len(slower) + 1)]
    series = Series(
        endpoint=label,
        metric=metric("throughput_rps"),
        form=form,
        common={},
        points=tuple(Point(number, value) for number, value in zip(numbers, slower, strict=True)),
        runs=tuple(Run(number, f"run {number}", some_environment()) for number in numbers),
    )
    verdicts = series.judgements()
    loud = next((found for found in verdicts if found.stage == "confirmed"), verdicts[-1])
    last = replace(loud, value=slower[-1], line=in_words(loud, series.metric, form))
    series = replace(series, verdicts=(*verdicts[:-1], last))
    return replace(series, changes=series.level_changes(Judging()))


def picture() -> str:
    """The picture as SVG."""
    raw, relative = series_of(relative=False, same_runs=True), series_of(relative=True)
    name = longest(relative)
    trends = [trend("as measured", raw[name]), trend("divided by the reference", relative[name], "relative")]
    return to_svg(draw(trends), said(trends, str))


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
    sys.stdout.write(f"{PICTURE.name}\n")
