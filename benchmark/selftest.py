"""What a self-test leaves: what the rule can see on this machine, kept beside the runs that it says something about.

Its endpoints are in `measure/selftest_app.py`; what is known of them beforehand stands here.
"""

import json
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from benchmark.environment import Cpu
from benchmark.errors import InvalidRunError, UnwritableRunError
from benchmark.files import write_whole
from benchmark.model import Frozen
from benchmark.record import Moment

FILE_NAME = "selftest.json"

DELAY_VARIABLE = "BENCH_SELFTEST_DELAY_MS"
"""How much longer the waiting endpoint takes (ms)."""

WAITING = "waiting"
WAITING_S = 0.05
COMPUTING = "computing"
CROWD_S = 1.0
"""How long the endpoint that a crowd asks for waits."""


class Sight(Frozen):
    """What was said of one metric of one endpoint in runs between which nothing was changed.

    Of `runs` runs `judged` could be judged, `beyond` were beyond the noise band, `announced` were called a change.
    `level` and `band`, a half width, are in `unit`; None: too few runs could be used, `reason` says why one could not.
    """

    endpoint: str
    metric: str
    unit: str
    runs: int
    judged: int
    beyond: int
    announced: int
    level: float | None
    band: float | None
    band_percent: float | None
    reason: str | None = None


class Delay(Frozen):
    """How much slower the waiting endpoint was made: as it was asked for, and in ms."""

    label: str
    delay_ms: float


class Injection(Frozen):
    """What was said of the runs with a delay: metrics that confirmed it, metrics that only suspected it.

    `elsewhere`: metrics of other endpoints that alarmed, though nothing was changed there. `reason`: why nothing of
    the waiting endpoint could be judged.
    """

    delay: Delay
    found_by: tuple[str, ...]
    suspected_by: tuple[str, ...]
    elsewhere: tuple[str, ...]
    reason: str | None = None


class Ceiling(Frozen):
    """Most that one load generator process got out of a bare answer. CPU in percent of one core."""

    users: int
    throughput_rps: float | None
    generator_cpu_percent: float | None
    worker_cpu_percent: tuple[float, ...] | None


class Crowd(Frozen):
    """What is added to an answer of CROWD_S when so many users wait for one. `doubt`: why not to believe it.

    All None: it could not be measured, `doubt` says why.
    """

    users: int
    mean_ms: float | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None
    doubt: str | None = None


class SelfTest(Frozen):
    """One self-test. `round_s`: how long each round of the waiting and the computing endpoint was loaded by `users`."""

    schema_version: Literal[1] = 1
    at: Moment
    cpu: Cpu
    python: str
    workers: int
    users: int
    round_s: float
    sights: tuple[Sight, ...]
    injections: tuple[Injection, ...]
    ceiling: Ceiling | None
    crowds: tuple[Crowd, ...]

    def visible_percent(self, endpoint: str, metric: str) -> float | None:
        """Below which change (percent) nothing is said of a metric; None when that could not be found out.

        At most 100 for req/s, of which no drop is larger.
        """
        found = (sight for sight in self.sights if (sight.endpoint, sight.metric) == (endpoint, metric))
        percent = next((sight.band_percent for sight in found), None)
        return percent if percent is None or metric != "req/s" else min(percent, 100.0)


def selftest_to_json(found: SelfTest) -> str:
    """Serialise a self-test: keys in their order."""
    return json.dumps(found.model_dump(mode="json"), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def write_selftest(found: SelfTest, reports: Path) -> Path:
    """Keep a self-test in the reports directory, in place of the one before."""
    path = reports / FILE_NAME
    try:
        write_whole(path, selftest_to_json(found))
    except OSError as error:
        message = f"{path} can not be written: {error.strerror or error}; what was found: --json prints it"
        raise UnwritableRunError(message) from None
    return path


def read_selftest(reports: Path) -> SelfTest | None:
    """Read the self-test of a reports directory; None when there is none. InvalidRunError says what to do."""
    path = reports / FILE_NAME
    if path.is_symlink():
        raise InvalidRunError(f"{path} is a link, which is not followed; put the file itself there")
    try:
        return SelfTest.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        problem = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        message = f"{path} is not a self-test: {' '.join(problem.split())}; delete it, or `bench selftest --keep`"
        raise InvalidRunError(message) from None
