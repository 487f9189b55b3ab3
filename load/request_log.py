"""One row per answered request: requests.csv.

The columns are those of Locust's own request logger, and late_ms: how much later than it was due a request was sent, 0
where nothing was due.

Locust has a request logger of its own; this one costs the generator a quarter of it per request, which at the thousands
per second that one process can send is time that users would see as latency.
"""

import csv
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gevent
from locust.env import Environment

from load.answers import COLUMNS
from load.listen import listen
from load.request_spec import LATE_MS, without_secrets

ROWS_PER_WRITE = 200


class RequestLog:
    """Writes a row for each request, without secret values, and ends the test when it can not."""

    def __init__(self, environment: Environment, path: Path, secrets: Sequence[str]) -> None:
        self._environment = environment
        self._secrets = secrets
        self._names: dict[str, str] = {}
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
        start_time: float,
        response_time: float,
        response_length: int = 0,
        response: Any = None,
        exception: Any = None,
        context: Any = None,
        **_: Any,
    ) -> None:
        """Keep the row of one request."""
        late_ms = context[LATE_MS] if context and LATE_MS in context else 0.0
        status = getattr(response, "status_code", 0) or 0
        error = "" if exception is None else quoted(without_secrets(exception, self._secrets))
        what = self._names.get(name) or self._names.setdefault(name, quoted(name))
        self._lines.append(
            f"{start_time:.6f},{request_type},{what},{response_time:.2f},{response_length},{status},{error},{late_ms:.2f}\n"
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
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        """A load whose requests can not be written down is worth nothing: end it, once, and say why."""
        if self._environment.process_exit_code is None:
            self._environment.process_exit_code = os.EX_IOERR
            # Said at the very end: Locust prints its own tables before.
            listen(self._environment.events.quit, lambda **_: sys.stderr.write(f"requests.csv: {error}\n"))
            if self._environment.runner is not None:
                gevent.spawn(self._environment.runner.quit)


def quoted(text: str) -> str:
    """A text as a field of a CSV file."""
    field = io.StringIO()
    csv.writer(field, lineterminator="").writerow([text])
    return field.getvalue()
