"""What a load leaves behind: rows of requests.csv, window.json, and responses as they travel between machines. Pure."""

import csv
import io
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from load.arrivals import due_within
from load.caches import mostly_from_cache
from load.http_client import Response
from load.spec import LoadSpec, redact
from load.stream_client import StreamResponse

REQUEST_COLUMNS = (
    "due_s", "sent_s", "first_byte_s", "end_s", "request_type", "name", "response_length", "status_code", "exception",
)  # fmt: skip
"""Of requests.csv. Moments on the monotonic clock; `due_s`: of an open load."""

SECOND_COLUMNS = ("time_s", "users", "requests", "failures", "lag_ms", "rss_bytes", "cpu_percent")
"""Of generator.csv. `requests`, `failures`: so far; `lag_ms`: how late the event loop was; CPU: percent of one core."""

STREAM_COLUMNS = (
    "name", "end_s", "first_byte_ms", "first_event_ms", "last_event_ms", "events", "instants", "ended", "coding",
    "gaps",
)  # fmt: skip
"""Of streams.csv: a row for each response of an endpoint that streams; times (ms) from where its latency counts.

See stream_client.py; `ended`: "" also where the response was wrong; `gaps`: "99.87 100.2*3", so often.
"""


def stream_row(name: str, response: Response, *, is_right: bool) -> tuple[str | float, ...]:
    begun_s = response.sent_s if response.due_s is None else min(response.due_s, response.sent_s)
    first_byte_ms = "" if response.first_byte_s is None else _ms(response.first_byte_s - begun_s)
    if not isinstance(response, StreamResponse) or response.first_event_s is None:  # as where a login failed
        return name, round(response.end_s, 6), first_byte_ms, "", "", 0, 0, "", "", ""
    gaps = " ".join(f"{gap:g}" if times == 1 else f"{gap:g}*{times}" for gap, times in response.gaps.items())
    return (
        name,
        round(response.end_s, 6),
        first_byte_ms,
        _ms(response.first_event_s - begun_s),
        _ms(response.last_event_s - begun_s),
        response.events,
        response.instants,
        response.ended if is_right else "",
        response.coding,
        gaps,
    )


def _ms(length_s: float) -> float:
    return round(length_s * 1000, 3)


def quoted(text: str) -> str:
    field = io.StringIO()
    csv.writer(field, lineterminator="\n").writerow([text])  # without one, a line break would not be quoted
    return field.getvalue()[:-1]


COUNTED = (
    "logins",
    "renewals",
    "failed_logins",
    "begun",
    "thoughts",
    "thought_s",
    "written",
    "reconnected",
    "closed",
    "withheld",
    "generator_cpu_s",
    "repeated",
    "cut_off",
)
"""What is added up over all processes."""


