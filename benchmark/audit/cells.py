"""One cell of a table: what its digits leave open, in the unit that it, its column or the reader gives."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

MISSING = {
    "",
    "-",
    "--",
    "\N{EN DASH}",
    "\N{EM DASH}",
    "?",
    "n/a",
    "na",
    "n.a.",
    "nan",
    "null",
    "none",
    "inf",
    "*",
    "x",
}
UNITS_MS = {
    "ns": 1e-6,
    "us": 1e-3,
    "ms": 1.0,
    "s": 1e3,
    "m": 6e4,
    "min": 6e4,
    "h": 3.6e6,
}
"""Units of time as they are written in cells, in ms."""

SPELLED = {
    **dict.fromkeys(("nanosecond", "nanoseconds", "nsec"), "ns"),
    **dict.fromkeys(("microsecond", "microseconds", "usec", "usecs", "micros"), "us"),
    **dict.fromkeys(("millisecond", "milliseconds", "msec", "msecs", "millis"), "ms"),
    **dict.fromkeys(("second", "seconds", "sec", "secs"), "s"),
    **dict.fromkeys(("minute", "minutes", "mins"), "min"),
}
PREFIXES = {"k": 1e3, "m": 1e6, "mio": 1e6, "g": 1e9}
PER_SECOND = {"s": 1.0, "sec": 1.0, "second": 1.0, "min": 1 / 60, "minute": 1 / 60, "h": 1 / 3600, "hour": 1 / 3600}
FEWEST_DIGITS = 2
"""What is taken for significant of a number that ends with zeros where all of its column do; Locust rounds so."""

ROUNDED_FROM = 100

_SPACES = re.compile(r"[\s\u00a0\u2007\u2009\u202f'\u2019_]+(?=\d)")
_NUMBER = re.compile(
    r"(?P<sign>[<>≤≥~≈+-]*)\s*(?P<digits>\d[\d.,]{0,30}(?:e[+-]?\d{1,2})?|[.,]\d{1,30})\s*(?P<unit>.*)", re.IGNORECASE
)
_COMPOUND = re.compile(r"(?:\d+(?:\.\d+)?(?:h|m|s|ms|us|ns)){2,}")
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|us|ns|h|m|s)")
_RATE = re.compile(
    r"(?P<prefix>k|m|mio|g)?\s*(?:(?:reqs?|requests?|r|q|t|ops?|hits)?\s*(?:/|p(?:er)?\s*)\s*(?P<per>[a-z]+))?"
)
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:,\d{3})+")


@dataclass(frozen=True, slots=True)
class Printed:
    """A number as it was printed, and the smallest and largest value that would be printed so."""

    value: float
    low: float
    high: float
    unit: str = ""

    def times(self, factor: float, unit: str = "") -> "Printed":
        return Printed(self.value * factor, self.low * factor, self.high * factor, unit)


def exactly(value: float) -> Printed:
    """A number of which no digit is open."""
    return Printed(value, value, value)


@dataclass(frozen=True, slots=True)
class Writing:
    """How numbers are written in a table: with a comma in the place of the point; with zeros that only fill up."""

    decimal_comma: bool = False
    fills_up: bool = False


def decimal_comma(cells: Iterable[str]) -> bool:
    """Whether "0,63" is a number below one. Where each comma may separate thousands, it does."""
    numbers = [found["digits"] for text in cells if (found := _NUMBER.fullmatch(_bare(text)))]
    commas = [number for number in numbers if "," in number]
    return any(number.rfind(",") > number.rfind(".") and not _THOUSANDS.fullmatch(number) for number in commas)


def fills_up(cells: Iterable[str], *, comma: bool) -> bool:
    """Whether every whole number of a column from 100 on ends with a zero: then the zeros say nothing."""
    whole = [number for text in cells if (number := _digits(text, comma=comma)) and number.isdigit()]
    large = [number for number in whole if int(number) >= ROUNDED_FROM]
    return bool(large) and all(number.endswith("0") for number in large)


def _digits(text: str, *, comma: bool) -> str:
    found = _NUMBER.fullmatch(_bare(text))
    return _plain(found["digits"], comma=comma) if found else ""


def _bare(text: str) -> str:
    """Without marks of Markdown, spread ("± 0.4") and spaces between thousands."""
    text = (
        re.sub(r"[*`]|</?[a-z]+/?>", "", text).replace("\N{MICRO SIGN}", "u").replace("\N{GREEK SMALL LETTER MU}", "u")
    )
    text = re.split(r"±|\+/-|\+-", text.strip())[0].strip().lower()
    return _SPACES.sub("", text) if re.match(r"[<>≤≥~≈\d]", text) else text


def _plain(digits: str, *, comma: bool) -> str:
    return digits.replace(".", "").replace(",", ".") if comma else digits.replace(",", "")


def is_missing(text: str) -> bool:
    return _bare(text).strip("().") in MISSING or text.strip() in MISSING


def latency(text: str, unit: str, writing: Writing) -> Printed | None:
    """A time in ms; `unit`: where the cell has none. None: no such number."""
    bare = _bare(text)
    if _COMPOUND.fullmatch(bare):
        parts = _PART.findall(bare)
        whole = sum(float(number) * UNITS_MS[part] for number, part in parts)
        half = _half_unit(parts[-1][0], Writing()) * UNITS_MS[parts[-1][1]]
        return Printed(whole, whole - half, whole + half)
    number, its = _number(bare, writing)
    its = SPELLED.get(its, its) or unit
    return None if number is None or its not in UNITS_MS else number.times(UNITS_MS[its], its)


def rate(text: str, per_s: float, writing: Writing) -> Printed | None:
    """A rate per second; `per_s`: what a cell that names no time is multiplied with."""
    number, its = _number(_bare(text), writing)
    its = re.sub(r"^([km]?)\s*([rqt])ps$", r"\1\2/s", its)
    found = _RATE.fullmatch(its)
    if number is None or found is None or (found["per"] and found["per"] not in PER_SECOND):
        return None
    per_s = PER_SECOND[found["per"]] if found["per"] else per_s
    return number.times(PREFIXES.get(found["prefix"] or "", 1.0) * per_s)


def amount(text: str, writing: Writing) -> Printed | None:
    """A count, which is printed in full unless it is shortened ("1.2k")."""
    number, its = _number(_bare(text), Writing(writing.decimal_comma))
    its = re.sub(r"\s*(?:users?|vus?|connections?|clients?|threads?|requests?|reqs?)$", "", its)
    if number is None or its not in {"", *PREFIXES}:
        return None
    if its:
        return number.times(PREFIXES[its])
    return exactly(number.value) if number.value.is_integer() else number


def share(text: str, writing: Writing) -> Printed | None:
    """Percent as a share of one."""
    number, its = _number(_bare(text), Writing(writing.decimal_comma))
    return number.times(0.01) if number is not None and its in {"", "%", "percent"} else None


def _number(bare: str, writing: Writing) -> tuple[Printed | None, str]:
    found = _NUMBER.fullmatch(bare)
    if found is None or "-" in found["sign"]:
        return None, ""
    digits = _plain(found["digits"], comma=writing.decimal_comma)
    try:
        value = float(Decimal(digits))
    except InvalidOperation:
        return None, ""
    half = _half_unit(digits, writing)
    low, high = max(0.0, value - half), value + half
    if set(found["sign"]) & {"<", "≤"}:
        low = 0.0
    if set(found["sign"]) & {">", "≥"}:
        high = float("inf")
    return Printed(value, low, high), found["unit"].strip()


def _half_unit(digits: str, writing: Writing) -> float:
    """Half a unit in the last place that says something."""
    sign = Decimal(digits)
    exponent = sign.as_tuple().exponent
    last = exponent if isinstance(exponent, int) else 0
    if writing.fills_up and digits.isdigit() and int(digits) >= ROUNDED_FROM:
        zeros = len(digits) - len(digits.rstrip("0"))
        last = min(zeros, len(digits) - FEWEST_DIGITS)
    return 0.5 * 10.0**last
