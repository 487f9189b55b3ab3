"""The page about traffic, its stages: they are measured as they stand there, but shorter, and give the table's rows."""

import re
import shutil
from pathlib import Path

import pytest

from tests.support.bench import Bench, assert_measured

pytest.importorskip("sqlalchemy")


def rows(markdown: str) -> list[tuple[str, ...]]:
    """Endpoint and load of each stage, below the head of the table."""
    _, _, table = markdown.partition(
        "| Endpoint | Stage | Requests | Failed | Responses/s | p50 | p95 | After the spike |"
    )
    lines = table.partition("\n\n")[0].splitlines()[2:]
    return [(cells[1].strip(), cells[2].partition(":")[2].strip()) for cells in (line.split("|") for line in lines)]


def test_the_stages_of_the_page_give_the_rows_that_it_shows(bench: Bench, repository: Path) -> None:
    page = (repository / "docs" / "traffic.md").read_text()
    section = page.partition("\n## Stages\n")[2].partition("\n## ")[0]
    (table,) = re.findall(r"```toml\n(.*?)```", section, re.DOTALL)
    shutil.copytree(repository / "examples" / "shop", bench.folder, dirs_exist_ok=True)
    file = bench.folder / "benchmark.toml"
    shorter = table.replace('"10s@', '"1s@').replace('"3s@', '"1s@')
    file.write_text(f"{file.read_text()}\n{shorter}reference = 0\n")
    assert_measured(bench.call("run", "--profile", "spike"))
    report = next((bench.folder / "results").glob("*/report.md"))
    assert rows(report.read_text()) == rows(section) != []
    assert (report.parent / "stages.svg").is_file()
    assert "](stages.svg)" in report.read_text()
