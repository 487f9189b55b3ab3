"""The answers that a load worker of another machine got, as they travel to the one that leads.

They are counted by when they came (in milliseconds since the load began: clocks of two machines differ), how long they
took (a histogram that keeps four significant digits at every size, as HDR histograms do: off by 0.05 % at most) and
what was wrong with them.
"""

import csv
import io
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from load.http_client import Response
from load.spec import without_secrets

BINS_PER_S = 1000
DIGITS = 4

Answer = tuple[int, float, float | None, str, int]
"""Milliseconds since the start, latency (ms), how late an open load sent it (ms), error text, how many."""

REQUEST_COLUMNS = (
    "due_s", "sent_s", "first_byte_s", "end_s", "request_type", "name", "response_length", "status_code", "exception",
)  # fmt: skip
"""Of requests.csv. Moments on the monotonic clock; `due_s`: of an open load."""


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
        error = "" if exception is None else without_secrets(exception, self.secrets)
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


def quoted(text: str) -> str:
    """A text as a field of a CSV file."""
    field = io.StringIO()
    csv.writer(field, lineterminator="\n").writerow([text])  # without one, a line break would not be quoted
    return field.getvalue()[:-1]
