"""The answer of a search for capacity for people: the steps as a table with a chart, then a sentence."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmark.capacity.model import Capacity, Step
from benchmark.formatting import ms, rate

WIDEST = 24
"""Letters of the longest bar; the promise stands at HALF of them, so that a broken one is seen to be longer."""

HALF = WIDEST // 2


def print_capacity(console: Console, found: Capacity) -> None:
    """Print the steps, smallest load first, and what they mean."""
    letter, line = ("█", "│") if console.encoding.startswith("utf") else ("#", "|")
    table = Table(box=None, padding=(0, 2, 0, 0))
    load = "users" if found.promise.by == "users" else "due/s"
    for name in (load, "req/s", "p95 (ms)", "predicted", "failed (%)"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column(f"p95 ({line} promised)", no_wrap=True)
    table.add_column("", no_wrap=True)
    for step in sorted(found.steps, key=lambda step: step.size):
        table.add_row(*cells(step), bar(step, 1000 * found.promise.p95_below_s, letter, line), verdict(step))
    console.print(table)
    console.print(Text(sentence(found)), soft_wrap=True)


def cells(step: Step) -> list[str]:
    """The numbers of one step."""
    expected = "" if step.predicted_p95_ms is None else ms(step.predicted_p95_ms)
    return [str(step.size), rate(step.throughput_rps), ms(step.p95_ms), expected, f"{step.failures_percent:.2g}"]


def bar(step: Step, most_ms: float, letter: str, line: str) -> str:
    """The p95 as a bar, with a line where the promise is."""
    length = 0 if step.p95_ms is None else min(WIDEST, round(HALF * step.p95_ms / most_ms))
    drawn = list(letter * length + " " * (WIDEST - length))
    drawn[HALF] = line
    return "".join(drawn).rstrip()


def verdict(step: Step) -> str:
    """Whether the promise was kept."""
    return "generator was the limit" if step.limited else step.broken or "kept"


def sentence(found: Capacity) -> str:
    """The answer, how sure it is, and what theory says."""
    promise = found.promise
    asked = f"p95 below {ms(1000 * promise.p95_below_s)} ms, at most {promise.failures_below_percent:g} % failed"
    gives = "" if found.throughput_rps is None else f" ({rate(found.throughput_rps)} req/s)"
    theory = "" if found.predicted_size is None else f" Theory expects {found.predicted_size}."
    return f"{_answer(found)}{gives}. Promised: {asked}.{theory}"


def _answer(found: Capacity) -> str:
    last, by = found.steps[-1], found.promise.by
    if found.ended == "generator":
        limited = f"At {_load(last.size, by)} the load generator was the limit: {last.limited}"
        return f"{limited} Kept up to {_load(found.size, by)}"
    if found.size == 0:
        return f"Not even {_load(1, by)} gets what is promised"
    gets = f"{_load(found.size, by)} {'gets' if found.size == 1 else 'get'} what is promised"
    if found.breaks_at is None:
        return f"{gets}; more were not tried (--most{'-users' if by == 'users' else '-rate'})"
    return f"{gets}, {found.breaks_at} do not"


def _load(size: int, by: str) -> str:
    if by == "rate":
        return "1 request per second" if size == 1 else f"{size} requests per second"
    return "1 user" if size == 1 else f"{size} users"
