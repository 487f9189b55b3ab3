"""Ask for every endpoint once, all at the same time, and print what is wrong with the answers.

Reads `{"base_url", "timeout_s", "requests": [...]}` from the file it is given; writes one JSON line
`{"name", "problem", "answer_s"}` per request, as its answer comes, into the second one.
Runs as a process of its own so that a request that hangs can be ended. The check is the one that the load uses:
what is verified is what is counted.
"""

import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import requests

from load.request_spec import RequestSpec


def problem_of(spec: RequestSpec, base_url: str, timeout_s: float) -> str | None:
    """Send one request. None: the answer was right."""
    try:
        with requests.Session() as session:
            session.trust_env = False  # no proxy and no .netrc, like the clients that load
            response = session.request(
                spec.method, base_url + spec.path, timeout=timeout_s, **spec.arguments(os.environ)
            )
    except requests.Timeout:
        return f"no answer within {timeout_s:g} s"
    except requests.ConnectionError:
        return "the connection was refused or broken off"
    except requests.RequestException as error:
        return f"the request could not be sent ({type(error).__name__})"
    return spec.problem(response.status_code, response.text)


def main() -> None:
    """Verify what the file asks for."""
    asked: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
    specs = [RequestSpec(**request) for request in asked["requests"]]

    answers = Path(sys.argv[2])

    def verify(spec: RequestSpec) -> None:
        begin = time.perf_counter()
        problem = problem_of(spec, asked["base_url"], asked["timeout_s"])
        answer_s = time.perf_counter() - begin
        with answers.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"name": spec.name, "problem": problem, "answer_s": answer_s}) + "\n")

    with ThreadPoolExecutor(max_workers=len(specs)) as pool:
        list(pool.map(verify, specs))


if __name__ == "__main__":
    main()
