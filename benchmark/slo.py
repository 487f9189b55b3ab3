"""What is promised of an endpoint in benchmark.toml, and the evidence of a run on it, which its record keeps."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, model_validator

from benchmark.fields import LARGEST, Amount, Frozen, Line, Rate, Seconds, Whole, known_as, not_dust
from benchmark.toml_file import place

PromisedMetric = Literal[
    "p50", "p90", "p95", "p99", "p99.9",
    "first_byte_p50", "first_byte_p90", "first_byte_p95", "first_byte_p99", "first_byte_p99.9",
    "failures", "throughput",
]  # fmt: skip
FIRST_BYTE = "first_byte_"


def percent_of(metric: PromisedMetric) -> float | None:
    """Which percentile a metric is; None: it is none."""
    name = metric.removeprefix(FIRST_BYTE)
    return float(name[1:]) if name[1:].replace(".", "").isdigit() else None


def _percent(value: Any) -> Any:
    """Turn "0.1%" into 0.1. Without its sign a number may be a ratio as well: only 0 is the same in both."""
    if isinstance(value, str) and value.strip().endswith("%"):
        return value.strip().removesuffix("%").strip()
    if value == 0 and not isinstance(value, bool):
        return value
    raise ValueError(f'{value!r} is written with its sign, for example "0.1%"')


Limit = Annotated[Seconds, Field(gt=0, le=3600)]
Share = Annotated[float, BeforeValidator(_percent), AfterValidator(not_dust), Field(ge=0, lt=100)]


def _tables(value: Any) -> Any:
    """Take one table as [slo.NAME] writes it, or several as [[slo.NAME]] does."""
    if isinstance(value, list | tuple):
        return value
    if not isinstance(value, dict):
        raise ValueError('must be a table: [slo.ENDPOINT], and in it p95 = "300ms"')  # noqa: TRY004 - pydantic's kind
    return (value,)


class Slo(Frozen):
    """One table [slo.NAME]: limits that its runs keep. Of latencies they are the most, of throughput the least.

    `profile`: it applies to runs of that profile, in the place of a table without one.
    """

    profile: Line | None = None
    p50_s: Limit | None = Field(default=None, validation_alias=known_as("p50_s"))
    p90_s: Limit | None = Field(default=None, validation_alias=known_as("p90_s"))
    p95_s: Limit | None = Field(default=None, validation_alias=known_as("p95_s"))
    p99_s: Limit | None = Field(default=None, validation_alias=known_as("p99_s"))
    p999_s: Limit | None = Field(default=None, validation_alias=AliasChoices("p99.9", "p999", "p999_s"))
    first_byte_p50_s: Limit | None = Field(default=None, validation_alias=known_as("first_byte_p50_s"))
    first_byte_p90_s: Limit | None = Field(default=None, validation_alias=known_as("first_byte_p90_s"))
    first_byte_p95_s: Limit | None = Field(default=None, validation_alias=known_as("first_byte_p95_s"))
    first_byte_p99_s: Limit | None = Field(default=None, validation_alias=known_as("first_byte_p99_s"))
    first_byte_p999_s: Limit | None = Field(
        default=None, validation_alias=AliasChoices("first_byte_p99.9", "first_byte_p999", "first_byte_p999_s")
    )
    failures_percent: Share | None = Field(default=None, validation_alias=AliasChoices("failures", "failures_percent"))
    throughput_rps: Annotated[Rate, Field(gt=0, le=1_000_000)] | None = Field(
        default=None, validation_alias=AliasChoices("throughput", "throughput_rps")
    )

    @model_validator(mode="before")
    @classmethod
    def _dotted(cls, values: Any) -> Any:
        """Read p99.9 = "1s" as it is meant: to TOML it is a table p99 with a key 9."""
        if not isinstance(values, dict):
            return values
        found = dict(values)
        for name in ("p99", "first_byte_p99"):
            if isinstance(found.get(name), dict) and found[name].keys() == {"9"}:
                found[f"{name}.9"] = found.pop(name)["9"]
        return found

    @model_validator(mode="after")
    def _promises_something(self) -> Self:
        if not list(self._limits()):
            message = 'promises nothing; write for example p95 = "300ms", failures = "0.1%" or throughput = "50/s"'
            raise ValueError(message)
        return self

    def _limits(self) -> Iterator[tuple[str, float]]:
        for name in type(self).model_fields:
            value = getattr(self, name)
            if name != "profile" and value is not None:
                yield name, 1000 * value if name.endswith("_s") else value

    def promises(self, endpoint: str) -> tuple["Promise", ...]:
        return tuple(
            Promise.model_validate({"endpoint": endpoint, "metric": _METRICS[name], "limit": limit})
            for name, limit in self._limits()
        )


_METRICS = {
    name: name.rsplit("_", 1)[0].replace("999", "99.9") for name in Slo.model_fields if name != "profile"
}  # fmt: skip
Tables = Annotated[tuple[Slo, ...], BeforeValidator(_tables), Field(min_length=1)]


class Promise(Frozen):
    """One limit. In ms for a percentile of right responses; failures in percent of requests, right responses per s."""

    endpoint: Line
    metric: PromisedMetric
    limit: Annotated[float, Field(ge=0, le=LARGEST), AfterValidator(not_dust)]


class Evidence(Frozen):
    """What the rows of all rounds of an endpoint say about one metric, in the unit of its promise.

    `low` to `high` is the 95% interval; None: it has no end there. It is as wide as if there were `independent`
    responses (requests, for failures), where those that were neighbours were alike; `rounds_differ`: where rounds were.
    """

    metric: PromisedMetric
    value: Amount | None
    low: Amount | None
    high: Amount | None
    responses: Whole
    independent: Whole
    rounds_differ: bool = False


def promises(tables: Sequence[Slo], profile: str, name: str) -> tuple[Promise, ...]:
    """What is promised of a name under a profile: by the table of that profile, else by the one without."""
    chosen = [table for table in tables if table.profile == profile] or [one for one in tables if not one.profile]
    return tuple(promise for table in chosen for promise in table.promises(name))


def problem_of_slo(
    slo: Mapping[str, Sequence[Slo]], names: Collection[str], measured: Mapping[str, Collection[str]]
) -> str | None:
    """Why nothing could ever check some promise: it would look like one that is kept.

    `names`: of all that can be measured; `measured`: those of each profile.
    """
    for name, tables in slo.items():
        where = place(("slo", name))
        if name not in names:
            return f"{where}: there is no endpoint {name!r}; there are: {', '.join(names)}"
        profiles = [table.profile for table in tables]
        for profile in profiles:
            if profiles.count(profile) > 1:
                which = f"the profile {profile!r}" if profile else "all profiles"
                return f"{where}: two tables are for {which}; make them one, or name another profile in one of them"
            if profile is not None and profile not in measured:
                return f"{where}.profile: there is no profile {profile!r}; there are: {', '.join(measured)}"
            if profile is not None and name not in measured[profile]:
                return f"{where}.profile: {profile!r} does not measure {name}; add it to the endpoints of that profile"
    return None


def in_the_file(loc: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Leave out which of the tables of one [slo.NAME] it is: mostly there is one, and none is numbered in the file."""
    return loc[:2] + loc[3:] if loc[:1] == ("slo",) else loc
