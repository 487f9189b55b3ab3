"""Whether users lost time inside the load generator that is not its known cost: Little's law as an alarm.

A user waits for a response, thinks, and sends again. With N users and X requests per second such a cycle lasts N / X on
average (Little 1961, L = lambda W), so what is neither response nor think time is a pause between two requests:

    pause = (1 - accounted) N / X        accounted: the part of the users' time that they waited or thought

A pause alone proves nothing: to take a response and to send the next request costs the generator processor time, C for
each request, which is measured. After a response of half a millisecond 40 us of it are 7 % of a user's time. When the
generator is busy a part u of the time, that cost queues behind other users' as in any queue of one server (M/M/1;
Lazowska et al. 1984, chapter 3):

    allowed = C / (1 - u)                u: capped at 0.9, as a saturated generator would explain any pause

That much belongs to the cycle: no latency lacks it, the users just send a little less often. What is beyond it is a
response that lay there unread, and hid from the latency. So users lost a part

    lost = (pause - allowed) X / N = (1 - accounted) (1 - allowed / pause)

of their time. 3 % are let pass. Where the cost is not known, as in older records, nothing is allowed.
"""

from benchmark.plan import Profile
from benchmark.record import Round

MOST_LOST_RATIO = 0.03
MOST_UTILISATION = 0.9

GENERATOR_CPU_PERCENT = 85.0
MOST_LATE_RATIO = 0.05
LEAST_LATE_MS = 10.0
"""A generator is late, too, when responses lie unread inside a latency. Up to so many ms, or where it is not saturated,
it may be the machine, which gives each process some ms at a time: that is noise.
"""


def allowed_ms(cpu_us_per_request: float, utilisation: float) -> float:
    """How long a pause may be for what a request costs the generator, busy this part (0 to 1) of the time."""
    return cpu_us_per_request / 1000 / (1 - min(max(utilisation, 0.0), MOST_UTILISATION))


def lost_ratio(accounted: float, pause_ms: float | None, most_ms: float | None) -> float:
    """The part of the users' time that was lost beyond a pause of `most_ms`; None: not known."""
    if pause_ms is None or most_ms is None:
        return 1 - accounted
    return (1 - accounted) * (1 - most_ms / pause_ms) if pause_ms > most_ms else 0.0


def allowed_in_round_ms(measured: Round, profile: Profile) -> float | None:
    used = measured.resources
    if used.generator_cpu_us_per_request is None:
        return None
    processes = profile.load_workers or profile.processes or 1
    busy = (used.generator_cpu_mean_percent or 0.0) / 100 / processes
    return allowed_ms(used.generator_cpu_us_per_request, busy)


def lost_in_round(measured: Round, profile: Profile) -> float | None:
    """The part of the users' time that was lost in a round; None where users need not wait, or it is not known."""
    if measured.users_waiting_ratio is None:
        return None
    return lost_ratio(measured.users_waiting_ratio, measured.pause_ms, allowed_in_round_ms(measured, profile))


def late_ratio(measured: Round) -> float:
    """The part of the mean latency in which responses lay unread, as the generator was busy with others; 0: little."""
    used = measured.resources
    late_ms, busy_percent = used.generator_lag_mean_ms or 0.0, used.generator_cpu_p90_percent or 0.0
    is_its_own = busy_percent > GENERATOR_CPU_PERCENT and late_ms > LEAST_LATE_MS
    return late_ms / measured.avg_ms if measured.avg_ms and is_its_own else 0.0


def held_up(measured: Round, profile: Profile) -> bool:
    return is_too_much(lost_in_round(measured, profile) or 0.0)


def is_late(measured: Round) -> bool:
    """Whether the load generator itself is more of the latencies than chance would be."""
    return late_ratio(measured) > MOST_LATE_RATIO


def is_too_much(lost: float) -> bool:
    """Whether so much was lost that latencies are not those of the server. 1 - 0.97 is a little more than 0.03."""
    return round(lost, 6) > MOST_LOST_RATIO
