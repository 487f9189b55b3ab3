"""How far long work is: a bar in a terminal, a plain line now and then elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from benchmark.measure.load_test import Counts
from benchmark.plan import Profile

PLAIN_EVERY_S = 10.0


def words(counts: Counts) -> str:
    """How many users run, and what was answered so far."""
    failed = f", {counts.failures} failed" if counts.failures else ""
    return f"{counts.users} users, {counts.requests} requests{failed}"


class Reporter:
    """Shows how far a run is: a bar in a terminal, a plain line now and then elsewhere."""

    def __init__(self, console: Console, profile: Profile, rounds: int, update: Callable[..., None] | None) -> None:
        self._console = console
        self._profile = profile
        self._rounds = rounds
        self._update = update
        self._done = 0
        self._endpoint = ""
        self._spoke_at = 0.0
        self._phase = ""
        self._load_s = profile.duration_s

    def begin(self, number: int, endpoint: str, round_number: int, load_s: float | None = None) -> None:
        """Announce a round: `number` counts all rounds of the run from 1. `load_s`: unless it is the profile's."""
        self._load_s = load_s or self._profile.duration_s
        self._done = number - 1
        rounds = f" round {round_number}/{self._profile.rounds}" if self._profile.rounds > 1 else ""
        self._endpoint = f"[{number}/{self._rounds}] {endpoint}{rounds}"
        self._phase = ""

    def watch(self, phase: str, seconds: float, counts: Counts) -> None:
        """Show the phase and, under load, the seconds left and the requests so far."""
        left = f"{max(0.0, self._load_s - seconds):.0f} s left, " if phase == "loading" else ""
        begun = phase == "loading" and counts.users > 0
        state = left + words(counts) if begun else phase
        if self._update is not None:
            share = min(seconds, self._load_s) if self._load_s == self._profile.duration_s else 0.0
            completed = self._done * self._profile.duration_s + share
            self._update(completed=completed, description=self._endpoint, now=state)
        elif f"{phase}{begun}" != self._phase or time.monotonic() - self._spoke_at >= PLAIN_EVERY_S:
            self._console.print(Text(f"{self._endpoint}: {state}"))
            self._spoke_at = time.monotonic()
        self._phase = f"{phase}{begun}"


@contextmanager
def bar(console: Console, total: float) -> Iterator[Callable[..., None] | None]:
    """Draw a bar that is gone when the block ends, and give what updates it; None: this is no terminal."""
    if not console.is_terminal:
        yield None
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[now]}", markup=False),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        yield partial(progress.update, progress.add_task("", total=total, now=""))


@contextmanager
def reporting(console: Console, profile: Profile, rounds: int) -> Iterator[Reporter]:
    """Progress for a run of `rounds` rounds, gone when the block ends."""
    with bar(console, rounds * profile.duration_s) as update:
        yield Reporter(console, profile, rounds, update)


@contextmanager
def climbing(console: Console, endpoint: str) -> Iterator[Callable[[str, float, Counts], None]]:
    """Progress of a step load: one changing line in a terminal, a plain line now and then elsewhere."""
    spoke_at = -PLAIN_EVERY_S

    def line(phase: str, counts: Counts) -> Text:
        return Text(f"{endpoint}: {words(counts) if counts.users else phase}")

    def say(phase: str, _seconds: float, counts: Counts) -> None:
        nonlocal spoke_at
        if time.monotonic() - spoke_at >= PLAIN_EVERY_S:
            console.print(line(phase, counts))
            spoke_at = time.monotonic()

    if not console.is_terminal:
        yield say
        return
    with console.status("") as status:
        yield lambda phase, _seconds, counts: status.update(line(phase, counts))
