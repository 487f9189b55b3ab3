"""A comparison for people: its progress, one sentence, a table in the terminal, a page of Markdown."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby

from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmark.compare.model import Comparison, Difference, Side
from benchmark.compare.statistics import promises_of
from benchmark.formatting import NOT_AVAILABLE, inert, minus, plain, unbroken, when
from benchmark.measure.progress import bar
from benchmark.report.slo import lines_of

TITLES = {"throughput_rps": "req/s", "median_ms": "p50", "p95_ms": "p95", "failure_ratio": "failures"}
HEADS = ("Endpoint", "Metric", "Change", "Verdict", "base", "head", "Interval (%)")
SIGNS = {"regressed": "🔴", "improved": "🟢", "inconclusive": "⚪", "unchanged": "🟢"}
"""Of the verdicts, in the order in which they decide about the whole."""

LEADING = frozenset({"throughput_rps", "median_ms", "failure_ratio"})
"""What "no change" must be known of. A p95 depends on the worst moments of the machine, and is often inconclusive."""

CHANGED = frozenset({"improved", "regressed"})
UNKNOWN = "inconclusive"
MOST_PACKAGES = 12

Named = Callable[[str], str]


def sentence(comparison: Comparison, named: Named = inert) -> str:
    """Say what differs. `named` makes names from outside fit for where they are shown."""
    names = list(dict.fromkeys(item.endpoint for item in comparison.differences))
    changed = [name for name in names if _of(comparison, name, CHANGED)]
    unknown = {item.endpoint for item in comparison.differences if item.verdict == UNKNOWN and item.metric in LEADING}
    untold = [name for name in names if name in unknown and name not in changed]
    same = [name for name in names if name not in {*changed, *untold}]
    parts = [f"{named(name)} {_changes(_of(comparison, name, CHANGED))}." for name in changed]
    if comparison.lost:
        many = f"{len(comparison.lost)} rounds" if len(comparison.lost) > 1 else "A round"
        parts.insert(0, f"{many} failed under load (see below); the results are from the other rounds.")
    if same:
        others = f"the other {len(same)} endpoints" if len(same) > 1 else f"the other endpoint, {named(same[0])}"
        every = f"any of {len(same)} endpoints" if len(names) > 1 else named(same[0])
        which = every if len(same) == len(names) else others
        effect = comparison.smallest_effect_percent
        parts.append(f"No change in {which} (req/s and p50 within {effect:g}%).")
    if untold:
        parts.append(f"Inconclusive for {', '.join(map(named, untold))}; run more rounds or use a quieter machine.")
    return " ".join(parts)


def _of(comparison: Comparison, endpoint: str, verdicts: frozenset[str]) -> list[Difference]:
    return [found for found in comparison.differences if found.endpoint == endpoint and found.verdict in verdicts]


def _changes(found: Sequence[Difference]) -> str:
    parts = []
    for verdict in sorted({item.verdict for item in found}, reverse=True):
        metrics = [f"{TITLES[item.metric]} {_change(item)}" for item in found if item.verdict == verdict]
        parts.append(f"{verdict}: {', '.join(metrics)}")
    return "; ".join(parts)


def _change(item: Difference) -> str:
    milliseconds = "" if item.change_ms is None else f" ({item.change_ms:+,.2f} ms)"
    return f"{_percent(item)}{minus(milliseconds)}"


def _percent(item: Difference) -> str:
    return NOT_AVAILABLE if item.change_percent is None else minus(f"{item.change_percent:+.1f}%")


def _values(item: Difference) -> list[str]:
    """What both sides scored: head as base with the change, which is from pairs; medians alone may say the opposite."""
    head = item.head
    if item.base is not None and item.change_percent is not None and item.metric != "failure_ratio":
        head = item.base * (1 + item.change_percent / 100)
    return [_value(item, value) for value in (item.base, head)]


def _value(item: Difference, value: float | None) -> str:
    if value is None:
        return NOT_AVAILABLE
    if item.metric == "failure_ratio":
        return f"{100 * value:.2f}%"
    return f"{value:,.1f}" if item.metric == "throughput_rps" else f"{value:,.2f}"


def _cells(item: Difference) -> list[str]:
    title = TITLES[item.metric] + (" (ms)" if item.metric.endswith("_ms") else "")
    interval = NOT_AVAILABLE
    if item.low_percent is not None and item.high_percent is not None:
        interval = minus(f"{item.low_percent:+.1f} to {item.high_percent:+.1f}")
    return [title, _change(item), item.verdict, *_values(item), interval]


def _shown(comparison: Comparison) -> list[Difference]:
    return [item for item in comparison.differences if item.metric != "failure_ratio" or item.base or item.head]


def print_comparison(console: Console, comparison: Comparison) -> None:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for head in HEADS[1:]:
        left = head in {"Metric", "Verdict"}
        table.add_column(head, justify="left" if left else "right", no_wrap=head != "Metric", overflow="fold")
    for name, items in groupby(_shown(comparison), key=lambda item: item.endpoint):
        table.add_row(Text(name, style="bold"))
        for item in items:
            table.add_row(*map(Text, _cells(item)))
    console.print(table)
    console.print()
    console.print(Text(sentence(comparison, str), style="bold"))
    for line in lines_of(promises_of(comparison), named=plain, place="head", strong=""):
        console.print(Text(line))
    for reason in _reasons(comparison, str):
        console.print(Text(reason))
    console.print()


def render_comparison(comparison: Comparison, log: str | None = None) -> str:
    """The result as Markdown: what changed, and the rest folded. `log`: where the workflow run is, if in one."""
    shown = _shown(comparison)
    changed = [item for item in shown if item.verdict in CHANGED]
    promises = [f"- {line}" for line in lines_of(promises_of(comparison), place="head")]
    lines = [f"{_sign(shown)} **{sentence(comparison)}**", "", *promises, *([""] if promises else [])]
    if changed:
        lines += ["| Endpoint | Metric | Change | base → head |", "| :-- | :-- | --: | --: |"]
        for item in changed:
            base, head = _values(item)
            unit = " ms" if item.metric.endswith("_ms") else ""
            change = f"{SIGNS[item.verdict]} {_percent(item)}"
            cells = (TITLES[item.metric], change, f"{base} → {head}{unit}")
            lines.append(f"| {inert(item.endpoint)} | {' | '.join(map(unbroken, cells))} |")
        lines.append("")
    reasons = [f"- {inert(reason)}" for reason in comparison.lost]
    lines += [*reasons, ""] if reasons else []
    lines += ["<details>", "<summary>All metrics, and how they were measured</summary>", ""]
    lines += [f"| {' | '.join(HEADS)} |", "| :-- | :-- | --: | :-- | --: | --: | --: |"]
    lines += [f"| {inert(item.endpoint)} | {' | '.join(_cells(item))} |" for item in shown]
    unknown = [f"- {reason}" for reason in _reasons(comparison, inert)[len(comparison.lost) :]]
    lines += ["", *unknown, ""] if unknown else [""]
    lines += [f"- base: {_side(comparison.base)}", f"- head: {_side(comparison.head)}", *_packages(comparison), ""]
    lines += [_method(comparison), "", "</details>", ""]
    return "\n".join([*lines, *([f"[Workflow run]({log})", ""] if log else [])])


def _sign(shown: Sequence[Difference]) -> str:
    verdicts = {item.verdict for item in shown if item.verdict != UNKNOWN or item.metric in LEADING}
    return next(sign for verdict, sign in SIGNS.items() if verdict in verdicts or verdict == "unchanged")


def _reasons(comparison: Comparison, named: Named) -> list[str]:
    untold = [item for item in _shown(comparison) if item.reason]
    return [
        *map(named, comparison.lost),
        *(
            f"{named(item.endpoint)}, {TITLES[item.metric]}: {item.verdict}: {named(item.reason or '')}"
            for item in untold
        ),
    ]


def _side(side: Side) -> str:
    extras = f" with {inert(', '.join(side.extra_requirements))}" if side.extra_requirements else ""
    return f"{inert(side.ref)} ({side.commit[:12]}){extras}, {inert(side.python)}"


def _packages(comparison: Comparison) -> list[str]:
    base, head = comparison.base.packages, comparison.head.packages
    names = [name for name in sorted({*base, *head}) if base.get(name) != head.get(name)]
    if not names:
        return []
    shown = [f"{name} {_went(base.get(name), head.get(name))}" for name in names[:MOST_PACKAGES]]
    more = f"; and {len(names) - MOST_PACKAGES} more" if len(names) > MOST_PACKAGES else ""
    return [f"- different packages: {'; '.join(map(inert, shown))}{more}"]


def _went(before: str | None, now: str | None) -> str:
    return f"{before} → {now}" if before and now else f"{now} added" if now else f"{before} removed"


def _method(comparison: Comparison) -> str:
    profile = comparison.plan.profile
    passes = len({turn.number for turn in comparison.turns})
    certainty, effect = 100 * (1 - comparison.error_rate), comparison.smallest_effect_percent
    return (
        f"{when(comparison.started_at)}, {inert(comparison.cpu.model)}, {comparison.cpu.count} cores, {profile.users} "
        f"users. {passes} passes over the endpoints: base and head in interleaved blocks, compared within each pass. "
        "Each pass has fresh connections, every fourth fresh servers. head is shown as base with the measured change. "
        f"Intervals have {certainty:g}% simultaneous confidence; changes below {effect:g}% are ignored. "
        "Details and limitations: docs/comparing.md."
    )


class CompareReporter:
    """Shows the rounds: a bar in a terminal, a line a round elsewhere."""

    def __init__(self, console: Console, rounds: int, first_guess_s: float, update: Callable[..., None] | None) -> None:
        self._console = console
        self._rounds = rounds
        self._round_s = first_guess_s
        self._update = update
        self._began_s: float | None = None
        self._number = 0

    def say(self, text: str, whose: str = "") -> None:
        self._console.print(Text(f"{whose}: {text}" if whose else text))

    def begin(self, number: int) -> None:
        now = time.monotonic()
        if self._began_s is not None:
            self._round_s = (now - self._began_s) / (number - 1)
        self._began_s = self._began_s or now
        self._number = number
        if number > self._rounds:
            self._rounds = number
            self.say("the machine is noisy and the intervals are still too wide: one more round")
        if self._update is not None:
            self._update(total=float(self._rounds))
        else:
            left_s = self._round_s * (self._rounds - number + 1)
            self.say(f"[{number}/{self._rounds}] about {left_s:.0f} s left")

    def watch(self, phase: str, share: float, _counts: object) -> None:
        """`share` of the round's turns is done, under load."""
        if self._update is not None:
            done = self._number - 1 + (share if phase == "loading" else 0.0)
            self._update(completed=done, description=f"[{self._number}/{self._rounds}] {phase}")


@contextmanager
def reporting(console: Console, rounds: int, first_guess_s: float) -> Iterator[CompareReporter]:
    with bar(console, rounds) as update:
        yield CompareReporter(console, rounds, first_guess_s, update)
