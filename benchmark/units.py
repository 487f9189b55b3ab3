"""Values as people write them ("5m", "50.0") turned into numbers with a unit."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from benchmark.model import not_dust

SECONDS_PER_UNIT = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|h|m|s))+")
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")
SHORTEST_S = 1e-6
"""A microsecond: a length of time that is shorter is a mistake, and what is divided by it too large for any float."""

_NUMBER = re.compile(r"[+-]?\d{1,18}(?:\.\d{1,18})?")
_SEPARATED = re.compile(r"[1-9]\d{0,2}(?:[,'_ ]\d{3})+")


def parse_seconds(value: Any) -> Any:
    """Turn "5m", "1m30s", "250ms" or "90" into seconds; numbers pass through. ValueError says what is accepted."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if _NUMBER.fullmatch(text):
        return float(text)
    if not _DURATION.fullmatch(text):
        message = f'{text!r} is not a duration; write it like "30s", "5m" or "1m30s"'
        raise ValueError(message)
    return sum(float(amount) * SECONDS_PER_UNIT[unit] for amount, unit in _DURATION_PART.findall(text))


def parse_number(value: Any) -> Any:
    """Turn "50" or "50.0" into a number; text that is none raises ValueError. Other types pass through."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if not _NUMBER.fullmatch(text):
        plain = re.sub(r"\D", "", text)
        hint = f"; write {plain}" if _SEPARATED.fullmatch(text) else ""
        message = f"{text!r} is not a number{hint}"
        raise ValueError(message)
    number = float(text)
    return int(number) if number.is_integer() else number


Seconds = Annotated[float, BeforeValidator(parse_seconds), AfterValidator(not_dust)]
"""A length of time (s); accepts "5m"."""

Number = Annotated[float, BeforeValidator(parse_number), AfterValidator(not_dust)]
"""A number that may come as text."""

Count = Annotated[int, BeforeValidator(parse_number)]
"""A whole number that may come as text, even as "50.0"; "1.5" is refused."""
