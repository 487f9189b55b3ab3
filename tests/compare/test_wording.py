"""What a comparison says to people: a sentence that is true, and a page that nobody from outside can write on."""

import re

import pytest
from rich.console import Console

from benchmark.compare.compare import refuse_regressions
from benchmark.compare.model import Comparison, SideName
from benchmark.compare.wording import print_comparison, render_comparison, sentence
from benchmark.errors import BenchmarkError
from benchmark.slo import Evidence, Promise
from benchmark.store import to_json
from tests.compare.comparisons import Latency, make_comparison, make_turns

HOSTILE = "evil](http://x) <img src=x> | @everyone `#1`"


def slower(factor: float, whose: str = "beta") -> Latency:
    """Head of one endpoint takes `factor` times as long, all else 50 ms."""

    def latency_ms(name: str, side: SideName, _number: int, _position: int) -> float:
        return 50 * factor if (name, side) == (whose, "head") else 50.0

    return latency_ms


def noisy(name: str, side: SideName, number: int, _position: int) -> float:
    """Alpha jumps about."""
    return 50 * (1 + 0.9 * (number % 3)) if (name, side) == ("alpha", "head") else 50.0


@pytest.mark.parametrize(
    ("latency_ms", "said"),
    [
        pytest.param(slower(1), "No change in any of 2 endpoints (req/s and p50 within 5%).", id="same"),
        pytest.param(
            slower(1.1),
            "beta regressed: req/s −9.1%, p50 +10.0% (+5.00 ms), p95 +10.0% (+5.00 ms). "
            "No change in the other endpoint, alpha (req/s and p50 within 5%).",
            id="slower",
        ),
        pytest.param(
            slower(0.9),
            "beta improved: req/s +11.1%, p50 −10.0% (−5.00 ms), p95 −10.0% (−5.00 ms). "
            "No change in the other endpoint, alpha (req/s and p50 within 5%).",
            id="faster",
        ),
        pytest.param(
            noisy,
            "No change in the other endpoint, beta (req/s and p50 within 5%). Inconclusive for alpha; run more rounds "
            "or use a quieter machine.",
            id="noisy",
        ),
    ],
)
def test_the_sentence_says_what_differs_and_what_can_not_be_told(latency_ms: Latency, said: str) -> None:
    assert sentence(make_comparison(make_turns(latency_ms))) == said


def test_the_page_names_both_sides_what_they_were_made_of_and_how_it_was_measured() -> None:
    page = render_comparison(make_comparison(make_turns(slower(1.1))))
    assert page.startswith("🔴 **beta regressed: req/s −9.1%")
    assert "| beta | p50 (ms) | +10.0% (+5.00 ms) | regressed | 50.00 | 55.00 | +10.0 to +10.0 |" in page
    assert "- base: main (aaaaaaaaaaaa), CPython 3.13.1" in page
    assert "- different packages: fastapi 1.0 → 2.0" in page
    assert "16 passes" in page
    assert "failures" not in page  # there were none


@pytest.mark.parametrize("latency_ms", [noisy, slower(1.1)], ids=["noisy", "slower"])
def test_base_head_and_change_never_contradict_each_other(latency_ms: Latency) -> None:
    """Medians of turns may: the change is told from pairs of them."""
    rows = re.findall(
        r"\| ([+−][0-9.]+)%[^|]* \| \w+ \| ([0-9.]+) \| ([0-9.]+) \|",
        render_comparison(make_comparison(make_turns(latency_ms))),
    )
    assert len(rows) == 6
    for change, base, head in rows:
        assert float(head) / float(base) == pytest.approx(1 + float(change.replace("−", "-")) / 100, abs=0.002)


def test_what_changed_comes_first_and_the_rest_is_folded_with_the_log_below() -> None:
    url = "https://github.com/a/b/actions/runs/7"
    page = render_comparison(make_comparison(make_turns(slower(1.1))), url)
    shown, folded = page.split("<details>\n")
    assert "| beta | p50 | 🔴 +10.0% | 50.00 → 55.00 ms |" in shown.replace("\u00a0", " ")
    assert "alpha |" not in shown
    assert "| alpha | p50 (ms) |" in folded
    assert page.endswith(f"</details>\n\n[Workflow run]({url})\n")
    same = render_comparison(make_comparison(make_turns(slower(1))))
    assert same.startswith("🟢 **No change in any of 2 endpoints")
    assert "|" not in same.split("<details>")[0]


