"""The page about traffic: its tables of benchmark.toml are measured as they stand, and give the rows that it shows."""

import re
import shutil
from pathlib import Path

import pytest

from benchmark.config import make_plan, read_config
from tests.support.bench import Bench, assert_measured

pytest.importorskip("sqlalchemy")


def blocks(page: str, kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", page, re.DOTALL)


def names(table: str) -> list[str]:
    """What stands in the first column, below its head."""
    found = [re.split(" {2,}", line)[0] for line in table.splitlines()]
    return [name for name in found if name != "Endpoint" and not name.endswith(", failed")]


def test_the_traffic_of_the_page_has_the_rows_that_the_page_shows(bench: Bench, repository: Path) -> None:
    page = (repository / "docs" / "traffic.md").read_text()
    shutil.copytree(repository / "examples" / "shop", bench.folder, dirs_exist_ok=True)
    (data,) = blocks(page, "csv")
    (bench.folder / "orders.csv").write_text(data)
    file = bench.folder / "benchmark.toml"
    tables = "\n".join(blocks(page, "toml")).replace('duration = "10s"', "duration = 1\nreference = 0")
    file.write_text(f"{file.read_text()}\n{tables}")
    assert make_plan(read_config(file), "visitors", {}).profile.wait_s == 3
    done = bench.call("run", "--profile", "traffic", timeout_s=180)
    assert_measured(done)
    *shown, _of_a_locustfile = blocks(page, "text")
    printed = done.stdout.split("\n\n")[1]
    assert [name for table in shown for name in names(table)] == names(printed)
    buy = bench.record().endpoints[-1].rounds[0]
    assert buy.logins
    assert buy.logins.first == 5
