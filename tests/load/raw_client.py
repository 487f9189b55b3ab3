"""The clients of a profile in a process of their own, in which gevent has replaced the sockets as under Locust.

A line of JSON on its standard input is a command, a line on its standard output what came of it.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """What became of one request. `says`: its status and text, or the one line that is counted as a failure."""

    says: str
    status: int
    length: int
    saw_first_byte: bool
    written: int | None
    reconnected: int | None


@dataclass
class ClientProcess:
    """One process, which has one client at a time."""

    process: subprocess.Popen[str]

    def _command(self, **command: Any) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def make(self, kind: str, url: str, *, timeout_s: float = 10.0, ca_file: str | None = None) -> None:
        """Make a client, and close the one before."""
        self._command(make=kind, url=url, timeout_s=timeout_s, ca_file=ca_file)

    def connect(self) -> None:
        """Connect ahead."""
        self._command(connect=True)

    def send(self, method: str = "GET", path: str = "/", *, reads: bool = True, **request: Any) -> Outcome:
        """Send one request; `reads`: somebody looks at the response's body."""
        return Outcome(**self._command(request={"name": "x", "method": method, "path": path, **request}, reads=reads))


@contextmanager
def client_process() -> Iterator[ClientProcess]:
    """Start the process, and end it."""
    command = [sys.executable, "-W", "error", "-m", "tests.load.raw_client"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield ClientProcess(process)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(20) == 0


class _Child:
    """What the process does. Its imports come after the sockets were replaced."""

    def __init__(self) -> None:
        from load.clients import Client  # noqa: PLC0415

        self.client: Client
        self.url = ""

    def make(self, *, make: str, url: str, timeout_s: float, ca_file: str | None) -> dict[str, Any]:
        from load.clients import client_maker  # noqa: PLC0415

        if self.url:
            self.client.close()
        self.url = url
        self.client = client_maker(make, url, timeout_s=timeout_s, ca_file=ca_file)()
        return {}

    def connect(self, *, connect: bool) -> dict[str, Any]:
        if connect:
            self.client.connect()
        return {}

    def send(self, *, request: dict[str, Any], reads: bool) -> dict[str, Any]:
        from load.clients import prepared, problem_of  # noqa: PLC0415
        from load.expectation import Expectation, text_of  # noqa: PLC0415
        from load.spec import RequestSpec  # noqa: PLC0415

        spec = RequestSpec(**request, contains="" if reads else None)
        response = self.client.send(prepared(spec, self.url, {}))
        problem = problem_of(response, Expectation(response.status_code, contains=spec.contains))
        text = ""
        if problem is None and reads:
            text = text_of(response.body, response.header(b"content-encoding"), response.header(b"content-type"))
        return {
            "says": problem or f"{response.status_code} {text}".strip(),
            "status": response.status_code,
            "length": response.length,
            "saw_first_byte": response.first_byte_s is not None,
            "written": self.client.written,
            "reconnected": self.client.reconnected,
        }

    def serve(self) -> None:
        for line in sys.stdin:
            command = json.loads(line)
            do = next(do for key, do in COMMANDS.items() if key in command)
            print(json.dumps(do(self, **command)), flush=True)  # noqa: T201 - to who started this process


COMMANDS: dict[str, Callable[..., dict[str, Any]]] = {
    "make": _Child.make,
    "connect": _Child.connect,
    "request": _Child.send,
}

if __name__ == "__main__":
    from gevent import monkey

    monkey.patch_all()
    _Child().serve()
