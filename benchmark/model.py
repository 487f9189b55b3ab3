"""What all models of a plan and a record have in common."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


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
