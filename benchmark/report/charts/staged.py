"""A load that changes by design, over time: what was asked, what was answered, and how long that took."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from benchmark.formatting import latency, rate
from benchmark.record import EndpointResult, Record, Round
from benchmark.report.charts import style
from benchmark.report.charts.svg import Drawing
from benchmark.report.staged import level, recovered
from benchmark.stages import StagedLoad

MOST_ENDPOINTS = 4
FEWEST_STEPS = 3
HEAD = 64
LOW, HALF = 56, 84
GAP = 44
FOOT = 30
ASKED: dict[str, Any] = {"color": style.MUTED, "opacity": 0.4}
BORDER: dict[str, Any] = {"color": style.MUTED, "strokeDash": [3, 3], "strokeWidth": 1.5}
P95: dict[str, Any] = {"color": style.TIME, "strokeWidth": 2.5}


@dataclass(frozen=True)
class Course:
    """The first round of an endpoint, step by step: seconds, responses and failures per second, p95 (ms)."""

    name: str
    stages: StagedLoad
    end_s: float
    starts_s: list[float]
    responses_rps: list[float]
    failures_rps: list[float]

    @property
    def levels(self) -> list[float]:
        return style.steps_beyond(max(one.level for one in self.stages.stages), 2)

    @property
    def rates_rps(self) -> list[float]:
        return style.steps_beyond(max(self.responses_rps), 3)

    @property
    def times_ms(self) -> list[float]:
        return style.steps_beyond(max((p95 for p95 in self.stages.p95_ms if p95 is not None), default=0.0), 3)


def shown(record: Record) -> list[EndpointResult]:
    return [result for result in record.endpoints if _drawable(result)][:MOST_ENDPOINTS]


def _drawable(result: EndpointResult) -> bool:
    first = result.rounds[0] if result.rounds else None
    return first is not None and first.staged is not None and len(first.timeline.requests) >= FEWEST_STEPS


def _course(result: EndpointResult, first: Round, stages: StagedLoad) -> Course:
    timeline, end_s = first.timeline, stages.stages[-1].end_s
    starts_s = [number * timeline.step_s for number in range(len(timeline.requests))]
    starts_s = [start for start in starts_s if start < end_s]
    lasted_s = [min(timeline.step_s, end_s - start) for start in starts_s]
    return Course(
        name=result.name + (f", round 1 of {len(result.rounds)}" if len(result.rounds) > 1 else ""),
        stages=stages,
        end_s=end_s,
        starts_s=starts_s,
        responses_rps=[number / long for number, long in zip(timeline.requests, lasted_s, strict=False)],
        failures_rps=[number / long for number, long in zip(timeline.failures, lasted_s, strict=False)],
    )


def _courses(record: Record) -> list[Course]:
    rounds = [(result, result.rounds[0]) for result in shown(record)]
    return [_course(result, first, first.staged) for result, first in rounds if first.staged is not None]


def said(record: Record, named: Callable[[str], str]) -> str:
    parts = []
    for course in _courses(record):
        stages = [
            f"{level(record, one)}: {rate(one.responses_rps)} responses per second, p95 {latency(one.p95_ms)}"
            + (f", {recovered(one)}" if recovered(one) else "")
            for one in course.stages.stages
        ]
        parts.append(f"{named(course.name)}, {'; '.join(stages)}")
    return f"Load, responses and response times over time, by stages. {'. '.join(parts)}."


def draw(record: Record) -> Drawing:
    """For each endpoint three panels: what was asked, responses per second, and the p95 of the response time."""
    courses = _courses(record)
    unit = "users" if record.profile.rate_per_s is None else "requests/s due"
    labels = [
        label
        for one in courses
        for label in (*map(style.short, (*one.levels, *one.rates_rps)), *style.times(one.times_ms))
    ]
    margins = style.Margins(left=style.room(labels, 6), right=16, top=4, bottom=4)
    panels = [panel for course in courses for panel in _panels(course, unit, margins)]
    since = style.words("time since the start", margins.inner, 10, align="right")
    panels += [style.Panel([since], margins.inner, 24), style.key(_explained(courses, unit), margins)]
    height = sum(panel.height for panel in panels)
    return Drawing(style.Stack(panels), margins, round(margins.top + height + margins.bottom))


def _panels(course: Course, unit: str, margins: style.Margins) -> list[style.Panel]:
    x = alt.X("at:Q", scale=style.scale(0, course.end_s), axis=None)
    width, left = margins.inner, 10 - margins.left
    head = [
        style.words(style.cut(course.name, 40), left, 14, size=style.LETTERS, bold=True),
        style.words(unit, left, 14 + style.LINE),
    ]
    stages = course.stages.stages
    borders = [{"at": one.start_s} for one in stages[1:]]
    lines = [style.marks("rule", borders, **BORDER).encode(x=x)] if borders else []
    asked = [
        *({"at": one.start_s, "value": one.level} for one in stages),
        {"at": course.end_s, "value": stages[-1].level},
    ]
    labels = [style.short(value) for value in course.levels]
    load = _area(asked, x, course.levels, labels, **ASKED)
    rate_labels = [style.short(value) for value in course.rates_rps]
    answered = [
        _area(_stepped(course, course.responses_rps), x, course.rates_rps, rate_labels, color=style.RATE),
    ]
    if any(course.failures_rps):
        failed = _stepped(course, course.failures_rps)
        answered.append(_area(failed, x, course.rates_rps, rate_labels, color=style.RED))
    between = [style.Panel([style.words(text, left, GAP - 20)], width, GAP) for text in ("responses/s", "p95")]
    ticks = style.Panel(_ticks(course.end_s, width), width, FOOT)
    return [
        style.Panel(head, width, HEAD),
        style.Panel([load, *lines], width, LOW),
        between[0],
        style.Panel([*answered, *lines], width, HALF),
        between[1],
        style.Panel([_p95(course, x), *lines], width, HALF),
        ticks,
    ]


def _stepped(course: Course, values: Sequence[float]) -> list[dict[str, float]]:
    """Where each step begins, and where the last one ends. No moment twice: areas there would lie on each other."""
    moments = zip([*course.starts_s, course.end_s], [*values, values[-1]], strict=True)
    return [{"at": at, "value": round(value, 2)} for at, value in moments]


def _area(
    rows: Sequence[dict[str, float]], x: alt.X, lines: Sequence[float], labels: Sequence[str], **look: Any
) -> alt.Chart:
    y = alt.Y("value:Q", scale=style.scale(0, lines[-1]), axis=style.axis(lines, labels, domain=False))
    chart: alt.Chart = style.marks("area", rows, interpolate="step-after", **look).encode(x=x, y=y)
    return chart


def _p95(course: Course, x: alt.X) -> alt.Chart:
    ends_s = [*course.starts_s[1:], course.end_s]
    steps = zip(course.starts_s, ends_s, course.stages.p95_ms, strict=False)
    rows = [{"at": round((start + end) / 2, 3), "ms": round(p95, 2)} for start, end, p95 in steps if p95 is not None]
    axis = style.axis(course.times_ms, style.times(course.times_ms), domain=False)
    y = alt.Y("ms:Q", scale=style.scale(0, course.times_ms[-1]), axis=axis)
    chart: alt.Chart = style.marks("line", rows, **P95).encode(x=x, y=y)
    return chart


def _ticks(end_s: float, width: float) -> list[alt.Chart]:
    ticks_s = style.round_steps(end_s, 5)
    labels = style.times([1000 * tick for tick in ticks_s])
    return [
        style.words(label, x=width * tick / end_s, y=15, align="center")
        for tick, label in zip(ticks_s, labels, strict=True)
    ]


def _explained(courses: Sequence[Course], unit: str) -> list[style.Item]:
    items = [
        style.Item(unit, style.swatch("rect", **ASKED)),
        style.Item("responses/s", style.swatch("bar", size=12, color=style.RATE)),
    ]
    if any(any(course.failures_rps) for course in courses):
        items.append(style.Item("failed", style.swatch("bar", size=12, color=style.RED)))
    items.append(style.Item("p95 of response times", style.swatch("rule", **P95)))
    return [*items, style.Item("stages", style.swatch("rule", **BORDER))]
