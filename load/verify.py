"""Ask for every endpoint once, all at the same time, and print what is wrong with the responses.

Reads `{"base_url", "client", "timeout_s", "ca_file", "requests": [...]}` from the file it is given; writes one JSON
line `{"name", "problem", "answer_s"}` per request, as its response comes, into the second one. Of a response that has
begun and goes on for some seconds it first writes a line `{"name", "begun_s"}`.
Runs as a process of its own so that a request that hangs can be ended. Client, bytes and check are those of the load:
what is verified is what is counted.
"""

from gevent import monkey

monkey.patch_all()  # as Locust does: `requests` then waits without keeping the others from asking

import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent

from load.clients import client_maker, prepared, problem_of
from load.expectation import Expectation
from load.http_client import TOO_LATE, HttpClient, Response
from load.spec import RequestSpec

GOES_ON_AFTER_S = 3.0
MOST_SHOWN = 100
REDIRECTS = range(300, 400)


def explained(problem: str | None, response: Response, base_url: str, timeout_s: float) -> str | None:
    """What is wrong with a response, and what its head says of the cause."""
    if problem is None:
        return None
    if response.error.startswith(TOO_LATE) and response.status_code:
        kind = shown((response.header(b"content-type") or "no Content-Type").partition(";")[0])
        ends = f"it responds ({response.status_code}, {kind}), but the response does not end within {timeout_s:g} s"
        return f"{ends}; an endless stream needs a locustfile of its own"
    location = response.header(b"location")
    if location is not None and response.status_code in REDIRECTS:
        return f"{problem}: it redirects to {shown(place(location, base_url))}, which no client here follows"
    return problem


def place(location: str, base_url: str) -> str:
    """Where a redirect leads, without what may be a secret: a query, a password."""
    plain = re.sub(r"//[^/@]*@", "//", location.partition("?")[0].partition("#")[0])
    return plain.removeprefix(base_url) or "/"


def shown(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)[:MOST_SHOWN]


def verify(spec: RequestSpec, asked: dict[str, Any], write: Callable[[dict[str, Any]], None]) -> None:
    base_url, timeout_s = asked["base_url"], asked["timeout_s"]
    client = client_maker(asked["client"], base_url, timeout_s=timeout_s, ca_file=asked["ca_file"])()

    def look() -> None:
        if isinstance(client, HttpClient) and client.is_receiving:
            write({"name": spec.name, "begun_s": GOES_ON_AFTER_S})

    watcher = gevent.spawn_later(GOES_ON_AFTER_S, look)
    response = client.send(prepared(spec, base_url, os.environ))
    watcher.kill()
    client.close()
    problem = explained(problem_of(response, Expectation.of(spec)), response, base_url, timeout_s)
    write({"name": spec.name, "problem": problem, "answer_s": response.end_s - response.sent_s})


def main() -> None:
    asked: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
    specs = [RequestSpec(**request) for request in asked["requests"]]
    answers = Path(sys.argv[2])

    def write(line: dict[str, Any]) -> None:
        with answers.open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps(line)}\n")

    gevent.joinall([gevent.spawn(verify, spec, asked, write) for spec in specs], raise_error=True)


if __name__ == "__main__":
    main()
