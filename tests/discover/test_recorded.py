"""HAR files and curl commands become endpoints, and no secret of theirs is in what is written."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.discover.curl import curl_operation
from benchmark.discover.endpoints import Outcome, add_endpoints
from benchmark.discover.operation import Operation
from benchmark.errors import UsageError

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
LOGIN = '{"user": "ada", "password": "pass-word"}'
CONFIG = '[app]\nurl = "https://shop.example/api"\n'


def entry(
    method: str, url: str, *, status: int = 200, kind: str = "application/json", **request: Any
) -> dict[str, Any]:
    headers = [{"name": name, "value": value} for name, value in request.pop("headers", {}).items()]
    asked = {"method": method, "url": url, "headers": headers, **request}
    return {"request": asked, "response": {"status": status, "content": {"mimeType": kind}}}


def post(kind: str, text: str) -> dict[str, Any]:
    return {"postData": {"mimeType": kind, "text": text}}


ALBUM = """--x
Content-Disposition: form-data; name="title"

@ada
--x
Content-Disposition: form-data; name="token"

file-secret
--x
Content-Disposition: form-data; name="photo"; filename="me.jpg"
Content-Type: image/jpeg

file-secret
--x--
""".replace("\n", "\r\n")
FILES = [
    {"name": "files", "fileName": "a.png", "contentType": "image/png"},
    {"name": "files", "fileName": "C/b.png"},
    {"name": "n", "value": "1"},
]
MULTIPART = "multipart/form-data; boundary=x"
HAR = [
    entry("GET", "https://shop.example/api/orders?page=1", headers={"Accept": "application/json", ":authority": "x"}),
    entry("GET", "https://shop.example/api/orders?page=2", headers={"Cookie": "sid=cookie-of-ada"}),
    entry("GET", "https://shop.example/api/me", headers={"Authorization": f"Bearer {JWT}", "X-Tenant": "tenant-seven"}),
    entry("GET", f"https://shop.example/api/download/{JWT}?sig=signature-of-it&name=a%20b", status=304),
    entry("POST", "https://shop.example/api/login", **post("application/json", LOGIN)),
    entry("POST", "https://shop.example/api/form", **post("application/x-www-form-urlencoded", "a=1&otp=otp-secret")),
    entry("POST", "https://shop.example/api/odd", **post("text/plain", "the token is cookie-of-ada")),
    entry("POST", "https://shop.example/api/same", **post("application/json", '{"note": "tenant-seven", "n": null}')),
    entry("POST", "https://shop.example/api/upload", **post("multipart/form-data; boundary=x", "--x\r\nfile-secret")),
    entry("POST", "https://shop.example/api/album", **post(MULTIPART, ALBUM)),
    entry("POST", "https://shop.example/api/files", postData={"mimeType": MULTIPART, "params": FILES}),
    entry("GET", "https://shop.example/static/app.js", kind="text/javascript"),
    entry("GET", "https://shop.example/api/logo.png", kind="image/png"),
    entry("GET", "https://shop.example/other", headers={"X-A": "b"}),
    entry("GET", "https://shop.example/api/gone", status=404),
    entry("GET", "https://tracker.example/pixel?key=key-of-it"),
    {"request": {"method": "GET"}},
    {"request": {"method": "CONNECT", "url": "x:1"}},
    None,
]
SECRETS = [
    "cookie-of-ada",
    "eyJ",
    "tenant-seven",
    "signature-of-it",
    "pass-word",
    "otp-secret",
    "key-of-it",
    "e-secret",
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "benchmark.toml").write_text(CONFIG)
    return tmp_path / "benchmark.toml"


def added(file: Path, entries: list[Any]) -> Outcome:
    source = file.with_name("shop.har")
    source.write_text(json.dumps({"log": {"entries": entries}}))
    return add_endpoints(str(source), file, python=None, only="", tries=False)


def test_a_har_file_gives_each_request_to_the_app_once_and_no_secret(file: Path) -> None:
    done = added(file, HAR)
    made = {one.name: one for one in done.found.operations}
    assert {name: one.path for name, one in made.items() if one.is_safe} == {
        "get_orders": "/orders?page=1",
        "get_me": "/me",
        "get_download_API_SECRET": "/download/$API_SECRET?sig=$API_SIG&name=a%20b",
    }
    assert made["get_orders"].headers == {"Accept": "application/json"}
    assert made["get_me"].headers == {"Authorization": "Bearer $TOKEN", "X-Tenant": "$API_TENANT"}
    assert made["post_login"].json == {"user": "ada", "password": "$PASSWORD"}
    assert made["post_form"].form == {"a": "1", "otp": "$API_OTP"}
    assert made["post_same"].body == '{"note": "$API_NOTE", "n": null}'
    assert "may hold a secret" in made["post_odd"].needs[0]
    assert "upload" in made["post_upload"].needs[0]
    assert made["post_album"].form == {"title": "@@ada", "token": "$TOKEN", "photo": "@me.jpg"}
    assert made["post_files"].form == {"files": ["@a.png", "@b.png"], "n": "1"}
    assert list(done.found.left_out) == [
        "1 to other origins",
        "5 for static files",
        "1 that were not answered with 2xx",
    ]
    text = file.read_text()
    assert not [secret for secret in SECRETS if secret in text]
    added(file, HAR)
    assert file.read_text() == text


def test_without_a_url_the_origin_that_is_asked_most_is_the_app(file: Path) -> None:
    file.write_text('[app]\nimport = "main:app"\n')
    done = added(file, HAR)
    assert {one.path.split("/")[1] for one in done.found.operations} == {"api", "other"}


def test_a_form_that_was_written_as_a_body_is_known_again(file: Path) -> None:
    table = '[endpoints.old]\nmethod = "POST"\npath = "/form"\nbody = "a=$A&b=2"\n'
    file.write_text(f"{CONFIG}{table}")
    for command, new in (("-d b=1 -d a=2", 0), ("-d c=1", 1)):
        done = add_endpoints(f"curl https://shop.example/api/form {command}", file, python=None, only="", tries=False)
        assert len(done.written) == new


def test_a_har_file_of_another_app_changes_nothing(file: Path) -> None:
    with pytest.raises(UsageError, match=r"no request to https://shop.example:443.*https://tracker.example:443"):
        added(file, HAR[15:])
    assert file.read_text() == CONFIG


JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["request", "response", "method", "url", "headers", "postData", "params", "status"]), inner
        )
    ),
    max_leaves=20,
)


@given(st.lists(JSON, max_size=4))
def test_a_har_file_that_is_none_is_refused_in_one_line(entries: list[Any]) -> None:
    from benchmark.discover.recorded import har_operations  # noqa: PLC0415

    with pytest.raises(UsageError):
        har_operations({"log": {"entries": entries}}, "x.har", None)


def test_browsers_and_pages_write_curl_in_many_ways() -> None:
    plain = Operation("get_x", "GET", "/x", "/x", is_recorded=True)
    for command in (
        "curl http://h/x",
        "curl h/x",
        "curl --url h/x --compressed -sSL -o out.json",
        "curl -X GET \\\n 'http://h/x'",
        "curl.exe http://h/x | jq .",
        "curl $'http://h/\\u0078' -A me -m 5",
        "curl -kLsI -X GET http://h/x#part",
    ):
        assert curl_operation(command, None) == plain, command


@pytest.mark.parametrize(
    ("command", "table"),
    [
        ("curl h/x -H 'Authorization: Bearer abc'", {"headers": {"Authorization": "Bearer $TOKEN"}}),
        ("curl h/x -H 'Authorization: Bearer $MINE'", {"headers": {"Authorization": "Bearer $MINE"}}),
        ("curl h/x -uada:secret", {"headers": {"Authorization": "Basic $BASIC_LOGIN"}}),
        ("curl http://ada:secret@h/x", {"headers": {"Authorization": "Basic $BASIC_LOGIN"}}),
        ("curl h/x -b 'a=b'", {"headers": {"Cookie": "$API_COOKIE"}}),
        ("curl -G h/x -d a=1 --data-urlencode 'q=ö&b'", {"path": "/x?a=1&q=%C3%B6%26b"}),
        (
            "curl h/x -d a=1 -d password=xyz",
            {
                "method": "POST",
                "form": {"a": "1", "password": "$PASSWORD"},
            },
        ),
        ("""curl h/x --json '{"a": 1}'""", {"method": "POST", "json": {"a": 1}}),
        ("""curl -XPUT h/x -H'Content-Type: application/json' -d'["$HOME"]'""", {"method": "PUT", "json": ["$$HOME"]}),
        ("curl -I h/x", {"method": "HEAD"}),
        ("curl h/x -d 'a=1&a=2' --data-urlencode 'b=ö &@'", {"method": "POST", "form": {"a": ["1", "2"], "b": "ö &@"}}),
        (
            "curl h/x -F name=@me.jpg -F 'name=@you.png;type=image/webp' --form-string at=@ada -F pwd=xyz",
            {
                "method": "POST",
                "form": {
                    "name": ["@me.jpg", "@you.png;type=image/webp"],
                    "at": "@@ada",
                    "pwd": "$API_PWD",
                },
            },
        ),
        (
            "curl h/x -F a=b -X PUT",
            {"method": "PUT", "form": {"a": "b"}, "headers": {"Content-Type": "multipart/form-data"}},
        ),
        ("curl -T me.jpg h/x", {"method": "PUT", "file": "me.jpg"}),
        ("curl -T pics/me.jpg http://h/", {"method": "PUT", "path": "/me.jpg", "file": "pics/me.jpg"}),
        (
            "curl h/x --data-binary @me.jpg -H 'Content-Type: image/jpeg'",
            {"method": "POST", "file": "me.jpg", "headers": {"Content-Type": "image/jpeg"}},
        ),
    ],
)
def test_what_a_curl_command_sends(command: str, table: dict[str, Any]) -> None:
    made = curl_operation(command, None)
    assert made.table() == {"path": "/x", **table}
    assert made.problem() is None


@pytest.mark.parametrize("name", ["author", "page", "country", "sort"])
def test_a_field_that_is_no_secret_is_kept(name: str) -> None:
    for value in ("ada", "a-long-title-of-2026-with-many-words-in-it", "3fa85f64-5717-4562-b3fc-2c963f66afa6"):
        assert curl_operation(f"curl 'h/x?{name}={value}'", None).path == f"/x?{name}={value}"


@pytest.mark.parametrize(
    "value", ["9f86d081884c7d659a2feaa0c55ad015", "AIzaSyD4n9Xk2Lm8Qr7Tv1", JWT, "sk_live_0123456789"]
)
def test_a_value_that_nobody_typed_is_a_secret_wherever_it_stands(value: str) -> None:
    for rest in (value, f"?x={value}", f" -d x={value}", f""" --json '["{value}"]'"""):
        assert value not in str(curl_operation(f"curl h/{rest}", None).table())


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("curl", "no URL"),
        ("curl -X POST", "no URL"),
        ("curl 'http://h", "quotes"),
        ("curl http://a http://b", "several URLs"),
        ("curl --frobnicate=hunter2 http://h", "--frobnicate is not known"),
        ("curl -F hunter2 http://h", "NAME=VALUE, or NAME=@FILE"),
        ("curl -F 'a=<hunter2' http://h", "not read"),
        ("curl -T - http://h", "name a file"),
        ("curl -T hunter2 -T b http://h", "second file"),
        ("curl -F a=@hunter2 -d b=c http://h", "give one of them"),
        ("curl -d @/etc/passwd http://h", "not read"),
        ("curl -K hunter2 http://h", "not read"),
        ("curl -H", "no value"),
        ("curl http://[::1/hunter2", "impossible URL"),
        ("curl -X FROB http://h", "no FROB"),
        ("curl https://other.example/hunter2", "https://shop.example:443"),
    ],
)
def test_a_curl_command_that_cannot_be_read_is_refused_without_quoting_it(file: Path, command: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as raised:
        add_endpoints(command, file, python=None, only="", tries=False)
    assert "hunter2" not in str(raised.value)
    assert "\n" not in str(raised.value)
    assert file.read_text() == CONFIG


@given(st.text(max_size=60))
def test_any_curl_command_is_read_or_refused(text: str) -> None:
    try:
        made = curl_operation(f"curl {text}", None)
    except UsageError:
        return
    made.problem()
