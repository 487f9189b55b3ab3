"""The published set-up, to compare with: a stock HttpUser and nothing around it but Locust's own request log."""

import os
from typing import Any

from locust import HttpUser, events, task
from locust.contrib.csv_request_logger import CsvRequestLogger
from locust.env import Environment

LOG_VARIABLE = "BENCH_STOCK_LOG"
PATH_VARIABLE = "BENCH_STOCK_PATH"


class StockUser(HttpUser):
    """Asks again the moment it is answered."""

    @task
    def ask(self) -> None:
        """Send one request."""
        self.client.get(os.environ[PATH_VARIABLE])


def log_requests(environment: Environment, **_: Any) -> None:
    """Write exact latencies; Locust's own percentiles are rounded to two digits."""
    CsvRequestLogger(os.environ[LOG_VARIABLE], flush_interval=1000).register(environment)


events.init.add_listener(log_requests)  # type: ignore[no-untyped-call]
