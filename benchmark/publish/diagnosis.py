"""What a check of `bench doctor` answers."""

from typing import Literal, NamedTuple

from benchmark.model import Frozen

State = Literal["fine", "warning", "blocks", "not checked"]


class Answer(NamedTuple):
    """What one check found. `remedy` is empty where nothing is to be done."""

    state: State
    message: str
    remedy: str = ""


class Diagnosis(Frozen):
    """An answer with the name of its check: what `bench doctor --json` prints."""

    check: str
    state: State
    message: str
    remedy: str


def diagnosis(check: str, answer: Answer) -> Diagnosis:
    """Put the name of a check to its answer."""
    return Diagnosis(check=check, state=answer.state, message=answer.message, remedy=answer.remedy)


def fine(message: str) -> Answer:
    """Nothing to do."""
    return Answer("fine", message)


def warning(message: str, remedy: str) -> Answer:
    """It works, and may stop working."""
    return Answer("warning", message, remedy)


def blocks(message: str, remedy: str) -> Answer:
    """It does not work."""
    return Answer("blocks", message, remedy)


def unchecked(why: str) -> Answer:
    """The check could not be made: neither good nor bad news."""
    return Answer("not checked", why)
