"""What all models of a plan and a record have in common."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

LARGEST = 10**18
SMALLEST = 1e-9
"""Above 0. What is divided by it, and by that again, is a number still."""


def not_dust(value: float) -> float:
    """Refuse what is so near to 0 that nothing was measured, and quotients have no end."""
    if 0 < abs(value) < SMALLEST:
        message = f"must be 0 or at least {SMALLEST:g} away from it"
        raise ValueError(message)
    return value


Figure = Annotated[float, Field(ge=-LARGEST, le=LARGEST), AfterValidator(not_dust)]
"""A measured number that may be negative."""

Amount = Annotated[float, Field(ge=0, le=LARGEST), AfterValidator(not_dust)]
"""A measured number that is never negative: a latency, a rate."""

Sample = Annotated[float, Field(ge=-LARGEST, le=LARGEST)]
"""One of many numbers that nothing is divided by. No Python checks it, which would take as long as reading all else."""

Whole = Annotated[int, Field(ge=0, le=LARGEST)]
"""How many."""


class Frozen(BaseModel):
    """A model that can not change and refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False)


def _one_line(text: str) -> str:
    if not text.isprintable() or not text.strip():
        message = "must be one line of printable text"
        raise ValueError(message)
    if "##[" in text:
        message = 'must not hold "##[", which a GitHub runner would obey'
        raise ValueError(message)
    return text


Line = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_one_line)]
