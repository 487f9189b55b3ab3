"""The example with a database is measured as its page says."""

import re
import shutil
from pathlib import Path

import pytest

from tests.support.bench import Bench, assert_measured

pytest.importorskip("sqlalchemy")


def test_the_shop_is_measured_with_a_fresh_database_in_each_round(bench: Bench, repository: Path) -> None:
    shutil.copytree(repository / "examples" / "shop", bench.folder, dirs_exist_ok=True)
    names = ["list_orders", "create_order", "login"]
    done = bench.call("run", "--duration", "1s", "--users", "4", "--endpoint", ",".join(names))
    assert_measured(done)
    record = bench.record()
    assert [result.name for result in record.endpoints] == names
    assert all(result.summary is not None and result.summary.failures == 0 for result in record.endpoints)
    written = [file.read_text() for file in (bench.folder / "results").rglob("*") if file.is_file()]
    assert written
    assert not [text for text in written if "battery-staple" in text or "token-of-the-example" in text]


def test_the_endpoints_of_the_shop_are_written_as_the_document_shows(bench: Bench, repository: Path) -> None:
    document = (repository / "docs" / "own-endpoints.md").read_text()
    ((said, written),) = re.findall(
        r"\$ PATH/TO/CLONE/\.venv/bin/bench endpoints\n(.+?)\n\$ tail -n (?:\d+) benchmark\.toml\n(.+?)```",
        document,
        re.DOTALL,
    )
    shutil.copytree(repository / "examples" / "shop", bench.folder, dirs_exist_ok=True)
    file = bench.folder / "benchmark.toml"
    before = file.read_text().partition("[endpoints.")[0]
    file.write_text(before)
    done = bench.call("endpoints")
    assert done.returncode == 0, done.stderr
    took = re.compile(r"[\d.]+ m?s$", re.MULTILINE)
    assert took.sub("T", done.stdout.rstrip()) == took.sub("T", said)
    assert file.read_text() == before + written
