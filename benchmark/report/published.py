"""Tables that others published, to stand beside a run made under the same conditions."""

import json
from pathlib import Path
from typing import Annotated

from pydantic import Field

from benchmark.errors import InvalidRunError
from benchmark.fields import Frozen
from benchmark.formatting import inert
from benchmark.record import Record
from benchmark.store import load

REPEATED_APP = "app.main:app"  # the app of this repository, whose endpoints do the published work


class Conditions(Frozen):
    """What must be equal for two tables to be comparable."""

    users: int
    spawn_rate_per_s: float
    duration_s: float
    task_seconds: float
    workers: int
    threads: int


class PublishedRow(Frozen):
    """One row of a published results table; its percentiles as Locust rounded them, to two digits."""

    requests: int
    failures: int
    avg_ms: float
    min_ms: float
    max_ms: float
    median_ms: float
    p66_ms: float
    p75_ms: float
    p80_ms: float
    p90_ms: float
    p95_ms: float
    p98_ms: float
    p99_ms: float
    p999_ms: float
    throughput_rps: float
    failures_rps: float


class Published(Frozen):
    """A published results table, with its source."""

    title: str
    author: str
    date: str
    url: Annotated[str, Field(pattern=r"^https://[^\s()<>\[\]]+$")] | None = None
    conditions: Conditions
    rows: dict[str, PublishedRow]

    @property
    def cited(self) -> str:
        title = f"“{inert(self.title)}”"
        return f"{inert(self.author)}, {f'[{title}]({self.url})' if self.url else title}, {self.date}"


def read_published(directory: Path) -> tuple[Published, ...]:
    """Read every table in `reports/published/`. InvalidRunError names a file that is no table."""
    tables = []
    for path in sorted(directory.glob("*.json")):
        if not path.is_file():
            raise InvalidRunError(f"{path} is not a published table: it is no regular file; restore it from git")
        tables.append(load(Published, path, "a published table", "restore it from git"))
    return tuple(tables)


def conditions(record: Record) -> Conditions:
    wanted = json.loads(record.profile.model_dump_json()) | json.loads(record.plan.target.model_dump_json())
    return Conditions.model_validate({name: wanted[name] for name in Conditions.model_fields})


def same_conditions(record: Record, tables: tuple[Published, ...]) -> Published | None:
    profile, target = record.profile, record.plan.target
    otherwise = (
        profile.start != "batch"
        or profile.thinking
        or profile.stages
        or profile.rate_per_s is not None
        or target.import_path != REPEATED_APP
    )
    if otherwise or any(endpoint.locustfile for endpoint in record.plan.endpoints):
        return None
    return next((table for table in tables if table.conditions == conditions(record)), None)
