"""How a run was measured, as its record keeps it, and the version of the way it is done."""

from pydantic import Field

from benchmark.model import Frozen, Whole

METHOD_VERSION = 4
"""Raised whenever the way of measuring changes what the same software would score: older runs then do not compare.

1 counted responses that came while a load was being stopped, too. Up to 2 latencies were of failed requests, too,
Locust's own client sent, and req/s with think time was divided by the time of the last response. Up to 3 server and
load generator might share a physical core, each on a thread of it, and "auto" counted threads as cores.
"""


class Pinning(Frozen):
    """Cores, as the system numbers them, that server and load generator were kept on."""

    server: tuple[Whole, ...] = Field(min_length=1)
    generator: tuple[Whole, ...] = Field(min_length=1)

    @property
    def counts(self) -> str:
        """How many each had: which ones they were makes no difference between two runs."""
        return f"{len(self.server)} for the server, {len(self.generator)} for the load generator"

    def __str__(self) -> str:
        """Say it in a report."""
        server, generator = (", ".join(map(str, cores)) for cores in (self.server, self.generator))
        return f"server on cores {server}; load generator on {generator}"


RIGHT_ALONE_SINCE = OWN_CLIENT_SINCE = 3
"""The versions from which on latencies are of right responses alone, and our own client sends."""


class Method(Frozen):
    """How it was measured: what the method line of a report is made from."""

    version: Whole
    server_command: str | None
    generator_command: str
    start: str
    latency: str
    garbage_collection: str
    pinning: Pinning | None = None
    """None: all might use all cores."""

    @property
    def right_alone(self) -> bool:
        """Whether failed requests are in none of the latencies."""
        return self.version >= RIGHT_ALONE_SINCE

    @property
    def own_client(self) -> bool:
        """Whether client = "fast" is the client of this repository."""
        return self.version >= OWN_CLIENT_SINCE
