"""Load workers on other machines: what they are told, and how their responses come back without a shared disk.

Responses are counted by when they came (in milliseconds since the load began: clocks of two machines differ), how long
they took (a histogram that keeps four significant digits at every size, as HDR histograms do: off by 0.05 % at most)
and what was wrong with them.
"""

import csv
import hashlib
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import locust

from load.http_client import Response
from load.output import COLUMNS, REQUEST_COLUMNS
from load.spec import redact

VERSION, SPEC, LACKS, REFUSED = "bench-version", "bench-spec", "bench-lacks", "bench-refused"
"""A worker says what it runs, and is told what to request, which it may lack a variable for, or that it is refused."""

LONGEST_SILENCE_S = 15.0
"""A load process that was not heard for so long is given up; a worker of another machine gives up itself when it hears
nothing for so long. (One of this machine ends with the one that leads it, after Locust's own minute.)
"""


def versions() -> dict[str, str]:
    """What has to be equal on all machines: Locust, and the code that loads."""
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(file.read_bytes())
    return {"Locust": locust.__version__, "load code": digest.hexdigest()[:12]}


BINS_PER_S = 1000
DIGITS = 4

Answer = tuple[int, float, float | None, str, int]
"""Milliseconds since the start, latency (ms), how late an open load sent it (ms), error text, how many."""


def rounded_ms(latency_ms: float) -> float:
    """A latency with four significant digits."""
    return float(f"{latency_ms:.{DIGITS}g}")


class Answers:
    """Counts the answers of one process until they are told."""

    def __init__(self) -> None:
        self.start_s = time.monotonic()
        self.secrets: Sequence[str] = ()
        self.seconds: list[tuple[float, ...]] = []
        self._counts: Counter[tuple[int, float, float | None, str]] = Counter()

    def add(self, *, response_time: float, response: Response, exception: Any = None, **_: Any) -> None:
        """Count one: a listener of Locust's `request` event."""
        came = int((time.monotonic() - self.start_s) * BINS_PER_S)
        error = "" if exception is None else redact(str(exception), self.secrets)
        late_ms = None if response.due_s is None else rounded_ms(max(0.0, response.sent_s - response.due_s) * 1000)
        self._counts[came, rounded_ms(response_time), late_ms, error] += 1

    def told(self) -> dict[str, Any]:
        """Give what was counted since it was told last."""
        answers: list[Answer] = [(*key, count) for key, count in self._counts.items()]
        seconds, self.seconds = self.seconds, []
        self._counts.clear()
        return {"answers": answers, "seconds": [(second[0] - self.start_s, *second[1:]) for second in seconds]}


def rows(start_s: float, answer: Answer) -> Iterator[tuple[float | str, ...]]:
    """One row per answer, spread evenly over the millisecond in which they came; what else was seen is not told."""
    came, latency_ms, late_ms, error, count = answer
    for number in range(count):
        end_s = start_s + (came + (number + 0.5) / count) / BINS_PER_S
        sent_s = end_s - latency_ms / 1000
        due_s = "" if late_ms is None else round(sent_s - late_ms / 1000, 6)
        yield due_s, round(sent_s, 6), "", round(end_s, 6), "", "", "", "", error


class Files:
    """The rows of load workers, a requests-N.csv and a generator-N.csv each."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._files: dict[str, TextIOWrapper] = {}

    def write(self, worker: int, start_s: float, told: dict[str, Any]) -> None:
        """Append what a worker told. `start_s`: when the load began on this machine's clock."""
        found = [row for answer in told["answers"] for row in rows(start_s, answer)]
        self._append(f"requests-{worker}.csv", REQUEST_COLUMNS, found)
        seconds = [(round(start_s + second[0], 3), *second[1:]) for second in told["seconds"]]
        self._append(f"generator-{worker}.csv", COLUMNS, seconds)

    def close(self) -> None:
        """Write out what is buffered."""
        for file in self._files.values():
            file.close()
        self._files = {}

    def _append(self, name: str, columns: Sequence[str], rows: Iterable[Iterable[Any]]) -> None:
        if name not in self._files:
            path = self._directory / name
            new = not path.exists()
            self._files[name] = path.open("a", newline="", encoding="utf-8")
            if new:
                csv.writer(self._files[name]).writerow(columns)
        csv.writer(self._files[name]).writerows(rows)
