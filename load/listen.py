"""Locust's events are not typed; this is."""

from collections.abc import Callable
from typing import Any


def listen(event: Any, listener: Callable[..., Any]) -> None:
    """Have `listener` called with the keyword arguments of each event."""
    event.add_listener(listener)
