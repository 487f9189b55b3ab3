"""What a self-test found that can be detected on this machine: its file, its tables, its sentence in reports."""

from collections.abc import Iterator
from pathlib import Path

from benchmark.errors import InvalidRunError, UnwritableRunError
from benchmark.formatting import NOT_AVAILABLE, figure, inert, percent, seconds, when
from benchmark.judge.noise_floor import COMPUTING, WAITING, SelfTest, Sight
from benchmark.record import Record
from benchmark.store import load, save

FILE_NAME = "selftest.json"

DELAY_VARIABLE = "BENCH_SELFTEST_DELAY_MS"  # how much longer the waiting endpoint takes (ms)
WAITING_S = 0.05


def write_selftest(found: SelfTest, reports: Path) -> Path:
    path = reports / FILE_NAME
    try:
        return save(found, path)
    except OSError as error:
        message = f"{path} cannot be written: {error.strerror or error}; what was found: --json prints it"
        raise UnwritableRunError(message) from None


def read_selftest(reports: Path) -> SelfTest | None:
    """Read the self-test of a reports directory; None when there is none. InvalidRunError says what to do."""
    path = reports / FILE_NAME
    if path.is_symlink():
        raise InvalidRunError(f"{path} is a link, which is not followed; put the file itself there")
    return load(SelfTest, path, "a self-test", "delete it, or `bench selftest --keep`") if path.exists() else None


def unreadable_selftest(reports: Path) -> list[str]:
    try:
        read_selftest(reports)
    except InvalidRunError as error:
        return [str(error).replace(f"{reports}/", "")]
    return []


SAID = ("req/s", "p50", "p95")  # metrics whose smallest visible change is said in a sentence
KINDS = {WAITING: "for an endpoint that waits", COMPUTING: "for one that computes"}


def as_markdown(found: SelfTest) -> str:
    machine = f"{inert(found.cpu.model)}, {found.cpu.count} cores, {inert(found.python)}"
    load = f"{found.workers} workers, {found.users} users, rounds of {seconds(found.round_s)}"
    parts = [
        f"{when(found.at)}, {machine}; {load}",
        "\n".join(_sights(found)),
        _wolf(found),
        visible(found),
        "\n".join(_injections(found)) if found.injections else "",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _sights(found: SelfTest) -> Iterator[str]:
    yield "| Endpoint | Metric | Level | Smallest detectable change | Judged | Outside the band | Reported |"
    yield "| :-- | :-- | --: | --: | --: | --: | --: |"
    for sight in found.sights:
        level = NOT_AVAILABLE if sight.level is None else _with_unit(sight.level, sight)
        counts = f"{sight.judged} of {sight.runs} | {sight.beyond} | {sight.announced}"
        yield f"| {inert(sight.endpoint)} | {sight.metric} | {level} | {_band(sight)} | {counts} |"


def _band(sight: Sight) -> str:
    if sight.band is None:
        return "unknown"
    width = _with_unit(sight.band, sight)
    return width if sight.band_percent is None else f"{percent(sight.band_percent)} ({width})"


def _with_unit(value: float, sight: Sight) -> str:
    return f"{figure(value)}{sight.unit[1:] if sight.unit.startswith('1/') else f' {sight.unit}'}"


def _wolf(found: SelfTest) -> str:
    counts = zip(*((sight.judged, sight.beyond, sight.announced) for sight in found.sights), strict=True)
    judged, beyond, announced = map(sum, counts)
    said = f"Nothing was changed between these runs: {beyond} of {judged} judged numbers were outside the noise band, "
    said += f"{announced} changes were reported."
    reasons = {sight.endpoint: sight.reason for sight in found.sights if sight.reason}
    left_out = (
        f" Some runs of {inert(name)} were not judged: {inert(why.rstrip('.'))}." for name, why in reasons.items()
    )
    return said + "".join(left_out)


def visible(found: SelfTest) -> str:
    """Say which changes can be detected here, for an endpoint that waits and for one that computes."""
    parts = []
    for endpoint, where in KINDS.items():
        known = [(metric, below) for metric in SAID if (below := found.visible_percent(endpoint, metric)) is not None]
        if known:
            parts.append(f"{_listed([f'{percent(below)} in {metric}' for metric, below in known])} {where}")
    if not parts:
        return "The smallest detectable change is unknown: too few runs could be judged."
    return f"Smallest detectable change in rounds of {seconds(found.round_s)}: {'; '.join(parts)}."


def _listed(items: list[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def _injections(found: SelfTest) -> Iterator[str]:
    yield f"| Delay of {WAITING} | Detected by | Only suspected by | False alarms |"
    yield "| :-- | :-- | :-- | :-- |"
    for item in found.injections:
        shown = f"{item.delay.label} ({item.delay.delay_ms:g} ms)"
        missed = f"cannot be judged: {inert(item.reason)}" if item.reason else "**not detected**"
        suspected, elsewhere = ", ".join(item.suspected_by), inert(", ".join(item.elsewhere) or "none")
        yield f"| {inert(shown)} | {', '.join(item.found_by) or missed} | {suspected} | {elsewhere} |"


def on_this_machine(record: Record, found: SelfTest | None) -> str:
    """One line for the report of a run: which changes can be detected on such a machine; "" where that is unknown.

    It is where no self-test was kept, where it was made on another CPU, or with an app that runs elsewhere.
    """
    if found is None or record.plan.target.url is not None or record.environment.cpu != found.cpu:
        return ""
    machine = f"{inert(found.cpu.model)}, {found.cpu.count} cores; self-test of {found.at[:10]}"
    parts = [
        f"{percent(below)} {where}"
        for endpoint, where in KINDS.items()
        if (below := found.visible_percent(endpoint, "req/s")) is not None
    ]
    if not parts:
        return ""
    return (
        f"On this kind of machine ({machine}, rounds of {seconds(found.round_s)}) the smallest detectable change in "
        f"req/s is {', '.join(parts)}."
    )
