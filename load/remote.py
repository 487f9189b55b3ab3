"""Load workers on other machines: what they are told, and how their answers come back without a shared disk.

A worker counts its answers by when they came (in milliseconds since it began: clocks of two machines differ), how
long they took (a histogram that keeps four significant digits at every size, as HDR histograms do: off by 0.05 % at
most) and what was wrong with them. The counts travel inside Locust's own reports, and the leader writes them down as
the rows that a load process of its own machine would have written: everything after that is the same.
"""

import csv
import hashlib
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import locust
from locust.contrib.csv_request_logger import CSV_COLUMNS

from load.request_log import LATE_MS, without_secrets
from load.seconds import COLUMNS, Second

VERSION, SPEC, LACKS, REFUSED = "bench-version", "bench-spec", "bench-lacks", "bench-refused"
"""A worker says what it runs, and is told what to request, which it may lack a variable for, or that it is refused."""

LONGEST_SILENCE_S = 15.0
"""A load process that was not heard for so long is given up, and gives up itself when it hears nothing for so long."""

BINS_PER_S = 1000
DIGITS = 4

Answer = tuple[int, float, float, str, int]
"""Milliseconds since the start, latency (ms), how late it was sent (ms), error text, how many."""


def versions() -> dict[str, str]:
    """What has to be equal on all machines: Locust, and the code that loads."""
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(file.read_bytes())
    return {"Locust": locust.__version__, "load code": digest.hexdigest()[:12]}


def rounded_ms(latency_ms: float) -> float:
    """A latency with four significant digits."""
    return float(f"{latency_ms:.{DIGITS}g}")


class Answers:
    """Counts the answers of one process until they are told."""

    def __init__(self) -> None:
        self.start_s = time.time()
        self.secrets: Sequence[str] = ()
        self.seconds: list[Second] = []
        self._counts: Counter[tuple[int, float, float, str]] = Counter()

    def add(self, *, response_time: float, exception: Any = None, context: Any = None, **_: Any) -> None:
        """Count one: a listener of Locust's `request` event."""
        came = int((time.time() - self.start_s) * BINS_PER_S)
        error = "" if exception is None else str(without_secrets(exception, self.secrets))
        late_ms = (context or {}).get(LATE_MS, 0.0)
        self._counts[came, rounded_ms(response_time), rounded_ms(late_ms), error] += 1

    def told(self) -> dict[str, Any]:
        """Give what was counted since it was told last."""
        answers: list[Answer] = [(*key, count) for key, count in self._counts.items()]
        seconds, self.seconds = self.seconds, []
        self._counts.clear()
        return {"answers": answers, "seconds": [(second[0] - self.start_s, *second[1:]) for second in seconds]}


class Files:
    """The rows of load workers, a requests-N.csv and a generator-N.csv each."""

    def __init__(self, directory: Path, *, open_load: bool = False) -> None:
        self._directory = directory
        self._open_load = open_load
        self._files: dict[str, TextIOWrapper] = {}

    def write(self, worker: int, start_s: float, told: dict[str, Any]) -> None:
        """Append what a worker told. `start_s`: when the load began on this machine's clock."""
        rows = [row for answer in told["answers"] for row in _rows(start_s, answer)]
        self._append(f"requests-{worker}.csv", CSV_COLUMNS, rows)
        if self._open_load:
            lines = [(f"{late_ms:.2f}",) for _, _, late_ms, _, count in told["answers"] for _ in range(count)]
            self._append(f"late-{worker}.csv", (), lines)
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
            if new and columns:
                csv.writer(self._files[name]).writerow(columns)
        csv.writer(self._files[name]).writerows(rows)


def _rows(start_s: float, answer: Answer) -> Iterable[tuple[Any, ...]]:
    """One row per answer, spread evenly over the millisecond in which they came."""
    came, latency_ms, _, error, count = answer
    for number in range(count):
        end_s = start_s + (came + (number + 0.5) / count) / BINS_PER_S
        yield (round(end_s - latency_ms / 1000, 6), "", "", latency_ms, "", "", error)
