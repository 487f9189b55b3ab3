"""What happened second by second: answers and latencies of each endpoint over the run, its ramp and its rounds."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import altair as alt

from benchmark.formatting import ms, rate
from benchmark.record import EndpointResult, Record, Timeline
from benchmark.report.charts import style
from benchmark.report.charts.svg import Drawing

MOST_ENDPOINTS = 6
MOST_STEPS = 150  # of one endpoint: more would not be seen at this width
MOST_STEPS_IN_ALL = 600  # of all endpoints: more would make the file large
FEWEST_STEPS = 5
HEAD = 24
HALF = 50
GAP = 10
FOOT = 34
SHADE: dict[str, Any] = {"color": style.MUTED, "opacity": 0.22}
MEDIAN: dict[str, Any] = {"color": style.ORANGE, "strokeWidth": 2.5}
LONGEST: dict[str, Any] = {"color": style.ORANGE, "strokeWidth": 1, "strokeDash": [2, 2]}


@dataclass(frozen=True)
class Step:
    """A part of the load, `start_s` to `end_s` after the first round began, as if rounds followed each other at once.

    Latencies are None where nothing was answered.
    """

    start_s: float
    end_s: float
    answers_rps: float
    median_ms: float | None
    max_ms: float | None


def shown(record: Record) -> list[EndpointResult]:
    long_enough = [
        result
        for result in record.endpoints
        if sum(len(item.timeline.requests) for item in result.rounds) >= FEWEST_STEPS
    ]
    return long_enough[:MOST_ENDPOINTS]


def steps(result: EndpointResult, endpoints: int) -> list[Step]:
    """The course of all rounds of an endpoint, one of so many, in at most MOST_STEPS steps or one for each round."""
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
        rates = [step.answers_rps for step in course]
        longest = max((step.max_ms for step in course if step.max_ms is not None), default=None)
        parts.append(
            f"{named(result.name)} gave {rate(min(rates))} to {rate(max(rates))} answers per second, "
            f"the slowest after {ms(longest)} ms"
        )
    return f"Course of the load: {'; '.join(parts)}."


def draw(record: Record) -> Drawing:
    """For each endpoint two panels, one above the other: answers per second, and median to slowest latency."""
    margins = style.Margins(left=62, right=22, top=4, bottom=4)
    results = shown(record)
    panels = [panel for result in results for panel in _endpoint(result, steps(result, len(results)), margins)]
    # One flat list: a concatenation within another would take no room, because its frame is not to fit its texts.
    chart = style.Stack([*panels, _foot(margins.inner)])
    height = len(results) * (HEAD + 2 * HALF + GAP + FOOT) + FOOT
    return Drawing(chart, margins, margins.top + height + margins.bottom)


def _endpoint(result: EndpointResult, course: Sequence[Step], margins: style.Margins) -> list[style.Panel]:
    starts_s = round_starts_s(result)
    x = alt.X("at:Q", scale=style.scale(0, starts_s[-1]), axis=None)
    width = margins.inner
    name = style.words(style.cut(result.name, 40), x=-margins.left + 10, y=HEAD / 2, size=style.LETTERS, bold=True)
    head = style.Panel([name], width, HEAD)
    answers = style.Panel([*_background(result, x, HALF), *_answers(course, x)], width, HALF)
    gap = style.Panel([style.words("", 0, 0)], width, GAP)
    waits = style.Panel([*_background(result, x, HALF), *_waits(course, x)], width, HALF)
    foot = style.Panel([*_ticks(starts_s, width)], width, FOOT)
    return [head, answers, gap, waits, foot]


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


def _answers(course: Sequence[Step], x: alt.X) -> list[alt.Chart]:
    highest = max((step.answers_rps for step in course), default=0.0) or 1.0
    scale = style.scale(0, highest * 1.05)
    rates = [round(step.answers_rps, 2) for step in course]
    corners = [
        {"at": step.start_s, "rps": rate_rps}
        for step, rate_rps, before in zip(course, rates, [None, *rates], strict=False)
        if rate_rps != before
    ]
    corners.append({"at": course[-1].end_s, "rps": rates[-1]})
    area = style.marks("area", corners, color=style.BLUE, interpolate="step-after")
    axis = style.axis(style.round_steps(highest, 3), "format(datum.value, '~s') + ' /s'", domain=False)
    return [area.encode(x=x, y=alt.Y("rps:Q", scale=scale, axis=axis))]


def _waits(course: Sequence[Step], x: alt.X) -> list[alt.Chart]:
    answered = [step for step in course if step.median_ms is not None and step.max_ms is not None]
    highest_s = max((step.max_ms or 0.0 for step in answered), default=0.0) / 1000 or 1.0
    scale = style.scale(0, highest_s * 1.05)
    unit = "datum.value + ' s'" if highest_s >= 1 else "round(datum.value * 1000) + ' ms'"
    axis = style.axis(style.round_steps(highest_s, 3), unit, domain=False)
    rows = [
        {
            "at": round((step.start_s + step.end_s) / 2, 2),
            "wait": round((step.median_ms or 0.0) / 1000, 4),
            "most": round((step.max_ms or 0.0) / 1000, 4),
        }
        for step in answered
    ]
    return [
        style.marks("line", rows, **LONGEST).encode(x=x, y=alt.Y("most:Q", scale=scale)),
        style.marks("line", rows, **MEDIAN).encode(x=x, y=alt.Y("wait:Q", scale=scale, axis=axis)),
    ]


def _ticks(starts_s: Sequence[float], width: int) -> list[alt.Chart]:
    """Seconds below one round; the numbers of the rounds below several."""
    end_s = starts_s[-1]
    if len(starts_s) > 2:  # noqa: PLR2004 - begin and end of one round
        middles = [(first + last) / 2 for first, last in pairwise(starts_s)]
        every = -(-len(middles) // 8)
        return [
            style.words(f"round {number}", x=width * middle / end_s, y=13, align="center")
            for number, middle in enumerate(middles, start=1)
            if (number - 1) % every == 0
        ]
    return [
        style.words(f"{tick:g} s", x=width * tick / end_s, y=13, align="center") for tick in style.round_steps(end_s, 5)
    ]


def _foot(width: int) -> style.Panel:
    layers = [
        style.sample("bar", -52, 8, x2=-38, size=10, color=style.BLUE),
        style.words("answers per second", -32, 8),
        style.sample("rule", 108, 8, x2=126, **MEDIAN),
        style.words("median wait", 132, 8),
        style.sample("rule", 228, 8, x2=246, **LONGEST),
        style.words("longest", 252, 8),
        style.sample("rect", 316, 2, x2=330, y2=14, **SHADE),
        style.words("users start", 336, 8),
    ]
    return style.Panel(layers, width, FOOT)
