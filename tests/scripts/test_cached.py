"""Who asks for one URL, and is answered by a cache, is told so."""

from tests.support.bench import Bench, assert_measured

APP = """
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

asked = set()

async def item(request):
    known = request.url.path in asked
    asked.add(request.url.path)
    return JSONResponse({}, headers={"X-Cache": "HIT" if known else "MISS", "Age": "0"})

async def fresh(request):
    return JSONResponse({}, headers={"X-Cache": "MISS"})

app = Starlette(routes=[Route("/items/{number}", item), Route("/fresh", fresh)])
"""
ENDPOINT = """
[endpoints.one]
path = "/items/1"
[endpoints.each]
path = "/items/{number}"
data = "numbers.csv"
[mixes.evening]
requests = { quick = 1, one = 1, each = 1 }
"""


def test_one_url_that_a_cache_answers_has_a_finding(bench: Bench) -> None:
    bench.configure(APP, path="/fresh", endpoint=ENDPOINT, duration="1s")
    (bench.folder / "numbers.csv").write_text("number\n2\n3\n")
    assert_measured(bench.call("run", "--endpoint", "quick,one,each,evening"))
    found = {
        result.name: [one.message for one in result.rounds[0].warnings if one.kind == "from-cache"]
        for result in bench.record().endpoints
    }
    said = "came from a cache (x-cache: hit). All requests"
    assert found == {
        "quick": [],
        "one": [f"Responses {said} asked for one URL, so these are the latencies of the cache."],
        "each": [],
        "evening": [f"Responses of one {said} of each asked for one URL, so these are the latencies of the cache."],
    }
    report = next((bench.folder / "results").glob("*/report.md")).read_text()
    assert "Let users ask for different URLs" in report
