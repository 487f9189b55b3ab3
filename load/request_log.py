"""One row per answered request: requests.csv.

The columns are those of Locust's own request logger, but for `sent_s`, which is on the monotonic clock; and late_ms:
how much later than it was due a request was sent, 0 where nothing was due; and first_byte_ms, where it is known.

Locust has a request logger of its own; this one costs the generator a quarter of it per request, which at the thousands
per second that one process can send is time that users would see as latency.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from locust.env import Environment

from load.answers import COLUMNS, quoted
from load.http_client import Response
from load.listen import listen
from load.request_spec import LATE_MS, without_secrets
from load.unwritable import end_unwritable

ROWS_PER_WRITE = 200


class RequestLog:
    """Writes a row for each request, without secret values, and ends the test when it cannot."""

    def __init__(self, environment: Environment, path: Path, secrets: Sequence[str]) -> None:
        self._environment = environment
        self._secrets = secrets
        self._quoted: dict[str, str] = {}
        self._file = path.open("w", encoding="utf-8")
        self._lines = [",".join(COLUMNS) + "\n"]
        self._write()
        listen(environment.events.request, self.on_request)
        listen(environment.events.quitting, self.close)

    def on_request(
        self,
        *,
        request_type: str,
        name: str,
        response_time: float | None = None,
        response_length: int = 0,
        response: Any = None,
        exception: Any = None,
        context: Any = None,
        **_: Any,
    ) -> None:
        """Keep the row of one request. A locustfile of a user's own may say less of it than our clients do."""
        took_ms = response_time or 0.0
        first_byte = ""
        if isinstance(response, Response):
            sent_s = response.sent_s
            if response.first_byte_s is not None:
                first_byte = f"{(response.first_byte_s - sent_s) * 1000:.3f}"
        else:
            sent_s = time.monotonic() - took_ms / 1000
        late_ms = context[LATE_MS] if context and LATE_MS in context else 0.0
        status = getattr(response, "status_code", 0) or 0
        error = "" if exception is None else quoted(without_secrets(exception, self._secrets))
        kind = self._quoted.get(request_type) or self._quoted.setdefault(request_type, quoted(request_type))
        what = self._quoted.get(name) or self._quoted.setdefault(name, quoted(name))
        self._lines.append(
            f"{sent_s:.6f},{kind},{what},{took_ms:.3f},{response_length or 0},{status},{error},"
            f"{late_ms:.3f},{first_byte}\n"
        )
        if len(self._lines) >= ROWS_PER_WRITE:
            self._write()

    def close(self, **_: Any) -> None:
        """Write the rest."""
        self._write()
        self._file.close()

    def _write(self) -> None:
        lines, self._lines = self._lines, []
        if self._file.closed:
            return
        try:
            self._file.writelines(lines)
            self._file.flush()
        except OSError as error:
            end_unwritable(self._environment, f"requests.csv: {error}")
