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


def without(page: str, title: str) -> tuple[str, str]:
    """A page without one of its sections, and that section."""
    before, head, after = page.partition(f"## {title}\n")
    section, _, rest = after.partition("\n## ")
    return f"{before}\n## {rest}", head + section


def page_and_apps(repository: Path) -> tuple[str, str, str]:
    """The page without its sections about uploads and streams, which have apps of their own, and these."""
    page, uploads = without((repository / "docs" / "traffic.md").read_text(), "Uploads and forms")
    page, streams = without(page, "Streams")
    return page, uploads, streams


def test_the_uploads_of_the_page_are_sent_to_the_app_of_the_page(bench: Bench, repository: Path) -> None:
    _, section, _ = page_and_apps(repository)
    (app,), (tables,), (shown,) = (blocks(section, kind) for kind in ("python", "toml", "text"))
    (bench.folder / "photos.py").write_text(app)
    (bench.folder / "photo.jpg").write_bytes(bytes(300_000))
    rest = '[app]\nimport = "photos:app"\nworkers = 1\n[profiles.quick]\nusers = 2\nspawn_rate = 2\nduration = 1\n'
    rest += f"reference = 0\nendpoints = {names(shown)}\n"
    (bench.folder / "benchmark.toml").write_text(f"{rest}\n{tables}")
    bench.environment["NEW_NAME"] = "beach"
    done = bench.call("run")
    assert_measured(done)
    assert names(done.stdout.split("\n\n")[1]) == names(shown)
    assert not any(result.rounds[0].failures for result in bench.record().endpoints)


def test_the_streams_of_the_page_are_measured_and_the_buffered_one_is_named(bench: Bench, repository: Path) -> None:
    *_, section = page_and_apps(repository)
    (app,), (tables,), (shown,) = (blocks(section, kind) for kind in ("python", "toml", "text"))
    (bench.folder / "feed.py").write_text(app)
    responses, streams, warning = (part for part in shown.split("\n\n") if part != "Streams")
    rest = '[app]\nimport = "feed:app"\nworkers = 1\n[profiles.quick]\nusers = 2\nspawn_rate = 2\nduration = 5\n'
    rest += f"reference = 0\nendpoints = {names(responses)}\n"
    (bench.folder / "benchmark.toml").write_text(f"{rest}\n{tables}")
    done = bench.call("run")
    assert_measured(done)
    printed = done.stdout.split("\n\n")
    assert [names(printed[1]), names(printed[3])] == [names(responses), names(streams)]
    assert warning[: warning.index("arrived")] in done.stdout
    assert all(one.complete == one.streams > 0 for found in bench.record().endpoints for one in found.rounds[0].streams)


@pytest.fixture
def shop(bench: Bench, repository: Path) -> Bench:
    """The app of the page with all its tables, but those of uploads; loads are short."""
    page, *_ = page_and_apps(repository)
    shutil.copytree(repository / "examples" / "shop", bench.folder, dirs_exist_ok=True)
    (data,) = blocks(page, "csv")
    (bench.folder / "orders.csv").write_text(data)
    file = bench.folder / "benchmark.toml"
    tables = "\n".join(blocks(page, "toml")).replace('duration = "10s"', "duration = 1\nreference = 0")
    file.write_text(f"{file.read_text()}\n{tables}")
    return bench


def test_the_prediction_of_the_page_is_what_is_predicted(shop: Bench, repository: Path) -> None:
    page, *_ = page_and_apps(repository)
    (shown,) = (block for block in blocks(page, "console") if block.startswith("$ bench predict "))
    command, _, output = shown.partition("\n")
    assert shop.call(*command.split()[2:], "--duration", "10s").stdout.strip() == output.strip()


def test_the_traffic_of_the_page_has_the_rows_that_the_page_shows(shop: Bench, repository: Path) -> None:
    page, *_ = page_and_apps(repository)
    assert make_plan(read_config(shop.folder / "benchmark.toml"), "visitors", {}).profile.wait_s == 3
    done = shop.call("run", "--profile", "traffic", timeout_s=180)
    assert_measured(done)
    *shown, _of_a_locustfile = blocks(page, "text")
    printed = done.stdout.split("\n\n")[1]
    assert [name for table in shown for name in names(table)] == names(printed)
    buy = shop.record().endpoints[-1].rounds[0]
    assert buy.logins
    assert buy.logins.first == 5
