"""One request from a cURL command, as a browser or a page of documentation gives it. The command is never executed."""

import base64
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import NoReturn
from urllib.parse import quote, quote_plus

from benchmark.discover.operation import JSON_TYPE, FileName, Operation
from benchmark.discover.recorded import METHODS, Request, Secrets, operation_of, origin_of, path_of
from benchmark.errors import UsageError
from load.forms import FORM, MULTIPART

SHORT = {
    "X": "request",
    "H": "header",
    "d": "data",
    "u": "user",
    "b": "cookie",
    "G": "get",
    "I": "head",
    "F": "form",
    "T": "upload-file",
    "K": "config",
}
DATA = {"data", "data-raw", "data-ascii", "data-binary", "data-urlencode", "json"}
USED = DATA | {"request", "header", "user", "cookie", "url", "url-query", "oauth2-bearer", "form", "form-string"}
USED |= {"upload-file", "config"}
# What has no part in the request, or what every client of ours decides itself: with an argument, and without.
_WITH_ARGUMENT = """
    A e o m x w c E C r Y y z Q t P user-agent referer output max-time connect-timeout proxy write-out cookie-jar cert
    key cacert capath range retry retry-delay retry-max-time resolve limit-rate speed-limit speed-time interface ciphers
    tls-max dns-servers max-redirs trace trace-ascii stderr proto noproxy proxy-user max-filesize keepalive-time
    unix-socket"""
_WITHOUT = """
    L k S s v i f N g Z J R j 0 1 2 3 4 6 8 # n a get head location insecure silent show-error verbose include fail
    compressed http1.0 http1.1 http2 http3 no-buffer globoff ipv4 ipv6 path-as-is tlsv1.2 tlsv1.3 no-keepalive
    progress-bar fail-with-body location-trusted tcp-nodelay http2-prior-knowledge no-progress-meter basic
    styled-output ssl-no-revoke junk-session-cookies"""
WITH_ARGUMENT, WITHOUT = set(_WITH_ARGUMENT.split()), set(_WITHOUT.split())
END = {"|", "||", "&&", ";", ">", ">>", "<", "&"}
_ANSI = re.compile(r"(?<=\s)\$'((?:[^'\\]|\\.)*)'", re.DOTALL)
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{1,2}|[0-7]{1,3}|.)", re.DOTALL)
_NAMED = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "e": "\x1b"}


def is_curl(text: str) -> bool:
    return re.match(r"\s*curl(\.exe)?(\s|$)", text) is not None


def curl_operation(command: str, base_url: str | None) -> Operation:
    """The request that a command would send. UsageError says what cannot be read; it quotes nothing of it."""
    request = _Command(command).request()
    if not request.origin:
        raise UsageError("the curl command names an impossible URL")
    if base_url is not None and request.origin != origin_of(base_url):
        raise UsageError(f"the curl command asks {request.origin}, but [app] url names {origin_of(base_url)}")
    prefix = path_of(base_url)
    return operation_of(request, prefix, Secrets([request]))


