"""The client that reads streams: when each event came, what ends a stream, and what its time-out is about."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from load.clients import problem_of
from load.expectation import Expectation
from load.http_client import PreparedBytes, Response, Server
from load.results import Answers
from load.stream_client import StreamClient, StreamResponse
from load.streams import StreamSpec
from tests.load.raw_server import Pause, RawServer, Read, Script, Send, WaitForEnd, raw_server
from tests.load.test_streams import PLACES, cut

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
LAST = b"0\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def event(text: str) -> bytes:
    return chunk(f"data: {text}\n\n".encode())


def asked(server: RawServer, spec: StreamSpec | None, *, keeps_body: bool = False) -> PreparedBytes:
    return PreparedBytes("GET", f"{server.url}/", stream=spec, keeps_body=keeps_body)


@contextmanager
def client_of(server: RawServer, timeout_s: float = 10.0, longest_s: float | None = None) -> Iterator[StreamClient]:
    client = StreamClient(Server(server.url), timeout_s, longest_s)
    yield client
    client.close()


def stream_of(
    script: Script, spec: StreamSpec, timeout_s: float = 10.0, longest_s: float | None = None
) -> StreamResponse:
    with raw_server(script) as server, client_of(server, timeout_s, longest_s) as client:
        response = client.send(asked(server, spec, keeps_body=True))
    assert isinstance(response, StreamResponse)
    return response


def problem(response: Response) -> str | None:
    return problem_of(response, Expectation())


@pytest.fixture(scope="module")
def server() -> Iterator[RawServer]:
    """One server for all examples; each connection serves the newest script."""
    with raw_server([]) as running:
        yield running


@settings(max_examples=40)
@given(st.lists(st.text("ab: ", max_size=5), min_size=1, max_size=6), PLACES, st.sampled_from(["sse", "chunks"]))
def test_a_response_has_the_same_events_however_it_is_cut(
    server: RawServer, texts: list[str], places: list[int], kind: str
) -> None:
    data = HEAD + b"".join(map(event, texts)) + LAST
    server.scripts[:] = [[Read(), *map(Send, cut(data, places))]]
    with client_of(server) as client:
        response = client.send(asked(server, StreamSpec(kind), keeps_body=True))
    assert isinstance(response, StreamResponse)
    assert (response.events, response.ended, response.error) == (len(texts), "end", "")
    assert response.body == b"".join(f"data: {text}\n\n".encode() for text in texts)
    assert sum(response.gaps.values()) == len(texts) - 1


@pytest.mark.parametrize(
    "spec", [StreamSpec("sse", text="DONE"), StreamSpec("sse", events=3), StreamSpec("chunks", text="DONE")]
)
def test_the_client_ends_a_stream_by_closing_the_connection(spec: StreamSpec) -> None:
    script: Script = [Read(), Send(HEAD + event("a") + event("b")), Send(event("[DONE]")), WaitForEnd()]
    with raw_server(script) as server, client_of(server) as client:
        response = client.send(asked(server, spec))
        server.wait_for_end_of_connection()
        assert client.closed == 0
    assert isinstance(response, StreamResponse)
    assert (response.events, response.ended, problem(response)) == (3, "until", None)


def test_a_connection_is_kept_where_the_end_comes_with_the_last_event() -> None:
    whole = Send(HEAD + event("a") + event("[DONE]") + LAST)
    with raw_server([Read(), whole, Read(), whole]) as server, client_of(server) as client:
        for _ in range(2):
            response = client.send(asked(server, StreamSpec("sse", text="[DONE]")))
            assert problem(response) is None
        assert (server.connections, client.reconnected, client.closed) == (1, 0, 0)


def test_what_follows_the_last_event_is_of_no_interest() -> None:
    response = stream_of([Read(), Send(HEAD + event("a") * 9 + LAST)], StreamSpec("sse", events=2))
    assert (response.events, response.ended, problem(response)) == (2, "until", None)


def test_a_stream_is_ended_after_a_while() -> None:
    response = stream_of([Read(), Send(HEAD + event("a")), WaitForEnd()], StreamSpec("sse", after_s=0.05))
    assert (response.events, response.ended, problem(response)) == (1, "until", None)
    assert response.end_s - response.sent_s >= 0.05


def coded(name: bytes) -> bytes:
    return HEAD.replace(b"\r\n\r\n", b"\r\nContent-Encoding: " + name + b"\r\n\r\n") + event("a") + LAST


@pytest.mark.parametrize(
    ("sent", "kind", "said"),
    [
        (HEAD + event("a"), "sse", "the response broke off: its last chunk did not come"),
        (HEAD + LAST, "sse", "the stream has no event of sse; its Content-Type is text/event-stream"),
        (HEAD + event("a") + LAST, "ndjson", "the stream's first line is not JSON"),
        (HEAD.replace(b"200 OK", b"503 No") + chunk(b"no") + LAST, "sse", "status 503 instead of 200"),
        (coded(b"gzip"), "sse", "the response could not be decoded: it is not gzip"),
        (coded(b"zip"), "sse", "the response's encoding 'zip' is not known"),
    ],
)
def test_what_is_wrong_with_a_stream_is_said(sent: bytes, kind: str, said: str) -> None:
    assert problem(stream_of([Read(), Send(sent)], StreamSpec(kind))) == said


@pytest.mark.parametrize(
    ("sent", "after_s", "said"),
    [
        (b"", None, "no byte of the stream within 0.1 s"),
        (HEAD, None, "no event of the stream within 0.1 s"),
        (HEAD + event("a") + chunk(b": ping\n\n"), None, "no event of the stream within 0.1 s"),
        (HEAD, 0.05, "no event came within 0.05 s"),
        (b"", 0.05, "no event came within 0.05 s"),
    ],
)
def test_a_stream_that_does_not_go_on_is_a_failure(sent: bytes, after_s: float | None, said: str) -> None:
    response = stream_of([Read(), Send(sent), WaitForEnd()], StreamSpec("sse", after_s=after_s), timeout_s=0.1)
    assert problem(response) == said


def test_the_time_out_is_for_each_event_and_not_for_the_whole() -> None:
    events = [step for _ in range(6) for step in (Pause(0.1), Send(event("a")))]
    response = stream_of([Read(), Send(HEAD), *events, Send(LAST)], StreamSpec("sse"), timeout_s=0.45)
    assert (response.events, problem(response)) == (6, None)
    assert response.end_s - response.sent_s > 0.45


def test_a_stream_that_goes_on_for_too_long_is_given_up_where_that_is_asked_for() -> None:
    events = [step for _ in range(50) for step in (Pause(0.05), Send(event("a")))]
    response = stream_of([Read(), Send(HEAD), *events], StreamSpec("sse"), longest_s=0.3)
    assert problem(response) == "no complete response within 0.3 s"
    assert response.events > 0


def test_other_requests_of_the_same_user_have_the_time_out_of_the_whole() -> None:
    plain = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
    script: Script = [Read(), Send(HEAD + event("a") + LAST), Read(), Send(plain), Read(), Send(HEAD), WaitForEnd()]
    with raw_server(script) as server, client_of(server, 0.2) as client:
        assert isinstance(client.send(asked(server, StreamSpec("sse"))), StreamResponse)
        response = client.send(asked(server, None, keeps_body=True))
        assert (response.body, isinstance(response, StreamResponse)) == (b"hi", False)
        assert client.send(asked(server, None)).error == "no complete response within 0.2 s"


def test_each_chunk_is_an_event_and_a_text_may_lie_in_two() -> None:
    response = stream_of(
        [Read(), Send(HEAD + chunk(b"one EN") + chunk(b"D two")), WaitForEnd()], StreamSpec("chunks", text="END")
    )
    assert (response.events, response.ended, response.first) == (2, "until", b"one EN")


def test_a_pointer_looks_at_the_first_event_and_a_text_at_all_of_them() -> None:
    response = stream_of([Read(), Send(HEAD + event('{"id": 1}') + event("last") + LAST)], StreamSpec("sse"))
    assert problem_of(response, Expectation(contains="last", pointer="/id")) is None
    assert problem_of(response, Expectation(pointer="/no")) == "the response has nothing at /no"
    assert problem_of(response, Expectation(contains="none")) == "the response does not contain 'none'"


def test_a_stream_travels_to_another_machine_by_the_clock_of_its_load() -> None:
    response = stream_of([Read(), Send(HEAD + event("a") * 3 + LAST)], StreamSpec("sse"))
    answers = Answers()
    answers.start_s, answers.streaming = response.end_s - 2, {"chat"}
    answers.add(name="chat", response_time=1.0, response=response)
    answers.add(name="other", response_time=1.0, response=Response())
    ((name, end_s, first_byte_ms, first_event_ms, last_event_ms, events, _, ended, _, gaps),) = answers.told()[
        "streams"
    ]
    assert (name, round(end_s, 3), events, ended) == ("chat", 2.0, 3, "end")
    assert 0 < first_byte_ms <= first_event_ms <= last_event_ms
    assert gaps
    assert "streams" not in answers.told()
