"""What two runs do not have in common: why they do not compare, and what may be behind a change."""

import re
from collections.abc import Iterator, Mapping

from benchmark.environment import Environment

LONGEST = 80
LONGEST_LINE = 200
ABSENT = {"repository": "this one"}
"""How what a series does not name is called, where it is not "none"."""

_REFERENCE = {
    ("relative", "machine"): "the reference workload was not measured, as it was in the last run",
    ("machine", "relative"): "the reference workload was measured, as it was not in the last run",
}
_DECORATION = re.compile(r"\((?:R|TM)\)|\bCPU\b|\b\d+-Core\b|\bProcessor\b|@.*$")


def short_cpu(model: str) -> str:
    """Leave out of a processor's name what tells no two apart: "AMD EPYC 7763 64-Core Processor" is "AMD EPYC 7763"."""
    return " ".join(_DECORATION.sub(" ", model).split()) or model


def why_apart(before: Mapping[str, str], now: Mapping[str, str]) -> str | None:
    """Say in one sentence why a run does not belong to the series of the last one; None when it does.

    Both are what the runs of a series have in common (`Series.common`).
    """
    names = [
        name for name in (*now, *(name for name in before if name not in now)) if before.get(name) != now.get(name)
    ]
    forms = (before.get("form"), now.get("form"))
    if forms in _REFERENCE:
        names = [name for name in names if name in before and name in now and name != "form"]
        return f"{_REFERENCE[forms]}{f'; different {_listed(names, before, now)}' if names else ''}"
    return f"different {_listed(names, before, now)}" if names else None


def _listed(names: list[str], before: Mapping[str, str], now: Mapping[str, str]) -> str:
    values = "; ".join(_was(*(one.get(name, ABSENT.get(name, "none")) for one in (now, before))) for name in names)
    return f"{' and '.join(names)} than the last run: {values}"


def _was(now: str, before: str) -> str:
    """Write "AMD EPYC 9V74, was 7763": words that both begin with are said once."""
    new, old = now.split(), before.split()
    same = 0
    while same < min(len(new), len(old)) - 1 and new[same] == old[same]:
        same += 1
    return f"{_cut(now)}, was {_cut(' '.join(old[same:]))}"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


def what_changed(before: Environment, now: Environment) -> str:
    """Name in one line what is different about the machine and the software of two runs.

    It lists what was recorded, not what is to blame. What does not fit is counted; commits come first, so they fit.
    """
    changes = [*_commits(before, now), *_machine(before, now), *_software(before, now)]
    if not changes:
        return "nothing that is recorded"
    fitting = len(changes)
    while fitting > 1 and len(_line(changes, fitting)) > LONGEST_LINE:
        fitting -= 1
    return _line(changes, fitting)


def _line(changes: list[str], fitting: int) -> str:
    more = len(changes) - fitting
    return "; ".join([*changes[:fitting], *([f"{more} more"] if more else [])])


def _machine(before: Environment, now: Environment) -> Iterator[str]:
    pairs = {
        "CPU": (short_cpu(before.cpu.model), short_cpu(now.cpu.model)),
        "cores": (str(before.cpu.count), str(now.cpu.count)),
        "image": (before.os_image, now.os_image),
        "kernel": (before.kernel, now.kernel),
        "Python": (before.python, now.python),
    }
    for name, (old, new) in pairs.items():
        if old != new:
            yield f"{name} {_was(new, old)}"


def _software(before: Environment, now: Environment) -> Iterator[str]:
    names = sorted(
        name for name in {*before.packages, *now.packages} if before.packages.get(name) != now.packages.get(name)
    )
    for name in names:
        old, new = before.packages.get(name), now.packages.get(name)
        yield f"{name} {new or 'removed'}, " + (f"was {old}" if old else "was not there")
    if not names and before.requirements_sha256 != now.requirements_sha256:
        yield "other requirements"


def _commits(before: Environment, now: Environment) -> Iterator[str]:
    if before.commit != now.commit:
        yield f"commits {_commit(before)}..{_commit(now)}"
    elif before.commit_dirty or now.commit_dirty:
        yield f"commit {_commit(now)}, with changes that are not committed"


def _commit(environment: Environment) -> str:
    name = environment.commit[:12] if environment.commit else "unknown"
    return f"{name} (changed)" if environment.commit_dirty else name
