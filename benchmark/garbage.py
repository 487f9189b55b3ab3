"""How often Python looks for cycles of objects: while modules are loaded, and a long history is read."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

OBJECTS_BETWEEN_COLLECTIONS = 100_000
"""The objects of some hundred records; usual are 700."""


@contextmanager
def seldom_collecting() -> Iterator[None]:
    """Let Python look for cycles less often: it took a quarter of the time of a long history, a tenth of a short one.

    The objects of a record have no cycles and go when the next one is read, but each few records what is kept of all
    runs was looked through again. What drawing leaves behind has cycles, and is still found.
    """
    usual = gc.get_threshold()
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS, *usual[1:])
    try:
        yield
    finally:
        gc.set_threshold(*usual)
