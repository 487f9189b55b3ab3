"""Streams: what the app sent and when is what is measured; what is asked for wrongly starts nothing."""

import json
from itertools import pairwise
from statistics import median
from typing import Any

import pytest

from benchmark.record import Round
from benchmark.streams import StreamFigures
from tests.support.bench import Bench, assert_measured

APP = """
import asyncio, json, os, time
from starlette.applications import Starlette
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route

def note(**line):
    with open("seen.jsonl", "a") as file:
        file.write(json.dumps(line) + "\\n")

async def tokens(request):
    began = time.monotonic()
    await asyncio.sleep(0.05)
    async def events():
        sent = []
        await asyncio.sleep(0.25)
        for number in range(5):
            sent.append(time.monotonic() - began)
            yield f"data: token {number}\\n\\n"
            await asyncio.sleep(0.1)
        yield "data: [DONE]\\n\\n"
        note(sent=sent)
    return StreamingResponse(events(), media_type="text/event-stream")

async def endless(request):
    async def events():
        note(begun=1)
        try:
            while True:
                yield "data: tick\\n\\n"
                await asyncio.sleep(0.02)
        finally:
            note(cancelled=1)
    return StreamingResponse(events(), media_type="text/event-stream")

async def made():
    for number in range(10):
        yield json.dumps({"number": number}) + "\\n"
        await asyncio.sleep(0.02)

async def lines(request):
    return StreamingResponse(made(), media_type="application/x-ndjson")

async def listed(request):
    return StreamingResponse(iter([line async for line in made()]), media_type="application/x-ndjson")

async def quick(request):
    return StreamingResponse(iter(["data: a\\n\\n"] * 10), media_type="text/event-stream")

async def broken(request):
    async def events():
        yield "data: a\\n\\n"
        raise RuntimeError("on purpose")
    return StreamingResponse(events(), media_type="text/event-stream")

async def plain(request):
    return JSONResponse({"order": 7})

ways = (tokens, endless, lines, listed, quick, broken, plain)
app = Starlette(routes=[Route(f"/{way.__name__}", way) for way in ways])
"""
TOML = """
schema_version = 1
[app]
import = "app_under_test:app"
workers = 1
[endpoints.tokens]
path = "/tokens"
stream = "sse"
until = "[DONE]"
expect = { contains = "token 4" }
[endpoints.endless]
path = "/endless"
stream = "sse"
until = "300ms"
[endpoints.counted]
path = "/endless"
stream = "sse"
until = 5
[endpoints.lines]
path = "/lines"
stream = "ndjson"
until = "nowhere"
expect = { pointer = "/number" }
[endpoints.listed]
path = "/listed"
stream = "ndjson"
[endpoints.chunks]
path = "/lines"
stream = "chunks"
[endpoints.quick]
path = "/quick"
stream = "sse"
[endpoints.plain]
path = "/plain"
[mixes.both]
requests = { lines = 1, plain = 1 }
[profiles.quick]
users = 3
spawn_rate = 3
duration = "2s"
timeout = "5s"
reference = 0
endpoints = ["tokens"]
"""


@pytest.fixture
def streams(bench: Bench) -> Bench:
    (bench.folder / "app_under_test.py").write_text(APP)
    (bench.folder / "benchmark.toml").write_text(TOML)
    return bench


def measured(bench: Bench, *flags: str, names: str = "tokens") -> dict[str, Round]:
    done = bench.call("run", "--endpoint", names, *flags)
    assert_measured(done)
    assert "first event" in done.stdout
    return {result.name: result.rounds[0] for result in bench.record().endpoints}


def figures(found: Round) -> StreamFigures:
    (one,) = found.streams
    return one


def seen(bench: Bench) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (bench.folder / "seen.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(
    "flags",
    [[], ["--rate", "3/s", "--users", "30", "--spawn-rate", "30"], ["--processes", "2", "--users", "4"]],
    ids=["closed", "open", "processes"],
)
def test_events_come_when_the_app_has_sent_them(streams: Bench, flags: list[str]) -> None:
    found = figures(measured(streams, *flags)["tokens"])
    assert found.streams == found.complete == found.by_until > 0
    assert found.events == 6 * found.complete
    sent = [line["sent"] for line in seen(streams) if "sent" in line]
    first_ms = 1000 * min(moments[0] for moments in sent)
    gap_ms = 1000 * median(two - one for moments in sent for one, two in pairwise(moments))
    assert found.fastest_event_ms
    assert found.fastest_event_ms >= first_ms - 1
    assert found.first_event_ms
    assert found.first_byte_ms
    assert 45 < found.first_byte_ms < found.first_event_ms - 200
    assert found.gap_p50_ms == pytest.approx(gap_ms, rel=0.2)


