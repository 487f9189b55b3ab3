"""Server and load generator on cores of their own, where there are four or more: neither takes time from the other."""

from collections.abc import Sequence
from contextlib import suppress

import psutil

from benchmark.method import Pinning
from benchmark.plan import Plan

FEWEST_CORES = 4
"""On fewer cores a server that is kept to a part of them would be another server."""


def pinning(plan: Plan) -> Pinning | None:
    """Who gets which core on this machine; None where all may use all."""
    if plan.target.url is not None or plan.profile.load_workers or not hasattr(psutil.Process, "cpu_affinity"):
        return None
    cores = psutil.Process().cpu_affinity() or ()
    return divided(cores, workers=plan.target.workers, processes=plan.profile.processes)


def divided(cores: Sequence[int], *, workers: int, processes: int) -> Pinning | None:
    """Give each process that sends load a core that the workers leave, at least one, and the server the rest.

    That is the same division that `processes = "auto"` makes (benchmark/load_processes.py).
    """
    if len(cores) < FEWEST_CORES:
        return None
    ordered = tuple(sorted(cores))
    mine = max(1, min(processes, len(ordered) - workers))
    return Pinning(server=ordered[:-mine], generator=ordered[-mine:])


def pin(pid: int, cores: Sequence[int]) -> None:
    """Keep a process, and all that it starts from now on, on these cores; one that has just ended needs none."""
    with suppress(psutil.NoSuchProcess):
        psutil.Process(pid).cpu_affinity(list(cores))
