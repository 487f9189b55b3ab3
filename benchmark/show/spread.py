"""Work on many runs, spread over the processors: rendering reports is all computing, and none waits for another."""

import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Generic, TypeVar

from benchmark.errors import BenchmarkError

MOST_PROCESSES = 4
"""Each held 56 MiB of its own, beside what it shares, with a history of 1,800 runs (2026-11-26)."""

WORTH_IT = 1000
"""Runs, from which on copies gain something: 100 or 400 took as long with them (2 cores, 2026-11-26)."""

T = TypeVar("T")
R = TypeVar("R")


def spread(work: Callable[[Sequence[T]], R], items: Sequence[T]) -> list[R]:
    """Call `work` with shares of the items, in this process and in copies of it; what each found, in any order.

    For few items there is one share. BenchmarkError: what `work` raised in any of them. A copy ends by itself when its
    share is done, whatever becomes of this process; the share of one that was killed is worked on here.

    `work` must not draw: a copy has none of the threads that do, and would wait for them for ever.
    """
    number = _processes() if len(items) >= WORTH_IT else 1
    shares = [items[first::number] for first in range(number)]
    copies: list[_Copy[R]] = []
    try:
        copies += [_begun(work, share) for share in shares[1:]]
        found = [work(shares[0])]
        for share, copy in zip(shares[1:], copies, strict=True):
            answer = copy.answer()
            if isinstance(answer, BenchmarkError):
                raise answer
            found.append(work(share) if answer is None else answer)
        return found
    finally:
        for copy in copies:
            copy.end()


def _processes() -> int:
    """How many to spread work over; one where a process can not be copied safely."""
    return min(MOST_PROCESSES, len(os.sched_getaffinity(0))) if sys.platform == "linux" else 1


@dataclass(frozen=True)
class _Copy(Generic[R]):
    """A copy of this process that works on one share."""

    process: BaseProcess
    receiving: "Connection[object, R | BenchmarkError]"

    def answer(self) -> R | BenchmarkError | None:
        """Wait for what it found; None when it was killed, or ended with an error that nobody expected."""
        try:
            return self.receiving.recv()
        except EOFError:
            return None

    def end(self) -> None:
        self.process.terminate()
        self.process.join()
        self.receiving.close()


def _begun(work: Callable[[Sequence[T]], R], share: Sequence[T]) -> _Copy[R]:
    context = get_context("fork")  # what was read and judged is there at once, and most of it stays shared
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(work, share, receiving, sending), daemon=True)
    process.start()
    sending.close()
    return _Copy(process, receiving)


def _answer(
    work: Callable[[Sequence[T]], R],
    share: Sequence[T],
    receiving: "Connection[object, object]",
    sending: "Connection[object, object]",
) -> None:
    """What a copy does. Ctrl-C reaches it too: it is left to the process that began it, which ends it then.

    Its own end for receiving is closed, or a long answer to a process that was killed would wait for ever.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    receiving.close()
    try:
        sending.send(work(share))
    except BenchmarkError as error:
        sending.send(error)
