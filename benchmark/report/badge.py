"""The badge: one line of verdict and its date as a picture that nothing outside has to draw. And one for each endpoint.

Rendering knows no clock, so that the same records give the same bytes: the newest run or failed attempt says what time
it is. A badge becomes grey when attempts went on and none of them was usable; where nothing is attempted any more, its
date says how old it is.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from benchmark.formatting import day, figure, latency, percent, plain
from benchmark.judge.history import Judged
from benchmark.judge.slo import outcomes
from benchmark.judge.validity import endpoint_validity
from benchmark.record import EndpointResult, Record
from benchmark.report.readme import headline_run
from benchmark.report.verdicts import Standing, State, last_usable, standings
from benchmark.store import BADGES, Failure, write_changed, writing
from benchmark.traffic import labels

LABEL = "benchmark"
GREEN, AMBER, RED, GREY, DARK = "#1a7f37", "#9a6700", "#cf222e", "#59636e", "#444c56"
BLUE = "#0969da"  # a number without a verdict
STALE_AFTER_DAYS = 15  # two weekly runs in a row that gave nothing
HEIGHT = 20
PADDING = 7
WIDE = 9.0
NARROW = 4.5
USUAL = 6.8
"""Width of a letter of 11 px (px). A reader's browser stretches the text to the sum of them, so that nothing is cut."""


def stale_since(records: Sequence[Record], failures: Iterable[Failure], judged: Judged) -> str | None:
    """When the last usable run was, if attempts went on for long after it; None: there is none, or it is fresh."""
    usable = last_usable(records, judged.validity)
    newest = max([record.started_at for record in records] + [failure.at for failure in failures], default="")
    if usable is None:
        return None
    age = datetime.fromisoformat(newest) - datetime.fromisoformat(usable.started_at)
    return usable.started_at if age.days >= STALE_AFTER_DAYS else None


def badge(records: Sequence[Record], standings: Sequence[Standing], stale: str | None = None) -> str:
    """A small SVG: "benchmark | no regressions · 2026-11-28"; the date is that of the newest complete run.

    `stale`: when the last usable run was, see `stale_since`.
    """
    newest = stale or max((record.started_at for record in records if record.state == "complete"), default=None)
    verdict, color = ("no usable run since", GREY) if stale else _verdict(standings)
    text = f"{verdict}{' ' if stale else ' · '}{day(newest)}" if newest else "no runs yet"
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


COLORS: dict[State, str] = {"regressed": RED, "suspected": AMBER, "improved": GREEN, "unchanged": GREEN}
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,80}")
_KEYS = {"schemaVersion", "label", "message", "color"}


def endpoint_badges(records: Sequence[Record], judged: Judged, stale: str | None = None) -> dict[str, str]:
    """By file name, for each endpoint of the run that the README shows, what shields.io draws from (endpoint badge)."""
    record = headline_run(records)
    if record is None:
        return {}
    states = {(one.profile, one.endpoint): one.state for one in standings(judged)}
    names = _file_names([endpoint.name for endpoint in record.plan.endpoints])
    found = {}
    for endpoint in record.plan.endpoints:
        message, color = _number(record, record.result(endpoint.name))
        color = color or COLORS.get(states.get((record.profile.name, endpoint.name), "not judged"), BLUE)
        broken = any(one.word == "broken" and one.promise.endpoint in labels(endpoint) for one in outcomes(record))
        message, color = (f"SLO broken · {message}", RED) if broken else (message, color)
        since = f"stale since {stale[:10]}" if stale else record.started_at[:10]
        color = GREY if stale else color
        shown = {"schemaVersion": 1, "label": plain(endpoint.name), "message": f"{message} · {since}"}
        found[names[endpoint.name]] = json.dumps(shown | {"color": color.removeprefix("#")}, ensure_ascii=False) + "\n"
    return found


def _number(record: Record, result: EndpointResult | None) -> tuple[str, str]:
    """What an endpoint scored, and a color if it says more than the verdict: grey for what nobody may rely on."""
    if result is None or result.summary is None or result.summary.throughput_rps is None:
        return "not measured", GREY
    level, summary = endpoint_validity(record, result.name).level, result.summary
    failed = 100 * summary.failures / summary.requests if summary.requests else 0.0
    parts = [f"{figure(summary.throughput_rps)} req/s"]
    parts += [f"p95 {latency(summary.p95_ms)}"] if summary.p95_ms is not None else []
    parts += [f"{percent(failed)} failed"] if failed else []
    return " · ".join(parts) + ("" if level == "usable" else f" ({level})"), GREY if level == "invalid" else ""


def _file_names(names: Sequence[str]) -> dict[str, str]:
    """A file for each endpoint: its name where every file system takes that, else what of it is left and a hash."""
    alike = Counter(name.lower() for name in names)
    found = {}
    for name in names:
        safe = _SAFE.fullmatch(name) is not None and alike[name.lower()] == 1
        shortened = re.sub(r"[^A-Za-z0-9]+", "-", name)[:40].strip("-") or "endpoint"
        found[name] = f"{name if safe else f'{shortened}-{sha256(name.encode()).hexdigest()[:8]}'}.json"
    return found


def place_badges(reports: Path, badges: dict[str, str]) -> None:
    """Write them to `reports/badge/`, and remove those of endpoints that are no longer shown. Other files stay."""
    folder = reports / BADGES
    if folder.is_symlink():
        return
    with writing(folder):
        for path in sorted(folder.glob("*.json")):
            if path.name not in badges and _is_ours(path):
                path.unlink()
        if badges:
            folder.mkdir(exist_ok=True)
        for name, text in badges.items():
            write_changed(folder / name, text)
        if not badges:
            with suppress(OSError):  # it is not there, or holds files of others
                folder.rmdir()


def _is_ours(path: Path) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    try:
        found = json.loads(path.read_bytes())
    except ValueError:
        return False
    return isinstance(found, dict) and found.keys() == _KEYS
