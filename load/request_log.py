"""One row per answered request, by Locust's own request logger: requests.csv.

Of an open load late.csv says, row by row, how much later than it was due each request was sent (ms).
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

import gevent
from locust.contrib.csv_request_logger import CsvRequestLogger
from locust.env import Environment

from load.listen import listen
from load.request_spec import LATE_MS, without_secrets

ROWS_PER_FLUSH = 200


class RequestLog(CsvRequestLogger):
    """Locust's request log, with secret values struck out of the error texts, that ends the test when it is stuck."""

    def __init__(self, environment: Environment, path: Path, secrets: Sequence[str], late: Path | None = None) -> None:
        super().__init__(str(path), flush_interval=ROWS_PER_FLUSH)
        self._late_path = late
        self._late: TextIO | None = None
        self._environment = environment
        self._secrets = secrets
        self.register(environment)

    def _on_request(self, *, exception: Any = None, **request: Any) -> None:
        try:
            super()._on_request(exception=without_secrets(exception, self._secrets), **request)
            if self._late is not None and not self._late.closed:
                self._late.write(f"{(request.get('context') or {}).get(LATE_MS, 0.0):.2f}\n")
        except OSError as error:
            self._give_up(error)

    def _open(self) -> None:
        super()._open()
        if self._late_path is not None:
            self._late = self._late_path.open("w", encoding="ascii")

    def close(self) -> None:
        """Write out what is buffered."""
        super().close()
        if self._late is not None:
            self._late.close()

    def _give_up(self, error: OSError) -> None:
        """A load whose requests can not be written down is worth nothing: end it, once, and say why."""
        if self._environment.process_exit_code is None:
            self._environment.process_exit_code = os.EX_IOERR
            # Said at the very end: Locust prints its own tables before.
            listen(self._environment.events.quit, lambda **_: sys.stderr.write(f"requests.csv: {error}\n"))
            if self._environment.runner is not None:
                gevent.spawn(self._environment.runner.quit)
