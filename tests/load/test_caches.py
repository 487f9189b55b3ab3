"""Which headers say that a cache gave a response: as caches send them, and what only looks like it."""

import pytest

from load.caches import cache_sign, from_cache, mostly_from_cache

HITS = {
    "Age: 12": "age: 12",
    "X-Cache: HIT": "x-cache: hit",
    "X-Cache: Hit from cloudfront": "x-cache: hit",
    "X-Cache: RefreshHit from cloudfront": "x-cache: refreshhit",
    "X-Cache: MISS, HIT": "x-cache: hit",
    "X-Cache: TCP_MEM_HIT from a23-1.deploy.akamaitechnologies.com (AkamaiGHost/1) (-)": "x-cache: tcp_mem_hit",
    "X-Cache: HIT from proxy.example:3128": "x-cache: hit",
    "CF-Cache-Status: HIT": "cf-cache-status: hit",
    "CF-Cache-Status: REVALIDATED": "cf-cache-status: revalidated",
    "X-Cache-Status: STALE": "x-cache-status: stale",
    "X-Proxy-Cache: HIT": "x-proxy-cache: hit",
    "X-Varnish: 32770 3": "x-varnish: two numbers",
    "Cache-Status: ExampleCache; hit; key=hush-hush": "cache-status: hit",
    "Cache-Status: Origin; fwd=miss, Edge; hit; ttl=3": "cache-status: hit",
    "X-FastAPI-Cache: HIT": "x-fastapi-cache: hit",
    "X-Vercel-Cache: PRERENDER": "x-vercel-cache: prerender",
}
MISSES = [
    "Age: 0", "Age: soon", "Age: -1", "X-Cache: MISS", "X-Cache: Miss from cloudfront", "X-Cache: MISS, MISS",
    "CF-Cache-Status: DYNAMIC", "CF-Cache-Status: EXPIRED", "X-Cache-Status: BYPASS", "X-Varnish: 32770",
    "Cache-Status: Edge; fwd=uri-miss; stored", "Cache-Status: Edge; hit=?0", "Cache-Control: max-age=60, stale-hit",
    "X-Cache: hit-for-pass", "X-Cache-Hits: 0", "X-Cache-Lookup: HIT from proxy:3128", "X-Hit: hit", "X-Cache: ",
    "X-Cache-Key: /orders/whitest", "X-Cache: NO_HIT",
]  # fmt: skip


def headers(line: str) -> list[tuple[bytes, bytes]]:
    name, _, value = line.partition(": ")
    return [(b"Content-Type", b"application/json"), (name.encode(), value.encode())]


@pytest.mark.parametrize(("line", "sign"), HITS.items())
def test_what_caches_send_is_known(line: str, sign: str) -> None:
    assert cache_sign(headers(line)) == sign


@pytest.mark.parametrize("line", MISSES)
def test_what_no_cache_answered_is_not_taken_for_it(line: str) -> None:
    assert not cache_sign(headers(line))


def test_half_of_the_users_of_all_processes_decide_for_each_request() -> None:
    hit, miss = headers("X-Cache: HIT"), headers("X-Cache: MISS")
    parts = [from_cache([{"list": hit, "read": miss}, {"list": miss}]), from_cache([{"list": hit}, {"read": hit}, {}])]
    assert mostly_from_cache(parts) == {"list": "x-cache: hit", "read": "x-cache: hit"}
    assert mostly_from_cache([from_cache([{"list": hit}, {"list": miss}, {"list": miss}])]) == {}
    assert mostly_from_cache([]) == {}
