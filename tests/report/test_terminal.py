"""What the terminal shows: text broken at words only, the answer right below the table, findings told once."""

import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from benchmark.config import make_plans, read_config
from benchmark.formatting import say
from benchmark.plan import Endpoint
from benchmark.record import Finding, Record
from benchmark.report.terminal import print_predictions, print_results
from benchmark.theory.ask import answer, ask, simulations
from benchmark.theory.processors import Machine
from tests.support.records import some_plan, some_record, some_result, some_round

WIDTHS = pytest.mark.parametrize("width", [80, 100, 120])
WIDE = 10_000


def busy(cpu_percent: int, cores: float) -> Finding:
    message = f"CPU was {cpu_percent}% busy, mostly with other programs ({cores} cores)."
    return Finding(kind="machine-cpu", severity="warning", message=message, remedy="Run again on an idle machine.")


def noisy_record() -> Record:
    late = Finding(kind="late", severity="error", message="The load generator was 12 ms late.", remedy="Fewer users.")
    pooled = some_result("pooled", some_round(warnings=(busy(95, 1.8),)))
    awaiting = some_result("awaiting", some_round(warnings=(busy(100, 1.9), late)))
    return some_record(endpoints=(pooled, awaiting))


def printed(width: int, record: Record) -> str:
    console = Console(width=width, file=io.StringIO())
    with console.capture() as capture:
        print_results(console, record)
    return capture.get()


def predicted(width: int, repository: Path) -> str:
    asked = ask({"open_rate": None})
    todo = simulations(asked, make_plans(read_config(repository / "benchmark.toml"), "quick", {"users": ("500",)}))
    console = Console(width=width, file=io.StringIO())
    with console.capture() as capture:
        print_predictions(console, [answer(asked, *one, Machine(cores=4)) for one in todo])
    return capture.get()


def broken_at_words(text: str, whole: str, width: int) -> None:
    assert max(map(len, text.splitlines())) <= width
    assert set(text.split()) <= set(whole.split()), "a word was broken"


@WIDTHS
def test_results_and_predictions_fit_the_terminal_and_break_no_word(repository: Path, width: int) -> None:
    broken_at_words(printed(width, noisy_record()), printed(WIDE, noisy_record()), width)
    broken_at_words(predicted(width, repository), predicted(WIDE, repository), width)


def test_a_narrow_table_leaves_columns_out_and_a_wide_one_shows_all() -> None:
    heads = {width: printed(width, some_record()).splitlines()[2].split() for width in (40, 80, WIDE)}
    assert heads[WIDE] == ["Endpoint", "req/s", "p50", "p95", "p99", "failed", "max", "mean", "min", "requests"]
    for width in (40, 80):
        assert heads[width] == heads[WIDE][: len(heads[width])]
    assert heads[40][:2] == ["Endpoint", "req/s"]
    assert "failed" in heads[80]


def test_the_picture_of_the_terminal_is_complete_in_itself(repository: Path) -> None:
    picture = (repository / "docs" / "pictures" / "terminal.svg").read_text()
    assert "bench" in picture
    assert not re.findall(r"url\((?!#)|@font-face|<script|href=", picture)


def test_the_headline_stands_right_below_the_table_and_before_what_limits_it() -> None:
    title, table, headline, caveats = re.split(r"\n\n", printed(80, noisy_record()).strip())
    assert title.startswith("quick: 10 users")
    assert table.startswith("Endpoint")
    assert "warning" not in headline
    assert caveats.startswith("error: awaiting: The load generator was 12 ms late.")


def test_findings_that_say_the_same_are_told_once_with_the_range_of_their_numbers() -> None:
    assert printed(WIDE, noisy_record()).count("warning: ") == 1
    once = "warning: pooled, awaiting: CPU was 95 to 100% busy, mostly with other programs (1.8 to 1.9 cores)."
    assert once in printed(WIDE, noisy_record())


def test_many_endpoints_are_counted_instead_of_named() -> None:
    results = tuple(some_result(name, some_round(warnings=(busy(95, 1.8),))) for name in "abcd")
    declared = tuple(Endpoint(name=result.name, path="/") for result in results)
    plan = some_plan().model_copy(update={"endpoints": declared})
    assert "warning: 4 endpoints: CPU was" in printed(WIDE, some_record(plan=plan, endpoints=results))


class Terminal(io.StringIO):
    """What a person looks at."""

    def isatty(self) -> bool:
        return True


def test_lines_are_broken_at_words_in_a_terminal_and_never_in_a_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    line = "  do: push your branch once, then publish to /a/path/that/is/longer/than/thirty/columns again"
    terminal, log = Terminal(), io.StringIO()
    say(line, terminal)
    say(line, log)
    assert log.getvalue() == f"{line}\n"
    shown = terminal.getvalue().splitlines()
    assert " ".join(part.strip() for part in shown) == line.strip()
    assert all(part.startswith("  ") for part in shown)
    assert all(len(part) <= 30 for part in shown if "/a/path" not in part)
