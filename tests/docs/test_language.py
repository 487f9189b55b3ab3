"""People meet plain words and one style of numbers, wherever they read."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scripts.cli import COMMANDS, app

ROOT = Path(__file__).parents[2]
PATTERNS = (
    "*.md",
    "benchmark.toml",
    "docs/**/*.md",
    "docs/scaling/*",
    ".github/workflows/*.yml",
    "benchmark/**/*.j2",
    "Makefile",
)
READ = sorted(path for pattern in PATTERNS for path in ROOT.glob(pattern))
AVOIDED = re.compile(
    r"\b(?:can not|nobody|whoever|somebody|belongs? into|so many|mend(?:s|ed)?|anew|dealt|told|beside|seats?|sittings?"
    r"|answered most|own work|are believed|judged beside|in turns|turned out|led elsewhere)\b|\d[ \u00a0]%",
    re.IGNORECASE,
)
"""Words that readers stumbled over (CONTRIBUTING.md says what to write), and a percent sign that stands apart."""


def stumbles(text: str) -> list[str]:
    """What of a text is to be said in other words; commands and what programs print are left out."""
    prose = re.sub(
        r"(?ms)^ *```.*?^ *```$|`[^`\n]+`|--[a-z-]+|{[{%].*?[}%]}|^<!-- benchmark:begin.+benchmark:end -->$", "", text
    )
    return [f"...{prose[max(0, found.start() - 30) : found.end() + 20]!r}" for found in AVOIDED.finditer(prose)]


@pytest.mark.parametrize("path", READ, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_documents_are_in_plain_words(path: Path) -> None:
    assert stumbles(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_is_in_plain_words(command: str) -> None:
    shown = CliRunner().invoke(app, [*command.split(), "--help"], terminal_width=200)
    assert shown.exit_code == 0
    assert stumbles(shown.output) == []


@pytest.mark.parametrize("text", ["You can not do that.", "anew", "5 % of them", "It is nobody's."])
def test_what_readers_stumbled_over_is_found(text: str) -> None:
    assert stumbles(text)
