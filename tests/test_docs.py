"""What the documents tell people to type works."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmark.config import make_plan, read_config
from scripts.cli import app

DOCUMENTS = (
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/own-endpoints.md",
    "docs/reuse.md",
    "docs/scaling.md",
    "docs/method.md",
    "docs/judging.md",
    "docs/comparing.md",
    "docs/diagnosis.md",
)


def commands(repository: Path) -> list[list[str]]:
    """Every `bench` command line in the documents."""
    found = []
    for name in DOCUMENTS:
        lines = re.findall(r"(?:\.venv/bin/|`)(bench [^`\n]+)", (repository / name).read_text())
        found += [shlex.split(line.split("#")[0]) for line in lines]
    return found


def test_every_command_in_the_documents_exists_with_its_flags(repository: Path) -> None:
    found = commands(repository)
    assert len(found) > 5
    for words in found:
        arguments = [word for word in words[1:] if not word.startswith("-")]
        shown = CliRunner().invoke(app, [*arguments[:1], "--help"], terminal_width=200)
        assert shown.exit_code == 0, words
        for flag in (word for word in words if word.startswith("--")):
            assert flag in shown.output, words


def test_every_run_in_the_documents_is_a_valid_plan_of_the_repository_s_file(repository: Path) -> None:
    config = read_config(repository / "benchmark.toml")
    fields = {"--users": "users", "--duration": "duration_s", "--task-seconds": "task_seconds", "--workers": "workers"}
    for words in commands(repository):
        if words[1] != "run" or "mine" in words or "NAME" in words:
            continue
        pairs = dict(zip(words[2::2], words[3::2], strict=True))
        wishes = {fields[flag]: value for flag, value in pairs.items() if flag in fields}
        assert make_plan(config, pairs.get("--profile", "quick"), wishes).endpoints


def test_the_example_of_one_s_own_endpoints_is_a_valid_configuration(repository: Path, tmp_path: Path) -> None:
    blocks = re.findall(r"```toml\n(.*?)```", (repository / "docs" / "own-endpoints.md").read_text(), re.DOTALL)
    apps = [block for block in blocks if block.startswith("[app]")]
    rest = "\n".join(block for block in blocks if not block.startswith("[app]"))
    assert len(apps) == 2
    for block in apps:
        (tmp_path / "benchmark.toml").write_text(f"schema_version = 1\n{block}\n{rest}")
        plan = make_plan(read_config(tmp_path / "benchmark.toml"), "mine", {})
        assert [endpoint.name for endpoint in plan.endpoints] == ["list_orders", "create_order"]


def test_the_commented_example_in_the_repository_s_file_is_valid_when_uncommented(
    repository: Path, tmp_path: Path
) -> None:
    text = (repository / "benchmark.toml").read_text()
    example = re.sub(r"(?m)^# ?(?=\[endpoints|method|path =|json|headers|expect =|locustfile)", "", text)
    assert "\n[endpoints.create_order]" in example
    (tmp_path / "benchmark.toml").write_text(example)
    assert {"create_order", "checkout"} <= set(read_config(tmp_path / "benchmark.toml").endpoints)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_between_documents_lead_somewhere(repository: Path, name: str) -> None:
    document = repository / name
    for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", document.read_text()):
        assert (document.parent / target).exists(), target


def test_no_placeholder_is_left_in_the_documents(repository: Path) -> None:
    for file in [repository / "README.md", *(repository / "docs").glob("*.md")]:
        left = re.findall(r"\b(?:TODO|TBD|FIXME|[A-Z]+_TABLE)\b", file.read_text())
        assert not left, f"{file.name}: {left}"