def window(
    spec: LoadSpec, start_s: float, spawned_s: float | None, stop_s: float, parts: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """The window of a load, from the parts of all processes whose users sent it. Moments: monotonic clock (s)."""
    users = sum(part["users_spawned"] for part in parts)
    answered = _joined(parts, "first_answers_s")
    return {
        "start_s": start_s,
        "spawned_s": spawned_s,
        "all_answered_s": max(answered, default=None) if answered is not None and len(answered) == users else None,
        "stop_s": stop_s,
        "users_spawned": users,
        "users_answered": None if answered is None else len(answered),
        "first_answers_s": answered,
        "waiting_since_s": _joined(parts, "waiting_since_s"),
        "waiting_for": _joined(parts, "waiting_for"),
        "requests": sum(part["requests"] for part in parts),
        **{key: _sum(parts, key) for key in COUNTED},
        "from_cache": mostly_from_cache(part["from_cache"] for part in parts),
        "garbage_collection_on": any(part["garbage_collection_on"] for part in parts),
        **_of_a_rate(spec, stop_s, parts),
    }


def _of_a_rate(spec: LoadSpec, stop_s: float, parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of an open load: since when requests were due, how many were until the end, and how many of those were sent.

    All of them count as due once the first process had begun, also those of a process that never did.
    """
    opened_s = min((part["opened_s"] for part in parts if part["opened_s"] is not None), default=None)
    if spec.rate_per_s is None or opened_s is None:
        return {"opened_s": None, "due": None, "sent": None}
    due = due_within(spec.rate_per_s, spec.arrivals, spec.seed, stop_s - opened_s, spec.stages)
    return {"opened_s": opened_s, "due": due, "sent": min(due, sum(part["sent"] for part in parts))}


def _sum(parts: Sequence[dict[str, Any]], key: str) -> float | None:
    """None: of one of them it is not known."""
    counts = [part[key] for part in parts]
    return None if None in counts else sum(counts)


def _joined(parts: Sequence[dict[str, Any]], key: str) -> list[Any] | None:
    lists = [part[key] for part in parts]
    return None if None in lists else [moment for moments in lists for moment in moments]


def by_our_clock(part: dict[str, Any], start_s: float) -> dict[str, Any]:
    """Moments of another machine as if its load had started with ours: clocks of two machines differ."""
    ahead_s = part["start_s"] - start_s
    moved = {
        key: None if part[key] is None else [moment - ahead_s for moment in part[key]]
        for key in ("first_answers_s", "waiting_since_s")
    }
    opened_s = None if part["opened_s"] is None else part["opened_s"] - ahead_s
    return part | moved | {"opened_s": opened_s}


BINS_PER_S = 1000
DIGITS = 4

Answer = tuple[int, float, float | None, str, str, int]
"""Milliseconds since the start, latency (ms), how late an open load sent it (ms), error text, name, how many."""


def rounded_ms(latency_ms: float) -> float:
    return float(f"{latency_ms:.{DIGITS}g}")


class Answers:
    """Counts the responses of one process until they are told, as they travel to the master without a shared disk.

    They are counted by when they came (in milliseconds since the load began: clocks of two machines differ), how long
    they took (a histogram that keeps four significant digits at every size, as HDR histograms do: off by 0.05 % at
    most) and what was wrong with them.
    """

    def __init__(self) -> None:
        self.start_s = time.monotonic()
        self.secrets: Sequence[str] = ()
        self.seconds: list[tuple[float, ...]] = []
        self.streaming: set[str] = set()
        self._streams: list[tuple[str | float, ...]] = []
        self._counts: Counter[tuple[int, float, float | None, str, str]] = Counter()

    def add(self, *, name: str, response_time: float, response: Response, exception: Any = None, **_: Any) -> None:
        came = int((time.monotonic() - self.start_s) * BINS_PER_S)
        error = "" if exception is None else redact(str(exception), self.secrets)
        late_ms = None if response.due_s is None else rounded_ms(max(0.0, response.sent_s - response.due_s) * 1000)
        self._counts[came, rounded_ms(response_time), late_ms, error, name] += 1
        if name in self.streaming:
            what, end_s, *rest = stream_row(name, response, is_right=exception is None)
            self._streams.append((what, float(end_s) - self.start_s, *rest))

    def told(self) -> dict[str, Any]:
        answers: list[Answer] = [(*key, count) for key, count in self._counts.items()]
        seconds, self.seconds = self.seconds, []
        self._counts.clear()
        streams, self._streams = self._streams, []
        seconds = [(second[0] - self.start_s, *second[1:]) for second in seconds]
        return {"answers": answers, "seconds": seconds, **({"streams": streams} if streams else {})}


def rows(start_s: float, answer: Answer) -> Iterator[tuple[float | str, ...]]:
    """One row per answer, spread evenly over the millisecond in which they came; what else was seen is not told."""
    came, latency_ms, late_ms, error, name, count = answer
    for number in range(count):
        end_s = start_s + (came + (number + 0.5) / count) / BINS_PER_S
        sent_s = end_s - latency_ms / 1000
        due_s = "" if late_ms is None else round(sent_s - late_ms / 1000, 6)
        yield due_s, round(sent_s, 6), "", round(end_s, 6), "", name, "", "", error
