"""Which changes the rule can see on a machine: what a self-test leaves, one JSON file next to the runs."""

from typing import Literal

from pydantic import Field, JsonValue

from benchmark.fields import Frozen
from benchmark.record import Cpu, Moment

WAITING = "waiting"
COMPUTING = "computing"


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
    ceiling: JsonValue = Field(default=None, exclude=True)  # both are of older self-tests, and shown nowhere
    crowds: JsonValue = Field(default=None, exclude=True)

    def visible_percent(self, endpoint: str, metric: str) -> float | None:
        """Below which change (percent) nothing is said of a metric; None when that could not be found out.

        At most 100 for req/s, of which no drop is larger.
        """
        found = (sight for sight in self.sights if (sight.endpoint, sight.metric) == (endpoint, metric))
        percent = next((sight.band_percent for sight in found), None)
        return percent if percent is None or metric != "req/s" else min(percent, 100.0)
