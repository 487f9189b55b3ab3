"""The physical cores of this machine that this process may use."""

from collections.abc import Sequence
from pathlib import Path

import psutil

CPUS = Path("/sys/devices/system/cpu")  # where Linux says which processors are threads of one core
Cores = Sequence[tuple[int, ...]]  # physical cores, each with its one or two processors, numbered as the system does


def usable_cores() -> Cores:
    """The physical cores that this process may use; where nothing says which threads share one, each is its own."""
    pins = hasattr(psutil.Process, "cpu_affinity")
    left = set(psutil.Process().cpu_affinity() if pins else range(psutil.cpu_count() or 1))
    cores = []
    while left:
        core = left & {min(left), *_siblings(min(left))}
        left -= core
        cores.append(tuple(sorted(core)))
    return cores


def _siblings(processor: int) -> set[int]:
    """All threads of a processor's core, from a list like "0,4" or "0-1"; none where nothing can be read."""
    try:
        text = (CPUS / f"cpu{processor}" / "topology" / "thread_siblings_list").read_text(encoding="ascii")
        ranges = [part.partition("-") for part in text.strip().split(",")]
        return {number for first, _, last in ranges for number in range(int(first), int(last or first) + 1)}
    except (OSError, ValueError):
        return set()
