"""Promises about endpoints of known latency, on a real server: report, summary, index, exit codes."""

import pytest

from benchmark.judge.slo import by_endpoint, outcomes
from tests.support.bench import Bench

APP = """
import asyncio
from itertools import count
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

number = count()

async def quick(request):
    await asyncio.sleep(0.02)
    return JSONResponse({})

async def twentieth(request):
    await asyncio.sleep(0.4 if next(number) % 20 == 0 else 0.02)
    return JSONResponse({})

app = Starlette(routes=[Route("/quick", quick), Route("/also", quick), Route("/twentieth", twentieth)])
"""

CONFIG = """
[app]
import = "app_under_test:app"
workers = 1
[endpoints.kept]
path = "/quick"
[endpoints.broken]
path = "/also"
[endpoints.open]
path = "/twentieth"
[profiles.quick]
users = 8
spawn_rate = 8
duration = "5s"
timeout = "20s"
reference = 0
endpoints = ["kept", "broken", "open"]
[profiles.other]
users = 8
spawn_rate = 8
duration = "2s"
client = "stock"
endpoints = ["kept"]
"""
PROMISES = """
[slo.kept]
p95 = "10s"
first_byte_p50 = "10s"
failures = "20%"
throughput = "2/s"
[slo.broken]
p95 = "10ms"
[slo.open]
p95 = "200ms"
"""


def place(bench: Bench, promises: str, config: str = CONFIG) -> None:
    (bench.folder / "app_under_test.py").write_text(APP)
    (bench.folder / "benchmark.toml").write_text(config + promises)


def test_kept_broken_and_cannot_tell_are_said_everywhere_and_the_gate_closes_for_broken(bench: Bench) -> None:
    place(bench, PROMISES)
    done = bench.call("run", "--gate", timeout_s=120)
    record = bench.record()
    found = outcomes(record)
    said = {group[0].promise.endpoint: group[0].word for group in by_endpoint(found)}
    if any(one.is_of_the_run for one in found):  # tests share two processors, and one kept the others waiting
        assert {one.word for one in found if one.is_of_the_run} == {"cannot tell"}
        assert done.returncode in {0, 1, 3}
        return
    assert said == {"kept": "kept", "broken": "broken", "open": "cannot tell"}
    assert done.returncode == 1, done.stderr
    assert "bench: SLO broken: broken: p95 " in done.stderr
    assert "promised 10 ms" in done.stderr
    signs = [("🔴", "broken"), ("⚪", "open"), ("🟢", "kept")]
    for sign, name in signs:
        assert f"{sign} {name} " in done.stdout
    directory = bench.folder / "results" / record.id
    report = (directory / "report.md").read_text(encoding="utf-8").splitlines()
    assert [line.partition(" ")[2][:1] for line in report[2:5]] == [sign for sign, _ in signs]
    summary = bench.call("report", "results", "--summary")
    assert "- 🔴 **broken** broken: p95 " in summary.stdout
    assert bench.call("publish", "--local", str(directory)).returncode == 0
    index = (bench.folder / "reports" / "README.md").read_text(encoding="utf-8")
    assert "**SLOs** in the newest runs:\n\n- 🔴 **broken** (quick, " in index
    before = (directory / "report.md").read_bytes()
    assert bench.call("report", str(directory)).returncode == 0
    assert (directory / "report.md").read_bytes() == before, "a report is a function of the record alone"


def test_what_cannot_be_told_or_is_kept_does_not_close_the_gate(bench: Bench) -> None:
    place(bench, PROMISES)
    done = bench.call("run", "--gate", "--endpoint", "kept,open", timeout_s=120)
    assert done.returncode == 0 or (done.returncode == 3 and "load generator" in done.stderr), done.stderr
    assert "🔴" not in done.stdout


@pytest.mark.parametrize(
    ("promises", "arguments", "message"),
    [
        pytest.param('[slo.nothing]\np95 = "1s"', (), "slo.nothing: there is no endpoint 'nothing'", id="no endpoint"),
        pytest.param(
            '[slo.kept]\nmean = "1s"', (), "slo.kept.mean: unknown key; there are: p50, p90, p95", id="metric"
        ),
        pytest.param("[slo.kept]\nfailures = 0.1", (), "slo.kept.failures: 0.1 is written with its sign", id="no sign"),
        pytest.param("[slo.kept]", (), "slo.kept: promises nothing; write for example", id="nothing promised"),
        pytest.param('[slo]\np95 = "1s"', (), "slo.p95: must be a table: [slo.ENDPOINT]", id="no endpoint named"),
        pytest.param(
            '[slo.open]\nprofile = "other"\np95 = "1s"',
            (),
            "slo.open.profile: 'other' does not measure open",
            id="profile",
        ),
        pytest.param(
            '[endpoints.lonely]\npath = "/"\n[slo.lonely]\np95 = "1s"',
            (),
            "[slo.lonely]: no profile measures lonely, so nothing checks it",
            id="never measured",
        ),
        pytest.param(
            '[slo.kept]\nfirst_byte_p95 = "1s"',
            ("--profile", "other"),
            '[slo.kept] first_byte_p95: when responses begin is not known of client = "stock"; promise p95 instead',
            id="first byte of another client",
        ),
        pytest.param(
            '[endpoints.own]\npath = "/"\nlocustfile = "x.py"\n[slo.own]\nfirst_byte_p50 = "1s"',
            ("--endpoint", "own"),
            "[slo.own] first_byte_p50: when responses begin is not known of its own locustfile",
            id="first byte of a locustfile",
        ),
        pytest.param(
            "", ("--gate",), "--gate: benchmark.toml promises nothing of what profile 'quick'", id="no promise"
        ),
    ],
)
def test_a_promise_that_the_run_cannot_check_is_refused_before_the_load(
    bench: Bench, promises: str, arguments: tuple[str, ...], message: str
) -> None:
    place(bench, promises)
    done = bench.call("run", *arguments)
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (bench.folder / "results").exists()
