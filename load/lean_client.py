"""What Locust's fast client works out anew for every request, worked out once.

It takes the address apart, quotes it, and looks for cookies that have expired or fit, also where the server never set
one. Without that a recorded request cost 0.93 times as much as one of stock Locust that nobody records; with it and
the row of the log it was 1.07 times (`make scale`, 2026-11-24). Whatever it costs, users see as latency of the server.
"""

from functools import cached_property, lru_cache
from http.cookiejar import CookieJar
from typing import Any

from geventhttpclient.url import URL
from locust.contrib.fasthttp import FastHttpSession, FastRequest


class KnownURL(URL):
    """An address that remembers its parts."""

    @cached_property
    def host(self) -> str:
        """Name or number of the host."""
        return super().host

    @cached_property
    def port(self) -> int | None:
        """The port, or the usual one."""
        return super().port

    @cached_property
    def request_uri(self) -> str:
        """Path and query."""
        return super().request_uri

    @cached_property
    def quoted_uri(self) -> str:
        """Path and query as they are sent."""
        return super().quoted_uri


@lru_cache(maxsize=1000)
def known(url: str) -> KnownURL:
    """Take an address apart."""
    return KnownURL(url)


class LeanRequest(FastRequest):
    """A request to an address that was most likely asked before."""

    def set_url(self, url: str | URL, params: Any = None) -> None:
        """Look an address up; a redirect, or parameters beside it, are rare."""
        if params is not None or not isinstance(url, str):
            super().set_url(url, params)
            return
        self.url = url
        self.url_split = known(url)
        self.type = self.url_split.scheme
        self.host = self.url_split.netloc
        self.selector = self.url_split.request_uri or "/"


class Cookies(CookieJar):
    """Does what the standard library's does, if there is any cookie."""

    def add_cookie_header(self, request: Any) -> None:
        """Send the cookies that fit, if this user was given any."""
        if len(self):
            super().add_cookie_header(request)

    def extract_cookies(self, response: Any, request: Any) -> None:
        """Keep the cookies that the answer sets, if it sets any."""
        if "set-cookie" in response.headers:
            super().extract_cookies(response, request)


def make_lean(session: FastHttpSession) -> None:
    """Spare the session of one user the work above."""
    session.cookiejar = session.client.cookiejar = Cookies()
    session.client.request_type = LeanRequest  # type: ignore[misc]
