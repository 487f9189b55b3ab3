"""Ask for every endpoint once, in their order, and print what is wrong with the responses.

Requests that only read are sent together; one that may change something waits for those before it, and those after it
wait for it: a GET may need what a POST makes.

Reads `{"base_url", "client", "timeout_s", "stream_s", "ca_file", "one_by_one", "requests": [...]}` from the file it is
given; `stream_s`: how long a stream may take that is not told when to end. In the place of a request may stand
`{"steps": [...], "is_flow"}`: what one user sends in order, with its data and logins. It writes one JSON line
`{"name", "problem", "answer_s"}` per request, as its response comes, into the second one. Of a response that has begun
and goes on for some seconds it first writes a line `{"name", "begun_s"}`. `one_by_one`: none are sent together.
Runs as a process of its own so that a request that hangs can be ended. Client, bytes and check are those of the load:
what is verified is what is counted.
"""

from gevent import monkey

monkey.patch_all()  # as Locust does: `requests` then waits without keeping the others from asking

import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from itertools import groupby
from pathlib import Path
from typing import Any

import gevent

from load.clients import Client, client_maker, prepared, problem_of
from load.expectation import Expectation, text_of
from load.http_client import TOO_LATE, HttpClient, Response
from load.spec import RequestSpec, in_order
from load.stream_client import StreamResponse
from load.visitor import Script, Visitor

GOES_ON_AFTER_S = 2.0
MOST_SHOWN = 100
MOST_FIELDS = 5
REDIRECTS = range(300, 400)
HINTS: dict[int, str] = {
    HTTPStatus.NOT_FOUND: "; perhaps its path lacks the prefix of a router or a sub-application, or has one that only "
    "a proxy removes (root_path)",
    HTTPStatus.SERVICE_UNAVAILABLE: '; if it is still starting, write ready = "/health", a path that tells, into [app]',
}


STREAMS = {
    "text/event-stream": "sse",
    "application/x-ndjson": "ndjson",
    "application/ndjson": "ndjson",
    "application/jsonl": "ndjson",
    "application/x-jsonlines": "ndjson",
}
"""What a Content-Type says of a stream."""


def explained(problem: str | None, response: Response, asked: dict[str, Any]) -> str | None:
    """What is wrong with a response, and what its head says of the cause."""
    if problem is None:
        return None
    if response.error.startswith(TOO_LATE) and response.status_code:
        kind = shown((response.header(b"content-type") or "no Content-Type").partition(";")[0])
        if isinstance(response, StreamResponse):
            ends = f"{response.events} events came ({kind}), but the stream does not end within {asked['stream_s']:g} s"
            return f'{ends}; to end it, write until = "5s", a number of events, or a text that its last event contains'
        ends = f"it responds ({response.status_code}, {kind}), but the response does not end"
        stream = f'stream = "{STREAMS.get(kind.strip().lower(), "chunks")}" and until = "5s"'
        return f"{ends} within {asked['timeout_s']:g} s; an endless stream needs {stream}"
    if isinstance(response, StreamResponse) and response.wrong and problem == response.wrong:
        other = STREAMS.get((response.header(b"content-type") or "").partition(";")[0].strip().lower())
        return f'{problem}; write stream = "{other}"' if other and f"of {other};" not in problem else problem
    return f"{problem}{hint(response, asked['base_url'])}"


def hint(response: Response, base_url: str) -> str:
    """What to write where the head, or the body of a validation error, tells; "" where neither does."""
    location, wants = response.header(b"location"), response.header(b"www-authenticate") or "Bearer"
    if "certificate" in response.error:
        return '; to trust its CA, write ca_file = "ca.pem" into [app], or --ca-file ca.pem'
    if location is not None and response.status_code in REDIRECTS:
        to = shown(place(location, base_url))
        write = f'; write path = "{to}"' if to.startswith("/") else ""
        return f": it redirects to {to}, which no client here follows{write}"
    if response.status_code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        scheme = shown(wants.split(" ")[0].rstrip(","))
        made = ", and export TOKEN=$(printf %s USER:PASSWORD | base64)" if scheme == "Basic" else ""
        return f': it needs a login; write headers = {{ Authorization = "{scheme} $TOKEN" }}{made}'
    if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = shown(response.header(b"allow") or "another method")
        return f': it takes {allowed}; write method = "..."'
    fields = refused_fields(response) if response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY else ""
    return f": {fields}" if fields else HINTS.get(response.status_code, "")


