"""Ask for every endpoint once, all at the same time, and print what is wrong with the responses.

Reads `{"base_url", "client", "timeout_s", "ca_file", "requests": [...]}` from the file it is given; writes one JSON
line `{"name", "problem", "answer_s"}` per request, as its response comes, into the second one.
Runs as a process of its own so that a request that hangs can be ended. Client, bytes and check are those of the load:
what is verified is what is counted.
"""

from gevent import monkey

monkey.patch_all()  # as Locust does: `requests` then waits without keeping the others from asking

import json
import os
import sys
from pathlib import Path
from typing import Any

import gevent

from load.clients import client_maker, problem_of
from load.request_spec import RequestSpec


def verify(spec: RequestSpec, asked: dict[str, Any]) -> dict[str, Any]:
    """Send one request; gives the line to write."""
    make_client = client_maker(
        asked["client"], asked["base_url"], timeout_s=asked["timeout_s"], ca_file=asked["ca_file"]
    )
    client = make_client()
    response = client.send(spec.prepared(asked["base_url"], os.environ))
    problem = problem_of(response, spec.expectation)
    client.close()
    return {"name": spec.name, "problem": problem, "answer_s": response.end_s - response.sent_s}


def main() -> None:
    """Verify what the file asks for."""
    asked: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
    specs = [RequestSpec(**request) for request in asked["requests"]]
    answers = Path(sys.argv[2])

    def write(spec: RequestSpec) -> None:
        line = json.dumps(verify(spec, asked))
        with answers.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")

    gevent.joinall([gevent.spawn(write, spec) for spec in specs], raise_error=True)


if __name__ == "__main__":
    main()
