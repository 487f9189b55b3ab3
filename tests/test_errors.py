"""What a message quotes can be no line of its own, and nothing that a terminal or a GitHub runner obeys."""

import pytest

from benchmark.errors import AppError, UsageError, one_line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\n::error::b", "a ::error::b"),
        ("::error::b", ": :error::b"),
        ("  ::add-mask::b", ": :add-mask::b"),
        ("a ##[error]b ##[group]", "a ## [error]b ## [group]"),
        ("\x1b]0;owned\x07 \u202eleft \x85 \u2028", "]0;owned left"),
        ("http://[::1]:80", "http://[::1]:80"),
    ],
)
def test_one_line_is_printable_and_inert(text: str, shown: str) -> None:
    assert one_line(text) == shown


def test_a_message_is_one_line_and_what_was_printed_stands_behind_a_mark() -> None:
    error = AppError("it ended\nearly; its last lines:", "::error::x\n\t##[add-mask]y\r\n\x1b[31mred\x0bfell")
    lines = ["it ended early; its last lines:", "| ::error::x", "|         ## [add-mask]y", "|  [31mred", "| fell"]
    assert str(error).split("\n") == lines
    assert str(error.told("base")).split("\n") == [f"base: {lines[0]}", *lines[1:]]


def test_a_message_without_end_is_cut() -> None:
    assert len(str(UsageError("x" * 10**6))) <= 2000
    assert len(str(AppError("x", "y" * 10**6))) <= 600
