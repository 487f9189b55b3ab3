"""Which pictures there are of a run, and their files: drawn when missing or out of date, removed when not wanted."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from altair.utils.schemapi import debug_mode

from benchmark.formatting import inert, plain
from benchmark.judge.history import Judged
from benchmark.judge.series import Series
from benchmark.record import Record
from benchmark.report.charts import latency, staged, sweep, throughput, timeline, trend
from benchmark.report.charts.svg import Drawing, fingerprint, to_svg
from benchmark.store import write_whole

DRAWING = 5
"""Raised whenever a picture of the same record would look different: then all are drawn again. A test says when."""

MOST_PROFILES = 3
MOST_SWEEPS = 3  # of the newest, in the index: every publication writes their pictures again
_MARK = b"<!-- drawn from "
_STAMP = re.compile(r"<!-- drawn from ([0-9a-f]{16}), ([0-9a-f]{16}) -->\n\Z")


@dataclass(frozen=True)
class Picture:
    """A picture that is worth drawing: its file, what it says in words, and how it is drawn.

    `said` takes what makes a name from outside fit for the place where the words go. `source`: what it is drawn from,
    beside what all pictures of its folder are.
    """

    file: str
    said: Callable[[Callable[[str], str]], str]
    draw: Callable[[], Drawing]
    source: str = ""
    title: str = ""

    def specification(self) -> dict[str, Any]:
        """Vega-Lite's words for it. Holding each part against their schema takes long, and a test does it."""
        with debug_mode(arg=False):
            return self.draw().specification()

    def svg(self) -> str:
        with debug_mode(arg=False):  # as above
            return to_svg(self.draw(), self.said(plain))

    def markdown(self, folder: str = "") -> str:
        """The picture with its words, as a line of Markdown. `folder` leads to its file and ends with "/"."""
        return f"![{self.said(inert)}]({folder}{self.file})"


def run_pictures(record: Record) -> dict[str, Picture]:
    """Those that would show nothing are left out."""
    drawn = {"throughput": throughput, "latency": latency, "stages": staged, "timeline": timeline}
    return {
        shows: Picture(f"{shows}.svg", partial(picture.said, record), partial(picture.draw, record))
        for shows, picture in drawn.items()
        if picture.shown(record)
    }


def trend_pictures(judged: Judged) -> dict[str, list[Picture]]:
    """Pictures of each metric over the runs, by profile, of the profiles that were measured last."""
    groups: dict[str, dict[str, list[Series]]] = {}
    for item in judged.trends:
        groups.setdefault(item.profile, {}).setdefault(item.metric.name, []).append(item)
    pictures = {
        profile: [_trend_picture(found) for trends in metrics.values() if (found := trend.shown(trends))]
        for profile, metrics in list(groups.items())[:MOST_PROFILES]
    }
    return {profile: several for profile, several in pictures.items() if several}


def _trend_picture(trends: list[Series]) -> Picture:
    profile, metric = trends[0].profile, trends[0].metric
    return Picture(
        f"trend-{fingerprint(profile)[:8]}-{metric.name}.svg",
        partial(trend.said, trends),
        partial(trend.draw, trends),
        source=repr([trend.source(item) for item in trends]),
        title=metric.title,
    )


def sweep_pictures(records: Sequence[Record]) -> list[Picture]:
    sweeps: dict[str, list[Record]] = {}
    for record in records:
        if record.sweep is not None:
            sweeps.setdefault(record.sweep, []).append(record)
    drawn = [
        Picture(
            f"sweep-{fingerprint(name)[:8]}.svg",
            partial(sweep.said, runs),
            partial(sweep.draw, runs),
            source=repr([sweep.source(curve) for curve in curves]),
        )
        for name, runs in sweeps.items()
        if (curves := sweep.curves(runs))
    ]
    return drawn[:MOST_SWEEPS]


def place(directory: Path, pictures: Sequence[Picture], source: bytes = b"") -> None:
    """Write the pictures into a directory and remove every other one of ours there. OSError: not possible.

    Files without our mark are somebody's own, and stay. `source` is what pictures are drawn from. Drawing takes far
    longer than all else, so a file that says it was drawn from just that, and was not changed since, stays.
    """
    wanted = {picture.file for picture in pictures}
    if pictures:
        directory.mkdir(parents=True, exist_ok=True)
    for path in sorted(directory.glob("*.svg")):
        if path.name not in wanted and is_ours(path):
            path.unlink()
    for picture in pictures:
        origin = fingerprint(str(DRAWING), picture.file, picture.source, source)
        path = directory / picture.file
        if not _is_current(path, origin):
            write_whole(path, _drawn(_Wanted(origin, picture)), lasting=False)


def is_ours(path: Path) -> bool:
    """Whether a file is a picture that was drawn here, changed since or not. A link is none."""
    return path.is_file() and not path.is_symlink() and _MARK in path.read_bytes()


@dataclass(frozen=True)
class _Wanted:
    """A picture, known by what it is drawn from."""

    origin: str
    picture: Picture = field(compare=False)


@lru_cache(maxsize=32)
def _drawn(wanted: _Wanted) -> str:
    """The whole file. Whoever publishes a run draws it to see that it can be drawn, and again for each try to push."""
    svg = wanted.picture.svg()
    return f"{svg}<!-- drawn from {wanted.origin}, {fingerprint(svg)} -->\n"


def _is_current(path: Path, origin: str) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    text = path.read_bytes().decode("utf-8", errors="replace")
    stamp = _STAMP.search(text)
    return stamp is not None and stamp.groups() == (origin, fingerprint(text[: stamp.start()]))
