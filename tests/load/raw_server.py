r"""A TCP server that does to a client what a script says, byte by byte, and counts what it got.

    with raw_server(Read(), Send(b"HTTP/1.1 200 OK\r\n"), Pause(0.1), Close()) as server: ...

Each connection runs the script from its beginning, in a thread of its own; at its end the connection is closed.
Several scripts: the first connection gets the first, and so on; the last one serves all that follow.
"""

import socket
import ssl
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

PATIENCE_S = 20.0
END_OF_HEAD = b"\r\n\r\n"


@dataclass(frozen=True)
class Read:
    """Read one request, with its body."""


@dataclass(frozen=True)
class ReadHead:
    """Read until a request's head is complete, and leave its body where it is."""


@dataclass(frozen=True)
class Send:
    """Send bytes; if the client has gone, so be it."""

    data: bytes


@dataclass(frozen=True)
class SendForever:
    """Send the same bytes again and again, until the client has gone."""

    data: bytes
    pause_s: float = 0.0


@dataclass(frozen=True)
class Pause:
    """Wait, or until the test is over. Nothing is asserted about how long that took."""

    seconds: float = PATIENCE_S


@dataclass(frozen=True)
class Await:
    """Wait until the test says `server.go.release()`."""


@dataclass(frozen=True)
class WaitForEnd:
    """Read and forget until the client closes."""


@dataclass(frozen=True)
class HalfClose:
    """Send no more, but go on reading."""


@dataclass(frozen=True)
class Reset:
    """End the connection with RST instead of FIN."""


Step = Await | Read | ReadHead | Send | SendForever | Pause | WaitForEnd | HalfClose | Reset
Script = Sequence[Step]


def exchange(response: bytes) -> Script:
    """Answer one request after the other on a connection, for as many as a test may send."""
    return (Read(), Send(response)) * 20


def byte_by_byte(data: bytes) -> Script:
    """Send every byte on its own."""
    return [Send(data[at : at + 1]) for at in range(len(data))]


class ClientGoneError(Exception):
    """The client has closed the connection."""


@dataclass(repr=False)  # it would be as long as all that it got
class RawServer:
    """What a script runs on, and what it got: connections, complete requests, bytes of all."""

    port: int = 0
    scheme: str = "http"
    host: str = "127.0.0.1"
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    got_bytes: int = 0
    scripts: list[Script] = field(default_factory=list)
    sockets: list[socket.socket] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    go: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    ended: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    """Released at the end of each connection's script."""

    @property
    def url(self) -> str:
        """Where it listens."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    def wait_for_end_of_connection(self) -> None:
        """Until one more script has come to its end, and its connection is closed."""
        assert self.ended.acquire(timeout=PATIENCE_S), "the script did not end"

    def serve(self, connection: socket.socket, script: Script) -> None:
        """Run a script on a connection."""
        self.sockets.append(connection)
        with connection:
            connection.settimeout(PATIENCE_S)
            with suppress(OSError, ClientGoneError):
                run = _Run(self, connection)
                for step in script:
                    run.step(step)
        self.ended.release()


class _Run:
    """One connection."""

    def __init__(self, server: RawServer, connection: socket.socket) -> None:
        self.server = server
        self.connection = connection
        self.unread = bytearray()

    def step(self, step: Step) -> None:  # noqa: C901 - one case per kind of step
        match step:
            case Read():
                self.read_request()
            case ReadHead():
                self.read_until_end_of_head()
            case Send(data):
                self.connection.sendall(data)
            case SendForever(data, pause_s):
                while not self.server.over.wait(pause_s):
                    self.connection.sendall(data)
            case Pause(seconds):
                self.server.over.wait(seconds)
            case Await():
                assert self.server.go.acquire(timeout=PATIENCE_S), "the test did not say go"
            case WaitForEnd():
                with suppress(ClientGoneError):
                    while True:
                        self.receive()
            case HalfClose():
                self.connection.shutdown(socket.SHUT_WR)
            case Reset():
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()

    def receive(self) -> None:
        data = self.connection.recv(65536)
        if not data:
            raise ClientGoneError
        self.unread += data
        self.server.got_bytes += len(data)

    def read_until_end_of_head(self) -> bytes:
        while END_OF_HEAD not in self.unread:
            self.receive()
        return bytes(self.unread.partition(END_OF_HEAD)[0]) + END_OF_HEAD

    def read_request(self) -> None:
        head = self.read_until_end_of_head()
        lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        end = len(head) + (int(lengths[0]) if lengths else 0)
        while len(self.unread) < end:
            self.receive()
        self.server.requests.append(bytes(self.unread[:end]))
        del self.unread[:end]


@contextmanager
def raw_server(*scripts: Script, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> Iterator[RawServer]:
    """Serve each connection with its script; at the end no thread is left."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family, backlog=128) as listener:
        port = listener.getsockname()[1]
        server = RawServer(port, "https" if tls else "http", host, scripts=list(scripts))
        threads: list[threading.Thread] = []

        def start(connection: socket.socket) -> None:
            script = server.scripts[min(server.connections, len(server.scripts) - 1)]
            server.connections += 1
            threads.append(threading.Thread(target=_serve, args=(server, connection, script, tls), daemon=True))
            threads[-1].start()

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    if server.over.is_set():
                        connection.close()
                        return
                    start(connection)

        threads.append(threading.Thread(target=accept, daemon=True))
        threads[0].start()
        with ExitStack() as stack:
            stack.callback(_join, threads)
            stack.callback(_shut, server.sockets)
            stack.callback(_wake, host, port)
            stack.callback(server.over.set)
            yield server


def _shut(sockets: list[socket.socket]) -> None:
    """End what still waits for a client."""
    for connection in sockets:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)


def _join(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.join(PATIENCE_S)
        assert not thread.is_alive(), "a connection of the raw server did not end"


def _wake(host: str, port: int) -> None:
    """Closing a listener does not end an accept() that another thread waits in."""
    socket.create_connection((host, port)).close()


def _serve(server: RawServer, connection: socket.socket, script: Script, tls: ssl.SSLContext | None) -> None:
    connection.settimeout(PATIENCE_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if tls is not None:
        try:
            connection = tls.wrap_socket(connection, server_side=True)
        except OSError:
            connection.close()
            return
    server.serve(connection, script)
