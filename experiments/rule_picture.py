"""Draws the picture of docs/judging.md: what the rule sees of a drop of 10 % on real runners.

One server of tests/data/runner-noise.csv, its throughputs as they are and divided by the reference workload; the last
eight runs are made 10 % slower.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from benchmark.judge.change_points import change_points
from benchmark.judge.history import Change, Said, Trend
from benchmark.judge.metrics import metric
from benchmark.judge.verdict import Point, in_words, judge
from benchmark.report.charts.svg import to_svg
from benchmark.report.charts.trend import draw, said
from tests.judge.replays import series_of

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "judging.svg"
SLOWER = 0.9
LAST = 8


def longest(series: dict[str, list[float]]) -> str:
    """The server that was measured most often; of several the first by name."""
    return min(series, key=lambda name: (-len(series[name]), name))


def trend(label: str, values: Sequence[float]) -> Trend:
    """One series with the drop, as a report would show it."""
    throughput = metric("throughput_rps")
    slower = [*values[:-LAST], *(value * SLOWER for value in values[-LAST:])]
    runs = tuple(str(number) for number in range(1, len(slower) + 1))
    places = tuple(f"run {number}" for number in runs)
    judgements = judge([Point(run, value) for run, value in zip(runs, slower, strict=True)], throughput.better)
    loud = next((found for found in judgements if found.stage == "confirmed"), judgements[-1])
    known = loud.baseline
    return Trend(
        key=label,
        profile="",
        endpoint=label,
        metric=throughput.name,
        title=throughput.title,
        unit=throughput.unit,
        form="waiting",
        runs=runs,
        started_at=places,
        values=tuple(slower),
        band=(known.median - known.band, known.median + known.band) if known else None,
        last=Said(label, throughput.title, loud.verdict, loud.stage, in_words(loud, throughput)),
        changes=tuple(
            Change(runs[found.index], places[found.index], found.percent, found.direction)
            for found in change_points(slower, throughput.better)
        ),
    )


def picture() -> str:
    """The picture as SVG."""
    raw, relative = series_of(relative=False, same_runs=True), series_of(relative=True)
    name = longest(relative)
    trends = [trend("as measured", raw[name]), trend("beside the reference", relative[name])]
    return to_svg(draw(trends, {}), said(trends, str))


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
    sys.stdout.write(f"{PICTURE.name}\n")
