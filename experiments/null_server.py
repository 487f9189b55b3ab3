"""The cheapest HTTP server in Python: the same bytes for every request. `python null_server.py PORT [DELAY_S]`."""

import asyncio
import gc
import sys
from typing import cast

import uvloop

RESPONSE = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
END_OF_REQUEST = b"\r\n\r\n"
BACKLOG = 20_000


class Null(asyncio.Protocol):
    """One connection, whose requests have no body."""

    delay_s = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where responses go."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Respond to each request that ends here, at once or later."""
        responses = RESPONSE * data.count(END_OF_REQUEST)
        if self.delay_s:
            asyncio.get_running_loop().call_later(self.delay_s, self._respond, responses)
        else:
            self._transport.write(responses)

    def _respond(self, responses: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(responses)


async def serve(port: int, delay_s: float) -> None:
    """Serve until killed."""
    Null.delay_s = delay_s
    gc.freeze()
    gc.disable()
    server = await asyncio.get_running_loop().create_server(Null, "127.0.0.1", port, backlog=BACKLOG)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 0.0))
