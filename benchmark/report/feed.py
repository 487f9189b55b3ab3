"""What happened, newest first, for feed readers (Atom, RFC 4287): runs, failures, broken SLOs, regressions and ends."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from xml.etree import ElementTree as ET

from benchmark.errors import LONGEST_MESSAGE, one_line
from benchmark.formatting import figure, latency, plain, when
from benchmark.judge.history import Judged
from benchmark.judge.series import REPOSITORY, Series
from benchmark.judge.slo import by_endpoint, outcomes
from benchmark.record import Record
from benchmark.report import sentences
from benchmark.report.slo import lines_of
from benchmark.report.verdicts import NAMES, why_incomplete
from benchmark.store import Failure

FEED_NAME = "feed.atom"
LONGEST_FEED = 50
MOST_ENDPOINTS = 20
LONGEST_TITLE = 200
NAMESPACE = "http://www.w3.org/2005/Atom"
TAGS = "tag:bench.invalid,2026:"
"""Begins each id (RFC 4151). Of a name that is nobody's: an id must stay when the repository moves."""

EMPTY_SINCE = "1970-01-01T00:00:00Z"


@dataclass(frozen=True)
class Entry:
    """What happened at a moment (UTC). `id` is the same whenever it is rendered; `link` is seen from the feed."""

    at: str
    id: str
    title: str
    lines: tuple[str, ...]
    kind: str
    link: str = ""


def render_feed(
    records: Sequence[Record], failures: Sequence[Failure], judged: Judged, *, page: str = "report.md"
) -> str:
    """The newest LONGEST_FEED entries. `records`: those of this repository; `page`: of a run, what entries link to."""
    every = [*_runs(records, page), *_failures(failures), *_changes(judged, records, page), *_broken(records, page)]
    newest = sorted(every, key=lambda one: (one.at, one.id), reverse=True)[:LONGEST_FEED]
    home = next((one.environment.repository for one in records if one.environment.repository), "local")
    root = ET.Element("feed", xmlns=NAMESPACE)
    _add(root, "id", f"{TAGS}feed/{plain(home)}")
    _add(root, "title", f"Benchmarks of {plain(home.rpartition('/')[2])}" if home != "local" else "Benchmarks")
    _add(root, "updated", newest[0].at if newest else EMPTY_SINCE)
    _add(_add(root, "author"), "name", "bench")
    _add(root, "link", rel="self", href=FEED_NAME, type="application/atom+xml")
    _add(root, "link", rel="alternate", href="README.md" if page == "report.md" else page)
    for one in newest:
        entry = _add(root, "entry")
        _add(entry, "id", f"{TAGS}{one.id}")
        _add(entry, "title", one_line(one.title, LONGEST_TITLE))
        _add(entry, "updated", one.at)
        _add(entry, "category", term=one.kind)
        if one.link:
            _add(entry, "link", rel="alternate", href=one.link)
        _add(entry, "summary", "\n".join(one_line(line, LONGEST_MESSAGE // 4) for line in one.lines), type="text")
    ET.indent(root, space="")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _add(parent: ET.Element, name: str, text: str | None = None, **attributes: str) -> ET.Element:
    element = ET.SubElement(parent, name, attributes)
    element.text = text
    return element


def _linked(run: str, page: str) -> str:
    return f"runs/{run}/{page}"


def _runs(records: Sequence[Record], page: str) -> Iterator[Entry]:
    for record in records:
        lines = [sentences.headline(record, plain)]
        lines += [
            f"{plain(one.name)}: {figure(one.summary.throughput_rps)} req/s, p95 {latency(one.summary.p95_ms)}"
            for one in record.endpoints[:MOST_ENDPOINTS]
            if one.summary is not None
        ]
        incomplete = record.state != "complete"
        if incomplete:
            lines.insert(0, f"This run is incomplete: {why_incomplete(record) or 'no reason was recorded'}")
        what = f"{plain(record.profile.name)}: {lines[0]}"
        yield Entry(
            record.started_at,
            f"runs/{record.id}",
            what,
            (f"{when(record.started_at)}, {record.profile.load}", *lines),
            "incomplete" if incomplete else "run",
            _linked(record.id, page),
        )


def _failures(failures: Sequence[Failure]) -> Iterator[Entry]:
    for one in failures:
        lines = (one.reason, f"{when(one.at)}, {one.trigger}")
        yield Entry(one.at, f"failures/{one.id}", f"Failed: {one.reason}", lines, "failure", one.run_url or "")


def _changes(judged: Judged, records: Sequence[Record], page: str) -> Iterator[Entry]:
    """Regressions by the run that confirmed them, and their ends, of all metrics of an endpoint together."""
    known = {record.id: record.started_at for record in records}
    found: dict[tuple[str, str, str, str], list[str]] = {}
    for trend in judged.trends:
        if REPOSITORY not in trend.common:
            for run, kind, line in _turns(trend):
                found.setdefault((run, kind, trend.profile, trend.endpoint), []).append(line)
    for (run, kind, profile, endpoint), lines in found.items():
        if run in known:
            name = f"{plain(endpoint)} ({plain(profile)})"
            place = f"{kind}/{run}/{_key(profile, endpoint)}"
            yield Entry(known[run], place, f"{name} {kind}: {lines[0]}", tuple(lines), kind, _linked(run, page))


def _turns(trend: Series) -> Iterator[tuple[str, str, str]]:
    """The runs with which a metric regressed, or a regression ended, and the line about it."""
    name = NAMES.get(trend.metric.title, trend.metric.title)
    for before, now in pairwise(trend.verdicts):
        if now.open_since is not None and before.open_since is None:
            yield now.run, "regressed", f"{name} {now.line}"
        elif now.open_since is None and before.open_since is not None:
            kind = "recovered" if now.stage == "recovered" else "accepted"
            yield now.run, kind, f"{name} {now.line}"


def _broken(records: Sequence[Record], page: str) -> Iterator[Entry]:
    """Promises of benchmark.toml that a run broke, by endpoint."""
    for record in records:
        for group in by_endpoint([one for one in outcomes(record) if one.word == "broken"]):
            endpoint = group[0].promise.endpoint
            lines = tuple(lines_of(group, plain, strong=""))
            place = f"slo/{record.id}/{_key(record.profile.name, endpoint)}"
            yield Entry(record.started_at, place, f"SLO: {lines[0]}", lines, "slo-broken", _linked(record.id, page))


def _key(*parts: str) -> str:
    """A name from outside as a part of an id."""
    return sha256("\0".join(parts).encode()).hexdigest()[:16]
