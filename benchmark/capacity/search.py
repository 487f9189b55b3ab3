"""The search for the largest load at which a promise is kept: doubling, then bisection, then once more at both ends.

One load can be lucky, or unlucky: a level counts as kept or broken when it was so twice, and what happened once each
way is tried a third time. The search ends when both ends are so near that going on would measure noise.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache

ENOUGH = 2  # times that an end has to be seen
NEAR = 0.05  # of the lower end, that both ends are apart at most; or one user, or request per second


class Search:
    """What was tried so far, and what to try next."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._kept: Counter[int] = Counter()
        self._broken: Counter[int] = Counter()

    def note(self, size: int, *, kept: bool) -> None:
        (self._kept if kept else self._broken)[size] += 1

    @property
    def breaks_at(self) -> int | None:
        """The smallest load at which the promise was broken more often than kept."""
        return min((n for n in self._broken if self._broken[n] > self._kept[n]), default=None)

    @property
    def holds_to(self) -> int:
        """The largest load below that at which it was kept more often than broken; 0: none."""
        end = self.breaks_at
        return max((n for n in self._kept if self._kept[n] > self._broken[n] and (end is None or n < end)), default=0)

    def next_size(self) -> int | None:
        """None: there is nothing more to find out."""
        tied = [n for n in self._kept if 0 < self._kept[n] == self._broken[n]]
        if tied:
            return min(tied)
        low, high = self.holds_to, self.breaks_at
        if high is None:
            grown = min(2 * low or 1, self.most)
            return grown if grown != low else self._once_more(low, self._kept)
        if high - low > max(1, int(NEAR * low)):
            return (low + high) // 2
        return self._once_more(low, self._kept) or self._once_more(high, self._broken)

    def _once_more(self, size: int, seen: Counter[int]) -> int | None:
        return size if size and seen[size] < ENOUGH else None


def settled(most: int, keeps: Callable[[int], bool]) -> int:
    """The largest load for which `keeps` says so, for something that says the same each time: a prediction."""
    search = Search(most)
    kept = cache(keeps)
    while (size := search.next_size()) is not None:
        search.note(size, kept=kept(size))
    return search.holds_to


def broken(p95_ms: float | None, failures_percent: float, most_p95_ms: float, most_percent: float) -> Iterable[str]:
    if failures_percent > most_percent:
        yield f"{failures_percent:.3g}% failed"
    if p95_ms is None:
        yield "no responses"
    elif p95_ms >= most_p95_ms:
        yield "too slow"
