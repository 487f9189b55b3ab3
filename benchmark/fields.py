"""The types of fields: what people write ("5m", "50.0", "200/s") becomes a number with a unit here, once.

Every model of ours is `Frozen`: it cannot change, and refuses keys that it does not know.
"""

import re
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field

from load.arrivals import Think

LARGEST = 10**18
SMALLEST = 1e-9  # above 0: what is divided by it, and by that again, is a number still


def not_dust(value: float) -> float:
    if 0 < abs(value) < SMALLEST:  # nothing was measured, and quotients have no end
        raise ValueError(f"must be 0 or at least {SMALLEST:g} away from it")
    return value


# Measured numbers: any, one that is never negative (a latency, a rate), one of many that nothing is divided by (no
# Python checks it, which would take as long as reading all else), and how many.
Figure = Annotated[float, Field(ge=-LARGEST, le=LARGEST), AfterValidator(not_dust)]
Amount = Annotated[float, Field(ge=0, le=LARGEST), AfterValidator(not_dust)]
Sample = Annotated[float, Field(ge=-LARGEST, le=LARGEST)]
Whole = Annotated[int, Field(ge=0, le=LARGEST)]


class Frozen(BaseModel):
    """A model that cannot change and refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False)


def _one_line(text: str) -> str:
    if not text.isprintable() or not text.strip():
        raise ValueError("must be one line of printable text")
    if "##[" in text:
        raise ValueError('must not hold "##[", which a GitHub runner would obey')
    return text


Line = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_one_line)]

SECONDS_PER_UNIT = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|h|m|s))+")
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")
SHORTEST_S = 1e-6  # what is shorter is a mistake, and what is divided by it too large for any float
_NUMBER = re.compile(r"[+-]?\d{1,18}(?:\.\d{1,18})?")
_SCIENTIFIC = re.compile(r"(\d)[eE]\+?(\d)")
_SEPARATED = re.compile(r"[1-9]\d{0,2}(?:[,'_ ]\d{3})+")


def parse_seconds(value: Any) -> Any:
    """Turn "5m", "1m30s", "250ms" or "90" into seconds; numbers pass through. ValueError says what is accepted."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if _NUMBER.fullmatch(text):
        return float(text)
    if not _DURATION.fullmatch(text):
        raise ValueError(f'{text!r} is not a duration; write it like "30s", "5m" or "1m30s"')
    return sum(float(amount) * SECONDS_PER_UNIT[unit] for amount, unit in _DURATION_PART.findall(text))


