"""What `bench --help` shows: each command in its group, examples, and placeholders that say what is wanted."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scripts.cli import COMMANDS, FOR_PEOPLE, FOR_WORKFLOWS, app


def shown(*words: str, width: int = 80) -> str:
    done = CliRunner().invoke(app, [*words, "--help"], terminal_width=width, prog_name="bench")
    assert done.exit_code == 0, done.output
    return done.output


def test_each_command_stands_once_in_the_list_and_in_one_group(repository: Path) -> None:
    files = {file.stem.rstrip("_") for file in (repository / "scripts").glob("*.py")}
    assert files - {"__init__".rstrip("_"), "__main__".rstrip("_"), "cli", "options"} == set(COMMANDS)
    assert not set(FOR_PEOPLE) & set(FOR_WORKFLOWS)
    sections = re.split(r"\n(?=\S)", shown())
    listed = [re.findall(r"(?m)^  (\w+)  +\S", part) for part in sections if part.startswith(("Commands", "For"))]
    assert listed == [list(FOR_PEOPLE), list(FOR_WORKFLOWS)]


def test_the_list_has_three_examples() -> None:
    assert len(re.findall(r"(?m)^  bench \w+", shown())) == 3


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_has_examples_and_says_what_each_value_is(command: str) -> None:
    text = shown(command)
    assert re.search(rf"(?m)^  bench {command}\b", text)
    assert all(len(line) <= 80 for line in text.splitlines())
    assert "default: (" not in text
    for wanted in re.findall(r"(?m)^  (?:--\S+ )?(<\S+>)", text) + re.findall(r"[<{\[]\S+[>}\]]", text.splitlines()[0]):
        assert not re.search(r"\b(?:str|int|float|list|path|bool)\b|[{}]", wanted), wanted


def test_a_wide_terminal_is_used() -> None:
    assert max(map(len, shown("run", width=118).splitlines())) > 100
