"""Whether a response came from a cache, by what caches write into headers. Pure."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

Headers = Sequence[tuple[bytes, bytes]]
Signs = Mapping[str, Mapping[str, int]]
"""Of each request, how often its last responses had each sign; "": none."""

LONGEST_NAME, LONGEST_AGE = 40, 12
SERVED = {"stale", "updating", "revalidated", "prerender"}
"""What caches call a response, other than a hit, that they gave themselves."""

_WORD = re.compile(r"[a-z_]+(?:-[a-z_]+)*")


def cache_sign(headers: Headers) -> str:
    """The header that says that a cache gave a response, as "x-cache: hit"; "" where none does.

    `Age` is of RFC 9111, `Cache-Status` of RFC 9211; the others are habits: of CloudFront, Fastly, Akamai and Squid
    (X-Cache), Cloudflare (CF-Cache-Status), nginx (X-Cache-Status, X-Proxy-Cache), Varnish (two numbers in X-Varnish),
    Vercel, Next.js, and of libraries such as fastapi-cache (X-FastAPI-Cache). Of a value no more is told than that.
    """
    for name, value in headers:
        key = name.decode("latin-1").lower()
        if said := _said(key, value.decode("latin-1").strip().lower()):
            return f"{key[:LONGEST_NAME]}: {said}"
    return ""


def _said(name: str, value: str) -> str:
    if name == "age":
        return value if value.isdecimal() and value.isascii() and value.strip("0") and len(value) < LONGEST_AGE else ""
    if name == "x-varnish":
        return "two numbers" if len(value.split()) > 1 and value.replace(" ", "").isdecimal() else ""
    if "cache" not in name or name == "cache-control" or "lookup" in name or "hit=?0" in value:
        return ""
    words = _WORD.findall(value)
    hits = (word for word in words if word.endswith("hit") and "-" not in word and not word.startswith("no"))
    return next(hits, words[0] if len(words) == 1 and words[0] in SERVED else "")


def from_cache(heads: Iterable[Mapping[str, Headers]]) -> dict[str, dict[str, int]]:
    """How many users' last responses to each request had which sign. `heads`: of each user, by request."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for by_request in heads:
        for name, headers in by_request.items():
            counts[name][cache_sign(headers)] += 1
    return {name: dict(counted) for name, counted in counts.items()}


def mostly_from_cache(parts: Iterable[Signs]) -> dict[str, str]:
    """Of each request that a cache answered at last for at least half of the users, the most frequent sign."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for part in parts:
        for name, counted in part.items():
            counts[name].update(counted)
    found = {}
    for name, counted in counts.items():
        hits = Counter({sign: number for sign, number in counted.items() if sign})
        if 2 * hits.total() >= counted.total() > 0:
            found[name] = hits.most_common(1)[0][0]
    return found
