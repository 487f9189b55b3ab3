"""Stock Locust, to compare with: one of its own users, and nothing around it but Locust's own request log, if asked."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from locust import FastHttpUser, HttpUser, events, task
from locust.contrib.csv_request_logger import CsvRequestLogger
from locust.env import Environment

sys.path.pop(0)

LOG_VARIABLE = "BENCH_STOCK_LOG"
PATH_VARIABLE = "BENCH_STOCK_PATH"
CLIENT_VARIABLE = "BENCH_STOCK_CLIENT"


class StockUser(FastHttpUser if os.environ.get(CLIENT_VARIABLE) == "fast" else HttpUser):  # type: ignore[misc]
    """Asks again the moment it is answered."""

    network_timeout = connection_timeout = 600.0

    @task
    def ask(self) -> None:
        """Send one request."""
        self.client.get(os.environ[PATH_VARIABLE])


def log_requests(environment: Environment, **_: object) -> None:
    """Write exact latencies; Locust's own percentiles are rounded to two digits."""
    if LOG_VARIABLE in os.environ:
        CsvRequestLogger(os.environ[LOG_VARIABLE], flush_interval=1000).register(environment)


events.init.add_listener(log_requests)
