"""Whatever a body is, there is a text to look at or one short line about what is wrong with it."""

import encodings.aliases
import gzip
import json
import sys
import zlib
from collections.abc import Callable
from contextlib import suppress

import brotli
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from load import expectation
from load.expectation import Expectation, UnreadableError, text_of

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

COMPRESSED: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstd.compress,
}


def problem(
    body: bytes, content_encoding: str | None = None, content_type: str | None = None, **expected: str
) -> str | None:
    """What is wrong with a body of status 200."""
    return Expectation(**expected).problem(200, lambda: text_of(body, content_encoding, content_type))  # type: ignore[arg-type]


# --- any body --------------------------------------------------------------------------------------------------------

BODY = st.one_of(st.binary(max_size=200), st.text(max_size=50).map(str.encode))
ENCODED = st.one_of(BODY, *(BODY.map(compress) for compress in COMPRESSED.values()))
CUT = st.tuples(ENCODED, st.integers(min_value=0, max_value=300), st.binary(max_size=5)).map(
    lambda parts: parts[0][: parts[1]] + parts[2]
)
ENCODING = st.one_of(
    st.none(),
    st.lists(st.sampled_from([*COMPRESSED, "identity", "GZIP", "rot13", ""]), max_size=3).map(",".join),
    st.text(max_size=10),
)
NAMES_OF_CHARSETS = sorted(
    {*encodings.aliases.aliases, *encodings.aliases.aliases.values(), "idna", "undefined", "x\0"}
)
CHARSET = st.one_of(st.text(max_size=20), st.sampled_from(NAMES_OF_CHARSETS))
TYPE = st.one_of(
    st.none(),
    st.text(max_size=40),
    CHARSET.map(lambda charset: f"text/html; charset={charset}"),
    CHARSET.map(lambda charset: f'text/html; charset="{charset}"; x'),
    CHARSET.map(lambda charset: f"text/html; charset*0={charset}; charset*1=b"),
)


@settings(max_examples=1000)
@given(CUT, ENCODING, TYPE, st.sampled_from(["", "/a"]))
def test_any_body_has_no_problem_or_one_short_line(
    body: bytes, content_encoding: str | None, content_type: str | None, pointer: str
) -> None:
    found = problem(body, content_encoding, content_type, contains="a", pointer=pointer)
    assert found is None or ("\n" not in found and len(found) < 200)


@settings(max_examples=1000)
@given(CUT, ENCODING, TYPE)
def test_any_body_is_a_text_or_unreadable(body: bytes, content_encoding: str | None, content_type: str | None) -> None:
    with suppress(UnreadableError):
        assert isinstance(text_of(body, content_encoding, content_type), str)


@given(BODY, st.lists(st.sampled_from(list(COMPRESSED)), max_size=3))
def test_what_was_encoded_in_any_order_is_decoded(body: bytes, names: list[str]) -> None:
    encoded = body
    for name in names:
        encoded = COMPRESSED[name](encoded)
    assert text_of(encoded, ", ".join(names), "text/plain; charset=latin-1") == body.decode("latin-1")


@pytest.mark.parametrize("name", COMPRESSED)
@given(BODY.filter(bool), st.data())
def test_a_part_of_what_was_encoded_is_unreadable(name: str, body: bytes, data: st.DataObject) -> None:
    whole = COMPRESSED[name](body)
    length = data.draw(st.integers(min_value=1, max_value=len(whole) - 1))
    with pytest.raises(UnreadableError, match=f"it is not {name}, or not all of it"):
        text_of(whole[:length], name, None)


@pytest.mark.parametrize("name", COMPRESSED)
def test_a_few_bytes_that_hold_too_much_are_not_looked_at(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expectation, "MOST_TEXT_BYTES", 3 * expectation.PIECE_BYTES)
    bomb = COMPRESSED[name](b"0" * (4 * expectation.PIECE_BYTES))
    assert problem(bomb, name, contains="0") == "the response is longer than 3145728 bytes when decoded"


def test_deflate_is_read_with_zlib_s_head_and_without_it() -> None:
    assert text_of(zlib.compress(b"hello"), "deflate", None) == "hello"
    assert text_of(zlib.compress(b"hello", wbits=-15), "deflate", None) == "hello"


# --- charsets --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        ("größe".encode(), None, "größe"),
        ("größe".encode("latin-1"), None, "größe"),
        ("größe".encode("latin-1"), "text/html; charset=ISO-8859-1", "größe"),
        ("größe".encode("utf-16"), "application/json", "größe"),
        ("größe".encode(), 'text/html; Charset="utf-8"', "größe"),
        (b"\xef\xbb\xbf{}", "application/json", "{}"),
    ],
)
def test_a_text_is_decoded_as_its_type_says(body: bytes, content_type: str | None, text: str) -> None:
    assert text_of(body, None, content_type) == text


@pytest.mark.parametrize(
    "charset", ["klingon", "idna", "punycode", "unicode_escape", "raw-unicode-escape", "hex", "rot13"]
)
def test_what_is_no_charset_is_not_known(charset: str) -> None:
    assert problem(b"\\d", None, f"text/plain; charset={charset}", contains="d") == (
        f"the response's charset {charset!r} is not known"
    )


def test_a_text_that_is_not_in_its_charset_is_said() -> None:
    assert problem(b"\xff", None, "text/plain; charset=utf-8", contains="x") == (
        "the response is not text in 'utf-8', as it says"
    )


# --- JSON ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "pointer", "found"),
    [
        ('{"a": [1, {"b": null}]}', "/a/1/b", None),
        ('{"a": [1]}', "", None),
        ('{"a": [1]}', "/a/1", "the response has nothing at /a/1"),
        ('{"a": [1]}', "/a/-", "the response has nothing at /a/-"),
        ('{"a": "text"}', "/a/0", "the response has nothing at /a/0"),
        ('{"a": 1}', "/a/0", "the response has nothing at /a/0"),
        ("null", "/a", "the response has nothing at /a"),
        ("", "/a", "the response is not JSON"),
        ("<html>", "/a", "the response is not JSON"),
        ("[" * 100_000, "/a", "the response is JSON, but nested too deeply to be read"),
        ("1" * 5_000, "/a", "the response is not JSON"),
    ],
)
def test_a_pointer_finds_something_or_says_why_not(body: str, pointer: str, found: str | None) -> None:
    assert problem(body.encode(), pointer=pointer) == found


def test_a_byte_order_mark_does_not_keep_json_from_being_read() -> None:
    body = b"\xef\xbb\xbf" + json.dumps({"a": 1}).encode()
    assert problem(body, None, "application/json; charset=utf-8", pointer="/a") is None


def test_a_body_is_read_only_where_something_is_expected_of_it() -> None:
    def unread() -> str:
        raise AssertionError

    assert Expectation(404).problem(404, unread) is None
    assert Expectation(200, "x").problem(503, unread) == "status 503 instead of 200"
