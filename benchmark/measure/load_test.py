"""Locust, headless, as a child process: what it is told, how far it is, and what it wrote."""

import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.errors import InvalidRunError, UnwritableRunError
from benchmark.measure.process import Child, redact, wait_for_exit
from benchmark.plan import Endpoint, Plan, Profile, own_locustfile

SPEC_VARIABLE = "BENCH_LOAD_SPEC"
ROOT = Path(__file__).resolve().parents[2]
"""Where `load` lies: in the checkout, or where this repository was installed."""

EXIT_TIMEOUT_S = 60.0
MOST_ERROR_LENGTH = 200


@dataclass(frozen=True)
class Progress:
    """How far a load is: users running, answers and failures so far."""

    users: int = 0
    requests: int = 0
    failures: int = 0


@dataclass(frozen=True)
class Window:
    """When the load ran, on the clock (s since 1970), and what it left unanswered. None: not known."""

    start_s: float
    spawned_s: float | None
    all_answered_s: float | None
    stop_s: float
    users_spawned: int
    users_answered: int | None
    waiting_since_s: list[float] | None
    requests: int
    garbage_collection_on: bool
    first_answers_s: list[float] | None = None


def request_spec(endpoint: Endpoint) -> dict[str, Any]:
    """Describe a request the way `load` reads it. Headers keep their $NAMES."""
    return {
        "name": endpoint.name,
        "method": endpoint.method,
        "path": endpoint.path,
        "headers": endpoint.headers,
        "json": endpoint.json_body,
        "body": endpoint.body,
        **endpoint.expect.model_dump(),
    }


def module_file(name: str) -> str:
    """File of a module of this repository.

    It is not imported, since that would import Locust, and not searched for, since the folder that is measured in
    may hold a module of the same name.
    """
    return str(ROOT.joinpath(*name.split(".")).with_suffix(".py"))


def load_environment() -> dict[str, str]:
    """Environment of the processes that send requests.

    `load` has to be ours, whatever lies in the folder they run in, and no LOCUST_ variable may change the load.
    """
    own = {name: value for name, value in os.environ.items() if not name.startswith("LOCUST_")}
    paths = [str(ROOT), *([own["PYTHONPATH"]] if own.get("PYTHONPATH") else [])]
    return own | {"PYTHONSAFEPATH": "1", "PYTHONPATH": os.pathsep.join(paths)}


@dataclass(frozen=True)
class Ladder:
    """A load that climbs (see load.ladder): at most so many users and seconds.

    From `enough_users` on it may end when more users bring no more answers.
    """

    most_users: int
    enough_users: int
    budget_s: float


def generator_command(profile: Profile | None, base_url: str, locustfiles: list[str]) -> list[str]:
    """Command line of the load generator. A failed request is a result here, not a failed command.

    Without a profile the locustfile itself says how many users there are, and when it is over.
    """
    load = (
        ()
        if profile is None
        else (
            *("--users", str(profile.users), "--spawn-rate", f"{profile.spawn_rate_per_s:g}"),
            *("--run-time", f"{profile.duration_s:g}s"),
        )
    )
    return [
        *("-m", "locust", "-f", ",".join(locustfiles), "--headless", "--only-summary", "--host", base_url),
        *(*load, "--stop-timeout", "0", "--exit-code-on-error", "0"),
    ]


class LoadTest:
    """One Locust process that loads one endpoint and writes into one directory."""

    def __init__(
        self,
        plan: Plan,
        endpoint: Endpoint,
        base_url: str,
        spread_s: float,
        *,
        directory: Path,
        home: Path,
        ladder: Ladder | None = None,
    ) -> None:
        self.directory = directory
        self._secrets = plan.secrets()
        own = own_locustfile(endpoint, home)
        locustfiles = [module_file("load.locustfile"), *([str(own)] if own else [])]
        spec = {
            "base_url": base_url,
            "output_directory": str(directory.resolve()),
            "request": None if own else request_spec(endpoint),
            "client": plan.profile.client,
            "timeout_s": plan.profile.timeout_s,
            "wait_s": plan.profile.wait_s,
            "users": plan.profile.users,
            "start": plan.profile.start,
            "spread_s": spread_s,
            "ladder": asdict(ladder) if ladder else {},
            "secret_variables": plan.secret_variables(),
        }
        spec_file = directory / "load.json"
        spec_file.write_text(json.dumps(spec))
        self.child = Child(
            [sys.executable, *generator_command(None if ladder else plan.profile, base_url, locustfiles)],
            log=directory / "locust.log",
            directory=home,
            environment=load_environment() | {SPEC_VARIABLE: str(spec_file.resolve())},
            secrets=self._secrets,
        )
        self._read_to = 0
        self._last = Progress()

    def progress(self) -> Progress:
        """Read the newest complete line that the generator wrote about itself."""
        file = self.directory / "generator.csv"
        if file.exists():
            lines = file.read_text().split("\n")[1:-1]
            if lines:
                _time, users, requests, failures, *_rest = lines[-1].split(",")
                self._last = Progress(int(users), int(requests), int(failures))
        return self._last

    def require_success(self) -> None:
        """Wait for the end. InvalidRunError if Locust was killed, failed, or could not write down all it did."""
        code = wait_for_exit(self.child, EXIT_TIMEOUT_S)
        if code == os.EX_IOERR:
            message = "what was measured could not be written; free some space, or name another --out; last lines:\n"
            raise UnwritableRunError(message + self.child.tail())
        if code != 0:
            state = "did not end" if code is None else f"ended with exit code {code}"
            message = f"the load generator {state}; its last lines:\n{self.child.tail()}"
            raise InvalidRunError(message)
        if self.child.log_error is not None:
            message = f"the output of the load generator could not be kept: {self.child.log_error}"
            raise InvalidRunError(message)

    def read(self) -> tuple[Window, pd.DataFrame]:
        """Read the window and the request rows (see benchmark.summary). InvalidRunError if rows were lost."""
        try:
            window = Window(**json.loads((self.directory / "window.json").read_text()))
            raw = pd.read_csv(
                self.directory / "requests.csv",
                dtype={"exception": "string"},
                keep_default_na=False,
                usecols=["timestamp", "response_time_ms", "exception"],
            )
        except (OSError, ValueError, TypeError) as error:
            message = f"what the load generator wrote can not be read: {error}"
            raise InvalidRunError(message) from None
        if len(raw) != window.requests:
            message = (
                f"the request log has {len(raw)} rows, Locust counted {window.requests} requests; "
                "does a locust.conf, or [tool.locust] in a pyproject.toml, tell Locust to run otherwise?"
            )
            raise InvalidRunError(message)
        return window, self._rows(raw, window.start_s)

    def _rows(self, raw: pd.DataFrame, start_s: float) -> pd.DataFrame:
        latency_ms = pd.to_numeric(raw["response_time_ms"])
        errors = raw["exception"].map(lambda text: " ".join(redact(text, self._secrets).split())[:MOST_ERROR_LENGTH])
        end_s = raw["timestamp"] - start_s + latency_ms / 1000
        return pd.DataFrame({"end_s": end_s, "latency_ms": latency_ms, "error": errors.astype(str)})
