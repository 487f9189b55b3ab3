"""A mix is promised of, compared and searched for its limit like an endpoint, and each of its requests, too."""

import json

import pytest

from tests.support.bench import Bench
from tests.support.clones import git

APP = """
import asyncio
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

async def quick(request):
    await asyncio.sleep({quick})
    return JSONResponse({{}})

async def slow(request):
    await asyncio.sleep(0.1)
    return JSONResponse({{"id": request.query_params.get("user")}})

app = Starlette(routes=[Route("/quick", quick), Route("/slow", slow)])
"""
ENDPOINTS = """
[endpoints.slow]
path = "/slow?user={user}"
data = "users.csv"
expect = { pointer = "/id" }
[mixes.evening]
requests = { quick = 3, slow = 1 }
[slo.evening]
failures = 0
[slo."evening: quick"]
p95 = "80ms"
[slo."evening: slow"]
p50 = "90ms"
"""


@pytest.fixture
def mixed(bench: Bench) -> Bench:
    bench.configure(APP.format(quick=0.02), endpoint=ENDPOINTS, duration="2s", profile="rounds = 2\n")
    file = bench.folder / "benchmark.toml"
    file.write_text(file.read_text().replace('endpoints = ["quick"]', 'endpoints = ["evening"]'))
    (bench.folder / "users.csv").write_text("user\nada\ngrace\n")
    return bench


def test_each_request_of_a_mix_can_be_promised_of(mixed: Bench) -> None:
    done = mixed.call("run", "--rounds", "1", "--gate")
    assert done.returncode in {1, 3}, done.stderr
    (result,) = mixed.record().endpoints
    assert [(part.name, [one.metric for one in part.slo]) for part in result.parts] == [
        ("quick", ["p95"]),
        ("slow", ["p50"]),
    ]
    assert [one.metric for one in result.slo] == ["failures"]
    report = next((mixed.folder / "results").glob("*/report.md")).read_text()
    if done.returncode == 1:
        assert "SLO broken: evening: slow: p50 10" in done.stderr
        assert "🔴 **evening: slow** broken: p50 10" in report
        assert "🟢 **evening** kept: failures" in report


def test_a_mix_is_compared_request_by_request(mixed: Bench) -> None:
    git(mixed.folder, "init", "--quiet", "--initial-branch=main")
    for delay_s, name in ((0.06, "One"), (0.1, "Two")):
        (mixed.folder / "app_under_test.py").write_text(APP.format(quick=delay_s))
        git(mixed.folder, "add", "--all")
        git(mixed.folder, "commit", "--quiet", f"--message={name}")
    flags = ("--profile", "quick", "--smallest-effect", "100", "--duration", "4s", "--json")
    done = mixed.call("compare", "main~1", "main", *flags)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    rows = {(one["endpoint"], one["metric"]): one for one in found["differences"]}
    assert list(dict.fromkeys(name for name, _ in rows)) == ["evening", "evening: quick", "evening: slow"]
    assert rows["evening: quick", "median_ms"]["change_percent"] == pytest.approx(66, abs=40)
    assert rows["evening: slow", "median_ms"]["change_percent"] == pytest.approx(0, abs=30)
    counted = [one for one in found["turns"] if one.get("part") is None]
    parts = [one for one in found["turns"] if one.get("part") is not None]
    assert sum(one["requests"] for one in counted) == sum(one["requests"] for one in parts) > 100
    assert not any(one["failures"] for one in counted)
    for side in ("promised_before", "promised"):
        assert found[side].keys() == {"evening", "evening: quick", "evening: slow"}
        assert found[side]["evening: slow"][0]["value"] > 90


def test_the_capacity_of_a_mix_is_searched_for_all_of_its_requests(mixed: Bench) -> None:
    flags = ("--p95-below", "1s", "--most-users", "1", "--duration", "2s", "--json")
    done = mixed.call("capacity", "evening", *flags)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["endpoint"], found["size"]) == ("evening", 1)
    assert found["steps"][0]["p95_ms"] > 95


REFUSED = {
    "diagnose": (["diagnose", "evening"], "", "'evening' is a mix, of which each endpoint is served in its own way"),
    "capacity": (["capacity", "evning", "--p95-below", "1s"], "", "no endpoint 'evning'; there are: quick, slow"),
    "no p95": (["capacity", "evening"], "", "benchmark.toml promises no p95 of evening"),
    "an unknown part": (["run"], '[slo."evening: qick"]\np95 = "1s"', "there is no endpoint 'evening: qick'"),
    "a part of no profile": (["run"], '[mixes.noon]\nflow = ["quick"]\n[slo."noon: quick"]\np95 = "1s"',
                             "[slo.noon: quick]: no profile measures noon: quick"),
}  # fmt: skip


@pytest.mark.parametrize(("words", "more", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_what_a_mix_cannot_be_asked_is_refused_in_one_line(
    mixed: Bench, words: list[str], more: str, said: str
) -> None:
    file = mixed.folder / "benchmark.toml"
    file.write_text(f"{file.read_text()}\n{more}")
    done = mixed.call(*words)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (mixed.folder / "results").exists()
