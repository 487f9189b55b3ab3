"""What happened second by second: responses and latencies of an endpoint over the run, its ramp and its rounds."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any

import altair as alt

from benchmark.formatting import latency, rate
from benchmark.record import EndpointResult, Record, Timeline
from benchmark.report.charts import style
from benchmark.report.charts.svg import Drawing

MOST_ENDPOINTS = 6
MOST_STEPS = 150  # of one endpoint: more would not be seen at this width
MOST_STEPS_IN_ALL = 600  # of all endpoints: more would make the file large
FEWEST_STEPS = 5
MOVES = 0.1  # of its middle: an endpoint whose median stays within this is named, not drawn
HEAD = 64
HALF = 76
GAP = 42
FOOT = 30
SHADE: dict[str, Any] = {"color": style.MUTED, "opacity": 0.22}
MEDIAN: dict[str, Any] = {"color": style.TIME, "strokeWidth": 2.5}
LONGEST: dict[str, Any] = {"color": style.TIME, "strokeWidth": 1, "strokeDash": [2, 2]}


@dataclass(frozen=True)
class Step:
    """A part of the load, `start_s` to `end_s` after the first round began, as if rounds followed each other at once.

    Latencies are None where there was no response.
    """

    start_s: float
    end_s: float
    responses_rps: float
    median_ms: float | None
    max_ms: float | None


def shown(record: Record) -> list[EndpointResult]:
    """Endpoints whose median moves over the load: the course of the others is one flat line. Stages: staged.py."""
    if record.profile.stages:
        return []
    results = _long_enough(record)
    return [result for result in results if _moves(steps(result, len(results)))]


def _long_enough(record: Record) -> list[EndpointResult]:
    long_enough = [
        result
        for result in record.endpoints
        if sum(len(item.timeline.requests) for item in result.rounds) >= FEWEST_STEPS
    ]
    return long_enough[:MOST_ENDPOINTS]


def _moves(course: Sequence[Step]) -> bool:
    medians = [step.median_ms for step in course if step.median_ms is not None]
    return bool(medians) and max(medians) - min(medians) > MOVES * median(medians)


def steps(result: EndpointResult, endpoints: int) -> list[Step]:
    """The course of all rounds of one of several endpoints, in at most MOST_STEPS steps or one for each round."""
    most = max(1, min(MOST_STEPS, MOST_STEPS_IN_ALL // endpoints) // len(result.rounds))
    found: list[Step] = []
    for item, start_s in zip(result.rounds, round_starts_s(result), strict=False):
        found += _of_round(item.timeline, start_s, most)
    return found


def _of_round(timeline: Timeline, start_s: float, most: int) -> Iterator[Step]:
    width = -(-len(timeline.requests) // most)
    for first in range(0, len(timeline.requests), width):
        part = slice(first, first + width)
        answers = timeline.requests[part]
        medians = [value for value in timeline.median_ms[part] if value is not None]
        largest = [value for value in timeline.max_ms[part] if value is not None]
        begin_s = start_s + first * timeline.step_s
        long_s = len(answers) * timeline.step_s
        # The middle one of several medians: what most of these steps were like.
        median_ms = sorted(medians)[len(medians) // 2] if medians else None
        yield Step(begin_s, begin_s + long_s, sum(answers) / long_s, median_ms, max(largest, default=None))


def round_starts_s(result: EndpointResult) -> list[float]:
    """Where each round begins in the picture (s), and at last where the last one ends."""
    starts_s = [0.0]
    for item in result.rounds:
        starts_s.append(starts_s[-1] + len(item.timeline.requests) * item.timeline.step_s)
    return starts_s


def said(record: Record, named: Callable[[str], str]) -> str:
    parts = []
    results = shown(record)
    for result in results:
        course = steps(result, len(results))
        rates = [step.responses_rps for step in course]
        medians = [step.median_ms for step in course if step.median_ms is not None]
        parts.append(
            f"{named(result.name)} {rate(min(rates))} to {rate(max(rates))} requests per second, median response time "
            f"{latency(min(medians))} to {latency(max(medians))}, longest {latency(_longest(course))}"
        )
    steady = [named(result.name) for result in _long_enough(record) if result not in results]
    others = f" The median of {', '.join(steady)} moved by at most {100 * MOVES:.0f}%." if steady else ""
    return f"Course of the load: {'; '.join(parts)}.{others}"


def draw(record: Record) -> Drawing:
    """For each endpoint two panels, one above the other: requests per second, and median to longest response time."""
    results = shown(record)
    courses = [steps(result, len(results)) for result in results]
    lines = [Lines.of(course) for course in courses]
    left = style.room([label for one in lines for label in (*one.rate_labels, *one.time_labels)], 6)
    margins = style.Margins(
        left=left, right=style.room([latency(_longest(course)) for course in courses]), top=4, bottom=4
    )
    panels = [
        panel
        for result, course, one in zip(results, courses, lines, strict=True)
        for panel in _endpoint(result, course, one, margins)
    ]
    since = style.words("time since the start", margins.inner, 10, align="right")
    # One flat list: a concatenation within another would take no room, because its frame is not to fit its texts.
    panels += [style.Panel([since], margins.inner, 24), style.key(_explained(results), margins)]
    height = sum(panel.height for panel in panels)
    return Drawing(style.Stack(panels), margins, round(margins.top + height + margins.bottom))


@dataclass(frozen=True)
class Lines:
    """Where the axes of one endpoint have their lines (requests per second and ms), the last at or above all values."""

    rates_rps: list[float]
    times_ms: list[float]

    @classmethod
    def of(cls, course: Sequence[Step]) -> "Lines":
        return cls(
            style.steps_beyond(max(step.responses_rps for step in course), 3), style.steps_beyond(_longest(course), 3)
        )

    @property
    def rate_labels(self) -> list[str]:
        return [style.short(value) for value in self.rates_rps]

    @property
    def time_labels(self) -> list[str]:
        return style.times(self.times_ms)


def _longest(course: Sequence[Step]) -> float:
    return max((step.max_ms for step in course if step.max_ms is not None), default=0.0)


def _endpoint(
    result: EndpointResult, course: Sequence[Step], lines: Lines, margins: style.Margins
) -> list[style.Panel]:
    starts_s = round_starts_s(result)
    x = alt.X("at:Q", scale=style.scale(0, starts_s[-1]), axis=None)
    width, left = margins.inner, 10 - margins.left
    head = [
        style.words(style.cut(result.name, 40), left, 14, size=style.LETTERS, bold=True),
        style.words("requests/s", left, 14 + style.LINE),
    ]
    rates = style.Panel([*_background(result, x, HALF), *_rates(course, x, lines)], width, HALF)
    between = style.Panel([style.words("response time", left, GAP - 20)], width, GAP)
    times = style.Panel([*_background(result, x, HALF), *_times(course, x, lines, width)], width, HALF)
    foot = style.Panel([*_ticks(starts_s, width)], width, FOOT)
    return [style.Panel(head, width, HEAD), rates, between, times, foot]


def _background(result: EndpointResult, x: alt.X, height: int) -> list[alt.Chart]:
    starts_s = round_starts_s(result)
    ramps = [
        {"at": start, "end": min(start + (item.ramp_end_s or 0.0), starts_s[-1])}
        for start, item in zip(starts_s, result.rounds, strict=False)
        if item.ramp_end_s
    ]
    layers = []
    if ramps:
        shade = style.marks("rect", ramps, **SHADE)
        layers.append(shade.encode(x=x, x2=alt.X2("end"), y=alt.YValue(0), y2=alt.Y2Value(height)))
    if len(result.rounds) > 1:
        begins = ({"at": start} for start in starts_s[1:-1])
        layers.append(style.marks("rule", begins, color=style.MUTED, strokeDash=[2, 2], strokeWidth=1.5).encode(x=x))
    return layers


def _rates(course: Sequence[Step], x: alt.X, lines: Lines) -> list[alt.Chart]:
    rates = [round(step.responses_rps, 2) for step in course]
    corners = [
        {"at": step.start_s, "rps": rate_rps}
        for step, rate_rps, before in zip(course, rates, [None, *rates], strict=False)
        if rate_rps != before
    ]
    corners.append({"at": course[-1].end_s, "rps": rates[-1]})
    area = style.marks("area", corners, color=style.RATE, interpolate="step-after")
    axis = style.axis(lines.rates_rps, lines.rate_labels, domain=False)
    return [area.encode(x=x, y=alt.Y("rps:Q", scale=style.scale(0, lines.rates_rps[-1]), axis=axis))]


def _times(course: Sequence[Step], x: alt.X, lines: Lines, width: float) -> list[alt.Chart]:
    most_ms = lines.times_ms[-1]
    scale = style.scale(0, most_ms)
    axis = style.axis(lines.times_ms, lines.time_labels, domain=False)
    rows = [
        {
            "at": round((step.start_s + step.end_s) / 2, 2),
            "median": round(step.median_ms, 3),
            "most": round(step.max_ms or 0.0, 3),
        }
        for step in course
        if step.median_ms is not None
    ]
    longest_ms = _longest(course)
    end = style.words(latency(longest_ms), width + 10, HALF * (1 - longest_ms / most_ms), color=style.TIME)
    return [
        style.marks("line", rows, **LONGEST).encode(x=x, y=alt.Y("most:Q", scale=scale)),
        style.marks("line", rows, **MEDIAN).encode(x=x, y=alt.Y("median:Q", scale=scale, axis=axis)),
        end,
    ]


def _ticks(starts_s: Sequence[float], width: int) -> list[alt.Chart]:
    """Seconds below one round; the numbers of the rounds below several."""
    end_s = starts_s[-1]
    if len(starts_s) > 2:  # noqa: PLR2004 - begin and end of one round
        middles = [(first + last) / 2 for first, last in pairwise(starts_s)]
        every = -(-len(middles) // 5)
        return [
            style.words(f"round {number}", x=width * middle / end_s, y=15, align="center")
            for number, middle in enumerate(middles, start=1)
            if (number - 1) % every == 0
        ]
    ticks_s = style.round_steps(end_s, 5)
    labels = style.times([1000 * tick for tick in ticks_s])
    return [
        style.words(label, x=width * tick / end_s, y=15, align="center")
        for tick, label in zip(ticks_s, labels, strict=True)
    ]


def _explained(results: Sequence[EndpointResult]) -> list[style.Item]:
    items = [
        style.Item("requests/s", style.swatch("bar", size=12, color=style.RATE)),
        style.Item("median", style.swatch("rule", **MEDIAN)),
        style.Item("longest", style.swatch("rule", **LONGEST)),
    ]
    ramps = any(item.ramp_end_s for result in results for item in result.rounds)
    return [*items, *([style.Item("users start", style.swatch("rect", **SHADE))] if ramps else [])]
