"""The badge: one line of verdict and its date as a picture that nothing outside has to draw."""

from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from benchmark.formatting import day
from benchmark.record import Record
from benchmark.report.verdicts import Standing

LABEL = "benchmark"
GREEN, AMBER, RED, GREY, DARK = "#1a7f37", "#9a6700", "#cf222e", "#59636e", "#444c56"
HEIGHT = 20
PADDING = 7
WIDE = 9.0
NARROW = 4.5
USUAL = 6.8
"""Width of a letter of 11 px (px). A reader's browser stretches the text to the sum of them, so that nothing is cut."""


def badge(records: Sequence[Record], standings: Sequence[Standing]) -> str:
    """A small SVG: "benchmark | no regressions · 2026-11-28"; the date is that of the newest complete run."""
    newest = max((record.started_at for record in records if record.state == "complete"), default=None)
    verdict, color = _verdict(standings)
    text = f"{verdict} · {day(newest)}" if newest else "no runs yet"
    left, right = _width(LABEL), _width(text)
    said = f"{LABEL}: {text}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="{HEIGHT}" '
        f'viewBox="0 0 {left + right} {HEIGHT}" role="img" aria-label={quoteattr(said)}>'
        f"<title>{escape(said)}</title>"
        f'<clipPath id="r"><rect width="{left + right}" height="{HEIGHT}" rx="3"/></clipPath><g clip-path="url(#r)">'
        f'<rect width="{left}" height="{HEIGHT}" fill="{DARK}"/>'
        f'<rect x="{left}" width="{right}" height="{HEIGHT}" fill="{color if newest else GREY}"/></g>'
        '<g fill="#fff" font-family="Verdana,DejaVu Sans,Geneva,sans-serif" font-size="11">'
        f"{_words(LABEL, 0, left)}{_words(text, left, right)}</g></svg>\n"
    )


def _verdict(standings: Sequence[Standing]) -> tuple[str, str]:
    states = [one.state for one in standings]
    regressed, suspected = states.count("regressed"), states.count("suspected")
    if regressed:
        return f"{regressed} regressed", RED
    if suspected:
        return f"{suspected} may have regressed", AMBER
    if {"improved", "unchanged"} & {*states}:
        return "no regressions", GREEN
    return "no verdict yet", GREY


def _width(text: str) -> int:
    return round(2 * PADDING + _letters(text))


def _letters(text: str) -> float:
    return sum(
        WIDE if letter in "mwMW" else NARROW if letter in "fijlrt ·-\N{NON-BREAKING HYPHEN}" else USUAL
        for letter in text
    )


def _words(text: str, left: int, width: int) -> str:
    return f'<text x="{left + PADDING}" y="14" textLength="{width - 2 * PADDING}">{escape(text)}</text>'
