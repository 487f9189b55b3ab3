"""A step load: 1, 2, 4, ... users, until more users bring no more answers. Pure: no clock and no Locust."""

import math
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate

SHORTEST_LEVEL_S = 1.0
"""Locust asks a shape once a second."""
ANSWER_TIMES_PER_LEVEL = 4
FIRST_ANSWERS = 5
FIRST_LEVEL_ANSWERS, FIRST_LEVEL_S = 60, 6.0
"""One user tells the distribution of the service time: until so many answers, or for so long."""
STEADY, FIRST_LEVEL_VARIES_S, LEVEL_VARIES_S = 0.25, 20.0, 8.0
"""Where service times vary more than STEADY (standard deviation over mean), their mean takes more answers."""
VARIES_MUCH = 0.5
"""From there on levels last as long as they may."""
FEWEST_ANSWERS = 3
FEWEST_LEVELS = 2
PATIENCE_S = 60.0
"""How long the first user may wait for its first answers."""
GROWTH = 1.15
"""A level that answers less than so many times the best one before did not grow."""
MOST_FLAT = 2
BUSY_GENERATOR_PERCENT = 80.0
TICK_SLACK_S = 0.2
FAILURES_TO_GIVE_UP = 20
NORMAL_80 = 2.563  # standard deviations between which the middle 80 % of a normal distribution lie


def variation(counts: Mapping[int, int]) -> float:
    """Standard deviation over mean of response times (ms: how many took it), by the middle 80 % of them.

    So that the first answer, which may have warmed something up, does not count.

    >>> round(variation({40: 2, 50: 6, 60: 2, 9000: 1}), 2)
    0.16
    >>> variation({50: 100})
    0.0
    """
    if not counts:
        return 0.0
    times = sorted(counts)
    shares = list(accumulate(counts[time] for time in times))
    low, middle, high = (times[bisect_left(shares, share * sum(counts.values()))] for share in (0.1, 0.5, 0.9))
    return (high - low) / (NORMAL_80 * middle) if middle else 0.0


@dataclass(frozen=True)
class StepLoad:
    """At most so many users and seconds.

    `enough_users`: below, flat levels do not end the load, since some worker may hold no connection yet.
    """

    most_users: int
    enough_users: int
    budget_s: float


class Steps:
    """Decides how many users there are, from the time and the counts that it is told."""

    def __init__(self, load: StepLoad) -> None:
        self.users = 1
        self._load = load
        self._began_s = 0.0
        self._answers_before = 0
        self._step_s: float | None = None
        self._factor = 2
        self._rates_rps: list[float] = []
        self._flat = 0

    def next_users(
        self, now_s: float, answers: int, failures: int, generator_cpu_percent: float, variation: float = 0.0
    ) -> int | None:
        """Users from now on; None: the load is over. `now_s` counts from its start, the counts too.

        `variation`: of all response times so far, see `variation`.
        """
        if failures >= FAILURES_TO_GIVE_UP and failures > answers / 10:
            return None
        elapsed_s, answered = now_s - self._began_s, answers - self._answers_before
        if self._step_s is None:
            return self._first_level(now_s, answered, variation)
        if elapsed_s < self._step_s - TICK_SLACK_S:
            return self.users
        self._note(answered / elapsed_s)
        exhausted = self.users >= self._load.most_users or generator_cpu_percent > BUSY_GENERATOR_PERCENT
        flat = self.users >= self._load.enough_users and self._flat >= MOST_FLAT
        if exhausted or flat or now_s + self._step_s > self._load.budget_s:
            return None
        return self._next_level(now_s, answers)

    def _first_level(self, now_s: float, answered: int, variation: float) -> int | None:
        """One user alone tells the service time, and with it how long the other levels have to be."""
        if answered < FEWEST_ANSWERS:
            return self.users if now_s < PATIENCE_S else None
        if answered < FIRST_ANSWERS and now_s < FIRST_ANSWERS * SHORTEST_LEVEL_S * 2:
            return self.users
        longest_s = FIRST_LEVEL_VARIES_S if variation > STEADY else FIRST_LEVEL_S
        enough = answered >= FIRST_LEVEL_ANSWERS * max(1.0, (variation / STEADY) ** 2)
        enough = enough or now_s >= longest_s - TICK_SLACK_S
        if not enough or now_s < SHORTEST_LEVEL_S - TICK_SLACK_S:
            return self.users
        varies_s = min(LEVEL_VARIES_S, math.ceil(LEVEL_VARIES_S * (variation / VARIES_MUCH) ** 2))
        self._step_s = max(SHORTEST_LEVEL_S, varies_s, math.ceil(ANSWER_TIMES_PER_LEVEL * now_s / answered))
        left = int((self._load.budget_s - now_s) / self._step_s)
        if left < FEWEST_LEVELS:
            return None
        while self._factor**left < self._load.most_users:  # too slow for every level: leave some out
            self._factor *= 2
        self._note(answered / now_s)
        return self._next_level(now_s, answered)

    def _note(self, rate_rps: float) -> None:
        grew = not self._rates_rps or rate_rps > GROWTH * max(self._rates_rps)
        self._flat = 0 if grew else self._flat + 1
        self._rates_rps.append(rate_rps)

    def _next_level(self, now_s: float, answers: int) -> int:
        self._began_s, self._answers_before = now_s, answers
        self.users = min(self.users * self._factor, self._load.most_users)
        return self.users
