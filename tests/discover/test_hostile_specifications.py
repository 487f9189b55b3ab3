"""Specifications that were made to do harm: nothing hangs, no file or host is read, and benchmark.toml stays TOML."""

import json
import socket
import tomllib
import urllib.request
from pathlib import Path
from typing import Any, NoReturn

import pytest

from benchmark.config import read_config
from benchmark.discover.endpoints import Outcome, add_endpoints
from benchmark.errors import UsageError
from benchmark.plan import Endpoint

CONFIG = """\
# mine
[app]
import = "main:app"   # not started

[endpoints.mine]
path = "/mine"

[profiles.quick]
users = 1
spawn_rate = 1
duration = "1s"
endpoints = ["mine"]
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A benchmark.toml, where no connection can be opened."""

    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("it asks the network")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(urllib.request.OpenerDirector, "open", refuse)
    (tmp_path / "benchmark.toml").write_text(CONFIG)
    return tmp_path / "benchmark.toml"


def added(file: Path, document: Any) -> Outcome:
    source = file.with_name("openapi.json")
    source.write_text(document if isinstance(document, str) else json.dumps(document))
    return add_endpoints(str(source), file, python=None, only="", tries=False)


def document(schema: Any, **schemas: Any) -> dict[str, Any]:
    """One POST with a body, one GET with a parameter: both of that schema."""
    body = {"required": True, "content": {"application/json": {"schema": schema}}}
    query = {"in": "query", "name": "q", "required": True, "schema": schema}
    item = {"post": {"operationId": "add", "requestBody": body}, "get": {"operationId": "look", "parameters": [query]}}
    return {"openapi": "3.1.0", "paths": {"/a": item}, "components": {"schemas": schemas}}


def reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


WIDE = {f"p{number}": {"type": "string"} for number in range(50_000)}
HOSTILE = {
    "a reference to itself": document(reference("A"), A=reference("A")),
    "references in a ring": document(reference("A"), A=reference("B"), B=reference("A")),
    "a tree without end": document(
        reference("A"), A={"type": "object", "required": ["a"], "properties": {"a": reference("A")}}
    ),
    "parts of itself": document(reference("A"), A={"allOf": [reference("A"), reference("A")]}),
    "one of itself": document(reference("A"), A={"anyOf": [reference("A")] * 50}),
    "arrays that double": document(
        reference("A0"),
        **{f"A{n}": {"type": "array", "minItems": 9, "prefixItems": [reference(f"A{n + 1}")] * 9} for n in range(30)},
    ),
    "a thousand million items": document({"type": "array", "minItems": 10**9, "items": {"type": "string"}}),
    "a thousand million characters": document({"type": "string", "minLength": 10**9}),
    "a pattern that hangs": document({"type": "string", "pattern": "^(a+)+$", "minLength": 60}),
    "a pattern that grows": document({"pattern": "((((a{999}){999}){999}){999}){999}"}),
    "a pattern of brackets": document({"pattern": "(" * 1500}),
    "50,000 properties": document({"type": "object", "properties": WIDE}),
    "a number beyond all": document({"type": "integer", "minimum": 10**400, "multipleOf": 5e-324}),
    "an example of 10 MB": document({"example": "x" * 10_000_000}),
    "an example that nests": document({"example": json.loads("[" * 400 + "]" * 400)}),
    "a file": document({"$ref": "file:///etc/passwd"}),
    "another host": document({"$ref": "http://127.0.0.1:9/a.json#/x"}),
    "a place that is none": document({"$ref": "#/components/schemas/%2e%2e~9/x"}),
    "half a character": document({"example": "\ud800"}),
    "characters that are not seen": document({"example": {"\u202e\x00\x7f]\n[x]": "\r\n[app]\nimport = 'evil'\u2028"}}),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_schema(file: Path, name: str) -> None:
    added(file, HOSTILE[name])
    text = file.read_text()
    assert len(text) < 100_000
    assert "root:" not in text
    for char in ("\u202e", "\x7f", "\x00", "\u2028"):
        assert char not in text
    config = read_config(file)
    assert config.app.import_path == "main:app"
    assert tomllib.loads(text.split("[profiles.quick]")[1]) == tomllib.loads(CONFIG.split("[profiles.quick]")[1])
    added(file, HOSTILE[name])
    assert file.read_text() == text


PATHS = [
    "/../../etc/passwd",
    "/%2e%2e/x",
    "/a\r\nX-Evil: 1",
    "/a b\n[app]",
    "//evil.example/x",
    "/{a}{b}{c}{d}{e}{f}" * 20,
    "/x{/}y{}{",
    "/$HOME/${PATH}",
    "/#[endpoints.mine]",
    "/" + "x" * 3000,
    "/\u202egpj.exe",
    '/"""',
]


@pytest.mark.parametrize("path", PATHS)
def test_a_hostile_path(file: Path, path: str) -> None:
    names = ["add\r\n[app]\nimport = 'evil'", "mine", "", "\x1b[31m", "x" * 5000]
    paths: dict[str, Any] = {f"{path}{n}": {"get": {"operationId": name}, "delete": {}} for n, name in enumerate(names)}
    done = added(file, {"openapi": "3.0.0", "paths": paths})
    text = file.read_text()
    assert not {char for char in text if not char.isprintable()} - {"\n"}
    config = read_config(file)
    assert config.app.import_path == "main:app"
    assert config.endpoints["mine"] == Endpoint(name="mine", path="/mine")
    for endpoint in config.endpoints.values():
        assert ".." not in endpoint.path.split("/")
        assert endpoint.variables == ()
    assert len(done.written) + len(done.refused) == 10
    added(file, {"openapi": "3.0.0", "paths": paths})
    assert file.read_text() == text


def test_more_than_a_file_can_hold_is_refused_with_what_to_do(file: Path) -> None:
    paths: dict[str, Any] = {f"/{number}/{'x' * 200}": {"get": {}} for number in range(1900)}
    with pytest.raises(UsageError, match=r"256 KiB.*--only"):
        added(file, {"openapi": "3.0.0", "paths": paths})
    with pytest.raises(UsageError, match=r"2,000 operations.*--only"):
        added(file, {"openapi": "3.0.0", "paths": {f"/{number}": {"get": {}} for number in range(3000)}})
    assert file.read_text() == CONFIG
    source = str(file.with_name("openapi.json"))
    done = add_endpoints(source, file, python=None, only="/299", tries=False)
    assert [one.path for one in done.written] == ["/299", *(f"/299{number}" for number in range(10))]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "no JSON"),
        ("{", "no JSON"),
        ("[" * 100_000, "nested too deep"),
        ('{"a": NaN}', "no JSON"),
        ('{"openapi": "3.0.0", "paths": {"/": ' + "9" * 5000 + "}}", "no JSON"),
        ("openapi: 3.0.0\npaths: {}", "YAML"),
        ('{"swagger": "2.0"}', "Swagger 2"),
        ("null", "no OpenAPI"),
        ('{"log": {"entries": []}}', "no request"),
    ],
)
def test_what_is_no_specification_changes_nothing(file: Path, content: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as raised:
        added(file, content)
    assert "\n" not in str(raised.value)
    assert file.read_text() == CONFIG


def test_a_file_that_is_none_is_named(file: Path) -> None:
    for source in ("nothing.json", str(file.parent), "/dev/zero", "ftp://x/y", "https://", "http://u:p@h/", ""):
        with pytest.raises(UsageError) as raised:
            add_endpoints(source, file, python=None, only="", tries=False)
        assert "--from" in str(raised.value)
    assert file.read_text() == CONFIG
