"""A user's cookies, at no cost where the server sets none.

The standard library looks for cookies that have expired, and for ones that fit, with every request and every answer: a
tenth of what a request costs the generator, though most apps set no cookie at all.
"""

from http.cookiejar import CookieJar
from typing import Any


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
