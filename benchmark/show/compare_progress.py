"""How far a comparison is, and how long it will still take."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text


class CompareReporter:
    """Shows the rounds: a bar in a terminal, a line a round elsewhere."""

    def __init__(self, console: Console, rounds: int, first_guess_s: float, bar: Progress | None) -> None:
        self._console = console
        self._rounds = rounds
        self._round_s = first_guess_s
        self._bar = bar
        self._task = bar.add_task("", total=float(rounds)) if bar else None
        self._began_s: float | None = None
        self._number = 0

    def say(self, text: str) -> None:
        """Say something that is not a round."""
        self._console.print(Text(text), soft_wrap=True)

    def begin(self, number: int) -> None:
        """Announce a round; `number` counts from 1."""
        now = time.monotonic()
        if self._began_s is not None:
            self._round_s = (now - self._began_s) / (number - 1)
        self._began_s = self._began_s or now
        self._number = number
        if number > self._rounds:
            self._rounds = number
            self.say("the machine is noisy, the intervals are still too wide: one round more")
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, total=float(self._rounds))
        else:
            left_s = self._round_s * (self._rounds - number + 1)
            self.say(f"[{number}/{self._rounds}] about {left_s:.0f} s left")

    def watch(self, phase: str, share: float, _counts: object) -> None:
        """Show the phase, and under load the share of the round's turns that is done."""
        if self._bar is not None and self._task is not None:
            done = self._number - 1 + (share if phase == "loading" else 0.0)
            self._bar.update(self._task, completed=done, description=f"[{self._number}/{self._rounds}] {phase}")


@contextmanager
def reporting(console: Console, rounds: int, first_guess_s: float) -> Iterator[CompareReporter]:
    """Progress of so many rounds, gone when the block ends."""
    if not console.is_terminal:
        yield CompareReporter(console, rounds, first_guess_s, None)
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(bar_width=24), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        yield CompareReporter(console, rounds, first_guess_s, bar)
