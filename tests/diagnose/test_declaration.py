"""What a diagnosis found goes into benchmark.toml, and nothing else there changes."""

import tomllib
from pathlib import Path

import pytest

from benchmark.config import read_config
from benchmark.diagnose.model import contradiction, declaration, declare
from benchmark.errors import UsageError
from benchmark.plan import Endpoint
from tests.diagnose.climbs import Climb

FILE = """# mine
schema_version = 1
app = { import = "app:app" }

[endpoints.orders]      # the slow one
path = "/orders"  # first page
# a comment at the end

# a comment of the next table
[ endpoints."a b" ]
headers = { X = "1" }
path = '/b'
[profiles.p]
users = 1
spawn_rate = 1
duration = "1s"
endpoints = ["orders"]
"""


@pytest.mark.parametrize("ending", ["\n", "\r\n"], ids=["Unix", "Windows"])
def test_the_keys_stand_behind_the_path_and_every_other_byte_is_the_same(tmp_path: Path, ending: str) -> None:
    file = tmp_path / "benchmark.toml"
    before = FILE.replace("\n", ending).encode()
    file.write_bytes(before)
    declare(file, "orders", {"served": "pool", "slots": 7, "work": "61.9ms"})
    declare(file, "a b", {"served": "cpu"})
    added = [b'served = "pool"', b"slots = 7", b'work = "61.9ms"', b'served = "cpu"']
    after = file.read_bytes()
    for line in added:
        assert line + ending.encode() in after
        after = after.replace(line + ending.encode(), b"", 1)
    assert after == before
    orders = read_config(file).endpoints["orders"]
    assert (orders.served, orders.seats, orders.work_s) == ("pool", 7, 0.0619)
    assert [path.name for path in tmp_path.iterdir()] == ["benchmark.toml"]


TABLES = {
    "inline": ('endpoints = { orders = { path = "/" } }', ',served = "cpu",seats = 7'),
    "dotted": ('endpoints.orders.path = "/"\n', 'endpoints.orders.served = "cpu"\nendpoints.orders.seats = 7\n'),
    "dotted in a table": ('[endpoints]\norders.path = "/"\n', 'orders.served = "cpu"\norders.seats = 7\n'),
    "behind a text that looks like it": (
        'note = """\n[endpoints.orders]\npath = "/"\n"""\n[endpoints.orders]\npath = "/"\n',
        'served = "cpu"\nseats = 7\n',
    ),
    "without an end of its last line": ('[endpoints.orders]\npath = "/"', '\nserved = "cpu"\nseats = 7\n'),
}


@pytest.mark.parametrize("case", TABLES)
def test_the_keys_are_added_however_the_table_is_written(tmp_path: Path, case: str) -> None:
    file = tmp_path / "benchmark.toml"
    before, added = TABLES[case]
    file.write_text(before)
    declare(file, "orders", {"served": "cpu", "seats": 7})
    after = file.read_text()
    assert tomllib.loads(after)["endpoints"]["orders"] == {"path": "/", "served": "cpu", "seats": 7}
    assert after.count(added) == 1
    assert after.replace(added, "") == before


def test_a_table_in_parts_is_left_alone_and_the_lines_are_said(tmp_path: Path) -> None:
    file = tmp_path / "benchmark.toml"
    text = '[endpoints.orders.headers]\nX = "1"\n[endpoints.other]\npath = "/"\n[endpoints.orders]\npath = "/"\n'
    file.write_text(text)
    with pytest.raises(UsageError, match=r'(?s)no simple \[endpoints.orders\].*\n\| served = "cpu"'):
        declare(file, "orders", {"served": "cpu"})
    assert file.read_text() == text


def test_a_file_that_cannot_be_written_is_named_and_the_lines_are_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r'(?s)cannot be written.*\n\| served = "cpu"'):
        declare(tmp_path / "nowhere" / "benchmark.toml", "orders", {"served": "cpu"})


def test_only_what_is_not_declared_is_added() -> None:
    found = Climb(seats=7).diagnosis()
    bare = Endpoint(name="orders", path="/")
    assert declaration(found, bare) == {"served": "pool", "slots": 7, "work": "100ms"}
    on_threads = found.model_copy(update={"on_threads": True})
    assert declaration(on_threads, bare) == {"served": "pool", "slots": 7, "on_threads": True, "work": "100ms"}
    assert declaration(found, bare.model_copy(update={"work_tasks": 3.0})) == {"served": "pool", "slots": 7}
    same = Endpoint(name="orders", path="/", served="pool", seats=7, work_s=0.1)
    assert declaration(found, same) == {}
    assert contradiction(found, same) is None


def test_a_declaration_that_says_otherwise_is_named_and_never_changed() -> None:
    found = Climb(seats=7).diagnosis()
    other = Endpoint(name="orders", path="/", served="event loop")
    assert declaration(found, other) == {}
    assert contradiction(found, other) == ('benchmark.toml declares "event loop", this measurement says "pool" of 7')


def test_what_can_not_be_told_is_not_declared() -> None:
    found = Climb(seats=None, users=(1, 2, 4, 8, 16)).diagnosis()
    assert found.regime is None
    assert declaration(found, Endpoint(name="orders", path="/")) == {}
