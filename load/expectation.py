"""What a right response is, and reading a body as far as that needs it.

Whatever a server sends, the outcome is a text that can be looked at, or one short sentence about what is wrong with it.
"""

import codecs
import json
import ssl
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import Message
from typing import Any, Self

import brotli
from jsonpointer import EndOfList, JsonPointer, JsonPointerException

from load.spec import RequestSpec

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MOST_TEXT_BYTES = 256 * 1024**2
"""A body that decodes to more is not looked at: a few kB of gzip can hold gigabytes."""

PIECE_BYTES = 1024**2
MOST_TYPE_LENGTH = 1000
"""Of a Content-Type, what is read of it."""

NO_CHARSETS = {"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"}
"""What only Python knows as encodings of text."""

WRONG_DATA = (zlib.error, brotli.error, zstd.ZstdError, EOFError)


class UnreadableError(Exception):
    """A body cannot be read as text; the message says why."""


@dataclass(frozen=True)
class Expectation:
    """A status, and maybe what the body contains, or where its JSON has a value."""

    status: int = 200
    contains: str | None = None
    pointer: str | None = None

    @classmethod
    def of(cls, request: RequestSpec) -> Self:
        return cls(request.status, request.contains, request.pointer)

    @property
    def reads_body(self) -> bool:
        """Whether a right response is known by its body; reading it costs time, spent only where it is needed."""
        return self.contains is not None or self.pointer is not None

    def problem(self, status: int, read: Callable[[], str], read_json: Callable[[], str] | None = None) -> str | None:
        """Say in one line what is wrong with a response, None if it is right. Never quotes the response.

        `read_json`: the text that the pointer looks at, where it is not all of it.
        """
        if status != self.status:
            return f"status {status} instead of {self.status}"
        if not self.reads_body:
            return None
        try:
            if self.contains is not None and self.contains not in read():
                return f"the response does not contain {self.contains!r}"
            return None if self.pointer is None else _pointer_problem(self.pointer, (read_json or read)())
        except UnreadableError as error:
            return str(error)


def _pointer_problem(pointer: str, text: str) -> str | None:
    return _found(pointer, text)[1]


def _found(pointer: str, text: str) -> tuple[Any, str | None]:
    try:
        found = JsonPointer(pointer).resolve(json.loads(text.removeprefix("\ufeff")))
    except ValueError:
        return None, "the response is not JSON"
    except RecursionError:
        return None, "the response is JSON, but nested too deeply to be read"
    except JsonPointerException:
        found = EndOfList(None)
    return (None, f"the response has nothing at {pointer}") if isinstance(found, EndOfList) else (found, None)


def value_at(pointer: str, read: Callable[[], str]) -> tuple[Any, str | None]:
    """What a response has at a JSON pointer, a text or a number, and why there is none."""
    try:
        found, problem = _found(pointer, read())
    except UnreadableError as error:
        return None, str(error)
    if problem is None and (found is None or isinstance(found, dict | list)):
        return None, f"the response has no text or number at {pointer}"
    return found, problem


def text_of(body: bytes, content_encoding: str | None, content_type: str | None) -> str:
    """Decode a body. UnreadableError: its encoding or charset is not known, or it is not encoded like that.

    Without a charset it is UTF-8, or what JSON may be; other bytes are taken one for one (ISO 8859-1), which never
    fails.
    """
    plain = decoded(body, content_encoding)
    charset = charset_of(content_type)
    if charset is None:
        try:
            return plain.decode(json.detect_encoding(plain))
        except UnicodeDecodeError:
            return plain.decode("latin-1")
    try:
        if codecs.lookup(charset).name not in NO_CHARSETS:
            return plain.decode(charset)
    except LookupError:
        pass  # as those of which only Python knows
    except ValueError:
        raise UnreadableError(f"the response is not text in {charset[:40]!r}, as it says") from None
    raise UnreadableError(f"the response's charset {charset[:40]!r} is not known")


def charset_of(content_type: str | None) -> str | None:
    if not content_type or "charset" not in content_type.lower():
        return None
    message = Message()
    message["Content-Type"] = content_type[:MOST_TYPE_LENGTH].replace("\r", " ").replace("\n", " ")
    found = message.get_param("charset")
    return found.strip() or None if isinstance(found, str) else None


def encodings(content_encoding: str | None) -> list[str]:
    names = [name.strip().lower() for name in (content_encoding or "").split(",")]
    return [name for name in names if name not in {"", "identity"}]


