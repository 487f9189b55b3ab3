"""What a curve of users says, in sentences."""

from benchmark.formatting import count, factor, latency, rate, three_digits
from benchmark.theory.curve import Curve, Knee, Met, Promise, Simulator, Take
from benchmark.theory.wording import bound_cause, several


def knee_sentence(knee: Knee | None, found: Simulator) -> str:
    """Say where more users begin to wait, and for what."""
    if knee is None:
        return "No queueing: as far as it is known, nothing is shared that users would wait for."
    users = "the first user" if knee.users <= 1 else f"about {three_digits(knee.users)} users"
    limit = f"no more than {rate(knee.most_rps)} req/s get through"
    cause = bound_cause(found.bounds()[0], found.served, found.on)
    return f"From {users} on more of them only wait longer: {limit}, limited by {cause}."


def reach_sentence(found: Curve) -> str:
    """How far a curve goes beyond what was measured; "": nothing was, or it does not."""
    most = found.points[-1].users
    if found.most_users is None:
        return "Its service time is declared, not measured: bench diagnose with --keep measures it."
    if most <= found.most_users:
        return ""
    measured = f"It was measured with up to {several(found.most_users, 'user')}"
    return f"{measured}; at {count(most)} the curve extrapolates {factor(most / found.most_users)}."


def promised(promises: tuple[Promise, ...]) -> str:
    parts = [
        f"throughput of at least {rate(one.value)} req/s"
        if one.metric == "throughput"
        else f"{one.metric} within {latency(one.value)}"
        for one in promises
    ]
    return " and ".join(parts)


def met_sentence(met: Met) -> str:
    """Say for which users promises hold."""
    what = promised(met.promises)
    if met.first is None or met.last is None:
        return f"No number of users gets {what}."
    if met.last >= met.most:
        return f"It holds from {several(met.first, 'user')} to {count(met.most)} and beyond: {what}."
    span = f"up to {several(met.last, 'user')}" if met.first == 1 else f"from {met.first} to {met.last} users"
    return f"It holds {span}: {what}."


def take_sentences(met: Met) -> list[str]:
    """What it would take for the users of the profile; nothing where it holds."""
    if met.holds:
        return []
    return [f"For {several(met.users, 'user')}: {_taken(one)}." for one in met.takes]


WHY_NOT = {
    "alone": "a lone user does not get it either",
    "connections": "nearly all users may be connected to the same worker",
    "slots": "slots remain the limit",
    "workers": "computing in the workers remains the limit",
    "cores": "the machine's cores remain the limit",
    "generator": "the load generator becomes the limit",
}


def _taken(take: Take) -> str:
    each = "" if take.what == "workers" else " in each worker"
    if take.number is not None:
        return f"{count(take.number)} {take.what}{each} instead of {count(take.now)}"
    return f"no number of {take.what}{each} does it, as {WHY_NOT[take.why_not or 'alone']}"
