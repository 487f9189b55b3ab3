"""Numbers and names as readers see them: units, signs, escaped Markdown, lines that fit a terminal."""

import math
import re
import shutil
import textwrap
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TextIO

from benchmark.errors import MARK

NOT_AVAILABLE = "n/a"
LONGEST_NAME = 200
MOST_NAMED = 3
WHOLE_FROM = 100.0
WHOLE_PERCENT_FROM = 10.0
WHOLE_SECONDS_FROM = 1000.0
_MARKDOWN = re.compile(r"[\\`*\[\]<>#|~&$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|(?<=www)\.|:(?=//)")
_MENTION = re.compile(r"@(?=\w)")


def plain(text: str) -> str:
    """Make one line of a text from outside, of at most LONGEST_NAME characters, with nothing in it that is not seen."""
    shown = "".join(
        " " if unicodedata.category(char) in {"Cc", "Zl", "Zp"} else char
        for char in text
        if unicodedata.category(char) not in {"Cf", "Cs", "Co", "Cn"}
    )
    return shown if len(shown) <= LONGEST_NAME else shown[: LONGEST_NAME - 1] + "…"


def say(text: str, stream: TextIO, hang: int = 0) -> None:
    """Print lines: at a terminal broken at words to its width; elsewhere whole, so that logs can be searched.

    `hang`: how far what follows a break is indented, beyond its line.
    """
    lines = text.splitlines()
    if stream.isatty():
        width = shutil.get_terminal_size().columns
        lines = [line if line.startswith(MARK) else _wrapped(line, width, hang) for line in lines]
    stream.write("".join(f"{line}\n" for line in lines))
    stream.flush()


def _wrapped(line: str, width: int, hang: int) -> str:
    indent = " " * (len(line) - len(line.lstrip()) + hang)
    return textwrap.fill(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def listed(names: Sequence[str]) -> str:
    """Names as a sentence has them: "a, b and c"; of many the first ones, "a, b and 7 more"."""
    shown = [*names] if len(names) <= MOST_NAMED else [*names[: MOST_NAMED - 1], f"{len(names) - MOST_NAMED + 1} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


@lru_cache(maxsize=4096)
def inert(text: str) -> str:
    """Escape text from outside for one line or table cell of Markdown: it shows, and does nothing else.

    Control and formatting characters (line breaks, right-to-left marks) go, long text is cut.
    """
    escaped = _MARKDOWN.sub(lambda match: "\\" + match[0], plain(text))
    return _MENTION.sub("@<!-- -->", escaped)  # a backslash does not keep GitHub from telling that user


def code_block(text: str) -> str:
    """Show text from outside as a code block of Markdown, fenced longer than any fence inside it."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    clean = "".join(char for char in text if char == "\n" or unicodedata.category(char)[0] != "C")
    return f"{fence}text\n{clean}\n{fence}"


def figure(value: float | None) -> str:
    """A number for a sentence: whole from 100 on, one decimal below, two below 1; "15,003", "97.7"."""
    if value is None:
        return NOT_AVAILABLE
    digits = 0 if abs(value) >= WHOLE_FROM else 1 if abs(value) >= 1 else 2
    return minus(f"{value:,.{digits}f}")


ms = figure  # a latency in ms, without the unit


def latency(value_ms: float | None) -> str:
    """A latency with the unit that suits its size, three digits: "0.52 ms", "51.4 ms", "15.0 s"."""
    if value_ms is None:
        return NOT_AVAILABLE
    if round(abs(value_ms)) < 1000:  # noqa: PLR2004 - milliseconds in a second
        return f"{ms(value_ms)} ms"
    value = value_ms / 1000
    digits = 0 if round(abs(value), 1) >= WHOLE_FROM else 1 if round(abs(value), 2) >= WHOLE_PERCENT_FROM else 2
    return minus(f"{value:,.{digits}f} s")


def rate(value: float | None) -> str:
    """Per second, two decimals, as Locust and the published table show it; "1,234.50"."""
    return NOT_AVAILABLE if value is None else minus(f"{value:,.2f}")


def three_digits(value: float) -> str:
    """A number with three digits or all of its whole ones, never in scientific notation: "0.00123", "85.7", "5,060"."""
    digits = 0 if value == 0 else max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{digits}f}"
    return minus(text.rstrip("0").rstrip(".") if "." in text else text)


def count(value: int | None) -> str:
    return NOT_AVAILABLE if value is None else f"{value:,}"


def factor(value: float) -> str:
    """How many times as much: two digits, whole from 10 on; "1.5×", "18×"."""
    return f"{value:,.{0 if value >= WHOLE_PERCENT_FROM else 1}f}×"


def percent(value: float | None, sign: str = "") -> str:
    """Two digits either way: one decimal, whole from 10 on."""
    if value is None:
        return NOT_AVAILABLE
    digits = 0 if abs(value) >= WHOLE_PERCENT_FROM else 1
    return minus(f"{value:{sign},.{digits}f}%")


def signed_percent(value: float) -> str:
    """A difference with its sign, unless it is shown as 0; "+1.2%", "−12%"."""
    shown = percent(value, "+")
    return shown[1:] if shown[1:] == percent(0.0) else shown


def minus(number: str) -> str:
    """The sign of a negative number as it is printed; a hyphen would look like a dash, and break lines."""
    return number.replace("-", "\N{MINUS SIGN}")


def mebibytes(value: int | None) -> str:
    return NOT_AVAILABLE if value is None else f"{value / 2**20:,.0f} MiB"


def seconds(value: float | None) -> str:
    """A length of time as people say it: "5 min", "30 s", "0.5 s"."""
    if value is None:
        return NOT_AVAILABLE
    if value >= 60 and value % 60 == 0:  # noqa: PLR2004 - seconds in a minute
        return f"{value / 60:.0f} min"
    return f"{value:.0f} s" if value >= WHOLE_SECONDS_FROM else f"{value:.4g} s"


def day(moment: str) -> str:
    """A date that a narrow table does not break at its hyphens: no-break hyphens, "2026‑11‑23"."""
    return moment[:10].replace("-", "\N{NON-BREAKING HYPHEN}")


def unbroken(text: str) -> str:
    """A text that a narrow table does not break at its blanks."""
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def when(moment: str) -> str:
    """A UTC time stamp for reading: "2026-11-23 11:30 UTC"."""
    return f"{moment[:10]} {moment[11:16]} UTC"


def joined(parts: tuple[int, ...] | None) -> str:
    return NOT_AVAILABLE if parts is None else " / ".join(str(part) for part in parts)


def versions(packages: Mapping[str, str]) -> str:
    return ", ".join(f"{inert(name)} {inert(version)}" for name, version in packages.items())