def test_endless_streams_are_ended_and_the_app_hears_of_it(streams: Bench) -> None:
    both = measured(streams, names="endless,counted")
    timed, counted = figures(both["endless"]), figures(both["counted"])
    assert timed.streams == timed.complete == timed.by_until > 0
    assert (counted.events, counted.by_until) == (5 * counted.complete, counted.streams)
    assert (both["endless"].min_ms or 0) >= 300
    assert both["endless"].closed == 0
    lines = seen(streams)
    assert sum("begun" in line for line in lines) == sum("cancelled" in line for line in lines) > timed.streams


def test_lines_and_chunks_are_events_and_one_that_never_comes_ends_nothing(streams: Bench) -> None:
    both = measured(streams, names="lines,chunks")
    for found in (figures(both["lines"]), figures(both["chunks"])):
        assert (found.events, found.by_until) == (10 * found.complete, 0)
        assert found.complete > 0
    assert "stream-until-unmet" in {finding.kind for finding in both["lines"].warnings}
    assert "stream-until-unmet" not in {finding.kind for finding in both["chunks"].warnings}


def test_a_buffered_stream_is_named_and_a_quick_one_is_not(streams: Bench) -> None:
    rounds = measured(streams, names="listed,quick,chunks")
    said = {name: {one.kind: one for one in found.warnings} for name, found in rounds.items()}
    assert "all 10 events of a stream arrived within" in said["listed"]["stream-buffered"].message
    assert not any("stream-buffered" in said[name] for name in ("quick", "chunks"))
    (report,) = (streams.folder / "results").glob("*/report.md")
    table = report.read_text().split("## Streams")[1]
    assert "not measurable" in table.split("\n\n")[1]


def test_a_stream_in_a_mix_has_a_row_and_other_requests_have_none(streams: Bench) -> None:
    found = measured(streams, names="both")["both"]
    assert [one.name for one in found.streams] == ["lines"]
    assert figures(found).streams == next(part for part in found.parts if part.name == "lines").requests > 0


def test_a_stream_that_breaks_off_fails_before_the_load(streams: Bench) -> None:
    file = streams.folder / "benchmark.toml"
    file.write_text(file.read_text().replace('"/tokens"', '"/broken"'))
    done = streams.call("run")
    assert done.returncode == 4
    assert "the response broke off: its last chunk did not come" in done.stderr


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ('path = "/endless"\nstream = "sse"', "but the stream does not end within 5.02 s; to end it"),
        ('path = "/endless"', 'an endless stream needs stream = "sse" and until = "5s"'),
        ('path = "/lines"\nstream = "sse"', 'its Content-Type is application/x-ndjson; write stream = "ndjson"'),
        ('path = "/plain"\nstream = "sse"', "the stream has no event of sse; its Content-Type is application/json"),
        ('path = "/endless"\nstream = "sse"\nuntil = 3\nexpect = { status = 201 }', "status 200 instead of 201"),
    ],
)  # fmt: skip
def test_the_check_before_a_load_says_what_to_write(streams: Bench, keys: str, said: str) -> None:
    streams.configure(APP, path="/x", timeout="5s")
    file = streams.folder / "benchmark.toml"
    file.write_text(file.read_text().replace('path = "/x"', keys))
    done = streams.call("run")
    assert done.returncode == 4
    assert said in done.stderr


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"sse"\nuntil = 5', '"websocket"', "endpoints.counted.stream: WebSocket is not supported"),
        ('"sse"\nuntil = 5', '"WSS"', "WebSocket is not supported"),
        ('"sse"\nuntil = 5', '"events"', "must be 'sse', 'ndjson' or 'chunks'"),
        ('stream = "sse"\nuntil = 5', "until = 5", "endpoints.counted.until: goes with stream ="),
        ("until = 5", "until = 0", "at least 1"),
        ("until = 5", "until = -1", "at least 1"),
        ("until = 5", "until = 1.5", "must be whole"),
        ("until = 5", "until = true", "write a text"),
        ("until = 5", 'until = ""', "must not be empty"),
        ("until = 5", 'until = "20"', "may be a number of events or of seconds"),
        ("until = 5", 'until = "0s"', "more than 0"),
        ("until = 5", 'until = "5 seconds"', "is no duration"),
        ("until = 5", 'until = "2s"', "ends no stream within a load of 2 s"),
        ("until = 5", 'until = 5\nmethod = "HEAD"', "a response to HEAD has no body"),
        ("until = 5", 'until = 5\nlocustfile = "users.py"', "its locustfile brings its own users"),
        ("users = 3", 'client = "stock"\nusers = 3', 'stream needs client = "fast"'),
        ("users = 3", 'client = "requests"\nusers = 3', 'stream needs client = "fast"'),
    ],
)
def test_what_cannot_be_is_refused_in_one_line_before_anything_starts(
    streams: Bench, old: str, new: str, said: str
) -> None:
    file = streams.folder / "benchmark.toml"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new, 1))
    done = streams.call("run", "--endpoint", "counted")
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (streams.folder / "results").exists()
