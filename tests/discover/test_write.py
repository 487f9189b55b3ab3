"""Endpoints are added to benchmark.toml behind those that are there; every other byte stays as it is."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.config import read_config
from benchmark.discover.operation import Operation, name_of
from benchmark.discover.write import Known, extended, known_endpoints, matched, table_text
from benchmark.errors import UsageError

NEW = table_text(Operation("new", "GET", "/new", "/new"))
WHERE = Path("benchmark.toml")


def test_the_new_table_stands_behind_the_last_endpoint_before_the_comments_of_what_follows(repository: Path) -> None:
    text = (repository / "benchmark.toml").read_text()
    made = extended(text, [NEW], WHERE)
    assert made.replace(f"\n{NEW}", "", 1) == text
    before, _, after = made.partition(NEW)
    assert before.rstrip().endswith('expect = { pointer = "/results/2" }')
    assert after.startswith("\n# An endpoint of your own")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[app]",
        '[app]\nimport = "a:b"\n\n\n',
        '[endpoints.a]\npath = "/"',
        '[endpoints.a]\npath = "/"\n[profiles.p]\nusers = 1',
        '[endpoints]\na = { path = "/" }\n\n# mine\n[profiles.p]\nusers = 1\n',
        "[endpoints]\n[endpoints.a]\npath = '''\n[endpoints.b]\n'''\n[x]\n",
        '[ "endpoints" . a ] # mine\npath = "/"\nx = [\n  ["a"]\n]\n[profiles]\n',
        '[endpoints.a]\r\npath = "/"\r\n\r\n[profiles.p]\r\nusers = 1\r\n',
        'note = """\n[endpoints.a]\n[x]\n"""\n',
        "endpoints.a.path = '/'\n[app]\n",
        "# [endpoints.a]\n",
    ],
)
def test_every_way_to_write_the_file_keeps_what_it_says(text: str) -> None:
    made = extended(text, [NEW, NEW.replace("new", "newer")], WHERE)
    after = tomllib.loads(made)
    assert [after["endpoints"].pop(name)["path"] for name in ("new", "newer")] == ["/new", "/newer"]
    before = tomllib.loads(text)
    assert after in (before, {**before, "endpoints": {}})
    assert ("\r\n" in made) == ("\r\n" in text)
    assert made.replace("\r\n", "").count("\r") == 0
    left = made
    for line in text.splitlines():
        left = left[left.index(line) + len(line) :]


@pytest.mark.parametrize("text", ['endpoints = { a = { path = "/" } }\n', "[[endpoints]]\n", "endpoints = 1\n"])
def test_endpoints_that_can_have_no_more_tables_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no place"):
        extended(text, [NEW], WHERE)


def operation(name: str, method: str, template: str) -> Operation:
    return Operation(name, method, template, template)


USERS = [
    operation("me", "GET", "/users/me"),
    operation("read", "GET", "/users/{id}"),
    operation("remove", "DELETE", "/users/{id}"),
    operation("file", "GET", "/files/{name}.txt"),
]


@pytest.mark.parametrize(
    ("known", "found"),
    [
        (("GET", "/users/me?x=1"), ["me"]),
        (("GET", "/users/7"), ["read"]),
        (("DELETE", "/users/7"), ["remove"]),
        (("GET", "/users/"), []),
        (("GET", "/users/7/x"), []),
        (("GET", "/files/a.txt"), ["file"]),
        (("GET", "/files/.txt"), []),
        (("POST", "/users/me"), []),
    ],
)
def test_an_endpoint_is_the_operation_whose_path_fits_best(known: tuple[str, str], found: list[str]) -> None:
    assert list(matched(USERS, [Known("x", *known, None, is_active=True)])) == found


def test_one_that_is_commented_out_is_there_too() -> None:
    text = table_text(operation("remove", "DELETE", "/users/1"))
    assert text.splitlines()[0] == '# DELETE may change data. To load it, remove the "# " of these lines.'
    (known,) = known_endpoints(f"x = 1\n\n{text}\n[y]\n", {})
    assert (known.name, known.method, known.path, known.is_active) == ("remove", "DELETE", "/users/1", False)


JSON = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(JSON, st.text())
def test_whatever_is_sent_is_read_back_as_it_was(value: object, name: str) -> None:
    one = Operation(name_of(name, "x", ()), "GET", "/", "/", json=value, headers={"A": "b"})
    text = table_text(one)
    assert not {char for char in text if not char.isprintable()} - {"\n"}
    assert tomllib.loads(text)["endpoints"][one.name] == one.table()


def test_what_is_written_and_uncommented_is_a_valid_configuration(tmp_path: Path) -> None:
    text = table_text(Operation("add", "POST", "/a", "/a", 201, json={"a": [1, {"b": "c"}]}))
    plain = "".join(line.removeprefix("# ") for line in text.splitlines(keepends=True)[1:])
    profile = '[profiles.p]\nusers = 1\nspawn_rate = 1\nduration = "1s"\nendpoints = ["add"]\n'
    (tmp_path / "benchmark.toml").write_text(f'[app]\nimport = "a:b"\n{plain}{profile}')
    assert read_config(tmp_path / "benchmark.toml").endpoints["add"].expect.status == 201
