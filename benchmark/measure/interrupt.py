"""What asks a run to end (Ctrl-C, SIGTERM, a closed terminal), heard at safe points instead of striking anywhere.

An exception out of a signal handler could strike between starting a process and taking responsibility for it.
Here the handler only sets a flag; all waiting goes through `pause`, which wakes at once and raises.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from benchmark.errors import InterruptedRunError

ALWAYS = (signal.SIGINT, signal.SIGTERM)
UNLESS_IGNORED = (signal.SIGHUP, signal.SIGQUIT)
"""`nohup` and shells ignore them for what has to live on."""


def ending_signals() -> tuple[signal.Signals, ...]:
    """Signals that ask this process to end."""
    return (*ALWAYS, *(number for number in UNLESS_IGNORED if signal.getsignal(number) is not signal.SIG_IGN))


class Interrupt:
    """Whether the run was asked to stop."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._signal = ""

    def ask(self, number: int, _frame: FrameType | None = None) -> None:
        """Signal handler: remember, do nothing else. Asking again changes nothing, the stopping goes on."""
        self._signal = signal.Signals(number).name
        self._asked.set()

    def pause(self, seconds: float) -> None:
        """Wait, but not longer than until somebody asks to stop: then raise InterruptedRunError."""
        if self._asked.wait(seconds):
            message = f"interrupted by {self._signal}; everything was stopped, what was measured before is kept"
            raise InterruptedRunError(message)


@contextmanager
def listening() -> Iterator[Interrupt]:
    """Take over the signals that ask to end inside the block, and put back what was there."""
    interrupt = Interrupt()
    before = {number: signal.signal(number, interrupt.ask) for number in ending_signals()}
    try:
        yield interrupt
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
