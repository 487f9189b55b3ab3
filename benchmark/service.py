"""The service time of an endpoint as it was measured: `bench diagnose --keep` writes it, predictions read it."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from benchmark.fields import Amount, Frozen, Whole


class MeasuredService(Frozen):
    """Quantiles of the responses (ms) that waited for nobody else's, and what a request cost.

    `percent` rises from 0 to 100. `responses`: how many the quantiles are of. Processor time (us) of one request:
    `server_cpu_us` of the workers, None where they were not seen; `generator_cpu_us` of the load generator.
    `most_users`: up to how many were measured, beyond which a prediction extrapolates. `date`: UTC.
    """

    schema_version: Literal[1] = 1
    endpoint: str
    date: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    responses: Annotated[Whole, Field(ge=1)]
    percent: tuple[Amount, ...] = Field(min_length=2)
    latency_ms: tuple[Amount, ...] = Field(min_length=2)
    server_cpu_us: Amount | None
    generator_cpu_us: Amount | None
    most_users: Annotated[Whole, Field(ge=1)]
    workers: Annotated[Whole, Field(ge=1)] | None

    @model_validator(mode="after")
    def _is_a_distribution(self) -> Self:
        if len(self.percent) != len(self.latency_ms):
            raise ValueError("percent and latency_ms must be of one length")
        if (self.percent[0], self.percent[-1]) != (0, 100) or list(self.percent) != sorted(set(self.percent)):
            raise ValueError("percent must rise from 0 to 100")
        if list(self.latency_ms) != sorted(self.latency_ms) or not self.latency_ms[-1]:
            raise ValueError("latency_ms must never fall, and end above 0")
        return self