def decoded(body: bytes, content_encoding: str | None) -> bytes:
    """Undo what Content-Encoding says, in the order that it says. UnreadableError: it is not so, or not known."""
    for name in reversed(encodings(content_encoding)):
        if name not in DECODERS:
            raise UnreadableError(f"the response's encoding {name[:40]!r} is not known")
        try:
            body = _bounded(DECODERS[name](body))
        except WRONG_DATA:
            raise UnreadableError(f"the response could not be decoded: it is not {name}, or not all of it") from None
    return body


def _bounded(pieces: Iterator[bytes]) -> bytes:
    found: list[bytes] = []
    length = 0
    for piece in pieces:
        found.append(piece)
        length += len(piece)
        if length > MOST_TEXT_BYTES:
            raise UnreadableError(f"the response is longer than {MOST_TEXT_BYTES} bytes when decoded")
    return b"".join(found)


def _inflated(body: bytes, window_bits: int) -> Iterator[bytes]:
    while body:
        part = zlib.decompressobj(window_bits)
        while not part.eof:
            piece = part.decompress(body, PIECE_BYTES)
            body = part.unconsumed_tail
            if not piece and not body and not part.eof:
                raise EOFError
            yield piece
        body = part.unused_data  # gzip may be several files, one behind the other


def _gzip(body: bytes) -> Iterator[bytes]:
    return _inflated(body, zlib.MAX_WBITS | 16)


def _deflate(body: bytes) -> Iterator[bytes]:
    """With zlib's head, as HTTP says, or without it, as some servers send it."""
    has_head = len(body) > 1 and body[0] & 0x0F == zlib.DEFLATED and int.from_bytes(body[:2], "big") % 31 == 0
    return _inflated(body, zlib.MAX_WBITS if has_head else -zlib.MAX_WBITS)


def _brotli(body: bytes) -> Iterator[bytes]:
    part = brotli.Decompressor()
    while body or not part.is_finished():
        piece = part.process(body, output_buffer_limit=PIECE_BYTES)
        if not piece and part.can_accept_more_data() and not part.is_finished():
            raise EOFError
        body = b""
        yield piece
        if part.is_finished():
            return


def _zstd(body: bytes) -> Iterator[bytes]:
    while body:
        part = zstd.ZstdDecompressor()
        while not part.eof:
            piece = part.decompress(body, PIECE_BYTES)
            body = b""
            if not piece and part.needs_input:
                raise EOFError
            yield piece
        body = part.unused_data


DECODERS: dict[str, Callable[[bytes], Iterator[bytes]]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}


class _BrotliPart:
    """With the names of the other decoders."""

    unused_data = b""

    def __init__(self) -> None:
        self._part = brotli.Decompressor()
        self.decompress: Callable[[bytes], bytes] = self._part.process

    @property
    def eof(self) -> bool:
        return bool(self._part.is_finished())


def _deflate_part(data: bytes) -> Any:
    return zlib.decompressobj(zlib.MAX_WBITS if data[0] & 0x0F == zlib.DEFLATED else -zlib.MAX_WBITS)


_PARTS: dict[str, Callable[[bytes], Any]] = {
    "gzip": lambda _: zlib.decompressobj(zlib.MAX_WBITS | 16),
    "x-gzip": lambda _: zlib.decompressobj(zlib.MAX_WBITS | 16),
    "deflate": _deflate_part,
    "br": lambda _: _BrotliPart(),
    "zstd": lambda _: zstd.ZstdDecompressor(),
}


class Decoder:
    """Undoes one Content-Encoding of a stream, piece by piece as it comes. WRONG_DATA: it is not so."""

    def __init__(self, name: str) -> None:
        self._make = _PARTS[name]
        self._part: Any = None

    def feed(self, data: bytes) -> bytes:
        found = []
        while data:
            if self._part is None:
                self._part = self._make(data)
            found.append(self._part.decompress(data))
            if not self._part.eof:
                break
            data, self._part = self._part.unused_data, None  # several parts, one behind the other
        return b"".join(found)


def described(error: BaseException) -> str:
    """A few words about an error, without addresses or numbers that would make each failure one of its own kind."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is invalid ({error.verify_message.partition(',')[0].lower()})"
    if isinstance(error, ssl.SSLError) and error.reason:
        return f"TLS failed ({error.reason.lower().replace('_', ' ')})"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__