@dataclass
class _Command:
    """A command, read word by word."""

    text: str
    urls: list[str] = field(default_factory=list)
    method: str | None = None
    headers: list[tuple[str, str]] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    query: list[str] = field(default_factory=list)
    fields: list[tuple[str, str]] = field(default_factory=list)
    file: str | None = None
    kind: str | None = FORM
    in_query: bool = False
    only_head: bool = False

    def request(self) -> Request:
        words = iter(self._words())
        next(words)
        for word in words:
            if word in END:
                break
            if word.startswith("--") and len(word) > 2:  # noqa: PLR2004 - two dashes and a name
                self._take(word[2:], words)
            elif word.startswith("-") and len(word) > 1:
                self._take_short(word[1:], words)
            else:
                self.urls.append(word)
        return self._whole()

    def _words(self) -> list[str]:
        text = _ANSI.sub(lambda match: shlex.quote(_ESCAPE.sub(_unescaped, match[1])), self.text)
        try:
            return shlex.split(re.sub(r"[\\^]\r?\n", " ", text))
        except ValueError as error:
            raise UsageError(f"the curl command cannot be split into words: {error}; look at its quotes") from None

    def _take_short(self, letters: str, words: Iterator[str]) -> None:
        """Options of one letter: several in one word, the last one maybe with its argument."""
        for position, letter in enumerate(letters):
            name, rest = SHORT.get(letter, letter), letters[position + 1 :]
            if name in USED or letter in WITH_ARGUMENT:
                self._take(name, iter([rest]) if rest else words)
                return
            self._take(name, iter(()))

    def _take(self, name: str, words: Iterator[str]) -> None:
        if name in {"get", "head"}:
            self.in_query = self.in_query or name == "get"
            self.only_head = self.only_head or name == "head"
        elif name in USED or name in WITH_ARGUMENT:
            value = next(words, None)
            if value is None:
                raise UsageError(f"curl: the option {_shown(name)} has no value")
            if name in USED:
                self._use(name, value)
        elif name not in WITHOUT and not name.startswith("no-"):
            raise UsageError(f"curl: the option {_shown(name)} is not known here; leave it out")

    def _use(self, name: str, value: str) -> None:
        if name in {"data-binary", "json"} and value.startswith("@"):
            self._upload(name, value[1:])
            self.kind = JSON_TYPE if name == "json" else FORM
            return
        if name == "config" or (value.startswith("@") and name in DATA | {"header"} - {"data-raw"}):
            _refuse_file(name)
        match name:
            case "request":
                self.method = value.upper()
            case "url":
                self.urls.append(value)
            case "header":
                key, _, text = value.partition(":")
                self.headers.append((key.strip(), text.strip()))
            case "user" | "oauth2-bearer" | "cookie":
                self._log_in(name, value)
            case "url-query":
                self.query.append(value)
            case "form" | "form-string":
                self._add_field(name, value)
            case "upload-file":
                self._upload(name, value)
                self.kind = None
            case _:
                self._add_data(name, value)

    def _log_in(self, name: str, value: str) -> None:
        if name == "cookie":
            if "=" not in value:
                _refuse_file(name)
            self.headers.append(("Cookie", value))
            return
        login = base64.b64encode(value.encode(errors="replace")).decode()
        self.headers.append(("Authorization", f"Basic {login}" if name == "user" else f"Bearer {value}"))

    def _add_field(self, option: str, text: str) -> None:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UsageError(f"curl: {_shown(option)} is written as NAME=VALUE, or NAME=@FILE")
        if option == "form":
            if value.startswith("<"):
                _refuse_file(option)
            value = FileName(value[1:]) if value.startswith("@") else re.sub(r";type=[^;]*$", "", value)
        self.fields.append((name, value))

    def _upload(self, option: str, name: str) -> None:
        if name in {"", "-", "."}:
            raise UsageError(f"curl: {_shown(option)} sends what it is given; name a file")
        if self.file is not None:
            raise UsageError(f"curl: {_shown(option)} names a second file; send one")
        self.file = name

    def _add_data(self, name: str, value: str) -> None:
        if name == "data-urlencode":
            before, equals, after = value.partition("=")
            if not equals and "@" in value:
                _refuse_file(name)
            value = f"{before}={quote_plus(after)}" if equals and before else quote_plus(after or before)
        if name == "json":
            self.kind = JSON_TYPE
        self.data.append(value)

    def _whole(self) -> Request:
        if len(self.urls) != 1:
            raise UsageError(f"the curl command names {'no URL' if not self.urls else 'several URLs; give one'}")
        url = self.urls[0] if "://" in self.urls[0] else f"http://{self.urls[0]}"
        url = quote(url.partition("#")[0], safe=":/?#[]@!$&'()*+,;=%~{}|")
        joint = "" if self.kind == JSON_TYPE else "&"
        body = joint.join(self.data) if self.data and not self.in_query else None
        query = [*self.query, *(self.data if self.in_query else ())]
        if query:
            url += ("&" if "?" in url else "?") + quote("&".join(query), safe="=&%+:/@,~")
        if sum([body is not None, self.file is not None, bool(self.fields)]) > 1:
            raise UsageError("the curl command sends data, a form or a file together; give one of them")
        sends = body is not None or self.file is not None or self.fields
        if self.kind is None and url.endswith("/"):
            url += quote(PurePath(str(self.file)).name)
        usual = "PUT" if self.kind is None else "POST" if sends else "GET"
        method = self.method or ("HEAD" if self.only_head else usual)
        if method not in METHODS:
            raise UsageError(f"curl: bench sends no {_shown(method)[2:]} requests")
        kind = MULTIPART if self.fields else self.kind
        if sends and kind and not any(name.lower() == "content-type" for name, _ in self.headers):
            self.headers.append(("Content-Type", kind))
        return Request(method, url, self.headers, body, fields=self.fields, file=self.file)


def _shown(name: str) -> str:
    """An option by its name alone: what follows may be a secret."""
    plain = re.sub(r"[^A-Za-z0-9.-]", "", re.split(r"[=:]", name)[0])[:30]
    return f"--{plain}" if len(plain) > 1 else f"-{plain}"


def _refuse_file(name: str) -> NoReturn:
    better = ", or use --data-binary, which sends it as it is" if name in {"data", "data-ascii"} else ""
    raise UsageError(f"curl: {_shown(name)} names a file, which is not read; put its content into the command{better}")


def _unescaped(match: re.Match[str]) -> str:
    found = match[1]
    if found[0] in "ux" and len(found) > 1:
        return chr(int(found[1:], 16))
    return chr(int(found, 8) % 256) if found[0] in "01234567" else _NAMED.get(found, found)
