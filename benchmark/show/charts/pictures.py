"""Which pictures there are of a run, and their files: drawn when missing or out of date, removed when not wanted."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.record import Record
from benchmark.show import sentences
from benchmark.show.charts import latency, throughput, timeline
from benchmark.show.charts.svg import Drawing, fingerprint, to_svg
from benchmark.show.text import inert, plain

DRAWING = 1
"""Raised whenever a picture of the same record would look different: then all are drawn again. A test says when."""

_STAMP = re.compile(r"<!-- drawn from ([0-9a-f]{16}), ([0-9a-f]{16}) -->\n\Z")


@dataclass(frozen=True)
class Picture:
    """A picture that is worth drawing: its file, what it says in words, and how it is drawn.

    `said` takes what makes a name from outside fit for the place where the words go.
    """

    file: str
    said: Callable[[Callable[[str], str]], str]
    draw: Callable[[], Drawing]

    def markdown(self, folder: str = "") -> str:
        """The picture with its words, as a line of Markdown. `folder` leads to its file and ends with "/"."""
        return f"![{self.said(inert)}]({folder}{self.file})"


def run_pictures(record: Record) -> dict[str, Picture]:
    """The pictures of one run by what they show; those that would show nothing are left out."""
    found = {}
    if throughput.bars(record):
        found["throughput"] = Picture(
            "throughput.svg",
            lambda named: f"{sentences.headline(record, named)} {throughput.said(record, named)}",
            lambda: throughput.draw(record),
        )
    if latency.shown(record):
        found["latency"] = Picture(
            "latency.svg", lambda named: latency.said(record, named), lambda: latency.draw(record)
        )
    if timeline.shown(record):
        found["timeline"] = Picture(
            "timeline.svg", lambda named: timeline.said(record, named), lambda: timeline.draw(record)
        )
    return found


def place(directory: Path, pictures: Sequence[Picture], source: bytes) -> None:
    """Write the pictures into a directory and remove every other one there. OSError: not possible.

    `source` is what they are drawn from. Drawing takes far longer than all else, so a file that says it was drawn from
    just that, and was not changed since, stays.
    """
    wanted = {picture.file for picture in pictures}
    for path in sorted(directory.glob("*.svg")):
        if path.name not in wanted:
            path.unlink()
    for picture in pictures:
        origin = fingerprint(str(DRAWING), picture.file, source)
        path = directory / picture.file
        if not _is_current(path, origin):
            svg = to_svg(picture.draw(), picture.said(plain))
            path.write_text(f"{svg}<!-- drawn from {origin}, {fingerprint(svg)} -->\n", encoding="utf-8")


def _is_current(path: Path, origin: str) -> bool:
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, UnicodeDecodeError):
        return False
    stamp = _STAMP.search(text)
    return stamp is not None and stamp.groups() == (origin, fingerprint(text[: stamp.start()]))