def refused_fields(response: Response) -> str:
    """What a validation error of FastAPI says of each field, as "body.name (Field required)"; "" for another body."""
    encoding, kind = response.header(b"content-encoding"), response.header(b"content-type")
    try:
        listed = json.loads(text_of(response.body, encoding, kind))["detail"]
        named = [f"{'.'.join(map(str, one['loc']))} ({one['msg']})" for one in listed]
    except (ValueError, LookupError, TypeError):
        return ""
    return ", ".join(shown(one) for one in named[:MOST_FIELDS]) + (" ..." if len(named) > MOST_FIELDS else "")


def place(location: str, base_url: str) -> str:
    """Where a redirect leads, without what may be a secret: a query, a password."""
    plain = re.sub(r"//[^/@]*@", "//", location.partition("?")[0].partition("#")[0])
    return plain.removeprefix(base_url) or "/"


def shown(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)[:MOST_SHOWN]


def verify(spec: RequestSpec, asked: dict[str, Any], write: Callable[[dict[str, Any]], None]) -> None:
    client = client_for([spec], asked)
    with watching(spec, client, write):
        response = client.send(prepared(spec, asked["base_url"], os.environ, keeps_body=True))
    client.close()
    problem = explained(problem_of(response, Expectation.of(spec)), response, asked)
    write({"name": spec.name, "problem": problem, "answer_s": response.end_s - response.sent_s})


def visit(scripted: dict[str, Any], asked: dict[str, Any], write: Callable[[dict[str, Any]], None]) -> None:
    """Send each request of a script once, as the first user does under load; a flow ends with a wrong response."""
    specs = list(map(RequestSpec.of, scripted["steps"]))
    client = client_for(specs, asked)
    script = Script(specs, asked["base_url"], os.environ, is_flow=scripted["is_flow"], keeps_bodies=True)
    visitor = Visitor(script, client, 0)
    for step in script.steps:
        visitor.choose(step)
        with watching(step.spec, client, write):
            response, problem = visitor.exchange()
        problem = explained(problem, response, asked)
        write({"name": step.spec.name, "problem": problem, "answer_s": response.end_s - response.sent_s})
        if problem is not None and script.is_flow:
            break
    client.close()


def client_for(specs: Sequence[RequestSpec], asked: dict[str, Any]) -> Client:
    return client_maker(
        asked["client"],
        asked["base_url"],
        timeout_s=asked["timeout_s"],
        ca_file=asked["ca_file"],
        streams=any(spec.stream for spec in specs),
        longest_s=asked["stream_s"],
    )()


@contextmanager
def watching(spec: RequestSpec, client: Client, write: Callable[[dict[str, Any]], None]) -> Iterator[None]:
    def look() -> None:
        if isinstance(client, HttpClient) and client.is_receiving:
            write({"name": spec.name, "begun_s": GOES_ON_AFTER_S})

    told_s = (spec.stream.after_s if spec.stream else None) or 0.0
    watcher = gevent.spawn_later(GOES_ON_AFTER_S + told_s, look)
    yield
    watcher.kill()


def main() -> None:
    asked: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
    answers = Path(sys.argv[2])

    def write(line: dict[str, Any]) -> None:
        with answers.open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps(line)}\n")

    for scripted, items in groupby(asked["requests"], key=lambda item: "steps" in item):
        if scripted:
            for item in items:
                visit(item, asked, write)
            continue
        specs = list(map(RequestSpec.of, items))
        for group in [[spec] for spec in specs] if asked["one_by_one"] else in_order(specs):
            gevent.joinall([gevent.spawn(verify, spec, asked, write) for spec in group], raise_error=True)


if __name__ == "__main__":
    main()
