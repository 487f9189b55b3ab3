"""A raw server whose every second response is wrong, in the way that it is told: `python wrong_server.py PORT HOW`.

It counts in two files, a byte for each: requests that it read, and responses that it gave wrongly.
"""

import gzip
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

BODY = b'{"a": 1}'


def response(body: bytes, *headers: bytes, length: int | None = None) -> bytes:
    """A response with its head."""
    named = headers or (b"content-type: application/json",)
    lines = (b"HTTP/1.1 200 OK", b"content-length: %d" % (len(body) if length is None else length), *named)
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


CHUNK = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n8\r\n" + BODY + b"\r\n"
WRONG: dict[str, bytes] = {
    "no response": b"",
    "less than Content-Length": response(BODY, length=100_000),
    "no last chunk": CHUNK,
    "half a head": b"HTTP/1.1 200 OK\r\ncontent-le",
    "no HTTP": b"what?\r\n\r\n",
    "deep JSON": response(b"[" * 20_000),
    "broken gzip": response(BODY, b"content-encoding: gzip"),
    "cut gzip": response(gzip.compress(BODY * 100)[:-9], b"content-encoding: gzip"),
    "unknown encoding": response(BODY, b"content-encoding: klingon"),
    "unknown charset": response(BODY, b"content-type: application/json; charset=klingon"),
    "slower than the time-out": response(BODY * 10),
}


def serve(connection: socket.socket, how: str, count: Callable[[str], int]) -> None:
    """Respond to each request of a connection; a wrong response that is not whole ends it."""
    waiting = b""
    while True:
        while b"\r\n\r\n" not in waiting:
            received = connection.recv(65536)
            if not received:
                return
            waiting += received
        waiting = waiting.partition(b"\r\n\r\n")[2]
        number = count("read")
        time.sleep(0.01)
        if number == 1 or number % 2:
            connection.sendall(response(BODY))
            continue
        count("wrong")
        if how.startswith("slower"):
            for byte in WRONG[how]:
                connection.sendall(bytes([byte]))
                time.sleep(0.2)
        connection.sendall(WRONG[how])
        if how in {"no response", "less than Content-Length", "no last chunk", "half a head", "no HTTP"}:
            connection.close()
            return


def main() -> None:
    """Serve until killed."""
    port, how = sys.argv[1:]
    counts = {"read": 0, "wrong": 0}
    lock = threading.Lock()

    def count(what: str) -> int:
        with lock:
            counts[what] += 1
            written = Path(f"{what}.written")
            written.write_text(str(counts[what]))
            written.replace(f"{what}.count")  # at once: the server is killed at any moment, and the file is read then
            return counts[what]

    def until_closed(connection: socket.socket) -> None:
        try:
            serve(connection, how, count)
        except OSError:
            return

    with socket.create_server(("127.0.0.1", int(port)), backlog=100) as listening:
        sys.stdout.write("listening\n")
        sys.stdout.flush()
        while True:
            connection, _ = listening.accept()
            threading.Thread(target=until_closed, args=(connection,), daemon=True).start()


if __name__ == "__main__":
    main()
