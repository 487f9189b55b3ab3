"""Whether as many workers had connections as usual: where not, what computes is faster or slower for that alone.

Of few users all may be dealt to one worker, or some to each (docs/judging.md). A run alone does not tell which of the
two is the accident; the runs before it do.
"""

from collections.abc import Sequence
from statistics import mode

from benchmark.config import Judging


def unlike_before(in_use: Sequence[int], rule: Judging) -> str | None:
    """Why the last of these runs does not compare with those before it; None where it does.

    `in_use`: how many workers had connections, by run, oldest first. Usual is what it was in most of as many runs as a
    baseline has, or in each of the newest ones that a baseline has at least: that is no accident any more.
    """
    last = in_use[-1]
    usual = mode(in_use[-rule.most_runs :])
    newest = in_use[-rule.fewest_runs :]
    if last == usual or (len(newest) == rule.fewest_runs and set(newest) == {last}):
        return None
    return f"its connections went to {_workers(last)}, in most runs to {_workers(usual)}; such runs do not compare"


def _workers(number: int) -> str:
    return "one worker" if number == 1 else f"{number} workers"