def parse_number(value: Any) -> Any:
    """Turn "50" or "50.0" into a number; text that is none raises ValueError. Other types pass through."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if not _NUMBER.fullmatch(text):
        meant = re.sub(r"\D", "", text) if _SEPARATED.fullmatch(text) else _scientific(text) or "20"
        raise ValueError(f"expected a number such as {meant} (got {text!r})")
    number = float(text)
    return int(number) if number.is_integer() else number


def _scientific(text: str) -> str:
    """Write "1e6" as "1000000"; "" where it is no such number."""
    found = _SCIENTIFIC.fullmatch(text)
    return f"{int(found[1]) * 10 ** int(found[2])}" if found else ""


# What people write: a length of time ("5m"), a number, a whole number ("50.0", too; "1.5" is refused).
Seconds = Annotated[float, BeforeValidator(parse_seconds), AfterValidator(not_dust)]
Number = Annotated[float, BeforeValidator(parse_number), AfterValidator(not_dust)]
Count = Annotated[int, BeforeValidator(parse_number)]

MAX_USERS = 100_000
SLOWEST_PER_S = 0.001  # users or requests per second: of fewer none would come
SHORTEST_TIMEOUT_S = 0.001
MAX_DURATION_S = 24 * 3600.0
AUTO = 0


def whole_seconds(value: float) -> float:
    if not value.is_integer():
        raise ValueError("must be whole seconds: Locust's clock for the end of a test counts in seconds")
    return value


def known_as(name: str) -> AliasChoices:
    """A field whose unit benchmark.toml leaves out."""
    return AliasChoices(name.removesuffix("_s").removesuffix("_per"), name)


WholeSeconds = Annotated[Seconds, AfterValidator(whole_seconds)]
Rate = Annotated[Number, BeforeValidator(lambda value: value.removesuffix("/s") if isinstance(value, str) else value)]
Processes = Annotated[Count, BeforeValidator(lambda value: AUTO if value == "auto" else value)]


LONGEST_WAIT_S = 3600


def drawn_wait(text: str) -> tuple[str, list[str]] | None:
    """What a think time that is drawn is made of: its kind and two durations. None: it is a plain duration."""
    if ".." in text:
        return "uniform", [part.strip() for part in text.split("..")]
    kind, _, rest = text.strip().partition(" ")
    return ("normal", rest.split()) if kind == "normal" else None


def parsed_wait(text: str) -> Think:
    """ValueError says what is accepted."""
    kind, parts = drawn_wait(text) or ("", [])
    how = 'write it like "1s", "1s..5s" or "normal 2s 0.5s" (mean, standard deviation)'
    if len(parts) != 2:  # noqa: PLR2004 - from and to, or mean and deviation
        raise ValueError(f"wait: {text!r} is no think time; {how}")
    try:
        first_s, second_s = (float(parse_seconds(part)) for part in parts)
    except ValueError as error:
        raise ValueError(f"wait: {error}; {how}") from None
    if not (0 <= first_s <= LONGEST_WAIT_S and 0 <= second_s <= LONGEST_WAIT_S):
        raise ValueError(f"wait: {text!r} has a duration beyond 0 to {LONGEST_WAIT_S} s")
    if kind == "uniform" and first_s > second_s:
        raise ValueError(f"wait: {text!r} ends before it begins; write the shorter duration first")
    think = Think(kind, first_s, second_s)
    if think.mean_s() <= 0:
        raise ValueError(f"wait: {text!r} is no time at all; leave wait out")
    return think


def mean_wait(values: Any) -> Any:
    """Take, of what a profile says, the mean of a think time that is drawn: all that theory and statistics need."""
    wait = values.get("wait") if isinstance(values, dict) else None
    if not isinstance(wait, str) or drawn_wait(wait) is None:
        return values
    words = " ".join(wait.split())
    rest = {key: value for key, value in values.items() if key != "wait"}
    return {**rest, "wait_s": parsed_wait(words).mean_s(), "wait_as": words}


_HOST = re.compile(r"\w[\w.-]*|[0-9A-Fa-f:.]+")


def checked_base_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or not text.isprintable():
        raise ValueError('must start with "http://" or "https://" and name a host')
    if not _HOST.fullmatch(parts.hostname) or not _is_host(parts.hostname) or parts.port == 0:  # port: or a ValueError
        raise ValueError("names an impossible host or port")
    if parts.username or parts.password:
        message = "must not hold a user or password, it would end up in reports; send a header with a $VARIABLE instead"
        raise ValueError(message)
    if parts.query or parts.fragment:
        raise ValueError("must end with the path; put a query into the endpoints' paths")
    return text.rstrip("/")


def _is_host(name: str) -> bool:
    try:
        return bool(name.encode("idna"))
    except UnicodeError:
        return False


def checked_import_path(text: str) -> str:
    if text.endswith("()"):
        raise ValueError(f"is written without brackets; for a function that makes the app write {text[:-2]!r}")
    module, _, attribute = text.partition(":")
    if not all(part.isidentifier() for part in [*module.split("."), *attribute.split(".")]):
        raise ValueError('must look like "package.module:app"')
    return text


def as_text(value: Any) -> Any:
    """What TOML writes as a number or true, an environment variable holds as text."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


def no_zero(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not hold a zero byte")
    return text
