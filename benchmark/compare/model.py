"""What a comparison leaves behind: two sides and what differs between them.

One JSON file, checked when it is read: it may come from a stranger's pull request.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from benchmark.errors import InvalidRunError, UsageError
from benchmark.fields import Frozen, Line, Sample, Whole
from benchmark.plan import Plan
from benchmark.record import Columns, Cpu, Moment
from benchmark.slo import Evidence
from benchmark.store import load

SideName = Literal["base", "head"]
SIDES: tuple[SideName, SideName] = ("base", "head")

Word = Literal["unchanged", "improved", "regressed", "inconclusive"]


class Side(Frozen):
    """One of the two that are compared: a commit, and the packages that serve it."""

    ref: Line
    commit: Annotated[str, Field(pattern=r"^[0-9a-f]{40}([0-9a-f]{24})?$")]
    extra_requirements: tuple[Line, ...]
    python: Line
    packages: dict[str, str]


class Turn(Columns):
    """One side of one endpoint under load for a moment; `part`: those requests of a mix that have this name.

    `number` counts the passes over all endpoints, `position` the turns of its endpoint in that pass, both from 0.
    `waiting_ratio`: the part of the time that users waited for an answer, or rested as they were told; what is missing
    was spent inside the load generator, `pause_ms` of it between a response and the next request. What a request costs
    it, `generator_cpu_us_per_request`, is no delay (judge/model_fit.py). Older comparisons know neither.
    """

    number: Whole
    endpoint: str
    side: SideName
    position: Whole
    waiting_ratio: Sample
    pause_ms: Sample | None = None
    generator_cpu_us_per_request: Sample | None = None
    part: Annotated[str, Field(max_length=200)] | None = Field(default=None, exclude_if=lambda value: value is None)


ComparedMetric = Literal["throughput_rps", "median_ms", "p95_ms", "failure_ratio"]


class Difference(Frozen):
    """What is said about one metric of one endpoint.

    `base` and `head` are medians over the turns, in the unit of the metric. The change is in percent of base (for the
    failure ratio: in percent of the requests), `low_percent` to `high_percent` its confidence interval; all are None
    when they cannot be told. `change_ms` is the same change for a latency.
    """

    endpoint: str
    metric: ComparedMetric
    verdict: Word
    reason: str | None
    base: Sample | None
    head: Sample | None
    change_percent: Sample | None = None
    low_percent: Sample | None = None
    high_percent: Sample | None = None
    change_ms: Sample | None = None


class Comparison(Frozen):
    """One comparison. `smallest_effect_percent` and `error_rate` (of the whole table) are the rule it was judged by.

    `lost`: what broke in rounds of which nothing was kept, one line each. `promised`: evidence of head on the plan's
    promises, by endpoint; `promised_before`: of base.
    """

    schema_version: Literal[1] = 1
    started_at: Moment
    finished_at: Moment
    command: Line
    plan: Plan
    base: Side
    head: Side
    cpu: Cpu
    smallest_effect_percent: float = Field(gt=0, le=100)
    error_rate: float = Field(gt=0, lt=1)
    differences: tuple[Difference, ...]
    turns: tuple[Turn, ...]
    lost: tuple[Line, ...] = ()
    promised: dict[str, tuple[Evidence, ...]] = Field(default_factory=dict, exclude_if=lambda value: not value)
    promised_before: dict[str, tuple[Evidence, ...]] = Field(default_factory=dict, exclude_if=lambda value: not value)


FILE_NAME = "compare.json"
LARGEST_BYTES = 20 * 2**20


def read_comparison(path: Path) -> Comparison:
    """Read a compare.json, or the one in a directory. UsageError or InvalidRunError names the file."""
    file = path / FILE_NAME if path.is_dir() else path
    if file.is_file() and file.stat().st_size > LARGEST_BYTES:
        raise InvalidRunError(f"{file} is larger than any comparison; compare again")
    missing = "name a directory that `bench compare` wrote"
    return load(Comparison, file, "a valid comparison", "compare again", missing=missing)


def read_newest(results: Path) -> Comparison:
    """Read the newest comparison of those that lie in a directory. UsageError: there is none."""
    files = sorted(results.glob(f"*/{FILE_NAME}"))
    if not files:
        raise UsageError(f"{results} holds no comparison; name the directory that `bench compare --out` wrote to")
    return read_comparison(files[-1])
