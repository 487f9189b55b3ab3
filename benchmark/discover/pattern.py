"""The simplest text that a regular expression matches: it is read and never executed, which can take for ever."""

import re
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

from benchmark.errors import one_line
from benchmark.toml_file import MOST_SHOWN

MOST_LENGTH, MOST_STEPS = 2_000, 5_000
CHARACTERS = "a1A0-_. @" + "".join(map(chr, range(33, 127)))
CATEGORIES: dict[str, Callable[[str], bool]] = {
    "DIGIT": str.isdigit,
    "SPACE": str.isspace,
    "WORD": lambda char: char.isalnum() or char == "_",
}
PARSER: Any = import_module("re._parser")  # reads a regular expression, as rstr and Hypothesis have it do
_NAMED_GROUP = re.compile(r"\(\?<(?![=!])")
_END = re.compile(r"(?<!\\)\$|\\[zZ]")


class NoValueError(Exception):
    """No value is known that the schema allows; the text says why, in a few words."""


def by_pattern(pattern: str, shortest: int, longest: int) -> str:
    """A text that the regular expression is found in. NoValueError: none is known."""
    unknown = NoValueError(f"no text is known for its pattern {one_line(pattern, MOST_SHOWN)}")
    if len(pattern) > MOST_LENGTH:
        raise unknown
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what a later Python may read differently
            parsed = PARSER.parse(_NAMED_GROUP.sub("(?P<", pattern).replace(r"\z", r"\Z"))
        for extra in range(2 * max(shortest, 1) + 1):
            found = "".join(Speller(extra).texts(parsed))
            if len(found) >= max(shortest, 1):
                break
    except (re.error, OverflowError, RecursionError, NoValueError):
        raise unknown from None
    if len(found) < shortest and not _END.search(pattern):
        found += "a" * (shortest - len(found))
    if not shortest <= len(found) <= longest:
        raise unknown
    return found


class Speller:
    """Spells what a parsed regular expression matches, each repetition `extra` times more than it must."""

    def __init__(self, extra: int) -> None:
        self._extra = extra
        self._steps = 0
        self._groups: dict[int, str] = {}

    def texts(self, parsed: Any) -> Iterator[str]:
        for operation, argument in parsed:
            self._steps += 1
            if self._steps > MOST_STEPS:
                raise NoValueError("its pattern repeats too much")
            yield from self._text(str(operation), argument)

    def _text(self, operation: str, argument: Any) -> Iterator[str]:
        match operation:
            case "LITERAL":
                yield chr(argument)
            case "NOT_LITERAL" | "ANY" | "IN":
                yield _character(operation, argument)
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                fewest, most, repeated = argument
                for _ in range(min(int(most), fewest + self._extra)):
                    yield from self.texts(repeated)
            case "SUBPATTERN":
                number, _, _, inside = argument
                spelled = "".join(self.texts(inside))
                self._groups[number] = spelled
                yield spelled
            case "ATOMIC_GROUP":
                yield from self.texts(argument)
            case "BRANCH":
                yield from self.texts(argument[1][0])
            case "GROUPREF":
                yield self._groups.get(argument, "")
            case "AT":
                return
            case _:
                raise NoValueError("its pattern looks ahead or back")


def _character(operation: str, argument: Any) -> str:
    items = [("NEGATE", None), ("LITERAL", argument)] if operation == "NOT_LITERAL" else argument
    named = [(str(kind), value) for kind, value in items or ()]
    negated = named[:1] == [("NEGATE", None)]
    ranges = [chr(value[0]) for kind, value in named if kind == "RANGE"]
    literals = [chr(value) for kind, value in named if kind == "LITERAL"]
    for char in (*CHARACTERS, *ranges, *literals):
        if operation == "ANY" or negated != any(_is_in(char, kind, value) for kind, value in named):
            return str(char)
    raise NoValueError("its pattern asks for a character beyond ASCII")


def _is_in(char: str, kind: str, value: Any) -> bool:
    match kind:
        case "LITERAL":
            return bool(ord(char) == value)
        case "RANGE":
            return bool(value[0] <= ord(char) <= value[1])
        case "CATEGORY":
            name = str(value).removeprefix("CATEGORY_")
            known = CATEGORIES.get(name.removeprefix("NOT_"))
            return known is not None and known(char) != name.startswith("NOT_")
        case _:
            return False
