"""Server and load generator on cores of their own, where there are four or more: neither takes time from the other."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import psutil

from benchmark.plan import Plan

FEWEST_CORES = 4
"""On fewer cores a server that is kept to a part of them would be another server."""


@dataclass(frozen=True)
class Pinning:
    """Numbers of the cores, as the system counts them."""

    server: tuple[int, ...]
    generator: tuple[int, ...]

    def __str__(self) -> str:
        """Say it in a report."""
        server, generator = (", ".join(map(str, cores)) for cores in (self.server, self.generator))
        return f"server on cores {server}; load generator on {generator}"


def pinning(plan: Plan) -> Pinning | None:
    """Who gets which core on this machine; None where all may use all."""
    if plan.target.url is not None or plan.profile.load_workers or not hasattr(psutil.Process, "cpu_affinity"):
        return None
    return divided(psutil.Process().cpu_affinity() or (), plan.profile.processes)


def divided(cores: Sequence[int], processes: int) -> Pinning | None:
    """Give each process that sends load a core, but never more than half of all, and the server the rest."""
    if len(cores) < FEWEST_CORES:
        return None
    ordered = tuple(sorted(cores))
    mine = min(processes, len(ordered) // 2)
    return Pinning(server=ordered[:-mine], generator=ordered[-mine:])


def pin(pid: int, cores: Sequence[int]) -> None:
    """Keep a process, and all that it starts from now on, on these cores; one that has just ended needs none."""
    with suppress(psutil.NoSuchProcess):
        psutil.Process(pid).cpu_affinity(list(cores))
