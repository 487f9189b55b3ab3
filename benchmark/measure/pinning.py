"""Server and load generator on physical cores of their own: neither takes time from the other.

Two threads of one core (hyperthreads) take time from each other, so a core goes to one of both as a whole.
"""

from collections.abc import Sequence
from contextlib import suppress

import psutil

from benchmark.load_processes import Cores, usable_cores
from benchmark.method import Pinning
from benchmark.plan import Plan

FEWEST_PROCESSORS = 4
"""On fewer a server that is kept to a part of them would be another server."""


def pinning(plan: Plan) -> Pinning | None:
    """Who gets which core on this machine; None where all may use all."""
    if plan.target.url is not None or plan.profile.load_workers or not hasattr(psutil.Process, "cpu_affinity"):
        return None
    return divided(usable_cores(), workers=plan.target.workers, processes=plan.profile.processes)


def divided(cores: Cores, *, workers: int, processes: int) -> Pinning | None:
    """Give each process that sends load a core that the workers leave, at least one, and the server the rest.

    That is the same division that `processes = "auto"` makes (benchmark/load_processes.py). None: there are fewer than
    FEWEST_PROCESSORS, or all are threads of one core.
    """
    if sum(map(len, cores)) < FEWEST_PROCESSORS or len(cores) == 1:
        return None
    mine = max(1, min(processes, len(cores) - workers))
    return Pinning(server=_processors(cores[:-mine]), generator=_processors(cores[-mine:]))


def _processors(cores: Cores) -> tuple[int, ...]:
    return tuple(sorted(processor for core in cores for processor in core))


def pin(pid: int, cores: Sequence[int]) -> None:
    """Keep a process, and all that it starts from now on, on these cores; one that has just ended needs none."""
    with suppress(psutil.NoSuchProcess):
        psutil.Process(pid).cpu_affinity(list(cores))