def test_failures_are_shown_where_there_were_any() -> None:
    turns = [turn.model_copy(update={"failures": 10}) for turn in make_turns(slower(1))]
    page = render_comparison(make_comparison(turns))
    assert "| alpha | failures | +0.0% | unchanged | 10.00% | 10.00% | +0.0 to +0.0 |" in page
    assert "fix the failures first" in page


def test_rounds_that_broke_come_first_and_nothing_is_said_to_be_the_same_without_them() -> None:
    why = "round 2 is lost: head: the server ended in the middle of the load (exit code 139)"
    broke = make_comparison(make_turns(slower(1)), lost=(why,))
    assert sentence(broke).startswith(
        "A round failed under load (see below); the results are from the other rounds. No change"
    )
    assert f"- {why}" in render_comparison(broke)
    with pytest.raises(BenchmarkError, match="A round failed under load"):
        refuse_regressions(broke, gate=True)
    refuse_regressions(broke, gate=False)


def hostile() -> Comparison:
    """A comparison in which every text from outside is an attack."""
    made = make_comparison(make_turns(slower(1.1, HOSTILE), endpoints=("alpha", HOSTILE)), endpoints=("alpha", HOSTILE))
    side = made.head.model_copy(update={"ref": HOSTILE, "python": HOSTILE, "packages": {HOSTILE: HOSTILE}})
    cpu = made.cpu.model_copy(update={"model": HOSTILE})
    differences = tuple(item.model_copy(update={"reason": HOSTILE}) for item in made.differences)
    return made.model_copy(
        update={"head": side, "base": side, "cpu": cpu, "differences": differences, "lost": (HOSTILE,)}
    )


def test_nothing_from_outside_becomes_markdown() -> None:
    page = re.sub("</?(details|summary)>", "", render_comparison(hostile()))
    for attack in (r"(?<!\\)\](?=\()", r"(?<!\\)<(?!!-- -->)", r"@\w", r"(?<!\\)`"):
        assert not re.search(attack, page)
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in rows} == {5, 8}


def test_the_table_fits_into_80_columns_and_shows_names_as_they_are() -> None:
    console = Console(width=80, record=True, file=None, quiet=False)
    with console.capture() as printed:
        print_comparison(console, hostile())
    table = printed.get().split("unchanged: ")[0]
    assert max(len(line) for line in table.splitlines()[:6]) <= 80
    assert "[bold]" not in printed.get()


def test_what_is_promised_of_head_comes_next_with_the_reason_where_it_cannot_tell() -> None:
    quiet = make_comparison(make_turns(slower(1)))
    promises = (
        Promise(endpoint="alpha", metric="p95", limit=10),
        Promise(endpoint="alpha", metric="failures", limit=1),
    )
    slow = Evidence(metric="p95", value=52, low=51, high=53, responses=2000, independent=1500)
    none = Evidence(metric="failures", value=0, low=0, high=0.2, responses=2000, independent=2000)
    plan = quiet.plan.model_copy(update={"slo": promises})
    found = quiet.model_copy(update={"plan": plan, "promised": {"alpha": (slow, none)}})
    line = render_comparison(found).splitlines()[2]
    assert line == "- 🔴 **alpha** (head) broken: p95 52.0 ms (51.0 to 53.0 ms), promised 10 ms; kept: failures"
    lost = found.model_copy(update={"lost": ("round 2 is lost: the app ended",)})
    line = render_comparison(lost).splitlines()[2]
    assert line == "- ⚪ **alpha** (head) cannot tell: p95, failures, as the run is invalid (round 2 is lost)"
    assert "slo" not in to_json(quiet)
    assert "promised" not in to_json(quiet)


def test_a_promise_that_base_keeps_and_head_breaks_gates_and_no_other_does() -> None:
    quiet = make_comparison(make_turns(slower(1)))
    promise = Promise(endpoint="alpha", metric="p95", limit=60)
    quiet = quiet.model_copy(update={"plan": quiet.plan.model_copy(update={"slo": (promise,)})})

    def p95(value: float) -> dict[str, tuple[Evidence, ...]]:
        found = Evidence(metric="p95", value=value, low=value - 1, high=value + 1, responses=2000, independent=1500)
        return {"alpha": (found,)}

    for before, now in ((70, 80), (60, 80), (50, 60), (50, 50), (80, 50)):  # 60: nobody can tell
        fine = quiet.model_copy(update={"promised_before": p95(before), "promised": p95(now)})
        refuse_regressions(fine, gate=True)
    broken = quiet.model_copy(update={"promised_before": p95(50), "promised": p95(70)})
    refuse_regressions(broken, gate=False)
    with pytest.raises(BenchmarkError, match="broken promises, which main keeps: alpha: p95"):
        refuse_regressions(broken, gate=True)
