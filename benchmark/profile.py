"""A profile: a named load."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, field_validator, model_validator

from benchmark.model import Frozen, Line
from benchmark.units import Count, Number, Seconds

MAX_USERS = 100_000
MAX_DURATION_S = 24 * 3600.0
AUTO = 0


def whole_seconds(value: float) -> float:
    """Refuse half a second of load."""
    if not value.is_integer():
        message = "must be whole seconds: Locust's clock for the end of a test counts in seconds"
        raise ValueError(message)
    return value


def _auto(value: Any) -> Any:
    return AUTO if value == "auto" else value


def _per_second(value: Any) -> Any:
    return value.removesuffix("/s") if isinstance(value, str) else value


class Profile(Frozen):
    """A named load."""

    name: Line
    description: str = ""
    headline: bool = False
    """Whether the README shows the newest run of this profile."""
    users: Count = Field(ge=1, le=MAX_USERS)
    spawn_rate_per_s: Number = Field(
        gt=0, le=MAX_USERS, validation_alias=AliasChoices("spawn_rate", "spawn_rate_per_s")
    )
    duration_s: Annotated[Seconds, AfterValidator(whole_seconds)] = Field(
        ge=1, le=MAX_DURATION_S, validation_alias=AliasChoices("duration", "duration_s")
    )
    task_seconds: Seconds = Field(default=5.0, ge=1e-6, le=3600)
    rounds: Count = Field(default=1, ge=1, le=1000)
    endpoints: tuple[str, ...] = Field(min_length=1)
    client: Literal["fast", "requests", "stock"] = "fast"
    timeout_s: Seconds = Field(
        default=60.0, gt=0, le=MAX_DURATION_S, validation_alias=AliasChoices("timeout", "timeout_s")
    )
    wait_s: Seconds = Field(default=0.0, ge=0, le=3600, validation_alias=AliasChoices("wait", "wait_s"))
    start: Literal["batch", "spread"] = "batch"
    """Whether users ask as soon as they are spawned, or first requests are spread over one answer time."""

    reference_s: Annotated[Seconds, AfterValidator(whole_seconds)] = Field(
        default=5.0, ge=0, le=600, validation_alias=AliasChoices("reference", "reference_s")
    )
    """How long each round loads the reference workload, which tells a slow machine from a slow endpoint; 0: not."""

    rate_per_s: Annotated[Number, BeforeValidator(_per_second)] | None = Field(
        default=None, gt=0, le=100_000, validation_alias=AliasChoices("rate", "rate_per_s")
    )
    """Requests per second that are due whether others were answered or not ("200/s"); None: users ask again when they
    were answered. With a rate, `users` is how many requests may be under way at a time.
    """

    arrivals: Literal["even", "poisson"] = "even"
    """Whether requests of a rate are evenly spaced, or come at random (exponentially distributed gaps)."""

    seed: Count = Field(default=0, ge=0, le=2**31)
    """The same seed gives the same random arrivals."""

    processes: Annotated[Count, BeforeValidator(_auto)] = Field(default=1, ge=0, le=256)
    """Processes that send the load. "auto", kept as 0: one for each core that the app's workers leave, at least one."""

    load_workers: Count = Field(default=0, ge=0, le=1000)
    """Load workers on other machines that send the load instead; 0: this machine sends it."""

    workers_within_s: Seconds = Field(
        default=60.0, gt=0, le=MAX_DURATION_S, validation_alias=AliasChoices("workers_within", "workers_within_s")
    )
    """How long a round waits for the load workers of other machines to connect."""

    @field_validator("endpoints")
    @classmethod
    def _each_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(names)) < len(names):
            message = "names an endpoint twice; for several measurements of each there is rounds"
            raise ValueError(message)
        return names

    @model_validator(mode="after")
    def _a_rate_does_not_rest(self) -> Self:
        if self.rate_per_s is not None and self.wait_s:
            message = "takes rate or wait, not both: requests of a rate do not wait for anybody"
            raise ValueError(message)
        return self

    @property
    def load(self) -> str:
        """What the load is, in two words for a title."""
        return f"{self.users} users" if self.rate_per_s is None else f"{self.rate_per_s:g} requests per second"

    @model_validator(mode="after")
    def _spread_connects_ahead(self) -> Self:
        if self.start == "spread" and self.client == "requests":
            message = 'start = "spread" needs client = "fast": `requests` can not connect ahead of its first request'
            raise ValueError(message)
        return self
